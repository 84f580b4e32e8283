#!/usr/bin/env bash
# SIGTERM during a create: the client gets its answer, then the process ends; who
# comes later is turned away at once.
. "$(dirname "$0")/lib.sh"
begin story-sigterm 13
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 1
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock

# has_received CALL: has the sandbox?
has_received() {
	[ "$(control "/calls?server=0&call=$1&count=1")" -gt 0 ]
}

# is_refused: whoever comes now is turned away, and not left to wait.
is_refused() {
	local META
	meta_variables GET "$API"
	"$FCGI_CLIENT" --timeout 5 "$FCGI_ADDRESS" "${META[@]}"
	[ $? -eq 1 ]
}

for signal in TERM INT; do
	control /reset
	start_gateway gateway "$FCGI_ADDRESS"
	pid=${PIDS[gateway]}
	fault 1 hang create
	fcgi_background "$(url create "name=slow&meetingID=slow-$signal")" "$T/slow"
	client=$!
	must_wait_until "the create reaches the server" has_received create
	kill -"$signal" "$pid"
	wait_until is_refused
	ok $? "SIG$signal: a new connection is refused"
	is_running gateway && is_alive "$client"
	ok $? "SIG$signal: the process waits for the create"
	fault 1 none create
	wait "$client"
	is $? 0 "SIG$signal: the create is answered"
	take_cgi_answer "$T/slow" "$T/"
	is "$(result) $(xml meetingID)" "SUCCESS slow-$signal" "SIG$signal: the create succeeded"
	unset "PIDS[gateway]"
	wait "$pid"
	is $? 0 "SIG$signal: then the process ends with status 0"
done

timed start_gateway gateway "$FCGI_ADDRESS"
started=$TOOK_MS
pid=${PIDS[gateway]}
unset "PIDS[gateway]"
kill -TERM "$pid"
timed wait "$pid"
is $? 0 "SIGTERM while idle: status 0"
# A start and an answer are more work than an end.
within "$TOOK_MS" 0 $((started * 10)) "SIGTERM while idle: at once (it had started in $started ms)"

finish
