#!/usr/bin/env bash
# What no web server sends on demand: FastCGI spoken badly, slowly, or in small
# pieces. FastCGI Specification 1.0:
# https://fastcgi-archives.github.io/FastCGI_Specification.html
. "$(dirname "$0")/lib.sh"
begin story-fcgi 18
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 2
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS"
REQUEST() { fcgi_request "$@"; }

# client OPTION... -- METHOD PATH [TYPE LENGTH]: one request with our options.
client() {
	local options=() META
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	LAST_REQUEST="$1 $2 (${options[*]})"
	meta_variables "$@"
	"$FCGI_CLIENT" --out "$T/answer" "${options[@]}" "$FCGI_ADDRESS" "${META[@]}" 2>"$T/client-errors"
	CLIENT_STATUS=$?
	take_cgi_answer "$T/answer" "$T/"
}

running=$(url isMeetingRunning "meetingID=any")
is_answered() {
	is "$CLIENT_STATUS $(xml returncode) $(xml running)" "0 SUCCESS false" "$1" ||
		diag "$(cat "$T/client-errors")"
}

client --piece 1 -- GET "$running"
is_answered "a request byte by byte"
client --piece 7 --pause 2 -- GET "$running"
is_answered "a request in pieces of seven bytes, slowly"
printf '<modules><module name="presentation"></module></modules>' >"$T/modules"
client --piece 5 --body "$T/modules" -- POST "$(url create "name=pieces&meetingID=pieces")" \
	application/xml "$(stat -c %s "$T/modules")"
is "$(result)" SUCCESS "a body in pieces"
is "$(calls 0 create | tail -n 1 | cut -f7)" "$(digest <"$T/modules")" "a body in pieces: arrives whole"

LAST_REQUEST="a parameter of 200 bytes"
meta_variables GET "$running"
long=$(head -c 200 /dev/zero | tr '\0' n)
"$FCGI_CLIENT" --out "$T/answer" "$FCGI_ADDRESS" "${META[@]}" "HTTP_X_$long=$long" 2>"$T/client-errors"
CLIENT_STATUS=$?
take_cgi_answer "$T/answer" "$T/"
is_answered "names and values of more than 127 bytes"
LAST_REQUEST="parameters of 80 KB"
extra=()
for ((n = 0; n < 20; n++)); do
	extra+=("HTTP_X_$n=$(head -c 4096 /dev/zero | tr '\0' v)")
done
"$FCGI_CLIENT" --out "$T/answer" "$FCGI_ADDRESS" "${META[@]}" "${extra[@]}" 2>"$T/client-errors"
CLIENT_STATUS=$?
take_cgi_answer "$T/answer" "$T/"
is_answered "parameters of 80 KB, in more than one record"
client -- GET "$(url isMeetingRunning "meetingID=any&x=$(head -c 7000 /dev/zero | tr '\0' x)")"
is_answered "a query of 7 KB"

client --no-stdin-end -- GET "$running"
is_answered "a GET without the empty STDIN record"
client --no-stdin-end --body "$T/modules" -- POST "$(url create "name=pieces&meetingID=no-end")" \
	application/xml "$(stat -c %s "$T/modules")"
is "$CLIENT_STATUS $(result)" "0 SUCCESS" "a POST without the empty STDIN record"

client --get-values -- GET "$running"
is_answered "FCGI_GET_VALUES before a request"
like "$(cat "$T/client-errors")" "*FCGI_MPXS_CONNS=0*" "FCGI_GET_VALUES: is answered"

client --abort --timeout 60 -- GET "$running"
isnt "$CLIENT_STATUS" 3 "FCGI_ABORT_REQUEST: ends the request one way or the other"
client -- GET "$running"
is_answered "and the next request works"

# hold OPTION... [NAME=VALUE...]: a client in the background that keeps its connection
# open once it has sent, and read, what there is; far longer than anything here takes.
holders=()
hold() {
	"$FCGI_CLIENT" --timeout 600 --hold 600 "$@" >"$T/held" 2>>"$T/holding" &
	holders+=($!)
}
# all_hold: all of them, by now.
all_hold() { [ "$(grep -c 'holding the connection' "$T/holding")" -eq "${#holders[@]}" ]; }
# holders_alive: how many of their connections are still open.
holders_alive() {
	local pid alive=0
	for pid in "${holders[@]}"; do
		! is_alive "$pid" || alive=$((alive + 1))
	done
	echo "$alive"
}
end_holders() {
	kill "${holders[@]}" 2>/dev/null
	wait_for_all "${holders[@]}" 2>/dev/null
	holders=()
	: >"$T/holding"
}

# Stopping half-way, three of each.
for n in 1 2 3; do
	meta_variables POST "$(url create "name=half&meetingID=half")" application/xml 56
	hold --half params "$FCGI_ADDRESS" "${META[@]}"
	hold --half stdin --body "$T/modules" "$FCGI_ADDRESS" "${META[@]}"
done
# A connection on which nothing is ever sent: what a health check may do.
for n in 1 2 3; do
	hold --half nothing "$FCGI_ADDRESS"
done
must_wait_until "nine connections stop half-way" all_hold
for n in {1..10}; do
	client -- GET "$running"
	[ "$CLIENT_STATUS" -eq 0 ] || break
done
is_answered "ten requests while nine connections stopped half-way"
is "$(holders_alive)" 9 "and they need not wait for them"
end_holders
is "$(servers_of half)" "" "half a create creates nothing"

# A body that is not read, and then another request on the same connection.
head -c $((MAX_BODY + 200000)) /dev/zero | tr '\0' x >"$T/too-large"
meta_variables POST "$(url create "name=large&meetingID=large")" application/xml "$((MAX_BODY + 200000))"
post=("${META[@]}")
meta_variables GET "$running"
LAST_REQUEST="a POST that is too large, and a GET on the same connection"
"$FCGI_CLIENT" --keep --body "$T/too-large" --out "$T/answer" "$FCGI_ADDRESS" "${post[@]}" \
	--next --out "$T/answer-2" "${META[@]}" 2>"$T/client-errors"
CLIENT_STATUS=$?
take_cgi_answer "$T/answer" "$T/"
is "$(STATUS) $(result)" "413 FAILED invalidRequest" "a body that is too large"
take_cgi_answer "$T/answer-2" "$T/"
is_answered "and the next request on that connection"

# Several requests on one connection.
"$FCGI_CLIENT" --keep --out "$T/answer-1" "$FCGI_ADDRESS" "${META[@]}" \
	--next --out "$T/answer-2" "${META[@]}" --next --out "$T/answer" "${META[@]}" 2>"$T/client-errors"
CLIENT_STATUS=$?
LAST_REQUEST="three requests on one connection"
take_cgi_answer "$T/answer" "$T/"
is_answered "three requests on one connection"
is "$(count_files '<running>false' "$T"/answer-[12])" 2 "three requests on one connection: all are answered"

# The next request may come at once, and before it the end of a body that nobody waited for.
{ printf 'x=' && head -c 19998 /dev/zero | tr '\0' x; } >"$T/long-body"
meta_variables POST "$(url getMeetings)" application/x-www-form-urlencoded 20000
LAST_REQUEST="60 POSTs of 20 KB on one connection"
again=()
for n in {1..60}; do
	again+=(--next --body "$T/long-body" --out "$T/again-$n" "${META[@]}")
done
"$FCGI_CLIENT" --keep "${again[@]:1:4}" "$FCGI_ADDRESS" "${again[@]:5}" 2>"$T/client-errors"
is "$? $(count_files '<returncode>SUCCESS' "$T"/again-*) $(grep -c . "$T/client-errors")" "0 60 0" \
	"60 POSTs one after the other on one connection, which stays open"
meta_variables GET "$running"

# More idle connections than the 32 threads that the gateway has.
for n in {1..40}; do
	hold --keep --out /dev/null "$FCGI_ADDRESS" "${META[@]}"
done
must_wait_until "40 connections are idle" all_hold
client -- GET "$running"
is_answered "a new connection while 40 idle ones are kept open"
is "$(holders_alive)" 40 "and none of them had to make room for it"
end_holders

is_running gateway
ok $? "the gateway is still the same process"

finish
