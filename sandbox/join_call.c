#include "join_call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "calls.h"
#include "checks.h"
#include "meetings.h"

/* Tells whether the client wants a document instead of a redirect. */
static bool
wants_document(const struct call *call)
{
	const char *redirect = calls_find(call, "redirect");

	return redirect && strcasecmp(redirect, "false") == 0;
}

/* Fails in the form that the client wants. */
static void
fail_as_wanted(struct call *call, const char *key, const char *message)
{
	if (wants_document(call))
		calls_fail_document(call, key, message);
	else
		calls_fail_redirect(call, key, message);
}

/* Returns false after having made the answer; so do the two below. */
static bool
check_parameters(struct call *call)
{
	if (!checks_meeting_id(call))
		return false;
	if (!calls_find_filled(call, "fullName")) {
		calls_fail(call, "missingParamFullName", "You must provide your name");
		return false;
	}
	return checks_password(call, "password") &&
	    checks_boolean(call, "guest", "Guest must be a boolean value") &&
	    checks_boolean(call, "auth", "Auth must be a boolean value") &&
	    checks_integral(call, "createTime", "Create time must be an integral value");
}

/* Decides whether the user is a moderator, by role or else by password. */
static bool
find_role(struct call *call, const struct meeting *meeting, bool *is_moderator)
{
	const char *role = calls_find(call, "role");
	const char *password = calls_find_filled(call, "password");

	*is_moderator = false;
	if (role && strcasecmp(role, "MODERATOR") == 0) {
		*is_moderator = true;
	} else if (role && strcasecmp(role, "VIEWER") == 0) {
		*is_moderator = false;
	} else if (!password) {
		/* "sould" is BBB's spelling. */
		calls_fail_document(call, "Params required",
		    "You must either send the valid role "
		    "of the user, or the password, sould the meeting has one.");
		return false;
	} else if (strcmp(password, meeting->moderator_password) == 0) {
		*is_moderator = true;
	} else if (strcmp(password, meeting->attendee_password) != 0) {
		calls_fail_document(call, "Params required", "You must enter a valid password");
		return false;
	}
	return true;
}

static bool
check_meeting(struct call *call, const struct meeting *meeting, bool *is_moderator)
{
	const char *create_time = calls_find_filled(call, "createTime");

	if (!meeting) {
		calls_fail(call, "invalidMeetingIdentifier",
		    "A meeting with that ID does not exist");
		return false;
	}
	if (create_time && strtoll(create_time, NULL, 10) != meeting->create_time_ms) {
		fail_as_wanted(call, "mismatchCreateTimeParam",
		    "The createTime parameter "
		    "submitted mismatches with the current meeting.");
		return false;
	}
	if (!find_role(call, meeting, is_moderator))
		return false;
	if (meeting->max_users > 0 && (long long)meeting->user_count >= meeting->max_users) {
		fail_as_wanted(call, "maxParticipantsReached",
		    "The number of participants "
		    "allowed for this meeting has been reached.");
		return false;
	}
	return true;
}

static void
answer_join(struct call *call, const struct meeting *meeting, const struct user *user)
{
	struct answer *answer = call->answer;

	answer->session.data = meetings_new_token(32, "0123456789ABCDEF");
	answer->session.length = 32;
	answer->is_uncacheable = true;
	struct text url = { 0 };
	text_add_format(&url, "%s/html5client/join?sessionToken=%s", call->request->base_url,
	    user->session_token);
	if (wants_document(call)) {
		struct text *body = answer_open(answer, "SUCCESS");

		answer_add(body, "messageKey", "successfullyJoined");
		answer_add(body, "message", "You have joined successfully.");
		answer_add(body, "meeting_id", meeting->internal_meeting_id);
		answer_add(body, "user_id", user->user_id);
		answer_add(body, "auth_token", user->auth_token);
		answer_add(body, "session_token", user->session_token);
		answer_add(body, "guestStatus", "ALLOW");
		answer_add(body, "url", url.data);
		answer_close(answer);
	} else {
		answer->status = 302;
		text_add_string(&answer->location, url.data);
	}
	text_fini(&url);
}

void
join_call_run(struct call *call)
{
	if (!check_parameters(call))
		return;
	struct meeting *meeting = checks_find_meeting(call);
	bool is_moderator;
	if (!check_meeting(call, meeting, &is_moderator))
		return;
	struct user *user = meetings_add_user(meeting, calls_find(call, "fullName"),
	    calls_find(call, "userID"), is_moderator);
	for (const struct param *param = call->params.first; param; param = param->next)
		if (strncmp(param->name, "userdata-", 9) == 0 && param->name[9] != '\0')
			params_add(&user->custom_data, param->name + 9, param->value);
	answer_join(call, meeting, user);
}
