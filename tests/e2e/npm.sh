#!/usr/bin/env bash
# Two real client libraries from the npm registry, against the gateway behind
# nginx.
. "$(dirname "$0")/lib.sh"
begin npm 19
need nginx node npm
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"

. "$E2E/modules.sh"
if ! install_modules; then
	diag "$(tail -n 5 "$T/npm")"
	skip_all "npm cannot install the client libraries"
fi

. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"
start_gateway gateway "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

cp "$E2E/npm/clients.js" "$MODULES/"
timeout 300 node --no-deprecation "$MODULES/clients.js" "$HTTP_BASE/bigbluebutton" "$SECRET" "$MODERATOR_PW" "$ATTENDEE_PW" \
	>"$T/clients" 2>"$T/errors"
status=$?
while read -r word name; do
	[ "$word" = pass ]
	ok $? "$name"
done <"$T/clients"
is "$status" 0 "the clients run to their end" || diag "$(cat "$T/errors")"

finish
