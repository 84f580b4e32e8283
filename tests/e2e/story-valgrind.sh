#!/usr/bin/env bash
# The CGI program under valgrind: one process of each kind of request, none of
# which leaks a byte or reads one it must not.
. "$(dirname "$0")/lib.sh"
begin story-valgrind 22
need valgrind
need_built "$CGI_PROGRAM"
if has_sanitizer "$CGI_PROGRAM"; then
	FINISHED=1
	echo "1..0 # SKIP a build with sanitizers"
	exit 0
fi
start_sandbox 3
# Under valgrind a second is not much.
write_config "$T/servers.json" '"max_body_bytes": 100000,' '"connect_timeout_ms": 60000,' \
	'"probe_timeout_ms": 60000,' '"call_timeout_ms": 60000,' '"poll_interval_ms": 600000,'
REQUEST() { cgi_request "$@"; }

mkdir "$T/valgrind"
cat >"$T/bin/under-valgrind" <<END
#!/bin/sh
exec valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect,possible \
	--log-file="$T/valgrind/%p" "$CGI_PROGRAM"
END
chmod 755 "$T/bin/under-valgrind"
CGI_PROGRAM=$T/bin/under-valgrind

# try WHAT WANTED: the answer was that, and valgrind has nothing to say.
try() {
	is "$(STATUS) $(result)" "$2" "$1"
	is "$(cat "$T"/valgrind/*)" "" "$1: nothing from valgrind"
	rm -f "$T"/valgrind/*
}

GET "$API"
try "the index" "200 SUCCESS"
create room-1
try "create" "200 SUCCESS"
create room-1
try "create again" "200 SUCCESS duplicateWarning"
join room-1 redirect=false
try "join without a redirect" "200 SUCCESS successfullyJoined"
call isMeetingRunning meetingID=nowhere
try "an unknown meeting" "200 SUCCESS"
call getMeetings
try "getMeetings" "200 SUCCESS"
printf '<modules><module name="presentation"/></modules>' >"$T/modules"
POST "$(url create "name=posted&meetingID=posted&$PASSWORDS")" text/xml "$T/modules"
try "create with a body" "200 SUCCESS"
head -c 200000 /dev/zero | tr '\0' x >"$T/large"
POST "$(url create "name=large&meetingID=large&$PASSWORDS")" text/xml "$T/large"
try "a body too large" "413 FAILED invalidRequest"
printf 'meetingID=room-1&checksum=%s' "$(sign isMeetingRunning '')" >"$T/form"
POST "$API/isMeetingRunning" application/x-www-form-urlencoded "$T/form"
try "a form" "200 SUCCESS"
GET "$API/getMeetings?checksum=0"
try "a wrong checksum" "200 FAILED checksumError"
call getMeetingInfo 'meetingID=%zz'
try "a malformed request" "200 FAILED invalidRequest"
for server in 1 2 3; do fault "$server" reset; done
call getMeetingInfo meetingID=room-1
try "a server that breaks off" "200 FAILED serverUnavailable"
rm -rf "$T/state"
call isMeetingRunning meetingID=room-2
try "no state" "200 SUCCESS"

finish
