#!/usr/bin/env bash
# The metrics are those of the whole installation: two FastCGI processes and CGI requests
# count into one, whoever is asked tells all of it, and neither a restart nor a kill loses any.
# What a dead process was doing does not count.  A server that hangs is named.  Ten thousand
# meetings make no new line.
. "$(dirname "$0")/lib.sh"
begin story-metrics 38
need sqlite3 sha256sum
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
PATH=$PATH:$TOP/build/tools
start_sandbox 3
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 600,' \
	'"lookups_per_second": 50,'
first=unix:$T/first.sock
second=unix:$T/second.sock
FCGI_ADDRESS=$first
DOOR=fcgi
REQUEST() { "${DOOR}_request" "$@"; }
start_gateway gateway-1 "$first"
start_gateway gateway-2 "$second"

# by ADDRESS|cgi COMMAND...: asks that one.
by() {
	local DOOR=fcgi FCGI_ADDRESS=$1
	[ "$1" != cgi ] || DOOR=cgi
	shift
	"$@"
}
scrape() {
	GET "$(url tinyscale/metrics "${1:-}" "$ADMIN_SECRET")"
}
# metric 'NAME{LABELS}': its value, or nothing; of the last scrape.
metric() {
	awk -v name="$1" 'index($0, name " ") == 1 { print substr($0, length(name) + 2) }' "$T/body"
}
running='tinyscale_requests_total{call="isMeetingRunning",result="SUCCESS"}'
# A request is counted when its client has the answer.
counted() {
	scrape
	[ "$(metric "$1")" = "$2" ]
}

create metrics
is "$(result)" SUCCESS "a meeting"
for ((n = 0; n < 20; n++)); do call isMeetingRunning meetingID=metrics; done
for ((n = 0; n < 30; n++)); do by "$second" call isMeetingRunning meetingID=metrics; done
for ((n = 0; n < 5; n++)); do by cgi call isMeetingRunning meetingID=metrics; done
wait_until counted "$running" 55
ok $? "all that two processes and CGI requests have answered"
is "$(HEADER Content-Type)" "text/plain; version=0.0.4; charset=utf-8" "as Prometheus reads it"
is "$(metric 'tinyscale_request_duration_seconds_count{call="isMeetingRunning"}')" 55 \
	"and as many durations"
by "$second" scrape
is "$(metric "$running")" 55 "the other process tells the same"
by cgi scrape
is "$(metric "$running")" 55 "and so does a CGI request"
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/body" >"$T/promtool" 2>&1
	is "$? $(cat "$T/promtool")" "0 " "promtool finds nothing"
elif [ "$E2E_REQUIRED" = 1 ]; then
	fail "promtool is there" "tests/install.sh fetches it"
else
	skip "promtool finds nothing" "no promtool"
fi

scrape
is "$(metric tinyscale_processes)" 2 "two processes"
is "$(metric tinyscale_workers)" 64 "with their threads"
is "$(metric tinyscale_metrics_shared)" 1 "and one set of totals"

# --- killed and restarted
kill -KILL "${PIDS[gateway-2]}"
wait_until counted tinyscale_processes 1
ok $? "one that was killed is no longer there"
is "$(metric "$running")" 55 "what it had counted is"
stop gateway-2
start_gateway gateway-2 "$second"
stop gateway-1
start_gateway gateway-1 "$first"
by "$second" call isMeetingRunning meetingID=metrics
wait_until counted "$running" 56
ok $? "restarts lose nothing, and the counting goes on"

# --- what is under way
fault 1 hang getMeetingInfo
fault 2 hang getMeetingInfo
fault 3 hang getMeetingInfo
pids=()
for n in 1 2 3; do
	fcgi_background "$(url getMeetingInfo meetingID=metrics)" "$T/out-$n" "$second"
	pids+=($!)
done
here=$(servers_of metrics)
in_flight="tinyscale_server_calls_in_flight{server=\"server-$here\"}"
under_way() {
	scrape
	[ "$(metric "$in_flight")" -ge 3 ] && [ "$(metric tinyscale_workers_busy)" -ge 4 ]
}
wait_until under_way
ok $? "calls under way in the other process are told"
kill -KILL "${PIDS[gateway-2]}"
nothing_under_way() {
	scrape
	[ "$(metric "$in_flight")" = 0 ] && [ "$(metric tinyscale_workers_busy)" = 1 ]
}
wait_until nothing_under_way
ok $? "once it was killed there are none"
wait_for_all "${pids[@]}"
stop gateway-2
start_gateway gateway-2 "$second"

# --- a server that hangs
for n in 1 2 3; do fault $n none; done
all_up() {
	local n
	scrape
	for n in 1 2 3; do
		[ "$(metric "tinyscale_server_health{server=\"server-$n\",health=\"up\"}")" = 1 ] ||
			return
	done
}
wait_until all_up
ok $? "all servers are up"
fault 1 hang
named() {
	scrape
	[ "$(metric 'tinyscale_server_health{server="server-1",health="up"}')" = 0 ]
}
wait_until named
ok $? "a server that hangs is named"
within "$(metric 'tinyscale_server_failed_polls{server="server-1"}')" 1 2 "within two polls"
is "$(metric 'tinyscale_server_health{server="server-2",health="up"}')" 1 "and no other"
isnt "$(metric 'tinyscale_server_call_failures_total{server="server-1"}')" 0 "its failures count"
fault 1 none
wait_until all_up
ok $? "it is up again"
like "$(metric 'tinyscale_server_poll_duration_seconds{server="server-1"}')" "0.*" \
	"its poll's time is told"

# --- ten thousand meetings
# Everything that the next calls lead to has been there: an answer within and beyond the budget
# for look-ups, and by both processes.
lines() { grep -c . "$T/body"; }
mkdir "$T/ids"
awk -v dir="$T/ids" -v secret="$SECRET" 'BEGIN { for (n = 0; n < 10000; n++) {
	file = sprintf("%s/%05d", dir, n)
	printf "isMeetingRunningmeetingID=many-%05d%s", n, secret >file
	close(file) } }'
(cd "$T/ids" && sha256sum -- *) >"$T/sums"
cut -d' ' -f1 "$T/sums" >>"$CHECKSUMS"
# ask FROM TO: over one connection for every 50.
ask() {
	awk -v from="$1" -v to="$2" -v api="$API" 'NR > from && NR <= to {
		print "REQUEST_METHOD=GET REQUEST_URI=" api "/isMeetingRunning?meetingID=many-" \
			$2 "&checksum=" $1 }' "$T/sums" | while mapfile -t -n 50 urls && [ ${#urls[@]} -gt 0 ]; do
		arguments=()
		for line in "${urls[@]}"; do
			# shellcheck disable=SC2206 # two words
			arguments+=($line --next)
		done
		unset 'arguments[-1]'
		"$FCGI_CLIENT" --keep --timeout 90 "${3:-$first}" "${arguments[@]}" >>"$T/many" ||
			echo failed >>"$T/many-failed"
	done
}
ask 0 200
before_count() {
	scrape
	[ "$(metric "$running")" -eq 256 ]
}
wait_until before_count
ok $? "two hundred meetings"
before=$(lines)
ask 200 5000 &
pids=($!)
ask 5000 10000 "$second" &
pids+=($!)
wait_for_all "${pids[@]}"
is "$(grep -c '<running>false</running>' "$T/many")" 10000 "ten thousand answers"
wait_until counted "$running" 10056
ok $? "all of them counted"
is "$(lines)" "$before" "and not one line more"
isnt "$(metric tinyscale_lookups_spared_total)" 0 "the look-ups' budget was used up"
is "$(grep -c 'many-' "$T/body")" 0 "no meeting is named"

# --- the state fails, and is lost
hold_state
create locked
failed() {
	scrape
	[ "$(metric 'tinyscale_state_broken{access="write"}')" -ge 1 ] &&
		[ "$(metric 'tinyscale_state_failures_total{access="write"}')" -ge 1 ]
}
wait_until failed
ok $? "a state that cannot be written is told"
release_state
wait_until counted 'tinyscale_state_broken{access="write"}' 0
ok $? "and that it can be again"
delete_state
call isMeetingRunning meetingID=metrics
together() {
	scrape
	local n
	n=$(metric tinyscale_processes)
	by "$second" scrape
	[ "$n $(metric tinyscale_processes)" = "2 2" ]
}
wait_until together
ok $? "after the state's loss both processes count together again"

# --- who may ask
GET "$(url tinyscale/metrics)"
is "$(result)" "FAILED checksumError" "the clients' secret does not open them"
scrape "until=$(($(date +%s) + 3600))"
is "$(STATUS)" 200 "a URL that ends in an hour"
like "$(BODY)" "*tinyscale_build_info*" "works"
scrape "until=$(($(date +%s) - 1))"
is "$(result)" "FAILED checksumError" "one that has ended does not"

finish
