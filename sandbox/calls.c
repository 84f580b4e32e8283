#include "calls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "checksum.h"
#include "hook_calls.h"
#include "modules.h"
#include "recording_calls.h"
#include "track_calls.h"

/* Methods of a call, and the MIME types its body may have. */
enum {
	BY_GET = 1,
	BY_POST = 2,

	TYPE_FORM = 1,
	TYPE_XML = 2,
	TYPE_UNCHECKED = 4,
};

/* Which part of BBB answers, since they differ in what they check and how they fail. */
enum controller {
	API,
	API_REDIRECTS, /* the same, but errors are redirects */
	RECORDING,     /* RecordingController.groovy: each call checks its checksum itself */
	WEBHOOKS,      /* bbb-webhooks, and so does each call of it */
};

/*
 * One row per call, as bbb-web's UrlMappings.groovy and request classes have
 * them.  A new call is a function and a row here; those that are not about
 * meetings have files of their own.
 */
struct call_entry {
	const char *name;
	int methods;
	int types;
	enum controller controller;
	void (*run)(struct call *call);
};

static void
add_element(struct text *text, const char *name, const char *value)
{
	text_add_format(text, "<%s>", name);
	text_add_xml(text, value);
	text_add_format(text, "</%s>\n", name);
}

static void
add_number(struct text *text, const char *name, long long number)
{
	text_add_format(text, "<%s>%lld</%s>\n", name, number, name);
}

static void
add_boolean(struct text *text, const char *name, bool value)
{
	add_element(text, name, value ? "true" : "false");
}

/* FreeMarker groups the digits of numbers printed without ?c, as getMeetings does. */
static void
add_grouped(struct text *text, const char *name, size_t number)
{
	if (number < 1000)
		text_add_format(text, "<%s>%zu</%s>\n", name, number, name);
	else if (number < 1000000)
		text_add_format(text, "<%s>%zu,%03zu</%s>\n", name, number / 1000,
				number % 1000, name);
	else
		text_add_format(text, "<%s>%zu,%03zu,%03zu</%s>\n", name, number / 1000000,
				number / 1000 % 1000, number % 1000, name);
}

static struct text *
open_document(struct call *call, const char *returncode)
{
	text_add_string(&call->answer->body, "<response>\n");
	add_element(&call->answer->body, "returncode", returncode);
	return &call->answer->body;
}

static void
close_document(struct call *call)
{
	text_add_string(&call->answer->body, "</response>");
}

void
calls_answer_html(struct answer *answer, unsigned status, const char *title)
{
	text_fini(&answer->body);
	answer->status = status;
	answer->content_type = CALLS_HTML_TYPE;
	text_add_format(&answer->body, "<!DOCTYPE html><html><head><title>%s</title></head>"
			"<body><h1>%s</h1></body></html>", title, title);
}

/*
 * Grails' withFormat for error documents, which exist as XML and as JSON; the
 * Accept header of browsers is not looked at (application.yml).
 */
static bool
wants_json(const struct call *call)
{
	static const char *const browsers[] = { "Gecko", "WebKit", "Presto", "Trident" };
	const char *format = params_find(&call->params, "format");
	const char *accept = call->request->accept;

	if (format != NULL && format[0] != '\0')
		return strcmp(format, "json") == 0;
	if (accept == NULL)
		return false;
	for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++)
		if (call->request->user_agent != NULL &&
		    strstr(call->request->user_agent, browsers[i]) != NULL)
			return false;
	return strncasecmp(accept, "application/json", 16) == 0 ||
	       strncasecmp(accept, "text/json", 9) == 0;
}

/* The error document (api-error.ftlx). */
void
calls_fail(struct call *call, const char *key, const char *message)
{
	struct text *body = &call->answer->body;

	call->answer->is_uncacheable = true;
	if (wants_json(call)) {
		call->answer->content_type = CALLS_JSON_TYPE;
		text_add_string(body, "{\"response\":{\"returncode\":\"FAILED\",\"messageKey\":\"");
		text_add_json(body, key);
		text_add_string(body, "\",\"message\":\"");
		text_add_json(body, message);
		text_add_string(body, "\"}}");
		return;
	}
	open_document(call, "FAILED");
	add_element(body, "messageKey", key);
	add_element(body, "message", message);
	close_document(call);
}

/* How join fails: by sending the browser away with errors= in the URL. */
static void
fail_redirect(struct call *call, const char *key, const char *message)
{
	const char *target = NULL;
	struct text errors = { 0 };

	/* A URL out of an unsigned request is not followed. */
	if (strcmp(key, "checksumError") != 0) {
		target = params_find(&call->params, "errorRedirectUrl");
		if (target == NULL || target[0] == '\0')
			target = params_find(&call->params, "logoutURL");
	}
	text_add_string(&errors, "[{\"key\":\"");
	text_add_json(&errors, key);
	text_add_string(&errors, "\",\"message\":\"");
	text_add_json(&errors, message);
	text_add_string(&errors, "\"}]");
	if (target != NULL && target[0] != '\0' && strpbrk(target, "\r\n") == NULL)
		text_add_string(&call->answer->location, target);
	else
		text_add_format(&call->answer->location, "%s/", call->request->base_url);
	text_add_format(&call->answer->location, "%serrors=",
			strchr(call->answer->location.data, '?') != NULL ? "&" : "?");
	text_add_url(&call->answer->location, errors.data);
	text_fini(&errors);
	call->answer->status = 302;
	call->answer->is_uncacheable = true;
}

static void
fail(struct call *call, const char *key, const char *message)
{
	if (call->entry->controller == API_REDIRECTS)
		fail_redirect(call, key, message);
	else
		calls_fail(call, key, message);
}

static const char *
find(const struct call *call, const char *name)
{
	return params_find(&call->params, name);
}

const char *
calls_find_filled(const struct call *call, const char *name)
{
	const char *value = find(call, name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Length as Java counts it: in UTF-16 units. */
static size_t
java_length(const char *string)
{
	size_t length = 0;

	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;

		if ((c & 0xc0) != 0x80)
			length += c >= 0xf0 ? 2 : 1;
	}
	return length;
}

static bool
is_integral(const char *string)
{
	size_t length = strlen(string);

	if (*string == '-' || *string == '+') {
		string++;
		length--;
	}
	return length > 0 && length <= 18 && strspn(string, "0123456789") == length;
}

static long long
find_number(const struct call *call, const char *name)
{
	const char *value = find(call, name);

	return value != NULL && is_integral(value) ? strtoll(value, NULL, 10) : 0;
}

static bool
is_true(const char *value)
{
	return value != NULL && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* The checks below return false after having made the answer. */

static bool
check_meeting_id(struct call *call)
{
	const char *id = find(call, "meetingID");
	const char *key = NULL, *message = NULL;

	if (id == NULL)
		return true;
	if (id[0] == '\0') {
		key = "missingParamMeetingID";
		message = "You must provide a meeting ID";
	} else if (java_length(id) < 2 || java_length(id) > 256) {
		key = "sizeError";
		message = "Meeting ID must be between 2 and 256 characters";
	} else if (strchr(id, ',') != NULL) {
		key = "validationError";
		message = "Meeting ID cannot contain ','";
	}
	if (key != NULL)
		fail(call, key, message);
	return key == NULL;
}

static bool
check_password(struct call *call, const char *name)
{
	const char *value = calls_find_filled(call, name);

	if (value == NULL || (java_length(value) >= 2 && java_length(value) <= 64))
		return true;
	fail(call, "invalidPassword", "Invalid password");
	return false;
}

static bool
check_boolean(struct call *call, const char *name, const char *message)
{
	const char *value = calls_find_filled(call, name);

	if (value == NULL || strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0 ||
	    strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
		return true;
	fail(call, "validationError", message);
	return false;
}

static bool
check_integral(struct call *call, const char *name, const char *message)
{
	const char *value = calls_find_filled(call, name);

	if (value == NULL || is_integral(value))
		return true;
	fail(call, "validationError", message);
	return false;
}

/* Finds the meeting of the request; the id is taken without outer blanks. */
static struct meeting *
find_meeting(const struct call *call)
{
	const char *id = find(call, "meetingID");
	char *clean = id == NULL ? NULL : params_sanitize(id);
	struct meeting *meeting = meetings_find(call->request->meetings, clean);

	free(clean);
	return meeting;
}

static void
add_date(struct text *text, const char *name, long long time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;
	char date[64] = "";

	if (gmtime_r(&seconds, &parts) != NULL)
		strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &parts);
	add_element(text, name, date);
}

static void
add_passwords(struct text *text, const struct meeting *meeting)
{
	if (meeting->attendee_password[0] != '\0')
		add_element(text, "attendeePW", meeting->attendee_password);
	if (meeting->moderator_password[0] != '\0')
		add_element(text, "moderatorPW", meeting->moderator_password);
}

/* create-meeting.ftlx */
static void
answer_create(struct call *call, const struct meeting *meeting, bool is_repeat)
{
	struct text *body = open_document(call, "SUCCESS");

	add_element(body, "meetingID", meeting->meeting_id);
	add_element(body, "internalMeetingID", meeting->internal_meeting_id);
	add_element(body, "parentMeetingID", meeting->parent_internal_meeting_id != NULL ?
		    meeting->parent_internal_meeting_id : "bbb-none");
	add_passwords(body, meeting);
	add_number(body, "createTime", meeting->create_time_ms);
	add_element(body, "voiceBridge", meeting->voice_bridge);
	add_element(body, "dialNumber", meeting->dial_number);
	add_date(body, "createDate", meeting->create_time_ms);
	add_boolean(body, "hasUserJoined", meeting->has_user_joined);
	add_number(body, "duration", meeting->duration_minutes);
	add_boolean(body, "hasBeenForciblyEnded", false);
	add_element(body, "messageKey", is_repeat ? "duplicateWarning" : "");
	add_element(body, "message", is_repeat ? "This conference was already in existence "
		    "and may currently be in progress." : "");
	close_document(call);
	call->answer->is_uncacheable = true;
}

static bool
check_create(struct call *call)
{
	const char *name = find(call, "name");
	const char *id = find(call, "meetingID");
	bool is_valid;
	char *clean;

	if (!check_meeting_id(call))
		return false;
	clean = id == NULL ? NULL : params_sanitize(id);
	is_valid = clean != NULL && strcmp(clean, id) == 0;
	free(clean);
	if (!is_valid) {
		fail(call, "validationError", "Invalid meeting ID");
		return false;
	}
	if (name == NULL || name[0] == '\0') {
		fail(call, name == NULL ? "nullError" : "emptyError",
		     "You must provide a meeting name");
		return false;
	}
	if (java_length(name) < 2 || java_length(name) > 256) {
		fail(call, "sizeError", "Meeting name must be between 2 and 256 characters");
		return false;
	}
	return check_password(call, "attendeePW") && check_password(call, "moderatorPW") &&
	       check_integral(call, "voiceBridge", "Voice bridge must be an integral value") &&
	       check_boolean(call, "record", "Record must be a boolean value") &&
	       check_boolean(call, "isBreakout", "You must provide a boolean value for isBreakout");
}

bool
calls_has_type(const struct calls_request *request, const char *type)
{
	size_t length = strlen(type);

	return request->content_type != NULL &&
	       strncasecmp(request->content_type, type, length) == 0 &&
	       strchr("; \t", request->content_type[length]) != NULL;
}

static bool
has_xml(const struct calls_request *request)
{
	return calls_has_type(request, "application/xml") || calls_has_type(request, "text/xml");
}

static void
run_create(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *attendee_password, *moderator_password, *voice_bridge, *value;
	struct meeting *meeting, *parent = NULL;

	if (!check_create(call))
		return;
	if (strcmp(request->method, "POST") == 0 && has_xml(request) && request->body_length > 0 &&
	    !modules_are_well_formed(request->body, request->body_length)) {
		fail(call, "malformedXml", "Malformed XML");
		return;
	}
	attendee_password = calls_find_filled(call, "attendeePW");
	moderator_password = calls_find_filled(call, "moderatorPW");
	meeting = meetings_find_external(request->meetings, find(call, "meetingID"));
	if (meeting != NULL) {
		bool is_same = attendee_password == NULL && moderator_password == NULL;

		if (attendee_password != NULL && moderator_password != NULL)
			is_same = strcmp(attendee_password, meeting->attendee_password) == 0 &&
				  strcmp(moderator_password, meeting->moderator_password) == 0;
		if (is_same)
			answer_create(call, meeting, true);
		else
			fail(call, "idNotUnique", "A meeting already exists with that meeting ID.  "
			     "Please use a different meeting ID.");
		return;
	}
	voice_bridge = calls_find_filled(call, "voiceBridge");
	if (voice_bridge != NULL &&
	    meetings_find_voice_bridge(request->meetings, voice_bridge) != NULL) {
		struct text *body = open_document(call, "FAILED");

		/* The other shape of errors (api-errors.ftlx). */
		text_add_string(body, "<errors>\n<error>\n");
		add_element(body, "key", "nonUniqueVoiceBridge");
		add_element(body, "message", "The selected voice bridge is already in use.");
		text_add_string(body, "</error>\n</errors>\n");
		close_document(call);
		call->answer->is_uncacheable = true;
		return;
	}
	if (is_true(find(call, "isBreakout"))) {
		value = calls_find_filled(call, "parentMeetingID");
		if (value == NULL) {
			fail(call, "parentMeetingIDMissing",
			     "No parent meeting ID was provided for the breakout room.");
			return;
		}
		parent = meetings_find(request->meetings, value);
		if (parent == NULL) {
			fail(call, "parentMeetingDoesNotExist",
			     "No parent meeting exists for the breakout room.");
			return;
		}
	}

	meeting = meetings_add(request->meetings, find(call, "meetingID"), find(call, "name"));
	if (attendee_password != NULL)
		meetings_set_string(&meeting->attendee_password, attendee_password);
	if (moderator_password != NULL)
		meetings_set_string(&meeting->moderator_password, moderator_password);
	if (voice_bridge != NULL)
		meetings_set_string(&meeting->voice_bridge, voice_bridge);
	value = calls_find_filled(call, "dialNumber");
	if (value != NULL)
		meetings_set_string(&meeting->dial_number, value);
	meeting->duration_minutes = find_number(call, "duration");
	meeting->max_users = find_number(call, "maxParticipants");
	meeting->record = is_true(find(call, "record"));
	meeting->ended_url = text_duplicate(calls_find_filled(call, "meetingEndedURL"));
	params_copy_metadata(&call->params, &meeting->metadata);
	if (parent != NULL) {
		value = calls_find_filled(call, "sequence");
		meeting->is_breakout = true;
		meeting->free_join = is_true(find(call, "freeJoin"));
		meeting->parent_internal_meeting_id = text_duplicate(parent->internal_meeting_id);
		meeting->sequence = text_duplicate(value != NULL ? value : "0");
	}
	answer_create(call, meeting, false);
}

static void
run_join(struct call *call)
{
	const char *full_name = find(call, "fullName");
	const char *role = find(call, "role");
	const char *password = calls_find_filled(call, "password");
	const char *create_time = calls_find_filled(call, "createTime");
	const char *redirect = find(call, "redirect");
	const bool wants_document = redirect != NULL && strcasecmp(redirect, "false") == 0;
	struct meeting *meeting;
	struct user *user;
	struct text url = { 0 };
	bool is_moderator;

	if (!check_meeting_id(call))
		return;
	if (full_name == NULL || full_name[0] == '\0') {
		fail(call, "missingParamFullName", "You must provide your name");
		return;
	}
	if (!check_password(call, "password") ||
	    !check_boolean(call, "guest", "Guest must be a boolean value") ||
	    !check_boolean(call, "auth", "Auth must be a boolean value") ||
	    !check_integral(call, "createTime", "Create time must be an integral value"))
		return;
	meeting = find_meeting(call);
	if (meeting == NULL) {
		fail(call, "invalidMeetingIdentifier", "A meeting with that ID does not exist");
		return;
	}
	if (create_time != NULL && strtoll(create_time, NULL, 10) != meeting->create_time_ms) {
		(wants_document ? calls_fail : fail_redirect)(
			call, "mismatchCreateTimeParam",
			"The createTime parameter submitted mismatches with the current meeting.");
		return;
	}
	if (role != NULL && strcasecmp(role, "MODERATOR") == 0) {
		is_moderator = true;
	} else if (role != NULL && strcasecmp(role, "VIEWER") == 0) {
		is_moderator = false;
	} else if (password == NULL) {
		/* "sould" is BBB's spelling. */
		calls_fail(call, "Params required", "You must either send the valid role of the "
			      "user, or the password, sould the meeting has one.");
		return;
	} else if (strcmp(password, meeting->moderator_password) == 0) {
		is_moderator = true;
	} else if (strcmp(password, meeting->attendee_password) == 0) {
		is_moderator = false;
	} else {
		calls_fail(call, "Params required", "You must enter a valid password");
		return;
	}
	if (meeting->max_users > 0 && (long long)meeting->user_count >= meeting->max_users) {
		(wants_document ? calls_fail : fail_redirect)(
			call, "maxParticipantsReached",
			"The number of participants allowed for this meeting has been reached.");
		return;
	}

	user = meetings_add_user(meeting, full_name, find(call, "userID"), is_moderator);
	for (const struct param *param = call->params.first; param != NULL; param = param->next)
		if (strncmp(param->name, "userdata-", 9) == 0 && param->name[9] != '\0')
			params_add(&user->custom_data, param->name + 9, param->value);
	call->answer->session.data = meetings_new_token(32, "0123456789ABCDEF");
	call->answer->session.length = 32;
	text_add_format(&url, "%s/html5client/join?sessionToken=%s", call->request->base_url,
			user->session_token);
	if (wants_document) {
		struct text *body = open_document(call, "SUCCESS");

		add_element(body, "messageKey", "successfullyJoined");
		add_element(body, "message", "You have joined successfully.");
		add_element(body, "meeting_id", meeting->internal_meeting_id);
		add_element(body, "user_id", user->user_id);
		add_element(body, "auth_token", user->auth_token);
		add_element(body, "session_token", user->session_token);
		add_element(body, "guestStatus", "ALLOW");
		add_element(body, "url", url.data);
		close_document(call);
	} else {
		call->answer->status = 302;
		text_add_string(&call->answer->location, url.data);
	}
	call->answer->is_uncacheable = true;
	text_fini(&url);
}

static void
run_is_meeting_running(struct call *call)
{
	const struct meeting *meeting;

	if (!check_meeting_id(call))
		return;
	meeting = find_meeting(call);
	add_boolean(open_document(call, "SUCCESS"), "running",
		    meeting != NULL && meeting->user_count > 0);
	close_document(call);
	call->answer->is_uncacheable = true;
}

/* Names that may not be valid in XML are passed on as BBB does. */
static void
add_pairs(struct text *text, const struct params *params)
{
	for (const struct param *param = params->first; param != NULL; param = param->next)
		add_element(text, param->name, param->value);
}

static void
add_attendees(struct text *text, const struct meeting *meeting)
{
	bool has_presenter = false;

	text_add_string(text, "<attendees>\n");
	for (size_t i = 0; i < meeting->user_count; i++) {
		const struct user *user = meeting->users[i];
		bool is_presenter = user->is_moderator && !has_presenter;

		has_presenter = has_presenter || is_presenter;
		text_add_string(text, "<attendee>\n");
		add_element(text, "userID", user->external_user_id);
		add_element(text, "fullName", user->full_name);
		add_element(text, "role", user->is_moderator ? "MODERATOR" : "VIEWER");
		add_boolean(text, "isPresenter", is_presenter);
		add_boolean(text, "isListeningOnly", false);
		add_boolean(text, "hasJoinedVoice", false);
		add_boolean(text, "hasVideo", false);
		add_element(text, "clientType", "HTML5");
		if (user->custom_data.first != NULL) {
			text_add_string(text, "<customdata>\n");
			add_pairs(text, &user->custom_data);
			text_add_string(text, "</customdata>\n");
		}
		text_add_string(text, "</attendee>\n");
	}
	text_add_string(text, "</attendees>\n");
}

/* get-meeting-info.ftlx; with is_list one meeting of get-meetings.ftlx. */
static void
add_meeting(struct call *call, const struct meeting *meeting, bool is_list)
{
	struct text *text = &call->answer->body;
	bool has_rooms = false;

	add_element(text, "meetingName", meeting->name);
	add_element(text, "meetingID", meeting->meeting_id);
	add_element(text, "internalMeetingID", meeting->internal_meeting_id);
	add_number(text, "createTime", meeting->create_time_ms);
	add_date(text, "createDate", meeting->create_time_ms);
	add_element(text, "voiceBridge", meeting->voice_bridge);
	add_element(text, "dialNumber", meeting->dial_number);
	add_passwords(text, meeting);
	add_boolean(text, "running", meeting->user_count > 0);
	add_number(text, "duration", meeting->duration_minutes);
	add_boolean(text, "hasUserJoined", meeting->has_user_joined);
	add_boolean(text, "recording", meeting->record);
	add_boolean(text, "hasBeenForciblyEnded", false);
	add_number(text, "startTime", meeting->create_time_ms);
	add_number(text, "endTime", 0);
	if (is_list)
		add_grouped(text, "participantCount", meeting->user_count);
	else
		add_number(text, "participantCount", (long long)meeting->user_count);
	add_number(text, "listenerCount", 0);
	add_number(text, "voiceParticipantCount", 0);
	add_number(text, "videoCount", 0);
	add_number(text, "maxUsers", meeting->max_users);
	if (is_list)
		add_grouped(text, "moderatorCount", meetings_count_moderators(meeting));
	else
		add_number(text, "moderatorCount", (long long)meetings_count_moderators(meeting));
	add_attendees(text, meeting);
	text_add_string(text, "<metadata>\n");
	add_pairs(text, &meeting->metadata);
	text_add_string(text, "</metadata>\n");
	add_boolean(text, "isBreakout", meeting->is_breakout);
	if (meeting->is_breakout) {
		add_element(text, "parentMeetingID", meeting->parent_internal_meeting_id);
		add_element(text, "sequence", meeting->sequence);
		add_boolean(text, "freeJoin", meeting->free_join);
	}
	for (const struct meeting *room = call->request->meetings->first; room != NULL;
	     room = room->next) {
		if (!room->is_breakout || strcmp(room->parent_internal_meeting_id,
						 meeting->internal_meeting_id) != 0)
			continue;
		if (!has_rooms)
			text_add_string(text, "<breakoutRooms>\n");
		has_rooms = true;
		add_element(text, "breakout", room->meeting_id);
	}
	if (has_rooms)
		text_add_string(text, "</breakoutRooms>\n");
}

static void
run_get_meeting_info(struct call *call)
{
	const struct meeting *meeting;

	if (!check_meeting_id(call))
		return;
	meeting = find_meeting(call);
	if (meeting == NULL) {
		fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	open_document(call, "SUCCESS");
	add_meeting(call, meeting, false);
	close_document(call);
}

static void
run_get_meetings(struct call *call)
{
	const struct meeting *meeting = call->request->meetings->first;
	struct text *body = open_document(call, "SUCCESS");

	call->answer->is_uncacheable = true;
	if (meeting == NULL) {
		text_add_string(body, "<meetings/>\n");
		add_element(body, "messageKey", "noMeetings");
		add_element(body, "message", "no meetings were found on this server");
	} else {
		text_add_string(body, "<meetings>\n");
		for (; meeting != NULL; meeting = meeting->next) {
			text_add_string(body, "<meeting>\n");
			add_meeting(call, meeting, true);
			text_add_string(body, "</meeting>\n");
		}
		text_add_string(body, "</meetings>\n");
	}
	close_document(call);
}

static void
run_get_sessions(struct call *call)
{
	struct text *body = open_document(call, "SUCCESS");
	struct text sessions = { 0 };

	for (const struct meeting *meeting = call->request->meetings->first; meeting != NULL;
	     meeting = meeting->next) {
		for (size_t i = 0; i < meeting->user_count; i++) {
			text_add_string(&sessions, "<meeting>\n");
			add_element(&sessions, "meetingID", meeting->internal_meeting_id);
			add_element(&sessions, "meetingName", meeting->name);
			add_element(&sessions, "userName", meeting->users[i]->full_name);
			text_add_string(&sessions, "</meeting>\n");
		}
	}
	if (sessions.length == 0) {
		text_add_string(body, "<sessions/>\n");
		add_element(body, "messageKey", "noSessions");
		add_element(body, "message", "no sessions were found on this server");
	} else {
		text_add_format(body, "<sessions>\n%s</sessions>\n", sessions.data);
	}
	close_document(call);
	call->answer->is_uncacheable = true;
	text_fini(&sessions);
}

static void
run_end(struct call *call)
{
	struct meeting *meeting;
	struct text *body;

	if (!check_meeting_id(call) || !check_password(call, "password"))
		return;
	meeting = find_meeting(call);
	if (meeting == NULL) {
		fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	meetings_end(call->request->meetings, meeting);
	body = open_document(call, "SUCCESS");
	add_element(body, "messageKey", "sentEndMeetingRequest");
	add_element(body, "message", "A request to end the meeting was sent.  Please wait a few "
		    "seconds, and then use the getMeetingInfo or isMeetingRunning API calls to "
		    "verify that it was ended.");
	close_document(call);
	call->answer->is_uncacheable = true;
}

static void
run_insert_document(struct call *call)
{
	const struct calls_request *request = call->request;

	if (!check_meeting_id(call))
		return;
	if (find_meeting(call) == NULL) {
		fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	if (request->body_length > 0 &&
	    !modules_are_well_formed(request->body, request->body_length)) {
		calls_answer_html(call->answer, 500, "Internal Server Error");
		return;
	}
	/* Without a usable module bbb-web renders a view that is missing. */
	if (!modules_have_document(request->body, request->body_length)) {
		calls_answer_html(call->answer, 404, "Not Found");
		return;
	}
	add_element(open_document(call, "SUCCESS"), "message", "Presentation is being uploaded");
	close_document(call);
}

static void
run_send_chat_message(struct call *call)
{
	const char *message = find(call, "message");
	const char *user_name = find(call, "userName");
	const struct meeting *meeting;
	struct text *body;

	if (!check_meeting_id(call))
		return;
	if (message == NULL || message[0] == '\0' || java_length(message) > 500) {
		fail(call, "validationError", "Message must be between 1 and 500 characters");
		return;
	}
	if (user_name != NULL && java_length(user_name) > 255) {
		fail(call, "validationError", "User name must be at most 255 characters");
		return;
	}
	meeting = find_meeting(call);
	if (meeting == NULL || meeting->user_count == 0) {
		fail(call, "meetingNotFound", "Meeting not found");
		return;
	}
	body = open_document(call, "SUCCESS");
	add_element(body, "messageKey", "");
	add_element(body, "message", "");
	close_document(call);
}

/* api-version.ftlx; JSON when the request says it is JSON itself. */
static void
run_index(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *host = strstr(request->base_url, "://") + 3;
	const char *scheme = strncmp(request->base_url, "https", 5) == 0 ? "wss" : "ws";
	struct text websocket = { 0 };
	struct text rest = { 0 };
	struct text *body;

	text_add_format(&websocket, "%s://%s/graphql", scheme, host);
	text_add_format(&rest, "%s/api/rest", request->base_url);
	call->answer->is_uncacheable = true;
	if (request->content_type != NULL && strcmp(request->content_type, "application/json") == 0) {
		call->answer->content_type = CALLS_JSON_TYPE;
		text_add_format(&call->answer->body,
				"{\"response\":{\"returncode\":\"SUCCESS\",\"version\":\"2.0\","
				"\"apiVersion\":\"2.0\",\"bbbVersion\":\"\","
				"\"graphqlWebsocketUrl\":\"%s\",\"graphqlApiUrl\":\"%s\","
				"\"html5PluginSdkVersion\":\"0.0.0\"}}",
				websocket.data, rest.data);
	} else {
		body = open_document(call, "SUCCESS");
		add_element(body, "version", "2.0");
		add_element(body, "apiVersion", "2.0");
		add_element(body, "bbbVersion", "");
		add_element(body, "graphqlWebsocketUrl", websocket.data);
		add_element(body, "graphqlApiUrl", rest.data);
		add_element(body, "html5PluginSdkVersion", "0.0.0");
		close_document(call);
	}
	text_fini(&websocket);
	text_fini(&rest);
}

static const struct call_entry entries[] = {
	{ "create", BY_GET | BY_POST, TYPE_FORM | TYPE_XML, API, run_create },
	{ "join", BY_GET, TYPE_FORM, API_REDIRECTS, run_join },
	{ "isMeetingRunning", BY_GET | BY_POST, TYPE_FORM, API, run_is_meeting_running },
	{ "end", BY_GET | BY_POST, TYPE_FORM, API, run_end },
	{ "getMeetingInfo", BY_GET | BY_POST, TYPE_FORM, API, run_get_meeting_info },
	{ "getMeetings", BY_GET | BY_POST, TYPE_FORM, API, run_get_meetings },
	{ "getSessions", BY_GET | BY_POST, TYPE_FORM, API, run_get_sessions },
	{ "insertDocument", BY_POST, TYPE_XML, API, run_insert_document },
	{ "sendChatMessage", BY_GET, TYPE_UNCHECKED, API, run_send_chat_message },
	{ "getRecordings", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING, recording_calls_get },
	{ "publishRecordings", BY_GET, TYPE_UNCHECKED, RECORDING, recording_calls_publish },
	{ "deleteRecordings", BY_GET, TYPE_UNCHECKED, RECORDING, recording_calls_delete },
	{ "updateRecordings", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING, recording_calls_update },
	{ "getRecordingTextTracks", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING, track_calls_get },
	{ "putRecordingTextTrack", BY_POST, TYPE_UNCHECKED, RECORDING, track_calls_put },
	{ "hooks/create", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_create },
	{ "hooks/list", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_list },
	{ "hooks/destroy", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_destroy },
	{ "hooks/ping", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_ping },
};

static const struct call_entry index_entry = { "", 0, TYPE_UNCHECKED, API, run_index };
static const struct call_entry raw_entry = { "", 0, TYPE_UNCHECKED, API, NULL };

bool
calls_check_checksum(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *value = find(call, "checksum");
	char *clean = params_sanitize(value != NULL ? value : "");

	call->is_refused = request->secret_is_wrong ||
			   params_count(&call->params, "checksum") > 1 ||
			   !checksum_is_valid(request->call, request->query, clean,
					      request->secret);
	free(clean);
	return !call->is_refused;
}

static bool
check_checksum(struct call *call)
{
	const char *value = find(call, "checksum");

	if (calls_check_checksum(call))
		return true;
	fail(call, "checksumError", value == NULL || value[strspn(value, " ")] == '\0' ?
	     "You must provide the checksum" : "Checksums do not match");
	return false;
}

static bool
check_content_type(struct call *call)
{
	const struct calls_request *request = call->request;
	int types = call->entry->types;

	if ((types & TYPE_UNCHECKED) != 0 || !request->has_content_length ||
	    request->body_length == 0)
		return true;
	if ((types & TYPE_FORM) != 0 &&
	    (calls_has_type(request, "application/x-www-form-urlencoded") ||
	     calls_has_type(request, "multipart/form-data")))
		return true;
	if ((types & TYPE_XML) != 0 && has_xml(request))
		return true;
	fail(call, "unsupportedContentType", "POST request Content-Type is missing or unsupported");
	call->is_refused = true;
	return false;
}

void
calls_answer(const struct calls_request *request, struct answer *answer)
{
	struct call call = { .request = request, .answer = answer };
	const struct call_entry *found = NULL;
	const bool is_post = strcmp(request->method, "POST") == 0;
	const bool is_get = strcmp(request->method, "GET") == 0;

	answer->status = 200;
	answer->content_type = CALLS_XML_TYPE;
	params_parse_form(&call.params, request->query, strlen(request->query));
	if (is_post && calls_has_type(request, "application/x-www-form-urlencoded"))
		params_parse_form(&call.params, request->body, request->body_length);
	else if (is_post && calls_has_type(request, "multipart/form-data"))
		params_parse_multipart(&call.params, request->content_type, request->body,
				       request->body_length);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strcmp(entries[i].name, request->call) == 0)
			found = &entries[i];
	if (request->call[0] == '\0') {
		found = &index_entry;
	} else if (found != NULL && !(is_get && (found->methods & BY_GET) != 0) &&
		   !(is_post && (found->methods & BY_POST) != 0)) {
		/* Grails runs the controller's default action; not each has one. */
		if (found->controller == RECORDING) {
			calls_answer_html(answer, 500, "Internal Server Error");
			goto out;
		}
		if (found->controller == WEBHOOKS) {
			calls_answer_html(answer, 404, "Error");
			goto out;
		}
		found = &index_entry;
	} else if (found == NULL && request->raw != NULL) {
		found = &raw_entry;
	}
	call.entry = found;
	if (found == NULL)
		calls_answer_html(answer, 404, "Not Found");
	else if (found == &index_entry)
		run_index(&call);
	else if (found->controller == RECORDING || found->controller == WEBHOOKS)
		found->run(&call);
	else if (check_checksum(&call) && check_content_type(&call) && found->run != NULL)
		found->run(&call);
	if (call.is_refused)
		goto out;

	/* The fixed answer replaces what the call said, but not its refusal. */
	if (request->raw != NULL) {
		text_fini(&answer->body);
		text_fini(&answer->location);
		answer->status = 200;
		answer->content_type = CALLS_XML_TYPE;
		text_add(&answer->body, request->raw->data, request->raw->length);
	}
out:
	params_fini(&call.params);
}

void
answer_fini(struct answer *answer)
{
	text_fini(&answer->body);
	text_fini(&answer->location);
	text_fini(&answer->session);
}
