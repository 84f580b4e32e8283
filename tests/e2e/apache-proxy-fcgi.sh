#!/usr/bin/env bash
# Apache's mod_proxy_fcgi in front of tinyscale.fcgi on a unix socket.
. "$(dirname "$0")/lib.sh"
begin apache-proxy-fcgi 8
. "$E2E/web.sh"
need_apache proxy proxy_fcgi
start_sandbox 3
write_config "$T/servers.json"
install_program "$FCGI_PROGRAM"
FCGI_PROGRAM=$T/bin/tinyscale.fcgi
example "$TOP/apache-example.conf" \
	's|^Define TINYSCALE_FCGID|Define TINYSCALE_PROXY|' \
	"s|/run/tinyscale/tinyscale.sock|$T/socket/gateway.sock|" \
	"s|/var/log/apache2/|$LOGS/|" >"$T/example.conf" || finish
write_apache_config "proxy proxy_fcgi" "$T/example.conf"
# Both are run by the same user, so that one may open the other's socket.
mkdir "$T/socket"
own "$T/socket"
RUN_AS=("${AS_NOBODY[@]}")
start_gateway gateway "unix:$T/socket/gateway.sock"
start_apache

RESTART() {
	stop gateway
	delete_state
	start_gateway gateway "unix:$T/socket/gateway.sock"
}

. "$E2E/body.sh"

finish
