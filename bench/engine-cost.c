/*
 * engine-cost: fills a Redis through the gateway's own adapter, and makes it do one kind of
 * work, for simulate.sh, which looks at the engine's CPU and memory before and after.
 *
 * Names and numbers are as long as they are in a school: a server is "bbb-00001.example.org",
 * a meetingID has 40 characters from Moodle and two numbers behind them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/redis/store_redis.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "formats/state_url.h"
#include "ports/store.h"

static const char usage[] =
    "usage: engine-cost URL SERVERS WORK [NUMBER [FILE]]\n"
    "\n"
    "WORK, done NUMBER times where no other is told, of SERVERS servers:\n"
    "  facts      write the facts of each server, NUMBER times\n"
    "  mappings   write NUMBER new mappings, on all servers in turn\n"
    "  counts     change the people in the first NUMBER mappings, as polls do\n"
    "  peaks      drop the first NUMBER mappings, whose meetings had people\n"
    "  lists      write FILE as each server's list; NUMBER makes it another than before\n"
    "  trends     write an hour's samples of each server\n"
    "  claims     claim NUMBER meetingIDs with a server's load as a condition\n"
    "  joins      read a mapping, with its server's facts\n"
    "  pictures   read what is known of all servers, of which none has changed\n"
    "  anew       read all of it anew, as a gateway that was started now\n"
    "  listed     read the mappings of a server\n"
    "  purge      forget what is too old, of which there is nothing\n"
    "\n"
    "Prints how often it was done, the microseconds of this program's CPU for each, and\n"
    "those that the longest took.\n";

#define AT_ONCE 100
#define PEOPLE 25

static struct state_url url;
static struct store *store;
static struct arena *arena;
static struct server *servers;
static size_t n_servers;
static const char *file;
static long number;

static void
check_result(enum store_result result)
{
	if (result == STORE_OK)
		return;
	fprintf(stderr, "engine-cost: the engine did not do it: %d\n", result);
	exit(1);
}

static void
open_store(void)
{
	store = store_redis_open(&url, "tinyscale", "/nonexistent", 1000, true);
	for (int i = 0; i < 1000; i++) {
		struct server_facts facts;

		if (store->verbs->servers_get(store, servers, 1, &facts, NULL) == STORE_OK)
			return;
		clock_sleep_ms(10);
	}
	check_result(STORE_FAILED);
}

static struct str
meeting_id(const char *kind, long at)
{
	return str_from(str_printf(arena, "%s%039lx-%ld-%ld", kind, at * 2654435761L, at % 9973,
	    at % 99991));
}

static struct meeting
mapping(long at, long users)
{
	int64_t now_ms = clock_ms(CLOCK_REALTIME);

	return (struct meeting){ .server = servers[(size_t)at % n_servers].name,
		.claimed_ms = now_ms,
		.create_ms = now_ms,
		.seen_ms = now_ms,
		.seats = PEOPLE,
		.users = users,
		.peak = users };
}

/* ---- Work: done once; returns how much of it there was ----------------------------- */

static long
work_facts(long at)
{
	struct server_facts *facts = arena_alloc(arena, n_servers * sizeof(*facts));
	struct store_server *sets = arena_alloc(arena, n_servers * sizeof(*sets));
	int64_t now_ms = clock_ms(CLOCK_REALTIME);

	check_result(store->verbs->servers_get(store, servers, n_servers, facts, NULL));
	for (size_t i = 0; i < n_servers; i++) {
		facts[i].told_ms = facts[i].polled_ms = facts[i].good_ms = now_ms;
		facts[i].next_poll_ms = now_ms + 10000;
		facts[i].since_ms = facts[i].release_ms = facts[i].reserved_ms = now_ms;
		facts[i].users = 700 + at;
		facts[i].meetings = 30;
		facts[i].reserved = 100.0 / 7;
		facts[i].turn = 1000.0 / 7;
		strcpy(facts[i].release, "3.0.21");
		sets[i] = (struct store_server){ .name = servers[i].name, .facts = facts[i] };
	}
	check_result(store->verbs->servers_set(store, sets, n_servers));
	return (long)n_servers;
}

/* Changes of AT_ONCE mappings, from what is there to what is made of it. */
static long
change_mappings(long at, bool is_new, bool is_gone)
{
	struct store_change changes[AT_ONCE];
	struct meeting from[AT_ONCE], to[AT_ONCE];

	for (long i = 0; i < AT_ONCE; i++) {
		struct server_facts facts;
		struct str id = meeting_id("m", at * AT_ONCE + i);

		if (!is_new)
			check_result(store->verbs->meeting_get(store, arena, id,
			    clock_ms(CLOCK_REALTIME), &from[i], &facts, NULL));
		to[i] = is_new ? mapping(at * AT_ONCE + i, PEOPLE) : from[i];
		to[i].users += !is_new;
		changes[i] = (struct store_change){ .meeting_id = id,
			.expected = is_new ? NULL : &from[i],
			.wanted = is_gone ? NULL : &to[i] };
	}
	check_result(store->verbs->meetings_set(store, arena, changes, AT_ONCE,
	    clock_ms(CLOCK_REALTIME)));
	return AT_ONCE;
}

static long
work_mappings(long at)
{
	return change_mappings(at, true, false);
}

static long
work_counts(long at)
{
	return change_mappings(at, false, false);
}

static long
work_peaks(long at)
{
	return change_mappings(at, false, true);
}

static long
work_lists(long at)
{
	static struct str text;
	FILE *in = text.data ? NULL : fopen(file, "re");

	if (in) {
		char *all = malloc((size_t)1 << 24);

		text = (struct str){ all, fread(all, 1, (size_t)1 << 24, in) };
		fclose(in);
	}
	/* None is like another. */
	const char *answer = str_printf(arena, "%.*s<!-- %ld %ld -->", (int)text.len, text.data,
	    at, number);
	struct store_list list = { servers[(size_t)at % n_servers].name, "getMeetings", "",
		str_from(answer) };

	check_result(store->verbs->lists_put(store, &list, 1));
	return 1;
}

static long
work_trends(long at)
{
	struct store_trend trend = { .server = servers[(size_t)at % n_servers].name,
		.trend.minute = clock_ms(CLOCK_REALTIME) / 60000 };

	for (int i = 0; i < TREND_MINUTES; i++)
		trend.trend.samples[i] = (struct trend_sample){ 700 + i, 30 };
	check_result(store->verbs->trends_put(store, &trend, 1));
	return 1;
}

static long
work_claims(long at)
{
	struct meeting wanted = mapping(at, 0);
	struct store_server load = { .name = wanted.server };
	const struct server *server = &servers[(size_t)at % n_servers];
	struct store_change change = { .meeting_id = meeting_id("c", at + number * 1000000),
		.wanted = &wanted,
		.load = &load };

	check_result(store->verbs->servers_get(store, server, 1, &load.facts, NULL));
	check_result(
	    store->verbs->meetings_set(store, arena, &change, 1, clock_ms(CLOCK_REALTIME)));
	check_result(change.result);
	return 1;
}

static long
work_joins(long at)
{
	struct meeting meeting;
	struct server_facts facts;

	check_result(store->verbs->meeting_get(store, arena, meeting_id("m", at),
	    clock_ms(CLOCK_REALTIME), &meeting, &facts, NULL));
	return 1;
}

static long
work_pictures(long at)
{
	struct server_facts *facts = arena_alloc(arena, n_servers * sizeof(*facts));
	const struct str id = meeting_id("p", at);
	struct store_history history;

	check_result(store->verbs->picture_get(store, servers, n_servers, facts, NULL, &id,
	    &history, 1));
	return 1;
}

static long
work_anew(long at)
{
	struct server_facts *facts = arena_alloc(arena, n_servers * sizeof(*facts));

	(void)at;
	store->verbs->close(store);
	open_store();
	check_result(store->verbs->servers_get(store, servers, n_servers, facts, NULL));
	return 1;
}

static long
work_listed(long at)
{
	struct mapped *mapped;
	size_t n;

	check_result(store->verbs->meetings_on(store, arena,
	    servers[(size_t)at % n_servers].name, &mapped, &n));
	return 1;
}

static long
work_purge(long at)
{
	(void)at;
	/* The engine goes on with it when the verb's time is over. */
	if (store->verbs->purge(store, clock_ms(CLOCK_REALTIME)) != STORE_OK)
		fputs("engine-cost: purge took longer than a verb may\n", stderr);
	return 1;
}

static const struct work {
	const char *name;
	long (*once)(long at);
	int at_once; /* how many of it are done by once; 0: all servers are */
} works[] = {
	{ "facts", work_facts, 1 },
	{ "mappings", work_mappings, AT_ONCE },
	{ "counts", work_counts, AT_ONCE },
	{ "peaks", work_peaks, AT_ONCE },
	{ "lists", work_lists, 0 },
	{ "trends", work_trends, 0 },
	{ "claims", work_claims, 1 },
	{ "joins", work_joins, 1 },
	{ "pictures", work_pictures, 1 },
	{ "anew", work_anew, 1 },
	{ "listed", work_listed, 1 },
	{ "purge", work_purge, 1 },
};

static void
make_servers(struct arena *kept)
{
	servers = calloc(n_servers, sizeof(*servers));
	for (size_t i = 0; i < n_servers; i++)
		servers[i].name = str_printf(kept, "bbb-%05zu.example.org", i + 1);
}

int
main(int argc, char **argv)
{
	const struct work *work = NULL;

	for (size_t i = 0; argc >= 4 && i < sizeof(works) / sizeof(*works); i++)
		if (strcmp(argv[3], works[i].name) == 0)
			work = &works[i];
	if (!work || argc > 6 || (n_servers = (size_t)atol(argv[2])) < 1 ||
	    (number = argc > 4 ? atol(argv[4]) : 1) < 1) {
		fputs(usage, stderr);
		return 2;
	}
	file = argc > 5 ? argv[5] : "/dev/null";
	log_open("engine-cost", "error");
	arena = arena_new();
	struct arena *kept = arena_new();
	const char *problem = state_url_parse(kept, str_from(argv[1]), &url);
	if (problem) {
		fprintf(stderr, "engine-cost: %s\n", problem);
		return 2;
	}
	make_servers(kept);
	open_store();
	long times = work->at_once == 0 ? (long)n_servers : number / work->at_once;
	long done = 0;
	int64_t cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID), longest_us = 0;
	for (long at = 0; at < times; at++) {
		int64_t began_us = clock_us(CLOCK_MONOTONIC);

		done += work->once(at);
		int64_t took_us = clock_us(CLOCK_MONOTONIC) - began_us;
		longest_us = took_us > longest_us ? took_us : longest_us;
		arena_reset(arena);
	}
	cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us;
	printf("%ld %.2f %lld\n", done, (double)cpu_us / (double)done, (long long)longest_us);
	store->verbs->close(store);
	arena_free(arena);
	arena_free(kept);
	free(servers);
	return 0;
}
