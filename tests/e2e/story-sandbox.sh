#!/usr/bin/env bash
# The stand-in itself, without a gateway: that it answers as BigBlueButton does
# where other tests rely on it, in calls about recordings, captions, hooks, in what
# a server sends of its own accord, and in what it does wrong.
. "$(dirname "$0")/lib.sh"
begin story-sandbox 26
need curl openssl
need_built "$SANDBOX_PROGRAM"
start_sandbox 3
REQUEST() { http_request "$@"; }

# on SERVER CALL [QUERY]: a signed GET to that server.
on() {
	HTTP_BASE=http://127.0.0.1:$(server_port "$1")
	GET "$(url "$2" "${3:-}" "$(server_secret "$1")")"
}

# post_form SERVER CALL QUERY FORM: a POST of which the query alone is signed.
post_form() {
	HTTP_BASE=http://127.0.0.1:$(server_port "$1")
	printf '%s' "$4" >"$T/form"
	POST "$(url "$2" "$3" "$(server_secret "$1")")" application/x-www-form-urlencoded "$T/form"
}

# ids: the last getRecordings' recordIDs, in the order of the answer.
ids() {
	grep -o '<recordID>[^<]*' "$T/body" | sed 's/.*>//' | paste -sd' '
}
count() { grep -o '<recordID>' "$T/body" | wc -l; }
id_of() { echo "$(printf %s "$1" | digest sha1)-$2"; }

# --- recordings ---------------------------------------------------------------

on 1 getRecordings
is "$(result) $(count)" "SUCCESS noRecordings 0" "no recordings"
like "$(BODY)" '*<recordings></recordings>*There are no recordings for the meeting(s).*' \
	"they have an element and a message"

record='meetingID=art&startTime=1700000000000&name=Art%20%26%20craft&meta_Course=A%20%3C%20B'
is "$(control "/record?server=1&$record")" "1 $(id_of art 1700000000000)" \
	"a recordID is made as BigBlueButton makes it"
control "/record?server=1&meetingID=art&startTime=1700000100000&state=unpublished" >"$T/out"
control "/record?server=1&meetingID=biology&startTime=1700000200000&state=deleted" >"$T/out"
control "/record?server=1&meetingID=chemistry&recordID=odd&state=processing" >"$T/out"
control "/record?server=1&meetingID=dance&startTime=1700000300000&formats=presentation,video" >"$T/out"
is "$(control "/recordings?server=1" | wc -l)" 5 "five recordings"
is "$(control "/record?server=1&meetingID=art&startTime=1700000000000")" \
	"That server has a recording of that id already." "an id is taken once"

on 1 getRecordings
is "$(count)" 3 "published and unpublished ones are shown"
on 1 getRecordings "meetingID=art&state=published"
is "$(ids)" "$(id_of art 1700000000000)" "those of one state"
like "$(BODY)" "*<name>Art &amp; craft</name>*<published>true</published><state>published</state>\
<startTime>1700000000000</startTime>*<metadata><course>A &lt; B</course>*<playback><format>\
<type>presentation</type><url>http://127.0.0.1:$(server_port 1)/playback/presentation/2.3/*" \
	"what is said of it"
like "$(BODY)" '*<length>60</length>*<data></data></recording></recordings>*' "to the end"
on 1 getRecordings "state=any"
is "$(count)" 5 "all of them by state=any"
on 1 getRecordings "state=deleted,processed"
is "$(xml_all state)" "deleted processing" "two states; one folder has what is in process"
on 1 getRecordings "state=nonsense"
is "$(result)" "SUCCESS noRecordings" "an unknown state has none"
on 1 getRecordings "meetingID=art,dance"
is "$(count)" 3 "a list of meetings"
on 1 getRecordings "meetingID=art%2Cdance,"
is "$(count)" 3 "a comma that is encoded, and one at the end"
on 1 getRecordings "meetingID=dance&recordID=$(id_of art 1700000000000)"
is "$(ids)" "$(id_of art 1700000000000)" "recordID wins over meetingID"
on 1 getRecordings "recordID=$(printf art | digest sha1),none"
is "$(count)" 2 "a recordID is a prefix"
for filter in 'A%20%3C%20B' 'A%25' '%25B' '%25%3C%25'; do
	on 1 getRecordings "meta_COURSE=$filter"
	is "$(count)" 1 "a filter by metadata: $filter"
done
on 1 getRecordings "meta_course=A"
is "$(count)" 0 "one that does not match"
on 1 getRecordings "meta_course=A%25&meta_other=1"
is "$(count)" 0 "one of two that does not match"
post_form 1 getRecordings '' "meetingID=art&state=published"
is "$(ids)" "$(id_of art 1700000000000)" "the same by POST"
GET "$API/getRecordings?meetingID=art&checksum=$(printf x | digest sha1)"
is "$(result) $(xml message)" "FAILED checksumError You did not pass the checksum security check" \
	"a wrong checksum"

on 1 publishRecordings "recordID=none"
is "$(result)" "FAILED missingParamPublish" "publish is needed"
on 1 publishRecordings "publish=true"
is "$(result)" "FAILED missingParamRecordID" "recordID is needed"
GET "$API/publishRecordings?checksum=00"
is "$(result)" "FAILED missingParamRecordID" "and is missed before the checksum is looked at"
on 1 publishRecordings "recordID=none,$(id_of biology 1700000200000)&publish=true"
is "$(result) $(xml message)" "FAILED notFound We could not find recordings" "none is known"
on 1 publishRecordings "recordID=none,$(id_of art 1700000100000)&publish=TRUE"
is "$(result) $(xml published)" "SUCCESS TRUE" "one is known"
on 1 publishRecordings "recordID=$(id_of art 1700000000000),$(id_of art 1700000100000)&publish=false"
is "$(control "/recordings?server=1" | grep -c ' unpublished ')" 2 "two are unpublished"
HTTP_BASE=http://127.0.0.1:$(server_port 1)
: >"$T/nothing"
POST "$(url publishRecordings publish=true "$(server_secret 1)")" '' "$T/nothing"
is "$(STATUS)" 500 "publishRecordings by POST breaks BigBlueButton"
on 1 updateRecordings "recordID=none&meta_course=C"
is "$(result)" "FAILED notFound" "an update of what is not known"
on 1 updateRecordings "recordID=$(id_of art 1700000000000),none&meta_Teacher=Ann&meta_course="
is "$(result) $(xml updated)" "SUCCESS true" "an update of what is"
on 1 getRecordings "recordID=$(id_of art 1700000000000)"
is "$(xml teacher)/$(xml course)" "Ann/" "metadata set and removed"
post_form 1 updateRecordings '' "recordID=$(id_of art 1700000000000)&meta_course=D"
on 1 getRecordings "recordID=$(id_of art 1700000000000)"
is "$(xml course)" D "and set by POST"
on 1 deleteRecordings "recordID=$(id_of art 1700000000000),none"
is "$(result) $(xml deleted)" "SUCCESS true" "a recording is deleted"
on 1 deleteRecordings "recordID=$(id_of art 1700000000000)"
is "$(result)" "FAILED notFound" "once"

# A recording of a meeting that has ended.
on 2 create "name=Ended&meetingID=ended&record=true&meta_endCallbackUrl=x"
internal=$(xml internalMeetingID)
on 2 end "meetingID=ended"
is "$(control "/record?server=2&meetingID=ended")" "2 $internal" "a recording of a meeting that was"
on 2 getRecordings "meetingID=ended"
is "$(xml recordID) $(xml name) $(xml endcallbackurl)" "$internal Ended x" "has what the meeting had"

# --- many of them, in pages -----------------------------------------------------

control /reset
is "$(control "/record?server=0&meetingID=many&n=150&step=1000" | wc -l)" 150 "150 recordings"
on 3 getRecordings "meetingID=many-3"
is "$(xml startTime)" 1700000002000 "the third one is on the third server"
on 1 getRecordings
is "$(count) $(xml totalElements)" "50 " "a third of them is on each"
all=$(ids)
isnt "$all" "$(tr ' ' '\n' <<<"$all" | sort | paste -sd' ')" "in no order"
on 1 getRecordings
is "$(ids)" "$all" "which is the same each time"
on 1 getRecordings "limit=20"
is "$(count) $(xml totalElements)" "20 50" "a page"
page=$(ids)
on 1 getRecordings "limit=20&offset=20"
page="$page $(ids)"
on 1 getRecordings "limit=20&offset=40"
is "$page $(ids)" "$all" "pages make the whole"
is "$(xml totalElements)" 50 "the last page knows the total"
on 1 getRecordings "limit=60&offset=40"
is "$(count) $(xml totalElements)" "10 10" "with a limit above the total BigBlueButton loses it"
on 1 getRecordings "limit=1000"
is "$(count) $(xml totalElements)" "50 50" "a limit beyond 100"
on 1 getRecordings "limit=0"
is "$(count) $(xml totalElements)" "1 50" "a limit of 0 is 1"
on 1 getRecordings "limit=5&offset=50"
is "$(result) $(xml totalElements)" "SUCCESS noRecordings 50" "a page at the end"
on 1 getRecordings "limit=5&offset=51"
is "$(result)" "FAILED unexpectedError" "a page beyond the end"
on 1 getRecordings "limit=all&offset=5"
is "$(count)" 50 "a limit that is no number"
control "/paging?server=1&kind=total&all=refuse"
on 1 getRecordings
is "$(result)" "SUCCESS noRecordings" "all at once are refused"
is "$(grep -c '<recordings' "$T/body")" 0 "without an element"
on 1 getRecordings "limit=3"
is "$(count)" 3 "but not a page"
control "/paging?server=1&kind=none"
on 1 getRecordings "limit=3&offset=2"
is "$(count) $(xml totalElements)" "50 " "an old server knows no pages"
control "/record?server=2&meetingID=formats&formats=presentation,video" >"$T/out"
control "/paging?server=2&kind=block"
on 2 getRecordings "meetingID=formats&limit=1"
like "$(BODY)" '*<pagination><pageable><offset>0</offset><limit>1</limit><paged>true</paged>*' \
	"a block of pagination"
is "$(xml totalElements) $(grep -o '<format>' "$T/body" | wc -l)" "2 1" "which counts formats"
on 2 getRecordings "limit=3&offset=99"
is "$(STATUS)" 500 "and breaks beyond the end"
control "/paging?server=2&kind=total"
on 2 getRecordings "meetingID=formats"
is "$(grep -o '<format>' "$T/body" | wc -l)" 2 "all formats without a page"
on 2 getRecordings "meetingID=formats&limit=9"
is "$(grep -o '<format>' "$T/body" | wc -l)" 1 "one of them on a page"

# --- captions -------------------------------------------------------------------

# put SERVER QUERY FILE: an upload of captions. JSON is read by its pieces.
put() {
	local path
	path=$(url putRecordingTextTrack "$2" "$(server_secret "$1")")
	curl -gsS --max-time 60 -o "$T/body" -w '%{http_code}' -F "file=@$3;type=text/vtt" \
		"http://127.0.0.1:$(server_port "$1")$path" >"$T/status"
}
json() { grep -o "\"$1\": *\"[^\"]*\"" "$T/body" | sed 's/.*: *"//; s/"$//' | paste -sd' '; }

control /reset
control "/record?server=1&meetingID=talk&recordID=talk-1" >"$T/out"
printf 'WEBVTT\n' >"$T/small.vtt"
head -c 20000000 /dev/urandom >"$T/large.vtt"
: >"$T/empty.vtt"
on 1 getRecordingTextTracks recordID=none
is "$(BODY)" '{"response":{"returncode":"FAILED","messageKey":"noRecordings","message":"No recording found for none"}}' \
	"captions of an unknown recording"
on 1 getRecordingTextTracks recordID=talk-1
is "$(json messageKey)" noCaptionsFound "a recording without captions"
is "$(HEADER Content-Type)" "application/json;charset=utf-8" "the answer is JSON"
on 1 getRecordingTextTracks
is "$(result)" "FAILED missingParamRecordID" "but a complaint is XML"
put 1 'recordID=talk-1&kind=subtitles&lang=en_US&label=English' "$T/small.vtt"
is "$(BODY)" '{"response":{"returncode":"SUCCESS","recordId":"talk-1","messageKey":"upload_text_track_success","message":"Text track uploaded successfully"}}' \
	"captions are taken"
put 1 'recordID=talk-1&kind=captions&lang=de' "$T/large.vtt"
is "$(json returncode)" SUCCESS "20 MB of them"
on 1 getRecordingTextTracks recordID=talk-1
is "$(json kind)/$(json lang)/$(json label)/$(json source)" \
	"subtitles captions/en-US de/English de/upload upload" "both are listed"
like "$(json href)" "http://127.0.0.1:$(server_port 1)/bigbluebutton/textTrack/*/talk-1/subtitles_en-US.vtt *" \
	"with a link"
is "$(control '/tracks?server=1&recordID=talk-1')" "subtitles	en-US	7	$(digest <"$T/small.vtt")	small.vtt	English
captions	de	20000000	$(digest <"$T/large.vtt")	large.vtt	de" "what came is what was sent"
put 1 'recordID=talk-1&kind=captions&lang=de&label=Deutsch' "$T/small.vtt"
is "$(control '/tracks?server=1&recordID=talk-1' | cut -f1,3,6 | tail -n 1)" "captions	7	Deutsch" \
	"a second upload replaces the first"
put 1 'recordID=talk-1&kind=captions&lang=de' "$T/empty.vtt"
is "$(json messageKey)" empty_uploaded_text_track "an empty file"
put 1 'recordID=talk-2&kind=captions&lang=de' "$T/small.vtt"
is "$(json messageKey) $(json message)" "noRecordings No recording was found for talk-2" \
	"captions for an unknown recording"
put 1 'recordID=talk-1&kind=chapters&lang=de' "$T/small.vtt"
is "$(json messageKey)" invalidKind "an unknown kind"
put 1 'recordID=talk-1&kind=captions&lang=en-US' "$T/small.vtt"
is "$(json messageKey)" invalidLang "a language that is no Java locale"
for missing in recordID kind lang; do
	query="&recordID=talk-1&kind=captions&lang=de"
	query=$(sed "s/&$missing=[^&]*//; s/^&//" <<<"$query")
	put 1 "$query" "$T/small.vtt"
	is "$(json messageKey) $(json message)" "paramError Missing param $missing." "no $missing"
done
curl -gsS -o "$T/body" -F file=@"$T/small.vtt" "$HTTP_BASE$API/putRecordingTextTrack?recordID=talk-1&checksum=00"
is "$(result)" "FAILED checksumError" "a wrong checksum"

# --- receivers, and what servers send to them -------------------------------------

receiver_url() { echo "http://127.0.0.1:$((PORT0 + 10))/receiver/$1"; }
# received NAME PART: of the last request.
received() { control "/received?name=$1&part=$2"; }
received_count() { control "/received?name=$1" | wc -l; }
encoded() { sed 's/%/%25/g; s/:/%3A/g; s/&/%26/g; s/=/%3D/g; s/?/%3F/g; s/ /%20/g; s/,/%2C/g' <<<"$1"; }
# jwt_part TOKEN NUMBER: a part of it, decoded.
jwt_part() {
	cut -d. -f"$2" <<<"$1" | tr '_-' '/+' | sed 's/$/===/' | base64 -di 2>/dev/null
}
# jwt_is_signed TOKEN SECRET ALGORITHM
jwt_is_signed() {
	[ "$(printf '%s' "${1%.*}" | openssl dgst "-$3" -hmac "$2" -binary | base64 -w 0 |
		tr '/+' '_-' | tr -d =)" = "${1##*.}" ]
}

control /reset
is "$(curl -s -o "$T/out" -w '%{http_code}' -X PUT -H 'X-Test: 1' -d 'some text' "$(receiver_url a)/b?c=%20")" 200 \
	"a receiver takes anything"
is "$(control '/received?name=a' | cut -f1-4,6,7)" "1	PUT	/receiver/a/b?c=%20	200	9	$(printf 'some text' | digest)" \
	"and tells what it was"
is "$(received a target) $(received a body)" "/receiver/a/b?c=%20 some text" "its parts"
like "$(received a headers)" '*X-Test: 1*' "its headers"
control "/receiver?name=a&status=503,204"
for wanted in 503 204 204; do
	is "$(curl -s -o "$T/out" -w '%{http_code}' "$(receiver_url a)")" "$wanted" "it answers $wanted"
done
is "$(received_count a)" 3 "it had forgotten what was before"
is "$(control '/receiver?name=a&status=99')" "status must be a list of numbers from 200 to 599." \
	"no such status"

query="name=Callbacks&meetingID=call%20back&record=true&meta_bn-recording-ready-url=$(encoded "$(receiver_url other)")"
query="$query&meta_bbb-recording-ready-url=$(encoded "$(receiver_url ready)?a=1&b=2")"
query="$query&meta_analytics-callback-url=$(encoded "$(receiver_url analytics)")"
query="$query&meta_endCallbackUrl=$(encoded "$(receiver_url end)?a=1")"
query="$query&meetingEndedURL=$(encoded "$(receiver_url ended)")"
on 2 create "$query"
internal=$(xml internalMeetingID)
on 2 end 'meetingID=call%20back'
callback='/callback?server=2&meetingID=call%20back'
is "$(control "$callback&kind=recording-ready")" \
	"{\"sent\":[{\"kind\":\"recording-ready\",\"url\":\"$(receiver_url ready)?a=1&b=2\",\"status\":200}]}" \
	"a recording is ready"
is "$(received_count ready) $(received_count other)" "1 0" "one receiver is told"
is "$(received ready target)" "/receiver/ready?a=1&b=2" "at its URL"
is "$(control '/received?name=ready' | cut -f2,5)" "POST	application/x-www-form-urlencoded" "by a form"
form=$(received ready body)
token=${form#signed_parameters=}
is "$(jwt_part "$token" 1)" '{"alg":"HS256"}' "the token's head"
is "$(jwt_part "$token" 2)" "{\"meeting_id\":\"call back\",\"record_id\":\"$internal\"}" "what it says"
jwt_is_signed "$token" "$(server_secret 2)" sha256
ok $? "the server's secret signs it"
control "/receiver?name=ready&status=410"
like "$(control "$callback&kind=recording-ready&secret=other")" '*"status":410}]}' "a receiver that refuses"
form=$(received ready body)
jwt_is_signed "${form#signed_parameters=}" other sha256
ok $? "another secret, to forge one"

like "$(control "$callback&kind=analytics")" '*"kind":"analytics"*"status":200}]}' "analytics are sent"
like "$(received analytics body)" "{\"version\":\"1.0\",\"meeting_id\":\"call back\",\"internal_meeting_id\":\"$internal\",\"data\":{\"metadata\":{*}}" \
	"as JSON"
is "$(control '/received?name=analytics' | cut -f5)" application/json "and say so"
token=$(received analytics headers | sed -n 's/^Authorization: Bearer //p')
is "$(jwt_part "$token" 1)" '{"typ":"JWT","alg":"HS512"}' "the token's head"
within "$(jwt_part "$token" 2 | tr -dc 0-9)" $(($(now_ms) / 1000 + 86000)) $(($(now_ms) / 1000 + 86400)) \
	"it expires in a day"
jwt_is_signed "$token" "$(server_secret 2)" sha512
ok $? "the server's secret signs it"

like "$(control "$callback&kind=end")" '*"kind":"end"*"status":200}*"kind":"ended"*"status":200}]}' \
	"the end is told twice"
is "$(received end target)" "/receiver/end?a=1&recordingmarks=true&meetingID=call%20back" "with parameters"
is "$(received ended target)" "/receiver/ended" "and without"
is "$(control "/callback?server=1&meetingID=call%20back&kind=end")" \
	"That server has no such meeting and no recording of it." "another server knows nothing"
control "/record?server=1&meetingID=deaf&meta_canvas-recording-ready-url=$(encoded "http://127.0.0.1:$((PORT0 + 49))/")" >"$T/out"
like "$(control '/callback?server=1&meetingID=deaf&kind=recording-ready')" '*"status":0,"error":"*"}]}' \
	"nobody is there"
is "$(control '/callback?server=1&meetingID=deaf&kind=analytics')" '{"sent":[]}' "nobody is to be told"

# --- hooks ------------------------------------------------------------------------

control /reset
on 1 hooks/list
is "$(BODY)" "<response><returncode>SUCCESS</returncode><hooks></hooks></response>" "no hooks"
is "$(HEADER Content-Type)" "text/xml; charset=utf-8" "by another program"
on 1 hooks/create
is "$(result)" "FAILED missingParamCallbackURL" "callbackURL is needed"
on 1 hooks/create "callbackURL=$(encoded "$(receiver_url all)?a=1&b=2")"
first=$(xml hookID)
is "$(BODY)" "<response><returncode>SUCCESS</returncode><hookID>$first</hookID><permanentHook>false</permanentHook><rawData>false</rawData></response>" \
	"a hook"
on 1 hooks/create "callbackURL=$(encoded "$(receiver_url all)?a=1&b=2")&meetingID=one"
is "$(BODY)" "<response><returncode>SUCCESS</returncode><hookID>$first</hookID><messageKey>duplicateWarning</messageKey><message>There is already a hook for this callback URL.</message></response>" \
	"the same URL once more"
on 1 hooks/create "callbackURL=$(encoded "$(receiver_url some)")&meetingID=one&eventID=Meeting-Ended%2Cuser-joined"
some=$(xml hookID)
on 1 hooks/create "callbackURL=$(encoded "$(receiver_url raw)")&getRaw=TRUE"
is "$(xml rawData)" true "a raw one"
on 2 hooks/create "callbackURL=$(encoded "$(receiver_url all)?a=1&b=2")"
isnt "$(xml hookID)" "$first" "ids differ from server to server"
on 1 hooks/list
is "$(xml_all hookID | wc -w)" 3 "three hooks"
like "$(BODY)" "*<hook><hookID>$some</hookID><callbackURL><![[]CDATA[[]$(receiver_url some)]]></callbackURL><meetingID><![[]CDATA[[]one]]></meetingID><eventID>meeting-ended,user-joined</eventID><permanentHook>false</permanentHook><rawData>false</rawData></hook>*" \
	"what a list says"
on 1 hooks/list meetingID=two
is "$(xml_all hookID | wc -w)" 2 "those that hear of a meeting"

event=$(control '/event?server=1&event=meeting-created&meetingID=one')
is "$(grep -o '"status":200' <<<"$event" | wc -l)" 2 "an event is told to two"
form=$(received all body)
sum=$(printf '%s' "$(receiver_url all)?a=1&b=2$form$(server_secret 1)" | digest sha1)
is "$(received all target)" "/receiver/all?a=1&b=2&checksum=$sum" "with a checksum"
like "$form" "domain=127.0.0.1%3A$(server_port 1)&event=%5B%7B%22data%22%3A%7B%22type%22%3A%22event%22%2C%22id%22%3A%22meeting-created%22%2C*%22external-meeting-id%22%3A%22one%22*%5D&timestamp=1*" \
	"as a form"
is "$(control '/received?name=all' | cut -f2,5)" \
	"POST	application/x-www-form-urlencoded;charset=UTF-8" "and says so"
like "$(received raw body)" '*%22envelope%22*' "a raw hook gets another shape"
is "$(received_count some)" 0 "one that has not asked for it gets none"
control "/receiver?name=some&status=500"
event=$(control '/event?server=1&event=user-joined&meetingID=one&algorithm=sha256' -d '{"data":{"id":"user-joined"}}')
is "$(grep -o '"status":[0-9]*' <<<"$event" | sort | paste -sd' ')" \
	'"status":200 "status":200 "status":500' "an event for three, one of whom fails"
form=$(received some body)
like "$form" "*&event=%5B%7B%22data%22%3A%7B%22id%22%3A%22user-joined%22%7D%7D%5D&timestamp=*" "its text is given"
sum=$(printf '%s' "$(receiver_url some)$form$(server_secret 1)" | digest sha256)
is "$(received some target)" "/receiver/some?checksum=$sum" "another algorithm"
control "/event?server=1&event=user-joined&meetingID=two" >"$T/out"
is "$(received_count some)" 1 "an event of another meeting"
is "$(control '/event?server=3&event=user-joined&meetingID=two')" '{"sent":[]}' "a server without hooks"

on 1 hooks/destroy
is "$(result)" "FAILED missingParamHookID" "hookID is needed"
on 1 hooks/destroy "hookID=$some"
is "$(BODY)" "<response><returncode>SUCCESS</returncode><removed>true</removed></response>" "a hook is removed"
on 1 hooks/destroy "hookID=$some"
is "$(BODY)" "<response><returncode>FAILED</returncode><messageKey>destroyMissingHook</messageKey><message>The hook informed was not found.</message></response>" \
	"once"
permanent=$(control "/hook?server=1&permanent=1&callbackURL=$(encoded "$(receiver_url permanent)")")
on 1 hooks/destroy "hookID=$permanent"
is "$(result)" "FAILED destroyMissingHook" "a permanent one stays"
control '/forget_hooks?server=1'
on 1 hooks/list
is "$(BODY)" "<response><returncode>SUCCESS</returncode><hooks></hooks></response>" "a server that was built anew"
on 1 hooks/create "callbackURL=$(encoded "$(receiver_url all)?a=1&b=2")"
isnt "$(xml hookID)" "$first" "gives new ids"

GET "$API/hooks/list?checksum=$(printf 'hooks/listx' | digest sha1)"
is "$(BODY)" "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey><message>You did not pass the checksum security check.</message></response>" \
	"a wrong checksum"
sum=$(printf 'hooks/listmeetingID=a%s' "$(server_secret 1)" | digest sha1)
GET "$API/hooks/list?checksum=$sum&meetingID=a"
is "$(result)" SUCCESS "a checksum in front"
GET "$API/hooks/list?meetingID=a&checksum=${sum^^}"
is "$(result)" "FAILED checksumError" "one in upper case"
GET "$API/hooks/list?meetingID=a&checksum=abc"
is "$(STATUS)" 500 "one of no length"
POST "$(url hooks/list '' "$(server_secret 1)")" '' "$T/nothing"
is "$(STATUS)" 404 "by POST"
GET "$API/hooks/ping"
is "$(STATUS) $(BODY)" "200 bbb-webhooks API up!" "it lives"

# --- faults -----------------------------------------------------------------------

# wrong SERVER KIND [PARAMETERS]: sets a fault and prints what is said to that.
wrong() { control "/fault?server=$1&kind=$2${3:+&$3}"; }
# code CALL [QUERY]: the status of a call to server 1.
code() {
	on 1 "$@"
	STATUS
}

control /reset
kinds=$(wrong 1 nonsense | sed 's/.* one of //; s/[,.]//g')
like "$kinds" 'none delay * set_cookie' "all kinds are told to whoever names a wrong one"
"$SANDBOX_PROGRAM" --help >"$T/help"
missing=''
for kind in $kinds; do
	grep -q "^      $kind " "$T/help" || missing="$missing $kind"
done
is "$missing" '' "and by --help"

wrong 1 status "status=502"
is "$(code getMeetings) $(code getSessions) $(HEADER Content-Type)" "502 502 text/html;charset=utf-8" \
	"every call answers 502"
like "$(BODY)" '*<h1>502 Bad Gateway</h1>*' "with a page"
wrong 1 status "call=create,end&status=503&times=2"
is "$(code create "name=aa&meetingID=aa") $(code end meetingID=aa) $(code end meetingID=aa)" \
	"503 503 503" "a fault of named calls wins over one of all calls"
is "$(code end meetingID=aa) $(code create "name=aa&meetingID=aa") $(code create "name=aa&meetingID=aa")" \
	"502 503 502" "each of them as often as was said"
wrong 1 none
is "$(code create "name=aa&meetingID=aa") $(code end meetingID=aa)" "200 200" "until all are cleared"
is "$(xml messageKey)" sentEndMeetingRequest "a create that was answered 502 had no effect"
# Long enough for a call, which is not as quick everywhere.
timed code getSessions >"$T/out"
for_ms=$((TOOK_MS < 900 ? TOOK_MS * 10 + 500 : 10000))
begun=$(now_ms)
wrong 1 status for_ms=$for_ms
is "$(code getSessions)" 502 "a fault for so long"
is_over() { [ "$(code getSessions)" = 200 ]; }
wait_until is_over && [ $(($(now_ms) - begun)) -ge $for_ms ]
ok $? "ends by itself, and not before"
wrong 0 status times=1
on 2 getSessions
is "$(STATUS) $(code getSessions) $(code getSessions)" "502 502 200" "a fault of all servers"
on 3 getSessions
is "$(STATUS)" 502 "counts for each of them"

wrong 1 http500 call=create
is "$(code create "name=aa&meetingID=aa") $(code getMeetings) $(xml returncode)" "500 200 SUCCESS" \
	"create fails, other calls do not"
wrong 1 none
on 1 end meetingID=aa
is "$(result)" "SUCCESS sentEndMeetingRequest" "one that was answered 500 had its effect"

wrong 1 redirect "call=getMeetings,join&location=https://x.example/%3Fa%3D1"
is "$(code getMeetings) $(HEADER Location)" "302 https://x.example/?a=1" "a redirect to anywhere"
is "$(code create "name=aa&meetingID=aa")" 200 "of named calls"
wrong 1 none
is "$(wrong 1 redirect)" "location is missing." "it needs to know where"

wrong 1 failed call=getMeetings
on 1 getMeetings
is "$(result)" "FAILED internalError" "a call that fails"
wrong 1 failed "call=getMeetings,create&key=apiNotEnabled&form=errors"
on 1 getMeetings
like "$(BODY)" '<response>*<returncode>FAILED</returncode>*<errors>*<error>*<key>apiNotEnabled</key>*</errors>*' \
	"in the other shape of errors"
on 1 getMeetingInfo meetingID=aa
is "$(result)" "SUCCESS" "other calls do not fail"
wrong 1 failed key=checksumError
on 1 join "meetingID=aa&fullName=Ann&role=viewer&redirect=false"
like "$(STATUS) $(HEADER Location)" '302 *?errors=%5B%7B%22key%22%3A%22checksumError%22*' \
	"join fails by a redirect"
wrong 1 none

# The people of server 1, by names that nothing else has.
on 1 join "meetingID=aa&fullName=Ann&role=viewer"
on 1 join "meetingID=aa&fullName=Bob&role=viewer"
on 1 create "name=bb&meetingID=bb"
on 1 getMeetings
whole=$(BODY)
wrong 1 drip "call=getMeetingInfo&ms=1"
begun=$(now_ms)
on 1 getMeetingInfo meetingID=aa
took=$(($(now_ms) - begun))
[ "$took" -ge "$(wc -c <"$T/body")" ]
ok $? "an answer of $(wc -c <"$T/body") bytes drips, a byte a millisecond at most ($took ms)"
is "$(result)" SUCCESS "and is whole"
is "$(wrong 1 drip "call=getMeetingInfo&ms=x")" "ms must be a whole number from 0 to 86400000." \
	"a number must be one"
wrong 1 none

wrong 1 byte call=getMeetings,getMeetingInfo
on 1 getMeetings
is "$(BODY)" "${whole/<fullName>Ann/<fullName>$'\b'Ann}" "an odd byte in the first name"
on 1 getMeetingInfo meetingID=aa
like "$(BODY)" "*<fullName>"$'\b'"Ann*<fullName>Bob*" "of two calls"
wrong 1 byte "call=getMeetings&hex=EFBFBE&n=2"
on 1 getMeetings
is "$(BODY)" "${whole/<fullName>Bob/<fullName>$'\xef\xbf\xbe'Bob}" "another one in the second"
wrong 1 byte "call=getMeetings&hex=26&element=meetingName&n=2"
on 1 getMeetings
is "$(BODY)" "${whole/<meetingName>bb/"<meetingName>&bb"}" "a raw & in another element"
wrong 1 byte "call=getMeetings&element=fullName&n=3"
on 1 getMeetings
is "$(BODY)" "$whole" "an element that is not there"
is "$(wrong 1 byte hex=8)" "hex must be two hexadecimal digits for each byte." "half a byte"

wrong 1 cut "call=getMeetings&bytes=100"
on 1 getMeetings
is "$(BODY)" "${whole:0:100}" "an answer that is cut"
is "$(HEADER Content-Length)" 100 "and says so"
wrong 1 cut_item call=getMeetings
on 1 getMeetings
like "$(BODY)" '*<meetingID>aa</meetingID>*</meeting>*<meeting>*<meetingID>bb</meetingID>*' \
	"a list that is cut in its last item"
is "$(grep -c '</meeting>' "$T/body") ${whole:0:$(wc -c <"$T/body")}" "1 $(BODY)" "and not before"
wrong 1 break_off "call=getMeetings&bytes=100"
on 1 getMeetings >"$T/out"
is "$(HEADER Content-Length) $(wc -c <"$T/body")" "$(printf %s "$whole" | wc -c) 100" \
	"an answer that breaks off"
wrong 1 blank_lines "call=getMeetings&n=3"
on 1 getMeetings
is "$(BODY)" $'\n\n\n<?xml version="1.0" encoding="UTF-8"?>\n'"$whole" \
	"blank lines before the declaration"

wrong 1 long_query "call=getRecordings&bytes=300"
is "$(code getRecordings "meetingID=$(printf '%200s' '' | tr ' ' x)")" 200 "a query of up to 300 bytes"
is "$(code getRecordings "meetingID=$(printf '%300s' '' | tr ' ' x)")" 414 "a longer one"
post_form 1 getRecordings '' "meetingID=$(printf '%300s' '' | tr ' ' x)"
is "$(STATUS)" 200 "the same as a form"
wrong 1 none

wrong 1 stall call=getMeetings
curl -gsN -o "$T/stalled" "http://127.0.0.1:$(server_port 1)$(url getMeetings "" "$(server_secret 1)")" &
stalled=$!
has_begun() { [ -s "$T/stalled" ]; }
wait_until has_begun && is_alive $stalled
ok $? "an answer begins, and stalls"
is "$(cat "$T/stalled")" "<" "after its first byte"
wrong 1 none
wait $stalled
is "$(cat "$T/stalled")" "$whole" "until the fault is over"

wrong 1 deaf
is_deaf() {
	curl -gs -o "$T/out" --connect-timeout 1 "http://127.0.0.1:$(server_port 1)$API"
	[ $? -eq 28 ]
}
is_deaf
ok $? "no connection comes about, nor is it refused"
wrong 1 none
is "$(code getSessions)" 200 "and then it does"
is "$(wrong 1 deaf call=getMeetings)" \
	"refuse and deaf are about the whole port, so they take no call and no times; for_ms, whose end the command waits for, is 10000 at most." \
	"a port is deaf to all calls"

begun=$(now_ms)
wrong 1 refuse for_ms=$for_ms &
refusing=$!
is_refused() {
	curl -gs -o "$T/out" --max-time 5 "http://127.0.0.1:$(server_port 1)$API"
	[ $? -eq 7 ]
}
wait_until is_refused && is_alive $refusing
ok $? "connections are refused"
wait $refusing
took=$(($(now_ms) - begun))
[ "$took" -ge $for_ms ]
ok $? "for at least $for_ms ms ($took)"
is "$(code getSessions)" 200 "and then no more"

on 3 create "name=hh&meetingID=hh"
created=$(xml createTime)
on 3 create "name=hh&meetingID=hh"
on 3 end meetingID=hh
like "$(control '/history?server=3')" "$created created hh"$'\n'"1* ended hh" "what became of a meeting"

is "$(control '/phantom?server=2&meetingID=aa&users=99999')$(control '/phantom?server=2&meetingID=none')" '' \
	"a server can be made a liar"
on 2 getMeetings
is "$(xml_all meetingID) $(xml_all participantCount)" "aa none 1 99,999" "it lists what it does not have"
on 2 getMeetingInfo meetingID=aa
is "$(result)" "FAILED notFound" "and does not know it"
is "$(control '/meetings?server=2')" '' "nor does it have it"
control '/phantom?server=2&meetingID=aa&remove=1'
on 2 getMeetings
is "$(xml_all meetingID)" none "until it lies no more"

control "/record?server=1&$record" >"$T/out"
control "/copy_recording?server=1&recordID=$(id_of art 1700000000000)&to=2"
on 1 getRecordings
whole=$(BODY)
on 2 getRecordings
is "$(BODY)" "${whole//127.0.0.1:$(server_port 1)/127.0.0.1:$(server_port 2)}" "a recording on two servers"
is "$(control "/copy_recording?server=1&recordID=$(id_of art 1700000000000)&to=2")" \
	"That server has a recording of that id already." "once"

# signed_by SECRET: what server 1 says to a request signed with it.
signed_by() {
	HTTP_BASE=http://127.0.0.1:$(server_port 1)
	GET "$(url getRecordings '' "$1")"
	result
	GET "$(url hooks/list '' "$1")"
	result
}
control /reset
control '/secret?server=1&secret=new-xyzzy&secret='"$(server_secret 1)"
is "$(signed_by new-xyzzy | paste -sd' ') $(signed_by "$(server_secret 1)" | paste -sd' ')" \
	"SUCCESS noRecordings SUCCESS SUCCESS noRecordings SUCCESS" "two secrets are right"
control '/secret?server=1&secret=new-xyzzy'
is "$(signed_by new-xyzzy | paste -sd' ') $(signed_by "$(server_secret 1)" | paste -sd' ')" \
	"SUCCESS noRecordings SUCCESS FAILED checksumError FAILED checksumError" "then only the new one"
control /reset
is "$(signed_by "$(server_secret 1)" | paste -sd' ') $(signed_by new-xyzzy | paste -sd' ')" \
	"SUCCESS noRecordings SUCCESS FAILED checksumError FAILED checksumError" "in the end the old one"

# --- its end ----------------------------------------------------------------------

# lib.sh looks for reports of sanitizers in the logs, and this is none of them.
stop sandbox
is "$(grep -E 'Sanitizer|runtime error:' "$T/sandbox.out")" "" "it ends without a leak"

finish
