#!/usr/bin/env bash
# The README's commands, as they stand there, but for host names and folders, against a
# gateway that runs; and no command of it that no test runs.
. "$(dirname "$0")/lib.sh"
begin story-readme 67
shopt -s lastpipe # what reads from a pipe counts its checks here
need nginx jq
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT" "$CTL_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
write_config "$T/servers.json" '"poll_interval_ms": 1000,'
start_gateway gateway "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

# Which test runs the commands below each heading.
cat >"$T/run-by" <<'END'
Two commands	story-run, and whoever runs ./check
Install the package	tests/package
1. Build	tests/chroot.sh, story-run
2. `servers.json`	tests/chroot.sh
3. Who may read and write	tests/chroot.sh
systemd (for nginx and Apache's mod_proxy_fcgi)	tests/chroot.sh
nginx	tests/chroot.sh
lighttpd	tests/chroot.sh
Apache	tests/chroot.sh
Shared hosting	here
5. Try it	tests/chroot.sh
tinyscalectl	here
Watch it	here
Guessing at checksums	here
When a server fails	here
Take a server out	here
When the state is lost	here
Move from Scalelite	here
Several gateway hosts	story-hosts
Upgrade	tests/chroot.sh
Uninstall	tests/chroot.sh, story-run
END
"$TOP/tests/readme.sh" >"$T/headings"
is "$(cut -f1 "$T/run-by" | diff - "$T/headings")" "" "each heading with commands has a test"

# readme HEADING [SED SCRIPT]: the code blocks below that heading, with what is ours.
readme() {
	"$TOP/tests/readme.sh" "$1" |
		sed -e "s|https://bbb\.example\.org/bigbluebutton/api|$HTTP_BASE$API|g" \
			-e 's|bbb\([12]\)\.example\.org|server-\1|g' \
			-e "s|the one in servers\.json|$ADMIN_SECRET|" \
			-e "s|/var/lib/tinyscale/|$T/state/|; s|/etc/|$T/etc/|g" -e "${2:-}"
}
# runs NAME: the commands on standard input, in the folder $T/work; what they say is in OUT.
mkdir -p "$T/work" "$T/bin"
ln -s "$CTL_PROGRAM" "$T/bin/tinyscalectl"
ln -s "$TOP/contrib" "$T/work/contrib"
runs() {
	cat >"$T/commands"
	[ -s "$T/commands" ] || fail "the README has commands: $1"
	OUT=$(cd "$T/work" && env PATH="$T/bin:$PATH" TINYSCALE_CONFIG="$T/servers.json" \
		sh -ex "$T/commands" 2>"$T/errors" </dev/null)
	is $? 0 "$1" || diag "$(cat "$T/errors")"
}

all_up() {
	GET "$(url tinyscale/status format=json "$ADMIN_SECRET")"
	[[ $(BODY) == *'"servers_up":3'* ]]
}
wait_until all_up
ok $? "all servers are up"
create lecture

# What an operator does at 7:50. Nobody is on server-2, so to drain it ends at once.
[ "$(servers_of lecture)" != 2 ] || {
	call end "meetingID=lecture"
	control "/fault?server=2&kind=http500&call=create" >/dev/null
	create lecture-2
	control "/fault?server=2&kind=none" >/dev/null
}
readme tinyscalectl '/^tinyscalectl check/d; s/ --until 12:00//' | runs "\"tinyscalectl\""
like "$OUT" "*3 servers, 3 up;*" "shows all servers"
# That the sandbox speaks http is a failure of "check", which is the operator's to judge.
readme tinyscalectl | grep '^tinyscalectl check$' | sed 's/$/ || :/' | runs "its \"check\""
like "$OUT" "*server-2*" "asks each server"

readme "Watch it" "s|^tinyscalectl url.*|& --base $HTTP_BASE$API >status-url|" |
	runs "\"Watch it\""
like "$OUT" "*tinyscale_requests_total*" "gets the metrics"
is "$(curl -gs -o "$T/page" -w '%{http_code}' "$(cat "$T/work/status-url")")" 200 \
	"and the address of the page opens it"
like "$(cat "$T/page")" "*<table*server-3*" "with all servers"

mkdir -p "$T/etc/fail2ban/filter.d" "$T/etc/fail2ban/jail.d"
readme "Guessing at checksums" | grep '^cp' | runs "\"Guessing at checksums\""
is "$(find "$T/etc" -type f | wc -l)" 2 "puts the filter and the jail where they go"

readme "When a server fails" | sed 's/^\(\* \)*www-data //' |
	sed "s|/usr/lib/cgi-bin/tinyscale.cgi|$CGI_PROGRAM|" | runs "the line for cron"

readme "Take a server out" | runs "\"Take a server out\""
is "$("$CTL_PROGRAM" -c "$T/servers.json" servers --json | jq -r '.servers[1].state')" enabled \
	"the server is back afterwards"

readme "When the state is lost" | runs "\"When the state is lost\""
call getMeetingInfo "meetingID=lecture"
[ "$(result)" = SUCCESS ] || call getMeetingInfo "meetingID=lecture-2"
is "$(result)" SUCCESS "no meeting is lost"

# As "rake servers:yaml" prints it.
cat >"$T/work/servers.yml" <<END
---
:servers:
  bbb1.example.org:
    :url: $(server_url 1)/bigbluebutton/api
    :secret: one-xyzzy
    :load_multiplier: 2.0
    :enabled: true
END
readme "Move from Scalelite" 's/^tinyscalectl check/& || :/' | runs "\"Move from Scalelite\""
is "$(jq -r '.servers[0].secret' "$T/work/servers.json")" one-xyzzy "has the server"

cp "$CGI_PROGRAM" "$TOP/contrib/htaccess-example" "$T/work"
readme "Shared hosting" | runs "\"Shared hosting\""
is "$(env TINYSCALE_CONFIG="$T/servers.json" REQUEST_METHOD=GET PATH_INFO=/ \
	"$T/work/bigbluebutton/api" | grep -c '<returncode>SUCCESS')" 1 "the program answers there"
[ -s "$T/work/bigbluebutton/.htaccess" ]
ok $? "beside its .htaccess"
finish
