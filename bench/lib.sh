# shellcheck shell=bash
#
# What the benchmarks share, beside tests/e2e/lib.sh.

# freeze CALL: from here on each server answers CALL as it does now, and need not make the
# answer up anew: they are one process here, which would do that for one after the
# other. All else that they have is gone.
freeze() {
	local n
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		curl -gsS -o "$T/list-$n" "$(own_url "$n" "$1")"
	done
	control /reset
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		control "/raw?server=$n&call=$1" --data-binary "@$T/list-$n"
	done
}

# median: of the numbers on standard input, a line each.
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# percentile PER-MILLE FILE: of the numbers that its lines begin with.
percentile() {
	sort -n "$2" | awk -v p="$1" '{ took[NR] = $1 } END { print took[int((NR - 1) * p / 1000) + 1] }'
}

# --- requests, made before anything is measured ------------------------------------

# sign_all FILE: lines "CALL QUERY" to paths, by one process for all.
sign_all() {
	local call query n=0
	rm -rf "$T/sign"
	mkdir "$T/sign"
	while read -r call query; do
		n=$((n + 1))
		printf '%s%s%s' "$call" "$query" "$SECRET" >"$T/sign/$n"
	done <"$1"
	(cd "$T/sign" && seq "$n" | xargs sha256sum) | cut -d' ' -f1 | paste -d' ' "$1" - |
		awk -F'[ ]' -v api="$API" '{ print api "/" $1 "?" $2 "&checksum=" $3 }'
}
# arguments FILE PATH...: what the client is called with to ask for these, a NUL
# after each, for xargs.
arguments() {
	local file=$1 path next='' META
	shift
	for path; do
		meta_variables GET "$path"
		printf '%s\0' ${next:+"$next"} "${META[@]}"
		next=--next
	done >"$file"
}

# client NAME ARGUMENTS OUT: one request after the other over one connection to the gateway
# that listens on NAME.sock; a line of microseconds for each in OUT.us, the answers in OUT.
client() {
	xargs -0 -a "$2" "$FCGI_CLIENT" --keep --time --timeout 600 "unix:$T/$1.sock" >"$3" 2>"$3.us"
}

# at_once N COMMAND...: so many, each with its number from 0 on as its last argument. TOOK_MS
# until all are done.
at_once() {
	local n=$1 k pids=() begun
	shift
	begun=$(now_ms)
	for ((k = 0; k < n; k++)); do
		"$@" "$k" &
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	TOOK_MS=$(($(now_ms) - begun))
}

# cpu_us NAME: what the threads of that program have used so far
# (Documentation/scheduler/sched-stats.rst).
cpu_us() { awk '{ sum += $1 } END { print int(sum / 1000) }' "/proc/${PIDS[$1]}"/task/*/schedstat; }

# --- an engine -----------------------------------------------------------------------

# start_engine: a Redis that saves as contrib/ha/redis.conf has it, with its socket at ENGINE.
start_engine() {
	ENGINE=$T/engine.sock
	need redis-server redis-cli redis-benchmark
	start engine redis-server --port 0 --unixsocket "$ENGINE" --dir "$T" --save '' --appendonly yes \
		--appendfsync everysec
	must_wait_until "the engine answers" engine_answers
}
engine() { redis-cli -s "$ENGINE" "$@"; }
engine_answers() { [ "$(engine PING)" = PONG ]; }

# engine_way_us: how long it takes there and back, with nothing to do there.
engine_way_us() { redis-benchmark -s "$ENGINE" -c 1 -n 5000 --csv PING | awk -F'"' 'END { print int(1e6 / $4) }'; }
