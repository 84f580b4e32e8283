#!/usr/bin/env bash
# Two processes share one socket behind nginx, and one of them is killed under
# load: only what it was answering at that moment is lost.
. "$(dirname "$0")/lib.sh"
begin story-kill 14
need nginx spawn-fcgi
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json"
spawn_fcgi 2 "$T/gateway.sock"
ok $? "two processes on one socket" || finish
must_wait_until "the gateway answers" fcgi_probe "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

create kill
is "$(result)" SUCCESS "a meeting"

# Each client has one request under way at a time, and for a while, so that the
# kill meets some.
CLIENTS=4
REQUESTS=200
for n in 1 2 3; do
	fault $n delay isMeetingRunning 10
done
path=$HTTP_BASE$(url isMeetingRunning "meetingID=kill")
for ((n = 0; n < REQUESTS; n++)); do
	echo "url = \"$path\""
	echo "output = /dev/null"
done >"$T/urls"
pids=()
for ((n = 0; n < CLIENTS; n++)); do
	curl -sg --max-time 60 -w '%{http_code}\n' -K "$T/urls" >"$T/codes-$n" &
	pids+=($!)
done
so_far() { control "/calls?server=0&call=isMeetingRunning&count=1"; }
half_way() { [ "$(so_far)" -ge $((CLIENTS * REQUESTS / 4)) ]; }
must_wait_until "the load is under way" half_way
kill -KILL "${PIDS[spawned-1]}"
killed_at=$(so_far)
wait_for_all "${pids[@]}"
answered=$(cat "$T"/codes-* | wc -l)
failed=$(cat "$T"/codes-* | grep -vc '^200$')
is "$answered" $((CLIENTS * REQUESTS)) "every request has an answer"
within "$killed_at" 1 $((CLIENTS * REQUESTS - CLIENTS)) "the process was killed under load"
within "$failed" 0 "$CLIENTS" "at most the requests under way in the killed process failed"
diag "killed after $killed_at requests; $failed of $answered failed"

join kill
is "$(STATUS)" 302 "the other process goes on"
create kill
is "$(result)" "SUCCESS duplicateWarning" "and knows the meeting"

finish
