/*
 * The Redis store over sentinels: an engine that is lost, and its replica that takes over; and
 * replicas that confirm claims, or do not.
 */
#include "test_store_redis.h"

#if HAVE_REDIS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define SENTINELS 3

static struct node engines[2];
static int engine_ports[2], sentinel_ports[SENTINELS];
static pid_t sentinels[SENTINELS];

static bool
wait_for_sentinel(int port, const char *text)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
	bool says = false;

	while (!says && clock_ms(CLOCK_MONOTONIC) < until_ms) {
		redisContext *context = redisConnect("127.0.0.1", port);
		redisReply *reply = redisCommand(context, "INFO sentinel");

		says = reply && reply->type == REDIS_REPLY_STRING && strstr(reply->str, text);
		if (reply)
			freeReplyObject(reply);
		redisFree(context);
		if (!says)
			pause_ms(50);
	}
	return says;
}

/* ---- Confirmed claims ------------------------------------------------------------------ */

/* Claim, and say how long it took, or -1 when it failed. */
static int64_t
claim_ms(struct store *store, const char *id)
{
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);

	facts_of(store, "a"); /* as a claim does */
	return map(store, id, "a").server ? clock_ms(CLOCK_MONOTONIC) - begin_ms : -1;
}

static void
test_confirmation(void)
{
	engine_ports[0] = engine_free_port();
	engine_ports[1] = engine_free_port();
	engines[0] = make_engine("one", engine_ports[0], 0);
	struct store *store = open_node(&engines[0]);
	begin_log();
	ok(claim_ms(store, "alone") >= 0, "without a replica a claim is done");
	is_int(count_waits(&engines[0]), 0, "… and waits for none");
	engines[1] = make_engine("two", engine_ports[1], engine_ports[0]);
	ok(wait_until_says(&engines[0], "INFO replication", "state=online"),
	    "there is a replica");
	say(&engines[0], "SET x x");
	say(&engines[0], "WAIT 1 60000");
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
	int n = 0, n_done = 0;
	do
		n_done += claim_ms(store, str_printf(arena, "confirmed-%d", n++)) >= 0;
	while (count_lines("no replica of the state") > count_lines("claims again") &&
	    clock_ms(CLOCK_MONOTONIC) < until_ms);
	is_int(n_done, n, "… a claim is done");
	ok(count_waits(&engines[0]) > 0, "… and waits for it, though links were there before");
	is_int(count_lines("no replica of the state"), count_lines("claims again"),
	    "… it is confirmed");
	end_log();
	begin_log();
	engine_hold(engines[1].pid);
	int failed = 0;
	int64_t most_ms = 0;
	for (int i = 0; i < 5; i++) {
		int64_t took_ms = claim_ms(store, str_printf(arena, "unconfirmed-%d", i));

		failed += took_ms < 0;
		most_ms = took_ms > most_ms ? took_ms : most_ms;
	}
	is_int(failed, 0, "it stands still: claims are done");
	ok(most_ms < ONE_WAIT_MS, "… in time");
	is_int(count_lines("no replica of the state confirms claims"), 1,
	    "… it is logged once");
	engine_go_on(engines[1].pid);
	until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
	for (int i = 0;
	     count_lines("confirms claims again") == 0 && clock_ms(CLOCK_MONOTONIC) < until_ms;
	     i++)
		claim_ms(store, str_printf(arena, "again-%d", i));
	ok(count_lines("confirms claims again") > 0, "it goes on: that is logged, too");
	end_log();
	close_store(store);
}

/* ---- A failover ------------------------------------------------------------------------- */

static struct store *shared;
static atomic_bool is_over;
static _Atomic int64_t slowest_ms;

/* Ask and write all the time, as workers do. */
static void *
work_on(void *argument)
{
	struct arena *own = arena_new();
	struct meeting meeting;
	struct server_facts facts;

	(void)argument;
	while (!atomic_load(&is_over)) {
		int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
		shared->verbs->meeting_get(shared, own, STR("m"), NOW, &meeting, &facts, NULL);
		int64_t took_ms = clock_ms(CLOCK_MONOTONIC) - begin_ms;
		shared->verbs->typical_put(shared, 7);
		int64_t both_ms = clock_ms(CLOCK_MONOTONIC) - begin_ms - took_ms;

		took_ms = both_ms > took_ms ? both_ms : took_ms;
		if (took_ms > atomic_load(&slowest_ms))
			atomic_store(&slowest_ms, took_ms);
		arena_reset(own);
		pause_ms(5);
	}
	arena_free(own);
	return NULL;
}

static char *
sentinel_url(const char *name)
{
	return str_printf(arena, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/%s",
	    sentinel_ports[0], sentinel_ports[1], sentinel_ports[2], name);
}

static void
start_sentinels(void)
{
	for (size_t i = 0; i < SENTINELS; i++) {
		char *folder = str_printf(arena, "%s/sentinel%zu", dir, i);

		mkdir(folder, 0700);
		sentinel_ports[i] = engine_free_port();
		sentinels[i] = engine_start_sentinel(folder, sentinel_ports[i], engine_ports[0],
		    2);
		if (sentinels[i] <= 0)
			exit(1);
	}
	bool are_ready = true;
	for (size_t i = 0; i < SENTINELS; i++)
		are_ready = are_ready &&
		    wait_for_sentinel(sentinel_ports[i], "slaves=1,sentinels=3");
	ok(are_ready, "three sentinels know each other, an engine and its replica");
}

static void
test_unknown_name(void)
{
	begin_log();
	struct store *store = open_url(sentinel_url("theirs"));
	int failing = count_failing(store);
	close_store(store);
	end_log();
	is_int(failing, ALL_VERBS, "a name that they do not know: all verbs fail");
	ok(count_lines("do not know a primary of that name") > 0, "… and it is logged why");
	begin_log();
	store = open_url(str_printf(arena, "redis://127.0.0.1:%d", sentinel_ports[0]));
	failing = count_failing(store);
	close_store(store);
	end_log();
	is_int(failing, ALL_VERBS, "a sentinel in place of an engine: all fail");
	ok(count_lines("redis+sentinel:") > 0, "… and it is logged what to do");
}

static void
test_failover(void)
{
	shared = open_url(sentinel_url("mine"));
	is_int(count_failing_still(shared), 0, "found by sentinels: all works");
	struct meeting before;
	do
		before = map(shared, "kept", "a");
	while (before.version == 0 && works_again(shared));
	wait_until_says(&engines[1], "INFO replication", "master_link_status:up");
	struct server_facts facts = facts_of(shared, "a");
	facts.users = 4;
	set_facts(shared, "a", &facts);
	say(&engines[0], "WAIT 1 10000");
	/* The replica does not have what comes now, unless the kernel holds it for it. */
	engine_hold(engines[1].pid);
	struct server_facts lost = facts;
	lost.users = 9;
	set_facts(shared, "a", &lost);
	struct meeting gone = map(shared, "gone", "a");
	is_int(facts_of(shared, "a").users, 9, "a replica is behind");
	pthread_t thread;
	if (pthread_create(&thread, NULL, work_on, NULL) != 0)
		exit(1);
	pause_ms(100);
	int64_t lost_ms = clock_ms(CLOCK_REALTIME);
	engine_kill(engines[0].pid);
	engine_go_on(engines[1].pid);
	ok(wait_until_says(&engines[1], "INFO replication", "role:master"),
	    "the engine is killed: the replica takes over");
	ok(works_again(shared), "… which is found without anybody's asking");
	pause_ms(500);
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	ok(whole_of(shared) > lost_ms && whole_of(shared) < INT64_MAX,
	    "… the state is whole since after the failover");
	ok(atomic_load(&slowest_ms) < ONE_WAIT_MS, "… no verb took longer than it may");
	diag("%d ms at most", (int)atomic_load(&slowest_ms));
	is_str(where(shared, "kept"), "a", "… what was known is known");
	is_int(count_failing_still(shared), 0, "… all works");
	struct meeting after = map(shared, "later", "b");
	ok(after.version > gone.version && after.version > before.version + 1000,
	    "… no version of before can be given again");
	close_store(shared);
}

static void
test_hanging_sentinel(void)
{
	struct store *store = open_url(sentinel_url("mine"));

	is_int(count_failing_still(store), 0, "a store");
	engine_hold(sentinels[0]);
	struct store *second = open_url(sentinel_url("mine"));
	ok(works_again(second), "a sentinel that stands still: another one is asked");
	close_store(second);
	/* On a machine with much else to do one verb may have no time left to connect anew. */
	int failing = 1;
	for (int tries = 5; tries > 0 && failing > 0 && works_again(store); tries--) {
		say(&engines[1], "CLIENT KILL TYPE normal SKIPME yes");
		failing = count_failing_still(store);
	}
	is_int(failing, 0, "… and where the engine is, is remembered");
	engine_go_on(sentinels[0]);
	close_store(store);
}

static void
run_tests(void)
{
	test_confirmation();
	start_sentinels();
	test_unknown_name();
	test_failover();
	test_hanging_sentinel();
	for (size_t i = 0; i < SENTINELS; i++)
		engine_kill(sentinels[i]);
	engine_kill(engines[1].pid);
}
#endif
