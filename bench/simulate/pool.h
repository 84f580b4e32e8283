/*
 * The servers of a simulation: what the state knows of each, and the choice among them by
 * placement_choose, as a claim makes it.
 */
#ifndef POOL_H
#define POOL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "model/placement.h"
#include "model/server.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)

struct pool {
	size_t n;
	size_t sample; /* a choice is made among so many, drawn by lot; 0: among all */
	char *names;
	struct server *servers;
	struct placement_candidate *candidates; /* with what the state knows of each */
	struct placement_candidate *drawn;
	size_t *drawn_at;
	struct server_rules rules;
	uint64_t chance;
};

/* Make n servers that are up and empty. */
void pool_init(struct pool *pool, size_t n, size_t sample, uint64_t seed);
void pool_free(struct pool *pool);

/* A chance, the same every time: uniform in (0, 1), and between two numbers. */
double pool_chance(struct pool *pool);
double pool_between(struct pool *pool, double low, double high);

/* Choose a server for a meeting of so many seats: its place, and its facts as a claim would
 * write them, with the seats reserved.  The pool stays as it is. */
size_t pool_choose(struct pool *pool, long seats, int64_t now_ms, struct server_facts *after);

/* The CPU that a gateway needs for one choice among all, in microseconds: to take what it
 * remembers of the servers out of its mirror, and to choose.  Both are medians. */
void pool_time(struct pool *pool, int64_t now_ms, double *read_us, double *choose_us);

/* The bytes that a gateway remembers of each server, that one choice takes of each, and
 * that its name and the configuration take. */
double pool_mirror_bytes(void);
double pool_choice_bytes(void);

#endif
