#!/usr/bin/env bash
# The state's disk is full, read-only, or gone, and memory runs out: no answer fails for the
# first three, no server is blamed for any, each is told once, and what comes back is used again.
. "$(dirname "$0")/lib.sh"
begin story-disk 79
need sqlite3 prlimit
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM"
# A disk of its own that can be full, which the gateway alone sees.
# shellcheck disable=SC2016 # for that shell
ON_DISK=(unshare -m sh -c 'mount -t tmpfs -o size=4m,mode=755 tmpfs "$0" && exec "$@"' "$T/state")
if ! "${ON_DISK[@]}" true 2>/dev/null; then
	skip "a disk that fails" "no disk can be mounted, as root may"
	finish
fi
start_sandbox 2
write_config "$T/servers.json" '"poll_interval_ms": 1000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# on_disk COMMAND...: where the gateway is.
on_disk() { nsenter -m -t "${PIDS[gateway]}" -- "$@"; }
mapped_there() { on_disk sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "SELECT server FROM meeting WHERE id = '$1'"; }
lines() { grep -c "$1" "$LOGS/gateway.log"; }
# serves WHEN: creates and joins of new meetings and of the known one are answered.
serves() {
	local n wrong=
	for n in {1..20}; do
		create "${1// /-}-$n"
		[ "$(result)" = SUCCESS ] || wrong="$wrong create $(result)"
		join "${1// /-}-$n"
		[ "$(STATUS)" = 302 ] || wrong="$wrong join $(STATUS)"
		create known
		[ "$(result)" = "SUCCESS duplicateWarning" ] || wrong="$wrong known $(result)"
	done
	is "$wrong" "" "$1: creates and joins are answered"
	call getMeetings
	is "$(xml returncode)" SUCCESS "$1: and lists"
	is "$(lines 'server is suspect\|server is down')" 0 "$1: no server is blamed"
}
written_again() { [ "$(lines 'the state can be written again')" -gt "$1" ]; }

# --- a disk that is full -------------------------------------------------------------

RUN_AS=("${ON_DISK[@]}")
start_gateway gateway "$FCGI_ADDRESS"
create known
home=$(servers_of known)
again=$(lines 'the state can be written again')
on_disk sh -c "cat /dev/zero >$T/state/filler" 2>/dev/null
# What has its place in a file already may be written: so until there is no more.
is_full() {
	create "full-before-$((++n))"
	[ "$(lines 'the state cannot be written')" -ge 1 ]
}
n=0
must_wait_until "the disk is full, which is told" is_full
serves "a full disk"
is "$(mapped_there known)" "server-$home" "what was written before is read"
told=$(lines 'the state cannot be written')
on_disk rm "$T/state/filler"
wait_until written_again "$again"
ok $? "there is room again: it is written"
is "$(lines 'the state cannot be written')" "$told" "and told no more often than it began"
within "$told" 1 2 "which is no line for each request"
create room-again
is "$(result) $(mapped_there room-again | wc -l)" "SUCCESS 1" "a new meeting is in the state"
stop gateway

# --- a file system that is read-only ---------------------------------------------------

# shellcheck disable=SC2016 # for that shell
RUN_AS=("${ON_DISK[@]}" sh -c 'mount -o remount,ro "$0" && exec "$@"' "$T/state")
start_gateway gateway "$FCGI_ADDRESS"
serves "a read-only file system"
again=$(lines 'the state can be written again')
on_disk mount -o remount,rw "$T/state"
wait_until written_again "$again"
ok $? "when it can be written it is used"
create rw
is "$(result) $(mapped_there rw | wc -l)" "SUCCESS 1" "a new meeting is in the state"

# --- a directory that is gone ----------------------------------------------------------

again=$(lines 'the state can be written again')
on_disk umount "$T/state" 2>/dev/null || on_disk umount -l "$T/state"
on_disk mount -t tmpfs -o size=64k,mode=000,ro tmpfs "$T/state"
serves "another file system in its place"
on_disk umount "$T/state"
wait_until written_again "$again"
ok $? "the place is there again: it is used"
stop gateway
delete_state
RUN_AS=()
mkdir "$T/state/deep"
GATEWAY_ENVIRONMENT=(TINYSCALE_STATE="$T/state/deep/state.db")
start_gateway gateway "$FCGI_ADDRESS"
create in-deep
again=$(lines 'the state can be written again')
rm -r "$T/state/deep"
serves "its directory is deleted"
mkdir "$T/state/deep"
wait_until written_again "$again"
ok $? "when it is there again it is used"
stop gateway
delete_state
GATEWAY_ENVIRONMENT=()

# --- CGI ---------------------------------------------------------------------------------

# shellcheck disable=SC2016 # for that shell
CGI_BEFORE=("${ON_DISK[@]}" sh -c 'mount -o remount,ro "$0" && exec "$@"' "$T/state")
cgi_request GET "$(url create "name=room&meetingID=by-cgi&$PASSWORDS")"
is "$(result)" SUCCESS "a CGI on a read-only file system creates"
# shellcheck disable=SC2016 # for that shell
CGI_BEFORE=("${ON_DISK[@]}" sh -c 'cat /dev/zero >"$0/filler"; exec "$@"' "$T/state")
cgi_request GET "$(url join "fullName=A&meetingID=by-cgi&role=viewer")" 2>/dev/null
is "$(STATUS)" 302 "and on a full one joins"
CGI_BEFORE=()

if has_sanitizer "$FCGI_PROGRAM"; then
	diag "a build with a sanitizer: its memory is not limited"
	finish
fi

# --- memory --------------------------------------------------------------------------------

start_gateway gateway "$FCGI_ADDRESS"
create known
home=$(servers_of known)
# slides PATH OUT: a create with 8 MB of slides.
slides() {
	local META
	meta_variables POST "$1" application/xml "$(stat -c %s "$T/slides")"
	"$FCGI_CLIENT" --body "$T/slides" --timeout 90 --out "$2" "$FCGI_ADDRESS" "${META[@]}" 2>>"$T/client-errors" &
}
{
	printf '<modules><module name="presentation"><document name="a.txt">'
	head -c 8000000 /dev/zero | tr '\0' A
	printf '</document></module></modules>'
} >"$T/slides"
# No more than it has now, and some megabytes: until it ends, or can do with that.
pid=${PIDS[gateway]}
for more in 64 24 8 0; do
	is_running gateway || break
	size=$(awk '/^VmData:/ { print $2 }' "/proc/$pid/status")
	prlimit --pid "$pid" --data=$(((size + more * 1024) * 1024))
	pids=()
	for n in {1..16}; do
		fcgi_background "$(url getMeetings)" "$T/memory.$n"
		pids+=($!)
		slides "$(url create "name=room&meetingID=short-$more-$n&$PASSWORDS")" "$T/create.$n"
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
done
! is_running gateway || [ "$(lines 'short of memory here')" -gt 0 ]
ok $? "memory runs out: calls are not sent, or the process ends"
is "$(lines 'server is suspect\|server is down')" 0 "no server is blamed"
is "$(sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "SELECT COUNT(*) FROM server WHERE health <> 0")" 0 \
	"nor in the state"
diag "$(grep 'out of memory' "$LOGS/gateway.log" | sort -u)"
stop gateway
start_gateway gateway "$FCGI_ADDRESS"
create known
is "$(result) $(servers_of known)" "SUCCESS duplicateWarning $home" "afterwards a meeting is where it was"

finish
