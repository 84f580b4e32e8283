#!/usr/bin/env bash
# Gateways die at any moment: of three on one socket behind nginx one is killed every now and
# then (SIGKILL) and started again, and so are CGI processes, while some dozens of calls a
# second create meetings, ask about them and end them. Afterwards the servers' history and the
# clients' log must agree:
# - no meetingID was created on a server while it lived on another;
# - no meeting was answered as unknown while it lived, so no create that was answered is lost.
#
# Environment:
#   CRASH_SECONDS   how long (20)
#   CRASH_RATE      calls a second (60, with a sanitizer 20)
#   CRASH_SEED      what the clients decide by (the time; printed)
. "$(dirname "$0")/lib.sh"
begin story-crash 81
need nginx spawn-fcgi sqlite3 make
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/web.sh"
LENGTH_S=${CRASH_SECONDS:-20}
RATE=${CRASH_RATE:-60}
if has_sanitizer "$FCGI_PROGRAM"; then
	RATE=${CRASH_RATE:-20}
fi
CLIENT=$BUILD/tests/e2e/monday-client
make -s -C "$BUILD" tests/e2e/monday-client >"$LOGS/make.log" 2>&1
need_built "$CLIENT"
start_sandbox 5
write_config "$T/servers.json"

# The gateways: descriptor 0 is the listening socket, which outlives each of them.
cat >"$T/gateways" <<END
#!/usr/bin/env bash
export TINYSCALE_CONFIG="$T/servers.json"
started=()
trap 'kill "\${started[@]}"; wait; exit' TERM
while :; do
	for n in 1 2 3; do
		kill -0 "\${started[\$n]:-x}" 2>/dev/null && continue
		"$FCGI_PROGRAM" <&0 2>>"$LOGS/gateway-\$n.log" &
		started[\$n]=\$!
		echo \$! >"$T/gateway-\$n"
	done
	sleep 0.05 &
	wait \$!
done
END
chmod 755 "$T/gateways"
start gateways spawn-fcgi -n -s "$T/gateway.sock" -M 0666 -- "$T/gateways"
must_wait_until "the gateways answer" fcgi_probe "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

# So that whoever is killed has something under way.
fault 0 delay '' 30

# kill_gateways: one of them, for good, as long as the clients ask.
kill_gateways() {
	local victim
	while :; do
		sleep "0.$((RANDOM % 8 + 1))"
		victim=$(cat "$T/gateway-$((RANDOM % 3 + 1))")
		kill -KILL "$victim" 2>/dev/null && echo killed >>"$T/killed"
	done
}
# ask_by_cgi: creates and questions, each in a process that may be killed at any moment of it.
ask_by_cgi() {
	local n=0 id meta=()
	while :; do
		n=$((n + 1))
		id=cgi-$((n % 40))
		meta_variables GET "$(url create "name=$id&meetingID=$id&$PASSWORDS")"
		meta=("${META[@]}")
		timeout -s KILL "0.0$((RANDOM % 90 + 10))" env -i PATH="$PATH" "${KEPT_ENVIRONMENT[@]}" \
			TINYSCALE_CONFIG="$T/servers.json" "${meta[@]}" "$CGI_PROGRAM" \
			>"$T/by-cgi" 2>>"$LOGS/cgi.log"
		[ $? != 137 ] || echo killed >>"$T/killed-cgi"
		! grep -q '<returncode>SUCCESS' "$T/by-cgi" || echo "$id" >>"$T/created-by-cgi"
	done
}

: >"$T/killed"
: >"$T/killed-cgi"
began_ms=$(now_ms)
kill_gateways 2>/dev/null &
PIDS[killer]=$!
ask_by_cgi 2>/dev/null &
PIDS[by-cgi]=$!
start client "$CLIENT" "$HTTP_PORT" "$SECRET" "$PASSWORDS" "$RATE" "$LENGTH_S" 200 \
	"$LOGS/client.tsv" ${CRASH_SEED:+"$CRASH_SEED"}
wait "${PIDS[client]}"
is $? 0 "the clients come to their end"
unset "PIDS[client]"
stop killer
stop by-cgi
diag "$(cat "$LOGS/client.log"), $(wc -l <"$LOGS/client.tsv") calls;" \
	"$(wc -l <"$T/killed") gateways and $(wc -l <"$T/killed-cgi") CGI processes were killed"
[ "$(wc -l <"$T/killed")" -ge $((LENGTH_S / 4)) ]
ok $? "gateways were killed"

for ((n = 1; n <= SERVER_COUNT; n++)); do
	control "/history?server=$n" | sed "s/^/$n /"
done | sort -k2,2n -s >"$LOGS/history"
is "$(awk '{ print $3 }' "$LOGS/history" | sort -u | paste -sd' ')" "created ended" "meetings came and went"
# A page or call that takes long, and one that fails, is what a killed gateway leaves behind.
: >"$T/windows"
mkdir "$T/judged"
touch "$T/judged"/{double,unknown,late,failed,summary}
awk -v out="$T/judged" -v began="$began_ms" -v after=0 -v slack=60000 -v probe=3000 \
	-v call=15000 -v create=15000 -f "$E2E/monday.awk" pass=windows "$T/windows" \
	pass=history "$LOGS/history" pass=joins "$LOGS/client.tsv" pass=calls "$LOGS/client.tsv"
is "$(head -n 5 "$T/judged/double")" "" "no meetingID was created on a second server"
is "$(head -n 5 "$T/judged/unknown")" "" "no meeting was answered as unknown while it lived"
answered=$(cut -f7 "$LOGS/client.tsv" | grep -cE '^(ok|joined|true|false)$')
[ "$answered" -gt $(($(wc -l <"$LOGS/client.tsv") * 2 / 3)) ]
ok $? "most calls are answered all the same: $answered"

# What a CGI process has answered stays.
sort -u "$T/created-by-cgi" >"$T/created"
lost=$(while read -r id; do
	HTTP_GET=$HTTP_BASE$(url getMeetingInfo "meetingID=$id")
	curl -sg --max-time 60 "$HTTP_GET" | grep -q '<returncode>SUCCESS' || echo "$id"
done <"$T/created")
is "$lost" "" "$(wc -l <"$T/created") meetings that CGI processes created are all there"

finish
