#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/mirror.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/load.h"

#define NAME_BYTES 40
#define TIMES 31

void
pool_init(struct pool *pool, size_t n, size_t sample, uint64_t seed)
{
	*pool = (struct pool){
		.n = n,
		.sample = sample < n ? sample : 0,
		.names = mem_alloc(n * NAME_BYTES),
		.servers = mem_alloc(n * sizeof(*pool->servers)),
		.candidates = mem_alloc(n * sizeof(*pool->candidates)),
		.drawn = mem_alloc(n * sizeof(*pool->drawn)),
		.drawn_at = mem_alloc(n * sizeof(*pool->drawn_at)),
		.rules = { .down_after = 2, .up_after = 1, .poll_interval_ms = 10 * SECOND_MS },
		.chance = seed,
	};
	for (size_t i = 0; i < n; i++) {
		char *name = &pool->names[i * NAME_BYTES];

		snprintf(name, NAME_BYTES, "bbb-%05zu.example.org", i + 1);
		pool->servers[i] = (struct server){
			.name = name,
			.weight = 1,
			.max_meetings = -1,
			.max_users = -1,
		};
		pool->candidates[i] = (struct placement_candidate){
			.server = &pool->servers[i],
			.facts = { .version = 1, .since_ms = 1 },
		};
	}
}

void
pool_free(struct pool *pool)
{
	free(pool->names);
	free(pool->servers);
	free(pool->candidates);
	free(pool->drawn);
	free(pool->drawn_at);
}

/* splitmix64 */
double
pool_chance(struct pool *pool)
{
	uint64_t z = pool->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

double
pool_between(struct pool *pool, double low, double high)
{
	return low + (high - low) * pool_chance(pool);
}

/* Draw the sample: one of each stretch of the list, so that none is drawn twice. */
static void
draw(struct pool *pool)
{
	double stretch = (double)pool->n / (double)pool->sample;

	for (size_t i = 0; i < pool->sample; i++) {
		size_t at = (size_t)(((double)i + pool_chance(pool)) * stretch);

		pool->drawn_at[i] = at < pool->n ? at : pool->n - 1;
		pool->drawn[i] = pool->candidates[pool->drawn_at[i]];
	}
}

size_t
pool_choose(struct pool *pool, long seats, int64_t now_ms, struct server_facts *after)
{
	struct placement placement = {
		.policy = PLACEMENT_LEAST_LOADED,
		.rules = pool->rules,
		.meeting_id = STR("m"),
		.candidates = pool->candidates,
		.n = pool->n,
		.now_ms = now_ms,
		.seats = seats,
	};

	if (pool->sample > 0) {
		draw(pool);
		placement.candidates = pool->drawn;
		placement.n = pool->sample;
	}
	struct placement_candidate *chosen = placement_choose(&placement);
	size_t at = (size_t)(chosen - placement.candidates);

	*after = chosen->facts;
	load_reserve(after, seats, now_ms);
	if (pool->sample > 0)
		return pool->drawn_at[at];
	/* The choice has moved its turn on; a turn that lags counts as the present one. */
	chosen->facts.turn = after->turn - 1 / chosen->server->weight;
	return at;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median_of(double times[TIMES])
{
	qsort(times, TIMES, sizeof(*times), compare_doubles);
	return times[TIMES / 2];
}

void
pool_time(struct pool *pool, int64_t now_ms, double *read_us, double *choose_us)
{
	struct mirror mirror = { 0 };
	struct server_facts after, *facts = mem_alloc(pool->n * sizeof(*facts));
	double reads[TIMES], choices[TIMES];
	size_t sample = pool->sample;

	pool->sample = 0;
	mirror_init(&mirror);
	for (size_t i = 0; i < pool->n; i++)
		mirror_put(&mirror, pool->servers[i].name, &pool->candidates[i].facts);
	for (int k = 0; k < TIMES; k++) {
		int64_t began_us = clock_us(CLOCK_THREAD_CPUTIME_ID);

		for (size_t i = 0; i < pool->n; i++) {
			facts[i] = mirror_find(&mirror, pool->servers[i].name);
			server_believe(&facts[i], &pool->rules, now_ms);
		}
		int64_t read_at_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
		pool_choose(pool, 20, now_ms, &after);
		reads[k] = (double)(read_at_us - began_us);
		choices[k] = (double)(clock_us(CLOCK_THREAD_CPUTIME_ID) - read_at_us);
	}
	*read_us = median_of(reads);
	*choose_us = median_of(choices);
	mirror_free(&mirror);
	free(facts);
	pool->sample = sample;
}

double
pool_mirror_bytes(void)
{
	/* A table that is doubled when it is half full has three slots for each on average. */
	return (double)sizeof(struct mirrored) * 3 + NAME_BYTES + sizeof(struct server);
}

double
pool_choice_bytes(void)
{
	return (double)(sizeof(struct server_facts) + sizeof(struct placement_candidate));
}
