#!/usr/bin/env bash
# What servers call back reaches clients signed with the gateway's secret, and
# webhooks are on all servers, whatever happened to them.
. "$(dirname "$0")/lib.sh"
begin story-callbacks 32
need nginx
need_built "$FCGI_PROGRAM"
. "$E2E/web.sh"

receiver_url() { echo "http://127.0.0.1:$((PORT0 + 10))/receiver/$1"; }
# received NAME PART: of the last request.
received() { control "/received?name=$1&part=$2"; }
received_count() { control "/received?name=$1" | wc -l; }
encoded() { sed 's/%/%25/g; s/:/%3A/g; s/&/%26/g; s/=/%3D/g; s/?/%3F/g' <<<"$1"; }
# jwt_is_signed TOKEN SECRET ALGORITHM
jwt_is_signed() {
	printf '%s\n' "$1" >>"$CHECKSUMS" # no more for a log than a checksum
	[ "$(printf '%s' "${1%.*}" | openssl dgst "-$3" -hmac "$2" -binary | base64 -w 0 |
		tr '/+' '_-' | tr -d =)" = "${1##*.}" ]
}
# on SERVER CALL [QUERY]: a call to that server itself.
on() { curl -gsS "$(own_url "$@")"; }
# hooks_of SERVER: how many it has.
hooks_of() {
	on "$1" hooks/list | grep -o '<hook>' | wc -l
}
hooks_are() {
	[ "$(hooks_of 1) $(hooks_of 2) $(hooks_of 3)" = "$1" ]
}
# start_with MEMBER...: the gateway, with these in its configuration.
start_with() {
	stop gateway 2>/dev/null
	write_config "$T/servers.json" '"poll_interval_ms": 1000,' "$@"
	start_gateway gateway "unix:$T/gateway.sock"
}

start_sandbox 3
start_with '"allow_private_callbacks": true,'
start_nginx "$T/gateway.sock"

# --- recordings and analytics --------------------------------------------------

query="name=back&meetingID=back&record=true&$PASSWORDS"
query="$query&meta_bbb-recording-ready-url=$(encoded "$(receiver_url ready)?a=1&b=2")"
query="$query&meta_analytics-callback-url=$(encoded "$(receiver_url analytics)")"
query="$query&meta_endCallbackUrl=$(encoded "$(receiver_url end)")"
call create "$query"
is "$(result)" SUCCESS "a meeting with callbacks"
server=$(servers_of back)
call end "meetingID=back"
callback="/callback?server=$server&meetingID=back"
like "$(control "$callback&kind=recording-ready")" '*"status":200}]}' "its recording is ready"
is "$(received_count ready) $(received ready target)" "1 /receiver/ready?a=1&b=2" \
	"the client hears it at its own URL"
token=$(received ready body)
token=${token#signed_parameters=}
jwt_is_signed "$token" "$SECRET" sha256
ok $? "signed with the gateway's secret"
jwt_is_signed "$token" "$(server_secret "$server")" sha256
isnt $? 0 "and no longer with the server's"
for status in 410 401 500; do
	control "/receiver?name=ready&status=$status"
	like "$(control "$callback&kind=recording-ready")" "*\"status\":$status}]}" \
		"the client's answer is the server's: $status"
done
control "/receiver?name=ready&status=200"
like "$(control "$callback&kind=recording-ready&secret=other")" '*"status":401}]}' "a forged one is refused"
is "$(received_count ready)" 0 "and not passed on"

# What the server calls, as its metadata shows it, but with another receiver.
create altered "meta_bbb-recording-ready-url=$(encoded "$(receiver_url ready)")"
url=$(on "$(servers_of altered)" getMeetingInfo meetingID=altered |
	sed -n 's|.*<bbb-recording-ready-url>\(.*\)</bbb-recording-ready-url>.*|\1|p' |
	sed 's/&amp;/\&/g; s|%2Freceiver%2Fready|%2Freceiver%2Fother|')
like "$url" "http://127.0.0.1:$HTTP_PORT/*%2Freceiver%2Fother*" "the gateway's URL, with another receiver in it"
is "$(curl -gsS -o /dev/null -w '%{http_code}' -d "signed_parameters=$token" "$url")" 403 "is refused"
is "$(received_count other)" 0 "and nobody hears of it"
call getMeetingInfo meetingID=altered
is "$(xml bbb-recording-ready-url)" "$(receiver_url ready)" "the client is shown its own"
call getMeetings
is "$(xml bbb-recording-ready-url)" "$(receiver_url ready)" "also in the list"

like "$(control "$callback&kind=analytics")" '*"status":200}]}' "its analytics"
like "$(received analytics body)" '{"version":*"meeting_id":"back"*}' "reach the client"
token=$(received analytics headers | sed -n 's/^Authorization: Bearer //p')
jwt_is_signed "$token" "$SECRET" sha512
ok $? "signed with the gateway's secret"
like "$(control "$callback&kind=end")" '*"status":200}*' "what is not signed"
is "$(received_count end)" 1 "goes to the client by itself"

# --- webhooks ------------------------------------------------------------------

call hooks/create "callbackURL=$(encoded "$(receiver_url hook)?x=1")"
id=$(xml hookID)
is "$(result) $(hooks_of 1) $(hooks_of 2) $(hooks_of 3)" "SUCCESS 1 1 1" "a hook is on all servers"
call hooks/create "callbackURL=$(encoded "$(receiver_url hook)?x=1")"
is "$(result) $(xml hookID)" "SUCCESS duplicateWarning $id" "and is the same the second time"
call hooks/list
is "$(xml_all hookID | wc -w) $(xml callbackURL)" "1 $(receiver_url hook)?x=1" "and in the list once"
for algorithm in sha1 sha256; do
	control "/event?server=2&event=meeting-created&meetingID=any&algorithm=$algorithm" >"$T/out"
	form=$(received hook body)
	sum=$(printf '%s' "$(receiver_url hook)?x=1$form$SECRET" | digest $algorithm)
	is "$(received hook target)" "/receiver/hook?x=1&checksum=$sum" "an event, $algorithm"
done

# Neither host nor path need be ASCII; libcurl knows where localhost is, whatever precedes it.
url="http://bücher.localhost:$((PORT0 + 10))/receiver/größe?x=ä"
call hooks/create "callbackURL=$(encoded "$url")"
is "$(result)" SUCCESS "a hook whose URL is not ASCII"
control "/event?server=2&event=meeting-created&meetingID=any&algorithm=sha256" >"$T/out"
path=gr%C3%B6%C3%9Fe
form=$(received "$(encoded "$path")" body)
sum=$(printf '%s' "$url$form$SECRET" | digest sha256)
is "$(received "$(encoded "$path")" target)" "/receiver/$path?x=%C3%A4&checksum=$sum" "hears of events"
call hooks/destroy "hookID=$(xml hookID)"

fault 3 refuse
call hooks/create "callbackURL=$(encoded "$(receiver_url late)")"
late=$(xml hookID)
is "$(result) $(hooks_of 1) $(hooks_of 2)" "SUCCESS 2 2" "a hook is made while a server is down"
fault 3 none
wait_until hooks_are "2 2 2"
ok $? "which has it when it is back"
call hooks/destroy "hookID=$late"
is "$(result)" SUCCESS "it is destroyed"

# lose_hook SERVER: as if it had been rebuilt.
lose_hook() {
	on "$1" hooks/destroy "hookID=$(on "$1" hooks/list | sed 's/.*<hookID>//; s/<.*//')" >"$T/out"
}
stop gateway
delete_state
lose_hook 3
hooks_are "1 1 0"
ok $? "the state is lost, and so is a server's hook"
start_with '"allow_private_callbacks": true,'
wait_until hooks_are "1 1 1"
ok $? "both learn it from the others"
call hooks/list
is "$(xml_all hookID)" "$id" "it is the same hook"
call hooks/destroy "hookID=$id"
is "$(result) $(hooks_of 1) $(hooks_of 2) $(hooks_of 3)" "SUCCESS 0 0 0" "destroyed everywhere"
call hooks/destroy "hookID=$id"
is "$(result)" "FAILED destroyMissingHook" "once"

# --- a receiver that hangs ---------------------------------------------------------

# ready_callback MEETINGID: its server's; what the gateway answers it is "status":N.
declare -A home
ready_callback() {
	control "/callback?server=${home[$1]}&meetingID=$1&kind=recording-ready"
}
create stuck "record=true&meta_bbb-recording-ready-url=$(encoded "$(receiver_url stuck)")"
elsewhere=$(receiver_url quick)
create quick "record=true&meta_bbb-recording-ready-url=$(encoded "${elsewhere/127.0.0.1/localhost}")"
for meeting in stuck quick; do
	home[$meeting]=$(servers_of $meeting)
	call end "meetingID=$meeting"
done
control "/receiver?name=stuck&ms=10000" >"$T/out"
# More than the gateway has lanes' places for, and than may wait.
pids=()
for n in {1..24}; do
	ready_callback stuck >"$T/stuck.$n" &
	pids+=($!)
done
is_stuck() { [ "$(received_count stuck)" -ge 4 ]; }
must_wait_until "callbacks to one receiver are under way" is_stuck
for n in {1..6}; do
	like "$(ready_callback quick)" '*"status":200}]}' "a receiver hangs: another's callback reaches it ($n)"
done
call getMeetings
is "$(xml returncode)" SUCCESS "and calls are answered"
wait "${pids[@]}"
is "$(cat "$T"/stuck.* | grep -c '"status":50[34]}')" 24 "the callbacks to it have failed, all of them"
control "/receiver?name=stuck&status=200" >"$T/out"

# --- where callbacks may go ------------------------------------------------------

start_with
control "/receiver?name=ready&status=200"
like "$(control "$callback&kind=recording-ready")" '*"status":502}]}' "a loopback address is not called"
is "$(received_count ready)" 0 "nobody hears of it"
grep -q 'problem="address is not public"' "$LOGS"/gateway*.log
ok $? "but the log"

finish
