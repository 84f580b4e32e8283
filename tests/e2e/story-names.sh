#!/usr/bin/env bash
# A meeting is known by its whole name. BigBlueButton also takes the beginning of
# an internal ID for a name, so asking a server for a meeting may find another.
. "$(dirname "$0")/lib.sh"
begin story-names 12
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
# One more than there are meetings, so that no two need share a server: on one,
# BigBlueButton itself would mix them up.
start_sandbox 4
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS"
REQUEST() { fcgi_request "$@"; }

create room-12
internal=$(xml internalMeetingID)
first=$(servers_of room-12)
create room-1
is "$(result) $(xml meetingID)" "SUCCESS room-1" "room-1 while room-12 runs"
isnt "$(servers_of room-1)" "$first" "room-1 is placed anew, on a server of its own"
create Room-12
is "$(result) $(xml meetingID)" "SUCCESS Room-12" "Room-12 is not room-12"

# The first digits of another meeting's internal ID.
name=${internal:0:3}
call isMeetingRunning "meetingID=$name"
is "$(xml returncode) $(xml running)" "SUCCESS false" "$name is unknown while $internal runs"
create "$name"
is "$(result) $(xml meetingID)" "SUCCESS $name" "$name while $internal runs"
isnt "$(servers_of "$name")" "$first" "$name is placed on another server"
call getMeetingInfo "meetingID=$name"
is "$(xml meetingID)" "$name" "$name is itself"

# Without the state, names are looked for on the servers.
stop gateway
delete_state
start_gateway gateway "$FCGI_ADDRESS"
for name in room-1 room-12 Room-12 "$name"; do
	call getMeetingInfo "meetingID=$name"
	is "$(xml meetingID)" "$name" "without the state: $name is found"
done

finish
