#!/usr/bin/env bash
# The bare FastCGI program, on a unix socket and on a TCP port.
. "$(dirname "$0")/lib.sh"
begin fcgi 2
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS"

REQUEST() { fcgi_request "$@"; }
POST_GET() {
	local META post get
	LAST_REQUEST="POST $1 and then GET $4"
	meta_variables POST "$1" "$2" "$(stat -Lc %s "$3")"
	post=("${META[@]}")
	meta_variables GET "$4"
	get=("${META[@]}")
	"$FCGI_CLIENT" --keep --timeout 90 --body "$3" --out "$T/first-answer" \
		"$FCGI_ADDRESS" "${post[@]}" \
		--next --out "$T/answer" "${get[@]}" 2>"$T/client-errors" ||
		diag "$(cat "$T/client-errors")"
	take_cgi_answer "$T/first-answer" "$T/first-"
	take_cgi_answer "$T/answer" "$T/"
}
RESTART() {
	stop gateway
	delete_state
	start_gateway gateway "$FCGI_ADDRESS"
}

. "$E2E/body.sh"

stop gateway
FCGI_ADDRESS=tcp:127.0.0.1:$((PORT0 + 1))
start_gateway gateway "$FCGI_ADDRESS"
call getMeetings
is "$(xml returncode)" SUCCESS "the same on a TCP port"

finish
