#include "callbacks.h"

#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "meetings.h"

#define DAY_SECONDS (24LL * 3600)

static void
add_member(struct text *text, const char *name, const char *value)
{
	text_add_format(text, "\"%s\":\"", name);
	text_add_json(text, value);
	text_add_string(text, "\"");
}

void
callbacks_add_recording_ready(struct outgoing **list, const struct callback_subject *subject,
    const char *secret)
{
	static const char *const names[] = {
		"bbb-recording-ready-url",
		"bn-recording-ready-url",
		"canvas-recording-ready-url",
	};
	const char *url = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !url; i++)
		url = params_find(subject->metadata, names[i]);
	if (!url)
		return;
	struct text payload = { 0 };
	text_add_string(&payload, "{");
	add_member(&payload, "meeting_id", subject->meeting_id);
	text_add_string(&payload, ",");
	add_member(&payload, "record_id", subject->internal_meeting_id);
	text_add_string(&payload, "}");
	char *token = checksum_make_jwt("{\"alg\":\"HS256\"}", payload.data, 256, secret);
	struct outgoing *request = outgoing_add(list, "recording-ready", url);
	request->is_post = true;
	request->content_type = "application/x-www-form-urlencoded";
	request->user_agent = "Ruby";
	/* Nothing in a JWT needs encoding. */
	text_add_format(&request->body, "signed_parameters=%s", token);
	free(token);
	text_fini(&payload);
}

/* The metadata as events.xml has it, with names in snake case. */
static void
add_metadata(struct text *text, const struct callback_subject *subject)
{
	text_add_string(text, "\"metadata\":{");
	for (const struct param *pair = subject->metadata->first; pair; pair = pair->next) {
		char *name = text_duplicate(pair->name);

		for (char *c = name; *c != '\0'; c++)
			if (*c == '-')
				*c = '_';
		add_member(text, name, pair->value);
		text_add_string(text, ",");
		free(name);
	}
	add_member(text, "meeting_name", subject->name);
	text_add_string(text, ",\"is_breakout\":\"false\"}");
}

void
callbacks_add_analytics(struct outgoing **list, const struct callback_subject *subject,
    const char *secret)
{
	const char *url = params_find(subject->metadata, "analytics-callback-url");

	if (!url)
		return;
	struct text payload = { 0 };
	text_add_format(&payload, "{\"exp\":%lld}", meetings_now_ms() / 1000 + DAY_SECONDS);
	char *token = checksum_make_jwt("{\"typ\":\"JWT\",\"alg\":\"HS512\"}", payload.data,
	    512, secret);
	struct text authorization = { 0 };
	text_add_format(&authorization, "Bearer %s", token);
	struct outgoing *request = outgoing_add(list, "analytics", url);
	request->is_post = true;
	request->content_type = "application/json";
	request->user_agent = "BigBlueButton Analytics Callback";
	request->authorization = authorization.data;
	text_add_string(&request->body, "{\"version\":\"1.0\",");
	add_member(&request->body, "meeting_id", subject->meeting_id);
	text_add_string(&request->body, ",");
	add_member(&request->body, "internal_meeting_id", subject->internal_meeting_id);
	text_add_string(&request->body, ",\"data\":{");
	add_metadata(&request->body, subject);
	text_add_string(&request->body,
	    ",\"duration\":60,\"start\":\"2023-11-14T22:13:20.000+00:00\","
	    "\"finish\":\"2023-11-14T22:14:20.000+00:00\",\"attendees\":[{"
	    "\"ext_user_id\":\"ann\",\"name\":\"Ann\",\"moderator\":true,\"joins\":["
	    "\"2023-11-14T22:13:21.000+00:00\"],\"leaves\":["
	    "\"2023-11-14T22:14:20.000+00:00\"],\"duration\":59,\"recent_talking_time\":"
	    "\"\",\"engagement\":{\"chats\":1,\"talks\":2,\"raisehand\":0,\"emojis\":0,"
	    "\"poll_votes\":0,\"talk_time\":7}}],\"files\":[],\"polls\":[]}}");
	free(token);
	text_fini(&payload);
}

void
callbacks_add_end(struct outgoing **list, const struct callback_subject *subject)
{
	const char *url = params_find(subject->metadata, "endcallbackurl");
	struct text longer = { 0 };

	if (url) {
		text_add_format(&longer, "%s%srecordingmarks=%s&meetingID=", url,
		    strchr(url, '?') ? "&" : "?",
		    subject->has_recording_marks ? "true" : "false");
		text_add_url(&longer, subject->meeting_id);
		outgoing_add(list, "end", longer.data);
		text_fini(&longer);
	}
	if (subject->ended_url)
		outgoing_add(list, "ended", subject->ended_url);
}
