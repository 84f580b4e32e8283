#!/usr/bin/env bash
# One of ten servers hangs: getMeetings still answers, within its deadline and
# with that server's last known meetings, and joins elsewhere do not notice.
. "$(dirname "$0")/lib.sh"
begin story-hang 11
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 10
# No poll comes between: what is seen is what requests do.
write_config "$T/servers.json" '"probe_timeout_ms": 2000,' '"poll_interval_ms": 600000,' \
	'"create_timeout_ms": 8000,'
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS"
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

# time_joins: milliseconds for a join to each meeting that is elsewhere.
time_joins() {
	local begun path bad=0
	begun=$(now_ms)
	for path in "${elsewhere[@]}"; do
		GET "$path"
		[ "$(STATUS)" = 302 ] || bad=$((bad + 1))
	done
	echo "$(($(now_ms) - begun)) $bad"
}

read -r before bad < <(time_joins)
is "$bad" 0 "joins while all servers answer"

fault "$hung" hang
begun=$(now_ms)
fcgi_background "$(url getMeetings)" "$T/during"
asked=$!
read -r after bad < <(time_joins)
is "$bad" 0 "joins to the other servers while one hangs"
within "$after" 0 $((before * 3 + 500)) "and they are not slowed ($before ms without, $after ms with)"
wait "$asked"
took=$(($(now_ms) - begun))
take_cgi_answer "$T/during" "$T/"
LAST_REQUEST="getMeetings while server $hung hangs"
is "$(xml returncode)" SUCCESS "getMeetings while one hangs"
is "$(xml_all meetingID)" "$all" "getMeetings while one hangs: with its last known meetings"
within "$took" 0 $((2000 + 1500)) "getMeetings while one hangs: within probe_timeout_ms"

call join "fullName=A&meetingID=hang-1&role=viewer"
is "$(STATUS)" 302 "join to the hung server's meeting: it is only suspect"

create hang-new
is "$(result)" SUCCESS "create while one hangs"
isnt "$(servers_of hang-new)" "$hung" "create while one hangs: elsewhere"

# Calls alone, however many fail, take no server down: only polls do.
call getMeetingInfo "meetingID=hang-1"
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
