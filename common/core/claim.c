#include "core/claim.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "core/health.h"
#include "model/load.h"

/* How often a choice is made anew, with what others chose meanwhile; the last time
 * whatever they chose: the balance is best effort, one server for a meetingID is not. */
#define TRIES 20

void
claim_init(struct claim *claim, struct call *call)
{
	const struct config *config = call->config;
	struct placement *placement = &claim->placement;

	*claim = (struct claim){ .kind = CLAIM_NONE };
	*placement = (struct placement){
		.policy = config->placement,
		.rules = health_rules(config),
		.meeting_id = call->meeting_id,
		.now_ms = call->request->now_ms,
		.tags = query_find(&call->parameters, "meta_server-tag"),
		.n = config->n_servers,
	};
	claim->tried = arena_alloc(call->arena, (config->n_servers + 1) * sizeof(bool));
	int64_t asked;
	/* 0, BBB's "no limit", says as little as what is no number. */
	if (str_to_int(str_trim(query_find(&call->parameters, "maxParticipants")), 1,
	        LOAD_SEATS_MOST, &asked) == 0)
		placement->seats_asked = (long)asked;
	/* A server that did not answer the look-up would not take a create. */
	if (call->silent)
		memcpy(claim->tried, call->silent, config->n_servers * sizeof(bool));
}

void
claim_follow(struct claim *claim, struct call *call)
{
	*claim = (struct claim){
		.placement.n = call->config->n_servers,
		.kind = CLAIM_FOLLOWED,
		.server = call->server,
		.meeting = call->meeting,
	};
}

static void
log_placement(const struct call *call, const struct placement *placement)
{
	if (!log_is_on(LOG_LEVEL_DEBUG) || !placement->candidates)
		return;
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

/* All servers as candidates, with these facts, which are in the configuration's order. */
static struct placement_candidate *
new_candidates(const struct call *call, const struct server_facts *facts)
{
	size_t n = call->config->n_servers;
	struct placement_candidate *candidates = arena_alloc(call->arena,
	    (n + 1) * sizeof(*candidates));

	for (size_t i = 0; i < n; i++) {
		candidates[i].server = &call->config->servers[i];
		candidates[i].facts = facts[i];
	}
	return candidates;
}

/* Choose one of the candidates. */
static struct placement_candidate *
choose_among(struct claim *claim, struct placement_candidate *candidates)
{
	struct placement *placement = &claim->placement;

	placement->candidates = candidates;
	for (size_t i = 0; i < placement->n; i++)
		candidates[i].tried = claim->tried[i];
	struct placement_candidate *chosen = placement_choose(placement);

	claim->server = chosen ? chosen->server : NULL;
	return chosen;
}

void
claim_explain(struct claim *claim, struct call *call)
{
	struct store_history history;

	/* What cannot be read is empty. */
	call->store->verbs->history_get(call->store, call->meeting_id, &history);
	claim->placement.seats = load_seats(claim->placement.seats_asked, history.peak,
	    history.typical);
	choose_among(claim, new_candidates(call, health_facts(call)));
}

/* Choose without the state. */
static void
choose_alone(struct claim *claim, struct call *call)
{
	claim->placement.policy = PLACEMENT_HASH;
	claim->kind = choose_among(claim, new_candidates(call, health_facts(call))) ?
	    CLAIM_ALONE :
	    CLAIM_NONE;
}

/* The mapping of a new meeting. */
static struct meeting
new_mapping(const struct call *call, const struct server *server, long seats)
{
	int64_t now_ms = call->request->now_ms;

	return (struct meeting){
		.server = server->name,
		.claimed_ms = now_ms,
		.create_ms = now_ms,
		.seats = seats,
	};
}

/* Seats of a mapping that is gone are free, but for what fades anyway: best effort,
 * since the next poll counts anew. */
static void
free_seats(struct call *call, const struct meeting *meeting)
{
	const struct server *server = config_server_find(call->config, meeting->server);
	struct store_server set = { .name = meeting->server };

	if (!server ||
	    call->store->verbs->servers_get(call->store, server, 1, &set.facts, NULL) !=
	        STORE_OK ||
	    set.facts.version == 0)
		return;
	load_release(&set.facts, meeting->seats, call->request->now_ms);
	call->store->verbs->servers_set(call->store, &set, 1);
}

/* May others choose without the state?  It can be used again so lately that not all of them
 * need know, or cannot be written by us. */
static bool
may_others_be_alone(const struct call *call)
{
	return call->request->now_ms - STORE_WAIT_MS < call->whole_ms;
}

/* ---- Choosing together ---------------------------------------------------------------- */

/* A create that claims its meetingID, beside others that do so at the same time. */
struct contender {
	struct crowd_item item; /* first */
	struct claim *claim;
	struct call *call;
	const struct meeting *from;
	bool whatever; /* it is its last try: the load is no condition */
	enum store_result result;
};

/* Those whose claims are carried out together: they choose one after the other, by one picture
 * and by what those before have chosen, and all is set in one write. */
struct group {
	struct call *call; /* one of theirs, for its time and its arena */
	size_t n_servers;
	struct contender **contenders;
	size_t n;
	/* All servers, with what was chosen so far.  They are the group's, not each one's:
	 * what is done for one after the other is waited for by all. */
	struct placement_candidate *candidates;
	size_t *writers; /* of each server: who sets its load, counted from 1; 0: nobody */
	struct store_server *loads; /* of each who does: as the choices leave it */
};

/* Gather who has come. */
static void
init_group(struct group *group, struct call *call, struct crowd_item *items)
{
	struct arena *arena = call->arena;
	size_t n_servers = call->config->n_servers, most = 0;

	for (const struct crowd_item *item = items; item; item = item->next)
		most++;
	*group = (struct group){
		.call = call,
		.n_servers = n_servers,
		.contenders = arena_alloc(arena, (most + 1) * sizeof(struct contender *)),
		.writers = arena_alloc(arena, (n_servers + 1) * sizeof(size_t)),
		.loads = arena_alloc(arena, (most + 1) * sizeof(struct store_server)),
	};
	for (struct crowd_item *item = items; item; item = item->next)
		group->contenders[group->n++] = (struct contender *)item;
}

/* Read the picture of all. */
static enum store_result
read_picture(struct group *group)
{
	struct call *call = group->call;
	struct str *ids = arena_alloc(call->arena, group->n * sizeof(*ids));
	struct store_history *histories = arena_alloc(call->arena,
	    group->n * sizeof(*histories));

	for (size_t i = 0; i < group->n; i++)
		ids[i] = group->contenders[i]->call->meeting_id;
	enum store_result result = health_read_picture(call, ids, histories, group->n);
	for (size_t i = 0; i < group->n; i++) {
		struct contender *contender = group->contenders[i];
		struct placement *placement = &contender->claim->placement;

		contender->call->whole_ms = call->whole_ms;
		placement->seats = load_seats(placement->seats_asked, histories[i].peak,
		    histories[i].typical);
		/* As they choose: a create that comes to them at once goes to the same
		 * server. */
		placement->policy = may_others_be_alone(contender->call) ?
		    PLACEMENT_HASH :
		    call->config->placement;
	}
	group->candidates = new_candidates(call, call->facts);
	return result;
}

static void *
copy_bytes(struct arena *arena, const void *bytes, size_t size)
{
	return memcpy(arena_alloc(arena, size + 1), bytes, size);
}

/* Leave with the contender, whose thread goes on without the group, what it needs: what the
 * picture has of its server, without the choices, which may not be written; and for the log
 * what was said of each. */
static void
leave_choice(const struct group *group, struct contender *contender,
    const struct placement_candidate *chosen)
{
	struct call *call = contender->call;
	struct placement *placement = &contender->claim->placement;

	if (!call->facts)
		call->facts = copy_bytes(call->arena, group->call->facts,
		    group->n_servers * sizeof(*call->facts));
	if (chosen) {
		size_t at = (size_t)(chosen - group->candidates);

		call->facts[at] = group->call->facts[at];
	}
	placement->candidates = log_is_on(LOG_LEVEL_DEBUG) ?
	    copy_bytes(call->arena, group->candidates,
	        group->n_servers * sizeof(*group->candidates)) :
	    NULL;
}

/* Each chooses; who finds no server is none of the group any more. */
static void
choose_each(struct group *group)
{
	int64_t now_ms = group->call->request->now_ms;
	size_t n = 0;

	for (size_t i = 0; i < group->n; i++) {
		struct contender *contender = group->contenders[i];
		struct claim *claim = contender->claim;
		struct placement_candidate *chosen = choose_among(claim, group->candidates);

		leave_choice(group, contender, chosen);
		if (!chosen) {
			contender->result = STORE_NOT_FOUND;
			continue;
		}
		load_reserve(&chosen->facts, claim->placement.seats, now_ms);
		group->contenders[n++] = contender;
		if (!contender->whatever)
			group->writers[chosen - group->candidates] = n;
	}
	group->n = n;
}

static size_t
index_of(const struct contender *contender)
{
	return (size_t)(contender->claim->server - contender->call->config->servers);
}

/* Set what was chosen, on the condition that the server's facts are still the same; the last
 * that chose a server sets its load as well. */
static void
set_each(struct group *group, struct store_change *changes)
{
	struct call *call = group->call;
	struct meeting *wanted = arena_alloc(call->arena, (group->n + 1) * sizeof(*wanted));

	for (size_t at = 0; at < group->n_servers; at++)
		if (group->writers[at] > 0)
			group->loads[group->writers[at] - 1] = (struct store_server){
				.name = call->config->servers[at].name,
				.facts = group->candidates[at].facts,
			};
	for (size_t i = 0; i < group->n; i++) {
		const struct contender *contender = group->contenders[i];
		size_t writer = group->writers[index_of(contender)];

		wanted[i] = new_mapping(contender->call, contender->claim->server,
		    contender->claim->placement.seats);
		changes[i] = (struct store_change){
			.meeting_id = contender->call->meeting_id,
			.expected = contender->from,
			.wanted = &wanted[i],
			.load = contender->whatever ? NULL : &group->loads[writer - 1],
			.is_load_kept = writer != i + 1,
		};
	}
	if (group->n > 0)
		call->store->verbs->meetings_set(call->store, call->arena, changes, group->n,
		    call->request->now_ms);
}

static struct meeting
copy_mapping(struct arena *arena, const struct meeting *meeting)
{
	struct meeting copy = *meeting;

	if (meeting->server)
		copy.server = str_copy(arena, str_from(meeting->server));
	if (meeting->copy)
		copy.copy = str_copy(arena, str_from(meeting->copy));
	return copy;
}

/* Take what came of it. */
static void
take_each(struct group *group, const struct store_change *changes)
{
	for (size_t i = 0; i < group->n; i++) {
		struct contender *contender = group->contenders[i];

		contender->result = changes[i].result;
		if (contender->result == STORE_OK || contender->result == STORE_CONFLICT)
			contender->claim->meeting = copy_mapping(contender->call->arena,
			    &changes[i].found);
	}
}

/* Is the server's load not what came of the claims, since some of its meetings were claimed by
 * others meanwhile?  If so, *load is what it should be. */
static bool
is_amiss(const struct group *group, size_t at, struct store_server *load)
{
	size_t writer = group->writers[at] - 1;
	bool is_set = group->contenders[writer]->result == STORE_OK;
	size_t n_done = 0, n_lost = 0;

	*load = group->loads[writer];
	for (size_t i = 0; i < group->n; i++) {
		const struct contender *contender = group->contenders[i];

		if (index_of(contender) != at)
			continue;
		if (contender->result == STORE_OK) {
			n_done++;
		} else {
			n_lost++;
			load_release(&load->facts, contender->claim->placement.seats,
			    group->call->request->now_ms);
		}
	}
	return n_done > 0 && (n_lost > 0 || !is_set);
}

/* Put loads right: best effort, as the next poll counts anew. */
static void
settle_loads(const struct group *group)
{
	struct call *call = group->call;
	struct store_server *sets = arena_alloc(call->arena, (group->n + 1) * sizeof(*sets));
	size_t n = 0;

	for (size_t at = 0; at < group->n_servers; at++)
		if (group->writers[at] > 0 && is_amiss(group, at, &sets[n]))
			n++;
	if (n > 0)
		call->store->verbs->servers_set(call->store, sets, n);
}

/* Carry out the claims of all who have come. */
static void
claim_together(struct call *call, struct crowd_item *items)
{
	struct group group;

	init_group(&group, call, items);
	struct store_change *changes = arena_alloc(call->arena,
	    (group.n + 1) * sizeof(*changes));

	if (read_picture(&group) != STORE_OK) {
		for (size_t i = 0; i < group.n; i++)
			group.contenders[i]->result = STORE_FAILED;
		return;
	}
	choose_each(&group);
	set_each(&group, changes);
	take_each(&group, changes);
	settle_loads(&group);
}

/* Choose and set, with those who do so at the same time, until one of many has done it.
 * Returns OK; CONFLICT with another's mapping in claim->meeting (which may be none); NOT_FOUND
 * when no server can take the meeting; or FAILED. */
static enum store_result
choose_and_set(struct claim *claim, struct call *call, const struct meeting *from)
{
	struct crowd *crowd = &call->config->runtime->claims;
	enum store_result result = STORE_STALE;

	for (int tries = TRIES; tries > 0 && result == STORE_STALE; tries--) {
		struct contender contender = {
			.claim = claim,
			.call = call,
			.from = from,
			.whatever = tries == 1,
		};
		struct crowd_item *items = crowd_enter(crowd, &contender.item);

		if (items) {
			claim_together(call, items);
			crowd_leave(crowd, items);
		}
		result = contender.result;
	}
	return result;
}

/* ---- Claims --------------------------------------------------------------------------- */

/* Follow the mapping that is there, if there is one to a server that we know. */
static bool
read_mapping(struct claim *claim, struct call *call)
{
	struct server_facts facts;

	if (call->store->verbs->meeting_get(call->store, call->arena, call->meeting_id,
	        call->request->now_ms, &claim->meeting, &facts, NULL) != STORE_OK)
		return false;
	claim->server = config_server_find(call->config, claim->meeting.server);
	claim->kind = CLAIM_FOLLOWED;
	return claim->server != NULL;
}

void
claim_make(struct claim *claim, struct call *call, const struct meeting *from)
{
	enum store_result result;
	int tries = TRIES;

	/* A mapping to a server that was taken out of the configuration is of no use, and
	 * one that was dropped meanwhile is none. */
	while ((result = choose_and_set(claim, call, from)) == STORE_CONFLICT && tries-- > 0) {
		const struct meeting *there = &claim->meeting;

		claim->server = there->server ?
		    config_server_find(call->config, there->server) :
		    NULL;
		if (claim->server)
			break;
		if (there->server) {
			struct meeting *copy = arena_alloc(call->arena, sizeof(*copy));

			*copy = *there;
			from = copy;
		} else {
			from = NULL;
		}
	}
	switch (result) {
	case STORE_OK:
		claim->kind = CLAIM_OURS;
		if (from)
			free_seats(call, from);
		break;
	case STORE_CONFLICT:
		claim->kind = claim->server ? CLAIM_FOLLOWED : CLAIM_NONE;
		break;
	case STORE_NOT_FOUND:
		claim->kind = CLAIM_NONE;
		break;
	default:
		/* Another process may have been luckier. */
		if (!read_mapping(claim, call))
			choose_alone(claim, call);
		break;
	}
	log_placement(call, &claim->placement);
}

void
claim_move(struct claim *claim, struct call *call)
{
	/* Whoever follows another's claim goes where it has gone meanwhile, and moves
	 * nothing: the other's create may have made the meeting. */
	if (claim->kind == CLAIM_FOLLOWED) {
		read_mapping(claim, call);
		return;
	}
	const struct server *tried = claim->server;

	if (claim->tried)
		claim->tried[tried - call->config->servers] = true;
	if (claim->kind == CLAIM_ALONE) {
		choose_alone(claim, call);
		return;
	}
	struct meeting *from = arena_alloc(call->arena, sizeof(*from));

	/* Another create may have noted itself in the mapping meanwhile. */
	for (int tries = 0; tries < TRIES; tries++) {
		*from = claim->meeting;
		if (from->seen_ms > 0)
			return; /* … that it made the meeting */
		claim_make(claim, call, from);
		if (claim->kind != CLAIM_FOLLOWED || claim->server != tried)
			break;
	}
	/* Nothing took its place: what this request wrote is its own to take back. */
	if (claim->kind == CLAIM_NONE) {
		claim->meeting = *from;
		claim->kind = CLAIM_OURS;
	}
}

enum store_result
claim_set(struct call *call, struct store_change *change)
{
	call->store->verbs->meetings_set(call->store, call->arena, change, 1,
	    call->request->now_ms);
	return change->result;
}

void
claim_beside(struct claim *claim, struct call *call, const struct server *server,
    const struct meeting *from)
{
	struct meeting wanted = new_mapping(call, server, 0);
	struct store_change change = {
		.meeting_id = call->meeting_id,
		.expected = from,
		.wanted = &wanted,
	};

	*claim = (struct claim){ .kind = CLAIM_ALONE, .server = server };
	enum store_result result = claim_set(call, &change);
	if (result == STORE_FAILED)
		return;
	claim->meeting = change.found;
	claim->kind = result == STORE_OK ? CLAIM_OURS : CLAIM_FOLLOWED;
}

void
claim_made(struct claim *claim, struct call *call)
{
	bool is_alone = claim->kind == CLAIM_ALONE;
	struct meeting wanted = is_alone ?
	    new_mapping(call, claim->server, claim->placement.seats) :
	    claim->meeting;
	struct store_change change = {
		.meeting_id = call->meeting_id,
		.expected = is_alone ? NULL : &claim->meeting,
		.wanted = &wanted,
	};

	wanted.seen_ms = wanted.create_ms = call->request->now_ms;
	if (is_alone || (claim->kind == CLAIM_FOLLOWED && claim->meeting.seen_ms == 0))
		claim_set(call, &change);
}

void
claim_note(struct call *call, struct meeting *meeting, bool is_ending)
{
	int64_t create_ms = meeting->create_ms;

	/* A poll may have counted its people meanwhile. */
	for (int tries = 0; tries < TRIES; tries++) {
		struct meeting wanted = *meeting;
		struct store_change change = {
			.meeting_id = call->meeting_id,
			.expected = meeting,
			.wanted = &wanted,
		};

		wanted.is_ending = is_ending;
		if (!is_ending)
			wanted.create_ms = call->request->now_ms;
		enum store_result result = claim_set(call, &change);
		if (result == STORE_FAILED || !change.found.server ||
		    strcmp(change.found.server, meeting->server) != 0)
			return;
		*meeting = change.found;
		if (result == STORE_OK)
			return;
		if (is_ending && meeting->create_ms != create_ms)
			return; /* what was ended is not what that create makes */
	}
}

bool
claim_drop(struct call *call, struct str meeting_id, const struct meeting *meeting)
{
	struct store_change change = { .meeting_id = meeting_id, .expected = meeting };

	if (claim_set(call, &change) != STORE_OK)
		return false;
	free_seats(call, meeting);
	return true;
}

void
claim_release(struct claim *claim, struct call *call)
{
	if (claim->kind == CLAIM_OURS)
		claim_drop(call, call->meeting_id, &claim->meeting);
}
