#!/usr/bin/env bash
# One server of three answers oddly: a gigabyte, a bomb of entities, what is none of BBB's, a
# byte now and then.  Each request has its answer, with the other servers' meetings and
# well-formed; the process lives, keeps no memory, and takes no blame of its own for a server's.
# The same when the process may have no more memory.
. "$(dirname "$0")/lib.sh"
begin story-odd 77
need curl sqlite3 xmllint prlimit gzip
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM"
start_sandbox 3
# The polls do not interfere; a slow build has time.
write_config "$T/servers.json" '"poll_interval_ms": 600000,' '"probe_timeout_ms": 10000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS" -t 8
pid=${PIDS[gateway]}
for n in {1..6}; do
	create "odd-$n"
done
first=$(servers_of odd-1)
others=$(for n in {2..6}; do
	[ "$(servers_of "odd-$n")" = "$first" ] || echo "odd-$n"
done | paste -sd' ')
isnt "$others" "" "there are meetings on other servers"
pss_kb() { awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"; }
call getMeetings
before_kb=$(pss_kb)

# has_others WHAT: the answer to getMeetings is sound and has the meetings of the others.
has_others() {
	local all
	is "$(xml returncode)" SUCCESS "$1: getMeetings is answered"
	all=" $(elements meetingID | paste -sd' ') "
	for n in $others; do
		[[ $all == *" $n "* ]] || fail "$1: $n is in the list" "$all"
	done
	xmllint --noout "$T/body" 2>"$T/xmllint"
	is "$? $(head -c 300 "$T/xmllint")" "0 " "$1: the list is well-formed, and its prefixes are bound"
	is "$(grep -cE 'DOCTYPE|ENTITY' "$T/body")" 0 "$1: it has no DOCTYPE"
	is_alive "$pid"
	ok $? "$1: the process lives"
}

# answers WHAT FILE: the first server's list is in the file.
answers() {
	control "/raw?server=$first&call=getMeetings" --data-binary "@$2" >/dev/null
	call getMeetings
	has_others "$1"
}

# --- documents -----------------------------------------------------------------------

head='<response><returncode>SUCCESS</returncode><meetings>'
end='</meetings></response>'
meeting='<meeting><meetingID>good</meetingID></meeting>'
# repeat N TEXT
repeat() { yes "$2" | head -n "$1" | tr -d '\n'; }

{
	echo '<!DOCTYPE response [<!ENTITY e0 "ha">'
	for n in {1..30}; do
		echo "<!ENTITY e$n \"&e$((n - 1));&e$((n - 1));&e$((n - 1));&e$((n - 1));\">"
	done
	echo "]>$head<meeting><meetingID>&e30;</meetingID></meeting>$end"
} >"$T/laughs"
answers "entities of entities" "$T/laughs"
{
	echo "<!DOCTYPE response [<!ENTITY big \"$(repeat 100000 ha)\">]>"
	echo "$head<meeting><meetingID>$(repeat 100000 '&big;')</meetingID></meeting>$end"
} >"$T/quadratic"
answers "one entity often" "$T/quadratic"
for url in file:///etc/passwd "http://127.0.0.1:$((PORT0 + 10))/receiver/entity" ; do
	echo "<!DOCTYPE response [<!ENTITY x SYSTEM \"$url\">]>$head<meeting><meetingID>&x;</meetingID></meeting>$end" >"$T/external"
	answers "an external entity" "$T/external"
	is "$(grep -c root: "$T/body")" 0 "an external entity: no file is read"
done
echo "<!DOCTYPE response SYSTEM \"http://127.0.0.1:$((PORT0 + 10))/receiver/entity\" [<!ENTITY % p SYSTEM \"http://127.0.0.1:$((PORT0 + 10))/receiver/entity\"> %p;]>$head$meeting$end" >"$T/subset"
answers "an external subset" "$T/subset"
is "$(control '/received?name=entity' 2>/dev/null | grep -c receiver)" 0 "external entities: nobody is asked for one"

{
	printf '%s<meeting>' "$head"
	repeat 300000 '<a>'
	repeat 300000 '</a>'
	printf '</meeting>%s%s' "$meeting" "$end"
} >"$T/deep"
answers "300,000 levels" "$T/deep"
is "$(grep -c '<a><a>' "$T/body")" 0 "300,000 levels: they are not handed on"
is "$(grep -c '>good<' "$T/body")" 1 "300,000 levels: the meeting behind is"
for item in '<x:y/>' '<y x:z="1"/>' '<y xmlns:x=""><x:y/></y>' '<x:y xmlns:z="u"/>' '<a:b:c/>'; do
	echo "$head<meeting><meetingID>bad</meetingID>$item</meeting>$meeting$end" >"$T/prefix"
	answers "$item" "$T/prefix"
	is "$(xml_all meetingID | tr ' ' '\n' | grep -cE '^(good|bad)$')" 1 "$item: the meeting without it counts"
done
{
	printf '%s' "$head"
	repeat 6500000 '<meeting/>'
	printf '%s' "$end"
} >"$T/many"
answers "64 MB of <meeting/>" "$T/many"
{
	printf '%s' "$head"
	repeat 22000000 '<a>'
} >"$T/open"
answers "64 MB of <a>" "$T/open"
echo "$head$meeting$end" | gzip >"$T/zipped"
answers "a list that gzip made small" "$T/zipped"
head -c 100000 /dev/urandom >"$T/random"
answers "random bytes" "$T/random"
echo '{"response": {"returncode": "SUCCESS", "meetings": []}}' >"$T/json"
answers "JSON" "$T/json"
control "/raw?server=$first&call=getMeetings" --data-binary '' >/dev/null

# --- ways to send them ------------------------------------------------------------------

for kind in 'huge&bytes=1073741824' 'huge&bytes=67108865' cut break_off empty html reset http500 'status&status=204' \
	'redirect&text=http://127.0.0.1:1/' blank_lines; do
	fault "$first" "$kind" getMeetings >/dev/null
	call getMeetings
	has_others "$kind"
done
fault "$first" drip getMeetings 1000 >/dev/null
timed call getMeetings
has_others "a byte a second"
within "$TOOK_MS" 9000 60000 "a byte a second: given up at the deadline ($TOOK_MS ms)"
fault "$first" none >/dev/null

# --- memory that stays ---------------------------------------------------------------------

if has_sanitizer "$FCGI_PROGRAM"; then
	skip "memory that stays" "a build with sanitizers"
	finish
fi
sleep 5
within "$(pss_kb)" 0 $((before_kb + 25000)) "after all that the process has 25 MB more at most ($before_kb kB before, $(pss_kb) after)"

# --- memory that is short --------------------------------------------------------------------

stop gateway
start_gateway gateway "$FCGI_ADDRESS" -t 8
pid=${PIDS[gateway]}
for n in {1..20}; do
	call getMeetings
done
# may_have KB: so much more than it has now; '' for what it likes.
may_have() {
	local most=unlimited
	[ -z "$1" ] || most=$((($(awk '/^VmSize:/ { print $2 }' "/proc/$pid/status") + $1) * 1024))
	prlimit --pid "$pid" --as="$most:unlimited"
}
control "/raw?server=$first&call=getMeetings" --data-binary "@$T/many" >/dev/null
for kb in 20000 40000 60000 80000 120000; do
	may_have $kb
	call getMeetings
	has_others "$kb kB are left"
	call getMeetings
	join odd-2
	is "$(STATUS)" 302 "$kb kB are left: a join goes on"
done
may_have 40000
pids=()
for n in {1..8}; do
	fcgi_background "$(url getMeetings)" "$T/short-$n"
	pids+=($!)
done
wait_for_all "${pids[@]}"
is "$(count_files '<returncode>' "$T"/short-*)" 8 "eight at once: each has an answer"
is_alive "$pid"
ok $? "eight at once: the process lives"
grep -q "server's answer is lost.*short of memory here" "$LOGS/gateway.log"
ok $? "the log says that an answer was lost, and why"
is "$(grep -cE "server is (suspect|down).*short of memory" "$LOGS/gateway.log")" 0 "no server is blamed for it"

# A list of all servers that is larger than what there is, while each of them fits.
for n in 1 2 3; do
	{
		printf '%s' "$head"
		for k in {1..12}; do
			printf '<meeting><meetingID>s%d-%d</meetingID><a>' "$n" "$k"
			head -c 1000000 /dev/zero | tr '\0' x
			printf '</a></meeting>'
		done
		printf '%s' "$end"
	} >"$T/list"
	control "/raw?server=$n&call=getMeetings" --data-binary "@$T/list" >/dev/null
done
may_have ''
call getMeetings
is "$(elements meetingID | wc -l)" 36 "with enough memory the large list is whole"
sleep 1
for kb in 30000 50000 70000 90000; do
	may_have $kb
	call getMeetings
	like "$(xml returncode)" "@(SUCCESS|FAILED)" "$kb kB for a list of 36 MB: it is answered"
	is_alive "$pid"
	ok $? "$kb kB for a list of 36 MB: the process lives"
done
may_have ''
call getMeetings
is "$(elements meetingID | wc -l)" 36 "afterwards the large list is whole again"

finish
