/*
 * getRecordingTextTracks and putRecordingTextTrack: they go to a server that has the
 * recording, and its JSON comes back byte for byte.  What is said here instead is
 * JSON too, where BBB's is (RecordingController.groovy): not the complaint about
 * a missing recordID of getRecordingTextTracks, nor checksum errors.
 *
 * Each server keeps its own captions.  Where a recording has several copies, both calls
 * go to the one that getRecordings lists: what was put is seen by who watches what is
 * listed.  The other copies do not get it.
 */
#include "core/call.h"
#include "core/find_recordings.h"
#include "core/relay.h"
#include "core/reply.h"

static void
reply_missing(struct call *call, const struct sought *one)
{
	if (find_recordings_is_unsure(call, one))
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
is_elsewhere(enum copy copy, const struct relay_answer *answer, bool is_put)
{
	return is_put && copy == COPY_REMEMBERED && answer->verdict == RELAY_SUCCESS &&
	    reply_json_is(answer->http->answer, REPLY_CAPTIONS_NOT_FOUND);
}

static void
forward(struct call *call, struct sought_list *sought, const struct server *server, bool is_put)
{
	const struct sought *one = &sought->list[0];
	enum copy copy = one->copies[server - call->config->servers];

	if (relay_may_redirect(call)) {
		relay_redirect(call, server);
		return;
	}
	struct relay_answer answer;
	relay_send(call, server, &answer);
	if (is_elsewhere(copy, &answer, is_put)) {
		const struct server *other = find_recordings_elsewhere(call, sought, server);

		if (!other && find_recordings_is_unsure(call, one)) {
			reply_missing(call, one);
			return;
		}
		if (other) {
			server = other;
			relay_send(call, server, &answer);
		}
	}
	if (answer.verdict == RELAY_SUCCESS || answer.verdict == RELAY_FAILED) {
		relay_answer(call, &answer, false);
		return;
	}
	call->response->server = server->name;
	reply_json_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE,
	    (struct str){ 0 });
}

/* The call about the recording, which has an ID.  While a server is down that has a copy,
 * it may be the copy that is listed: captions are not put to another. */
static void
call_about(struct call *call, struct str record_id, bool is_put)
{
	struct sought_list sought;

	find_recordings_begin(call, record_id, &sought);
	const struct server *server = find_recordings_listed(call, &sought);
	if (server && !(is_put && find_recordings_is_unsure(call, &sought.list[0])))
		forward(call, &sought, server, is_put);
	else
		reply_missing(call, &sought.list[0]);
	find_recordings_save(call, &sought);
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
