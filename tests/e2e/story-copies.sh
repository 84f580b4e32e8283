#!/usr/bin/env bash
# A server is taken for down, its meeting is created anew elsewhere, and it comes back
# with its people still in the old room: the room with fewer people is ended, whichever
# it is, and everybody meets in the other.
. "$(dirname "$0")/lib.sh"
begin story-copies 30
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 2
write_config "$T/servers.json" '"poll_interval_ms": 500,' '"probe_timeout_ms": 400,' \
	'"create_timeout_ms": 2000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

# joined_at MEETINGID: the port of the server that a join leads to.
joined_at() {
	join "$1"
	HEADER Location | sed 's|^http://[^:]*:\([0-9]*\)/.*|\1|'
}
# copy MEETINGID OLD NEW: the meeting, with OLD people on the server that goes away and
# NEW on the one where it is created anew. Sets old and new, the servers' numbers.
copy() {
	create "$1"
	old=$(servers_of "$1")
	new=$((3 - old))
	control "/users?server=$old&meetingID=$1&users=$2" >"$T/users"
	fault "$old" refuse
	moved() {
		create "$1"
		[ "$(result)" = SUCCESS ] && [ "$(meeting_exists "$new" "$1")" = 1 ]
	}
	wait_until moved "$1"
	ok $? "$1: placed anew while its server is down"
	control "/users?server=$new&meetingID=$1&users=$3" >"$T/users"
	is "$(servers_of "$1")" "1 2" "$1: on both servers when its first one returns"
	fault "$old" none
}
# meeting_exists SERVER MEETINGID: 1 or 0.
meeting_exists() {
	control "/meetings?server=$1" | cut -d' ' -f1 | grep -Fxc -e "$2"
}
is_single() { [ "$(servers_of "$1" | wc -w)" = 1 ]; }

copy few-stayed 2 5
wait_until is_single few-stayed
ok $? "few-stayed: then on one"
is "$(servers_of few-stayed)" "$new" "few-stayed: the one with more people"
is "$(joined_at few-stayed)" "$(server_port "$new")" "few-stayed: where joins lead"

copy many-stayed 5 2
wait_until is_single many-stayed
ok $? "many-stayed: then on one"
is "$(servers_of many-stayed)" "$old" "many-stayed: the one with more people"
is_joined_at_old() { [ "$(joined_at many-stayed)" = "$(server_port "$old")" ]; }
wait_until is_joined_at_old
ok $? "many-stayed: where joins lead"
call getMeetingInfo meetingID=many-stayed
is "$(xml participantCount)" 5 "many-stayed: nobody lost"
is "$(grep -c 'copy with fewer people was ended' "$LOGS/gateway.log")" 2 "both are in the log"

finish
