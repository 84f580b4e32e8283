#!/usr/bin/env bash
# Somebody goes on and on with wrong checksums: the log tells of the first hundred in a
# minute and that there are more, whichever process gets them; each gets its answer and is
# counted.  Who has the secret is served and logged as ever, at the same address, too.
. "$(dirname "$0")/lib.sh"
begin story-guesses 95
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/fail2ban.sh"
mkdir "$T/fail2ban"
start_sandbox 1
write_config "$T/servers.json"
first=unix:$T/first.sock
second=unix:$T/second.sock
FCGI_ADDRESS=$first
REQUEST() { fcgi_request "$@"; }
bound() { awk -v name="$1" '$1 == "#define" && $2 == name { print $3 }' "$TOP/common/base/bounds.h"; }
MOST=$(bound LIMIT_REFUSALS)
WINDOW=$(bound LIMIT_REFUSALS_S)

# guess TIMES ADDRESS CLIENT...: so many wrong checksums, fifty over one connection, from the
# clients in turn, every tenth in an admin call; prints how many were refused.
guess() {
	local times=$1 address=$2 n path arguments=()
	shift 2
	for ((n = 1; n <= times; n++)); do
		path=getMeetings
		[ $((n % 10)) -gt 0 ] || path=tinyscale/status
		arguments+=(REQUEST_METHOD=GET REQUEST_URI="$API/$path?checksum=$n" REMOTE_ADDR="$1")
		set -- "${@:2}" "$1"
		if [ $((n % 50)) -gt 0 ] && [ $n -lt "$times" ]; then
			arguments+=(--next)
			continue
		fi
		"$FCGI_CLIENT" --keep --timeout 90 "$address" "${arguments[@]}" 2>>"$T/client-errors"
		arguments=()
	done | grep -c '<messageKey>checksumError<'
}
FURTHER='further checksum failures of this client are not logged'
# lines EVENT CLIENT [LOG]: how many of that event name that client.
lines() { grep -c " $1 id=[0-9a-f]* client=$2 " "${3:-$LOGS/gateway.log}"; }
failures() {
	GET "$(url tinyscale/metrics "" "$ADMIN_SECRET")"
	awk '$1 == "tinyscale_checksum_failures_total" { print $2 }' "$T/body"
}
are_counted() { [ "$(failures)" = "$1" ]; }

: >"$LOGS/gateway.log"
start_gateway gateway-1 "$first"
start_gateway gateway-2 "$second"
for name in gateway-1 gateway-2; do : >"$LOGS/$name.log"; done

# --- two processes, and a CGI request
all=0
# What is to happen within one window is done again where the machine was too slow for that.
for attempt in 1 2 3 4 5; do
	CLIENT=192.0.2.$attempt
	since=$SECONDS
	half=$((MOST / 2 + 10))
	guess $half "$first" "$CLIENT" >"$T/refused-1" &
	pids=($!)
	guess $half "$second" "$CLIENT" >"$T/refused-2" &
	pids+=($!)
	wait_for_all "${pids[@]}"
	all=$((all + 2 * half))
	refused=$(cat "$T/refused-1" "$T/refused-2" | paste -sd' ')
	call getMeetings
	served=$(result)
	FCGI_ADDRESS=$second
	call getMeetings
	served+=", $(result)"
	GET "$API/getMeetings?checksum=wrong"
	served+=", $(result)"
	FCGI_ADDRESS=$first
	CGI_STDERR=$LOGS/guess-cgi.log
	REQUEST() { cgi_request "$@"; }
	GET "$API/getMeetings?checksum=wrong"
	served+=", $(result)"
	REQUEST() { fcgi_request "$@"; }
	all=$((all + 2))
	[ $((SECONDS - since)) -ge $((WINDOW - 5)) ] || break
	diag "a window was over before all was sent"
	: >"$LOGS/guess-cgi.log"
done
is "$refused" "$half $half" "each of $((MOST + 20)) wrong checksums is refused, by two processes"
is "$served" "SUCCESS noMeetings, SUCCESS noMeetings, FAILED checksumError, FAILED checksumError" \
	"a right checksum of the same address is served meanwhile, and wrong ones are not"
guesser=$CLIENT
CLIENT=192.0.2.99
GET "$API/getMeetings?checksum=wrong"
all=$((all + 1))
CLIENT=127.0.0.1
wait_until are_counted "$all"
ok $? "the metrics count all of them"
stop gateway-1
stop gateway-2
cat "$LOGS/gateway-1.log" "$LOGS/gateway-2.log" >"$T/both"
is "$(lines 'warn checksum failure' "$guesser" "$T/both")" "$MOST" "the log of both tells of $MOST"
is "$(grep -c "client=$guesser .*result=checksumError" "$T/both")" "$MOST" "and has their requests"
within "$(grep -c "call=tinyscale/status .*result=checksumError" "$T/both")" 5 "$MOST" \
	"those of an admin call among them"
is "$(lines "warn $FURTHER" "$guesser" "$T/both")" 1 "and once that there are more"
within "$(sed -nE "s/.* $FURTHER id=[0-9a-f]{16} client=$guesser call=[a-zA-Z\/]+ seconds=([0-9]+)\$/\1/p" "$T/both")" \
	1 "$WINDOW" "for so many seconds"
is "$(grep -c "client=$guesser .*result=noMeetings" "$T/both")" 2 "requests that were served are logged"
is "$(lines 'warn checksum failure' "$guesser" "$LOGS/guess-cgi.log")" 0 "nor does a CGI process log what is beyond"
is "$(grep -c checksumError "$LOGS/guess-cgi.log")" 0 "its request included"
is "$(lines 'warn checksum failure' 192.0.2.99 "$T/both")" 1 "another address's is logged"
if command -v fail2ban-regex >/dev/null; then
	is "$(banned_by "$T/both" | tr ' ' '\n' | grep -cx "$guesser")" "$MOST" "fail2ban sees as many"
else
	skip "fail2ban sees as many" "fail2ban is not installed"
fi

# --- what is told of the address, where not all of it is; and of IPv6
block=0
for shown in prefix none; do
	write_config "$T/servers.json" "\"log_client\": \"$shown\"," '"log_format": "json",'
	start_gateway gateway "$first"
	block=$((block + 1))
	for attempt in 1 2 3 4 5; do
		: >"$LOGS/gateway.log"
		since=$SECONDS
		guess $((MOST + 20)) "$first" "2001:db8:$attempt:$block::1" \
			"2001:db8:$attempt:$block:ffff::2" >"$T/refused-1"
		[ $((SECONDS - since)) -ge "$WINDOW" ] || break
	done
	is "$(cat "$T/refused-1")" $((MOST + 20)) "log_client $shown: all of a /64 are refused"
	stop gateway
	jq -r 'select(.event | contains("checksum failure")) | "\(.event) \(.client)"' "$LOGS/gateway.log" |
		sort | uniq -c | sed 's/^ *//' >"$T/told"
	client=null
	[ "$shown" = none ] || client="2001:db8:$attempt::/48"
	is "$(cat "$T/told")" "$MOST checksum failure $client"$'\n'"1 $FURTHER $client" "… and logged as one client"
done

finish
