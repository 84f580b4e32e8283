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
	[PLACEMENT_TRIED] = "did not answer a moment ago",
	[PLACEMENT_FULL] = "max_meetings reached",
	[PLACEMENT_CROWDED] = "max_users reached",
	[PLACEMENT_TAGS] = "its tags do not fit",
};

/* FNV-1a with a final mix (the finalizer of MurmurHash3): well spread, and the
 * same on every machine. */
static uint64_t
hash_bytes(uint64_t hash, struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		hash ^= (unsigned char)bytes.data[i];
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

static uint64_t
hash_mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

/* Weighted rendezvous hashing: -ln(u) / weight, u uniform in (0, 1), is lowest
 * for a server with probability weight / sum of weights. */
static double
score_hash(const struct placement *placement, const struct server *server)
{
	uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), str_from(server->name));

	hash = hash_mix(hash_bytes(hash_mix(hash), placement->meeting_id));
	double uniform = ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
	return -log(uniform) / server->weight;
}

static enum placement_reason
exclusion(const struct placement_candidate *candidate)
{
	const struct server *server = candidate->server;

	if (server_state_of(server, &candidate->facts) != SERVER_ENABLED)
		return PLACEMENT_NOT_ENABLED;
	if (candidate->facts.health != SERVER_UP)
		return PLACEMENT_NOT_UP;
	if (candidate->tried)
		return PLACEMENT_TRIED;
	if (server->max_meetings >= 0 && candidate->facts.meetings >= server->max_meetings)
		return PLACEMENT_FULL;
	if (server->max_users >= 0 &&
	    (double)candidate->facts.users + candidate->facts.reserved >=
	        (double)server->max_users)
		return PLACEMENT_CROWDED;
	return PLACEMENT_BUSIER;
}

static double
score_load(const struct placement *placement, const struct placement_candidate *c)
{
	/* One that was never polled has just been added. */
	int64_t up_ms = c->facts.since_ms == 0 ? 0 : placement->now_ms - c->facts.since_ms;

	return ((double)c->facts.users + c->facts.reserved * load_slow_start(up_ms) +
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

/* Choose among the servers of a pool. */
static struct placement_candidate *
choose_in(struct placement *placement, enum pool pool)
{
	struct placement_candidate *best = NULL;
	double present = present_turn(placement), best_turn = 0;

	for (size_t i = 0; i < placement->n; i++) {
		struct placement_candidate *c = &placement->candidates[i];

		c->score = 0;
		c->reason = is_in(placement, pool, c->server) ? exclusion(c) : PLACEMENT_TAGS;
		if (c->reason != PLACEMENT_BUSIER)
			continue;
		double turn = is_turn(c->facts.turn) ? fmax(c->facts.turn, present) : present;
		switch (placement->policy) {
		case PLACEMENT_LEAST_LOADED:
			c->score = score_load(placement, c);
			break;
		case PLACEMENT_ROUND_ROBIN:
			c->score = turn;
			break;
		case PLACEMENT_HASH:
			c->score = score_hash(placement, c->server);
			break;
		}
		if (!best || c->score < best->score ||
		    (c->score <= best->score && turn < best_turn)) {
			best = c;
			best_turn = turn;
		}
	}
	if (best) {
		best->reason = PLACEMENT_CHOSEN;
		best->facts.turn = best_turn + 1 / best->server->weight;
	}
	return best;
}

struct placement_candidate *
placement_choose(struct placement *placement)
{
	struct placement_candidate *chosen = NULL;

	if (wanted_tags(placement).len > 0) {
		chosen = choose_in(placement, POOL_WANTED);
		if (chosen || placement_insists(placement))
			return chosen;
	}
	return choose_in(placement, has_untagged(placement) ? POOL_UNTAGGED : POOL_ALL);
}

bool
placement_has(const struct placement *placement, const char *server)
{
	for (size_t i = 0; i < placement->n; i++)
		if (strcmp(placement->candidates[i].server->name, server) == 0)
			return true;
	return false;
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
