# shellcheck shell=bash
#
# What every script in this folder uses: TAP output, a temporary folder, programs
# that are started and stopped, the BigBlueButton stand-in, signed URLs, and the
# verbs GET, POST, HEAD, STATUS, BODY, HEADER over one of three carriers: HTTP,
# FastCGI, CGI. A script begins with
#
#     . "$(dirname "$0")/lib.sh"
#     begin NAME NUMBER
#
# and ends with "finish". NUMBER is the script's own: it decides its ports.
#
# Environment:
#   E2E_BUILD      where the programs were built (default: two folders up)
#   E2E_LOGS       where logs are kept (default: E2E_BUILD/tests/e2e/logs)
#   E2E_PORT_BASE  ports are E2E_PORT_BASE + 50 * NUMBER and up (20000)
#   E2E_REQUIRED   1: a missing web server is a failure and not a skip
#   E2E_DEADLINE   seconds to wait for what is to happen: a program starts, a
#                  server is polled (60; as many as a slow machine may need)

# A script that runs another's cases (as-hosts.sh) has begun already.
[ -z "${LIB_IS_READ:-}" ] || return 0
LIB_IS_READ=1

set -u
export LC_ALL=C
umask 022

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$E2E/../.." && pwd)
BUILD=${E2E_BUILD:-$TOP}
E2E_LOGS=${E2E_LOGS:-$BUILD/tests/e2e/logs}
E2E_PORT_BASE=${E2E_PORT_BASE:-20000}
E2E_REQUIRED=${E2E_REQUIRED:-0}
E2E_DEADLINE=${E2E_DEADLINE:-60}

FCGI_PROGRAM=${TINYSCALE_FCGI:-$BUILD/fcgi/tinyscale.fcgi}
CGI_PROGRAM=${TINYSCALE_CGI:-$BUILD/cgi/tinyscale.cgi}
SANDBOX_PROGRAM=${BBB_SANDBOX:-$BUILD/sandbox/bbb-sandbox}
FCGI_CLIENT=${FCGI_CLIENT:-$BUILD/tests/e2e/fcgi-client}

# Nothing that is secret in these tests lacks the word xyzzy, which appears
# nowhere else: secrets.sh looks for it in all logs.
SECRET=gateway-secret-xyzzy
ADMIN_SECRET=admin-secret-xyzzy
MODERATOR_PW=pw-moderator-xyzzy
ATTENDEE_PW=pw-attendee-xyzzy
# Both passwords as create takes them.
PASSWORDS="attendeePW=$ATTENDEE_PW&moderatorPW=$MODERATOR_PW"

API=/bigbluebutton/api
# max_body_bytes: 20 MB of captions fit in, and the examples' own limits are above it.
MAX_BODY=25165824

# What the gateway inherits from us, where it has a say (sanitizers).
KEPT_ENVIRONMENT=()
# Who is not root may not look into the gateway's processes, unless they let him.
[ "$(id -u)" -eq 0 ] || export TINYSCALE_DUMP=1
for kept in TINYSCALE_DUMP ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS LD_LIBRARY_PATH; do
	[ -z "${!kept:-}" ] || KEPT_ENVIRONMENT+=("$kept=${!kept}")
done

# --- TAP ---------------------------------------------------------------------

# shellcheck source=tests/report.sh
. "$TOP/tests/report.sh"

# ok STATUS NAME: passes when STATUS is 0.
ok() {
	check "$1" "$2"
	return "$1"
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() {
	ok 0 "$1"
}

# fail NAME [WHY...]
fail() {
	ok 1 "$1"
	shift
	[ $# -eq 0 ] || diag "$*"
	return 1
}

# is GOT WANTED NAME
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3" "got:    ${1:0:600}"
		diag "wanted: ${2:0:600}"
		diag_response
		return 1
	fi
}

# isnt GOT UNWANTED NAME
isnt() {
	if [ "$1" != "$2" ]; then
		pass "$3"
	else
		fail "$3" "got what was not wanted: $1"
		diag_response
		return 1
	fi
}

# like GOT PATTERN NAME: PATTERN is one of the shell's.
like() {
	# shellcheck disable=SC2053
	if [[ $1 == $2 ]]; then
		pass "$3"
	else
		fail "$3" "got:    ${1:0:600}"
		diag "wanted: ${2:0:600}"
		diag_response
		return 1
	fi
}

# within GOT LOW HIGH NAME: whole numbers.
within() {
	if [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; then
		pass "$4"
	else
		fail "$4" "got $1, wanted $2 to $3"
	fi
}

# The last request and its answer, for a failure.
diag_response() {
	[ -n "${LAST_REQUEST:-}" ] && [ -f "$T/status" ] || return 0
	diag "request: $(printf '%.300s' "$LAST_REQUEST")"
	diag "status:  $(STATUS)"
	cut -c 1-300 "$T/headers" | sed 's/^/# header:  /'
	diag "body:    $(head -c 600 "$T/body" | tr '\n\0' '  ')"
}

# --- a script's beginning and end --------------------------------------------

declare -A PIDS=()

# begin NAME NUMBER: nothing, where another script runs this one's cases.
HAS_BEGUN=0
begin() {
	[ "$HAS_BEGUN" = 0 ] || return 0
	HAS_BEGUN=1
	NAME=$1
	PORT0=$((E2E_PORT_BASE + 50 * $2))
	if [ $((PORT0 + 49)) -ge 32768 ]; then
		echo "Bail out! E2E_PORT_BASE is too high: ports must stay below 32768"
		exit 1
	fi
	T=$(mktemp -d "${TMPDIR:-/tmp}/tinyscale-$NAME.XXXXXX") || exit 1
	chmod 755 "$T"
	LOGS=$E2E_LOGS/$NAME
	rm -rf "$LOGS"
	mkdir -p "$LOGS" "$T/state" "$T/bin" || exit 1
	trap 'end_of_script $?' EXIT
	trap 'exit 1' HUP INT TERM
	# A connection that its other end closed fails the command that writes, not the script.
	# Not '': the programs that are started would inherit it.
	trap : PIPE
	# Checksums that were made, for secrets.sh. Not among the logs themselves. A file for each
	# script: what two append at once may come out with a line cut in two.
	CHECKSUMS=${E2E_CHECKSUMS:-$T}/checksums-$NAME
}

# finish: the plan, and the exit status.
finish() {
	FINISHED=1
	[ "$report_failed" -eq 0 ]
	exit
}

# skip_all WHY: nothing here can run.
skip_all() {
	if [ "$E2E_REQUIRED" = 1 ]; then
		fail "$1" "E2E_REQUIRED=1 makes this a failure"
		finish
	fi
	FINISHED=1
	echo "1..0 # SKIP $1"
	report_count=-1
	exit 0
}

# need PROGRAM...: what is on the PATH, or /usr/sbin.
need() {
	local program
	PATH=$PATH:/usr/sbin:/sbin
	for program; do
		command -v "$program" >/dev/null || skip_all "$program is not installed"
	done
}

# need_built PROGRAM...: what "make" makes, so its absence is a failure.
need_built() {
	local program
	for program; do
		if [ ! -x "$program" ]; then
			fail "$program is built"
			finish
		fi
	done
}

# has_sanitizer PROGRAM: it was built with one, so its time and its memory are not those of
# a program that is installed.
has_sanitizer() { grep -aqE '__(asan|tsan)_init' "$1"; }

end_of_script() {
	local status=$1 name
	trap - EXIT HUP INT TERM
	# Gateways and web servers before the servers they talk to.
	for name in "${!PIDS[@]}"; do
		[ "$name" = sandbox ] || stop "$name"
	done
	for name in "${!PIDS[@]}"; do
		stop "$name"
	done
	if [ "${FINISHED:-0}" != 1 ]; then
		fail "$NAME ran to its end" "exit status $status"
		status=1
	fi
	# Now that all have ended, so that leaks are told too.
	if grep -aqE '(Address|Leak|Thread)Sanitizer|runtime error:' "$LOGS"/* 2>/dev/null; then
		fail "$NAME: no sanitizer reports anything"
		status=1
	fi
	[ "$report_count" -lt 0 ] || echo "1..$report_count"
	if [ "$report_failed" -ne 0 ]; then
		for name in "$LOGS"/*.log; do
			[ -s "$name" ] || continue
			diag "--- the end of $name"
			tail -n 40 "$name" | cut -c 1-400 | sed 's/^/# /'
		done
	fi
	rm -rf "$T"
	exit "$status"
}

# --- programs ----------------------------------------------------------------

# start NAME COMMAND...: in the background, in a process group of its own, with
# both outputs in the log NAME.log.
start() {
	local name=$1
	shift
	setsid "$@" >>"$LOGS/$name.log" 2>&1 </dev/null &
	PIDS[$name]=$!
}

# is_alive PID: a process that has ended and waits for its parent is not.
is_alive() {
	local state
	# Below a trap "return" alone has the status from before the trap.
	{ read -r state <"/proc/$1/stat"; } 2>/dev/null || return 1
	[[ ${state##*) } != Z* ]]
}

is_running() {
	[ -n "${PIDS[$1]:-}" ] && is_alive "${PIDS[$1]}"
}

# stop NAME: SIGTERM and, past the deadline, SIGKILL to what start started.
stop() {
	local name=$1 pid=${PIDS[$1]:-} tenths=$((E2E_DEADLINE * 10))
	[ -n "$pid" ] || return 0
	unset "PIDS[$name]"
	kill -TERM "$pid" 2>/dev/null
	while is_alive "$pid" && [ "$tenths" -gt 0 ]; do
		sleep 0.1
		tenths=$((tenths - 1))
	done
	# The rest of its process group, if there is any.
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# kill_now NAME: at once and without a word.
kill_now() {
	kill -KILL "${PIDS[$1]}"
	wait "${PIDS[$1]}" 2>/dev/null
	unset "PIDS[$1]"
}

# wait_until COMMAND...: until COMMAND succeeds; fails after the deadline.
wait_until() {
	local end=$((SECONDS + E2E_DEADLINE))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# must_wait_until WHAT COMMAND...: ends the script on failure.
must_wait_until() {
	local what=$1
	shift
	wait_until "$@" && return
	fail "$what within $E2E_DEADLINE seconds"
	finish
}

# Apache does not run as root, so what it runs and writes belongs to nobody when
# these tests are run by root.
if [ "$(id -u)" -eq 0 ]; then
	# shellcheck disable=SC2034
	AS_NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	own() { chown -R 65534:65534 "$@"; }
else
	# shellcheck disable=SC2034
	AS_NOBODY=()
	own() { :; }
fi

# now_ms: for comparing two measurements of the same run.
now_ms() {
	local stamp=$EPOCHREALTIME
	echo $(((${stamp%.*} * 1000) + 10#${stamp#*.} / 1000))
}

# timed COMMAND...: runs it; TOOK_MS is how long it took, for a comparison with
# something else in the same run.
timed() {
	local begun status
	begun=$(now_ms)
	"$@"
	status=$?
	TOOK_MS=$(($(now_ms) - begun))
	return $status
}

# quickest TIMES COMMAND...: runs so often what leaves a TOOK_MS, and leaves the shortest.
quickest() {
	local times=$1 best=1000000
	shift
	for ((; times > 0; times--)); do
		"$@"
		[ "$TOOK_MS" -ge "$best" ] || best=$TOOK_MS
	done
	TOOK_MS=$best
}

# --- the BigBlueButton stand-in ----------------------------------------------

# Server N listens on port PORT0 + 10 + N; the control port is PORT0 + 10.
server_port() { echo $((PORT0 + 10 + $1)); }
server_secret() { echo "server-$1-secret-xyzzy"; }
server_url() { echo "${SERVER_SCHEME:-http}://127.0.0.1:$(server_port "$1")$API"; }

# start_sandbox COUNT [OPTION...]
start_sandbox() {
	local n arguments=(--control "$((PORT0 + 10))")
	SERVER_COUNT=$1
	shift
	need_built "$SANDBOX_PROGRAM"
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		arguments+=(--server "$(server_port "$n"):$(server_secret "$n")")
	done
	# Its own output is kept apart: it stands for foreign servers.
	setsid "$SANDBOX_PROGRAM" "${arguments[@]}" "$@" >"$T/sandbox.out" 2>&1 </dev/null &
	PIDS[sandbox]=$!
	wait_until grep -q '^ready' "$T/sandbox.out" && return
	fail "the sandbox starts" "$(cat "$T/sandbox.out")"
	finish
}

# control PATH [CURL OPTION...]
control() {
	local path=$1
	shift
	curl -gsS --max-time "$E2E_DEADLINE" "$@" "http://127.0.0.1:$((PORT0 + 10))$path"
}

# fault SERVER KIND [CALL [MS]]
fault() {
	control "/fault?server=$1&kind=$2${3:+&call=$3}${4:+&ms=$4}"
}

# calls SERVER [CALL]: lines METHOD call query type length sha256 forwarded accept ms, the
# last of which is when it came
calls() {
	control "/calls?server=$1${2:+&call=$2}"
}

# servers_of MEETINGID: the numbers of all servers that have it.
servers_of() {
	local n
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		control "/meetings?server=$n" | cut -d' ' -f1 | grep -Fxq -e "$1" && echo "$n"
	done | paste -sd' '
}

# meeting_count SERVER
meeting_count() {
	control "/servers" | awk -v n="$1" '$1 == n { print $3 }'
}

# --- the gateway's configuration ---------------------------------------------

# write_config FILE [LINE...]: every server of the sandbox, and each LINE as one
# more member of the object ('"placement": "hash",').
write_config() {
	local file=$1 n line comma=''
	shift
	{
		echo '{'
		echo "  \"secret\": \"$SECRET\","
		echo "  \"admin_secret\": \"$ADMIN_SECRET\","
		echo "  \"state\": \"$T/state/state.db\","
		echo "  \"max_body_bytes\": $MAX_BODY,"
		for line; do
			echo "  $line"
		done
		echo '  "servers": ['
		for ((n = 1; n <= SERVER_COUNT; n++)); do
			printf '%s    {"host": "%s", "secret": "%s", "name": "server-%d"}' \
				"$comma" "$(server_url "$n")" "$(server_secret "$n")" "$n"
			comma=$',\n'
		done
		echo
		echo '  ]'
		echo '}'
	} >"$file.new"
	mv "$file.new" "$file"
}

# --- the gateway's state -----------------------------------------------------
#
# as-hosts.sh has the same of a state in Redis.
HAS_STATE_FILE=1

# delete_state: as if the disk had been replaced.
delete_state() {
	rm -rf "$T"/state/*
}

# damage_state KIND: deleted, overwritten, replaced (by what is no state) or unwritable.
damage_state() {
	local file=$T/state/state.db
	case $1 in
	deleted) rm -f "$file" "$file-wal" "$file-shm" ;;
	overwritten) head -c 65536 /dev/urandom >"$file" ;;
	replaced) rm -f "$file" "$file-wal" "$file-shm" && mkdir "$file" ;;
	unwritable) chmod 444 "$file"* && chmod 555 "$T/state" ;;
	esac
}
# repair_state: it can be used again, and is empty.
repair_state() {
	chmod -R u+rwX "$T/state"
	delete_state
}

# mapped_to MEETINGID: the name of its server, or nothing.
mapped_to() {
	state_sql "SELECT server FROM meeting WHERE id = '$1'"
}
# known_of SERVER: "HEALTH FAILURES", in numbers (server.h).
known_of() {
	state_sql "SELECT health || ' ' || failures FROM server WHERE name = 'server-$1'"
}
state_sql() { sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "$1"; }

# cgi_of_our_own: the CGI program under a path by which its processes are told from those of
# other scripts.
cgi_of_our_own() {
	install -m 755 "$CGI_PROGRAM" "$T/bin/"
	CGI_PROGRAM=$T/bin/tinyscale.cgi
}
# poller: the process id of the poll that a request to it left behind.
poller() {
	local process
	for process in /proc/[0-9]*; do
		[ "$(tr '\0' ' ' <"$process/cmdline")" != "$CGI_PROGRAM --poll-due " ] ||
			echo "${process#/proc/}"
	done 2>/dev/null | head -n 1
}
polls_no_more() { [ -z "$(poller)" ]; }

# hold_state: another program holds the state's write lock until release_state, as an
# open transaction or a backup does.
hold_state() {
	rm -f "$T/holder" "$T/held"
	mkfifo "$T/holder"
	setsid sqlite3 "$T/state/state.db" <"$T/holder" >"$T/held" 2>&1 &
	PIDS[holder]=$!
	exec 8>"$T/holder"
	printf '.timeout 5000\nBEGIN IMMEDIATE;\n.print held\n' >&8
	must_wait_until "the state is held" grep -q held "$T/held"
}
release_state() {
	stop holder
	exec 8>&-
}

# nginx_temp_paths DIR: the lines for its http block, without which it would write where
# Debian's does.
nginx_temp_paths() {
	local what
	for what in body:client_body proxy:proxy fastcgi:fastcgi uwsgi:uwsgi scgi:scgi; do
		echo "${what#*:}_temp_path $1/${what%:*};"
	done
}

# --- signed paths ------------------------------------------------------------

# digest [ALGORITHM]: of standard input, in hexadecimal.
digest() {
	local sum
	sum=$("${1:-sha256}sum")
	echo "${sum%% *}"
}

# sign CALL QUERY [SECRET [ALGORITHM]]
sign() {
	local sum
	read -r sum _ < <(printf "%s" "$1$2${3:-$SECRET}" | "${4:-sha256}sum")
	echo "$sum" >>"$CHECKSUMS"
	echo "$sum"
}

# url CALL [QUERY [SECRET [ALGORITHM]]]: a signed path, checksum last.
url() {
	echo "$API/$1?${2:-}${2:+&}checksum=$(sign "$1" "${2:-}" "${3:-$SECRET}" "${4:-sha256}")"
}

# own_url SERVER CALL [QUERY]: a signed URL for the server itself.
own_url() {
	local path
	path=$(url "$2" "${3:-}" "$(server_secret "$1")")
	echo "$(server_url "$1")${path#"$API"}"
}

# --- verbs -------------------------------------------------------------------
#
# A door defines REQUEST METHOD PATH [TYPE FILE], which leaves the answer in
# $T/status, $T/headers and $T/body, mostly by calling one of http_request,
# fcgi_request, cgi_request below. AUTHORIZATION, if set, is sent as that header;
# REQUEST_HEADERS has more, each "Name: value". CLIENT is the address that a carrier
# other than HTTP tells.
REQUEST_HEADERS=()
CLIENT=127.0.0.1
# What a browser accepts when a person follows a link.
# shellcheck disable=SC2034
BROWSER_ACCEPT='text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

GET() { REQUEST GET "$1"; }
HEAD() { REQUEST HEAD "$1"; }
# POST PATH TYPE FILE; a TYPE of '' sends no Content-Type.
POST() { REQUEST POST "$1" "$2" "$3"; }

# call NAME [QUERY]: a signed GET.
call() { GET "$(url "$@")"; }

# create MEETINGID [QUERY]
create() {
	call create "name=$1&meetingID=$1&$PASSWORDS${2:+&$2}"
}

# join MEETINGID [QUERY]: as moderator.
join() {
	call join "fullName=Ann&meetingID=$1&password=$MODERATOR_PW${2:+&$2}"
}

STATUS() {
	local status
	read -r status <"$T/status"
	echo "$status"
}
BODY() { cat "$T/body"; }
# HEADER NAME: its value, or nothing.
HEADER() {
	awk -v name="$1" 'BEGIN { name = tolower(name) ":" }
		tolower(substr($0, 1, length(name))) == name {
			sub(/^[^:]*:[ \t]*/, ""); print
		}' "$T/headers"
}

# elements NAME [MOST]: the texts of the body's elements of that name, a line each.
elements() {
	awk -v RS='<' -v name="$1" -v most="${2:-0}" '
		is_open && index($0, "/" name ">") == 1 {
			gsub(/\n/, " ", text)
			print text
			if (++n == most)
				exit
		}
		{ is_open = index($0, name ">") == 1; text = substr($0, length(name) + 2) }' "$T/body"
}
# xml NAME: the text of the body's first element of that name.
xml() { elements "$1" 1; }
# xml_all NAME: of all of them, sorted, on one line.
xml_all() { elements "$1" | sort | paste -sd' '; }

# result: what a client looks at first: "SUCCESS", "FAILED notFound".
result() {
	local key
	key=$(xml messageKey)
	echo "$(xml returncode)${key:+ $key}"
}

# http_request METHOD PATH [TYPE FILE]: by curl, to HTTP_BASE.
http_request() {
	local arguments=(-gsS --path-as-is --max-time 90 -o "$T/body" -D "$T/raw-headers") header
	LAST_REQUEST="$1 $2"
	: >"$T/body"
	: >"$T/raw-headers"
	case $1 in
	HEAD) arguments+=(-I) ;;
	POST) arguments+=(-X POST -H "Content-Type:${3:+ $3}" --data-binary "@$4") ;;
	esac
	[ -z "${AUTHORIZATION:-}" ] || arguments+=(-H "Authorization: $AUTHORIZATION")
	for header in "${REQUEST_HEADERS[@]}"; do
		arguments+=(-H "$header")
	done
	curl "${arguments[@]}" "$HTTP_BASE$2" 2>"$T/curl-errors" || diag "$(cat "$T/curl-errors")"
	[ "$1" != HEAD ] || : >"$T/body"
	take_http_headers
}

# The last block of headers: an interim answer (100 Continue) may precede it.
take_http_headers() {
	local line status='' lines=()
	while IFS= read -r line; do
		line=${line//$'\r'/}
		case $line in
		HTTP/*)
			read -r _ status _ <<<"$line"
			lines=()
			;;
		?*) lines+=("$line") ;;
		esac
	done <"$T/raw-headers"
	echo "$status" >"$T/status"
	printf '%s' "${lines[@]/%/$'\n'}" >"$T/headers"
}

# http_post_get PATH TYPE FILE PATH2: a POST and then a GET over one connection
# where the server keeps it open. FIRST_STATUS and FIRST_BODY are the POST's.
http_post_get() {
	LAST_REQUEST="POST $1 and then GET $4"
	curl -gsS --path-as-is --max-time 90 -o "$T/first-body" -w '%{http_code}' \
		-H "Content-Type: $2" --data-binary "@$3" "$HTTP_BASE$1" \
		--next -gsS --path-as-is --max-time 90 -o "$T/body" -D "$T/raw-headers" \
		"$HTTP_BASE$4" >"$T/first-status" 2>"$T/curl-errors" || diag "$(cat "$T/curl-errors")"
	take_http_headers
}
FIRST_STATUS() { cat "$T/first-status"; }

# meta_variables METHOD PATH [TYPE LENGTH]: a CGI request's meta-variables (RFC
# 3875, section 4.1) into the array META.
meta_variables() {
	local query='' header name
	[[ $2 == *\?* ]] && query=${2#*\?}
	META=(GATEWAY_INTERFACE=CGI/1.1 SERVER_SOFTWARE=tests SERVER_PROTOCOL=HTTP/1.1
		SERVER_NAME=gateway.example SERVER_PORT=80 HTTP_HOST=gateway.example
		REMOTE_ADDR="$CLIENT" REQUEST_METHOD="$1" REQUEST_URI="$2"
		QUERY_STRING="$query" SCRIPT_NAME="${2%%\?*}")
	[ -z "${3:-}" ] || META+=(CONTENT_TYPE="$3")
	[ -z "${4:-}" ] || META+=(CONTENT_LENGTH="$4")
	[ -z "${AUTHORIZATION:-}" ] || META+=(HTTP_AUTHORIZATION="$AUTHORIZATION")
	for header in "${REQUEST_HEADERS[@]}"; do
		name=${header%%: *}
		name=${name^^}
		META+=("HTTP_${name//-/_}=${header#*: }")
	done
}

# take_cgi_answer FILE PREFIX: cuts a CGI answer into PREFIX{status,headers,body}.
take_cgi_answer() {
	local line status='' default=''
	: >"$2headers"
	{
		while IFS= read -r line && line=${line//$'\r'/} && [ -n "$line" ]; do
			printf '%s\n' "$line" >>"$2headers"
			case ${line,,} in
			status:*) read -r _ status _ <<<"$line" ;;
			location:*) default=302 ;;
			esac
			default=${default:-200}
		done
		cat >"$2body"
	} <"$1"
	echo "${status:-$default}" >"$2status"
}

# fcgi_request METHOD PATH [TYPE FILE]: by our own client, to FCGI_ADDRESS.
fcgi_request() {
	local options=() META
	LAST_REQUEST="$1 $2"
	meta_variables "$1" "$2" "${3:-}" "$([ $# -lt 4 ] || stat -Lc %s "$4")"
	[ $# -lt 4 ] || options=(--body "$4")
	"$FCGI_CLIENT" "${options[@]}" --timeout 90 --out "$T/answer" \
		"$FCGI_ADDRESS" "${META[@]}" 2>"$T/client-errors" || {
		diag "$(cat "$T/client-errors")"
		: >"$T/answer"
	}
	take_cgi_answer "$T/answer" "$T/"
}

# cgi_request METHOD PATH [TYPE FILE]: environment and standard input.
cgi_request() {
	local META
	LAST_REQUEST="$1 $2"
	meta_variables "$1" "$2" "${3:-}" "$([ $# -lt 4 ] || stat -Lc %s "$4")"
	# As for a web server the answer ends with standard output, whatever the program
	# does afterwards.
	# shellcheck disable=SC2119
	cat < <(cgi_exec <"${4:-/dev/null}") >"$T/answer"
	take_cgi_answer "$T/answer" "$T/"
}

# shellcheck disable=SC2120
# cgi_run [NAME=VALUE...]: the program with the variables of META and these, by the
# command CGI_BEFORE, with its log in the file CGI_STDERR.
cgi_run() {
	(cgi_exec "$@")
}
# cgi_exec [NAME=VALUE...]: the same in this shell's place, which so keeps none of the
# program's files open.
cgi_exec() {
	exec env -i PATH="$PATH" "${KEPT_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/servers.json" \
		TINYSCALE_LOG=debug "${META[@]}" "$@" "${CGI_BEFORE[@]}" "$CGI_PROGRAM" \
		2>>"${CGI_STDERR:-$LOGS/gateway.log}"
}
CGI_BEFORE=()

# --- gateways and web servers ------------------------------------------------

# start_gateway NAME ADDRESS [OPTION...]: tinyscale.fcgi, ready when it answers.
start_gateway() {
	local name=$1 address=$2
	shift 2
	# NAME may be followed by a number (gateway-2): all share one configuration.
	start "$name" "${RUN_AS[@]}" env "${GATEWAY_ENVIRONMENT[@]}" \
		TINYSCALE_CONFIG="${GATEWAY_CONFIG:-$T/servers.json}" TINYSCALE_LOG=debug \
		"$FCGI_PROGRAM" -s "$address" "$@"
	must_wait_until "$name answers" fcgi_probe "$address"
}
RUN_AS=()
GATEWAY_ENVIRONMENT=()

# fcgi_probe ADDRESS: does anyone answer there?
fcgi_probe() {
	local META
	meta_variables GET "$API"
	"$FCGI_CLIENT" --timeout 5 "$1" "${META[@]}" >/dev/null 2>&1
}

http_probe() {
	curl -gs -o /dev/null --max-time 5 "$HTTP_BASE/"
}

# example FILE [SED EXPRESSION...]: an example of ours with paths replaced, which
# is what an administrator does to it. Fails where an expression finds nothing,
# so that example and test cannot drift apart.
example() {
	local file=$1 expression before after
	shift
	after=$(cat "$file")
	for expression; do
		before=$after
		after=$(printf '%s\n' "$before" | sed "$expression")
		if [ "$before" = "$after" ]; then
			fail "$(basename "$file") holds what this test replaces" "$expression" >&2
			exit 1
		fi
	done
	printf '%s\n' "$after"
}

# spawn_fcgi COUNT SOCKET [OPTION...]: COUNT processes of tinyscale.fcgi on one
# socket, by spawn-fcgi, as spawned-1, spawned-2, ... Their log is gateway.log.
spawn_fcgi() {
	local count=$1 socket=$2 pid n=0
	shift 2
	# spawn-fcgi sends standard error to /dev/null; the shell in between brings
	# it back. Its exec keeps the process's id.
	cat >"$T/spawned" <<-END
		#!/bin/sh
		exec env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=debug \
			"$FCGI_PROGRAM" $* 2>>"$LOGS/gateway.log"
	END
	chmod 755 "$T/spawned"
	spawn-fcgi -s "$socket" -M 0666 -F "$count" -- "$T/spawned" >"$T/spawn" 2>&1 </dev/null || return
	while read -r pid; do
		n=$((n + 1))
		PIDS[spawned-$n]=$pid
	done < <(sed -n 's/.*PID: \([0-9]*\).*/\1/p' "$T/spawn")
	[ "$n" -eq "$count" ]
}

# --- many requests at once ---------------------------------------------------

# fcgi_background PATH OUT [ADDRESS]: one GET whose answer goes to the file OUT.
# Wait for its process id, $!, or for all with "wait".
fcgi_background() {
	local META
	meta_variables GET "$1"
	"$FCGI_CLIENT" --timeout 90 --out "$2" "${3:-$FCGI_ADDRESS}" "${META[@]}" 2>>"$T/client-errors" &
}

# count_files PATTERN FILE...: how many of the files have a line like PATTERN.
count_files() {
	local pattern=$1
	shift
	grep -l -e "$pattern" "$@" 2>/dev/null | wc -l
}

# wait_for_all PID...: unlike "wait" alone, not for what start started.
wait_for_all() {
	local pid
	for pid; do
		wait "$pid"
	done
}
