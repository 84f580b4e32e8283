/*
 * create: one meetingID lives on one server, however many creates arrive.
 *
 * The meetingID is claimed in the state before a server is called, and
 * the claim is what all other creates of it follow.  Without a state the hash of
 * the meetingID stands in for the claim: every process chooses alike.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/call.h"
#include "core/find_meeting.h"
#include "core/relay.h"
#include "core/reply.h"
#include "model/load.h"

struct claim {
	struct placement placement;
	const struct server *server; /* chosen, or NULL */
	struct meeting meeting;      /* the record in the state … */
	bool is_ours;                /* … made by this request */
	bool is_alone;               /* there is no record: chosen without the state */
};

static void
placement_init(struct call *call, struct placement *placement)
{
	const struct config *config = call->config;

	*placement = (struct placement){
		.policy = config->placement,
		.meeting_id = call->meeting_id,
		.now_ms = call->request->now_ms,
		.tags = query_find(&call->parameters, "meta_server-tag"),
		.candidates = arena_alloc(call->arena,
		    (config->n_servers + 1) * sizeof(*placement->candidates)),
		.n = config->n_servers,
	};
	int64_t asked;
	/* 0, BBB's "no limit", says as little as what is no number. */
	if (str_to_int(str_trim(query_find(&call->parameters, "maxParticipants")), 1,
	        LOAD_SEATS_MOST, &asked) == 0)
		placement->seats_asked = (long)asked;
	for (size_t i = 0; i < config->n_servers; i++) {
		placement->candidates[i].server = &config->servers[i];
		/* Who did not answer the look-up just now would not take a create. */
		placement->candidates[i].tried = call->silent && call->silent[i];
	}
}

static void
log_placement(const struct call *call, const struct placement *placement)
{
	char seats[32];

	snprintf(seats, sizeof(seats), "%ld", placement->seats);
	for (size_t i = 0; i < placement->n; i++) {
		const struct placement_candidate *c = &placement->candidates[i];

		char score[32];
		snprintf(score, sizeof(score), "%.3f", c->score);
		log_debug("placement", "meetingID", str_copy(call->arena, call->meeting_id),
		    "seats", seats, "server", c->server->name, "score", score, "reason",
		    placement_reason_text(c->reason));
	}
}

static void
cap_duration(struct call *call)
{
	int64_t cap = call->config->max_meeting_duration_minutes, minutes;

	/* BBB takes 0, and what is no number, as unlimited. */
	if (cap == 0 ||
	    str_to_int(str_trim(call_parameter(call, "duration")), 1, cap, &minutes) == 0)
		return;
	call_set_parameter(call, "duration", str_printf(call->arena, "%lld", (long long)cap));
}

/* Send the create to the server, with the parameters that are configured for it.  They
 * are put into a copy: the next server may have others. */
static void
send_create(const struct call *call, const struct server *server, struct relay_answer *answer)
{
	struct call sent = *call;

	call_apply_parameters(&sent, &server->create_defaults, &server->create_overrides);
	cap_duration(&sent);
	relay_send(&sent, server, answer);
}

/* Choose without the state. */
static void
choose_alone(struct call *call, struct claim *claim)
{
	struct server_facts *facts = call_facts(call);

	for (size_t i = 0; i < claim->placement.n; i++)
		claim->placement.candidates[i].facts = facts[i];
	claim->placement.policy = PLACEMENT_HASH;
	struct placement_candidate *chosen = placement_choose(&claim->placement);
	claim->server = chosen ? chosen->server : NULL;
	claim->is_ours = false;
	claim->is_alone = true;
}

/* Claim the meetingID, or move the record from a server (NULL: there is none)
 * that is of no use, and take over what came of it. */
static void
claim_meeting(struct call *call, struct claim *claim, const char *from)
{
	const struct store_verbs *verbs = call->store->verbs;
	enum store_result result = STORE_NOT_FOUND;

	if (from)
		result = verbs->meeting_move(call->store, call->arena, &claim->placement, from,
		    call->request->now_ms, &claim->meeting);
	if (result == STORE_NOT_FOUND)
		result = verbs->meeting_claim(call->store, call->arena, &claim->placement,
		    call->request->now_ms, &claim->meeting);
	claim->server = NULL;
	claim->is_ours = result == STORE_OK;
	switch (result) {
	case STORE_OK:
	case STORE_EXISTS:
	case STORE_CONFLICT:
		claim->server = config_server_find(call->config, claim->meeting.server);
		break;
	case STORE_NO_SERVER:
		break;
	case STORE_NOT_FOUND:
	case STORE_ABSENT:
	case STORE_FULL:
	case STORE_FAILED:
		choose_alone(call, claim);
		break;
	}
	log_placement(call, &claim->placement);
}

/* May the create go to another server than the one that gave this answer?  To one
 * that is too busy others of this meeting may be under way: who follows another's
 * claim does not move it. */
static bool
may_move(const struct claim *claim, const struct relay_answer *answer)
{
	return answer->verdict == RELAY_UNREACHABLE ||
	    (answer->verdict == RELAY_BUSY && (claim->is_ours || claim->is_alone));
}

/*
 * Send the create where the claim says; where no connection can be had, move
 * the claim to the next best server.  After a byte was sent, never: the
 * meeting may exist.  A try without a connection takes connect_timeout_ms at the
 * most, and each server is tried once.
 */
static void
send_to_claim(struct call *call, struct claim *claim, struct relay_answer *answer)
{
	const struct server *tried = claim->server;

	for (size_t tries = 0; tries < claim->placement.n; tries++) {
		tried = claim->server;
		send_create(call, tried, answer);
		if (!may_move(claim, answer))
			return;
		for (size_t i = 0; i < claim->placement.n; i++)
			if (claim->placement.candidates[i].server == tried)
				claim->placement.candidates[i].tried = true;
		/* Whoever else follows the claim may have moved it already. */
		if (claim->is_alone)
			choose_alone(call, claim);
		else
			claim_meeting(call, claim, tried->name);
		if (!claim->server || claim->server == tried)
			break;
		log_info("create moved to another server", "meetingID",
		    str_copy(call->arena, call->meeting_id), "from", tried->name, "to",
		    claim->server->name);
	}
	if (!claim->server)
		claim->server = tried;
}

/* Place a meeting that is on no server. */
static void
place_meeting(struct call *call)
{
	struct store *store = call->store;
	struct claim claim = { 0 };

	placement_init(call, &claim.placement);
	claim_meeting(call, &claim, call->is_mapped ? call->meeting.server : NULL);
	if (!claim.server) {
		reply_error(call->response, call->arena,
		    placement_insists(&claim.placement) ? REPLY_NO_TAG : REPLY_NO_SERVER);
		return;
	}
	struct relay_answer answer;
	send_to_claim(call, &claim, &answer);
	/* A refused create made no meeting, unless it is that one exists. */
	if (claim.is_ours &&
	    (may_move(&claim, &answer) ||
	        (answer.verdict == RELAY_FAILED &&
	            !reply_is(answer.message_key, REPLY_ID_NOT_UNIQUE))))
		store->verbs->meeting_drop(store, call->meeting_id, claim.meeting.server,
		    claim.meeting.claimed_ms);
	relay_answer(call, claim.server, &answer, false);
}

/* The server of the parent that a breakout room names, or NULL: a room is created
 * beside its parent (MeetingService.java, createMeeting). */
static const struct server *
parent_server(struct call *call)
{
	struct call parent = *call;

	parent.meeting_id = str_trim(query_find(&call->parameters, "parentMeetingID"));
	if (parent.meeting_id.len == 0 || parent.meeting_id.len > LIMIT_MEETING_ID_BYTES)
		return NULL;
	parent.server = NULL;
	parent.is_mapped = false;
	find_meeting(&parent);
	return parent.server;
}

/* Create a breakout room on its parent's server, whatever the placement. */
static void
place_room(struct call *call, const struct server *server)
{
	const struct store_verbs *verbs = call->store->verbs;
	int64_t now_ms = call->request->now_ms;

	bool is_ours = verbs->meeting_adopt(call->store, call->meeting_id, server->name,
	                   now_ms) == STORE_OK;
	struct relay_answer answer;
	send_create(call, server, &answer);
	if (is_ours &&
	    (answer.verdict == RELAY_UNREACHABLE || answer.verdict == RELAY_BUSY ||
	        answer.verdict == RELAY_FAILED))
		verbs->meeting_drop(call->store, call->meeting_id, server->name, now_ms);
	relay_answer(call, server, &answer, false);
}

/* A cordoned server keeps its meetings but takes no new ones: has it still this
 * one, or would the create start it anew there? */
static bool
is_gone_from_cordoned(struct call *call)
{
	return call->is_mapped &&
	    server_state_of(call->server, &call->meeting.facts) == SERVER_CORDONED &&
	    !meeting_is_fresh(&call->meeting, call->request->now_ms,
	        call->config->create_timeout_ms) &&
	    find_meeting_is_gone(call, call->server);
}

void
call_create(struct call *call)
{
	const struct config *config = call->config;

	call_apply_parameters(call, &config->create_defaults, &config->create_overrides);
	if (call->server && is_gone_from_cordoned(call))
		call->server = NULL;
	if (!call->server) {
		const struct server *parent = parent_server(call);
		if (parent)
			place_room(call, parent);
		else
			place_meeting(call);
		return;
	}
	struct relay_answer answer;
	send_create(call, call->server, &answer);
	relay_answer(call, call->server, &answer, false);
}
