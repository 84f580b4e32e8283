#!/usr/bin/env bash
# The bare CGI program: meta-variables in the environment, body on standard input.
. "$(dirname "$0")/lib.sh"
begin cgi 1
need_built "$CGI_PROGRAM"
start_sandbox 3
write_config "$T/servers.json"

REQUEST() { cgi_request "$@"; }
# There is no connection to keep: two processes.
POST_GET() {
	cgi_request POST "$1" "$2" "$3"
	cp "$T/status" "$T/first-status"
	cp "$T/body" "$T/first-body"
	cgi_request GET "$4"
}
RESTART() { delete_state; }

. "$E2E/body.sh"

# A server that gives no REQUEST_URI: the path is SCRIPT_NAME and PATH_INFO, the
# query QUERY_STRING (RFC 3875, sections 4.1.5, 4.1.7, 4.1.13).
query="meetingID=none-such"
META=(GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 SERVER_NAME=gateway.example
	SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 REQUEST_METHOD=GET SCRIPT_NAME="$API"
	PATH_INFO=/isMeetingRunning
	QUERY_STRING="$query&checksum=$(sign isMeetingRunning "$query")")
LAST_REQUEST="isMeetingRunning without REQUEST_URI"
cgi_run >"$T/answer" </dev/null
take_cgi_answer "$T/answer" "$T/"
is "$(xml running)" false "without REQUEST_URI: SCRIPT_NAME, PATH_INFO and QUERY_STRING"

META=(GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 SERVER_NAME=gateway.example
	SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 REQUEST_METHOD=GET SCRIPT_NAME="$API")
LAST_REQUEST="the index without REQUEST_URI, PATH_INFO and QUERY_STRING"
cgi_run >"$T/answer" </dev/null
take_cgi_answer "$T/answer" "$T/"
is "$(xml version)" 2.0 "without PATH_INFO and QUERY_STRING: the index"

# Servers write different things for "no body", and for "length unknown".
meta_variables GET "$(url getMeetings)"
LAST_REQUEST="getMeetings with an empty CONTENT_LENGTH"
META+=(CONTENT_LENGTH='' CONTENT_TYPE='')
cgi_run >"$T/answer" </dev/null
take_cgi_answer "$T/answer" "$T/"
is "$(xml returncode)" SUCCESS "an empty CONTENT_LENGTH is none"

meta_variables POST "$(url create "name=length&meetingID=length-unknown")" application/xml -1
LAST_REQUEST="create with CONTENT_LENGTH=-1"
printf '<modules></modules>' >"$T/modules"
cgi_run <"$T/modules" >"$T/answer"
take_cgi_answer "$T/answer" "$T/"
is "$(xml returncode)" SUCCESS "CONTENT_LENGTH -1 is an unknown length"
is "$(calls 0 create | tail -n 1 | cut -f7)" "$(digest <"$T/modules")" \
	"and the body is read to its end"

# The client's header "Proxy:" must not choose a proxy for the gateway.
meta_variables GET "$(url getMeetings)"
LAST_REQUEST="getMeetings with HTTP_PROXY"
cgi_run HTTP_PROXY=http://127.0.0.1:9/ http_proxy=http://127.0.0.1:9/ \
	ALL_PROXY=http://127.0.0.1:9/ >"$T/answer" </dev/null
take_cgi_answer "$T/answer" "$T/"
like "$(xml_all meetingID)" "*length-unknown*" "no variable of the environment makes it use a proxy"

# libcurl brings dozens of shared objects: a request that contacts no server does
# without (ld.so(8), LD_DEBUG).
create curl-less
for path in "$API" "$(url join "fullName=Ann&meetingID=curl-less&password=$MODERATOR_PW")" \
	"$(url getMeetings)"; do
	meta_variables GET "$path"
	LAST_REQUEST="GET $path"
	cgi_run LD_DEBUG=files LD_DEBUG_OUTPUT="$T/loaded" >"$T/answer" </dev/null
	take_cgi_answer "$T/answer" "$T/"
	cat "$T"/loaded.* | grep -c 'file=libcurl.* generating link map' >>"$T/libcurl"
	rm -f "$T"/loaded.*
done
is "$(paste -sd' ' "$T/libcurl")" "0 0 1" "libcurl is loaded for getMeetings, not for the index or a join"

# A bad configuration: the log tells the administrator, the client gets an answer.
meta_variables GET "$(url getMeetings)"
LAST_REQUEST="getMeetings without a configuration"
cgi_run TINYSCALE_CONFIG="$T/no-such-file" >"$T/answer" </dev/null
take_cgi_answer "$T/answer" "$T/"
is "$(STATUS) $(result)" "200 FAILED serverUnavailable" "without a configuration there is an answer"
is "$(grep -c 'no-such-file: no such file' "$LOGS/gateway.log")" 1 "and the log names the file"

# An engine that stands still: one try of a store's takes twice a verb's time, and more by a
# name or sentinels. It goes on in the background; here it is not waited for.
sed -i "s|\"state\": \"[^\"]*\"|\"state\": \"redis+unix:$T/engine.sock\"|" "$T/servers.json"
if ! command -v redis-server >/dev/null; then
	skip "an engine that stands still" "redis-server is not installed"
elif ! "$CGI_PROGRAM" -c "$T/servers.json" --check-config >"$T/check" 2>&1 &&
	grep -q "no Redis support" "$T/check"; then
	skip "an engine that stands still" "this build has no Redis support"
else
	start engine redis-server --port 0 --unixsocket "$T/engine.sock" --save '' --dir "$T"
	engine_answers() { [ "$(redis-cli -s "$T/engine.sock" PING)" = PONG ]; }
	must_wait_until "the engine answers" engine_answers
	create in-engine
	is "$(result)" SUCCESS "a state in an engine"
	kill -STOP "${PIDS[engine]}"
	# Not that of the create, which may still put off what it remembers.
	CGI_STDERR=$LOGS/engine-hangs.log
	call getMeetingInfo meetingID=in-engine
	is "$(result)" SUCCESS "the engine stands still: a call is answered"
	wait_until grep -q "the state cannot be read.*it has not answered yet" "$CGI_STDERR"
	ok $? "… it is logged that there was no answer yet"
	is "$(grep -c 'does not answer in time' "$CGI_STDERR")" 0 "… and the end of a try was not waited for"
	kill -CONT "${PIDS[engine]}"
	unset CGI_STDERR
fi

finish
