/*
 * publishRecordings, deleteRecordings, updateRecordings: the recordIDs are divided
 * by the servers that have them, each is asked with its own, in parallel, and the
 * answers are folded into one.
 *
 * What is folded as BBB does (RecordingController.groovy): it
 * succeeds when any of the recordings is there, and passes over the others.  A
 * server that does not answer is no such other: then the call fails.
 */
#include "core/call.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "core/fanout.h"
#include "core/find_recordings.h"
#include "core/reply.h"

/* What came of the calls to the servers; each the first of its kind, or NULL. */
struct outcome {
	const struct relay_answer *success;
	const struct server *success_server;
	const struct relay_answer *failure; /* other than "not found" */
	const struct server *failure_server;
	bool is_silent; /* a server gave no proper answer */
};

/* The client's call with just the recordIDs of the part: untouched, when those are
 * what the client sent. */
static void
prepare_part(const struct call *call, const struct sought_part *part, struct http_call *http)
{
	struct str sent = query_find(&call->parameters, "recordID");
	struct call own = *call;

	if (query_count(&call->parameters, "recordID") != 1 ||
	    !str_equal(sent, buf_view(&part->ids)))
		call_set_parameter(&own, "recordID", part->ids.data);
	relay_prepare(&own, part->server, http);
}

/* The server has changed recordings: what it said of them before must not stand in
 * for its answers any more, or one that was deleted would come back. */
static void
forget_lists(struct call *call, const struct server *server)
{
	call->store->verbs->lists_drop(call->store, server->name, "getRecordings");
}

/* Send the call to each server that has any of the recordings. */
static void
send_parts(struct call *call, struct sought_list *sought, struct outcome *outcome)
{
	size_t n_parts;
	struct sought_part *parts = find_recordings_parts(call, sought, &n_parts);
	struct fanout fanout;

	fanout_init(&fanout, call, n_parts);
	fanout.origin = RELAY_CLIENT;
	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].server)
			prepare_part(call, &parts[i], fanout_add(&fanout, parts[i].server));
	fanout_run(&fanout, call->name, call->config->call_timeout_ms, NULL);
	size_t at = 0;
	for (size_t i = 0; i < n_parts; i++) {
		if (!parts[i].server)
			continue;
		const struct relay_answer *answer = &fanout.answers[at++];
		if (answer->verdict == RELAY_SUCCESS) {
			forget_lists(call, parts[i].server);
			if (!outcome->success) {
				outcome->success = answer;
				outcome->success_server = parts[i].server;
			}
		} else if (answer->verdict != RELAY_FAILED) {
			outcome->is_silent = true;
		} else if (reply_is(answer->message_key, REPLY_RECORDING_NOT_FOUND)) {
			find_recordings_refuse(call, sought, i);
		} else if (!outcome->failure) {
			outcome->failure = answer;
			outcome->failure_server = parts[i].server;
		}
	}
	for (size_t i = 0; i < sought->n; i++)
		outcome->is_silent |= sought->list[i].is_unsure;
}

/* The recordings that the state remembered on a server which does not have them. */
static struct sought_list
misremembered(struct call *call, const struct sought_list *sought)
{
	struct sought_list found = {
		.list = arena_alloc(call->arena, (sought->n + 1) * sizeof(*found.list)),
	};

	for (size_t i = 0; i < sought->n; i++)
		if (sought->list[i].refused && sought->list[i].is_remembered)
			found.list[found.n++] = sought->list[i];
	return found;
}

static void
answer(struct call *call, const struct outcome *outcome)
{
	if (outcome->is_silent)
		reply_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE);
	else if (outcome->failure)
		relay_answer(call, outcome->failure_server, outcome->failure, false);
	else if (outcome->success)
		relay_answer(call, outcome->success_server, outcome->success, false);
	else
		reply_error(call->response, call->arena, REPLY_RECORDING_NOT_FOUND);
}

/* Do the call, whose other parameters are there. */
static void
change(struct call *call)
{
	struct str ids = str_trim(query_find(&call->parameters, "recordID"));
	struct sought_list sought;

	if (find_recordings_read(call, ids, &sought) != 0) {
		reply_error(call->response, call->arena, REPLY_INVALID);
		return;
	}
	find_recordings(call, &sought);
	if (sought.n == 1 && sought.list[0].server && relay_may_redirect(call)) {
		relay_redirect(call, sought.list[0].server);
		return;
	}
	struct outcome outcome = { 0 };
	send_parts(call, &sought, &outcome);
	struct sought_list again = misremembered(call, &sought);
	find_recordings_ask(call, &again);
	if (again.n > 0)
		send_parts(call, &again, &outcome);
	answer(call, &outcome);
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
	change(call);
}

void
call_delete(struct call *call)
{
	if (!has_record_id(call))
		return;
	change(call);
}

void
call_update(struct call *call)
{
	if (has_record_id(call))
		change(call);
}
