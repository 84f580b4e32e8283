#!/usr/bin/env bash
# lighttpd's mod_fastcgi, which starts tinyscale.fcgi.
. "$(dirname "$0")/lib.sh"
begin lighttpd-fcgi 5
need lighttpd
need_built "$FCGI_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"
install_program "$FCGI_PROGRAM"
example "$TOP/contrib/lighttpd-example.conf" \
	"s|/usr/lib/cgi-bin/|$T/bin/|" \
	"s|/run/lighttpd/|$T/|" \
	"s|/etc/tinyscale/servers.json|$T/servers.json|" \
	"s|/var/log/lighttpd/tinyscale.log|$LOGS/gateway.log|" \
	's|"TINYSCALE_LOG"    => "info"|"TINYSCALE_LOG" => "debug"|' >"$T/example.conf" || finish
check_lighttpd_example "$T/example.conf"
write_lighttpd_config "$T/example.conf"
start_lighttpd

RESTART() {
	stop lighttpd
	delete_state
	start_lighttpd
}

. "$E2E/body.sh"

filter_reads "$LOGS/gateway.log" "fail2ban finds each checksum failure in the log"

finish
