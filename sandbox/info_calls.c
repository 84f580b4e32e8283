#include "info_calls.h"

#include <string.h>

#include "calls.h"
#include "checks.h"
#include "meetings.h"

void
info_calls_add_passwords(struct text *body, const struct meeting *meeting)
{
	if (meeting->attendee_password[0] != '\0')
		answer_add(body, "attendeePW", meeting->attendee_password);
	if (meeting->moderator_password[0] != '\0')
		answer_add(body, "moderatorPW", meeting->moderator_password);
}

void
info_calls_is_running(struct call *call)
{
	if (!checks_meeting_id(call))
		return;
	const struct meeting *meeting = checks_find_meeting(call);
	answer_add_boolean(answer_open(call->answer, "SUCCESS"), "running",
	    meeting && meeting->user_count > 0);
	answer_close(call->answer);
	call->answer->is_uncacheable = true;
}

/* Names that may not be valid in XML are passed on as BBB does. */
static void
add_pairs(struct text *text, const struct params *params)
{
	for (const struct param *param = params->first; param; param = param->next)
		answer_add(text, param->name, param->value);
}

static void
add_attendees(struct text *text, const struct meeting *meeting)
{
	text_add_string(text, "<attendees>\n");
	bool has_presenter = false;
	for (size_t i = 0; i < meeting->user_count; i++) {
		const struct user *user = meeting->users[i];
		bool is_presenter = user->is_moderator && !has_presenter;

		has_presenter = has_presenter || is_presenter;
		text_add_string(text, "<attendee>\n");
		answer_add(text, "userID", user->external_user_id);
		answer_add(text, "fullName", user->full_name);
		answer_add(text, "role", user->is_moderator ? "MODERATOR" : "VIEWER");
		answer_add_boolean(text, "isPresenter", is_presenter);
		answer_add_boolean(text, "isListeningOnly", false);
		answer_add_boolean(text, "hasJoinedVoice", false);
		answer_add_boolean(text, "hasVideo", false);
		answer_add(text, "clientType", "HTML5");
		if (user->custom_data.first) {
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
	const size_t users = meeting->user_count + meeting->claimed_users;

	answer_add(text, "meetingName", meeting->name);
	answer_add(text, "meetingID", meeting->meeting_id);
	answer_add(text, "internalMeetingID", meeting->internal_meeting_id);
	answer_add_number(text, "createTime", meeting->create_time_ms);
	answer_add_date(text, "createDate", meeting->create_time_ms);
	answer_add(text, "voiceBridge", meeting->voice_bridge);
	answer_add(text, "dialNumber", meeting->dial_number);
	info_calls_add_passwords(text, meeting);
	answer_add_boolean(text, "running", users > 0);
	answer_add_number(text, "duration", meeting->duration_minutes);
	answer_add_boolean(text, "hasUserJoined", meeting->has_user_joined);
	answer_add_boolean(text, "recording", meeting->record);
	answer_add_boolean(text, "hasBeenForciblyEnded", false);
	answer_add_number(text, "startTime", meeting->create_time_ms);
	answer_add_number(text, "endTime", 0);
	if (is_list)
		answer_add_grouped(text, "participantCount", users);
	else
		answer_add_number(text, "participantCount", (long long)users);
	answer_add_number(text, "listenerCount", 0);
	answer_add_number(text, "voiceParticipantCount", 0);
	answer_add_number(text, "videoCount", 0);
	answer_add_number(text, "maxUsers", meeting->max_users);
	if (is_list)
		answer_add_grouped(text, "moderatorCount", meetings_count_moderators(meeting));
	else
		answer_add_number(text, "moderatorCount",
		    (long long)meetings_count_moderators(meeting));
	add_attendees(text, meeting);
	text_add_string(text, "<metadata>\n");
	add_pairs(text, &meeting->metadata);
	text_add_string(text, "</metadata>\n");
	answer_add_boolean(text, "isBreakout", meeting->is_breakout);
	if (meeting->is_breakout) {
		answer_add(text, "parentMeetingID", meeting->parent_internal_meeting_id);
		answer_add(text, "sequence", meeting->sequence);
		answer_add_boolean(text, "freeJoin", meeting->free_join);
	}
	bool has_rooms = false;
	for (const struct meeting *room = call->request->meetings->first; room;
	     room = room->next) {
		if (!room->is_breakout ||
		    strcmp(room->parent_internal_meeting_id, meeting->internal_meeting_id) != 0)
			continue;
		if (!has_rooms)
			text_add_string(text, "<breakoutRooms>\n");
		has_rooms = true;
		answer_add(text, "breakout", room->meeting_id);
	}
	if (has_rooms)
		text_add_string(text, "</breakoutRooms>\n");
}

void
info_calls_get(struct call *call)
{
	if (!checks_meeting_id(call))
		return;
	const struct meeting *meeting = checks_find_meeting(call);
	if (!meeting) {
		calls_fail(call, "notFound", "A meeting with that ID does not exist");
		return;
	}
	answer_open(call->answer, "SUCCESS");
	add_meeting(call, meeting, false);
	answer_close(call->answer);
}

static void
add_meetings(struct call *call, const struct meeting *meeting)
{
	struct text *body = &call->answer->body;

	for (; meeting; meeting = meeting->next) {
		text_add_string(body, "<meeting>\n");
		add_meeting(call, meeting, true);
		text_add_string(body, "</meeting>\n");
	}
}

void
info_calls_list(struct call *call)
{
	const struct meetings *meetings = call->request->meetings;
	struct text *body = answer_open(call->answer, "SUCCESS");

	call->answer->is_uncacheable = true;
	if (!meetings->first && !meetings->phantoms) {
		text_add_string(body, "<meetings/>\n");
		answer_add(body, "messageKey", "noMeetings");
		answer_add(body, "message", "no meetings were found on this server");
	} else {
		text_add_string(body, "<meetings>\n");
		add_meetings(call, meetings->first);
		add_meetings(call, meetings->phantoms);
		text_add_string(body, "</meetings>\n");
	}
	answer_close(call->answer);
}

void
info_calls_list_sessions(struct call *call)
{
	struct text *body = answer_open(call->answer, "SUCCESS");
	struct text sessions = { 0 };

	for (const struct meeting *meeting = call->request->meetings->first; meeting;
	     meeting = meeting->next) {
		for (size_t i = 0; i < meeting->user_count; i++) {
			text_add_string(&sessions, "<meeting>\n");
			answer_add(&sessions, "meetingID", meeting->internal_meeting_id);
			answer_add(&sessions, "meetingName", meeting->name);
			answer_add(&sessions, "userName", meeting->users[i]->full_name);
			text_add_string(&sessions, "</meeting>\n");
		}
	}
	if (sessions.length == 0) {
		text_add_string(body, "<sessions/>\n");
		answer_add(body, "messageKey", "noSessions");
		answer_add(body, "message", "no sessions were found on this server");
	} else {
		text_add_format(body, "<sessions>\n%s</sessions>\n", sessions.data);
	}
	answer_close(call->answer);
	call->answer->is_uncacheable = true;
	text_fini(&sessions);
}
