#include "upkeep/copies.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/claim.h"
#include "core/fanout.h"
#include "core/reply.h"
#include "formats/xml.h"

#define QUESTION "getMeetingInfo"

/* The meeting as one of the two servers has it. */
struct room {
	const struct server *server;
	enum { ROOM_SILENT, ROOM_GONE, ROOM_THERE } state;
	long people;
	struct str password; /* moderatorPW, which end wants before BBB 2.6 */
};

struct pair {
	struct str meeting_id;
	struct meeting mapping;
	struct server_facts mapped_facts;
	bool is_in_doubt, is_leftover;
	struct room mapped, copy;
	struct room *loser; /* the one that is ended, or NULL */
};

/* Find the mapping; false when there is nothing to settle, or not now. */
static bool
pair_init(struct call *call, const struct copy *copy, struct pair *pair)
{
	struct store *store = call->store;
	int64_t whole_ms;

	*pair = (struct pair){
		.meeting_id = copy->meeting_id,
		.is_leftover = copy->is_leftover,
		.copy.server = copy->server,
	};
	if (store->verbs->meeting_get(store, call->arena, copy->meeting_id,
	        call->request->now_ms, &pair->mapping, &pair->mapped_facts, &whole_ms) !=
	    STORE_OK)
		return false;
	pair->is_in_doubt = meeting_is_in_doubt(&pair->mapping, pair->mapped_facts.good_ms,
	    whole_ms);
	pair->mapped.server = config_server_find(call->config, pair->mapping.server);
	return pair->mapped.server && pair->mapped.server != pair->copy.server &&
	    server_is_usable(pair->mapped.server, &pair->mapped_facts);
}

/* Add a call about the meeting in that room. */
static void
add(struct fanout *fanout, const char *name, struct str meeting_id, const struct room *room)
{
	struct call *call = fanout->call;
	struct buf query;

	/* A server may name a password of any length. */
	buf_init(&query, LIMIT_ANSWER_BYTES);
	buf_text(&query, "meetingID=");
	query_encode(&query, meeting_id);
	if (room->password.len > 0) {
		buf_text(&query, "&password=");
		query_encode(&query, room->password);
	}
	relay_prepare_own(call, room->server, name, buf_take(&query, call->arena),
	    fanout_add(fanout, room->server));
}

/* Read what a server said of the meeting.  The IDs must agree: BBB answers to the
 * beginning of an internal one, too. */
static void
read_room(struct arena *arena, const struct relay_answer *answer, struct str meeting_id,
    struct room *room)
{
	struct xml_field fields[] = {
		{ .name = "meetingID" },
		{ .name = "participantCount" },
		{ .name = "moderatorPW" },
	};

	if (answer->verdict == RELAY_FAILED && reply_is_unknown_meeting(answer->message_key)) {
		room->state = ROOM_GONE;
	} else if (answer->verdict == RELAY_SUCCESS &&
	    xml_read(arena, answer->http->answer, fields, 3, NULL) == 0 &&
	    str_equal(fields[0].text, meeting_id)) {
		room->state = ROOM_THERE;
		room->people = meeting_number(fields[1].text);
		room->password = fields[2].text;
	}
}

/* Point the mapping to the copy's server. */
static void
remap(struct call *call, const struct pair *pair)
{
	struct meeting wanted = pair->mapping;
	struct store_change change = {
		.meeting_id = pair->meeting_id,
		.expected = &pair->mapping,
		.wanted = &wanted,
	};

	wanted.server = pair->copy.server->name;
	wanted.claimed_ms = wanted.seen_ms = call->request->now_ms;
	claim_set(call, &change);
}

/* Decide by what both servers said. */
static void
judge_pair(struct call *call, struct pair *pair)
{
	if (pair->copy.state != ROOM_THERE)
		return;
	if (pair->mapped.state == ROOM_THERE && pair->is_leftover)
		pair->loser = pair->copy.people > pair->mapped.people ?
		    &pair->mapped :
		    &pair->copy;
	else if (pair->mapped.state == ROOM_GONE &&
	    (pair->is_in_doubt ||
	        !meeting_may_be_under_way(&pair->mapping, call->request->now_ms,
	            call->config->create_timeout_ms)))
		remap(call, pair);
}

/* Take note of what came of ending the loser. */
static void
conclude(struct call *call, const struct pair *pair, const struct relay_answer *answer)
{
	const struct room *winner = pair->loser == &pair->copy ? &pair->mapped : &pair->copy;

	if (answer->verdict != RELAY_SUCCESS) {
		log_warn(
		    "meeting runs on two servers, and the copy with fewer people "
		    "cannot be ended; trying again at the next poll",
		    "meetingID", str_copy(call->arena, pair->meeting_id), "server",
		    pair->loser->server->name, "kept", winner->server->name);
		return;
	}
	log_warn("meeting ran on two servers; the copy with fewer people was ended",
	    "meetingID", str_copy(call->arena, pair->meeting_id), "ended",
	    pair->loser->server->name, "kept", winner->server->name);
	if (pair->loser == &pair->mapped)
		remap(call, pair);
}

void
copies_settle(struct call *call, const struct copy *copies, size_t n)
{
	struct pair *pairs = arena_alloc(call->arena, (n + 1) * sizeof(*pairs));
	int64_t timeout_ms = call->config->probe_timeout_ms;
	struct fanout questions, ends;

	fanout_init(&questions, call, 2 * n);
	size_t n_pairs = 0;
	for (size_t i = 0; i < n; i++) {
		struct pair *pair = &pairs[n_pairs];

		if (!pair_init(call, &copies[i], pair))
			continue;
		add(&questions, QUESTION, pair->meeting_id, &pair->mapped);
		add(&questions, QUESTION, pair->meeting_id, &pair->copy);
		n_pairs++;
	}
	fanout_run(&questions, QUESTION, timeout_ms, NULL);
	fanout_init(&ends, call, n_pairs);
	for (size_t i = 0; i < n_pairs; i++) {
		struct pair *pair = &pairs[i];

		read_room(call->arena, &questions.answers[2 * i], pair->meeting_id,
		    &pair->mapped);
		read_room(call->arena, &questions.answers[2 * i + 1], pair->meeting_id,
		    &pair->copy);
		judge_pair(call, pair);
		if (pair->loser)
			add(&ends, "end", pair->meeting_id, pair->loser);
	}
	fanout_run(&ends, "end", timeout_ms, NULL);
	size_t n_ended = 0;
	for (size_t i = 0; i < n_pairs; i++)
		if (pairs[i].loser)
			conclude(call, &pairs[i], &ends.answers[n_ended++]);
}
