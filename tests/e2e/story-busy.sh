#!/usr/bin/env bash
# A server that hangs holds its share of the threads and no more: further calls
# about its meetings fail at once, others are answered, and a new share comes with
# SIGHUP.
. "$(dirname "$0")/lib.sh"
begin story-busy 31
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 2
# It does not get down, nor polled, in between.
SETTINGS=('"down_after": 100,' '"poll_interval_ms": 600000,' '"call_timeout_ms": 8000,')
write_config "$T/servers.json" "${SETTINGS[@]}"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS" -t 12
REQUEST() { fcgi_request "$@"; }

for n in 1 2 3 4; do
	create "busy-$n"
done
hung=$(servers_of busy-1)
for n in 2 3 4; do
	[ "$(servers_of "busy-$n")" = "$hung" ] || elsewhere=busy-$n
done

# crowd NAME: as many calls as there are threads, all about the hung server.  Equal ones would
# go together.
# Leaves how many were refused in refused, and how many timed out in late.
crowd() {
	local n before pids=()
	before=$(grep -c 'server was not asked' "$LOGS/gateway.log")
	mkdir "$T/$1"
	for n in {1..12}; do
		fcgi_background "$(url getMeetingInfo "meetingID=busy-1&n=$n")" "$T/$1/$n"
		pids+=($!)
	done
	wait_until are_answered "$1" "$2"
	call getMeetingInfo "meetingID=$elsewhere"
	is "$(result) $(count_files . "$T/$1"/*)" "SUCCESS $2" \
		"$1: a call elsewhere is answered when $2 were refused and the others wait"
	wait_for_all "${pids[@]}"
	is "$(count_files serverUnavailable "$T/$1"/*)" 12 "$1: they all fail"
	is "$(($(grep -c 'server was not asked' "$LOGS/gateway.log") - before))" "$2" \
		"$1: $2 of 12 were not sent"
}
# are_answered NAME COUNT: by now?
are_answered() { [ "$(count_files . "$T/$1"/*)" -ge "$2" ]; }

fault "$hung" hang
crowd "a quarter of 12 threads" 9
write_config "$T/servers.json" "${SETTINGS[@]}" '"max_calls_per_server": 7,'
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads its configuration" grep -q 'configuration reloaded' "$LOGS/gateway.log"
crowd "seven, after SIGHUP" 5

fault "$hung" none
call getMeetingInfo "meetingID=busy-1"
is "$(result)" SUCCESS "when it answers again its meetings are there"
mkdir "$T/well"
pids=()
for n in {1..12}; do
	fcgi_background "$(url getMeetingInfo "meetingID=busy-1")" "$T/well/$n"
	pids+=($!)
done
wait_for_all "${pids[@]}"
is "$(count_files SUCCESS "$T/well"/*)" 12 "and all who ask are answered"

finish
