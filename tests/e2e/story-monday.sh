#!/usr/bin/env bash
# An ordinary Monday: ten servers, two gateways on one state behind nginx, and 60
# calls a second about some hundred meetings, which are created, joined, asked about
# and ended.  While they arrive, a server's web server answers 502 for a second, another
# server drips, one lists a name with a byte that XML forbids, one is reloaded and
# refuses connections, another program locks the state, and the gateways' clock jumps
# by a minute, there and back.
#
# None of it takes long enough for a server to be down.  So afterwards the servers'
# history and the clients' log must agree:
# - no meetingID was created on a server while it lived on another;
# - no meeting was answered as unknown while it lived;
# - every answer came within what the configuration allows, and what the machine needs
#   besides, by a page of nginx's own that is fetched each second meanwhile;
# - no call failed but while a server was at fault, or just after.
#
# Environment:
#   MONDAY_SECONDS   how long the calls arrive (120; the faults need at least 90). With a
#                    sanitizer there is a Monday only if this is set: the other stories
#                    run these paths in less time.
#   MONDAY_RATE      calls a second (60, with a sanitizer 20)
#   MONDAY_SEED      what the clients decide by (the time; printed)
#   MONDAY_FAULTS    those that happen ("502 drip byte reload lock clock")
. "$(dirname "$0")/lib.sh"
begin story-monday 60
need nginx spawn-fcgi sqlite3 make
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/web.sh"
LENGTH_S=${MONDAY_SECONDS:-120}
RATE=${MONDAY_RATE:-60}
# A sanitizer makes all of it slow. Its library must come first, so there is no clock of
# ours.
can_jump=1
if has_sanitizer "$FCGI_PROGRAM"; then
	if [ -z "${MONDAY_SECONDS:-}" ]; then
		skip "a Monday" "a build with a sanitizer, and no MONDAY_SECONDS"
		finish
	fi
	RATE=${MONDAY_RATE:-20}
	can_jump=0
fi
FAULTS=${MONDAY_FAULTS-502 drip byte reload lock clock}
MEETINGS=300
if [ "$LENGTH_S" -lt 90 ]; then
	fail "MONDAY_SECONDS is at least 90"
	finish
fi
CLIENT=$BUILD/tests/e2e/monday-client
CLOCK=$BUILD/tests/support/clock-jump.so
make -s -C "$BUILD" tests/e2e/monday-client tests/support/clock-jump.so >"$LOGS/make.log" 2>&1
need_built "$CLIENT"

# The limits, in milliseconds.  All but create's are the defaults; no create here waits
# for slides.
PROBE_MS=3000
CALL_MS=4500
CREATE_MS=10000
# So long after a server's fault its last victims are answered.
AFTER_MS=$((CALL_MS + 500))

start_sandbox 10
write_config "$T/servers.json" "\"probe_timeout_ms\": $PROBE_MS," "\"call_timeout_ms\": $CALL_MS," \
	"\"create_timeout_ms\": $CREATE_MS,"

# set_clock SECONDS: in place, since the gateways have mapped the file.
set_clock() { printf '%-16s' "$1" 1<>"$T/clock"; }
: >"$T/clock"
set_clock 0
if [ $can_jump = 1 ]; then
	CLOCK_JUMP_FILE=$T/clock LD_PRELOAD=$CLOCK spawn_fcgi 2 "$T/gateway.sock"
else
	spawn_fcgi 2 "$T/gateway.sock"
fi
must_wait_until "the gateways answer" fcgi_probe "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

# at SECONDS: sleeps until so long after the clients have begun.
at() {
	local left=$((began_ms + $1 * 1000 - $(now_ms)))
	[ "$left" -le 0 ] || sleep "$((left / 1000)).$(printf %03d $((left % 1000)))"
}
# during NAME KIND COMMAND...: notes when COMMAND ran.  KIND: "server" where calls
# may fail, else "well".
during() {
	local name=$1 kind=$2 from
	shift 2
	from=$(now_ms)
	"$@"
	echo "$from $(now_ms) $kind $name" >>"$T/windows"
	diag "$(((from - began_ms) / 1000)) s to $((($(now_ms) - began_ms) / 1000)) s: $name"
}
# fault_for SERVER KIND SECONDS [PARAMETERS]: and waits for its end.
fault_for() {
	control "/fault?server=$1&kind=$2&for_ms=$(($3 * 1000))${4:+&$4}"
	sleep "$3"
}
# own_polls SERVER: how often a gateway asked by itself, not for a client.
own_polls() { calls "$1" getMeetings | awk -F'\t' '$7 == "-"' | wc -l; }
# lock_state SECONDS: as a backup or an operator's shell may do.
lock_state() {
	start locker bash -c "(echo 'PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; SELECT 1;'
		sleep $1; echo 'COMMIT;') | sqlite3 '$T/state/state.db'"
	must_wait_until "the state is locked" grep -qx 1 "$LOGS/locker.log"
	wait "${PIDS[locker]}"
	stop locker
}

# jump SECONDS FOR
jump() {
	set_clock "$1"
	sleep "$2"
	set_clock 0
}
# happens FAULT: is it one of those that this run has?
happens() { [[ " $FAULTS " == *" $1 "* ]]; }
# fetch_pages: nginx's own page each second, and how long it took, for good.
fetch_pages() {
	while :; do
		timed http_probe
		echo "$TOOK_MS" >>"$T/pages"
		sleep 1
	done
}

: >"$T/windows"
began_ms=$(now_ms)
fetch_pages &
PIDS[pages]=$!
start client "$CLIENT" "$HTTP_PORT" "$SECRET" "$PASSWORDS" "$RATE" "$LENGTH_S" "$MEETINGS" \
	"$LOGS/client.tsv" ${MONDAY_SEED:+"$MONDAY_SEED"}
if happens 502; then
	at 12
	during "server 2 answers 502" server fault_for 2 status 1
fi
if happens drip; then
	at 22
	# Shorter than one poll interval, its answers' timeouts included: nobody is down.
	during "server 3 drips" server fault_for 3 drip 5 ms=5
fi
if happens byte; then
	at 34
	during "server 4 lists an odd byte" well fault_for 4 byte 15 call=getMeetings
fi
if happens reload; then
	at 52
	during "server 5 is reloaded" server control "/fault?server=5&kind=refuse&for_ms=300"
fi
if happens lock; then
	at 58
	during "the state is locked" well lock_state 20
fi
if happens clock && [ $can_jump = 1 ]; then
	at $((LENGTH_S - 10))
	during "the clock is a minute ahead" well jump 60 8
elif happens clock; then
	skip "the clock jumps" "a build with a sanitizer"
fi
sleep 2
polls_before=$(own_polls 7)
wait "${PIDS[client]}"
is $? 0 "the clients come to their end"
unset "PIDS[client]"
stop pages
# Several times as long as a page, for a call is several of those and some work.
slowest_ms=$(sort -n "$T/pages" | tail -n 1)
slack_ms=$((1000 + 5 * slowest_ms))
diag "the slowest page took $slowest_ms ms, so calls may take $slack_ms ms beyond their limits"
diag "$(cat "$LOGS/client.log"), $(wc -l <"$LOGS/client.tsv") calls"
# Who counts by the time of day does not poll for a minute.
more_polls() { [ "$(own_polls 7)" -gt "$polls_before" ]; }
wait_until more_polls
ok $? "the servers are polled on after the clock was set back"

for ((n = 1; n <= SERVER_COUNT; n++)); do
	control "/history?server=$n" | sed "s/^/$n /"
done | sort -k2,2n -s >"$LOGS/history"
is "$(awk '{ print $3 }' "$LOGS/history" | sort -u | paste -sd' ')" "created ended" "meetings came and went"

mkdir "$T/judged"
touch "$T/judged"/{double,unknown,late,failed,summary}
awk -v out="$T/judged" -v began="$began_ms" -v after=$AFTER_MS -v slack=$slack_ms \
	-v probe=$PROBE_MS -v call=$CALL_MS -v create=$CREATE_MS -f "$E2E/monday.awk" \
	pass=windows "$T/windows" pass=history "$LOGS/history" \
	pass=joins "$LOGS/client.tsv" pass=calls "$LOGS/client.tsv"
sort "$T/judged/summary"

# none FILE NAME: passes when nothing was complained of; else shows the first and by call.
none() {
	local file=$T/judged/$1
	if [ ! -s "$file" ]; then
		pass "$2"
		return
	fi
	fail "$2" "$(wc -l <"$file") of them; the first:"
	sort -n "$file" | head -n 10 | sed 's/^/#   /'
	[ "$1" = double ] || cut -f2 "$file" | cut -d' ' -f1,3 | sort | uniq -c | sed 's/^/#   /'
}
none double "no meetingID was created on a second server"
none unknown "no meeting was answered as unknown while it lived"
none late "every answer came within its limit"
none failed "no call failed while all servers were well"
finish
