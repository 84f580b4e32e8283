/*
 * create: one meetingID lives on one server, however many creates arrive.
 *
 * The meetingID is claimed in the state before a server is called, and
 * the claim is what all other creates of it follow.  Without a state the hash of
 * the meetingID stands in for the claim: every process chooses alike.
 */
#include <string.h>

#include "base/bounds.h"
#include "base/log.h"
#include "core/call.h"
#include "core/claim.h"
#include "core/find_meeting.h"
#include "core/health.h"
#include "core/relay.h"
#include "core/reply.h"

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

/* Is it the server that cannot create meetings?  A status of 400 and more is what it has
 * to say of the request. */
static bool
is_server_fault(const struct relay_answer *answer)
{
	const struct http_call *http = answer->http;

	if (answer->verdict != RELAY_NO_ANSWER)
		return reply_is_server_fault(answer->message_key);
	return !answer->is_lost && !http->waited && http->still_ms == 0 &&
	    http->result != HTTP_SHORTAGE &&
	    (http->result != HTTP_ANSWERED || http->status < 400 || http->status >= 500);
}

/* Send the create to the server, with the parameters that are configured for it.  They
 * are put into a copy: the next server may have others. */
static void
send_create(struct call *call, const struct server *server, struct relay_answer *answer)
{
	struct call sent = *call;

	call_apply_parameters(&sent, &server->create_defaults, &server->create_overrides);
	cap_duration(&sent);
	relay_send(&sent, server, answer);
	if (answer->verdict == RELAY_SUCCESS)
		health_create(call, server, true);
	else if (is_server_fault(answer))
		health_create(call, server, false);
}

/* May the create go to another server than the one that gave this answer?  To one
 * that is too busy others of this meeting may be under way: who follows another's
 * claim does not move it. */
static bool
may_move(const struct claim *claim, const struct relay_answer *answer)
{
	return answer->verdict == RELAY_UNREACHABLE ||
	    (answer->verdict == RELAY_BUSY && claim->kind != CLAIM_FOLLOWED);
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
		claim_move(claim, call);
		if (!claim->server || claim->server == tried)
			break;
		log_info("create moved to another server", "meetingID",
		    str_copy(call->arena, call->meeting_id), "from", tried->name, "to",
		    claim->server->name);
	}
	claim->server = tried;
}

/* Did the create make no meeting?  A refused one did not, unless the refusal is that one
 * exists. */
static bool
made_nothing(const struct relay_answer *answer)
{
	return answer->verdict == RELAY_UNREACHABLE || answer->verdict == RELAY_BUSY ||
	    (answer->verdict == RELAY_FAILED &&
	        !reply_is(answer->message_key, REPLY_ID_NOT_UNIQUE));
}

/* Send the create to the server that has the meeting. */
static void
create_there(struct call *call)
{
	if (call->is_mapped && meeting_wants_note(&call->meeting, call->request->now_ms))
		claim_note(call, &call->meeting, false);
	struct claim claim;
	claim_follow(&claim, call);
	struct relay_answer answer;
	send_to_claim(call, &claim, &answer);
	if (call->is_mapped && answer.verdict == RELAY_SUCCESS)
		claim_made(&claim, call);
	relay_answer(call, &answer, false);
}

/* Claim the meetingID.  False when the meeting is on call->server by now.  True with
 * is_unheard: it may be somewhere, and the claim is to be given back. */
static bool
claim_meeting(struct call *call, struct claim *claim)
{
	const struct meeting *from = call->is_mapped ? &call->meeting : NULL;

	claim_init(claim, call);
	claim_make(claim, call, from);
	if (claim->kind != CLAIM_ALONE || !call->was_whole)
		return true;
	/* The state went while the create was under way.  Another host's claim may have been
	 * its last, which nobody else has read, and its create be done by now: be sure once
	 * more, and pass over who does not answer. */
	call->server = find_meeting_ask(call, NULL);
	if (call->server)
		return false;
	if (call->is_unheard)
		return true;
	claim_init(claim, call);
	claim_make(claim, call, from);
	return true;
}

/* Place a meeting that is on no server. */
static void
place_meeting(struct call *call)
{
	struct claim claim;

	if (!claim_meeting(call, &claim)) {
		create_there(call);
		return;
	}
	if (call->is_unheard) {
		claim_release(&claim, call);
		call_refuse(call, REPLY_UNAVAILABLE);
		return;
	}
	if (!claim.server) {
		reply_error(call->response, call->arena,
		    placement_insists(&claim.placement) ? REPLY_NO_TAG : REPLY_NO_SERVER);
		return;
	}
	struct relay_answer answer;
	send_to_claim(call, &claim, &answer);
	if (made_nothing(&answer))
		claim_release(&claim, call);
	else if (answer.verdict == RELAY_SUCCESS)
		claim_made(&claim, call);
	relay_answer(call, &answer, false);
}

/* The server of the parent that a breakout room names, or NULL: a room is created
 * beside its parent (MeetingService.java, createMeeting).  NULL with is_unheard: it may have
 * one. */
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
	call->is_unheard = parent.is_unheard;
	return parent.server;
}

/* Create a breakout room on its parent's server, whatever the placement. */
static void
place_room(struct call *call, const struct server *server)
{
	struct claim claim;

	claim_beside(&claim, call, server, call->is_mapped ? &call->meeting : NULL);
	struct relay_answer answer;
	send_create(call, server, &answer);
	if (made_nothing(&answer))
		claim_release(&claim, call);
	relay_answer(call, &answer, false);
}

/* A cordoned server keeps its meetings but takes no new ones: has it still this
 * one, or would the create start it anew there? */
static bool
is_gone_from_cordoned(struct call *call)
{
	return call->is_mapped &&
	    server_state_of(call->server, &call->meeting_facts) == SERVER_CORDONED &&
	    !meeting_is_new(&call->meeting, call->request->now_ms,
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
		if (call->is_unheard)
			call_refuse(call, REPLY_UNAVAILABLE);
		else if (parent)
			place_room(call, parent);
		else
			place_meeting(call);
		return;
	}
	create_there(call);
}
