# shellcheck shell=bash
#
# What tinyscale does, seen through one door. Every door sources this file after
# defining REQUEST, POST_GET and RESTART; see lib.sh for the verbs. The sandbox
# has three servers.

# on_one_server MEETINGID NAME: exactly one server has it, any one.
on_one_server() {
	like "$(servers_of "$1")" "[123]" "$2"
}

is_nowhere() {
	[ -z "$(servers_of "$1")" ]
}

# last_query CALL: the raw query of the last such call that any server received.
last_query() {
	calls 0 "$1" | tail -n 1 | cut -f4
}

# received_body: type, length and SHA-256 of the last body with a call NAME.
received_body() {
	calls 0 "$1" | tail -n 1 | cut -f5-7 | tr '\t' ' '
}

# body_of FILE TYPE: what received_body should say.
body_of() {
	echo "$2 $(stat -Lc %s "$1") $(digest <"$1")"
}

behaviour_index() {
	local path
	for path in "$API" "$API/" "$API?checksum=0123" "$API/?&checksum=0123" \
		"/bigbluebutton//api" "/bigbluebutton/api//"; do
		GET "$path"
		is "$(STATUS) $(xml returncode) $(xml version) $(xml apiVersion)" "200 SUCCESS 2.0 2.0" \
			"index: $path"
	done
	like "$(HEADER Content-Type | tr -d ' ')" "text/xml;charset=[Uu][Tt][Ff]-8" "index: its type"
	printf 'x=1' >"$T/form"
	POST "$API" application/x-www-form-urlencoded "$T/form"
	is "$(STATUS) $(xml returncode)" "200 SUCCESS" "index: by POST"
}

behaviour_empty() {
	call getMeetings
	is "$(STATUS) $(result)" "200 SUCCESS noMeetings" "getMeetings: without any meeting"
	like "$(BODY)" "*<meetings*" "getMeetings: the empty list is there"
	call getRecordings
	is "$(STATUS) $(result)" "200 SUCCESS noRecordings" "getRecordings: without any recording"
}

behaviour_life() {
	local server location internal

	create life
	is "$(STATUS) $(result)" "200 SUCCESS" "create"
	like "$(HEADER Content-Type | tr -d ' ')" "text/xml;charset=[Uu][Tt][Ff]-8" "create: its type"
	on_one_server life "create: on one server"
	server=$(servers_of life)
	internal=$(control "/meetings?server=$server" | awk '$1 == "life" { print $2 }')
	is "$(xml internalMeetingID)" "$internal" "create: the server's own internalMeetingID"
	is "$(xml createTime)" "${internal##*-}" "create: the server's own createTime"
	is "$(xml moderatorPW)" "$MODERATOR_PW" "create: the password as given"

	create life
	is "$(result)" "SUCCESS duplicateWarning" "create again"
	is "$(xml internalMeetingID)" "$internal" "create again: the same meeting"
	is "$(servers_of life)" "$server" "create again: still on that server only"

	call isMeetingRunning "meetingID=life"
	is "$(result) $(xml running)" "SUCCESS false" "isMeetingRunning: before anybody joins"

	join life
	is "$(STATUS)" 302 "join"
	location=$(HEADER Location)
	like "$location" "$(server_url "$server")/join\?*" "join: leads to the meeting's server"
	like "$location" "*\?fullName=Ann&meetingID=life&password=*" "join: the query as it was"
	like "$(HEADER Cache-Control)" "*no-store*" "join: is not to be cached"
	curl -gsSL -c "$T/jar" -o "$T/page" --max-time 20 "$location"
	like "$(tr '\n' ' ' <"$T/page")" "*life*" "join: the server lets the browser in"

	call isMeetingRunning "meetingID=life"
	is "$(result) $(xml running)" "SUCCESS true" "isMeetingRunning: after the join"
	call getMeetingInfo "meetingID=life"
	is "$(result) $(xml internalMeetingID) $(xml participantCount)" "SUCCESS $internal 1" \
		"getMeetingInfo: from the meeting's server"

	HEAD "$(url create "meetingID=head&name=head")"
	is "$(STATUS) $(servers_of head)" "200 " "HEAD makes no meeting"
	HEAD "$(url join "fullName=Ann&meetingID=life&password=$MODERATOR_PW")"
	is "$(STATUS)" 302 "join by HEAD"
	like "$(HEADER Location)" "$(server_url "$server")/join\?*" "join by HEAD: leads to the server"

	call sendChatMessage "meetingID=life&message=hello&userName=Ann"
	is "$(xml returncode)" SUCCESS "sendChatMessage"
	is "$(calls "$server" sendChatMessage | wc -l)" 1 "sendChatMessage: reached the meeting's server"
	: >"$T/empty"
	POST "$(url sendChatMessage "meetingID=life&message=hello")" application/x-www-form-urlencoded "$T/empty"
	is "$(xml returncode) $(calls "$server" sendChatMessage | cut -f1 | tail -n 1)" "SUCCESS GET" \
		"sendChatMessage: by POST, which is a GET to BBB"

	call end "meetingID=life&password=$MODERATOR_PW"
	is "$(result)" "SUCCESS sentEndMeetingRequest" "end"
	wait_until is_nowhere life
	call getMeetingInfo "meetingID=life"
	is "$(result)" "FAILED notFound" "getMeetingInfo: after the end"
}

behaviour_unknown() {
	local name
	for name in getMeetingInfo end; do
		call "$name" "meetingID=none&password=$MODERATOR_PW"
		is "$(STATUS) $(result)" "200 FAILED notFound" "$name: unknown meeting"
	done
	printf '<modules><module name="presentation"></module></modules>' >"$T/modules"
	POST "$(url insertDocument "meetingID=none")" application/xml "$T/modules"
	is "$(result)" "FAILED notFound" "insertDocument: unknown meeting"
	join none
	is "$(STATUS) $(result)" "200 FAILED invalidMeetingIdentifier" "join: unknown meeting"
	call sendChatMessage "meetingID=none&message=hello"
	is "$(result)" "FAILED meetingNotFound" "sendChatMessage: unknown meeting"
	call isMeetingRunning "meetingID=none"
	is "$(result) $(xml running)" "SUCCESS false" "isMeetingRunning: unknown meeting"
	call getMeetingInfo "meetingID="
	is "$(result)" "FAILED missingParamMeetingID" "getMeetingInfo: an empty meetingID"
	call publishRecordings "publish=true"
	is "$(result)" "FAILED missingParamRecordID" "publishRecordings: without a recordID"
	call publishRecordings "recordID=none"
	is "$(result)" "FAILED missingParamPublish" "publishRecordings: without publish"
	call noSuchCall "name=none"
	is "$(STATUS) $(result)" "200 FAILED unsupportedRequest" "an unknown call"
	call Create "name=none"
	is "$(result)" "FAILED unsupportedRequest" "names of calls have a case"
}

behaviour_many() {
	local n wanted=''
	for n in 1 2 3 4 5 6; do
		create "many-$n"
		wanted="$wanted many-$n"
	done
	for n in 1 2 3; do
		isnt "$(control "/meetings?server=$n" | grep -c '^many-')" 0 "create: server $n has its share"
	done
	call getMeetings
	is "$(xml returncode)" SUCCESS "getMeetings: all servers'"
	is "$(xml_all meetingID | tr ' ' '\n' | grep '^many-' | paste -sd' ')" "${wanted# }" \
		"getMeetings: each meeting once"
	call getMeetings "checksum-like=1&x=y"
	is "$(xml returncode)" SUCCESS "getMeetings: with a parameter of no meaning"
}

behaviour_cookies() {
	local server
	create cookies
	server=$(servers_of cookies)
	fault "$server" set_cookie
	call getMeetingInfo "meetingID=cookies"
	is "$(xml returncode) $(HEADER Set-Cookie)" "SUCCESS " "Set-Cookie: not from getMeetingInfo"
	create cookies
	is "$(result) $(HEADER Set-Cookie)" "SUCCESS duplicateWarning " "Set-Cookie: not from create"
	join cookies
	is "$(STATUS) $(HEADER Set-Cookie)" "302 " "Set-Cookie: not from join"
	join cookies redirect=false
	is "$(STATUS) $(result)" "200 SUCCESS successfullyJoined" "join with redirect=false is proxied"
	like "$(HEADER Set-Cookie)" "JSESSIONID=*" "Set-Cookie: from join with redirect=false"
	fault "$server" none
}

behaviour_bodies() {
	local query hash

	cat >"$T/modules" <<-'END'
		<?xml version="1.0" encoding="UTF-8"?>
		<modules>
		   <module name="presentation">
		      <document url="http://127.0.0.1:9/Übung%201.pdf" filename="a &amp; b.pdf"/>
		   </module>
		</modules>
	END
	POST "$(url create "name=xml&meetingID=body-xml&$PASSWORDS")" "text/xml; charset=UTF-8" "$T/modules"
	is "$(STATUS) $(result)" "200 SUCCESS" "POST create with XML"
	is "$(received_body create)" "$(body_of "$T/modules" text/xml)" \
		"POST create: the body byte for byte, its type bare"
	POST "$(url insertDocument "meetingID=body-xml")" application/xml "$T/modules"
	is "$(STATUS) $(xml returncode)" "200 SUCCESS" "POST insertDocument"
	is "$(received_body insertDocument)" "$(body_of "$T/modules" application/xml)" \
		"POST insertDocument: the body byte for byte"

	# A client library labels its XML like this; with a query in the URL the
	# body is nobody's business.
	POST "$(url create "name=java&meetingID=body-java")" application/x-www-form-urlencoded "$T/modules"
	is "$(result)" "SUCCESS" "POST create with XML said to be a form"

	{
		printf '<modules><module name="presentation"><document name="slides.pdf">'
		openssl rand 3932000 | base64 -w 0
		printf '</document></module></modules>'
	} >"$T/slides"
	POST "$(url create "name=slides&meetingID=body-slides")" application/xml "$T/slides"
	is "$(STATUS) $(result)" "200 SUCCESS" "POST create with 5 MB of slides"
	is "$(received_body create)" "$(body_of "$T/slides" application/xml)" \
		"POST create with 5 MB of slides: byte for byte"

	# Doors that speak HTTP only.
	if declare -F POST_CHUNKED >/dev/null; then
		POST_CHUNKED "$(url create "name=chunked&meetingID=body-chunked")" application/xml "$T/slides"
		is "$(STATUS) $(result)" "200 SUCCESS" "POST create, chunked"
		is "$(received_body create)" "$(body_of "$T/slides" application/xml)" \
			"POST create, chunked: byte for byte"
	fi

	head -c $((MAX_BODY + 1)) /dev/zero | tr '\0' ' ' >"$T/too-large"
	POST_GET "$(url create "name=large&meetingID=body-large")" application/xml "$T/too-large" \
		"$(url isMeetingRunning "meetingID=body-large")"
	is "$(FIRST_STATUS)" 413 "a body above max_body_bytes: HTTP 413"
	like "$(cat "$T/first-body")" "*<returncode>FAILED</returncode>*<messageKey>invalidRequest</messageKey>*" \
		"a body above max_body_bytes: FAILED invalidRequest"
	is "$(STATUS) $(result) $(xml running)" "200 SUCCESS false" \
		"a body above max_body_bytes: the connection's next request works"

	: >"$T/nothing"
	POST "$(url create "name=none&meetingID=body-none")" application/x-www-form-urlencoded "$T/nothing"
	is "$(STATUS) $(result)" "200 SUCCESS" "POST create without a body"
	POST "$(url getMeetings)" '' "$T/nothing"
	is "$(STATUS) $(xml returncode)" "200 SUCCESS" "POST getMeetings without body and type"

	hash=$(sign create '')
	printf '%s' "name=form+one&meetingID=body-form&checksum=$hash" >"$T/form"
	POST "$API/create" application/x-www-form-urlencoded "$T/form"
	is "$(result)" "SUCCESS" "POST create as a form: signed over the call alone"
	on_one_server body-form "POST create as a form: its fields are the parameters"

	# Up to BBB 2.5: over all parameters, sorted and encoded.
	query="meetingID=body-old&name=old+form&welcome=a%2Fb"
	hash=$(sign create "$query" "$SECRET" sha1)
	printf '%s' "welcome=a%2fb&name=old%20form&checksum=$hash&meetingID=body-old" >"$T/form"
	POST "$API/create" application/x-www-form-urlencoded "$T/form"
	is "$(result)" "SUCCESS" "POST create as a form: signed over the sorted fields"

	printf 'x' >"$T/text"
	POST "$(url create "name=text&meetingID=body-text")" text/plain "$T/text"
	is "$(STATUS) $(result)" "200 FAILED unsupportedContentType" "a body of a type BBB does not take"
}

# is_of_this_test PID: did this script start it, or a program that this script started?
is_of_this_test() {
	local pid=$1
	until [ "${pid:-0}" -le 1 ]; do # it may end meanwhile
		[[ " $$ ${PIDS[*]} " != *" $pid "* ]] || return 0
		pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
	done
	return 1
}

# gateway_peak: the most memory, in KB, that any of the gateway's processes that are there
# has had resident (VmHWM, proc_pid_status(5)).
gateway_peak() {
	local name process
	for process in /proc/[0-9]*; do
		read -r name <"$process/comm" && [[ $name == tinyscale.* ]] &&
			is_of_this_test "${process#/proc/}" &&
			awk '/^VmHWM:/ { print $2 }' "$process/status"
	done 2>/dev/null | sort -n | tail -n 1
}

has_more_uploads() {
	[ "$(control "/calls?server=2&call=putRecordingTextTrack&count=1")" -gt "$1" ]
}

# upload LANG FILE: captions, for a recording on server 2; PEAK is the gateway_peak while
# that server, which has got all of it, waits: so a CGI process is seen as well.
upload() {
	local before uploading
	{
		printf -- '--captions\r\nContent-Disposition: form-data; name="file"; filename="a.vtt"\r\n'
		printf 'Content-Type: text/vtt\r\n\r\n'
		cat "$2"
		printf '\r\n--captions--\r\n'
	} >"$T/upload"
	before=$(control "/calls?server=2&call=putRecordingTextTrack&count=1")
	fault 2 hang putRecordingTextTrack
	POST "$(url putRecordingTextTrack "recordID=talk-1&kind=subtitles&lang=$1&label=$1")" \
		"multipart/form-data; boundary=captions" "$T/upload" &
	uploading=$!
	wait_until has_more_uploads "$before"
	PEAK=$(gateway_peak)
	fault 2 none putRecordingTextTrack
	wait $uploading
}

# Before other large bodies, for a process keeps its peak.
behaviour_captions() {
	local small
	control "/record?server=2&meetingID=talk&recordID=talk-1" >"$T/out"
	printf 'WEBVTT\n' >"$T/small.vtt"
	head -c 20000000 /dev/urandom >"$T/large.vtt"
	upload en "$T/small.vtt"
	small=$PEAK
	for _ in 1 2 3; do # another process or thread each time
		upload de "$T/large.vtt"
	done
	is "$(STATUS)" 200 "putRecordingTextTrack with 20 MB"
	like "$(BODY)" "*upload_text_track_success*" "putRecordingTextTrack with 20 MB: the server's answer"
	is "$(control '/tracks?server=2&recordID=talk-1' | cut -f2-4 | tail -n 1)" \
		"de	20000000	$(digest <"$T/large.vtt")" "putRecordingTextTrack with 20 MB: byte for byte"
	if has_sanitizer "$FCGI_PROGRAM"; then
		skip "putRecordingTextTrack with 20 MB: memory" "a build with sanitizers"
	else
		within $(((PEAK - small) * 1024)) 10000000 "$MAX_BODY" \
			"putRecordingTextTrack with 20 MB: takes no more memory than max_body_bytes ($PEAK KB after $small KB)"
	fi
	call getRecordingTextTracks recordID=talk-1
	like "$(BODY)" '*"lang":"en"*"lang":"de"*' "getRecordingTextTracks"
	rm -f "$T/upload" "$T/large.vtt"
}

behaviour_checksums() {
	local query=meetingID=sums hash

	hash=$(sign isMeetingRunning "$query")
	GET "$API/isMeetingRunning?$query"
	is "$(STATUS) $(result)" "200 FAILED checksumError" "checksum: missing"
	GET "$API/isMeetingRunning?$query&checksum="
	is "$(result)" "FAILED checksumError" "checksum: empty"
	GET "$API/isMeetingRunning?$query&checksum=${hash/[0-9]/x}"
	is "$(result)" "FAILED checksumError" "checksum: not hexadecimal"
	GET "$API/isMeetingRunning?$query&checksum=$(sign end "$query")"
	is "$(result)" "FAILED checksumError" "checksum: another call's"
	GET "$API/isMeetingRunning?$query&checksum=$(sign isMeetingRunning "$query" other-xyzzy)"
	is "$(result)" "FAILED checksumError" "checksum: of another secret"
	GET "$API/isMeetingRunning?$query&checksum=$hash&checksum=$hash"
	is "$(result)" "FAILED checksumError" "checksum: repeated"
	GET "$API/isMeetingRunning?$query&checksum=$(echo "$hash" | tr a-f A-F)"
	is "$(result)" "SUCCESS" "checksum: in upper case"
	GET "$API/isMeetingRunning?checksum=$hash&$query"
	is "$(result)" "SUCCESS" "checksum: first"
	hash=$(sign isMeetingRunning "$query&a=1")
	GET "$API/isMeetingRunning?$query&checksum=$hash&a=1"
	is "$(result)" "SUCCESS" "checksum: in the middle"
	GET "$API/getMeetings?&checksum=$(sign getMeetings '')"
	is "$(xml returncode)" "SUCCESS" "checksum: after a lone &"
	for hash in sha1 sha256 sha384 sha512; do
		GET "$(url isMeetingRunning "$query" "$SECRET" "$hash")"
		is "$(result)" "SUCCESS" "checksum: $hash"
	done
	GET "$(url create "meetingID=sums-path")"
	GET "$API//isMeetingRunning?${query}&checksum=$(sign isMeetingRunning "$query")"
	is "$(result)" "SUCCESS" "a call after two slashes"
	GET "$API/isMeetingRunning/?${query}&checksum=$(sign isMeetingRunning "$query")"
	is "$(result)" "SUCCESS" "a call before a slash"
}

# What some web servers normalise, and must not for the checksum's sake.
behaviour_encodings() {
	local query

	query="name=Caf%C3%a9+Room%20x&meetingID=a%2fb%61%2B%2bc&welcome=%7e%21'()*!~,:@/"
	call create "$query"
	is "$(STATUS) $(result)" "200 SUCCESS" "percent-encodings in every style"
	is "$(xml meetingID)" "a/ba++c" "percent-encodings: the meeting's ID"
	like "$(last_query create)" "*name=Caf%C3%a9+Room%20x&meetingID=a%2fb%61%2B%2bc&welcome=%7e%21'()\*!~,:@/*" \
		"percent-encodings: handed on as they came"
	call join "fullName=J%c3%bcrgen+%26%20Co&meetingID=a%2Fba%2b+c"
	is "$(result)" "FAILED invalidMeetingIdentifier" "a + in a query is a space"
	call join "fullName=J%c3%bcrgen+%26%20Co&meetingID=a%2Fba%2b%2Bc&role=viewer"
	is "$(STATUS)" 302 "the same meeting spelt in another way"
	like "$(HEADER Location)" "*\?fullName=J%c3%bcrgen+%26%20Co&meetingID=a%2Fba%2b%2Bc&role=viewer&checksum=*" \
		"join: the query byte for byte"

	call create "meetingID=sp+ace%20d&name=two+words"
	is "$(result) $(xml meetingID)" "SUCCESS sp ace d" "spaces in both spellings"

	call getMeetingInfo "meetingID=bad%zz"
	is "$(STATUS) $(result)" "200 FAILED invalidRequest" "a malformed percent-encoding"
	call getMeetingInfo "meetingID=bad%ff"
	is "$(STATUS) $(result)" "200 FAILED invalidRequest" "bytes that are not UTF-8"

	# Moodle's two-line welcome, and a name that an old client cut inside a character.
	query="name=%D0%9B%D0&meetingID=moodle&$PASSWORDS&welcome=a%0D%0Ab%09%7f"
	call create "$query"
	is "$(STATUS) $(result)" "200 SUCCESS" "controls and half a character"
	like "$(last_query create)" "*$query*" "and so they are handed on"
	call join "fullName=%D0&meetingID=moodle&userdata-x=%0A"
	like "$(HEADER Location)" "*\?fullName=%D0&meetingID=moodle&userdata-x=%0A&checksum=*" "and in a join"
}

# Near what nginx and Apache take as a request line, and BBB too.
behaviour_long() {
	local long
	long=$(head -c 7600 /dev/zero | tr '\0' w)
	call create "name=long&meetingID=long&$PASSWORDS&welcome=$long"
	is "$(STATUS) $(result)" "200 SUCCESS" "create with a query of 8 KB"
	like "$(last_query create)" "*welcome=$long&*" "create with a query of 8 KB: handed on whole"
	join long "userdata-x=$long"
	is "$(STATUS)" 302 "join with a query of 8 KB"
	like "$(HEADER Location)" "*userdata-x=$long&checksum=*" "join with a query of 8 KB: handed on whole"
}

behaviour_health() {
	GET "$API/tinyscale/health"
	is "$(STATUS) $(BODY)" "200 ok" "tinyscale/health"
	call tinyscale/status "format=json"
	is "$(result)" "FAILED checksumError" "tinyscale/status is not for clients"
	GET "$(url tinyscale/status "format=json" "$ADMIN_SECRET")"
	like "$(STATUS) $(BODY)" '200 {*"servers"*}*' "but for the administrator"
}

# What a server calls back carries its token in a header that web servers hold
# back from programs unless they are told not to.
behaviour_callback() {
	local path claims token mac AUTHORIZATION
	mac=$(printf 'tinyscale/callback\nanalytics\nserver-1\nhttp://127.0.0.1:1/' |
		openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)
	path="$API/tinyscale/callback?kind=analytics&server=server-1"
	path="$path&url=http%3A%2F%2F127.0.0.1%3A1%2F&mac=$mac"
	claims=$(printf '{"exp":4102444800}' | base64 -w0 | tr -d =)
	token=$(printf '{"alg":"HS512"}' | base64 -w0 | tr -d =).$claims
	token=$token.$(printf '%s' "$token" |
		openssl dgst -sha512 -hmac "$(server_secret 1)" -binary | base64 -w0 | tr '+/' '-_' | tr -d =)
	printf '%s\n' "$mac" "$token" >>"$CHECKSUMS"
	printf '{}' >"$T/json"
	POST "$path" application/json "$T/json"
	is "$(STATUS)" 401 "a callback without its token"
	# shellcheck disable=SC2034 # REQUEST sends it
	AUTHORIZATION="Bearer $token"
	POST "$path" application/json "$T/json"
	is "$(STATUS)" 502 "with it, it is posted on, though not to a loopback address"
	POST "${path}0" application/json "$T/json"
	is "$(STATUS)" 403 "nor is a URL that was not made by the gateway"
}

behaviour_broken_server() {
	local server
	create broken
	server=$(servers_of broken)
	fault "$server" html getMeetingInfo
	call getMeetingInfo "meetingID=broken"
	is "$(STATUS) $(result)" "200 FAILED serverUnavailable" "a server that answers with HTML"
	fault "$server" http500 getMeetings
	call getMeetings
	is "$(STATUS) $(xml returncode)" "200 SUCCESS" "getMeetings while a server fails"
	fault "$server" none
	call getMeetingInfo "meetingID=broken"
	is "$(result)" "SUCCESS" "and when it works again"
}

# A list of a megabyte, twice, for the connection may be kept.
behaviour_large_list() {
	local n
	control "/record?server=0&meetingID=large&n=1000" >"$T/out"
	for n in first second; do
		call getRecordings
		is "$(xml returncode) $(BODY | grep -o '<meetingID>large-[0-9]*<' | sort -u | wc -l)" \
			"SUCCESS 1000" "a list of a thousand recordings, the $n time"
		like "$(BODY | tail -c 12)" '*</response>' "a list of a thousand recordings, the $n time: its end"
	done
	within "$(BODY | wc -c)" 500000 10000000 "a list of a thousand recordings: its size"
}

# call_anew CALL QUERY: timed; the query ends in something new each time.
call_anew() { timed call "$1" "$2-$(now_ms)"; }

# What is only remembered keeps no client waiting, even while it cannot be.
behaviour_held_state() {
	local free query
	if ! command -v sqlite3 >/dev/null; then
		skip "a state that another program holds" "sqlite3 is not installed"
		return
	fi
	for query in "getMeetings x=held" "getRecordings meetingID=held" "getMeetingInfo meetingID=held"; do
		# shellcheck disable=SC2086 # two words
		quickest 8 call_anew $query
		free=$TOOK_MS
		hold_state
		# shellcheck disable=SC2086
		quickest 8 call_anew $query
		release_state
		is "$(STATUS)" 200 "${query% *} while another program holds the state"
		# The state is waited for for 250 ms at most; the rest is what a busy machine adds.
		within "$TOOK_MS" 0 $((2 * free + 150)) "and it does not wait for that ($TOOK_MS ms; else $free ms)"
	done
}

behaviour_restart() {
	local server
	create restart
	server=$(servers_of restart)
	RESTART
	join restart
	is "$(STATUS)" 302 "after a restart without its state: join"
	like "$(HEADER Location)" "$(server_url "$server")/join\?*" \
		"after a restart without its state: the meeting is found"
	create restart
	is "$(result)" "SUCCESS duplicateWarning" "after a restart without its state: create again"
	is "$(servers_of restart)" "$server" "after a restart without its state: not made twice"
}

# Somebody in front of a browser gets a page; a program the document, as ever.
behaviour_pages() {
	call join "fullName=Ann&meetingID=no-such"
	is "$(result)" "FAILED invalidMeetingIdentifier" "page: not for a program"
	like "$(HEADER X-Request-Id)" "[0-9a-f]*" "X-Request-Id"
	is "$(HEADER X-Request-Id | tr -d 0-9a-f | wc -c) $(HEADER X-Request-Id | wc -c)" "1 17" \
		"X-Request-Id: 16 digits"
	is "$(HEADER X-Content-Type-Options)" nosniff "no answer is taken for what it is not"
	REQUEST_HEADERS=("Accept: $BROWSER_ACCEPT" "Accept-Language: pt-BR,de;q=0.5")
	call join "fullName=Ann&meetingID=no-such"
	is "$(STATUS) $(HEADER Content-Type | tr -d ' ' | tr '[:upper:]' '[:lower:]')" "200 text/html;charset=utf-8" \
		"page: for a browser"
	like "$(BODY)" '<!DOCTYPE html>*<html lang="pt"*</html>' "page: in its language"
	like "$(HEADER Refresh)" "[2-7]" "page: tries again"
	like "$(HEADER Set-Cookie)" "tinyscale-tries=1;*HttpOnly*" "page: counts its tries"
	like "$(HEADER Content-Security-Policy)" "default-src 'none';*" "page: its policy"
	is "$(HEADER Referrer-Policy) $(HEADER Cache-Control)" "no-referrer no-store" \
		"page: leaves no trace of its URL"
	REQUEST_HEADERS+=("Cookie: tinyscale-tries=124")
	call join "fullName=Ann&meetingID=no-such"
	within "$(HEADER Refresh)" 30 89 "page: later each time"
	HEAD "$(url join "fullName=Ann&meetingID=no-such")"
	is "$(STATUS) $(HEADER Refresh | tr -d 0-9)" "200 " "page: by HEAD"
	create paged
	is "$(result)" SUCCESS "page: none for a create"
	join paged
	is "$(STATUS) $(HEADER Refresh)$(HEADER Set-Cookie)" "302 " "page: the meeting has begun"
	REQUEST_HEADERS=()
}

behaviour_index
behaviour_empty
behaviour_life
behaviour_captions
behaviour_unknown
behaviour_many
behaviour_cookies
behaviour_pages
behaviour_bodies
behaviour_checksums
behaviour_encodings
behaviour_long
behaviour_health
behaviour_callback
behaviour_broken_server
behaviour_large_list
behaviour_held_state
behaviour_restart
