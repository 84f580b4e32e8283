/*
 * What the tests of placement share: eight servers with a fact sheet each, and
 * choosing among them.
 */
#ifndef TEST_PLACEMENT_H
#define TEST_PLACEMENT_H

#include "model/placement.h"

#include <math.h>
#include <stdint.h>

#include "model/load.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 8
#define NOW (1000 * LOAD_SLOW_START_MS)
#define INTERVAL INT64_C(10000)

/* Servers a, b, c, … with a fact sheet each, for one test. */
static struct server servers[MANY];
static struct placement_candidate candidates[MANY];
static struct placement placement;

static inline void
setup(enum placement_policy policy, size_t n)
{
	static const char *const names[MANY] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	for (size_t i = 0; i < MANY; i++) {
		servers[i] = (struct server){
			.name = names[i],
			.weight = 1,
			.max_meetings = -1,
			.max_users = -1,
		};
		candidates[i] = (struct placement_candidate){
			.server = &servers[i],
			.facts.since_ms = 1,
			.facts.reserved_ms = NOW,
		};
	}
	placement = (struct placement){
		.policy = policy,
		.rules = { .down_after = 2, .up_after = 1, .poll_interval_ms = INTERVAL },
		.meeting_id = STR("meeting"),
		.candidates = candidates,
		.n = n,
		.now_ms = NOW,
	};
}

/* The chosen one's index, or -1. */
static inline int
choose(void)
{
	struct placement_candidate *chosen = placement_choose(&placement);

	return chosen ? (int)(chosen - candidates) : -1;
}

/* Choose n times, a meeting each; counts[i] of them went to server i. */
static inline void
choose_many(int n, int counts[MANY])
{
	memset(counts, 0, MANY * sizeof(*counts));
	for (int i = 0; i < n; i++) {
		int at = choose();
		if (at < 0)
			return;
		counts[at]++;
		candidates[at].facts.meetings++;
		candidates[at].facts.users++;
	}
}

#endif
