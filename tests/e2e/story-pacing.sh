#!/usr/bin/env bash
# A lecture begins: three hundred people join one server at once, which takes thirty a
# second.  Through two FastCGI processes and through CGI: nobody is let in before the time,
# nobody is refused, everybody gets in, in about the order of coming.  A server without
# max_joins_per_second knows nothing of all that.  Programs wait two seconds at most, which
# holds no thread; those that wait when the configuration is reloaded, the server drained, or
# the gateway stopped, get in, too.  However busy the machine, nobody comes early: times have lower bounds.
. "$(dirname "$0")/lib.sh"
begin story-pacing 66
need nginx lighttpd spawn-fcgi sqlite3 make pkill
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/web.sh"
CLIENT=$BUILD/tests/e2e/crowd-client
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}
make -s -C "$BUILD" tests/e2e/crowd-client >"$LOGS/make.log" 2>&1
need_built "$CLIENT"
PEOPLE=300
RATE=30
# A sanitizer makes programs so slow that they come at no rate of ours.
is_measured=1
! has_sanitizer "$FCGI_PROGRAM" || is_measured=0

start_sandbox 2
# configure RATE: for server 1.
configure() {
	write_config "$T/servers.json" '"poll_interval_ms": 60000,' '"placement": "round-robin",'
	sed "s/\"name\": \"server-1\"/&, \"max_joins_per_second\": $1/" "$T/servers.json" >"$T/servers.new"
	mv "$T/servers.new" "$T/servers.json"
}
state() { sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "$1" | paste -sd' '; }

# begin_meetings: lecture on server 1, tutorial on server 2.
begin_meetings() {
	local id
	create one
	create two
	for id in one two; do
		case $(servers_of $id) in
		1) LECTURE=$id ;;
		2) TUTORIAL=$id ;;
		esac
	done
	is "${LECTURE:+1} ${TUTORIAL:+2}" "1 2" "$1: a meeting on each server"
}

# links COUNT MEETINGID FILE: signed paths.
links() {
	local n
	for ((n = 0; n < $1; n++)); do
		url join "fullName=P$n&meetingID=$2&password=$ATTENDEE_PW"
	done >"$3"
}

# column N FILE: a number of the crowd's log, sorted.
column() { cut -f"$1" "$2" | sort -n; }
# early STEP_MS: how many got in before their time, whoever they are: the Nth of all may not
# be in before N - 1 steps after the first one came.  A timer may be off by a step.
early() {
	awk '{ printf "%.0f\n", $2 + $3 }' "$2" | sort -n |
		awk -v step="$1" -v first="$(cut -f2 "$2" | sort -n | head -n 1)" \
			'$1 < first + (NR - 2) * step { n++ } END { print n + 0 }'
}
# mean COLUMN: of these lines.
mean() { awk -F'\t' -v c="$1" '{ sum += $c } END { print NR ? int(sum / NR) : -1 }'; }
# in_order: the place, in the mean, in which the first third and the last third of those who came
# were let in.
in_order() {
	calls 1 join | sed 's/.*fullName=P\([0-9]*\)&.*/\1/' | awk -v n=$PEOPLE '
		$1 < n / 3 { first += NR }
		$1 >= n * 2 / 3 { last += NR }
		END { print int(first * 3 / n), int(last * 3 / n) }'
}
# ends FILE: how they ended, "300 in".
ends() { cut -f5 "$1" | sort | uniq -c | awk '{ print $1, $2 }' | paste -sd,; }

# metric NAME: its value, or the sum of them.
metric() {
	call_admin tinyscale/metrics
	BODY | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%d\n", sum * 1000 }'
}
call_admin() { GET "$(url "$1" "" "$ADMIN_SECRET")"; }

# lecture NAME SPREAD_MS: all of them come within that time.
lecture() {
	links $PEOPLE "$LECTURE" "$T/links"
	"$CLIENT" "$HTTP_PORT" person "$2" "$T/links" "$T/$1.crowd" || diag "the client fails"
	is "$(ends "$T/$1.crowd")" "$PEOPLE in" "$1: $PEOPLE people join at once: all of them get in"
	is "$(calls 1 join | wc -l)" $PEOPLE "$1: … each once"
	# Where the state cannot be written in time, nobody waits.
	if [ "$(metric 'tinyscale_state_failures_total{access="write"}')" = 0 ]; then
		is "$(early $((1000 / RATE)) "$T/$1.crowd")" 0 "$1: … none before the time"
	else
		skip "$1: … none before the time" "the state could not be written for a while"
	fi
	if [ $is_measured = 0 ] || [ "$1" = CGI ]; then
		skip "$1: … in their order, with the page" "they are started too slowly to come at once"
		return
	fi
	local first last
	read -r first last < <(in_order)
	ok $((first < last ? 0 : 1)) "$1: … who came first is let in first (place $first, $last)"
	ok $(($(awk '$4 == 0' "$T/$1.crowd" | mean 3) < $(awk '$4 > 0' "$T/$1.crowd" | mean 3) ? 0 : 1)) \
		"$1: … who waits for longer than others sees the page"
}

# tutorial NAME: nobody waits for a server without the key.
tutorial() {
	links 100 "$TUTORIAL" "$T/links"
	"$CLIENT" "$HTTP_PORT" person 0 "$T/links" "$T/$1.tutorial" || diag "the client fails"
	is "$(cut -f4,5 "$T/$1.tutorial" | sort | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,)" "100 0 in" \
		"$1: a hundred people join a server without the key: all get in, without a page"
	is "$(state 'SELECT server FROM pacing')" server-1 "$1: … and nothing is written for them"
}

# --- two FastCGI processes ----------------------------------------------------------

configure $RATE
spawn_fcgi 2 "$T/gateway.sock"
must_wait_until "the gateways answer" fcgi_probe "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"
begin_meetings FastCGI
lecture FastCGI 500
tutorial FastCGI
stop nginx
stop spawned-1
stop spawned-2

# --- programs, and few threads --------------------------------------------------------

PROGRAMS=100
configure 5
control /reset
delete_state
start_gateway gateway "unix:$T/gateway.sock" -t 2
start_nginx "$T/gateway.sock"
begin_meetings programs
links $PROGRAMS "$LECTURE" "$T/links"
GET "$(head -n 1 "$T/links")"
is "$(STATUS)" 302 "programs: one joins alone"

# programs_come: all at once, behind others who take the next minute, so that each of them
# has two seconds to wait.
programs_come() {
	local far_us=$((($(now_ms) + 60000) * 1000))
	state "UPDATE pacing SET next_us = $far_us"
	all_us=$((far_us + PROGRAMS * 200000))
	timed_crowd &
	crowd=$!
	wait_until have_come
	ok $? "$1: a hundred come at once to a server that takes five a second"
}
have_come() { [ "$(state 'SELECT next_us FROM pacing')" = "$all_us" ]; }
timed_crowd() { timed "$CLIENT" "$HTTP_PORT" program 0 "$T/links" "$T/programs.crowd"; echo "$TOOK_MS" >"$T/crowd-ms"; }
is_only_busy() { [ "$(metric tinyscale_workers_busy)" = 1000 ]; }

joins_before=$(grep -a 'call=join' "$LOGS/gateway.log" | grep -ac 'result=redirect')
programs_come programs
timed GET "$API/tinyscale/health"
health_ms=$TOOK_MS
is "$(BODY)" ok "programs: others have their answers meanwhile, from two threads"
wait_until is_only_busy
ok $? "programs: … and only who asks for it holds a thread"
wait_for_all $crowd
ok $((health_ms < $(cat "$T/crowd-ms") / 2 ? 0 : 1)) "programs: … at once ($health_ms ms)"
is "$(ends "$T/programs.crowd")" "$PROGRAMS in" "programs: all get in"
is "$(awk '$3 < 1990' "$T/programs.crowd" | wc -l)" 0 "programs: … each after two seconds"
ok $(($(column 3 "$T/programs.crowd" | tail -n 1) < 60000 ? 0 : 1)) "programs: … none waits for its whole turn"
joins=$(grep -a 'call=join' "$LOGS/gateway.log" | grep -a 'result=redirect' | tail -n +$((joins_before + 1)))
is "$(grep -c . <<<"$joins")" $PROGRAMS "programs: the log has a line for each"
is "$(grep -o ' ms=[0-9]*' <<<"$joins" | awk -F= '$2 >= 1990' | wc -l)" $PROGRAMS \
	"programs: … with the time that it waited"
within "$(metric 'tinyscale_request_duration_seconds_sum{call="join"}')" 0 $(($(column 3 "$T/programs.crowd" | paste -sd+) / 2)) \
	"programs: … which the metrics do not have"

# --- the configuration is reloaded --------------------------------------------------------

programs_come reload
configure 0
kill -HUP "${PIDS[gateway]}"
wait_until grep -aq 'configuration reloaded' "$LOGS/gateway.log"
ok $? "reload: while they wait the server loses the key"
GET "$(head -n 1 "$T/links")"
is "$(STATUS)" 302 "reload: … who comes now gets in"
is "$(state 'SELECT next_us FROM pacing')" "$all_us" "reload: … and takes no place"
wait_for_all $crowd
is "$(ends "$T/programs.crowd")" "$PROGRAMS in" "reload: … and those who waited get in"
configure 5
kill -HUP "${PIDS[gateway]}"
are_two() { [ "$(grep -ac 'configuration reloaded' "$LOGS/gateway.log")" = 2 ]; }
must_wait_until "the key is back" are_two

# --- the server is drained, or taken out; those who wait go away ------------------------------

# ctl COMMAND...: what an operator does.
ctl() { TINYSCALE_CONFIG=$T/servers.json "$CTL_PROGRAM" "$@" >>"$LOGS/ctl.log" 2>&1; }

joined=$(calls 1 join | wc -l)
programs_come drain
ctl cordon server-1
ok $? "drain: while they wait the server is to get no new meetings"
wait_for_all $crowd
is "$(ends "$T/programs.crowd")" "$PROGRAMS in" "drain: … and those who waited get in"
is "$(calls 1 join | wc -l)" $((joined + PROGRAMS)) "drain: … to where the meeting is"
ctl uncordon server-1

programs_come "taken out"
ctl disable server-1
ok $? "taken out: while they wait nothing is to be sent to the server any more"
joined=$(calls 1 join | wc -l)
wait_for_all $crowd
GET "$(head -n 1 "$T/links")"
is "$(ends "$T/programs.crowd")" "$PROGRAMS $(STATUS)" \
	"taken out: … and those who waited are told what others are told"
is "$(calls 1 join | wc -l)" "$joined" "taken out: … and nobody is sent there"
ctl enable server-1

joins() { grep -ac 'call=join' "$LOGS/gateway.log"; }
joins_before=$(joins)
programs_come gone
pkill -KILL -P $crowd crowd-client
have_gone() { [ "$(joins)" = $((joins_before + PROGRAMS)) ]; }
wait_until have_gone
ok $? "gone: who goes away while waiting holds nothing any longer than the others"
wait_until is_only_busy
ok $? "gone: … and no thread"
wait_for_all $crowd
GET "$(head -n 1 "$T/links")"
is "$(STATUS)" 302 "gone: … and who comes now gets in"

# --- the gateway stops ------------------------------------------------------------------

programs_come stop
stop gateway
wait_for_all $crowd
is "$(ends "$T/programs.crowd")" "$PROGRAMS in" "stop: those who wait when the gateway stops get in"
stop nginx

# --- CGI ---------------------------------------------------------------------------------

RATE=20
configure $RATE
control /reset
delete_state
install_program "$CGI_PROGRAM"
example "$TOP/contrib/lighttpd-cgi-example.conf" \
	"s|/usr/lib/cgi-bin/|$T/bin/|" \
	"s|/var/log/lighttpd/tinyscale.log|$LOGS/cgi.log|" \
	"s|/etc/tinyscale/servers.json|$T/servers.json|" >"$T/example.conf" || finish
write_lighttpd_config "$T/example.conf"
start_lighttpd
begin_meetings CGI
lecture CGI 3000
tutorial CGI

finish
