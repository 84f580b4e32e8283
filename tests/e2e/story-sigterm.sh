#!/usr/bin/env bash
# SIGTERM during a create: the client gets its answer, then the process ends; who
# comes later is turned away at once.
. "$(dirname "$0")/lib.sh"
begin story-sigterm 13
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 1
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock

# is_calling CALL: has the sandbox received it?
has_received() {
	[ "$(control "/calls?server=0&call=$1&count=1")" -gt 0 ]
}

for signal in TERM INT; do
	control /reset
	start_gateway gateway "$FCGI_ADDRESS"
	pid=${PIDS[gateway]}
	fault 1 delay create 3000
	fcgi_background "$(url create "name=slow&meetingID=slow-$signal")" "$T/slow"
	client=$!
	must_wait_until "the create reaches the server" has_received create
	kill -"$signal" "$pid"
	sleep 0.5
	is_running gateway
	ok $? "SIG$signal: the process waits for the create"
	meta_variables GET "$API"
	"$FCGI_CLIENT" --timeout 1 "$FCGI_ADDRESS" "${META[@]}" >"$T/late" 2>&1
	is $? 1 "SIG$signal: a new connection is refused"
	wait "$client"
	is $? 0 "SIG$signal: the create is answered"
	take_cgi_answer "$T/slow" "$T/"
	is "$(result) $(xml meetingID)" "SUCCESS slow-$signal" "SIG$signal: the create succeeded"
	unset "PIDS[gateway]"
	wait "$pid"
	is $? 0 "SIG$signal: then the process ends with status 0"
done

start_gateway gateway "$FCGI_ADDRESS"
pid=${PIDS[gateway]}
begun=$(now_ms)
kill -TERM "$pid"
unset "PIDS[gateway]"
wait "$pid"
is $? 0 "SIGTERM while idle: status 0"
within $(($(now_ms) - begun)) 0 2000 "SIGTERM while idle: at once"

finish
