/*
 * What a server sends to the URLs that a meeting was created with.  Each
 * function appends requests to a list of outgoing.h, none when the meeting has
 * no such URL.
 */
#ifndef SANDBOX_CALLBACKS_H
#define SANDBOX_CALLBACKS_H

#include <stdbool.h>

#include "outgoing.h"
#include "params.h"

/* Whom it is about.  All borrowed. */
struct callback_subject {
	const char *meeting_id;
	const char *internal_meeting_id; /* also the recordID */
	const char *name;
	const char *ended_url;         /* create's meetingEndedURL, or NULL */
	const struct params *metadata; /* as struct meeting has it */
	bool has_recording_marks;
};

/*
 * A recording is there: signed_parameters is a JWT (HS256) of meeting_id and
 * record_id.  Of the URLs bbb-recording-ready-url, bn-recording-ready-url and
 * canvas-recording-ready-url the first that is there is called.
 * (record-and-playback/core/scripts/post_publish/
 * post_publish_recording_ready_callback.rb)
 */
void callbacks_add_recording_ready(struct outgoing **list,
    const struct callback_subject *subject, const char *secret);

/*
 * What happened in the meeting, as JSON, for analytics-callback-url, with a
 * JWT (HS512) that expires in a day.
 * (record-and-playback/core/scripts/post_events/post_events_analytics_callback.rb)
 */
void callbacks_add_analytics(struct outgoing **list, const struct callback_subject *subject,
    const char *secret);

/*
 * The meeting has ended: a GET of endCallbackUrl with two parameters more, and
 * one of meetingEndedURL as it is.  (MeetingService.processMeetingEnded)
 */
void callbacks_add_end(struct outgoing **list, const struct callback_subject *subject);

#endif
