#!/usr/bin/env bash
# Apache's mod_fcgid, which starts tinyscale.fcgi.
. "$(dirname "$0")/lib.sh"
begin apache-fcgid 7
. "$E2E/web.sh"
need_apache fcgid
start_sandbox 3
write_config "$T/servers.json"
install_program "$FCGI_PROGRAM"
example "$TOP/apache-example.conf" \
	"s|/usr/lib/cgi-bin/|$T/bin/|" \
	"s|/etc/tinyscale/servers.json|$T/servers.json|" \
	"s|/var/log/apache2/|$LOGS/|" \
	's|TINYSCALE_LOG info|TINYSCALE_LOG debug|' >"$T/example.conf" || finish
write_apache_config fcgid "$T/example.conf"
echo "FcgidIPCDir $T/apache" >>"$T/apache.conf"
echo "FcgidProcessTableFile $T/apache/table" >>"$T/apache.conf"
start_apache

RESTART() {
	stop apache
	delete_state
	start_apache
}

. "$E2E/body.sh"

filter_reads "$LOGS/apache-error.log" "fail2ban finds each checksum failure in the log"

finish
