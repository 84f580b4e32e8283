#!/usr/bin/env bash
# What a hung server costs the others: one of ten servers hangs while 32 clients ask
# for its meetings.  Prints the 99th percentile of joins, and of getMeetingInfo calls,
# to meetings of the other nine, without and with the hang, and in the first and the
# second second of one; exit status 1 if one grows by more than half.
#
# usage: bench/hang.sh [LINE...]      LINE: one more member of the configuration,
#                                     such as '"max_calls_per_server": 10000,'
#
# What is compared:
# - One run, phases in turn, so that all have the same machine and the same
#   neighbours.  The figures are medians of the rounds: what else the machine does in
#   one phase should not decide.
# - The same other load.  The 32 clients are there in both phases, and ask for the
#   same meetings at the same rate; only the server's silence differs.  Against phases
#   without these clients one would measure what they cost, and not the hang.  As
#   people do, each waits for its answer before it asks again (paced-client's
#   "skip"), ten times a second at most.  Without that pause they would in one case
#   be slowed by the server and in the other by nothing but our refusals.
# - A refusal is cheaper than an answer, so the others may well be faster with the
#   hang than without.  "alone" is what they take without these clients; it is
#   not judged.
# - The measured calls come at a fixed rate and count from when they were due
#   (paced-client.c), or a stall would keep its own evidence from being made.
# - How a hang begins is measured over many short ones, each with the second before
#   it in comparison: the 32 clients go on all the time, and only the server changes.
#   What is measured goes on, too, and each call belongs to the second in which it was
#   due; so the first second begins with the hang, and not with a phase.  In the second
#   one it shows that the server is stuck (lanes.h), and all that wait are refused.
#
# The configuration: the default threads (32, as many as clients, so that without a
# limit all would be held), down_after at its maximum and no polls, or the server
# would be down after two failures and not be called at all; call_timeout_ms is
# 2 s, so that places are often given up and taken again.  The log's level is that of
# an installation.
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
begin bench-hang 90
need nginx
PACED_CLIENT=$BUILD/bench/paced-client
[ -x "$PACED_CLIENT" ] || make -s -C "$BUILD" bench/paced-client >&2
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$PACED_CLIENT"
. "$E2E/web.sh"

SECONDS_EACH=${BENCH_SECONDS:-15}
ROUNDS=${BENCH_ROUNDS:-3}
HANGS=${BENCH_HANGS:-25}
RATE=200
CLIENTS=32

start_sandbox 10
write_config "$T/servers.json" '"down_after": 100,' '"poll_interval_ms": 600000,' \
	'"call_timeout_ms": 2000,' "$@"
FCGI_ADDRESS=unix:$T/gateway.sock
start gateway env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=info \
	"$FCGI_PROGRAM" -s "$FCGI_ADDRESS"
must_wait_until "the gateway answers" fcgi_probe "$FCGI_ADDRESS"
start_nginx "$T/gateway.sock"

# Forty meetings, four on each server; those of the first one's server will hang.
for n in {1..40}; do
	create "bench-$n" >/dev/null
done
hung=$(servers_of bench-1)
for n in {1..40}; do
	if [ "$(servers_of "bench-$n")" = "$hung" ]; then
		# Equal ones would go together.
		for m in {1..8}; do
			url getMeetingInfo "meetingID=bench-$n&n=$m" >>"$T/hammer.paths"
		done
	else
		url join "fullName=Ann&meetingID=bench-$n&role=viewer" >>"$T/join.paths"
		url getMeetingInfo "meetingID=bench-$n" >>"$T/info.paths"
	fi
done
is "$(wc -l <"$T/hammer.paths") $(wc -l <"$T/join.paths")" "32 36" "four meetings on each server"

# measure PHASE SECONDS: joins and calls to the nine others.
measure() {
	local what pids=()
	for what in join info; do
		"$PACED_CLIENT" "$HTTP_PORT" "$T/$what.paths" 16 $RATE "$2" "$T/$what.part" &
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	for what in join info; do
		cat "$T/$what.part" >>"$T/$what.$1"
		percentile 500 "$T/$what.part" >>"$T/$what.$1.500"
		percentile 990 "$T/$what.part" >>"$T/$what.$1.990"
	done
}

# hammer PHASE SECONDS: the 32 clients, in the background.
hammer() {
	"$PACED_CLIENT" "$HTTP_PORT" "$T/hammer.paths" $CLIENTS $((CLIENTS * 10)) "$2" \
		"$T/hammer.part" skip
	cat "$T/hammer.part" >>"$T/hammer.$1"
}

for ((round = 0; round < ROUNDS; round++)); do
	measure alone "$SECONDS_EACH"

	hammer without $((SECONDS_EACH + 2)) &
	hammering=$!
	sleep 2
	measure without "$SECONDS_EACH"
	wait $hammering

	hammer with $((SECONDS_EACH + 7)) &
	hammering=$!
	sleep 1
	fault "$hung" hang
	sleep 3
	measure with "$SECONDS_EACH"
	wait $hammering
	fault "$hung" none
	sleep 1
done

# How a hang begins: hangs of two seconds, and three without one between them.
lasts=$((HANGS * 26 / 5 + 5))
pids=()
hammer short $lasts &
pids+=($!)
for what in join info; do
	"$PACED_CLIENT" "$HTTP_PORT" "$T/$what.paths" 16 $RATE $lasts "$T/$what.short" &
	pids+=($!)
done
sleep 2
for ((round = 0; round < HANGS; round++)); do
	sleep 1.5
	before=$(now_ms)
	# To tell the server costs the machine something; so it is told in any case.
	fault "$hung" none >&2
	sleep 1
	begun=$(now_ms)
	fault "$hung" hang >&2
	sleep 2
	fault "$hung" none >&2
	echo "$before before.$round $begun first.$round $((begun + 1000)) second.$round"
	sleep 0.5
done >"$T/seconds"
wait_for_all "${pids[@]}"
for what in join info; do
	awk -v to="$T/$what." 'NR == FNR { for (i = 1; i < NF; i += 2) { begin[++n] = $i; name[n] = $(i + 1) } next }
		{ for (i = 1; i <= n; i++) if ($3 >= begin[i] && $3 < begin[i] + 1000) print >(to name[i]) }' \
		"$T/seconds" "$T/$what.short"
	for second in before first second; do
		cat "$T/$what.$second".* >"$T/$what.$second"
		for ((round = 0; round < HANGS; round++)); do
			for p in 500 990; do
				percentile $p "$T/$what.$second.$round" >>"$T/$what.$second-$p"
			done
		done
	done
done

status=0
# judge WITHOUT WITH: their ratio; more than 1.5 is too much.
judge() {
	awk "BEGIN { printf \"%.2f\", $2 / $1 }"
	awk "BEGIN { exit !($2 <= 1.5 * $1) }"
}
name_of() { [ "$1" = join ] && echo join || echo getMeetingInfo; }
printf '%-16s%7s%12s%12s%12s%12s%12s%12s%8s\n' microseconds calls 'p50 alone' 'p50 without' \
	'p50 with' 'p99 alone' 'p99 without' 'p99 with' ratio
for what in join info; do
	# shellcheck disable=SC2046 # numbers
	set -- $(for p in 500 990; do
		for phase in alone without with; do
			percentile 500 "$T/$what.$phase.$p"
		done
	done)
	ratio=$(judge "$5" "$6") || status=1
	printf '%-16s%7d%12d%12d%12d%12d%12d%12d%8s\n' "$(name_of $what)" \
		"$(wc -l <"$T/$what.with")" "$@" "$ratio"
done
# The last but one: of all hangs' calls together, where a few bad hangs show.
printf '\n%-16s%9s%7s%12s%12s%12s%8s  %22s\n' microseconds second calls 'p50' 'p99 before' p99 ratio \
	'p99 of all, and before'
for what in join info; do
	for second in first second; do
		p99_before=$(median <"$T/$what.before-990")
		p99=$(median <"$T/$what.$second-990")
		ratio=$(judge "$p99_before" "$p99") || status=1
		printf '%-16s%9s%7d%12d%12d%12d%8s%12d%12d\n' "$(name_of $what)" $second \
			"$(wc -l <"$T/$what.$second")" "$(median <"$T/$what.$second-500")" \
			"$p99_before" "$p99" "$ratio" \
			"$(percentile 990 "$T/$what.$second")" "$(percentile 990 "$T/$what.before")"
	done
done
echo
for phase in without with short; do
	for what in join info hammer; do
		bad=$(grep -c bad "$T/$what.$phase")
		printf '%s, %s: %d answered well, %d not\n' "$what" \
			"$([ $phase = short ] && echo 'the short hangs' || echo "$phase the hang")" \
			"$(grep -c good "$T/$what.$phase")" "$bad"
		[ "$what" = hammer ] || [ "$bad" = 0 ] || status=1
	done
done
printf 'the longest call to others while a hang began: %d ms\n' \
	$(($(percentile 1000 <(cat "$T"/{join,info}.{first,second})) / 1000))
printf 'calls refused at once: %d\n' "$(grep -c 'server was not asked' "$LOGS/gateway.log")"
[ $status = 0 ] || echo 'The others are slower by more than half, or were not answered.'
FINISHED=1
exit $status
