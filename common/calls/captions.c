/*
 * getRecordingTextTracks and putRecordingTextTrack: they go to the recording's
 * server, and its JSON comes back byte for byte.  What is said here instead is
 * JSON too, where BBB's is (RecordingController.groovy): not the complaint about
 * a missing recordID of getRecordingTextTracks, nor checksum errors.
 */
#include "core/call.h"
#include "core/find_recordings.h"
#include "core/relay.h"
#include "core/reply.h"

static void
reply_missing(struct call *call, const struct sought *one)
{
	if (one->is_unsure)
		reply_json_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE,
		    (struct str){ 0 });
	else
		reply_json_error(call->response, call->arena, REPLY_CAPTIONS_NOT_FOUND,
		    one->id);
}

/* Does the answer show that the state remembered the wrong server?  Of the two
 * calls only putRecordingTextTrack tells a recording that is not there from one
 * without captions (RecMetaXmlHelper.scala, getRecordingTextTracks). */
static bool
is_elsewhere(const struct sought *one, const struct relay_answer *answer, bool is_put)
{
	return is_put && one->is_remembered && answer->verdict == RELAY_SUCCESS &&
	    reply_json_is(answer->http->answer, REPLY_CAPTIONS_NOT_FOUND);
}

static void
forward(struct call *call, struct sought_list *sought, bool is_put)
{
	const struct server *server = sought->list[0].server;

	if (relay_may_redirect(call)) {
		relay_redirect(call, server);
		return;
	}
	struct relay_answer answer;
	relay_send(call, server, &answer);
	if (is_elsewhere(&sought->list[0], &answer, is_put)) {
		find_recordings_refuse(call, sought, sought->list[0].part);
		find_recordings_ask(call, sought);
		if (sought->list[0].is_unsure) {
			reply_missing(call, &sought->list[0]);
			return;
		}
		if (sought->list[0].server) {
			server = sought->list[0].server;
			relay_send(call, server, &answer);
		}
	}
	if (answer.verdict == RELAY_SUCCESS || answer.verdict == RELAY_FAILED) {
		relay_answer(call, server, &answer, false);
		return;
	}
	call->response->server = server->name;
	reply_json_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE,
	    (struct str){ 0 });
}

/* The call about the recording, which has an ID. */
static void
call_about(struct call *call, struct str record_id, bool is_put)
{
	struct sought one = { .id = record_id };
	struct sought_list sought = { .list = &one, .n = 1 };

	find_recordings(call, &sought);
	if (one.server)
		forward(call, &sought, is_put);
	else
		reply_missing(call, &one);
}

void
call_captions(struct call *call)
{
	struct str record_id = str_trim(query_find(&call->parameters, "recordID"));

	if (record_id.len > 0)
		call_about(call, record_id, false);
	else
		reply_error(call->response, call->arena, REPLY_NO_RECORD_ID);
}

void
call_caption_put(struct call *call)
{
	struct str record_id = str_trim(query_find(&call->parameters, "recordID"));

	if (record_id.len > 0)
		call_about(call, record_id, true);
	else
		reply_json_error(call->response, call->arena, REPLY_CAPTION_NO_RECORD_ID,
		    (struct str){ 0 });
}
