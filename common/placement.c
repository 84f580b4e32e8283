#include "placement.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const char *const policy_names[] = {"least-loaded", "round-robin", "hash"};

static const char *const reason_texts[] = {
	[PLACEMENT_CHOSEN] = "chosen",
	[PLACEMENT_BUSIER] = "another is better",
	[PLACEMENT_NOT_ENABLED] = "not enabled",
	[PLACEMENT_NOT_UP] = "not up",
	[PLACEMENT_TRIED] = "did not answer a moment ago",
	[PLACEMENT_FULL] = "max_meetings reached",
};

/* FNV-1a with a final mix (the finalizer of MurmurHash3): well spread, and the
 * same on every machine. */
static uint64_t
hash_bytes(uint64_t hash, struct str bytes)
{
	size_t i;

	for (i = 0; i < bytes.len; i++) {
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
	double uniform;

	hash = hash_mix(hash_bytes(hash_mix(hash), placement->meeting_id));
	uniform = ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
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
	return PLACEMENT_BUSIER;
}

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
	size_t i;

	for (i = 0; i < placement->n; i++) {
		const struct placement_candidate *c = &placement->candidates[i];

		if (is_turn(c->facts.turn))
			present = fmax(present, c->facts.turn - 1 / c->server->weight);
	}
	return present;
}

struct placement_candidate *
placement_choose(struct placement *placement)
{
	struct placement_candidate *best = NULL;
	double present = present_turn(placement), turn, best_turn = 0;
	size_t i;

	for (i = 0; i < placement->n; i++) {
		struct placement_candidate *c = &placement->candidates[i];

		c->score = 0;
		c->reason = exclusion(c);
		if (c->reason != PLACEMENT_BUSIER)
			continue;
		turn = is_turn(c->facts.turn) ? fmax(c->facts.turn, present) : present;
		switch (placement->policy) {
		case PLACEMENT_LEAST_LOADED:
			c->score = (double)c->facts.meetings / c->server->weight;
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

bool
placement_has(const struct placement *placement, const char *server)
{
	size_t i;

	for (i = 0; i < placement->n; i++)
		if (strcmp(placement->candidates[i].server->name, server) == 0)
			return true;
	return false;
}

const char *
placement_policy_name(enum placement_policy policy)
{

	return policy_names[policy];
}

int
placement_policy_find(struct str name, enum placement_policy *policy)
{
	size_t i;

	for (i = 0; i < sizeof(policy_names) / sizeof(*policy_names); i++) {
		if (str_is(name, policy_names[i])) {
			*policy = (enum placement_policy)i;
			return 0;
		}
	}
	return -1;
}

const char *
placement_reason_text(enum placement_reason reason)
{

	return reason_texts[reason];
}
