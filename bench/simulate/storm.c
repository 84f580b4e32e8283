#include "storm.h"

#include <stdlib.h>

#include "base/mem.h"
#include "pool.h"

/* As in claim.c. */
#define TRIES 20

#define SEATS 25
#define TICK_US 1000.0
#define BEGIN_MS (24 * HOUR_MS)

enum kind { PICTURE, SET, TICK };

struct event {
	double at_us;
	enum kind kind;
	size_t gateway;
};

struct gateway {
	double came_us; /* when its claim came */
	double next_us; /* when the next one comes */
	int tries;
	double rows_seen; /* of all changes of facts */
	size_t chosen;
	uint64_t version;
	struct server_facts after;
};

struct play {
	const struct storm *storm;
	struct pool pool;
	struct gateway *gateways;
	struct event *heap;
	size_t n_events;
	double free_us; /* when the engine is */
	double busy_us;
	double rows; /* changes of facts so far */
	double facts_due;
	double *took_us;
	size_t made, forced, tries;
};

/* ---- Events, the next one first --------------------------------------------------- */

static void
push(struct play *play, struct event event)
{
	size_t at = play->n_events++;

	while (at > 0 && play->heap[(at - 1) / 2].at_us > event.at_us) {
		play->heap[at] = play->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	play->heap[at] = event;
}

static struct event
pop(struct play *play)
{
	struct event first = play->heap[0], last = play->heap[--play->n_events];
	size_t at = 0;

	for (size_t child; (child = 2 * at + 1) < play->n_events; at = child) {
		if (child + 1 < play->n_events &&
		    play->heap[child + 1].at_us < play->heap[child].at_us)
			child++;
		if (last.at_us <= play->heap[child].at_us)
			break;
		play->heap[at] = play->heap[child];
	}
	play->heap[at] = last;
	return first;
}

/* What takes so long on average: no two times are alike, or gateways would keep step, and one
 * would always come late. */
static double
about(struct play *play, double us)
{
	return us * pool_between(&play->pool, 0.5, 1.5);
}

/* ---- The engine --------------------------------------------------------------------- */

/* It does that when it has done all that came before.  Returns when that is. */
static double
serve(struct play *play, double at_us, double took_us)
{
	play->free_us = fmax(play->free_us, at_us) + took_us;
	play->busy_us += took_us;
	return play->free_us;
}

/* Other work, and facts that polls have changed. */
static void
serve_others(struct play *play, double at_us)
{
	serve(play, at_us, play->storm->background * TICK_US);
	play->facts_due += play->storm->facts_per_second * TICK_US / 1e6;
	for (; play->facts_due >= 1; play->facts_due--) {
		size_t at = (size_t)(pool_chance(&play->pool) * (double)play->pool.n);

		play->pool.candidates[at].facts.version++;
		play->rows++;
	}
	push(play, (struct event){ at_us + TICK_US, TICK, 0 });
}

static void
serve_picture(struct play *play, struct event event)
{
	struct gateway *gateway = &play->gateways[event.gateway];
	double rows = fmin(play->rows - gateway->rows_seen, (double)play->pool.n);
	double at_us = serve(play, event.at_us,
	    about(play, play->storm->picture_us) + rows * play->storm->row_us);

	gateway->rows_seen = play->rows;
	gateway->tries++;
	gateway->chosen = pool_choose(&play->pool, SEATS, BEGIN_MS + (int64_t)(at_us / 1000),
	    &gateway->after);
	gateway->version = play->pool.candidates[gateway->chosen].facts.version;
	push(play,
	    (struct event){ at_us + about(play, play->storm->way_us + play->storm->think_us),
	        SET, event.gateway });
}

/* Begin the gateway's next claim. */
static void
begin_claim(struct play *play, size_t at, double now_us)
{
	struct gateway *gateway = &play->gateways[at];
	double each = play->storm->rate / (double)play->storm->gateways;
	double wait_us = -log(pool_chance(&play->pool)) *
	    (each > 0 ? 1e6 / each : play->storm->pause_us);

	gateway->tries = 0;
	gateway->next_us = each > 0 ? gateway->next_us + wait_us : now_us + wait_us;
	gateway->came_us = gateway->next_us;
	push(play,
	    (struct event){
	        fmax(now_us, gateway->came_us) + about(play, play->storm->way_us / 2), PICTURE,
	        at });
}

static void
serve_set(struct play *play, struct event event)
{
	struct gateway *gateway = &play->gateways[event.gateway];
	struct server_facts *facts = &play->pool.candidates[gateway->chosen].facts;
	double at_us = serve(play, event.at_us, about(play, play->storm->set_us));
	bool is_stale = facts->version != gateway->version;

	if (is_stale && gateway->tries < TRIES) {
		push(play,
		    (struct event){ at_us + about(play, play->storm->way_us), PICTURE,
		        event.gateway });
		return;
	}
	/* The last try leaves the load out, and writes no facts. */
	if (gateway->tries < TRIES) {
		*facts = gateway->after;
		facts->version = gateway->version + 1;
		play->rows++;
	}
	play->forced += gateway->tries == TRIES;
	play->tries += (size_t)gateway->tries;
	double done_us = at_us + play->storm->way_us / 2;
	play->took_us[play->made++] = done_us - gateway->came_us;
	begin_claim(play, event.gateway, done_us);
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct storm_outcome
storm_run(const struct storm *storm)
{
	struct play play = { .storm = storm };
	double now_us = 0;

	pool_init(&play.pool, storm->servers, storm->sample, 2);
	/* Servers that have been in use for a while are not alike. */
	for (size_t i = 0; i < storm->servers; i++)
		play.pool.candidates[i].facts.users = (long)pool_between(&play.pool, 500, 700);
	play.gateways = mem_alloc(storm->gateways * sizeof(*play.gateways));
	play.heap = mem_alloc((2 * storm->gateways + 2) * sizeof(*play.heap));
	play.took_us = mem_alloc((storm->claims + 1) * sizeof(*play.took_us));
	for (size_t i = 0; i < storm->gateways; i++)
		begin_claim(&play, i, pool_between(&play.pool, 0, storm->think_us));
	push(&play, (struct event){ 0, TICK, 0 });
	while (play.made < storm->claims) {
		struct event event = pop(&play);

		now_us = event.at_us;
		if (event.kind == TICK)
			serve_others(&play, now_us);
		else if (event.kind == PICTURE)
			serve_picture(&play, event);
		else
			serve_set(&play, event);
	}
	qsort(play.took_us, play.made, sizeof(*play.took_us), compare_doubles);
	struct storm_outcome outcome = {
		.per_second = (double)play.made * 1e6 / now_us,
		.tries = (double)play.tries / (double)play.made,
		.forced = (double)play.forced / (double)play.made,
		.busy = fmin(1, play.busy_us / now_us),
		.p50_ms = play.took_us[play.made / 2] / 1000,
		.p99_ms = play.took_us[play.made * 99 / 100] / 1000,
	};
	pool_free(&play.pool);
	free(play.gateways);
	free(play.heap);
	free(play.took_us);
	return outcome;
}
