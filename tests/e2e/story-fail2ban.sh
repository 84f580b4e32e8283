#!/usr/bin/env bash
# contrib/fail2ban finds who guesses at checksums in what the program writes, by any way
# that a log takes, and nobody else.
. "$(dirname "$0")/lib.sh"
begin story-fail2ban 46
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
need fail2ban-regex
. "$E2E/fail2ban.sh"
start_sandbox 1
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
make -s -C "$BUILD" tests/e2e/log-listener >"$LOGS/make.log" 2>&1
LISTENER=$BUILD/tests/e2e/log-listener
mkdir "$T/fail2ban"

# Two addresses guess. Another knows the secret, and has meetingIDs, a name and a call
# that read as the log of somebody's guesses.
GUESSERS='203.0.113.9 2001:db8::17'
requests() {
	local stamp='2026-11-27T02:00:00.123Z' id='id=0123456789abcdef' forged text
	for CLIENT in $GUESSERS; do
		GET "$API/create?meetingID=m&checksum=0123456789012345678901234567890123456789"
		is "$(result)" "FAILED checksumError" "$1: $CLIENT guesses"
	done
	CLIENT=198.51.100.4
	for forged in "warn checksum failure $id client=192.0.2.66 call=create" \
		"$stamp warn checksum failure $id client=192.0.2.66 call=create" \
		"\"} {\"time\":\"$stamp\",\"level\":\"warn\",\"event\":\"checksum failure\",\"id\":\"0123456789abcdef\",\"client\":\"192.0.2.66\",\"call\":\"create\"}" \
		"tinyscale.fcgi[1]: warn checksum failure $id client=192.0.2.66 call=create"; do
		for text in "$forged" $'\n'"$forged" $'\r\n'"$forged"$'\n' $'\u2028'"$forged" $'\u0085'"$forged"; do
			text=$(jq -rn --arg text "$text" '$text | @uri')
			call getMeetingInfo "meetingID=$text"
			call join "meetingID=$text&fullName=$text"
		done
	done
	GET "$API/warn%20checksum%20failure%20client=192.0.2.66%20call=create?checksum=1"
	CLIENT=127.0.0.1
}

# A file that is the program's standard error.
for format in text json; do
	write_config "$T/servers.json" "\"log_format\": \"$format\","
	: >"$LOGS/gateway.log"
	start_gateway gateway "$FCGI_ADDRESS"
	requests "a file, $format"
	stop gateway
	cp "$LOGS/gateway.log" "$T/$format"
	is "$(banned_by "$T/$format")" "2001:db8::17 203.0.113.9" "a file, $format: they and nobody else"
	within "$(grep -c 192.0.2.66 "$T/$format")" 20 1000 "a file, $format: though the log has the forgeries"
	if [ "$format" = json ]; then
		is "$(jq -r .event "$T/json" | sort -u | grep -c .)" "$(jq -r .event "$T/json" | sort -u | wc -l)" \
			"each line is a JSON object with an event"
	fi
done
# The same by log_client: a network is never banned.
for shown in prefix none; do
	write_config "$T/servers.json" "\"log_client\": \"$shown\","
	: >"$LOGS/gateway.log"
	start_gateway gateway "$FCGI_ADDRESS"
	requests "log_client $shown"
	stop gateway
	is "$(banned_by "$LOGS/gateway.log")" "" "log_client $shown: nobody"
	is "$(grep -cE "203\.0\.113\.9|2001:db8::17|198\.51\.100\.4" "$LOGS/gateway.log")" 0 \
		"log_client $shown: no address is in the log"
done

# The journal hands fail2ban a unit's standard error line by line, behind the host's name,
# the program's and its process id (fail2ban's filtersystemd.py, formatJournalEntry).
for format in text json; do
	sed 's/^/gateway tinyscale.fcgi[4711]: /' "$T/$format" | while IFS= read -r line; do
		echo "2026-11-27T02:00:00.123456 $line"
	done >"$T/journal-$format"
	is "$(banned_by "$T/journal-$format")" "2001:db8::17 203.0.113.9" "the journal's lines, $format"
done
# The real journal, where there is something that can write one.
journal_remote=${JOURNAL_REMOTE:-/lib/systemd/systemd-journal-remote}
if [ -x "$journal_remote" ] && /usr/bin/python3 -c 'import systemd.journal' 2>/dev/null; then
	for format in text json; do
		n=0
		while IFS= read -r line; do
			n=$((n + 1))
			printf '__REALTIME_TIMESTAMP=%s\n__MONOTONIC_TIMESTAMP=%s\n_BOOT_ID=%032d\n' \
				$((1795744800000000 + n)) $n 1
			printf '_HOSTNAME=gateway\n_SYSTEMD_UNIT=tinyscale.service\nSYSLOG_IDENTIFIER=tinyscale.fcgi\n_PID=4711\n'
			printf 'MESSAGE=%s\n\n' "$line"
		done <"$T/$format" >"$T/export"
		"$journal_remote" -o "$T/$format.journal" "$T/export" >"$T/journal-remote" 2>&1
		is "$(banned_by "systemd-journal[journalfiles=$T/$format.journal]")" \
			"2001:db8::17 203.0.113.9" "the journal, $format"
	done
else
	skip "the journal" "systemd-journal-remote and python3-systemd are not both installed"
fi

# By syslog, where standard error is closed: a daemon puts the host's name in.
own_mounts=(unshare -m)
[ "$(id -u)" -eq 0 ] || own_mounts=(unshare -rm)
cat >"$T/by-syslog" <<'END'
#!/bin/sh
# usage: by-syslog FOLDER COMMAND...: COMMAND without standard error, and with the log's
# socket of FOLDER.
mount -t tmpfs none "$1/dev" && : >"$1/dev/null" && : >"$1/dev/urandom" &&
	mount --bind /dev/null "$1/dev/null" && mount --bind /dev/urandom "$1/dev/urandom" &&
	ln -s "$1/log.sock" "$1/dev/log" && mount --rbind "$1/dev" /dev || exit 1
shift
exec "$@" 2>/dev/null
END
chmod 755 "$T/by-syslog"
mkdir "$T/dev"
if "${own_mounts[@]}" "$T/by-syslog" "$T" true 2>"$LOGS/by-syslog.log"; then
	for format in text json; do
		rm -f "$T/log.sock"
		start "log-$format" "$LISTENER" "$T/log.sock"
		must_wait_until "log-listener listens" test -S "$T/log.sock"
		write_config "$T/servers.json" "\"log_format\": \"$format\","
		RUN_AS=("${own_mounts[@]}" "$T/by-syslog" "$T")
		start_gateway gateway "$FCGI_ADDRESS"
		RUN_AS=()
		requests "syslog, $format"
		stop gateway
		stop "log-$format"
		sed -E 's/^<[0-9]+>(.{15}) /\1 gateway /' "$LOGS/log-$format.log" >"$T/syslog-$format"
		is "$(banned_by "$T/syslog-$format")" "2001:db8::17 203.0.113.9" "syslog, $format"
		within "$(grep -c 192.0.2.66 "$T/syslog-$format")" 20 1000 "syslog, $format: with the forgeries"
		is "$(grep -c '^<28>.*checksum failure' "$LOGS/log-$format.log")" 2 "syslog, $format: as warnings of a daemon"
	done
else
	skip "syslog" "no mounts of our own"
fi

# The jail is one that fail2ban takes, beside those of its own.
settings=${FAIL2BAN_CONFIG:-/etc/fail2ban}
if [ -d "$settings/action.d" ]; then
	cp -R "$settings/." "$T/fail2ban"
	rm -rf "$T/fail2ban/jail.d"
	cp -R "$TOP/contrib/fail2ban/." "$T/fail2ban"
	fail2ban-client -c "$T/fail2ban" -d >"$T/jail" 2>&1
	ok $? "fail2ban takes the jail"
	like "$(cat "$T/jail")" "*'add', 'tinyscale', 'systemd'*" "… by the journal"
	like "$(cat "$T/jail")" "*'addjournalmatch', '_SYSTEMD_UNIT=tinyscale.service'*" "… of its unit"
	sed -i -e 's/^backend/#&/' -e 's/^#\(backend = auto\)/\1/' \
		-e "s|^#logpath = .*|logpath = $T/text|" "$T/fail2ban/jail.d/tinyscale.conf"
	fail2ban-client -c "$T/fail2ban" -d >"$T/jail" 2>&1
	ok $? "and by a file"
	like "$(cat "$T/jail")" "*'addlogpath', '$T/text'*" "… as the comment says"
else
	skip "fail2ban takes the jail" "there is no $settings"
fi

finish
