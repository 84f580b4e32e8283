/*
 * The SQLite store while memory is short: each verb is called again and again, and of all that
 * SQLite allocates for it the first block is refused, then the second, and so on; once that
 * block alone, and once all blocks from there on.  The verb fails, and has done nothing, or
 * does all of it.
 */
#include "test_store_memory.h"

/* ---- The verbs ------------------------------------------------------------------------ */

/* A text that is too long for a page, and for which SQLite makes more room when it hands it
 * out, for its end: what it was read into has none left (sqlite3VdbeMemFromBtree in its
 * vdbemem.c). */
#define LONG_BYTES 1799

static char long_text[LONG_BYTES + 1];
static const struct server servers[] = { { .name = "a" }, { .name = "b" } };

/* Each calls a verb and tells what it handed out, nothing if that was nothing. */
typedef enum store_result call_verb(struct store *store, struct buf *told);

static void
tell_facts(struct buf *told, const struct server_facts *facts)
{
	if (!are_new_facts(facts))
		buf_printf(told, "%llu %d %ld %s;", (unsigned long long)facts->version,
		    (int)facts->health, facts->users, facts->release);
}

static void
tell_meeting(struct buf *told, const struct meeting *meeting)
{
	buf_printf(told, "%s %llu %lld %ld %s;", meeting->server,
	    (unsigned long long)meeting->version, (long long)meeting->create_ms, meeting->peak,
	    meeting->copy ?: "");
}

static enum store_result
call_servers_get(struct store *store, struct buf *told)
{
	struct server_facts facts[COUNT(servers)];
	int64_t whole_ms = -1;
	enum store_result result = store->verbs->servers_get(store, servers, COUNT(servers),
	    facts, &whole_ms);

	for (size_t i = 0; i < COUNT(servers); i++)
		tell_facts(told, &facts[i]);
	if (whole_ms < INT64_MAX)
		buf_text(told, "whole");
	return result;
}

static enum store_result
call_servers_set(struct store *store, struct buf *told)
{
	struct event event = { NOW, "b", EVENT_DOWN };
	struct store_server set[] = {
		{ .name = "b", .facts = { .health = SERVER_DOWN }, .event = &event },
		{ .name = "new", .facts = { .users = 7 } },
	};
	enum store_result result = store->verbs->servers_set(store, set, COUNT(set));

	for (size_t i = 0; i < COUNT(set); i++) {
		if (set[i].result != STORE_FAILED)
			buf_printf(told, "%d;", (int)set[i].result);
		if (set[i].facts.version > 0)
			tell_facts(told, &set[i].facts);
	}
	return result;
}

static enum store_result
call_meeting_get(struct store *store, struct buf *told)
{
	struct meeting meeting;
	struct server_facts facts;
	int64_t whole_ms = -1;
	enum store_result result = store->verbs->meeting_get(store, arena, STR("m"), NOW,
	    &meeting, &facts, &whole_ms);

	if (result == STORE_OK) {
		tell_meeting(told, &meeting);
		tell_facts(told, &facts);
	}
	if (whole_ms < INT64_MAX)
		buf_text(told, "whole");
	return result;
}

static enum store_result
call_meeting_get_absent(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->meeting_get(store, arena, STR("absent"), NOW,
	    &(struct meeting){ 0 }, &(struct server_facts){ 0 }, NULL);
}

/* A claim with its load, a move, a drop, and a claim that is refused. */
static enum store_result
call_meetings_set(struct store *store, struct buf *told)
{
	struct meeting wanted = mapping_to("b", NOW + 1), moved = wanted;
	struct meeting m = { 0 }, dropped = { 0 };
	struct server_facts facts;
	struct store_server load = { .name = "b", .facts = { .reserved = 15 } };

	moved.copy = long_text;
	if (store->verbs->meeting_get(store, arena, STR("m"), NOW, &m, &facts, NULL) ==
	        STORE_FAILED ||
	    store->verbs->meeting_get(store, arena, STR("m2"), NOW, &dropped, &facts, NULL) ==
	        STORE_FAILED)
		return STORE_FAILED;
	struct store_change changes[] = {
		{ .meeting_id = STR("absent"), .wanted = &wanted, .load = &load },
		{ .meeting_id = STR("m"), .expected = &m, .wanted = &moved },
		{ .meeting_id = STR("m2"), .expected = &dropped },
		{ .meeting_id = STR("m"), .wanted = &wanted },
	};
	enum store_result result = store->verbs->meetings_set(store, arena, changes,
	    COUNT(changes), NOW);

	for (size_t i = 0; i < COUNT(changes); i++) {
		if (changes[i].result == STORE_FAILED)
			continue;
		buf_printf(told, "%d ", (int)changes[i].result);
		if (changes[i].found.server)
			tell_meeting(told, &changes[i].found);
	}
	if (load.result != STORE_FAILED)
		tell_facts(told, &load.facts);
	return result;
}

static enum store_result
call_meetings_on(struct store *store, struct buf *told)
{
	struct mapped *meetings;
	size_t n;
	enum store_result result = store->verbs->meetings_on(store, arena, "a", &meetings, &n);

	for (size_t i = 0; i < n; i++) {
		buf_str(told, meetings[i].meeting_id);
		tell_meeting(told, &meetings[i].meeting);
	}
	return result;
}

static void
tell_history(struct buf *told, const struct store_history *history)
{
	if (history->peak > 0 || history->typical > 0)
		buf_printf(told, "%ld of %.1f", history->peak, history->typical);
}

static enum store_result
call_history_get(struct store *store, struct buf *told)
{
	struct store_history history;
	enum store_result result = store->verbs->history_get(store, STR("before"), &history);

	tell_history(told, &history);
	return result;
}

static enum store_result
call_picture_get(struct store *store, struct buf *told)
{
	struct server_facts facts[COUNT(servers)];
	struct store_history history;
	int64_t whole_ms = -1;
	enum store_result result = store->verbs->picture_get(store, servers, COUNT(servers),
	    facts, &whole_ms, &STR("before"), &history, 1);

	for (size_t i = 0; i < COUNT(servers); i++)
		tell_facts(told, &facts[i]);
	tell_history(told, &history);
	if (whole_ms < INT64_MAX)
		buf_text(told, "whole");
	return result;
}

static enum store_result
call_typical_put(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->typical_put(store, 9);
}

static enum store_result
call_absent_put(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->absent_put(store, STR("absent too"), NOW, 1000);
}

static enum store_result
call_lease_take(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->lease_take(store, 2, NOW + 5000, 1000);
}

static enum store_result
call_slot_take(struct store *store, struct buf *told)
{
	struct pacing_slot slot;
	enum store_result result = store->verbs->slot_take(store, "a", NOW, 1000, &slot);

	if (result == STORE_OK)
		buf_printf(told, "%lld", (long long)slot.at_us);
	return result;
}

static enum store_result
call_recordings_put(struct store *store, struct buf *told)
{
	struct store_recording recordings[] = {
		{ STR("r1"), "b", true },
		{ STR("r2"), "a", false },
		{ STR("r3"), "a", true },
	};

	(void)told;
	return store->verbs->recordings_put(store, recordings, COUNT(recordings), NOW);
}

static enum store_result
call_recordings_find(struct store *store, struct buf *told)
{
	const struct str ids[] = { STR("r1"), STR("r2") };
	struct store_recording *found;
	size_t n;
	enum store_result result = store->verbs->recordings_find(store, arena, ids, COUNT(ids),
	    &found, &n);

	for (size_t i = 0; i < n; i++)
		buf_printf(told, "%.*s on %s;", STR_ARG(found[i].record_id), found[i].server);
	return result;
}

static enum store_result
call_lists_put(struct store *store, struct buf *told)
{
	struct store_list lists[] = {
		{ "a", "getMeetings", "", STR("<another/>") },
		{ "b", "getRecordings", "state=published", str_from(long_text) },
	};

	(void)told;
	return store->verbs->lists_put(store, lists, COUNT(lists));
}

static enum store_result
call_list_find(struct store *store, struct buf *told)
{
	struct store_list list = { "a", "getMeetings", "", { NULL, 0 } };
	enum store_result result = store->verbs->list_find(store, arena, &list);

	if (result == STORE_OK)
		buf_str(told, list.answer);
	return result;
}

static enum store_result
call_lists_drop(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->lists_drop(store, "a", "getMeetings");
}

static enum store_result
call_webhook_put(struct store *store, struct buf *told)
{
	struct webhook hook = hook_of("https://lms.example/new", NOW);

	(void)told;
	return store->verbs->webhook_put(store, &hook, true);
}

static enum store_result
call_webhook_list(struct store *store, struct buf *told)
{
	struct webhook *hooks;
	size_t n;
	enum store_result result = store->verbs->webhook_list(store, arena, &hooks, &n);

	for (size_t i = 0; i < n; i++)
		buf_printf(told, "%s %.*s %d;", hooks[i].id, STR_ARG(hooks[i].url),
		    hooks[i].is_dropped);
	return result;
}

static enum store_result
call_webhook_drop(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->webhook_drop(store, hook_of(long_text, NOW).id, NOW);
}

static enum store_result
call_events_get(struct store *store, struct buf *told)
{
	struct event *events;
	size_t n;
	enum store_result result = store->verbs->events_get(store, arena, &events, &n);

	for (size_t i = 0; i < n; i++)
		buf_printf(told, "%s %s;", events[i].server, event_name(events[i].kind));
	return result;
}

static enum store_result
call_trends_get(struct store *store, struct buf *told)
{
	struct store_trend trend = { .server = "a" };
	enum store_result result = store->verbs->trends_get(store, &trend, 1);

	if (trend.trend.minute > 0)
		trend_write(&trend.trend, told);
	return result;
}

static enum store_result
call_trends_put(struct store *store, struct buf *told)
{
	struct store_trend trend = { .server = "b" };

	(void)told;
	trend_add(&trend.trend, NOW, 3, 1);
	return store->verbs->trends_put(store, &trend, 1);
}

/* All that is there is too old, but what began with the file. */
static enum store_result
call_purge(struct store *store, struct buf *told)
{
	(void)told;
	return store->verbs->purge(store, NOW + PURGE_GAP_MS);
}

static const struct {
	const char *name;
	call_verb *call;
} verbs[] = {
	{ "servers_get", call_servers_get },
	{ "servers_set", call_servers_set },
	{ "meeting_get", call_meeting_get },
	{ "meeting_get of one that is absent", call_meeting_get_absent },
	{ "meetings_set", call_meetings_set },
	{ "meetings_on", call_meetings_on },
	{ "history_get", call_history_get },
	{ "picture_get", call_picture_get },
	{ "typical_put", call_typical_put },
	{ "absent_put", call_absent_put },
	{ "lease_take", call_lease_take },
	{ "slot_take", call_slot_take },
	{ "recordings_put", call_recordings_put },
	{ "recordings_find", call_recordings_find },
	{ "lists_put", call_lists_put },
	{ "list_find", call_list_find },
	{ "lists_drop", call_lists_drop },
	{ "webhook_put", call_webhook_put },
	{ "webhook_list", call_webhook_list },
	{ "webhook_drop", call_webhook_drop },
	{ "events_get", call_events_get },
	{ "trends_get", call_trends_get },
	{ "trends_put", call_trends_put },
	{ "purge", call_purge },
};

/* Something for each verb to find. */
static void
fill(struct store *store)
{
	const struct store_verbs *v = store->verbs;
	struct server_facts facts = { .users = 40, .release = "3.0.21" };
	struct event event = { NOW - 5, "a", EVENT_UP };
	struct store_server set = { .name = "a", .facts = facts, .event = &event };
	struct store_trend trend = { .server = "a" };
	struct store_recording recordings[] = { { STR("r1"), "a", true },
		{ STR("r2"), "a", true } };
	struct store_list list = { "a", "getMeetings", "", str_from(long_text) };
	struct webhook hook = hook_of(long_text, NOW);
	struct meeting wanted = mapping_to("a", NOW - 5), before;
	struct pacing_slot slot;
	int n_failed = 0;

	trend_add(&trend.trend, NOW - TREND_MINUTE_MS, 12, 2);
	n_failed += v->servers_set(store, &set, 1) != STORE_OK;
	wanted.peak = 30;
	n_failed += set_meeting(store, STR("before"), NULL, &wanted, &before) != STORE_OK;
	n_failed += drop(store, "before", &before) != STORE_OK;
	wanted.copy = long_text;
	n_failed += set_meeting(store, STR("m"), NULL, &wanted, NULL) != STORE_OK;
	n_failed += set_meeting(store, STR("m2"), NULL, &wanted, NULL) != STORE_OK;
	n_failed += v->typical_put(store, 7) != STORE_OK;
	n_failed += v->absent_put(store, STR("absent"), NOW - 5, 1000) != STORE_OK;
	n_failed += v->lease_take(store, 1, NOW, 1000) != STORE_OK;
	n_failed += v->slot_take(store, "a", NOW, 1000, &slot) != STORE_OK;
	n_failed += v->recordings_put(store, recordings, COUNT(recordings), NOW) != STORE_OK;
	n_failed += v->lists_put(store, &list, 1) != STORE_OK;
	n_failed += v->webhook_put(store, &hook, true) != STORE_OK;
	n_failed += v->trends_put(store, &trend, 1) != STORE_OK;
	is_int(n_failed, 0, "there is something for each verb to find");
}

/* ---- Runs ----------------------------------------------------------------------------- */

/* Of so many runs one waits until the store works again by itself. */
#define MENDED_EACH 64

/* A sanitizer makes runs slow: of the blocks not each is refused there.  Nor need a shortage
 * that lasts begin with each. */
#if IS_SANITIZED
#define BLOCK_STEP 5
#else
#define BLOCK_STEP 1
#endif
#define LASTING_STEP (3 * BLOCK_STEP)

static int n_runs;

/* What a verb does while nothing is short. */
struct good {
	enum store_result result;
	struct buf told, before, after;
};

static bool
is_same_text(const struct buf *a, const struct buf *b)
{
	return str_equal(buf_view(a), buf_view(b));
}

/* Wait until the store works again, and call the verb once more. */
static void
check_mended(struct store *store, size_t verb, const struct good *good, const char *when)
{
	struct buf told;

	buf_init(&told, 1 << 16);
	ok_in_run(is_mended(store), "%s: then it works again", when);
	ok_in_run(verbs[verb].call(store, &told) == good->result &&
	        is_same_text(&told, &good->told),
	    "%s: then it does all: %s, not %s", when, buf_view(&told).data,
	    buf_view(&good->told).data);
	buf_free(&told);
}

/* Call the verb with that block refused; 0: none.  Returns whether any was. */
static bool
run_verb(size_t verb, int at, bool lasts, struct good *good)
{
	char *when = str_printf(arena, "%s, block %d%s", verbs[verb].name, at,
	    lasts ? " and all after it" : "");
	struct store *store = store_sqlite_open(path);
	struct buf told;

	buf_init(&told, 1 << 16);
	memory_begin(at, lasts);
	enum store_result result = verbs[verb].call(store, &told);
	bool was_refused = memory_end();
	struct buf now = content();

	if (at == 0) {
		*good = (struct good){ result, told, good->before, now };
		close_store(store);
		look_restore();
		return false;
	}
	n_runs += was_refused;
	ok_in_run(is_sound(&now), "%s: the file is sound", when);
	ok_in_run(access(str_printf(arena, "%s.broken", path), F_OK) != 0,
	    "%s: it is not moved aside", when);
	if (result == STORE_FAILED) {
		const char *problem = store->verbs->problem(store, arena);

		ok_in_run(was_refused, "%s: it fails for want of memory", when);
		ok_in_run(told.len == 0, "%s: what failed hands out: %s", when, told.data);
		ok_in_run(is_same_text(&now, &good->before), "%s: what failed did something",
		    when);
		ok_in_run(problem && strcmp(problem, "out of memory") == 0,
		    "%s: the reason is: %s", when, problem ?: "(null)");
		if (at % MENDED_EACH == 0)
			check_mended(store, verb, good, when);
	} else {
		ok_in_run(result == good->result && is_same_text(&told, &good->told),
		    "%s: it hands out %d %s, not %d %s", when, result, buf_view(&told).data,
		    good->result, buf_view(&good->told).data);
		ok_in_run(is_same_text(&now, &good->after), "%s: it did something else", when);
	}
	close_store(store);
	if (result != STORE_FAILED || at % MENDED_EACH == 0)
		look_restore();
	buf_free(&told);
	buf_free(&now);
	arena_reset(arena);
	return was_refused;
}

static void
test_verb(size_t verb)
{
	struct good good = { .before = content() };

	const int failed = tap_failed; /* further runs would only tell the same */
	run_verb(verb, 0, false, &good);
	ok_in_run(good.result != STORE_FAILED, "%s: it works while there is memory",
	    verbs[verb].name);
	int n = 0;
	for (int lasts = 0; lasts < 2; lasts++)
		for (n = 1; run_verb(verb, n, lasts, &good) && tap_failed == failed;
		     n += lasts ? LASTING_STEP : BLOCK_STEP)
			continue;
	ok(tap_failed == failed, "%s: without each of some %d blocks", verbs[verb].name, n);
	buf_free(&good.told);
	buf_free(&good.before);
	buf_free(&good.after);
}

/* ---- Opening -------------------------------------------------------------------------- */

/* A new file is made in a transaction, in thousands of steps that are much alike. */
#define NEW_STEP 997

/* Open the store with that block refused.  Returns whether any was. */
static bool
run_open(int at, bool lasts, bool is_new)
{
	char *when = str_printf(arena, "open a file that is %s, block %d%s",
	    is_new ? "new" : "there", at, lasts ? " and all after it" : "");
	char *file = is_new ? str_printf(arena, "%s/new-%d-%d", dir, at, lasts) : path;
	struct buf before = content();

	memory_begin(at, lasts);
	struct store *store = store_sqlite_open(file);
	bool was_refused = memory_end();
	const char *problem = store->verbs->problem(store, arena);
	n_runs += was_refused;
	ok_in_run(!problem || (was_refused && strcmp(problem, "out of memory") == 0),
	    "%s: the reason is: %s", when, problem ?: "(null)");
	ok_in_run(access(str_printf(arena, "%s.broken", file), F_OK) != 0,
	    "%s: it is not moved aside", when);
	if (is_new) {
		ok_in_run(is_mended(store) && map(store, "m", "a").version > 0,
		    "%s: then it works", when);
	} else if (at % MENDED_EACH == 0) {
		ok_in_run(is_mended(store) && strcmp(where(store, "m"), "a") == 0,
		    "%s: then it works", when);
	}
	close_store(store);
	struct buf after = content();
	ok_in_run(is_same_text(&before, &after), "%s: that did something", when);
	buf_free(&before);
	buf_free(&after);
	arena_reset(arena);
	return was_refused;
}

static void
test_open(bool is_new)
{
	int n = 0;

	const int failed = tap_failed; /* further runs would only tell the same */
	for (int lasts = 0; lasts < 2; lasts++)
		for (n = 1; run_open(n, lasts, is_new) && tap_failed == failed;
		     n += is_new ? NEW_STEP :
		         lasts   ? LASTING_STEP :
		                   BLOCK_STEP)
			continue;
	ok(tap_failed == failed, "open a file that is %s: without blocks of some %d",
	    is_new ? "new" : "there", n);
}

int
main(void)
{
	memory_set();
	begin_tests("test_store_memory");
	memset(long_text, 'x', LONG_BYTES);
	struct store *store = open_store("sqlite");
	fill(store);
	close_store(store);
	look_begin();
	for (size_t i = 0; i < COUNT(verbs); i++)
		test_verb(i);
	test_open(false);
	test_open(true);
	look_end();
	diag("%d runs", n_runs);
	sqlite3_shutdown();
	is_int(atomic_load(&blocks), 0, "SQLite has given all back");
	return end_tests();
}
