#!/usr/bin/env bash
# Polling: one process at a time, whichever; meetings that others created are taken
# in, meetings that ended are forgotten, and a failed poll forgets nothing.
. "$(dirname "$0")/lib.sh"
begin story-poll 24
need sqlite3 curl
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 700,' \
	'"create_timeout_ms": 3000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# state SQL: from the gateways' state.
state() { sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "$1" | paste -sd' '; }
# polls SECONDS: how often server 1 was polled in so long.
polls() {
	local before
	before=$(control "/calls?server=1&call=getMeetings&count=1")
	sleep "$1"
	echo $(($(control "/calls?server=1&call=getMeetings&count=1") - before))
}
# directly SERVER CALL QUERY: a call that does not go through the gateway.
directly() {
	curl -gs "$(server_url "$1")/$2?$3&checksum=$(sign "$2" "$3" "$(server_secret "$1")")" >"$T/body"
}

start_gateway gateway "$FCGI_ADDRESS"
one=$(polls 4)
start_gateway gateway-2 "unix:$T/gateway-2.sock"
for _ in 1 2 3 4 5; do
	cgi_request GET "$API"
done
two=$(polls 4)
within "$one" 3 6 "one process polls every interval ($one times in 4 s)"
within "$two" 3 $((one + 1)) "so do two processes and a CGI together ($two times)"

# A create that is under way while polls do not list its meeting yet.
empty='<response><returncode>SUCCESS</returncode><meetings/></response>'
for n in 1 2 3; do
	fault $n delay create 2000
	control "/raw?server=$n&call=getMeetings" --data-binary "$empty" >"$T/raw"
done
fcgi_background "$(url create "name=slow&meetingID=slow")" "$T/slow"
slow=$!
sleep 1.7
is "$(state "SELECT COUNT(*) FROM meeting WHERE id = 'slow'")" 1 "a create under way keeps its mapping"
wait $slow
for n in 1 2 3; do
	fault $n none
	control "/raw?server=$n&call=getMeetings" --data-binary '' >"$T/raw"
done

directly 2 create "name=foreign&meetingID=foreign&$PASSWORDS"
is "$(result)" SUCCESS "a meeting is created past the gateway"
is_adopted() { [ "$(state "SELECT server FROM meeting WHERE id = 'foreign'")" = server-2 ]; }
wait_until is_adopted
ok $? "a poll takes it in"
asked=$(control "/calls?server=0&call=getMeetingInfo&count=1")
call isMeetingRunning meetingID=foreign
is "$(result)" SUCCESS "a call about it"
is "$(control "/calls?server=0&call=getMeetingInfo&count=1")" "$asked" "needs no look-up"

# Ten failed polls forget nothing.
fault 2 refuse
is_down() { [ "$(state "SELECT health FROM server WHERE name = 'server-2'")" = 2 ]; }
wait_until is_down
ok $? "a server that refuses connections is down"
sleep 2
is "$(state "SELECT server FROM meeting WHERE id = 'foreign'")" server-2 "its meetings stay mapped to it"
call getMeetingInfo meetingID=foreign
is "$(result)" "FAILED notFound" "but count as unknown"
fault 2 none
is_up() { [ "$(state "SELECT health FROM server WHERE name = 'server-2'")" = 0 ]; }
wait_until is_up
ok $? "it comes back by itself"
call getMeetingInfo meetingID=foreign
is "$(result)" SUCCESS "and its meetings with it"

directly 2 end "meetingID=foreign&password=$MODERATOR_PW"
is_forgotten() { [ "$(state "SELECT COUNT(*) FROM meeting WHERE id = 'foreign'")" = 0 ]; }
wait_until is_forgotten
ok $? "a meeting that ended is forgotten"

# Whoever polled is gone without a word.
kill -KILL "${PIDS[gateway]}"
unset "PIDS[gateway]"
within "$(polls 4)" 2 6 "after kill -9 of one process the other polls"

# Only the CGI: requests poll in their turn, and --poll does a round.
stop gateway-2
before=$(control "/calls?server=1&call=getMeetings&count=1")
sleep 1
cgi_request GET "$API"
is_polled() { [ "$(control "/calls?server=1&call=getMeetings&count=1")" -gt "$before" ]; }
wait_until is_polled
ok $? "a request to the CGI polls when a poll is due"
before=$(control "/calls?server=0&call=getMeetings&count=1")
TINYSCALE_CONFIG="$T/servers.json" "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"
is "$? $(($(control "/calls?server=0&call=getMeetings&count=1") - before))" "0 3" \
	"tinyscale.cgi --poll asks each server once"

finish
