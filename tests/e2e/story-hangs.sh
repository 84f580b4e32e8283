#!/usr/bin/env bash
# Servers of ten hang, each in another way: with the head of an answer, a byte at a time,
# without taking a connection, or two at once. Six times as many calls as there are threads
# wait for them; all calls to the others are answered meanwhile, before one of those that
# wait. When the hang ends they are answered, too, and no server was in doubt.
. "$(dirname "$0")/lib.sh"
begin story-hangs 35
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 10
# Nobody is refused and nobody's time is up: all wait until the hang ends.
write_config "$T/servers.json" '"poll_interval_ms": 600000,' '"max_calls_per_server": 100,' \
	'"connect_timeout_ms": 600000,' '"call_timeout_ms": 600000,'
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS" -t 4
REQUEST() { fcgi_request "$@"; }
CROWD=24

declare -A meeting_on
for n in {1..20}; do
	create "hang-$n"
	meeting_on[$(servers_of "hang-$n")]=hang-$n
done
is "${#meeting_on[@]}" 10 "each of ten servers has a meeting"

# asked SERVER: how many calls of the crowd it has taken.
asked() { control "/calls?server=$1&call=getMeetingInfo&count=1"; }
# knocking SERVER: how many connections to it are begun and have no answer: SYN_SENT, proc(5).
knocking() {
	awk -v port="$(printf ':%04X' "$(server_port "$1")")" \
		'$4 == "02" && substr($3, length($3) - 4) == port { n++ } END { print n + 0 }' /proc/self/net/tcp
}
# are_waiting COUNT: that many calls by now, over all servers that hang?
are_waiting() {
	local server n=0
	for server in "${!hanging[@]}"; do
		case ${hanging[$server]} in
		deaf) n=$((n + $(knocking "$server"))) ;;
		*) n=$((n + $(asked "$server") - ${asked_before[$server]})) ;;
		esac
	done
	[ "$n" -ge "$1" ]
}

# call_others: a join and a call to each server that answers. Leaves how many went wrong in
# bad; one is enough, as each takes its time.
call_others() {
	local server
	bad=0
	for server in "${!meeting_on[@]}"; do
		[ -n "${hanging[$server]:-}" ] && continue
		call join "fullName=A&meetingID=${meeting_on[$server]}&role=viewer"
		[ "$(STATUS)" = 302 ] || bad=$((bad + 1))
		call getMeetingInfo "meetingID=${meeting_on[$server]}"
		[ "$(result)" = SUCCESS ] || bad=$((bad + 1))
		[ "$bad" = 0 ] || break
	done
}

# hang WHAT SERVER=KIND...: these servers hang, and afterwards do not.
declare -A hanging asked_before
rounds=0
hang() {
	local what=$1 one server n crowd=() files=$T/crowd-$((++rounds))
	shift
	hanging=()
	asked_before=()
	mkdir "$files"
	for one; do
		server=${one%=*}
		hanging[$server]=${one#*=}
		asked_before[$server]=$(asked "$server")
		fault "$server" "${one#*=}" "" 1000
	done
	while [ ${#crowd[@]} -lt $CROWD ]; do
		for server in "${!hanging[@]}"; do
			# Equal ones would go together.
			fcgi_background "$(url getMeetingInfo "meetingID=${meeting_on[$server]}&n=${#crowd[@]}")" \
				"$files/${#crowd[@]}"
			crowd+=($!)
		done
	done
	must_wait_until "$what: $CROWD calls wait, with four threads" are_waiting $CROWD
	call_others
	is "$bad" 0 "$what: all others are answered"
	is "$(count_files . "$files"/*)" 0 "$what: before any call that waits"
	n=0
	for one in "${crowd[@]}"; do
		is_alive "$one" && n=$((n + 1))
	done
	is "$n" $CROWD "$what: none of which was given up"
	for server in "${!hanging[@]}"; do
		fault "$server" none
	done
	wait_for_all "${crowd[@]}"
	is "$(count_files '<returncode>SUCCESS' "$files"/*)" $CROWD "$what: when it ends, all are answered"
}

hang "a server that sends the head and then nothing" 1=stall
hang "a server that sends a byte at a time" 2=drip
hang "a server that takes no connection" 3=deaf
hang "two servers at once" 4=hang 5=hang
hang "two servers, each in its way" 6=stall 7=deaf
hang "a server that takes no connection, and did hang before" 6=deaf
is "$(grep -c 'server is suspect\|server is down' "$LOGS/gateway.log")" 0 "no server was in doubt"

finish
