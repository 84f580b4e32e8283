#!/usr/bin/env bash
# nginx in front of tinyscale.fcgi started by spawn-fcgi: two processes that share
# one socket on descriptor 0.
. "$(dirname "$0")/lib.sh"
begin nginx-spawn 4
need nginx spawn-fcgi
need_built "$FCGI_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"

spawn_gateways() {
	spawn_fcgi 2 "$T/gateway.sock" || {
		fail "spawn-fcgi starts the gateway" "$(cat "$T/spawn")"
		finish
	}
	must_wait_until "the gateway answers" fcgi_probe "unix:$T/gateway.sock"
}
spawn_gateways
start_nginx "$T/gateway.sock"

RESTART() {
	stop spawned-1
	stop spawned-2
	delete_state
	spawn_gateways
}

. "$E2E/body.sh"

finish
