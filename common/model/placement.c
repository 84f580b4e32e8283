#include "model/placement.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/load.h"

static const char *const policy_names[] = { "least-loaded", "round-robin", "hash" };

static const char *const reason_texts[] = {
	[PLACEMENT_CHOSEN] = "chosen",
	[PLACEMENT_BUSIER] = "another is better",
	[PLACEMENT_NOT_ENABLED] = "not enabled",
	[PLACEMENT_NOT_UP] = "not up",
	[PLACEMENT_HELD] = "its creates fail",
	[PLACEMENT_TRIED] = "did not answer a moment ago",
	[PLACEMENT_FULL] = "max_meetings reached",
	[PLACEMENT_CROWDED] = "max_users reached",
	[PLACEMENT_TAGS] = "its tags do not fit",
};

/* Weighted rendezvous hashing: -ln(u) / weight, u uniform in (0, 1), is lowest
 * for a server with probability weight / sum of weights. */
static double
score_hash(const struct placement *placement, const struct server *server)
{
	uint64_t hash = str_hash_on(str_hash(str_from(server->name)), placement->meeting_id);
	double uniform = ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
	return -log(uniform) / server->weight;
}

/* Is it held back since creates fail there?  A time further off than any was set by a
 * clock that was wrong. */
static bool
is_held(const struct placement *placement, const struct server_facts *facts)
{
	int64_t left_ms = facts->held_ms - placement->now_ms;

	return left_ms > 0 && left_ms <= placement->rules.poll_interval_ms;
}

/* Why not this server, or PLACEMENT_BUSIER. */
static enum placement_reason
exclusion(const struct placement *placement, const struct placement_candidate *candidate,
    bool is_last_resort)
{
	const struct server *server = candidate->server;
	const struct server_facts *facts = &candidate->facts;

	if (server_state_of(server, facts) != SERVER_ENABLED)
		return PLACEMENT_NOT_ENABLED;
	if (facts->health == SERVER_DOWN || (facts->health != SERVER_UP && !is_last_resort))
		return PLACEMENT_NOT_UP;
	if (candidate->tried)
		return PLACEMENT_TRIED;
	if (is_held(placement, facts) && !is_last_resort)
		return PLACEMENT_HELD;
	if (server->max_meetings >= 0 && facts->meetings >= server->max_meetings)
		return PLACEMENT_FULL;
	if (server->max_users >= 0 &&
	    (double)facts->users + load_reserved_now(facts, placement->now_ms) >=
	        (double)server->max_users)
		return PLACEMENT_CROWDED;
	return PLACEMENT_BUSIER;
}

/* For how long has the server been in use?  One that was never polled has just been
 * added. */
static int64_t
up_for_ms(const struct placement *placement, const struct server_facts *facts)
{
	return facts->since_ms == 0 ? 0 : placement->now_ms - facts->since_ms;
}

static double
score_load(const struct placement *placement, const struct placement_candidate *c,
    bool is_gentle)
{
	double slow = is_gentle ? load_slow_start(up_for_ms(placement, &c->facts)) : 1;

	return ((double)c->facts.users +
	           load_reserved_now(&c->facts, placement->now_ms) * slow +
	           (double)placement->seats) /
	    c->server->weight;
}

/*
 * Tags
 */

/* Whom a choice is made among. */
enum pool {
	POOL_WANTED,   /* servers with a tag that was asked for */
	POOL_UNTAGGED, /* the second choice; the wanted are in it to tell why not they */
	POOL_ALL
};

bool
placement_insists(const struct placement *placement)
{
	struct str tags = str_trim(placement->tags);

	return tags.len > 1 && tags.data[tags.len - 1] == '!';
}

static bool
has_tag(const struct server *server, struct str tag)
{
	for (size_t i = 0; i < server->n_tags; i++)
		if (str_is(tag, server->tags[i]))
			return true;
	return server->n_tags == 0 && str_is(tag, "none");
}

/* The tags that were asked for, without the "!". */
static struct str
wanted_tags(const struct placement *placement)
{
	struct str tags = str_trim(placement->tags);

	return tags.len > 0 && tags.data[tags.len - 1] == '!' ?
	    str_trim(str_part(tags, 0, tags.len - 1)) :
	    tags;
}

static bool
has_wanted_tag(const struct placement *placement, const struct server *server)
{
	struct str wanted = wanted_tags(placement);
	size_t from = 0;

	for (size_t i = 0; i <= wanted.len; i++) {
		if (i < wanted.len && wanted.data[i] != ';' && wanted.data[i] != ',')
			continue;
		if (has_tag(server, str_trim(str_part(wanted, from, i - from))))
			return true;
		from = i + 1;
	}
	return false;
}

static bool
is_in(const struct placement *placement, enum pool pool, const struct server *server)
{
	switch (pool) {
	case POOL_WANTED:
		return has_wanted_tag(placement, server);
	case POOL_UNTAGGED:
		return server->n_tags == 0 || has_wanted_tag(placement, server);
	case POOL_ALL:
		break;
	}
	return true;
}

/* Is there a server without tags, in whatever health? */
static bool
has_untagged(const struct placement *placement)
{
	for (size_t i = 0; i < placement->n; i++) {
		const struct placement_candidate *c = &placement->candidates[i];

		if (c->server->n_tags == 0 &&
		    server_state_of(c->server, &c->facts) != SERVER_DISABLED)
			return true;
	}
	return false;
}

/*
 * Choosing
 */

/* A turn that only a damaged state can hold counts as none: beyond 2^53 adding
 * 1 / weight would no longer move it. */
static bool
is_turn(double turn)
{
	return turn >= 0 && turn < 9007199254740992.0;
}

/* The turn at which the last choice was made: each choice moves one server's
 * turn 1 / weight past the present, so the greatest such turn tells it. */
static double
present_turn(const struct placement *placement)
{
	double present = 0;

	for (size_t i = 0; i < placement->n; i++) {
		const struct placement_candidate *c = &placement->candidates[i];

		if (is_turn(c->facts.turn))
			present = fmax(present, c->facts.turn - 1 / c->server->weight);
	}
	return present;
}

/* Is one of those that can be chosen in use for longer than a slow start takes? */
static bool
has_older(const struct placement *placement)
{
	for (size_t i = 0; i < placement->n; i++) {
		const struct placement_candidate *c = &placement->candidates[i];

		if (c->reason == PLACEMENT_BUSIER &&
		    load_slow_start(up_for_ms(placement, &c->facts)) <= 1)
			return true;
	}
	return false;
}

/* A lower score is better; turn is the candidate's. */
static double
score(const struct placement *placement, const struct placement_candidate *c, double turn,
    bool is_gentle)
{
	switch (placement->policy) {
	case PLACEMENT_LEAST_LOADED:
		return score_load(placement, c, is_gentle);
	case PLACEMENT_ROUND_ROBIN:
		return turn;
	case PLACEMENT_HASH:
		break;
	}
	return score_hash(placement, c->server);
}

/* Choose among the servers of a pool. */
static struct placement_candidate *
choose_in(struct placement *placement, enum pool pool, bool is_last_resort)
{
	double present = present_turn(placement);

	for (size_t i = 0; i < placement->n; i++) {
		struct placement_candidate *c = &placement->candidates[i];

		c->score = 0;
		c->reason = is_in(placement, pool, c->server) ?
		    exclusion(placement, c, is_last_resort) :
		    PLACEMENT_TAGS;
	}
	bool is_gentle = has_older(placement);

	struct placement_candidate *best = NULL;
	double best_turn = 0;
	for (size_t i = 0; i < placement->n; i++) {
		struct placement_candidate *c = &placement->candidates[i];

		if (c->reason != PLACEMENT_BUSIER)
			continue;
		double turn = is_turn(c->facts.turn) ? fmax(c->facts.turn, present) : present;

		c->score = score(placement, c, turn, is_gentle);
		if (!best || c->score < best->score ||
		    (c->score <= best->score && turn < best_turn)) {
			best = c;
			best_turn = turn;
		}
	}
	if (best) {
		best->reason = PLACEMENT_CHOSEN;
		best->facts.turn = best_turn + 1 / best->server->weight;
		if (server_fails_creates(&best->facts, &placement->rules))
			best->facts.held_ms = placement->now_ms +
			    placement->rules.poll_interval_ms;
	}
	return best;
}

struct placement_candidate *
placement_choose(struct placement *placement)
{
	bool wants_tags = wanted_tags(placement).len > 0;
	struct placement_candidate *chosen = NULL;

	for (int is_last_resort = 0; is_last_resort < 2 && !chosen; is_last_resort++) {
		if (wants_tags)
			chosen = choose_in(placement, POOL_WANTED, is_last_resort);
		if (!chosen && !(wants_tags && placement_insists(placement)))
			chosen = choose_in(placement,
			    has_untagged(placement) ? POOL_UNTAGGED : POOL_ALL, is_last_resort);
	}
	return chosen;
}

const char *
placement_policy_name(enum placement_policy policy)
{
	return policy_names[policy];
}

const char *
placement_reason_text(enum placement_reason reason)
{
	return reason_texts[reason];
}
