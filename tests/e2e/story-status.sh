#!/usr/bin/env bash
# Three servers, one hangs: the status page and its JSON name it within two polls. The page
# is looked at by whatever is installed here for that.
. "$(dirname "$0")/lib.sh"
begin story-status 61
need nginx
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT" "$CTL_PROGRAM"
. "$E2E/web.sh"
start_sandbox 3
# Of three servers one lets its version be known.
control "/raw?server=2&call=index" --data-binary \
	"<response><returncode>SUCCESS</returncode><version>2.0</version><bbbVersion>3.0.21</bbbVersion></response>" >/dev/null
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 600,'
start_gateway gateway "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

page() { GET "$(url tinyscale/status "" "$ADMIN_SECRET")"; }
json() { GET "$(url tinyscale/status format=json "$ADMIN_SECRET")"; }
# shows COMMAND TEXT: does what COMMAND gets have that in it?
shows() {
	"$1"
	[[ $(BODY) == *"$2"* ]]
}
# of_server NAME FIELD: from the last JSON.
of_server() {
	grep -o "{\"name\":\"$1\".*" "$T/body" | sed "s/},{\"name\".*//; s/.*\"$2\":\([^,}]*\).*/\1/"
}

create lecture
join lecture redirect=false
home=$(servers_of lecture)
ill=$((home % 3 + 1))
wait_until shows json '"summary":"All servers in use are up."'
ok $? "three servers: all are up"
counts() {
	json
	[ "$(of_server "server-$home" users)" = 1 ]
}
wait_until counts
ok $? "a poll has counted who is there"
is "$(of_server "server-$home" meetings)" 1 "and the meeting"
# One minute has a sample, or two where the poll before was in the minute before.
like "$(BODY)" '*"users_by_minute":\[null,*,[01]\]*' "and has taken a sample for the last hour"
has_version() {
	json
	[ "$(of_server server-2 release)" = '"3.0.21"' ]
}
wait_until has_version
ok $? "and has asked for the version that a server tells"
is "$(of_server server-1 release)" null "others keep it to themselves"
page
is "$(STATUS)" 200 "the page"
is "$(HEADER Content-Type)" "text/html; charset=utf-8" "is HTML"
is "$(HEADER Cache-Control)" no-store "is kept by nobody"
is "$(HEADER Referrer-Policy)" no-referrer "tells nobody its address"
is "$(HEADER X-Content-Type-Options)" nosniff "is what it says it is"
like "$(HEADER Content-Security-Policy)" "default-src 'none'; *" "and may load nothing from elsewhere"
hash_of() {
	sed -n "/<$1>/,/<\/$1>/p" "$T/body" | sed "1s/.*<$1>//; \$s/<\/$1>.*//" >"$T/inline"
	# What stands between the tags, and nothing behind it.
	printf '%s' "$(cat "$T/inline"; echo .)" | sed '$s/\.$//' | head -c "$(($(stat -c %s "$T/inline") - 1))" |
		openssl dgst -sha256 -binary | base64
}
for part in style script; do
	like "$(HEADER Content-Security-Policy)" "*$part-src 'sha256-$(hash_of $part)'*" \
		"the policy has the hash of its $part"
done
is "$(grep -o '[^>]*3\.0\.21' "$T/body")" "BigBlueButton 3.0.21" "the version is there"
is "$(grep -c xyzzy "$T/body")" 0 "no secret is in it"
is "$(grep -c 127.0.0.1 "$T/body")" 0 "no address of a server"
is "$(grep -c lecture "$T/body")" 0 "no meetingID"
cp "$T/body" "$T/page.html"
if command -v xmllint >/dev/null; then
	is "$(xmllint --noout --nonet "$T/page.html" 2>&1)" "" "xmllint finds nothing"
else
	skip "xmllint finds nothing" "it is not installed"
fi
json
if command -v python3 >/dev/null; then
	python3 -m json.tool "$T/body" >"$T/pretty" 2>&1
	is $? 0 "Python reads the JSON" || diag "$(cat "$T/pretty")"
else
	skip "Python reads the JSON" "it is not installed"
fi
# shellcheck disable=SC2317
REQUEST() { "${DOOR}_request" "$@"; }
DOOR=cgi
page
like "$(BODY)" "*All servers in use are up.*" "a CGI request gets the same page"
DOOR=http

fault "$ill" hang
is_named() {
	json
	[[ $(BODY) == *'"good":false'* ]]
}
wait_until is_named
ok $? "one hangs: the JSON says that something is wrong"
like "$(BODY)" "*\"summary\":\"server-$ill is *" "and names it"
within "$(of_server "server-$ill" failed_polls)" 1 2 "within two polls"
is "$(of_server "server-$ill" takes_meetings)" false "it gets no new meetings"
page
like "$(BODY)" "*<title>server-$ill is *" "the page names it, too"
wait_until shows page "<title>server-$ill is down."
ok $? "then it is down"
like "$(BODY)" "*<bdi>server-$ill</bdi> is down</span></li>*" "which is told among the recent changes"
fault "$ill" none
wait_until shows page "<title>All servers in use are up."
ok $? "it answers again: all are up"
json
like "$(BODY)" "*\"changes\":\[{\"at_ms\":*,\"server\":\"server-$ill\",\"change\":\"up\"},*\"down\"},*\"suspect\"}\]}*" \
	"the changes are told, the last first"
TINYSCALE_CONFIG=$T/servers.json "$CTL_PROGRAM" cordon "server-$home" >/dev/null
is $? 0 "an operator cordons another"
page
like "$(BODY)" '*<td role="cell" data-label="State">cordoned</td>*no: cordoned by an operator*' \
	"the page shows that"
like "$(BODY)" "*<bdi>server-$home</bdi> was cordoned by an operator</span></li>*" \
	"and that it happened"
fault "$ill" hang
wait_until shows page "<title>server-$ill is down."

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
. "$E2E/modules.sh"
if [ -z "$chromium" ] || ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	skip "Chromium looks at the page" "Chromium, node or npm is not installed"
elif ! install_modules; then
	diag "$(tail -n 5 "$T/npm")"
	skip "Chromium looks at the page" "npm cannot install axe-core"
else
	mkdir -p "$T/looks"
	timeout -k 5 300 node "$E2E/npm/look.js" "$chromium" "$MODULES/node_modules/axe-core/axe.min.js" \
		"$HTTP_BASE$(url tinyscale/status "" "$ADMIN_SECRET")" "$T/looks" >"$T/looked" 2>"$T/errors"
	cp "$T/looks"/*.png "$LOGS/" 2>/dev/null
	while read -r word name; do
		[ "$word" = pass ]
		ok $? "$name"
	done <"$T/looked"
	is "$(grep -c . "$T/looked")" 15 "Chromium has looked at all" || diag "$(cat "$T/errors")"
fi

finish
