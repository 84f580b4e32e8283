#include "core/find_meeting.h"

#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/claim.h"
#include "core/fanout.h"
#include "core/health.h"
#include "core/relay.h"
#include "core/reply.h"
#include "formats/xml.h"
#include "model/load.h"

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
 * fan-out; context is the call.) */
static bool
has_meeting(const struct relay_answer *answer, void *context)
{
	struct call *call = context;
	struct xml_field fields[] = { { .name = "meetingID" },
		{ .name = "internalMeetingID" } };

	return answer->verdict == RELAY_SUCCESS &&
	    xml_read(call->arena, answer->http->answer, fields, 2, NULL) == 0 &&
	    (str_equal(fields[0].text, call->meeting_id) ||
	        str_equal(fields[1].text, call->meeting_id));
}

/* Map the meeting to the server that has it, in place of a mapping that is there. */
static void
adopt(struct call *call, const struct server *server)
{
	int64_t now_ms = call->request->now_ms;
	struct store_history history;
	struct meeting wanted = {
		.server = server->name,
		.claimed_ms = now_ms,
		.create_ms = now_ms,
	};
	struct store_change change = {
		.meeting_id = call->meeting_id,
		.expected = call->is_mapped ? &call->meeting : NULL,
		.wanted = &wanted,
	};

	call->store->verbs->history_get(call->store, call->meeting_id, &history);
	wanted.seats = load_seats(0, history.peak, history.typical);
	if (claim_set(call, &change) != STORE_FAILED && change.found.server &&
	    strcmp(change.found.server, server->name) == 0) {
		call->meeting = change.found;
		call->meeting_facts = health_facts(call)[server - call->config->servers];
		call->is_mapped = true;
	}
}

/* Are so many questions within what look-ups may cost?  If not, a complete picture is
 * believed: what is not mapped is nowhere. */
static bool
may_ask(struct call *call, size_t questions)
{
	const struct config *config = call->config;

	return bucket_take(&config->runtime->lookups, (int64_t)questions,
	           config->lookups_per_second, call->request->now_ms) ||
	    !health_is_complete(call);
}

static bool
is_create(const struct call *call)
{
	return strcmp(call->name, "create") == 0;
}

/* Was the server's answer lost for a shortage here?  To a create it counts as much that the
 * server could not be asked: "not found" is put right by the next call, a meeting in two places
 * is not. */
static bool
is_unheard(const struct call *call, const struct relay_answer *answer)
{
	const struct http_call *http = answer->http;

	return answer->is_lost ||
	    (http->result == HTTP_SHORTAGE && (http->sent || is_create(call))) ||
	    (answer->verdict == RELAY_SUCCESS && xml_was_short()); /* by has_meeting() */
}

/* Note whether an answer was lost; if so, another request may hear it. */
static void
set_unheard(struct call *call, bool unheard)
{
	call->is_unheard = unheard;
	call->response->was_short |= unheard;
}

/* Note who did not answer.  Returns the server that has the meeting, or NULL; *certain
 * tells whether all have answered. */
static const struct server *
read_answers(struct call *call, const struct fanout *fanout, bool *certain)
{
	bool unheard = false;
	const struct server *found = NULL;

	*certain = true;
	for (size_t i = 0; i < fanout->n; i++) {
		enum relay_verdict verdict = fanout->answers[i].verdict;
		bool is_read = verdict == RELAY_SUCCESS || verdict == RELAY_FAILED;

		if (!found && has_meeting(&fanout->answers[i], call)) {
			found = fanout->servers[i];
		} else if (!found && is_unheard(call, &fanout->answers[i])) {
			is_read = false;
			unheard = true;
		}
		if (is_read)
			continue;
		*certain = false;
		call->silent[fanout->servers[i] - call->config->servers] =
		    fanout->calls[i].result != HTTP_ABANDONED;
	}
	set_unheard(call, unheard && !found);
	return found;
}

static void
remember_absent(struct call *call, void *argument)
{
	const struct str *meeting_id = argument;

	call->store->verbs->absent_put(call->store, *meeting_id, call->request->now_ms,
	    call->config->negative_ttl_ms);
}

/* No server has the meeting.  That saves the next look-up, and nobody who has this answer
 * needs it. */
static void
put_off_absent(struct call *call)
{
	struct str *meeting_id = arena_alloc(call->arena, sizeof(*meeting_id));

	*meeting_id = call->meeting_id;
	call_later(call, remember_absent, meeting_id);
}

/* Is that server one of those to ask?  Not one that did not answer this request before. */
static bool
is_to_be_asked(struct call *call, size_t at, const struct server *except)
{
	const struct server *server = &call->config->servers[at];

	return server != except && server_is_usable(server, &health_facts(call)[at]) &&
	    !(call->silent && call->silent[at]);
}

const struct server *
find_meeting_ask(struct call *call, const struct server *except)
{
	const struct config *config = call->config;
	size_t n = 0;

	for (size_t i = 0; i < config->n_servers; i++)
		n += is_to_be_asked(call, i, except);
	if (!may_ask(call, n)) {
		metrics_add(METRIC_LOOKUPS_SPARED, 0, 0, 1);
		return NULL;
	}
	metrics_add(METRIC_LOOKUPS, 0, 0, 1);
	metrics_add(METRIC_LOOKUP_QUESTIONS, 0, 0, n);
	struct fanout fanout;
	fanout_init(&fanout, call, n);
	for (size_t i = 0; i < config->n_servers; i++)
		if (is_to_be_asked(call, i, except))
			prepare_question(call, &config->servers[i],
			    fanout_add(&fanout, &config->servers[i]));
	fanout_run(&fanout, QUESTION, config->probe_timeout_ms, has_meeting);
	if (!call->silent)
		call->silent = arena_alloc(call->arena,
		    config->n_servers * sizeof(*call->silent));
	bool certain;
	const struct server *found = read_answers(call, &fanout, &certain);
	if (found)
		adopt(call, found);
	else if (certain && !call->is_mapped && !is_create(call))
		put_off_absent(call); /* a create maps it in the next moment */
	return found;
}

/* Ask one server for the meeting; its answer lives in the arena. */
static const struct relay_answer *
ask_server(struct call *call, const struct server *server)
{
	struct fanout fanout;

	fanout_init(&fanout, call, 1);
	prepare_question(call, server, fanout_add(&fanout, server));
	fanout_run(&fanout, QUESTION, call->config->probe_timeout_ms, NULL);
	/* cppcheck-suppress returnDanglingLifetime ; they are in the arena */
	return &fanout.answers[0];
}

static bool
denies_meeting(const struct relay_answer *answer)
{
	return answer->verdict == RELAY_FAILED && reply_is_unknown_meeting(answer->message_key);
}

bool
find_meeting_is_gone(struct call *call, const struct server *server)
{
	return denies_meeting(ask_server(call, server));
}

static void
remember_seen(struct call *call, void *argument)
{
	const struct mapped *mapped = argument;
	struct meeting wanted = mapped->meeting;
	struct store_change change = {
		.meeting_id = mapped->meeting_id,
		.expected = &mapped->meeting,
		.wanted = &wanted,
	};

	wanted.seen_ms = call->request->now_ms;
	claim_set(call, &change);
}

/* The server has the meeting that is mapped to it.  That saves the next call the question. */
static void
put_off_seen(struct call *call)
{
	struct mapped *mapped = arena_alloc(call->arena, sizeof(*mapped));

	*mapped = (struct mapped){ call->meeting_id, call->meeting };
	call_later(call, remember_seen, mapped);
}

/*
 * The mapping is in doubt: ask its server and, where that does not have the meeting, all
 * others.  Where none has it the mapping stays, and is followed: its create may be under way,
 * and another may be placed nowhere else.
 */
static void
settle_doubt(struct call *call)
{
	const struct relay_answer *answer = ask_server(call, call->server);

	if (has_meeting(answer, call)) {
		put_off_seen(call);
	} else if (denies_meeting(answer)) {
		const struct server *elsewhere = find_meeting_ask(call, call->server);
		if (elsewhere)
			call->server = elsewhere;
	} else {
		set_unheard(call, is_unheard(call, answer));
	}
}

/* Read where the meeting lives, if its mapping is of any use.  OK: it is mapped, whether or
 * not to a server that may be called. */
static enum store_result
read_mapping(struct call *call)
{
	const struct config *config = call->config;
	const struct server_rules rules = health_rules(config);
	struct store *store = call->store;

	call->is_mapped = call->is_in_doubt = false;
	int64_t whole_ms;
	enum store_result result = store->verbs->meeting_get(store, call->arena,
	    call->meeting_id, call->request->now_ms, &call->meeting, &call->meeting_facts,
	    &whole_ms);
	call->was_whole = result != STORE_FAILED && whole_ms < INT64_MAX;
	/* The state may have lost who made the meeting after it was nowhere. */
	if (result == STORE_ABSENT &&
	    whole_ms > call->request->now_ms - config->negative_ttl_ms)
		return STORE_NOT_FOUND;
	if (result != STORE_OK)
		return result;
	const struct server *server = config_server_find(config, call->meeting.server);
	if (server) {
		server_believe(&call->meeting_facts, &rules, call->request->now_ms);
		call->is_mapped = true;
		call->is_in_doubt = meeting_is_in_doubt(&call->meeting,
		    call->meeting_facts.good_ms, whole_ms);
		if (server_is_usable(server, &call->meeting_facts))
			call->server = server;
		return STORE_OK;
	}
	/* Its server was taken out of this configuration; but while another process
	 * polls it, that one has another configuration, and its meetings run. */
	if (server_is_polled(&call->meeting_facts, &rules, call->request->now_ms)) {
		call->is_mapped = call->is_foreign = true;
		return STORE_OK;
	}
	claim_drop(call, call->meeting_id, &call->meeting);
	return STORE_NOT_FOUND;
}

/* Be sure of what the state says (read_mapping): settle a doubt about the mapping; where
 * none is of use, and the state does not know either that the meeting is nowhere, ask all. */
static void
make_sure(struct call *call, enum store_result result)
{
	if (call->server && call->is_in_doubt)
		settle_doubt(call);
	else if (call->is_in_doubt || (result != STORE_OK && result != STORE_ABSENT))
		call->server = find_meeting_ask(call, NULL);
}

bool
find_meeting(struct call *call)
{
	make_sure(call, read_mapping(call));
	return !call->is_foreign && !call->is_unheard;
}

bool
find_meeting_in_turn(struct call *call)
{
	struct store *store = call->store;
	int64_t rounds = call->config->create_timeout_ms / STORE_TURN_MS;
	enum store_result result = read_mapping(call);
	enum store_result turn = STORE_CONFLICT;
	bool waited = false;

	while (!call->server && !call->is_foreign) {
		turn = store->verbs->turn_take(store, call->meeting_id, &call->turn);
		if (turn != STORE_CONFLICT || rounds-- <= 0)
			break;
		waited = true;
		result = read_mapping(call);
	}
	/* Whoever had the turn may have made the meeting without the state, which does not
	 * know then that the meeting is somewhere. */
	if (waited && turn == STORE_OK)
		result = read_mapping(call);
	if (waited && result == STORE_ABSENT)
		result = STORE_NOT_FOUND;
	if (call->server || turn != STORE_CONFLICT)
		make_sure(call, result);
	if (call->server)
		store->verbs->turn_give(store, &call->turn);
	return !call->is_unheard &&
	    (call->server || (!call->is_foreign && turn != STORE_CONFLICT));
}
