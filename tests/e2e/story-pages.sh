#!/usr/bin/env bash
# Somebody follows a link before the meeting begins, with a browser that does what pages
# tell it, and is let in when it has begun; the page itself is looked at by whatever is
# installed here for that.
. "$(dirname "$0")/lib.sh"
begin story-pages 47
need nginx
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM"
. "$E2E/web.sh"
start_sandbox 2
write_config "$T/servers.json"
start_gateway gateway "unix:$T/gateway.sock"
start_nginx "$T/gateway.sock"

# browse PATH: as a browser, with the cookies that it has.
browse() {
	REQUEST_HEADERS=("Accept: $BROWSER_ACCEPT" "Accept-Language: ${LANGUAGE:-de}")
	[ -z "${COOKIE:-}" ] || REQUEST_HEADERS+=("Cookie: $COOKIE")
	GET "$1"
	REQUEST_HEADERS=()
	[ -z "$(HEADER Set-Cookie)" ] || COOKIE=$(HEADER Set-Cookie | cut -d';' -f1)
}

link=$(url join "fullName=Ann&meetingID=lecture&password=$MODERATOR_PW")
pauses=''
for ((i = 0; i < 12; i++)); do
	browse "$link"
	pauses="$pauses $(HEADER Refresh)"
done
like "$(BODY)" "*<h1>Die Konferenz läuft nicht</h1>*" "before the meeting: the page says so"
# shellcheck disable=SC2086 # a list of numbers
set -- $pauses
is $# 12 "the page tries again each time:$pauses s"
within "$1" 2 7 "the first pause is short"
within "${12}" 30 89 "the pauses grow"
is "$COOKIE" "tinyscale-tries=12" "the tries are counted"
different=$(for ((i = 0; i < 20; i++)); do
	COOKIE=tinyscale-tries=12 browse "$link"
	HEADER Refresh
done | sort -u | wc -l)
within "$different" 5 20 "and they differ ($different of 20)"

create lecture
browse "$link"
is "$(STATUS)" 302 "the meeting has begun: the same link leads there"
server=$(servers_of lecture)
like "$(HEADER Location)" "$(server_url "$server")/join\?*" "to its server"

# Its server hangs: as soon as a poll has failed nobody is sent there.
fault "$server" hang
is_held() {
	COOKIE='' browse "$link"
	[ "$(STATUS)" = 200 ]
}
wait_until is_held
ok $? "its server fails a poll: the page waits for it"
like "$(BODY)" "*<h1>Die Konferenz *</h1>*" "and says so"
fault "$server" none
is_let_in() {
	COOKIE='' browse "$link"
	[ "$(STATUS)" = 302 ]
}
wait_until is_let_in
ok $? "it answers: the same link leads there"

browse "${link%?}"
like "$(BODY)" "*<h1>Dieser Link funktioniert nicht</h1>*" "a link that was cut"
is "$(HEADER Refresh)$(HEADER Set-Cookie)" "" "is not tried again"

# A gateway that is not set up has no configuration to tell its servers by.
echo '{"servers": 1}' >"$T/broken.json"
META=()
REQUEST_HEADERS=("Accept: $BROWSER_ACCEPT")
meta_variables GET "$link"
REQUEST_HEADERS=()
cat < <(cgi_exec TINYSCALE_CONFIG="$T/broken.json" </dev/null) >"$T/answer"
take_cgi_answer "$T/answer" "$T/"
like "$(BODY)" "*<h1>The meeting cannot be reached at the moment</h1>*" "a gateway that is not set up"
like "$(HEADER Refresh)" "[2-7]" "tries again"
id=$(HEADER X-Request-Id)
is "$(grep -c "info request id=$id call=join" "$LOGS/gateway.log")" 1 "and its line has the answer's id"

# The page as others see it.
COOKIE='' LANGUAGE=fr browse "$(url join "fullName=Ann&meetingID=never")"
cp "$T/body" "$T/page.html"
if command -v xmllint >/dev/null; then
	is "$(xmllint --noout --nonet "$T/page.html" 2>&1)" "" "xmllint finds nothing"
else
	skip "xmllint finds nothing" "it is not installed"
fi
if command -v tidy >/dev/null; then
	is "$(tidy -quiet -errors "$T/page.html" 2>&1)" "" "tidy finds nothing"
else
	skip "tidy finds nothing" "it is not installed"
fi
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$chromium" ]; then
	chrome() {
		timeout -k 5 "$E2E_DEADLINE" "$chromium" --headless --no-sandbox --disable-gpu \
			--no-first-run --user-data-dir="$T/chromium" "$@" 2>>"$LOGS/chromium.log"
	}
	chrome --lang=fr --accept-lang=fr --dump-dom "$HTTP_BASE$(url join "fullName=Ann&meetingID=never")" \
		>"$T/dom"
	like "$(cat "$T/dom")" '*<html lang="fr"*<h1>La réunion *</h1>*' "Chromium shows the page"
	is "$(grep -c 'Content Security Policy' "$LOGS/chromium.log")" 0 "and its policy lets the style through"
	for size in 360,640 1280,800; do
		chrome --window-size=$size --screenshot="$LOGS/page-$size.png" \
			"$HTTP_BASE$(url join "fullName=Ann&meetingID=never")"
		within "$(stat -c %s "$LOGS/page-$size.png" 2>/dev/null || echo 0)" 2000 10000000 \
			"a screenshot of $size"
	done
else
	skip "Chromium shows the page" "it is not installed"
fi

finish
