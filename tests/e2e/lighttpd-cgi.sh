#!/usr/bin/env bash
# lighttpd's mod_cgi.
. "$(dirname "$0")/lib.sh"
begin lighttpd-cgi 6
need lighttpd
need_built "$CGI_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"
install_program "$CGI_PROGRAM"
example "$TOP/contrib/lighttpd-cgi-example.conf" \
	"s|/usr/lib/cgi-bin/|$T/bin/|" \
	"s|/etc/tinyscale/servers.json|$T/servers.json|" \
	"s|/var/log/lighttpd/tinyscale.log|$LOGS/gateway.log|" \
	's|"TINYSCALE_LOG"    => "info"|"TINYSCALE_LOG" => "debug"|' >"$T/example.conf" || finish
check_lighttpd_example "$T/example.conf"
write_lighttpd_config "$T/example.conf"
start_lighttpd

RESTART() { delete_state; }

. "$E2E/body.sh"

poll_is_told "$LOGS/gateway.log"
filter_reads "$LOGS/gateway.log" "fail2ban finds each checksum failure in the log"

finish
