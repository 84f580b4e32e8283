#!/usr/bin/env bash
# The bare FastCGI program, on a unix socket and on a TCP port.
. "$(dirname "$0")/lib.sh"
begin fcgi 2
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS"

REQUEST() { fcgi_request "$@"; }
POST_GET() {
	local META post get
	LAST_REQUEST="POST $1 and then GET $4"
	meta_variables POST "$1" "$2" "$(stat -Lc %s "$3")"
	post=("${META[@]}")
	meta_variables GET "$4"
	get=("${META[@]}")
	"$FCGI_CLIENT" --keep --timeout 90 --body "$3" --out "$T/first-answer" \
		"$FCGI_ADDRESS" "${post[@]}" \
		--next --out "$T/answer" "${get[@]}" 2>"$T/client-errors" ||
		diag "$(cat "$T/client-errors")"
	take_cgi_answer "$T/first-answer" "$T/first-"
	take_cgi_answer "$T/answer" "$T/"
}
RESTART() {
	stop gateway
	delete_state
	start_gateway gateway "$FCGI_ADDRESS"
}

. "$E2E/body.sh"

stop gateway
FCGI_ADDRESS=tcp:127.0.0.1:$((PORT0 + 1))
start_gateway gateway "$FCGI_ADDRESS"
call getMeetings
is "$(xml returncode)" SUCCESS "the same on a TCP port"

# What is no request, or lies about its lengths, which libfcgi would believe.
sends() {
	local answer='' # read leaves it unset where the connection is reset
	exec {CONNECTION}<>"/dev/tcp/127.0.0.1/$((PORT0 + 1))" || return 1
	# bash writes line by line; the program may have closed after the first.
	{ printf '%b' "$1" >&"$CONNECTION"; } 2>/dev/null
	IFS= read -r -t "$E2E_DEADLINE" -u "$CONNECTION" answer
	[ $? -le 128 ] && [ -z "$answer" ]
}
begin_record='\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00'
params_of_8='\x01\x04\x00\x01\x00\x08\x00\x00'
values_of_8='\x01\x09\x00\x00\x00\x08\x00\x00'
end_of_params='\x01\x04\x00\x01\x00\x00\x00\x00'
before=${PIDS[gateway]}
while read -r name bytes; do
	sends "$bytes"
	ok $? "${name//-/ }: the connection is closed"
	exec {CONNECTION}>&-
done <<END
1-GiB-twice $begin_record$params_of_8\xc0\x00\x00\x00\xc0\x00\x00\x00$end_of_params
2-GiB-twice $begin_record$params_of_8\xff\xff\xff\xff\xff\xff\xff\xff$end_of_params
1-GiB-of-values-in-a-request $begin_record$values_of_8\xc0\x00\x00\x00\xc0\x00\x00\x00
HTTP GET\x20/bigbluebutton/api\x20HTTP/1.0\r\n\r\n
END
call getMeetings
is "$(xml returncode) ${PIDS[gateway]}" "SUCCESS $before" "the program goes on"
is "$(grep 'FastCGI connection is refused' "$LOGS/gateway.log" | cut -d" " -f2- | sort | uniq -d)" "" \
	"each problem is told once"
is "$(grep -c 'FastCGI connection is refused' "$LOGS/gateway.log")" 3 "three are"
stop gateway

# Which web servers may connect.
RUN_AS=(env "FCGI_WEB_SERVER_ADDRS=127.0.0.1,::1")
start_gateway gateway "$FCGI_ADDRESS"
call getMeetings
is "$(xml returncode)" SUCCESS "a web server whose address is in FCGI_WEB_SERVER_ADDRS"
stop gateway
served=$(grep -c ' serving ' "$LOGS/gateway.log")
start gateway env FCGI_WEB_SERVER_ADDRS=127.0.0.2 TINYSCALE_CONFIG="$T/servers.json" \
	"$FCGI_PROGRAM" -s "$FCGI_ADDRESS"
serves_again() { [ "$(grep -c ' serving ' "$LOGS/gateway.log")" -gt "$served" ]; }
must_wait_until "it serves" serves_again
meta_variables GET "$API"
"$FCGI_CLIENT" "$FCGI_ADDRESS" "${META[@]}" >"$T/answer" 2>"$T/client-errors"
is "$? $(cat "$T/answer")" "1 " "one whose address is not has no answer"
like "$(cat "$LOGS/gateway.log")" '*problem="it is not in FCGI_WEB_SERVER_ADDRS" address=127.0.0.1*' \
	"and is named in the log"
stop gateway
start_gateway gateway "$FCGI_ADDRESS"
RUN_AS=()
FCGI_WEB_SERVER_ADDRS=localhost "$FCGI_PROGRAM" -c "$T/servers.json" -s "unix:$T/other.sock" 2>"$T/second"
is "$? $(grep -c 'FCGI_WEB_SERVER_ADDRS must be .* wrong=localhost$' "$T/second")" "1 1" \
	"a list with something else is an error"

GATEWAY_CONFIG=$T/servers.json
"$FCGI_PROGRAM" -c "$GATEWAY_CONFIG" -s "$FCGI_ADDRESS" 2>"$T/second"
is $? 1 "a port in use is an error"
like "$(cat "$T/second")" "*cannot listen*Address already in use*" "which is told"
for port in 80000 65536 0 http -1 80x; do
	timeout "$E2E_DEADLINE" "$FCGI_PROGRAM" -c "$GATEWAY_CONFIG" -s "tcp:127.0.0.1:$port" 2>"$T/second"
	is "$? $(grep -c "must be from 1 to 65535.* port=$port\$" "$T/second")" "1 1" \
		"-s tcp:127.0.0.1:$port is refused"
done
echo precious >"$T/file"
"$FCGI_PROGRAM" -c "$GATEWAY_CONFIG" -s "unix:$T/file" 2>"$T/second"
is "$? $(grep -c "a file that is no socket .* path=$T/file\$" "$T/second") $(cat "$T/file")" \
	"1 1 precious" "a file at the socket's path is named, and left alone"
stop gateway

# A name with two addresses where IPv6 is off: in a network of its own.
if unshare -n ip link set lo up 2>/dev/null && command -v nsenter >/dev/null; then
	cat >"$T/without-ipv6" <<-'END'
		#!/bin/sh
		ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 || exit 1
		exec "$@"
	END
	chmod 755 "$T/without-ipv6"
	start gateway unshare -n "$T/without-ipv6" env TINYSCALE_CONFIG="$GATEWAY_CONFIG" \
		"$FCGI_PROGRAM" -s "tcp:localhost:$((PORT0 + 1))"
	meta_variables GET "$API"
	wait_until nsenter -t "${PIDS[gateway]}" -n "$FCGI_CLIENT" --timeout 5 \
		"tcp:127.0.0.1:$((PORT0 + 1))" "${META[@]}"
	ok $? "tcp:localhost is 127.0.0.1 where ::1 is not there"
else
	skip "tcp:localhost is 127.0.0.1 where ::1 is not there" "no network of our own"
fi

finish
