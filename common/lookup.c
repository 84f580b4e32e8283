#include "lookup.h"

#include <string.h>

#include "http.h"
#include "bounds.h"
#include "log.h"
#include "mem.h"
#include "relay.h"
#include "reply.h"
#include "xml.h"

/* The call that asks a server for a meeting. */
#define QUESTION "getMeetingInfo"

struct server_facts *
lookup_facts(struct call *call)
{
	const struct config *config = call->config;
	struct store *store = call->store;
	struct server_facts *facts =
	    arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*facts));

	/* When that fails the facts are those of healthy servers. */
	store->verbs->servers(store, config->servers, config->n_servers, facts);
	return facts;
}

/* Fill in the outgoing getMeetingInfo. */
static void
prepare_question(struct call *call, const struct server *server, struct http_call *http)
{
	struct buf query;

	buf_init(&query, LIMIT_MEETING_ID_BYTES * 3 + 16);
	buf_text(&query, "meetingID=");
	query_encode(&query, call->meeting_id);
	*http = (struct http_call){
		.server = server->name,
		.method = "GET",
		.url = relay_url(call->arena, server, QUESTION,
		    buf_take(&query, call->arena)),
		.max_answer_bytes = LIMIT_ANSWER_BYTES,
	};
}

/* Is that the answer of the server that has the meeting?  (`enough` of a
 * batch; context is the call.) */
static bool
has_meeting(const struct http_call *http, void *context)
{
	struct call *call = context;
	struct xml_field fields[] = {
		{.name = "returncode"},
		{.name = "meetingID"},
		{.name = "internalMeetingID"},
	};

	return http->result == HTTP_ANSWERED && http->status == 200 &&
	    xml_read(call->arena, http->answer, fields, 3, NULL) == 0 &&
	    str_is(fields[0].text, "SUCCESS") &&
	    (str_equal(fields[1].text, call->meeting_id) ||
	        str_equal(fields[2].text, call->meeting_id));
}

const struct server *
lookup_ask(struct call *call, const struct server *except)
{
	const struct config *config = call->config;
	const struct server_facts *facts = lookup_facts(call);
	const struct server **asked =
	    arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*asked));
	struct http_batch batch = {
		.calls = arena_alloc(call->arena,
		    (config->n_servers + 1) * sizeof(*batch.calls)),
		.timeout_ms = config->probe_timeout_ms,
		.enough = has_meeting,
		.context = call,
	};
	struct relay_answer answer;
	struct store *store = call->store;
	const struct server *found = NULL;
	bool certain = true;
	size_t i;

	call->silent = arena_alloc(call->arena, config->n_servers * sizeof(*call->silent));
	for (i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];

		if (server == except || !server_is_usable(server, &facts[i]))
			continue;
		asked[batch.n] = server;
		prepare_question(call, server, &batch.calls[batch.n++]);
	}
	if (batch.n > 0)
		call->http->run(call->http, call->arena, &batch);
	for (i = 0; i < batch.n; i++) {
		/* Judged for the sake of the log: who did not answer. */
		relay_judge(call, RELAY_OWN, QUESTION, asked[i], &batch.calls[i], &answer);
		if (!found && answer.verdict == RELAY_SUCCESS &&
		    has_meeting(&batch.calls[i], call))
			found = asked[i];
		if (answer.verdict == RELAY_SUCCESS || answer.verdict == RELAY_FAILED)
			continue;
		certain = false;
		call->silent[asked[i] - config->servers] = batch.calls[i].result != HTTP_ABANDONED;
	}
	if (found)
		store->verbs->meeting_adopt(store, call->meeting_id, found->name,
		    call->request->now_ms);
	else if (certain)
		store->verbs->meeting_absent(store, call->meeting_id, call->request->now_ms);
	return found;
}

bool
lookup_is_gone(struct call *call, const struct server *server)
{
	struct http_call http;
	struct http_batch batch = {
		.calls = &http,
		.n = 1,
		.timeout_ms = call->config->probe_timeout_ms,
	};
	struct relay_answer answer;

	prepare_question(call, server, &http);
	call->http->run(call->http, call->arena, &batch);
	relay_judge(call, RELAY_OWN, QUESTION, server, &http, &answer);
	return answer.verdict == RELAY_FAILED &&
	    reply_is_unknown_meeting(answer.message_key);
}

void
lookup_meeting(struct call *call)
{
	const struct config *config = call->config;
	struct store *store = call->store;
	const struct server *server;
	enum store_result result;

	result = store->verbs->meeting_find(store, call->arena, call->meeting_id,
	    call->request->now_ms, config->negative_ttl_ms, &call->meeting);
	if (result == STORE_OK) {
		server = config_server_find(config, call->meeting.server);
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
	call->server = lookup_ask(call, NULL);
}
