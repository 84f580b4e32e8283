#!/usr/bin/env bash
# Equal lists that are asked for at once are asked of the servers once; but none is older than
# the request that it answers.
. "$(dirname "$0")/lib.sh"
begin story-together 34
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
# configure MEMBER: nobody loses patience, and no poll asks for a list.
configure() {
	write_config "$T/servers.json" '"probe_timeout_ms": 180000,' '"poll_interval_ms": 600000,' "$@"
}
configure
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

# asked SERVER [CALL]: how often was it asked for its list?
asked() { control "/calls?server=$1&call=${2:-getMeetings}&count=1"; }
# asked_more SERVER COUNT: more often than that?
asked_more() { [ "$(asked "$1")" -gt "$2" ]; }
# under_way COUNT: are so many requests under way, besides the one that looks?
under_way() {
	(
		GET "$(url tinyscale/metrics "" "$ADMIN_SECRET")"
		[ "$(awk '$1 == "tinyscale_workers_busy" { print $2 }' "$T/body")" = $(($1 + 1)) ]
	)
}
# hold: the first server gives no list, and a client's, in the file first, waits for it.
hold() {
	local before
	before=$(asked 1)
	fault 1 hang getMeetings
	fcgi_background "$(url getMeetings)" "$T/first"
	first=$!
	must_wait_until "a list is under way" asked_more 1 "$before"
}
# let_go PID...: it does, and they are answered.
let_go() {
	fault 1 none
	wait_for_all "$first" "$@"
}
has() { grep -q "<meetingID>$1</meetingID>" "$2"; }

# --- at once -------------------------------------------------------------------------

before=()
for n in 1 2 3; do
	before+=("$(asked $n)")
done
hold
clients=()
mkdir "$T/many"
for n in {1..100}; do
	fcgi_background "$(url getMeetings)" "$T/many/$n"
	clients+=($!)
done
must_wait_until "100 more are there" under_way 101
call getRecordings
is "$(result)" "SUCCESS noRecordings" "another question does not wait for a server that hangs over this one"
call getMeetings n=1 &
other=$!
must_wait_until "one that differs asks for itself" asked_more 1 "$((before[0] + 1))"
let_go "${clients[@]}" $other
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/many"/*)" 100 "100 lists at once: all are answered"
for n in 1 2 3; do
	within "$(($(asked $n) - before[n - 1]))" 3 6 "server $n is asked for the first, for the one that differs, and for the others a few times"
done
logged() { [ "$(grep -c ' call=getMeetings .*result=noMeetings' "$LOGS/gateway.log")" -ge 102 ]; }
wait_until logged
ok $? "each has its line in the log"
is "$(grep ' call=getMeetings ' "$LOGS/gateway.log" | grep -o ' id=[0-9a-f]*' | sort | uniq -d)" "" "with its own id"

# --- none is too old -------------------------------------------------------------------

hold
# The second server has given its list to the first client.
must_wait_until "the second server was asked" asked_more 2 "$((before[1] + 3))"
for n in {1..9}; do
	create "new-$n"
	[ "$(servers_of "new-$n")" = 2 ] && break
done
is "$(servers_of "new-$n")" 2 "a meeting is made on the second server while a list is under way"
fcgi_background "$(url getMeetings)" "$T/second"
second=$!
must_wait_until "its list is asked for" under_way 2
let_go $second
has "new-$n" "$T/first"
is $? 1 "the list that was under way does not have it"
has "new-$n" "$T/second"
ok $? "the one that was asked for after it does"

# --- reload -----------------------------------------------------------------------------

hold
fcgi_background "$(url getMeetings)" "$T/second"
second=$!
must_wait_until "another waits" under_way 2
configure '"log_client": "none",'
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads its configuration" grep -q 'configuration reloaded' "$LOGS/gateway.log"
fcgi_background "$(url getMeetings)" "$T/third"
third=$!
must_wait_until "one comes after that" under_way 3
let_go $second $third
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/first" "$T/second" "$T/third")" 3 \
	"a reload: those before it, and those after it, are answered"

# --- stop -------------------------------------------------------------------------------

hold
fcgi_background "$(url getMeetings)" "$T/second"
second=$!
must_wait_until "another waits" under_way 2
kill -TERM "${PIDS[gateway]}"
let_go $second
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/first" "$T/second")" 2 \
	"SIGTERM: those that wait are answered"

finish
