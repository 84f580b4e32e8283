#include "morning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/load.h"
#include "model/reconcile.h"
#include "ports/store.h"

/* One poll of so many is reconciled in earnest: the others are only counted. */
#define RECONCILE_EVERY 50

#define ARRIVAL_MS (5 * MINUTE_MS)
#define NONE UINT32_MAX

struct lesson {
	int64_t begin_ms, end_ms;
	uint32_t next; /* of those on the same server */
	uint16_t size, yesterday, users, peak, seats;
};

struct play {
	const struct size *size;
	struct morning *out;
	struct pool pool;
	struct lesson *lessons; /* by when they begin */
	uint32_t *first;        /* of each server's, NONE: it has no meeting */
	struct arena *arena;
	double typical; /* how many people meetings have */
	double running;
	double reconcile_us;
	size_t polls;
	double fullest_yet;
};

static const int bells[] = { 7 * 60 + 50, 8 * 60, 8 * 60 + 45, 9 * 60 + 45, 10 * 60 + 45,
	11 * 60 + 45 };

#define BELLS (sizeof(bells) / sizeof(*bells))

static int
compare_lessons(const void *a, const void *b)
{
	const struct lesson *x = a, *y = b;

	return (x->begin_ms > y->begin_ms) - (x->begin_ms < y->begin_ms);
}

static void
make_lessons(struct play *play)
{
	struct pool *pool = &play->pool;
	size_t n = play->size->meetings;
	double half_ms = play->size->burst_minutes / 2 * MINUTE_MS;

	play->lessons = mem_alloc(n * sizeof(*play->lessons));
	for (size_t i = 0; i < n; i++) {
		struct lesson *lesson = &play->lessons[i];
		double off = (pool_chance(pool) + pool_chance(pool) - 1) * half_ms;
		double usual = pool_between(pool, 20, 31);

		lesson->begin_ms = bells[i % BELLS] * MINUTE_MS + (int64_t)off;
		lesson->end_ms = lesson->begin_ms +
		    (int64_t)(pool_between(pool, 45, 90) * MINUTE_MS);
		lesson->size = (uint16_t)usual;
		/* What is remembered of meetings ends at PEAKS_MOST. */
		if (pool_chance(pool) * (double)n < PEAKS_MOST)
			lesson->yesterday = (uint16_t)(usual * pool_between(pool, 0.8, 1.2));
	}
	qsort(play->lessons, n, sizeof(*play->lessons), compare_lessons);
}

/* The people come evenly within five minutes. */
static void
count_joins(const struct play *play)
{
	double *change = mem_alloc((MORNING_SECONDS + 1) * sizeof(*change));
	size_t over = ARRIVAL_MS / SECOND_MS;

	for (size_t i = 0; i < play->size->meetings; i++) {
		const struct lesson *lesson = &play->lessons[i];
		size_t at = (size_t)((lesson->begin_ms - MORNING_BEGIN_MS) / SECOND_MS);

		change[at] += (double)lesson->size / (double)over;
		change[at + over] -= (double)lesson->size / (double)over;
	}
	double joins = 0;
	for (size_t at = 0; at < MORNING_SECONDS; at++)
		play->out->seconds[at].joins = joins += change[at];
	free(change);
}

static long
users_at(const struct lesson *lesson, int64_t now_ms)
{
	if (now_ms >= lesson->end_ms)
		return 0;
	double x = (double)(now_ms - lesson->begin_ms) / (double)ARRIVAL_MS;

	return x >= 1 ? lesson->size : (long)(x * lesson->size);
}

static void
place(struct play *play, uint32_t at)
{
	struct lesson *lesson = &play->lessons[at];
	long seats = load_seats(0, lesson->yesterday, play->typical);
	struct server_facts after;
	size_t server = pool_choose(&play->pool, seats, lesson->begin_ms, &after);

	play->pool.candidates[server].facts = after;
	lesson->seats = (uint16_t)seats;
	lesson->next = play->first[server];
	play->first[server] = at;
	play->running++;
	play->out->placed++;
}

/* ---- Polls -------------------------------------------------------------------------- */

/* Would a poll change that mapping? */
static bool
is_changed(const struct lesson *lesson, int64_t now_ms)
{
	return now_ms >= lesson->end_ms || users_at(lesson, now_ms) != lesson->users ||
	    lesson->peak == 0;
}

/* Let reconcile() say what is to change, and measure it. */
static size_t
reconcile_in_earnest(struct play *play, size_t server, int64_t now_ms)
{
	size_t n = 0;

	for (uint32_t at = play->first[server]; at != NONE; at = play->lessons[at].next)
		n++;
	static const struct reconcile_rules rules = { .create_timeout_ms = 60000,
		.poll_interval_ms = 10000 };
	struct polled *polled = arena_alloc(play->arena, (n + 1) * sizeof(*polled));
	struct mapped *mapped = arena_alloc(play->arena, (n + 1) * sizeof(*mapped));
	size_t n_mapped = 0, n_polled = 0;

	for (uint32_t at = play->first[server]; at != NONE; at = play->lessons[at].next) {
		const struct lesson *lesson = &play->lessons[at];
		const char *id = str_printf(play->arena, "m%039lx-%u-%u",
		    at * (unsigned long)2654435761, at % 9973, at % 99991);

		mapped[n_mapped++] = (struct mapped){
			.meeting_id = str_from(id),
			.meeting = { .server = play->pool.servers[server].name,
			    .claimed_ms = lesson->begin_ms,
			    .create_ms = lesson->begin_ms,
			    .seen_ms = lesson->peak > 0 ? now_ms - 10000 : 0,
			    .seats = lesson->seats,
			    .users = lesson->users,
			    .peak = lesson->peak },
		};
		if (now_ms < lesson->end_ms)
			polled[n_polled++] = (struct polled){ str_from(id),
				users_at(lesson, now_ms), false };
	}
	const struct reconcile_poll poll = { play->pool.servers[server].name, polled, n_polled,
		true, now_ms, now_ms };
	struct reconcile_change *changes;
	int64_t began_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
	size_t n_changes = reconcile(play->arena, &poll, mapped, n_mapped, &rules, &changes);

	play->reconcile_us += (double)(clock_us(CLOCK_THREAD_CPUTIME_ID) - began_us);
	play->out->reconciled++;
	arena_reset(play->arena);
	return n_changes;
}

/* Take what the poll shows of a server's meetings, drop those that ended, and count the load
 * anew.  Returns how many mappings changed. */
static size_t
take_list(struct play *play, size_t server, int64_t now_ms, struct second *second)
{
	struct server_facts *facts = &play->pool.candidates[server].facts;
	uint32_t *link = &play->first[server];
	size_t changed = 0;

	facts->users = facts->meetings = 0;
	facts->reserved = 0;
	facts->reserved_ms = now_ms;
	while (*link != NONE) {
		struct lesson *lesson = &play->lessons[*link];

		second->listed++;
		changed += is_changed(lesson, now_ms);
		lesson->users = (uint16_t)users_at(lesson, now_ms);
		if (now_ms >= lesson->end_ms) {
			play->typical = load_typical_next(play->typical, lesson->peak);
			play->running--;
			*link = lesson->next;
			continue;
		}
		/* 1 stands for "seen" where nobody has come yet. */
		lesson->peak = lesson->users > 1 ? lesson->users : 1;
		facts->users += lesson->users;
		facts->meetings++;
		facts->reserved += load_reserved(lesson->seats, lesson->users,
		    now_ms - lesson->begin_ms);
		link = &lesson->next;
	}
	return changed;
}

static void
poll_server(struct play *play, size_t server, int64_t now_ms, struct second *second)
{
	struct server_facts *facts = &play->pool.candidates[server].facts;
	size_t n_changes = 0;
	bool in_earnest = play->polls++ % RECONCILE_EVERY == 0;

	if (in_earnest)
		n_changes = reconcile_in_earnest(play, server, now_ms);
	size_t changed = take_list(play, server, now_ms, second);
	server_contact(facts, CONTACT_POLL_GOOD, &play->pool.rules, now_ms, 0);
	play->out->differing += in_earnest && n_changes != changed;
	second->polls++;
	second->notes += (double)changed;
}

/* Who is fullest, compared with the mean? */
static void
compare_servers(struct play *play, int64_t now_ms)
{
	double most = 0, all = 0;

	for (size_t i = 0; i < play->size->servers; i++) {
		double users = (double)play->pool.candidates[i].facts.users;

		all += users;
		most = fmax(most, users);
	}
	if (most <= play->fullest_yet)
		return;
	play->fullest_yet = most;
	play->out->fullest = most * (double)play->size->servers / all;
	play->out->fullest_users = most;
	play->out->pool_ms = now_ms;
}

void
morning_run(const struct size *size, struct morning *morning)
{
	struct play play = { .size = size, .out = morning, .arena = arena_new() };
	size_t placed = 0;

	*morning = (struct morning){
		.seconds = mem_alloc(MORNING_SECONDS * sizeof(*morning->seconds))
	};
	pool_init(&play.pool, size->servers, size->sample, 1);
	make_lessons(&play);
	count_joins(&play);
	play.first = mem_alloc(size->servers * sizeof(*play.first));
	for (size_t i = 0; i < size->servers; i++) {
		play.first[i] = NONE;
		play.pool.candidates[i].facts.next_poll_ms = MORNING_BEGIN_MS +
		    (int64_t)pool_between(&play.pool, 0, 10000);
	}
	for (size_t at = 0; at < MORNING_SECONDS; at++) {
		struct second *second = &morning->seconds[at];
		int64_t now_ms = MORNING_BEGIN_MS + (int64_t)at * SECOND_MS;

		for (; placed < size->meetings && play.lessons[placed].begin_ms <= now_ms;
		     placed++) {
			place(&play, (uint32_t)placed);
			second->creates++;
		}
		for (size_t i = 0; i < size->servers; i++)
			if (server_is_due(&play.pool.candidates[i].facts, now_ms))
				poll_server(&play, i, now_ms, second);
		second->running = play.running;
		if (at % 10 == 0)
			compare_servers(&play, now_ms);
	}
	morning->left = (size_t)play.running;
	morning->reconcile_us = play.reconcile_us / (double)morning->reconciled;
	morning->pool = play.pool;
	free(play.lessons);
	free(play.first);
	arena_free(play.arena);
}

void
morning_free(struct morning *morning)
{
	free(morning->seconds);
	pool_free(&morning->pool);
}
