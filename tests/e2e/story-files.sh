#!/usr/bin/env bash
# What others may do with the gateway's files and processes: nothing. And what is none of the
# gateway's stays as it is, whatever the configuration names.
. "$(dirname "$0")/lib.sh"
begin story-files 78
need sqlite3
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM" "$BUILD/ctl/tinyscalectl"
start_sandbox 2
write_config "$T/servers.json" '"poll_interval_ms": 1000,'
install -m 755 "$FCGI_PROGRAM" "$T/bin/"
FCGI_PROGRAM=$T/bin/tinyscale.fcgi
cgi_of_our_own
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
CTL=(env "${KEPT_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/servers.json" "$BUILD/ctl/tinyscalectl")

# files: "MODE OWNER NAME" of each file beside the state.
files() { find "$T/state" -mindepth 1 -printf '%m %U %f\n' | sort -k3; }
# modes: each mode of them, once.
modes() { files | cut -d' ' -f1 | sort -u | paste -sd' '; }
# once: a request by CGI, and all that follows it.
once() {
	cgi_request GET "$(url getMeetings)"
	env -i PATH="$PATH" "${KEPT_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/servers.json" \
		"$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"
}

# --- modes -----------------------------------------------------------------------

umask 000
once
is "$(modes)" 600 "umask 000: what a CGI makes is for its user alone"
delete_state
umask 022
start_gateway gateway "$FCGI_ADDRESS"
create room
[ "$(files | wc -l)" -ge 6 ]
ok $? "the gateway has its files"
is "$(modes)" 600 "umask 022: all of them are for its user alone"
stop gateway
chmod 644 "$T"/state/*
start_gateway gateway "$FCGI_ADDRESS"
create other
is "$(files | grep -c '^6[0-4]4 ')" 0 "what an earlier release left for all to read is no longer"
stop gateway
delete_state
chmod 2770 "$T/state"
once
is "$(modes)" 660 "a directory that a group shares: the files are for the group"
delete_state
chmod 755 "$T/state"

# --- the unit ----------------------------------------------------------------------

for setting in 'LimitCORE=0' 'LimitNOFILE=[1-9][0-9]*' 'MemoryMax=[1-9][0-9]*G' 'NoNewPrivileges=yes'; do
	grep -qx "$setting" "$TOP/contrib/systemd/tinyscale.service"
	ok $? "the unit has ${setting%%[*}"
done

# --- processes ---------------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
	own "$T/state" "$T/servers.json"
	chmod 755 "$T"
	RUN_AS=(prlimit --core=unlimited -- "${AS_NOBODY[@]}")
	start_gateway gateway "unix:$T/state/gateway.sock"
	pid=$(pgrep -u 65534 -f "tinyscale.fcgi -s unix:$T/state" | head -n 1)
	"${AS_NOBODY[@]}" cat "/proc/$pid/environ" >"$T/environ" 2>/dev/null
	isnt $? 0 "another process of the same user reads no environment"
	"${AS_NOBODY[@]}" head -c 1 "/proc/$pid/mem" >"$T/memory" 2>"$T/denied"
	like "$(cat "$T/denied")" "*Permission denied*" "nor memory"
	is "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0" "no core is written"
	stop gateway
	GATEWAY_ENVIRONMENT=(TINYSCALE_DUMP=1)
	start_gateway gateway "unix:$T/state/gateway.sock"
	pid=$(pgrep -u 65534 -f "tinyscale.fcgi -s unix:$T/state" | head -n 1)
	"${AS_NOBODY[@]}" cat "/proc/$pid/environ" >"$T/environ" 2>/dev/null
	ok $? "TINYSCALE_DUMP=1: who looks for a fault may"
	stop gateway
	GATEWAY_ENVIRONMENT=()
	RUN_AS=()
	delete_state

	# --- root first --------------------------------------------------------------

	n=1
	for first in "$CGI_PROGRAM --poll" "$BUILD/ctl/tinyscalectl cordon server-1" \
		"$BUILD/ctl/tinyscalectl check"; do
		# shellcheck disable=SC2086 # words
		env "${KEPT_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/servers.json" $first >"$T/out" 2>&1
		is "$(files | cut -d' ' -f2 | sort -u)" 65534 \
			"root runs ${first##*/} first: all files are the directory's owner's"
		CGI_BEFORE=("${AS_NOBODY[@]}")
		cgi_request GET "$(url create "name=room&meetingID=m-$n&$PASSWORDS")"
		CGI_BEFORE=()
		is "$(result)" SUCCESS "… who then creates a meeting"
		is "$(mapped_to "m-$n" | wc -l)" 1 "… which is in the state"
		n=$((n + 1))
		# The poll behind that request would make a state of its own, as nobody.
		must_wait_until "no poll is under way" polls_no_more
		delete_state
	done

	# --- locks of others ------------------------------------------------------------

	setsid "${AS_NOBODY[@]}" flock "$T/state" sleep 600 &
	PIDS[locker]=$!
	chown 0:0 "$T/state"
	is_locked() { ! flock -n "$T/state" true; }
	must_wait_until "another user holds the directory's lock" is_locked
	once
	is "$(xml returncode)" SUCCESS "a CGI request is answered"
	start_gateway gateway "$FCGI_ADDRESS"
	create locked
	is "$(result) $(mapped_to locked | wc -l)" "SUCCESS 1" "and tinyscale.fcgi has its state"
	setsid "${AS_NOBODY[@]}" flock -n "$T/state/state.db-lock" true 2>"$T/denied"
	isnt $? 0 "the lock that counts is not for others"
	stop gateway
	stop locker
	delete_state
	chmod 755 "$T/state"
else
	echo "# not root: what concerns other users is left out"
fi

# --- what is none of ours --------------------------------------------------------

before=$(digest <"$T/servers.json")
for file in "$T/servers.json" "$T/state/../servers.json"; do
	TINYSCALE_STATE=$file TINYSCALE_CONFIG=$T/servers.json "$FCGI_PROGRAM" --check-config >"$T/out" 2>&1
	is $? 1 "TINYSCALE_STATE=servers.json is refused"
	like "$(cat "$T/out")" "*TINYSCALE_STATE: is this file, which holds the configuration*" "… with the reason"
	TINYSCALE_STATE=$file TINYSCALE_CONFIG=$T/servers.json "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"
	isnt $? 0 "… and a poll by it, too"
done
is "$(digest <"$T/servers.json")" "$before" "it stays as it is"
is "$(find "$T" -maxdepth 1 -name 'servers.json?*')" "" "and nothing is made beside it"

sqlite3 "$T/state/other.db" 'CREATE TABLE moz_places (x); INSERT INTO moz_places VALUES (1)'
printf 'A letter.\n' >"$T/state/letter.txt"
for file in other.db letter.txt; do
	before=$(digest <"$T/state/$file")
	GATEWAY_ENVIRONMENT=(TINYSCALE_STATE="$T/state/$file")
	start_gateway gateway "$FCGI_ADDRESS"
	create "by-$file"
	is "$(result)" SUCCESS "$file as the state: the gateway serves"
	join "by-$file"
	is "$(STATUS)" 302 "… without it"
	TINYSCALE_STATE=$T/state/$file "${CTL[@]}" check >"$T/out" 2>&1
	tr -s ' \n' ' ' <"$T/out" >"$T/words"
	like "$(cat "$T/words")" "*is no state of tinyscale's, and is left alone*" "… tinyscalectl check says why"
	like "$(cat "$T/words")" "*or name another file in \"state\"*" "… and what to do"
	stop gateway
	is "$(digest <"$T/state/$file")" "$before" "… it stays as it is"
	ok "$([ ! -e "$T/state/$file.broken" ]; echo $?)" "… and where it is"
	[ "$(grep -c "the state cannot be read.*file=$T/state/$file.*left alone" "$LOGS/gateway.log")" = 1 ]
	ok $? "… the log says so once"
done
GATEWAY_ENVIRONMENT=()

finish
