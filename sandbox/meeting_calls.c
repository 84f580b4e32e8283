#include "meeting_calls.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "checks.h"
#include "info_calls.h"
#include "meetings.h"
#include "modules.h"

/* create-meeting.ftlx */
static void
answer_create(struct call *call, const struct meeting *meeting, bool is_repeat)
{
	struct text *body = answer_open(call->answer, "SUCCESS");

	answer_add(body, "meetingID", meeting->meeting_id);
	answer_add(body, "internalMeetingID", meeting->internal_meeting_id);
	answer_add(body, "parentMeetingID",
	    meeting->parent_internal_meeting_id ?
	        meeting->parent_internal_meeting_id :
	        "bbb-none");
	info_calls_add_passwords(body, meeting);
	answer_add_number(body, "createTime", meeting->create_time_ms);
	answer_add(body, "voiceBridge", meeting->voice_bridge);
	answer_add(body, "dialNumber", meeting->dial_number);
	answer_add_date(body, "createDate", meeting->create_time_ms);
	answer_add_boolean(body, "hasUserJoined", meeting->has_user_joined);
	answer_add_number(body, "duration", meeting->duration_minutes);
	answer_add_boolean(body, "hasBeenForciblyEnded", false);
	answer_add(body, "messageKey", is_repeat ? "duplicateWarning" : "");
	answer_add(body, "message",
	    is_repeat ?
	        "This conference was already in existence "
	        "and may currently be in progress." :
	        "");
	answer_close(call->answer);
	call->answer->is_uncacheable = true;
}

static bool
check_create(struct call *call)
{
	const char *name = calls_find(call, "name");
	const char *id = calls_find(call, "meetingID");

	if (!checks_meeting_id(call))
		return false;
	char *clean = id ? params_sanitize(id) : NULL;
	bool is_valid = clean && strcmp(clean, id) == 0;
	free(clean);
	if (!is_valid) {
		calls_fail(call, "validationError", "Invalid meeting ID");
		return false;
	}
	if (!name || name[0] == '\0') {
		calls_fail(call, name ? "emptyError" : "nullError",
		    "You must provide a meeting name");
		return false;
	}
	if (checks_java_length(name) < 2 || checks_java_length(name) > 256) {
		calls_fail(call, "sizeError",
		    "Meeting name must be between 2 and 256 characters");
		return false;
	}
	return checks_password(call, "attendeePW") && checks_password(call, "moderatorPW") &&
	    checks_integral(call, "voiceBridge", "Voice bridge must be an integral value") &&
	    checks_boolean(call, "record", "Record must be a boolean value") &&
	    checks_boolean(call, "isBreakout",
	        "You must provide a boolean value for isBreakout");
}

/* A create of a meeting that is there: the passwords decide whether it is the same. */
static void
answer_repeat(struct call *call, const struct meeting *meeting)
{
	const char *attendee_password = calls_find_filled(call, "attendeePW");
	const char *moderator_password = calls_find_filled(call, "moderatorPW");
	bool is_same = !attendee_password && !moderator_password;

	if (attendee_password && moderator_password)
		is_same = strcmp(attendee_password, meeting->attendee_password) == 0 &&
		    strcmp(moderator_password, meeting->moderator_password) == 0;
	if (is_same)
		answer_create(call, meeting, true);
	else
		calls_fail(call, "idNotUnique",
		    "A meeting already exists with that meeting ID.  "
		    "Please use a different meeting ID.");
}

/* Returns false after having answered that another meeting has the voice bridge. */
static bool
check_voice_bridge(struct call *call)
{
	const char *voice_bridge = calls_find_filled(call, "voiceBridge");

	if (!voice_bridge || !meetings_find_voice_bridge(call->request->meetings, voice_bridge))
		return true;
	calls_fail_list(call, "nonUniqueVoiceBridge",
	    "The selected voice bridge is already in use.");
	return false;
}

/*
 * Finds the parent of a breakout room; *parent is NULL for any other meeting.
 * Returns false after having answered that there is no such parent.
 */
static bool
find_parent(struct call *call, const struct meeting **parent)
{
	const char *id = calls_find_filled(call, "parentMeetingID");

	*parent = NULL;
	if (!checks_is_true(calls_find(call, "isBreakout")))
		return true;
	if (!id) {
		calls_fail(call, "parentMeetingIDMissing",
		    "No parent meeting ID was provided for the breakout room.");
		return false;
	}
	*parent = meetings_find(call->request->meetings, id);
	if (!*parent)
		calls_fail(call, "parentMeetingDoesNotExist",
		    "No parent meeting exists for the breakout room.");
	return *parent != NULL;
}

/* Replaces *slot by a parameter that is there and not empty. */
static void
take_filled(struct call *call, const char *name, char **slot)
{
	const char *value = calls_find_filled(call, name);

	if (value)
		meetings_set_string(slot, value);
}

void
meeting_calls_create(struct call *call)
{
	const struct calls_request *request = call->request;

	if (!check_create(call))
		return;
	if (strcmp(request->method, "POST") == 0 && calls_has_xml(request) &&
	    request->body_length > 0 &&
	    !modules_are_well_formed(request->body, request->body_length)) {
		calls_fail(call, "malformedXml", "Malformed XML");
		return;
	}
	struct meeting *meeting = meetings_find_external(request->meetings,
	    calls_find(call, "meetingID"));
	if (meeting) {
		answer_repeat(call, meeting);
		return;
	}
	const struct meeting *parent;
	if (!check_voice_bridge(call) || !find_parent(call, &parent))
		return;

	meeting = meetings_add(request->meetings, calls_find(call, "meetingID"),
	    calls_find(call, "name"));
	take_filled(call, "attendeePW", &meeting->attendee_password);
	take_filled(call, "moderatorPW", &meeting->moderator_password);
	take_filled(call, "voiceBridge", &meeting->voice_bridge);
	take_filled(call, "dialNumber", &meeting->dial_number);
	meeting->duration_minutes = checks_find_number(call, "duration");
	meeting->max_users = checks_find_number(call, "maxParticipants");
	meeting->record = checks_is_true(calls_find(call, "record"));
	meeting->ended_url = text_duplicate(calls_find_filled(call, "meetingEndedURL"));
	params_copy_metadata(&call->params, &meeting->metadata);
	if (parent) {
		const char *sequence = calls_find_filled(call, "sequence");

		meeting->is_breakout = true;
		meeting->free_join = checks_is_true(calls_find(call, "freeJoin"));
		meeting->parent_internal_meeting_id = text_duplicate(
		    parent->internal_meeting_id);
		meeting->sequence = text_duplicate(sequence ? sequence : "0");
	}
	answer_create(call, meeting, false);
}

void
meeting_calls_end(struct call *call)
{
	if (!checks_meeting_id(call) || !checks_password(call, "password"))
		return;
	struct meeting *meeting = checks_find_meeting(call);
	if (!meeting) {
		calls_fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	meetings_end(call->request->meetings, meeting);
	struct text *body = answer_open(call->answer, "SUCCESS");
	answer_add(body, "messageKey", "sentEndMeetingRequest");
	answer_add(body, "message",
	    "A request to end the meeting was sent.  Please wait a few "
	    "seconds, and then use the getMeetingInfo or isMeetingRunning API calls to "
	    "verify that it was ended.");
	answer_close(call->answer);
	call->answer->is_uncacheable = true;
}

void
meeting_calls_insert_document(struct call *call)
{
	const struct calls_request *request = call->request;

	if (!checks_meeting_id(call))
		return;
	if (!checks_find_meeting(call)) {
		calls_fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	if (request->body_length > 0 &&
	    !modules_are_well_formed(request->body, request->body_length)) {
		answer_html(call->answer, 500, "Internal Server Error");
		return;
	}
	/* Without a usable module bbb-web renders a view that is missing. */
	if (!modules_have_document(request->body, request->body_length)) {
		answer_html(call->answer, 404, "Not Found");
		return;
	}
	answer_add(answer_open(call->answer, "SUCCESS"), "message",
	    "Presentation is being uploaded");
	answer_close(call->answer);
}

void
meeting_calls_send_chat_message(struct call *call)
{
	const char *message = calls_find(call, "message");
	const char *user_name = calls_find(call, "userName");

	if (!checks_meeting_id(call))
		return;
	if (!message || message[0] == '\0' || checks_java_length(message) > 500) {
		calls_fail(call, "validationError",
		    "Message must be between 1 and 500 characters");
		return;
	}
	if (user_name && checks_java_length(user_name) > 255) {
		calls_fail(call, "validationError", "User name must be at most 255 characters");
		return;
	}
	const struct meeting *meeting = checks_find_meeting(call);
	if (!meeting || meeting->user_count == 0) {
		calls_fail(call, "meetingNotFound", "Meeting not found");
		return;
	}
	struct text *body = answer_open(call->answer, "SUCCESS");
	answer_add(body, "messageKey", "");
	answer_add(body, "message", "");
	answer_close(call->answer);
}
