#!/usr/bin/env bash
# Three servers with 200 recordings each are to a client as one with 600: in pages and
# by all filters, while one hangs or is of an old version, and when recordings are
# published, changed, deleted or given captions, whichever server has them, be it several.
. "$(dirname "$0")/lib.sh"
begin story-recordings 33
need curl sqlite3
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
# The call to a server that hangs takes four times as long as a list may.
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 1000,' \
	'"call_timeout_ms": 4000,'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

# ids: the last getRecordings' recordIDs, in the order of the answer.
ids() {
	grep -o '<recordID>[^<]*' "$T/body" | sed 's/.*>//' | paste -sd' '
}
count() { grep -o '<recordID>' "$T/body" | wc -l; }
sorted() { tr ' ' '\n' | sort | paste -sd' '; }
total() { xml totalElements; }
json() { grep -o "\"$1\": *\"[^\"]*\"" "$T/body" | sed 's/.*: *"//; s/"$//' | paste -sd' '; }

# directly SERVER CALL [QUERY]: a call that does not go through the gateway.
directly() { curl -gsS "$(own_url "$@")"; }
# on_servers ID...: SERVER:STATE of each, by the servers' own lists.
on_servers() {
	local n id
	for id; do
		for n in 1 2 3; do
			control "/recordings?server=$n" | awk -v n=$n -v id="$id" \
				'$1 == id { print n ":" $2 }'
		done
	done | paste -sd' '
}
health_is() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/state/state.db" \
		"SELECT health FROM server WHERE name = 'server-$1'")" = "$2" ]
}
# post_form CALL FORM: its fields are the parameters.
post_form() {
	printf '%s' "$2&checksum=$(sign "$1" '')" >"$T/form"
	POST "$API/$1" application/x-www-form-urlencoded "$T/form"
}

# --- pages ------------------------------------------------------------------------

control '/record?server=0&meetingID=m&n=600&step=1000&meta_series=all' >"$T/made"
is "$(cut -d' ' -f1 "$T/made" | sort | uniq -c | awk '{ print $2 ":" $1 }' | paste -sd' ')" \
	"1:200 2:200 3:200" "200 recordings on each server"
mapfile -t id < <(echo none; cut -d' ' -f2 "$T/made")
newest_first=$(cut -d' ' -f2 "$T/made" | tac | paste -sd' ')

# walk LIMIT NAME: all pages, one after the other.
walk() {
	local offset walked='' totals='' sizes=''
	for ((offset = 0; offset < 600; offset += $1)); do
		call getRecordings "offset=$offset&limit=$1"
		walked="$walked $(ids)"
		sizes="$sizes $(count)"
		totals="$totals $(xml_all totalElements)"
	done
	is "${walked# }" "$newest_first" "$2: all, once, the newest first"
	is "$(tr ' ' '\n' <<<"${sizes# }" | sort -u | paste -sd' ')" "$1" "$2: each page is full"
	is "$(tr ' ' '\n' <<<"${totals# }" | sort -u | paste -sd' ')" 600 "$2: each knows the total"
}

call getRecordings
is "$(STATUS) $(xml returncode) $(ids)" "200 SUCCESS $newest_first" "all at once: the newest first"
is "$(total)" "" "all at once: no totals"
walk 25 "pages of 25"
call getRecordings "limit=25&offset=590"
is "$(count) $(total)" "10 600" "the last page is short"
for offset in 600 601 100000; do
	call getRecordings "limit=25&offset=$offset"
	is "$(result) $(count) $(total)" "SUCCESS noRecordings 0 600" "there is nothing from $offset on"
done
call getRecordings "limit=1000"
is "$(count) $(total)" "100 600" "a page has at most 100"
call getRecordings "meta_series=al%25&limit=7&offset=595"
is "$(ids) $(total)" "${id[5]} ${id[4]} ${id[3]} ${id[2]} ${id[1]} 600" "pages of what a filter finds"

control '/paging?server=2&kind=none'
control '/paging?server=3&kind=block'
walk 100 "servers of three versions"
control '/paging?server=2&kind=total'
control '/paging?server=3&kind=total'

# --- filters ------------------------------------------------------------------------

call getRecordings "meetingID=m-7,m-8,m-9"
is "$(ids)" "${id[9]} ${id[8]} ${id[7]}" "the recordings of three meetings"
call getRecordings "meetingID=m-7%2Cm-600,"
is "$(ids)" "${id[600]} ${id[7]}" "with a comma at the end"
call getRecordings "meetingID=m-,none"
is "$(result)" "SUCCESS noRecordings" "of meetings that have none"
like "$(BODY)" "*<recordings></recordings>*" "there is an empty list"
call getRecordings "recordID=${id[1]},${id[2]},${id[3]},none"
is "$(ids)" "${id[3]} ${id[2]} ${id[1]}" "recordIDs"
call getRecordings "recordID=${id[4]%-*},${id[5]%-*}&meetingID=m-1"
is "$(ids)" "${id[5]} ${id[4]}" "beginnings of recordIDs, which win over a meetingID"
call getRecordings "recordID=${id[4]%-*},${id[5]}&limit=1&offset=1"
is "$(ids) $(total)" "${id[4]} 2" "a page of them"

n=0
for state in processing processed unpublished deleted published; do
	n=$((n + 1))
	control "/record?server=$((n % 3 + 1))&meetingID=s&recordID=in-$state&state=$state&meta_series=states&startTime=$n" >"$T/out"
done
call getRecordings "meetingID=none,s&meta_series=states"
is "$(result)" "SUCCESS noRecordings" "a recordID that is no meeting's is not found by it"
call getRecordings "meta_series=states"
is "$(ids)" "in-published in-unpublished" "what is in process or deleted is not shown"
call getRecordings "meta_series=states&state=any"
is "$(ids)" "in-published in-deleted in-unpublished in-processed in-processing" "but by state=any"
call getRecordings "meta_series=states&state=deleted,unpublished"
is "$(ids)" "in-deleted in-unpublished" "two states"
call getRecordings "state=unpublished&limit=5"
is "$(ids) $(total)" "in-unpublished 1" "one of all"

control '/record?server=1&meetingID=biology-1&startTime=1000&meta_Course=Biology%201&meta_bbb-context=x' >"$T/out"
control '/record?server=2&meetingID=biology-2&startTime=2000&meta_Course=Biology%202' >"$T/out"
control '/record?server=3&meetingID=biology-3&startTime=3000&meta_Course=Microbiology' >"$T/out"
meetings() { grep -o '<meetingID>[^<]*' "$T/body" | sed 's/.*>//' | paste -sd' '; }
for filter in 'Biology%25|biology-2 biology-1' '%25iology|biology-3' '%25iology%25|biology-3 biology-2 biology-1' \
	'Biology+2|biology-2' 'Biology%202|biology-2' 'Biology|' 'biology%25|'; do
	call getRecordings "meta_course=${filter%|*}"
	is "$(meetings)" "${filter#*|}" "by metadata: ${filter%|*}"
done
call getRecordings "meta_course=%25iology%25&meta_bbb-context=x"
is "$(meetings)" biology-1 "by two of them"

post_form getRecordings "meetingID=m-7,m-8,m-9&limit=2&offset=1"
is "$(ids) $(total)" "${id[8]} ${id[7]} 3" "by a form"
long=$(printf 'm-%s,' {401..600})$(printf 'none-%04d,' {1..600})
post_form getRecordings "meetingID=$long&limit=100&offset=100"
is "$(count) $(total) $(ids | cut -d' ' -f1)" "100 200 ${id[500]}" "by a form that is too long for a URL"
long=$(printf '%s,' "${id[@]:301:255}")
[ ${#long} -gt 13000 ]
ok $? "255 recordIDs are ${#long} bytes"
call getRecordings "recordID=$long&limit=100&offset=200"
is "$(count) $(total) $(ids | cut -d' ' -f1)" "55 255 ${id[355]}" "by a query that is too long for a server"
printf '<x/>' >"$T/xml"
POST "$(url getRecordings "meetingID=m-9&limit=3")" application/xml "$T/xml"
is "$(ids) $(total)" "${id[9]} 1" "by POST with a query"

# --- one recording on two servers -----------------------------------------------------

control '/record?server=1&meetingID=twice&recordID=twice&state=processing&startTime=1' >"$T/out"
control '/record?server=3&meetingID=twice&recordID=twice&startTime=1' >"$T/out"
call getRecordings "recordID=twice&state=any&limit=10"
is "$(ids) $(xml state) $(total)" "twice published 1" "processed here and published there: it is published"
like "$(BODY)" "*<url>http://127.0.0.1:$(server_port 3)/playback/*" "where it can be watched"
call publishRecordings "recordID=twice&publish=false"
is "$(result) $(on_servers twice)" "SUCCESS 1:processing 3:unpublished" "there it is unpublished"
delete_state
call publishRecordings "recordID=twice&publish=true"
is "$(result) $(on_servers twice)" "SUCCESS 1:processing 3:published" "and published without a state"

# --- copies -------------------------------------------------------------------------------

# copy ID SERVER...: of a recording that is on server 1.
copy() {
	local to
	for to in "${@:2}"; do
		control "/copy_recording?server=1&recordID=$1&to=$to"
	done
}
# rounds ID: what was set at the copies of each server.
rounds() {
	local n
	for n in 1 2 3; do
		directly "$n" getRecordings "recordID=$1&state=any" | grep -o '<round>[^<]*' | sed "s/.*>/$n:/"
	done | paste -sd' '
}
for round in remembered stateless; do
	[ "$round" = remembered ] && one=${id[22]} || one=${id[25]}
	copy "$one" 2 3
	[ "$round" = remembered ] || delete_state
	call publishRecordings "recordID=$one&publish=false"
	is "$(result) $(on_servers "$one")" "SUCCESS 1:unpublished 2:unpublished 3:unpublished" \
		"$round: all copies are unpublished"
	call getRecordings "recordID=$one"
	is "$(count) $(xml state)" "1 unpublished" "$round: it is listed once"
	call updateRecordings "recordID=$one&meta_round=$round"
	is "$(result) $(rounds "$one")" "SUCCESS 1:$round 2:$round 3:$round" "$round: all copies are changed"
	call deleteRecordings "recordID=$one,${id[26]}"
	is "$(result) $(on_servers "$one")" "SUCCESS 1:deleted 2:deleted 3:deleted" \
		"$round: no copy is left"
	call getRecordings "recordID=$one"
	is "$(result)" "SUCCESS noRecordings" "$round: nor listed"
	call deleteRecordings "recordID=$one"
	is "$(result)" "FAILED notFound" "$round: nor there to be deleted again"
done

copy "${id[34]}" 2
call getRecordings "recordID=${id[34]}" # so that it is remembered
fault 2 refuse
call deleteRecordings "recordID=${id[34]}"
is "$(result) $(on_servers "${id[34]}")" "FAILED serverUnavailable 1:deleted 2:published" \
	"a server with a copy cannot be reached"
fault 2 none
call deleteRecordings "recordID=${id[34]}"
is "$(result) $(on_servers "${id[34]}")" "SUCCESS 1:deleted 2:deleted" "the next time it is deleted"

copy "${id[37]}" 2
fault 2 http500 getRecordings
call deleteRecordings "recordID=${id[37]}"
is "$(result) $(on_servers "${id[37]}")" "SUCCESS 1:deleted 2:published" \
	"a server does not tell of a copy that nobody knows of"
fault 2 none
like "$(grep 'may keep copies' "$LOGS/gateway.log")" "* server=server-2 call=deleteRecordings" \
	"the log names it"
call getRecordings "recordID=${id[37]}"
is "$(count) $(xml state)" "1 published" "it comes up again"
call deleteRecordings "recordID=${id[37]}"
is "$(result) $(on_servers "${id[37]}")" "SUCCESS 1:deleted 2:deleted" "and can be deleted"

# --- changes ----------------------------------------------------------------------------

# words FILE: without line breaks, and without the token of a link to captions.
words() {
	tr -d '\n' <"$1" | sed 's/> *</></g; s|/textTrack/[^/]*/|/textTrack/TOKEN/|g'
}
# as_one_server NAME: the last answer is what one BigBlueButton server said, in $T/one.
as_one_server() {
	is "$(words "$T/body")" "$(words "$T/one")" "$1: in the words of a server"
}
# changes ROUND FIRST: all that can be done to four recordings and one that is nowhere.
# The four, of which FIRST is the first, are on servers 1, 2, 3 and 1.
changes() {
	local round=$1 name ids before
	local -a four=("${id[@]:$2:4}")
	ids=${four[0]},${four[1]},none,${four[2]},${four[3]}

	call getRecordings "meta_series=all&state=published&limit=1"
	before=$(total)
	directly 1 publishRecordings "recordID=none,${four[0]}&publish=false" >"$T/one"
	call publishRecordings "recordID=$ids&publish=false"
	as_one_server "$round: unpublish"
	is "$(on_servers "${four[@]}")" "1:unpublished 2:unpublished 3:unpublished 1:unpublished" \
		"$round: all are"
	call getRecordings "meta_series=all&state=published&limit=1"
	is "$(total)" $((before - 4)) "$round: and no other"
	call publishRecordings "recordID=$ids&publish=true"
	is "$(result) $(xml published)" "SUCCESS true" "$round: publish"
	is "$(on_servers "${four[@]}")" "1:published 2:published 3:published 1:published" \
		"$round: all are published again"

	directly 1 updateRecordings "recordID=none,${four[0]}&meta_Round=0" >"$T/one"
	call updateRecordings "recordID=$ids&meta_Round=$round&meta_series="
	as_one_server "$round: update"
	call getRecordings "meta_round=$round"
	is "$(ids)" "${four[3]} ${four[2]} ${four[1]} ${four[0]}" "$round: all have what was set"
	call getRecordings "recordID=$ids&meta_series=all"
	is "$(count)" 0 "$round: and not what was removed"
	post_form updateRecordings "recordID=$ids&meta_round=&meta_series=all"
	is "$(result)" SUCCESS "$round: update by a form"
	call getRecordings "meta_round=%25"
	is "$(count)" 0 "$round: what was set is removed"

	# A recording that nothing else needs shows what a server says.
	control "/record?server=2&meetingID=extra&recordID=extra-$round" >"$T/out"
	directly 2 deleteRecordings "recordID=none,extra-$round" >"$T/one"
	call deleteRecordings "recordID=$ids"
	as_one_server "$round: delete"
	is "$(on_servers "${four[@]}")" "1:deleted 2:deleted 3:deleted 1:deleted" "$round: all are"
	call getRecordings "recordID=$ids"
	is "$(result)" "SUCCESS noRecordings" "$round: none is listed"
	call getRecordings "recordID=$ids&state=deleted"
	is "$(count)" 4 "$round: but as deleted"

	for name in "publishRecordings&publish=true" "updateRecordings&meta_a=b" deleteRecordings; do
		directly 1 "${name%%&*}" "recordID=none,${four[0]}${name#"${name%%&*}"}" >"$T/one"
		call "${name%%&*}" "recordID=none,$ids,none-2${name#"${name%%&*}"}"
		is "$(result)" "FAILED notFound" "$round: ${name%%&*}, all unknown"
		as_one_server "$round: ${name%%&*}"
	done
}
changes remembered 10
delete_state
changes stateless 16

# --- a server that hangs ------------------------------------------------------------------

call getRecordings
before=$(ids)
call getRecordings "meta_series=all&limit=5"
known_total=$(total)
fault 3 hang getRecordings
fault 3 hang publishRecordings
begun=$(now_ms)
call publishRecordings "recordID=${id[300]}&publish=true"
one_call=$(($(now_ms) - begun))
is "$(result)" "FAILED serverUnavailable" "a change of what is on a server that hangs"
begun=$(now_ms)
call getRecordings
list=$(($(now_ms) - begun))
is "$(result)" SUCCESS "a list while a server hangs"
is "$(ids)" "$before" "its last known list stands in"
# Nearer to the one than to the other.
[ $((list * 4)) -lt $((one_call * 3)) ]
ok $? "within probe_timeout_ms ($list ms), not call_timeout_ms ($one_call ms)"
call getRecordings "meta_series=all&random=2&limit=5&offset=10"
is "$(total)" "$known_total" "in pages too, whatever else is in the query"
call getRecordings "meetingID=m-31,m-32,m-33"
is "$(result) $(meetings)" "SUCCESS m-32 m-31" "a query it was never asked: the list without it"
call getRecordings "meetingID=m-33"
is "$(result)" "SUCCESS noRecordings" "or no list at all"
health_is 3 0
ok $? "that it takes long over a list says nothing of its health"
is "$(grep -c "last known list stands in.*server=server-3" "$LOGS/gateway.log")" 2 "the log tells"

call updateRecordings "recordID=${id[33]}&meta_a=b"
is "$(result)" SUCCESS "it is changed nevertheless"
call getRecordings
is "$(ids | sorted)" "$(tr ' ' '\n' <<<"$before" | grep -vxF -f <(control '/recordings?server=3' | cut -d' ' -f1) | paste -sd' ' | sorted)" \
	"what it said before stands in no more"
fault 3 none
call getRecordings
is "$(ids)" "$before" "when it answers again all are there"

for n in 1 2 3; do fault "$n" http500 getRecordings; done
call getRecordings "meetingID=m-50"
is "$(result)" "FAILED serverUnavailable" "nobody says what there is: that is not nothing"
call getRecordings
is "$(result) $(ids)" "SUCCESS $before" "but where lists of before stand in"
for n in 1 2 3; do fault "$n" none; done

# --- a server that is down ------------------------------------------------------------------

fault 2 refuse
wait_until health_is 2 2
ok $? "a server is down"
call getRecordings
is "$(result) $(ids)" "SUCCESS $before" "its last known list stands in"
for name in "publishRecordings&publish=false" "updateRecordings&meta_a=b" deleteRecordings; do
	call "${name%%&*}" "recordID=${id[302]}${name#"${name%%&*}"}"
	is "$(result)" "FAILED serverUnavailable" "${name%%&*} of what is there"
done
call publishRecordings "recordID=${id[301]},${id[302]},${id[303]}&publish=false"
is "$(result)" "FAILED serverUnavailable" "of what is there among others"
call deleteRecordings "recordID=never-seen"
is "$(result)" "FAILED serverUnavailable" "of what it may have"
call getRecordingTextTracks "recordID=${id[302]}"
is "$(json returncode) $(json messageKey)" "FAILED serverUnavailable" "captions of what is there"
delete_state
call deleteRecordings "recordID=${id[302]}"
is "$(result)" "FAILED serverUnavailable" "without a state too"
fault 2 none
is "$(on_servers "${id[302]}")" "2:published" "nothing was done to it"
wait_until health_is 2 0
ok $? "it is back"
call deleteRecordings "recordID=${id[302]}"
is "$(result) $(on_servers "${id[302]}")" "SUCCESS 2:deleted" "and takes changes"

# --- captions ---------------------------------------------------------------------------------

# multipart FILE: as a form's only part, in $T/form.
multipart() {
	{
		printf -- '--captions\r\nContent-Disposition: form-data; name="file"; filename="a.vtt"\r\n'
		printf 'Content-Type: text/vtt\r\n\r\n'
		cat "$1"
		printf '\r\n--captions--\r\n'
	} >"$T/form"
}
put() {
	POST "$(url putRecordingTextTrack "$1")" "multipart/form-data; boundary=captions" "$T/form"
}
head -c 50000 /dev/urandom >"$T/captions.vtt"
multipart "$T/captions.vtt"
for n in 401 402 403; do
	[ "$n" -ne 402 ] || delete_state
	server=$(((n - 1) % 3 + 1))
	put "recordID=${id[$n]}&kind=subtitles&lang=de&label=Deutsch"
	is "$(json returncode) $(json recordId)" "SUCCESS ${id[$n]}" "captions for a recording on server $server"
	is "$(control "/tracks?server=$server&recordID=${id[$n]}" | cut -f1-4)" \
		"subtitles	de	50000	$(digest <"$T/captions.vtt")" "come there as they were sent"
	directly "$server" getRecordingTextTracks "recordID=${id[$n]}" >"$T/one"
	call getRecordingTextTracks "recordID=${id[$n]}"
	is "$(HEADER Content-Type | tr -d ' ')" "application/json;charset=utf-8" "and are listed"
	as_one_server "captions on server $server"
done
copy "${id[43]}" 3
delete_state
put "recordID=${id[43]}&kind=subtitles&lang=de&label=Deutsch"
for n in 1 3; do control "/tracks?server=$n&recordID=${id[43]}"; done | cut -f1-3 >"$T/out"
is "$(json returncode) $(cat "$T/out")" "SUCCESS subtitles	de	50000" "captions for one of two copies"
call getRecordingTextTracks "recordID=${id[43]}"
is "$(json returncode) $(json lang)" "SUCCESS de" "are where they are looked for"
directly 1 getRecordingTextTracks "recordID=none" >"$T/one"
call getRecordingTextTracks "recordID=none"
as_one_server "captions of an unknown recording"
put "recordID=none&kind=subtitles&lang=de"
is "$(json returncode) $(json messageKey)" "FAILED noRecordings" "captions for an unknown recording"
fault 3 hang putRecordingTextTrack
put "recordID=${id[404]}&kind=subtitles&lang=de"
is "$(json returncode)" SUCCESS "captions while another server hangs"
fault 2 http500 putRecordingTextTrack
put "recordID=${id[407]}&kind=subtitles&lang=de"
is "$(json returncode) $(json messageKey)" "FAILED serverUnavailable" "captions that a server fails at"

finish
