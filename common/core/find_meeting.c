#include "core/find_meeting.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/fanout.h"
#include "core/relay.h"
#include "core/reply.h"
#include "formats/xml.h"

/* The call that asks a server for a meeting. */
#define QUESTION "getMeetingInfo"

/* Fill in the outgoing getMeetingInfo. */
static void
prepare_question(struct call *call, const struct server *server, struct http_call *http)
{
	struct buf query;

	buf_init(&query, LIMIT_MEETING_ID_BYTES * 3 + 16);
	buf_text(&query, "meetingID=");
	query_encode(&query, call->meeting_id);
	relay_prepare_own(call, server, QUESTION, buf_take(&query, call->arena), http);
}

/* Is that the answer of the server that has the meeting?  (`enough` of a
 * batch; context is the call.) */
static bool
has_meeting(const struct http_call *http, void *context)
{
	struct call *call = context;
	struct xml_field fields[] = {
		{ .name = "returncode" },
		{ .name = "meetingID" },
		{ .name = "internalMeetingID" },
	};

	return http->result == HTTP_ANSWERED && http->status == 200 &&
	    xml_read(call->arena, http->answer, fields, 3, NULL) == 0 &&
	    str_is(fields[0].text, "SUCCESS") &&
	    (str_equal(fields[1].text, call->meeting_id) ||
	        str_equal(fields[2].text, call->meeting_id));
}

const struct server *
find_meeting_ask(struct call *call, const struct server *except)
{
	const struct config *config = call->config;
	const struct server_facts *facts = call_facts(call);
	struct store *store = call->store;
	struct fanout fanout;

	fanout_init(&fanout, call, config->n_servers);
	for (size_t i = 0; i < config->n_servers; i++)
		if (&config->servers[i] != except &&
		    server_is_usable(&config->servers[i], &facts[i]))
			prepare_question(call, &config->servers[i],
			    fanout_add(&fanout, &config->servers[i]));
	fanout_run(&fanout, QUESTION, config->probe_timeout_ms, has_meeting);
	call->silent = arena_alloc(call->arena, config->n_servers * sizeof(*call->silent));
	const struct server *found = NULL;
	bool certain = true;
	for (size_t i = 0; i < fanout.n; i++) {
		enum relay_verdict verdict = fanout.answers[i].verdict;

		if (!found && verdict == RELAY_SUCCESS && has_meeting(&fanout.calls[i], call))
			found = fanout.servers[i];
		if (verdict == RELAY_SUCCESS || verdict == RELAY_FAILED)
			continue;
		certain = false;
		call->silent[fanout.servers[i] - config->servers] = fanout.calls[i].result !=
		    HTTP_ABANDONED;
	}
	if (found)
		store->verbs->meeting_adopt(store, call->meeting_id, found->name,
		    call->request->now_ms);
	else if (certain)
		store->verbs->meeting_absent(store, call->meeting_id, call->request->now_ms);
	return found;
}

bool
find_meeting_is_gone(struct call *call, const struct server *server)
{
	struct fanout fanout;

	fanout_init(&fanout, call, 1);
	prepare_question(call, server, fanout_add(&fanout, server));
	fanout_run(&fanout, QUESTION, call->config->probe_timeout_ms, NULL);
	return fanout.answers[0].verdict == RELAY_FAILED &&
	    reply_is_unknown_meeting(fanout.answers[0].message_key);
}

void
find_meeting(struct call *call)
{
	const struct config *config = call->config;
	struct store *store = call->store;

	enum store_result result = store->verbs->meeting_find(store, call->arena,
	    call->meeting_id, call->request->now_ms, config->negative_ttl_ms, &call->meeting);
	if (result == STORE_OK) {
		const struct server *server = config_server_find(config, call->meeting.server);
		if (server) {
			call->is_mapped = true;
			if (server_is_usable(server, &call->meeting.facts))
				call->server = server;
			return;
		}
		/* Its server was taken out of the configuration. */
		store->verbs->meeting_drop(store, call->meeting_id, call->meeting.server,
		    call->meeting.claimed_ms);
	}
	if (result == STORE_ABSENT)
		return;
	call->server = find_meeting_ask(call, NULL);
}
