#!/usr/bin/env bash
# Bodies that come slowly, or never, behind Apache's mod_proxy_fcgi, which passes a body on
# as it comes: they delay no other request, and have an end. So has a CGI process.
. "$(dirname "$0")/lib.sh"
begin story-slow 75
. "$E2E/web.sh"
need_apache proxy proxy_fcgi
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM"
start_sandbox 1
write_config "$T/servers.json"
install_program "$FCGI_PROGRAM"
FCGI_PROGRAM=$T/bin/tinyscale.fcgi
# Without mod_reqtimeout, which Debian has on: here it is the gateway that has to bear it.
example "$TOP/apache-example.conf" \
	's|^Define TINYSCALE_FCGID|Define TINYSCALE_PROXY|' \
	"s|/run/tinyscale/tinyscale.sock|$T/socket/gateway.sock|" \
	's|^\( *\)RequestReadTimeout .*|\1RequestReadTimeout body=0|' \
	"s|/var/log/apache2/|$LOGS/|" >"$T/example.conf" || finish
write_apache_config "proxy proxy_fcgi" "$T/example.conf"
mkdir "$T/socket"
own "$T/socket"
RUN_AS=("${AS_NOBODY[@]}")
THREADS=8
start_gateway gateway "unix:$T/socket/gateway.sock" -t $THREADS
start_apache

# --- a CGI, which takes its time beside all else ---------------------------------

# silent METHOD PATH TYPE LENGTH NAME: a CGI whose client sends a byte of its body and no
# more; its answer goes to NAME.
silent() {
	local META
	meta_variables "$1" "$2" "$3" "$4"
	# shellcheck disable=SC2119
	cat < <(cgi_exec < <(printf x && sleep 300)) >"$T/$5"
	echo $(($(now_ms) - begun)) >"$T/$5-ms"
}
begun=$(now_ms)
silent POST "$(url create "name=silent&meetingID=silent")" application/xml 1000 cgi-silent &
silent_cgi=$!
silent POST "$API/create?name=silent&meetingID=silent" application/xml 1000 cgi-stranger
take_cgi_answer "$T/cgi-stranger" "$T/"
is "$(STATUS) $(result)" "200 FAILED checksumError" "CGI: a stranger's body is not waited for"

# --- behind Apache -------------------------------------------------------------------

sockets=()
# slowly COUNT HEADER... [-- BODY]: so many POSTs whose bodies come with one byte a second,
# or in pieces that BODY gives, for as long as the sockets are open.
slowly() {
	local count=$1 head='' n fd
	shift
	head="POST $1 HTTP/1.1"$'\r\n'"Host: gateway.example"$'\r\n'
	shift
	for n; do head+=$n$'\r\n'; done
	head+=$'\r\n'
	for ((n = 0; n < count; n++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$HTTP_PORT"
		printf '%s' "$head" >&"$fd"
		sockets+=("$fd")
	done
}
# drip BYTES: to each of them.
drip() {
	local fd
	for fd in "${sockets[@]}"; do
		{ printf '%b' "$1" >&"$fd"; } 2>/dev/null
	done
}
end_slow() {
	local fd
	for fd in "${sockets[@]}"; do
		exec {fd}>&-
	done
	sockets=()
}
# is_served WHAT: others are, and not when the deadline of a body is over.
is_served() {
	local n
	for n in 1 2 3; do
		drip "${2:-x}"
		timed call isMeetingRunning meetingID=any
		is "$(result) $(xml running)" "SUCCESS false" "$1: others are served ($n)" || break
		within "$TOOK_MS" 0 9000 "$1: at once ($n)" || break
		sleep 0.5
	done
}
# first_answer: of the first of them, in the file that is shown.
first_answer() {
	local line='' # read leaves it unset where the connection is reset
	while IFS= read -r -t "$E2E_DEADLINE" line <&"${sockets[0]}" && [[ $line != *'</response>'* ]]; do
		printf '%s\n' "$line"
	done
	printf '%s\n' "$line"
}

slowly 32 "$API/create?name=slow&meetingID=slow" "Content-Type: application/xml" "Content-Length: 100000"
is_served "32 POSTs without checksum"
like "$(first_answer)" "*checksumError*" "32 POSTs without checksum: are refused before their bodies are there"
end_slow

slowly 32 "$API/create" "Content-Type: application/x-www-form-urlencoded" "Content-Length: 100000"
is_served "32 forms with their own checksum"
end_slow

slowly 32 "$(url create "name=slow&meetingID=slow")" "Content-Type: application/xml" "Content-Length: 100000"
is_served "32 POSTs with a checksum"
end_slow

slowly 32 "$API/create" "Content-Type: application/x-www-form-urlencoded" "Transfer-Encoding: chunked"
is_served "32 chunked forms" '1\r\nx\r\n'
end_slow
is "$(servers_of slow)" "" "half a create creates nothing"

# --- and its end --------------------------------------------------------------------

slowly 1 "$(url create "name=slow&meetingID=slow")" "Content-Type: application/xml" "Content-Length: 100000"
has_ended() { grep -q 'call=create .*result=invalidRequest ms=2....$' "$LOGS/gateway.log"; }
wait_until has_ended
ok $? "a body that does not come ends after twenty seconds"
end_slow

wait "$silent_cgi"
take_cgi_answer "$T/cgi-silent" "$T/"
is "$(STATUS) $(result)" "200 FAILED invalidRequest" "CGI: a body that does not come ends"
within "$(cat "$T/cgi-silent-ms")" 19000 "$((E2E_DEADLINE * 1000))" "… after twenty seconds"

# What Apache can do by itself: mod_reqtimeout, as the example has it.
stop apache
like "$(grep -A 3 mod_reqtimeout "$TOP/apache-example.conf")" "*RequestReadTimeout*body=*MinRate=*" \
	"the example has Apache give up bodies that come slowly"

finish
