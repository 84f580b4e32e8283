#!/usr/bin/env bash
# One of ten servers hangs: getMeetings still answers, within its deadline and
# with that server's last known meetings, and joins elsewhere do not notice, though three
# times as many calls wait for that server as there are threads.
. "$(dirname "$0")/lib.sh"
begin story-hang 11
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 10
# configure PROBE_MS CALL_MS: no poll comes between: what is seen is what requests do. Nobody
# is refused: all wait.
configure() {
	write_config "$T/servers.json" "\"probe_timeout_ms\": $1," "\"call_timeout_ms\": $2," \
		'"poll_interval_ms": 600000,' '"max_calls_per_server": 100,'
}
configure 3000 4500
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS" -t 4
REQUEST() { fcgi_request "$@"; }

meetings=()
for n in {1..20}; do
	create "hang-$n"
	meetings+=("hang-$n")
done
all=$(printf '%s\n' "${meetings[@]}" | sort | paste -sd' ')
call getMeetings
is "$(xml_all meetingID)" "$all" "getMeetings: all meetings of ten servers"

hung=$(servers_of hang-1)
elsewhere=()
for n in {2..20}; do
	[ "$(servers_of "hang-$n")" = "$hung" ] || elsewhere+=("$(url join "fullName=A&meetingID=hang-$n&role=viewer")")
done

# join_all: a join to each meeting that is elsewhere. Leaves how many failed in bad.
join_all() {
	local path
	bad=0
	for path in "${elsewhere[@]}"; do
		GET "$path"
		[ "$(STATUS)" = 302 ] || bad=$((bad + 1))
	done
}

timed join_all
before=$TOOK_MS
is "$bad" 0 "joins while all servers answer"

# A question to all servers now waits for longer than all those joins take here.
configure $((before * 8 + 1000)) $((before * 16 + 2000))
kill -HUP "${PIDS[gateway]}"
must_wait_until "the gateway reads its configuration" grep -q 'configuration reloaded' "$LOGS/gateway.log"

# is_asked CALL COUNT: has the hung server been asked more often than that?
is_asked() { [ "$(control "/calls?server=$hung&call=$1&count=1")" -gt "$2" ]; }
asked_before=$(control "/calls?server=$hung&call=getMeetings&count=1")
fault "$hung" hang
crowd=()
# Equal ones would go together.
for n in {1..12}; do
	fcgi_background "$(url getMeetingInfo "meetingID=hang-1&n=$n")" "$T/crowd-$n"
	crowd+=($!)
done
# Of these one looks for the meeting on all servers, and the others wait for their turn.
for n in {1..6}; do
	fcgi_background "$(url create "name=crowd&meetingID=hang-crowd&$PASSWORDS")" "$T/create-$n"
	crowd+=($!)
done
must_wait_until "all of them wait for the hung server, with four threads" is_asked getMeetingInfo 12
# ask_all: getMeetings, and how long it took, which the joins have no part in.
ask_all() {
	local META
	meta_variables GET "$(url getMeetings)"
	timed "$FCGI_CLIENT" --timeout 90 --out "$T/during" "$FCGI_ADDRESS" "${META[@]}" 2>>"$T/client-errors"
	echo "$TOOK_MS" >"$T/getMeetings-ms"
}
ask_all &
asked=$!
must_wait_until "the hung server is asked" is_asked getMeetings "$asked_before"
timed join_all
is_alive "$asked"
ok $? "joins are answered before what waits for a server that hangs ($before ms without it, $TOOK_MS ms with)"
is "$bad" 0 "joins to the other servers while one hangs"
is "$(count_files . "$T"/crowd-* "$T"/create-*)" 0 "and before all calls that wait for it"
wait "$asked"
took=$(cat "$T/getMeetings-ms")
take_cgi_answer "$T/during" "$T/"
LAST_REQUEST="getMeetings while server $hung hangs"
is "$(xml returncode)" SUCCESS "getMeetings while one hangs"
is "$(xml_all meetingID)" "$all" "getMeetings while one hangs: with its last known meetings"

call join "fullName=A&meetingID=hang-1&role=viewer"
is "$(STATUS)" 302 "join to the hung server's meeting: it is only suspect"

create hang-new
is "$(result)" SUCCESS "create while one hangs"
isnt "$(servers_of hang-new)" "$hung" "create while one hangs: elsewhere"

wait_for_all "${crowd[@]}"
is "$(count_files serverUnavailable "$T"/crowd-*)" 12 "the calls that waited are answered, too"
is "$(count_files SUCCESS "$T"/create-*)" 6 "and so are the creates of one meetingID"
is "$(servers_of hang-crowd | wc -w)" 1 "which is on one server"

# Calls alone, however many fail, take no server down: only polls do.
timed call getMeetingInfo "meetingID=hang-1"
# Which is twice as much: nearer to the one than to the other.
[ $((took * 4)) -lt $((TOOK_MS * 3)) ]
ok $? "getMeetings took probe_timeout_ms ($took ms), not call_timeout_ms ($TOOK_MS ms)"
is "$(result)" "FAILED serverUnavailable" "a third call that fails: its meetings are not taken for gone"
fault "$hung" none
call getMeetingInfo "meetingID=hang-1"
is "$(result) $(xml meetingID)" "SUCCESS hang-1" "when it answers again, its meetings are there at once"
TINYSCALE_CONFIG="$T/servers.json" "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"
is $? 0 "a round of polling"
is "$(grep -c 'server is suspect' "$LOGS/gateway.log")" 1 "the log says once that it was suspect"
is "$(grep -c 'server is down' "$LOGS/gateway.log")" 0 "never that it was down"
is "$(grep -c 'server is up again' "$LOGS/gateway.log")" 1 "and once that it is up again"

finish
