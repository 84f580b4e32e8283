#!/usr/bin/env bash
# Equal lists that are asked for at once are asked of the servers once, and a meeting's info of
# its server a few times; but no answer is older than the request that it answers.
. "$(dirname "$0")/lib.sh"
begin story-together 34
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
# configure MEMBER: nobody loses patience, and no poll asks for a list.
configure() {
	write_config "$T/servers.json" '"probe_timeout_ms": 600000,' '"call_timeout_ms": 180000,' \
		'"poll_interval_ms": 600000,' "$@"
}
configure
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

# asked SERVER [CALL]: how often was it asked for its list?
asked() { control "/calls?server=$1&call=${2:-getMeetings}&count=1"; }
# asked_more SERVER COUNT [CALL]: more often than that?
asked_more() { [ "$(asked "$1" "${3:-}")" -gt "$2" ]; }
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
# reloaded COUNT: has it read its configuration again so often?
reloaded() { [ "$(grep -c 'configuration reloaded' "$LOGS/gateway.log")" = "$1" ]; }
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

# --- one meeting's info ------------------------------------------------------------------

# ask_many PATH COUNT DIRECTORY: so many clients ask for it, whose process ids are in asking.
ask_many() {
	local n
	asking=()
	mkdir "$T/$3"
	for ((n = 1; n <= $2; n++)); do
		fcgi_background "$1" "$T/$3/$n"
		asking+=($!)
	done
}
# hold_infos SERVER PATH DIRECTORY: it answers no getMeetingInfo, and three clients wait for
# theirs, whose process ids are in held.
hold_infos() {
	infos_before=$(asked "$1" getMeetingInfo)
	fault "$1" hang getMeetingInfo
	ask_many "$2" 3 "$3"
	held=("${asking[@]}")
	must_wait_until "three clients ask at once, none waits for another" \
		asked_more "$1" $((infos_before + 2)) getMeetingInfo
}
# infos SERVER: how often was it asked since then?
infos() { echo $(($(asked "$1" getMeetingInfo) - infos_before)); }

# different FILE...: how many different bodies do these answers have?
different() {
	local file
	for file; do
		sed '1,/^\r*$/d' "$file" | cksum
	done | sort -u | wc -l
}

create room
home=$(servers_of room)
hold_infos "$home" "$(url getMeetingInfo meetingID=room)" few
ask_many "$(url getMeetingInfo meetingID=room)" 100 crowd
must_wait_until "100 more are there" under_way 103
is "$(infos "$home")" 3 "100 that come meanwhile ask its server for nothing"
fcgi_background "$(url getMeetingInfo "meetingID=room&password=$MODERATOR_PW")" "$T/other"
other=$!
must_wait_until "one with another parameter asks for itself" asked_more "$home" $((infos_before + 3)) getMeetingInfo
call isMeetingRunning meetingID=room
is "$(xml running)" "false" "another question about the meeting does not wait"
fault "$home" none
wait_for_all "${held[@]}" "${asking[@]}" $other
is "$(count_files '<meetingID>room</meetingID>' "$T/few"/* "$T/crowd"/* "$T/other")" 104 "all are answered"
is "$(different "$T/crowd"/*)" 1 "the 100 alike"
within "$(infos "$home")" 5 8 "its server is asked by the three, by the one that differs, and for the others a few times"
info_logged() { [ "$(grep -c " call=getMeetingInfo meetingID=room server=server-$home .*result=SUCCESS" "$LOGS/gateway.log")" = 104 ]; }
wait_until info_logged
ok $? "each has its line in the log, with the server"

hold_infos "$home" "$(url getMeetingInfo meetingID=room)" before-end
call end "meetingID=room&password=$MODERATOR_PW"
is "$(result)" "SUCCESS sentEndMeetingRequest" "the meeting is ended while its info is under way"
ask_many "$(url getMeetingInfo meetingID=room)" 10 after-end
must_wait_until "it is asked for" under_way 13
fault "$home" none
wait_for_all "${held[@]}" "${asking[@]}"
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/before-end"/*)" 3 "those who asked before have it"
is "$(count_files '<messageKey>notFound</messageKey>' "$T/after-end"/*)" 10 "who asks after that is told so"

# --- a meeting that is to be found first, and a redirect --------------------------------

configure '"forward": "redirect",'
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads its configuration" reloaded 1
curl -gsS --max-time "$E2E_DEADLINE" "$(own_url 2 create "name=lost&meetingID=lost&$PASSWORDS")" >"$T/made"
hold_infos 2 "$(url getMeetingInfo meetingID=lost)" few-lost
ask_many "$(url getMeetingInfo meetingID=lost)" 30 lost
must_wait_until "30 more are there" under_way 33
is "$(infos 2)" 3 "an unmapped meeting: those who come meanwhile ask no server"
fault 2 none
wait_for_all "${held[@]}" "${asking[@]}"
is "$(count_files "^Location: $(server_url 2)/getMeetingInfo?meetingID=lost&checksum=" "$T/few-lost"/* "$T/lost"/*)" 33 \
	"an unmapped meeting: all are redirected to its server"
within "$(infos 2)" 3 6 "an unmapped meeting: it is looked for a few times"
configure
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads it again" reloaded 2

# --- reload -----------------------------------------------------------------------------

hold
fcgi_background "$(url getMeetings)" "$T/second"
second=$!
must_wait_until "another waits" under_way 2
configure '"log_client": "none",'
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads its configuration" reloaded 3
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
