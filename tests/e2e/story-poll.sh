#!/usr/bin/env bash
# Polling: one process at a time, whichever; meetings that others created are taken
# in, meetings that ended are forgotten, and a failed poll forgets nothing.
. "$(dirname "$0")/lib.sh"
begin story-poll 24
need sqlite3 curl
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
INTERVAL_MS=800
write_config "$T/servers.json" "\"poll_interval_ms\": $INTERVAL_MS," '"probe_timeout_ms": 700,' \
	'"create_timeout_ms": 60000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# polls [SERVER]: how often it, or server 1, was polled so far.
polls() { control "/calls?server=${1:-1}&call=getMeetings&count=1"; }
has_polled() { [ "$(polls)" -ge "$1" ]; }
# polls_are_regular NAME: six polls of server 1 take about six intervals. None comes sooner,
# but for what the first of them was late, so three quarters of that are the least; two
# processes that both polled would need the half. A slow machine takes longer.
polls_are_regular() {
	local first
	first=$(polls)
	wait_until has_polled $((first + 1))
	timed wait_until has_polled $((first + 7))
	within "$TOOK_MS" $((INTERVAL_MS * 9 / 2)) $((INTERVAL_MS * 15)) "$1 ($TOOK_MS ms for six polls)"
}
# directly SERVER CALL [QUERY]: a call that does not go through the gateway.
directly() { curl -gs "$(own_url "$@")" >"$T/body"; }

start_gateway gateway "$FCGI_ADDRESS"
polls_are_regular "one process polls every interval"
start_gateway gateway-2 "unix:$T/gateway-2.sock"
for _ in 1 2 3 4 5; do
	cgi_request GET "$API"
done
polls_are_regular "so do two processes and a CGI together"

# A create that is under way while polls do not list its meeting yet.
empty='<response><returncode>SUCCESS</returncode><meetings/></response>'
for n in 1 2 3; do
	fault $n hang create
	control "/raw?server=$n&call=getMeetings" --data-binary "$empty" >"$T/raw"
done
fcgi_background "$(url create "name=slow&meetingID=slow")" "$T/slow"
slow=$!
is_created() { [ "$(control "/calls?server=0&call=create&count=1")" -gt 0 ]; }
wait_until is_created && wait_until has_polled $(($(polls) + 3)) && is_alive $slow
ok $? "servers are polled while a create is under way"
like "$(mapped_to slow)" "server-[123]" "a create under way keeps its mapping"
for n in 1 2 3; do
	fault $n none
	control "/raw?server=$n&call=getMeetings" --data-binary '' >"$T/raw"
done
wait $slow
take_cgi_answer "$T/slow" "$T/"
is "$(result)" SUCCESS "and succeeds"

directly 2 create "name=foreign&meetingID=foreign&$PASSWORDS"
is "$(result)" SUCCESS "a meeting is created past the gateway"
is_adopted() { [ "$(mapped_to foreign)" = server-2 ]; }
wait_until is_adopted
ok $? "a poll takes it in"
asked=$(control "/calls?server=0&call=getMeetingInfo&count=1")
call isMeetingRunning meetingID=foreign
is "$(result)" SUCCESS "a call about it"
is "$(control "/calls?server=0&call=getMeetingInfo&count=1")" "$asked" "needs no look-up"

# Failed polls, however many, forget nothing.
fault 2 refuse
is_down() { [[ $(known_of 2) == "2 "* ]]; }
wait_until is_down
ok $? "a server that refuses connections is down"
has_failed() { [ "$(known_of 2 | cut -d' ' -f2)" -ge 5 ]; }
wait_until has_failed
ok $? "it is polled again and again"
is "$(mapped_to foreign)" server-2 "its meetings stay mapped to it"
call getMeetingInfo meetingID=foreign
is "$(result)" "FAILED notFound" "but count as unknown"
fault 2 none
is_up() { [[ $(known_of 2) == "0 "* ]]; }
wait_until is_up
ok $? "it comes back by itself"
call getMeetingInfo meetingID=foreign
is "$(result)" SUCCESS "and its meetings with it"

directly 2 end "meetingID=foreign&password=$MODERATOR_PW"
is_forgotten() { [ -z "$(mapped_to foreign)" ]; }
wait_until is_forgotten
ok $? "a meeting that ended is forgotten"

# Whoever polled is gone without a word.
kill_now gateway
wait_until has_polled $(($(polls) + 1))
ok $? "after kill -9 of one process the other polls"
polls_are_regular "and goes on every interval"

# Only the CGI: requests poll in their turn, and --poll does a round.
stop gateway-2
before=$(polls)
sleep "$((INTERVAL_MS / 1000 + 1))" # at the least: then a poll is due
cgi_request GET "$API"
wait_until has_polled $((before + 1))
ok $? "a request to the CGI polls when a poll is due"
before=$(polls 0)
TINYSCALE_CONFIG="$T/servers.json" "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"
is "$? $(($(polls 0) - before))" "0 3" \
	"tinyscale.cgi --poll asks each server once"

finish
