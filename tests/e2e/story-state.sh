#!/usr/bin/env bash
# The state is lost or broken in every way under load: it costs probes, never an
# answer.
. "$(dirname "$0")/lib.sh"
begin story-state 15
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
write_config "$T/servers.json"
install -m 755 "$FCGI_PROGRAM" "$T/bin/"
FCGI_PROGRAM=$T/bin/tinyscale.fcgi
mkdir "$T/socket"
# Not as root, for whom nothing is unwritable.
own "$T/state" "$T/socket"
RUN_AS=("${AS_NOBODY[@]}")
FCGI_ADDRESS=unix:$T/socket/gateway.sock
REQUEST() { fcgi_request "$@"; }

# load NAME: requests of many kinds until the file $T/stop exists; each unexpected
# answer is a line on standard output. The file $T/rounds has a line for each round.
load() {
	local n=0
	T=$T/load
	while [ ! -e "$T/../stop" ]; do
		n=$((n + 1))
		GET "${KNOWN_JOIN}"
		[ "$(STATUS)" = 302 ] || echo "join: $(STATUS) $(result)"
		GET "${KNOWN_INFO}"
		[ "$(result) $(xml meetingID)" = "SUCCESS known" ] || echo "getMeetingInfo: $(result)"
		create "$1-$n"
		[ "$(result)" = SUCCESS ] || echo "create: $(result)"
		join "$1-$n"
		[ "$(STATUS)" = 302 ] || echo "join of a new meeting: $(STATUS) $(result)"
		echo "$n" >>"$T/../rounds"
	done
	echo "$n rounds"
}

# damage KIND: under load; then nothing may have failed, and all meetings must still be
# found where they are.
damage() {
	local name=$1 loader home
	rm -f "$T/stop"
	: >"$T/rounds"
	mkdir -p "$T/load"
	load "${name// /-}" >"$T/load.out" &
	loader=$!
	must_wait_until "state $name: the load is under way" has_rounds 2
	damage_state "$name" || diag "the state cannot be $name"
	must_wait_until "state $name: it goes on" has_rounds $(($(wc -l <"$T/rounds") + 8))
	touch "$T/stop"
	wait "$loader"
	is "$(grep -v rounds "$T/load.out")" "" "state $name: no request fails"
	diag "$(grep rounds "$T/load.out")"
	is_running gateway
	ok $? "state $name: the gateway runs on"
	home=$(servers_of known)
	join known
	is "$(STATUS)" 302 "state $name: join"
	like "$(HEADER Location)" "$(server_url "$home")/*" "state $name: the meeting is where it was"
	create known
	is "$(result) $(servers_of known)" "SUCCESS duplicateWarning $home" "state $name: create again makes no second"
}

has_rounds() { [ "$(wc -l <"$T/rounds")" -ge "$1" ]; }

begin_again() {
	stop gateway
	repair_state
	start_gateway gateway "$FCGI_ADDRESS"
	create known
}

start_gateway gateway "$FCGI_ADDRESS"
create known
KNOWN_JOIN=$(url join "fullName=A&meetingID=known&role=viewer")
KNOWN_INFO=$(url getMeetingInfo "meetingID=known")

for kind in deleted overwritten replaced unwritable; do
	damage $kind
	begin_again
done

# And from the start.
stop gateway
repair_state
damage_state replaced
start_gateway gateway "$FCGI_ADDRESS"
join known
is "$(STATUS)" 302 "something else from the start: join"
create known
is "$(result)" "SUCCESS duplicateWarning" "something else from the start: create again"
stop gateway
repair_state
damage_state overwritten
start_gateway gateway "$FCGI_ADDRESS"
join known
is "$(STATUS)" 302 "garbage from the start: join"

finish
