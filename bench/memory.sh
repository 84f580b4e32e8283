#!/usr/bin/env bash
# What memory a gateway keeps: its share (PSS) when it idles, after 100,000 joins by 16
# clients, after 100 getMeetings whose merged list has 2.4 MB, by eight clients, and after
# answers of 64 MiB that are odd in one way or another.  Exit status 1 if
# - it is above 12 MB after the joins, or 40 MB after the lists;
# - five seconds after an odd answer it is 25 MB or more above what it was before;
# - a request with an odd answer takes more than twice its deadline, or is not answered.
#
# usage: bench/memory.sh        (after `make` and `make tests/e2e/fcgi-client`)
#
# The log's level, the threads and the timeouts are those of an installation.  A megabyte is
# 1,000 kB, as the kernel has them (1,024 bytes).  Polls are rare, so that each odd answer is
# read for a request.  The peak is told, not judged; it is the process's resident set.
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SERVERS=10
JOINS=100000
JOIN_CLIENTS=16
AT_ONCE=64 # as many as the client takes in one go
LISTS=100
LIST_CLIENTS=8
LIST_BYTES=2400000
ODD_BYTES=$((64 << 20))
DEADLINE_MS=3000
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
begin bench-memory 160
need curl sha256sum
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox $SERVERS
write_config "$T/servers.json" '"poll_interval_ms": 600000,' "\"probe_timeout_ms\": $DEADLINE_MS,"
FCGI_ADDRESS=unix:$T/gateway.sock
start gateway env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=info "$FCGI_PROGRAM" -s "$FCGI_ADDRESS"
must_wait_until "the gateway answers" fcgi_probe "$FCGI_ADDRESS"
REQUEST() { fcgi_request "$@"; }

pss_kb() { awk '/^Pss:/ { print $2 }' "/proc/${PIDS[gateway]}/smaps_rollup"; }
peak_kb() { awk '/^VmHWM:/ { print $2 }' "/proc/${PIDS[gateway]}/status"; }
forget_peak() { echo 5 >"/proc/${PIDS[gateway]}/clear_refs"; } # proc(5)

status=0
# row WHAT KB LIMIT [MORE]: LIMIT in kB, or '-'.
row() {
	local verdict=''
	if [ "$3" != - ]; then
		verdict=ok
		[ "$2" -le "$3" ] || verdict=short
		[ "$2" -le "$3" ] || status=1
	fi
	printf '%-46s %9s %9s  %-6s %s\n' "$1" "$2" "$3" "$verdict" "${4:-}"
}
printf '%-46s %9s %9s\n' '' 'PSS, kB' limit
row "idle" "$(pss_kb)" -

# --- joins ---------------------------------------------------------------------------

for ((n = 0; n < AT_ONCE; n++)); do
	create "memory-$n" >/dev/null
	echo "join fullName=Ann&meetingID=memory-$n&role=viewer"
done >"$T/plain"
mapfile -t paths < <(sign_all "$T/plain")
arguments "$T/joins" "${paths[@]}"
runs=$(((JOINS + JOIN_CLIENTS * AT_ONCE - 1) / (JOIN_CLIENTS * AT_ONCE)))
# join_often K: one client's share.
join_often() {
	local i
	for ((i = 0; i < runs; i++)); do
		client gateway "$T/joins" "$T/join-$1"
		grep -c '^Status: 302' "$T/join-$1"
	done >"$T/joined-$1"
}
at_once $JOIN_CLIENTS join_often
joined=$(cat "$T"/joined-* | awk '{ sum += $1 } END { print sum }')
row "after $joined joins" "$(pss_kb)" 12000 "$TOOK_MS ms"
[ "$joined" -ge $JOINS ] || {
	echo "Not all of $JOINS joins were answered well."
	status=1
}

# --- lists ---------------------------------------------------------------------------

# One server's list: as many meetings of 20 people as it takes.
for ((n = 1; n <= SERVERS; n++)); do
	awk -v n=$n -v bytes=$((LIST_BYTES / SERVERS)) 'BEGIN {
		for (i = 0; i < 20; i++)
			people = people "<attendee><userID>w_" i "</userID><fullName>Somebody " i "</fullName>" \
			    "<role>VIEWER</role><isPresenter>false</isPresenter></attendee>"
		printf "<response><returncode>SUCCESS</returncode><meetings>"
		for (i = 0; sum < bytes; i++) {
			meeting = "<meeting><meetingName>lesson</meetingName><meetingID>list-" n "-" i "</meetingID>" \
			    "<internalMeetingID>internal-" n "-" i "</internalMeetingID><participantCount>20" \
			    "</participantCount><attendees>" people "</attendees></meeting>"
			sum += length(meeting)
			printf "%s", meeting
		}
		printf "</meetings></response>"
	}' >"$T/list"
	control "/raw?server=$n&call=getMeetings" --data-binary "@$T/list" >/dev/null
done
# Each has a question of its own: equal ones would be asked together.
for ((n = 0; n < 16; n++)); do
	arguments "$T/lists-$n" "$(url getMeetings "n=$n")"
done
# list_often K
list_often() {
	local i
	for ((i = 0; i < (LISTS + LIST_CLIENTS - 1) / LIST_CLIENTS; i++)); do
		client gateway "$T/lists-$1" "$T/answer-$1"
		[ "$(stat -c %s "$T/answer-$1")" -lt "$LIST_BYTES" ] || echo whole
	done >"$T/listed-$1"
}
forget_peak
at_once $LIST_CLIENTS list_often
listed=$(cat "$T"/listed-* | wc -l)
row "after $listed getMeetings of $(stat -c %s "$T/answer-0") bytes" "$(pss_kb)" 40000 \
	"$TOOK_MS ms, peak $(peak_kb) kB"
[ "$listed" -ge $LISTS ] || {
	echo "Not all of $LISTS lists are whole."
	status=1
}

# --- odd answers -----------------------------------------------------------------------

control /reset
head='<response><returncode>SUCCESS</returncode>'
# repeat PIECE: over and over; a % in it is a number.
repeat() {
	if [[ $1 == *%* ]]; then
		seq 1 $ODD_BYTES | sed "s|.*|${1%%%*}&${1#*%}|"
	else
		yes "$(yes "$1" | head -n 1000 | tr -d '\n')"
	fi | tr -d '\n'
}
# odd WHAT BEGIN END PIECE: one server answers with 64 MiB: BEGIN, the piece over and over, END.
# The others have no meetings.
odd() {
	local before after limit answered
	{
		printf '%s' "$2"
		repeat "$4" | head -c $((ODD_BYTES - 1000 - ${#2} - ${#3}))
		printf '%s' "$3"
	} >"$T/odd" 2>/dev/null
	control "/raw?server=1&call=getMeetings" --data-binary "@$T/odd" >/dev/null
	sleep 1
	before=$(pss_kb)
	forget_peak
	timed call getMeetings
	limit=$((before + 25000))
	sleep 5
	after=$(pss_kb)
	row "5 s after $1" "$after" $limit "$TOOK_MS ms, peak $(peak_kb) kB"
	answered=$(xml returncode)
	# shellcheck disable=SC2015 # both must hold
	[ "$answered" = SUCCESS ] && [ "$TOOK_MS" -le $((2 * DEADLINE_MS)) ] || {
		echo "The request is answered $answered after $TOOK_MS ms."
		status=1
	}
}
list="$head<meetings>"
end='</meetings></response>'
odd '64 MiB of <meeting/>' "$list" "$end" '<meeting/>'
odd '64 MiB of <a>' "$list" '' '<a>'
odd '64 MiB of elements of other names' "$list<meeting>" "</meeting>$end" '<a%/>'
odd '64 MiB of ill-formed meetings' "$list" "$end" '<meeting><a></meeting>'
odd '64 MiB of meetings behind an ill-formed one' "$list<meeting><a></meeting>" "$end" '<meeting><a/></meeting>'
odd '64 MiB of <meeting>' "$list" '' '<meeting>'
odd '64 MiB of unbound prefixes' "$list" "$end" '<meeting><x:y/></meeting>'
odd '64 MiB of forbidden bytes' "$list<meeting><a>" "</a></meeting>$end" $'\b'
odd '64 MiB of forbidden references' "$list<meeting><a>" "</a></meeting>$end" '&#8;'
odd '64 MiB in one messageKey' "$head<messageKey>" '</messageKey></response>' x
odd '64 MiB in one tag' "$list<meeting " "/>$end" "a%='' "
odd '64 MiB in one comment' "$list<!--" "-->$end" x

# Many at once: what all answers may have together has a limit (bounds.h).
odd_often() { client gateway "$T/lists-$1" "$T/answer-$1"; }
before=$(pss_kb)
forget_peak
at_once 16 odd_often
sleep 5
row "5 s after 16 requests at once with such" "$(pss_kb)" $((before + 25000)) "$TOOK_MS ms, peak $(peak_kb) kB"
FINISHED=1
report_count=-1
exit $status
