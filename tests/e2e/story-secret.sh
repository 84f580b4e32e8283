#!/usr/bin/env bash
# A server's secret is changed while the gateway knows the old and the new one; and
# parameters that one server needs go to that one.
. "$(dirname "$0")/lib.sh"
begin story-secret 28
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 2
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# configure SECRETS: server 1 has these, a list, and parameters of its own.
configure() {
	cat >"$T/servers.json" <<-END
		{"secret": "$SECRET", "state": "$T/state/state.db", "poll_interval_ms": 300,
		 "create_overrides": {"logo": null},
		 "servers": [
		  {"host": "$(server_url 1)", "secrets": $1, "name": "server-1",
		   "create_overrides": {"duration": 77}, "join_defaults": {"userdata-one": 1}},
		  {"host": "$(server_url 2)", "secret": "$(server_secret 2)", "name": "server-2"}]}
	END
}
# In the log, how often? What one process writes is there before the next poll.
count() { grep -cF -e "$1" "$LOGS/gateway.log"; }
has() { [ "$(count "$1")" -gt 0 ]; }
# follow: what the browser meets that goes where the join's answer sends it.
follow() {
	curl -gsS --max-time 20 -o "$T/followed" -w '%{http_code} %{redirect_url}' "$(HEADER Location)"
}

# The gateway's first secret of server 1 is no longer, or not yet, the server's.
configure "[\"other-xyzzy\", \"$(server_secret 1)\"]"
start_gateway gateway "$FCGI_ADDRESS"
wait_until has 'server takes another of its secrets now server=server-1 secret="2 of 2"'
ok $? "a poll finds out which secret works"
create one
first=$(servers_of one)
create two
is "$(result) $first $(servers_of two)" "SUCCESS 1 2" "both servers get meetings"
join one
like "$(HEADER Location)" "$(server_url 1)/join\?*userdata-one=1*" "a join has server 1's parameters"
like "$(follow)" "302 *sessionToken=*" "and server 1 takes it"
join two
like "$(HEADER Location)" "$(server_url 2)/join\?*" "a join of the other meeting goes to server 2"
is "$(HEADER Location | grep -c userdata-one)" 0 "without them"
is "$(calls 1 create | grep -c 'duration=77') $(calls 2 create | grep -c 'duration=77')" "1 0" \
	"a create has its server's parameters"
# Three polls later.
polls() { control "/calls?server=1&call=getMeetings&count=1"; }
has_polled() { [ "$(polls)" -ge "$1" ]; }
wait_until has_polled $(($(polls) + 3))
ok $? "polls go on"
is "$(count 'server takes another of its secrets')" 1 "one line in the log"
is "$(count 'server-1 is')$(count 'refuses our checksum')" 00 "and nothing of a failure"

# The third secret, met by a client's call as well as by a poll; a form beside the query.
stop gateway
delete_state
configure "[\"other-xyzzy\", \"another-xyzzy\", \"$(server_secret 1)\"]"
printf 'logo=x&record=false' >"$T/form"
start_gateway gateway "$FCGI_ADDRESS"
POST "$(url create "meetingID=one&name=one&$PASSWORDS")" application/x-www-form-urlencoded "$T/form"
is "$(result)" "SUCCESS duplicateWarning" "a create by POST finds its meeting on server 1 at once"
is "$(calls 1 create | tail -n 1 | awk '{ print $1, $5 }')" "POST 12" \
	"what the configuration removes is not in its body"

# No secret is right.
stop gateway
configure '["other-xyzzy", "another-xyzzy"]'
start_gateway gateway "$FCGI_ADDRESS"
wait_until has 'server refuses our checksum: check its secret and checksum_algorithm in the configuration server=server-1'
ok $? "all refused: the log says so"
call getMeetingInfo meetingID=one
isnt "$(xml messageKey)" checksumError "all refused: the client does not hear checksumError"
is "$(grep -cE 'other-xyzzy|another-xyzzy' "$LOGS/gateway.log")" 0 "no secret is in the log"

finish
