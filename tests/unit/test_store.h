/*
 * What the tests of the stores share: opening each adapter that remembers, and the verbs
 * in short.  Contract tests are functions over the name of an adapter; test_contract runs
 * them over all.
 */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include "ports/store.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "adapters/sqlite/store_sqlite.h"
#if HAVE_REDIS
#include "adapters/redis/store_redis.h"
#endif
#include "base/arena.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "support/engine.h"
#include "support/memory.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How long the first try of a Redis store is waited for. */
#define OPEN_WAIT_MS 1000

/* The time of day in tests that have no other. */
#define NOW INT64_C(100000000)

static char dir[] = "/tmp/tinyscale-test-store.XXXXXX";
static char path[128]; /* of the last SQLite store that open_store made */
static struct arena *arena;
static pid_t engine = -1; /* for the Redis stores, once one was opened */

/* ---- The program ---------------------------------------------------------------- */

static inline void
begin_tests(const char *program)
{
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
	log_open(program,
	    getenv("LOUD") ? "debug" : "error"); /* warnings are expected, by the dozen */
	arena = arena_new();
}

static inline int
end_tests(void)
{
	arena_free(arena);
	engine_stop(engine);
	char command[160];
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		diag("%s is left behind", dir);
	return done_testing();
}

typedef void contract_test(const char *adapter);

/* Is there an engine for the Redis stores?  It runs from the first question on. */
static inline bool
has_engine(void)
{
	if (!HAVE_REDIS || engine > 0)
		return engine > 0;
	if (engine_program())
		engine = engine_start(dir);
	else if (getenv("E2E_REQUIRED"))
		ok(false, "redis-server is installed");
	return engine > 0;
}

static inline void
test_contract(contract_test *const *tests, size_t n)
{
	static const char *const adapters[] = { "memory", "sqlite", "redis" };

	for (size_t i = 0; i < COUNT(adapters); i++)
		for (size_t k = 0; k < n; k++)
			if (strcmp(adapters[i], "redis") != 0 || has_engine())
				tests[k](adapters[i]);
}

/* ---- Stores --------------------------------------------------------------------- */

/* The store at path: a file, or the keys with that number in the engine. */
static inline struct store *
open_at(const char *adapter)
{
#if HAVE_REDIS
	if (strcmp(adapter, "redis") == 0) {
		static struct state_url url;

		url = (struct state_url){ .kind = STATE_URL_UNIX,
			.path = str_printf(arena, "%s/engine.sock", dir) };
		return store_redis_open(&url, strrchr(path, '-') + 1,
		    str_copy(arena, str_from(path)), OPEN_WAIT_MS, true);
	}
#endif
	(void)adapter;
	return store_sqlite_open(path);
}

/* An empty store.  SQLite's is in a file of its own. */
static inline struct store *
open_store(const char *adapter)
{
	static int number;

	if (strcmp(adapter, "memory") == 0)
		return store_memory_open();
	snprintf(path, sizeof(path), "%s/state-%d", dir, ++number);
	return open_at(adapter);
}

static inline void
close_store(struct store *store)
{
	store->verbs->close(store);
}

/* The same store after a restart, as far as it outlives one. */
static inline struct store *
reopen(struct store *store, const char *adapter)
{
	if (strcmp(adapter, "memory") == 0)
		return store;
	close_store(store);
	return open_at(adapter);
}

/* ---- Servers -------------------------------------------------------------------- */

static inline struct server_facts
facts_of(struct store *store, const char *name)
{
	struct server server = { .name = name };
	struct server_facts facts;

	memset(&facts, 0x55, sizeof(facts));
	store->verbs->servers_get(store, &server, 1, &facts, NULL);
	return facts;
}

/* Put facts in place of those of facts->version, which becomes the new one. */
static inline enum store_result
set_facts(struct store *store, const char *name, struct server_facts *facts)
{
	struct store_server set = { .name = name, .facts = *facts, .result = STORE_FAILED };
	enum store_result result = store->verbs->servers_set(store, &set, 1);

	*facts = set.facts;
	return result == STORE_OK ? set.result : result;
}

static inline bool
is_same(double a, double b)
{
	return a >= b && a <= b;
}

static inline bool
are_same_facts(const struct server_facts *a, const struct server_facts *b)
{
	return a->version == b->version && a->health == b->health &&
	    a->has_operator_state == b->has_operator_state &&
	    (!a->has_operator_state || a->operator_state == b->operator_state) &&
	    a->failures == b->failures && a->failing_ms == b->failing_ms &&
	    a->successes == b->successes && a->told_ms == b->told_ms &&
	    a->polled_ms == b->polled_ms && a->good_ms == b->good_ms &&
	    a->next_poll_ms == b->next_poll_ms && a->since_ms == b->since_ms &&
	    a->back_ms == b->back_ms && a->create_failures == b->create_failures &&
	    a->create_failed == b->create_failed && a->held_ms == b->held_ms &&
	    a->users == b->users && a->meetings == b->meetings &&
	    is_same(a->reserved, b->reserved) && a->reserved_ms == b->reserved_ms &&
	    is_same(a->turn, b->turn) && a->secret_at == b->secret_at &&
	    strcmp(a->release, b->release) == 0 && a->release_ms == b->release_ms;
}

/* Are these the facts of a server that the state has never heard of? */
static inline bool
are_new_facts(const struct server_facts *facts)
{
	return are_same_facts(facts, &(struct server_facts){ .health = SERVER_UP });
}

/* ---- Meetings ------------------------------------------------------------------- */

static inline bool
are_same_meetings(const struct meeting *a, const struct meeting *b)
{
	if (!a->server || !b->server)
		return a->server == b->server && a->version == b->version;
	return strcmp(a->server, b->server) == 0 && a->version == b->version &&
	    a->claimed_ms == b->claimed_ms && a->create_ms == b->create_ms &&
	    a->seen_ms == b->seen_ms && a->is_ending == b->is_ending && a->seats == b->seats &&
	    a->users == b->users && a->peak == b->peak &&
	    strcmp(a->copy ? a->copy : "", b->copy ? b->copy : "") == 0;
}

/* A mapping as a create makes it. */
static inline struct meeting
mapping_to(const char *server, int64_t now_ms)
{
	return (struct meeting){
		.server = server,
		.claimed_ms = now_ms,
		.create_ms = now_ms,
		.seats = 15,
	};
}

/* Set one mapping; its result, and *found what is there then, unless that is NULL. */
static inline enum store_result
set_meeting(struct store *store, struct str id, const struct meeting *expected,
    const struct meeting *wanted, struct meeting *found)
{
	struct store_change change = {
		.meeting_id = id,
		.expected = expected,
		.wanted = wanted,
		.result = STORE_FAILED,
		.found = { .server = "?" },
	};
	enum store_result result = store->verbs->meetings_set(store, arena, &change, 1, NOW);

	if (found)
		*found = change.found;
	return result == STORE_OK ? change.result : result;
}

/* Map what is not mapped; the mapping, or none. */
static inline struct meeting
map(struct store *store, const char *id, const char *server)
{
	struct meeting wanted = mapping_to(server, NOW), found;

	return set_meeting(store, str_from(id), NULL, &wanted, &found) == STORE_OK ?
	    found :
	    (struct meeting){ 0 };
}

static inline enum store_result
drop(struct store *store, const char *id, const struct meeting *expected)
{
	return set_meeting(store, str_from(id), expected, NULL, NULL);
}

/* "absent", "nowhere", "failed", or the server that the meeting is on. */
static inline const char *
where(struct store *store, const char *id)
{
	struct meeting meeting;
	struct server_facts facts;

	switch (store->verbs->meeting_get(store, arena, str_from(id), NOW, &meeting, &facts,
	    NULL)) {
	case STORE_OK:
		return meeting.server;
	case STORE_ABSENT:
		return "absent";
	case STORE_NOT_FOUND:
		return "nowhere";
	default:
		return "failed";
	}
}

/* ---- Hooks ---------------------------------------------------------------------- */

static inline struct webhook
hook_of(const char *url, int64_t now_ms)
{
	struct webhook hook = { .url = str_from(url), .changed_ms = now_ms };

	webhook_id(hook.url, hook.id);
	return hook;
}

/* ---- All verbs ------------------------------------------------------------------ */

#define READING_VERBS 10
#define WRITING_VERBS 14
#define ALL_VERBS (READING_VERBS + WRITING_VERBS)

static inline int
count_failing_reads(struct store *store)
{
	const struct store_verbs *v = store->verbs;
	struct server server = { .name = "a" };
	struct server_facts facts;
	struct meeting meeting;
	struct mapped *meetings;
	struct store_history history;
	struct store_recording *recordings;
	struct store_list list = { "a", "getMeetings", "", { NULL, 0 } };
	struct webhook *hooks;
	struct event *events;
	struct store_trend trend = { .server = "a" };
	size_t n;

	return (v->servers_get(store, &server, 1, &facts, NULL) == STORE_FAILED) +
	    (v->meeting_get(store, arena, STR("m"), NOW, &meeting, &facts, NULL) ==
	        STORE_FAILED) +
	    (v->meetings_on(store, arena, "a", &meetings, &n) == STORE_FAILED) +
	    (v->history_get(store, STR("m"), &history) == STORE_FAILED) +
	    (v->picture_get(store, &server, 1, &facts, NULL, &STR("m"), &history, 1) ==
	        STORE_FAILED) +
	    (v->recordings_find(store, arena, &(struct str){ "r", 1 }, 1, &recordings, &n) ==
	        STORE_FAILED) +
	    (v->list_find(store, arena, &list) == STORE_FAILED) +
	    (v->webhook_list(store, arena, &hooks, &n) == STORE_FAILED) +
	    (v->events_get(store, arena, &events, &n) == STORE_FAILED) +
	    (v->trends_get(store, &trend, 1) == STORE_FAILED);
}

/* Each has something to write. */
static inline int
count_failing_writes(struct store *store)
{
	static int round;
	const struct store_verbs *v = store->verbs;
	char *text = str_printf(arena, "%d", round++);
	struct server_facts facts = facts_of(store, "a");
	struct meeting wanted = mapping_to("a", NOW);
	struct store_recording recording = { str_from(text), "a", true };
	struct store_list list = { "a", "getMeetings", "", str_from(text) };
	struct webhook hook = hook_of(text, NOW);
	struct store_trend trend = { .server = "a" };
	struct pacing_slot slot;
	int n = 0;

	trend_add(&trend.trend, NOW, 1, 1);
	n += set_facts(store, "a", &facts) == STORE_FAILED;
	n += set_meeting(store, str_from(text), NULL, &wanted, NULL) == STORE_FAILED;
	n += v->typical_put(store, 7) == STORE_FAILED;
	n += v->absent_put(store, STR("n"), NOW, 1000) == STORE_FAILED;
	n += v->lease_take(store, 1, NOW, 0) == STORE_FAILED;
	n += v->slot_take(store, "a", NOW, 1000, &slot) == STORE_FAILED;
	n += v->recordings_put(store, &recording, 1, NOW) == STORE_FAILED;
	n += v->lists_put(store, &list, 1) == STORE_FAILED;
	n += v->lists_drop(store, "a", "getRecordings") == STORE_FAILED;
	n += v->webhook_put(store, &hook, true) == STORE_FAILED;
	n += v->webhook_drop(store, hook.id, NOW) == STORE_FAILED;
	n += v->trends_put(store, &trend, 1) == STORE_FAILED;
	n += v->purge(store, (round + 1) * PURGE_INTERVAL_MS) == STORE_FAILED;
	n += set_meeting(store, str_from(text), &wanted, NULL, NULL) == STORE_FAILED;
	return n;
}

/* ---- A store that fails for a time --------------------------------------------- */

static inline void
pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

static inline int64_t
whole_of(struct store *store)
{
	int64_t whole_ms = -1;

	store->verbs->servers_get(store, NULL, 0, NULL, &whole_ms);
	return whole_ms;
}

/* Wait until the store was mended, without asking it to write.  Is it? */
static inline bool
is_mended(struct store *store)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + 60000;

	while (whole_of(store) == INT64_MAX && clock_ms(CLOCK_MONOTONIC) < until_ms)
		pause_ms(10);
	return whole_of(store) < INT64_MAX;
}

static inline enum store_result
put_something(struct store *store)
{
	return store->verbs->typical_put(store, 7);
}

#endif
