#!/usr/bin/env bash
# nginx in front of tinyscale.fcgi, which opens its socket itself.
. "$(dirname "$0")/lib.sh"
begin nginx 3
need nginx
need_built "$FCGI_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"
start_gateway gateway "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

RESTART() {
	stop gateway
	delete_state
	start_gateway gateway "unix:$T/gateway.sock"
}

. "$E2E/body.sh"

finish
