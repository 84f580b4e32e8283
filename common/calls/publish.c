/*
 * publishRecordings, deleteRecordings, updateRecordings: the recordIDs are divided by all
 * servers that have a copy of each, every server is asked with its own, in parallel, and
 * the answers are folded into one.
 *
 * What is folded as BBB does (RecordingController.groovy): it
 * succeeds when any of the recordings is there, and passes over the others; so does a
 * copy not count that is gone meanwhile.  A server that does not answer is no such other:
 * then the call fails.  What could be done is done nevertheless: each of the calls can be
 * made again.
 */
#include "core/call.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "core/fanout.h"
#include "core/find_recordings.h"
#include "core/reply.h"

enum change { PUBLISH, DELETE, UPDATE };

/* What came of the calls to the servers; each the first of its kind, or NULL. */
struct outcome {
	const struct relay_answer *success;
	const struct relay_answer *failure; /* other than "not found" */
	bool is_silent;                     /* a server gave no proper answer */
};

/* The client's call with just the recordIDs of the part: untouched, when those are
 * what the client sent. */
static void
prepare_part(const struct call *call, enum change change, const struct sought_part *part,
    struct http_call *http)
{
	struct str sent = query_find(&call->parameters, "recordID");
	struct call own = *call;

	if (query_count(&call->parameters, "recordID") != 1 || !str_equal(sent, part->ids))
		call_set_parameter(&own, "recordID", part->ids.data);
	if (change == UPDATE) /* the only one that BBB takes by POST (UrlMappings.groovy) */
		call_use_form(&own);
	relay_prepare(&own, part->server, http);
}

/* The server has changed recordings: what it said of them before must not stand in
 * for its answers any more, or one that was deleted would come back. */
static void
forget_lists(struct call *call, const struct server *server)
{
	call->store->verbs->lists_drop(call->store, server->name, "getRecordings");
}

/* Take what the server answered to its part. */
static void
take_answer(struct call *call, enum change change, const struct sought_list *sought,
    const struct sought_part *part, const struct relay_answer *answer, struct outcome *outcome)
{
	if (answer->verdict == RELAY_SUCCESS) {
		forget_lists(call, part->server);
		if (change == DELETE)
			find_recordings_note(call, sought, part, COPY_DELETED);
		if (!outcome->success)
			outcome->success = answer;
	} else if (answer->verdict != RELAY_FAILED) {
		outcome->is_silent = true;
	} else if (reply_is(answer->message_key, REPLY_RECORDING_NOT_FOUND)) {
		find_recordings_note(call, sought, part, COPY_GONE);
	} else if (!outcome->failure) {
		outcome->failure = answer;
	}
}

/* Send each part to its server. */
static void
send_parts(struct call *call, enum change change, const struct sought_list *sought,
    const struct sought_part *parts, size_t n_parts, struct outcome *outcome)
{
	struct fanout fanout;

	fanout_init(&fanout, call, n_parts);
	fanout.origin = RELAY_CLIENT;
	for (size_t i = 0; i < n_parts; i++)
		prepare_part(call, change, &parts[i], fanout_add(&fanout, parts[i].server));
	fanout_run(&fanout, call->name, call->config->call_timeout_ms, NULL);
	for (size_t i = 0; i < n_parts; i++)
		take_answer(call, change, sought, &parts[i], &fanout.answers[i], outcome);
	for (size_t i = 0; i < sought->n; i++)
		outcome->is_silent |= find_recordings_is_unsure(call, &sought->list[i]);
}

static void
answer(struct call *call, const struct outcome *outcome)
{
	if (outcome->is_silent)
		reply_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE);
	else if (outcome->failure)
		relay_answer(call, outcome->failure, false);
	else if (outcome->success)
		relay_answer(call, outcome->success, false);
	else
		reply_error(call->response, call->arena, REPLY_RECORDING_NOT_FOUND);
}

/* Do the call, whose other parameters are there. */
static void
make_change(struct call *call, enum change change)
{
	struct str ids = str_trim(query_find(&call->parameters, "recordID"));
	struct sought_list sought;

	if (find_recordings_read(call, ids, &sought) != 0) {
		reply_error(call->response, call->arena, REPLY_INVALID);
		return;
	}
	find_recordings(call, &sought);
	size_t n_parts;
	struct sought_part *parts = find_recordings_parts(call, &sought, &n_parts);
	if (sought.n == 1 && n_parts == 1 && relay_may_redirect(call) &&
	    !find_recordings_is_unsure(call, &sought.list[0])) {
		relay_redirect(call, parts[0].server);
	} else {
		struct outcome outcome = { 0 };

		send_parts(call, change, &sought, parts, n_parts, &outcome);
		answer(call, &outcome);
	}
	find_recordings_save(call, &sought);
}

/* Is there a recordID?  If not, that is answered. */
static bool
has_record_id(struct call *call)
{
	if (str_trim(query_find(&call->parameters, "recordID")).len > 0)
		return true;
	reply_error(call->response, call->arena, REPLY_NO_RECORD_ID);
	return false;
}

void
call_publish(struct call *call)
{
	if (!has_record_id(call))
		return;
	if (str_trim(query_find(&call->parameters, "publish")).len == 0) {
		reply_error(call->response, call->arena, REPLY_NO_PUBLISH);
		return;
	}
	make_change(call, PUBLISH);
}

void
call_delete(struct call *call)
{
	if (has_record_id(call))
		make_change(call, DELETE);
}

void
call_update(struct call *call)
{
	if (has_record_id(call))
		make_change(call, UPDATE);
}
