/*
 * The contract of the stores: what happened to the servers, and the last hour of their load.
 */
#include "test_store.h"

/* Set the facts of a server as they are, with an event of that time and kind. */
static enum store_result
set_with_event(struct store *store, const char *name, struct server_facts *facts, int64_t at_ms,
    enum event_kind kind)
{
	const struct event event = { at_ms, name, kind };
	struct store_server set = { .name = name, .facts = *facts, .event = &event };
	enum store_result result = store->verbs->servers_set(store, &set, 1);

	*facts = set.facts;
	return result == STORE_OK ? set.result : result;
}

/* "a:2@1000 b:0@900": the events as the store has them. */
static const char *
events_of(struct store *store)
{
	struct event *events = NULL;
	struct buf out;
	size_t n = 77;

	buf_init(&out, 4096);
	if (store->verbs->events_get(store, arena, &events, &n) != STORE_OK)
		return "failed";
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s:%d@%lld", i > 0 ? " " : "", events[i].server,
		    (int)events[i].kind, (long long)events[i].at_ms);
	return buf_take(&out, arena).data;
}

static void
test_events(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts facts = facts_of(store, "a"), stale = facts;

	is_str(events_of(store), "", "%s: no events at first", adapter);
	is_int(set_with_event(store, "a", &facts, 1000, EVENT_DOWN), STORE_OK,
	    "… facts are set with one");
	is_str(events_of(store), "a:2@1000", "… it is there");
	is_int(set_with_event(store, "a", &stale, 2000, EVENT_UP), STORE_STALE,
	    "… others are not set");
	is_str(events_of(store), "a:2@1000", "… and theirs did not happen");
	struct server_facts other = facts_of(store, "b\xc3\xa4");
	set_with_event(store, "b\xc3\xa4", &other, 500, EVENT_DISABLED);
	set_facts(store, "a", &facts);
	store = reopen(store, adapter);
	const char *all = events_of(store);
	is_str(all, "b\xc3\xa4:7@500 a:2@1000", "… the last that was put comes first");

	struct store_server load = { .name = "a", .facts = facts_of(store, "a") };
	const struct event event = { 3000, "a", EVENT_CREATES_FAIL };
	struct meeting wanted = mapping_to("a", NOW);
	struct store_change change = { .meeting_id = STR("m"),
		.wanted = &wanted,
		.load = &load };
	load.event = &event;
	store->verbs->meetings_set(store, arena, &change, 1, NOW);
	is_int(change.result, STORE_OK, "… a mapping is set with a server's facts");
	is_str(events_of(store), "a:3@3000 b\xc3\xa4:7@500 a:2@1000", "… and their event");
	close_store(store);
	is_str(all, "b\xc3\xa4:7@500 a:2@1000", "… what was handed out outlives the store");
}

static void
test_events_bound(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts facts = facts_of(store, "a");
	struct event *events;
	size_t n;

	for (int i = 0; i < 3 * EVENTS_MOST; i++)
		set_with_event(store, "a", &facts, 1000 + i, EVENT_SUSPECT);
	store->verbs->events_get(store, arena, &events, &n);
	is_int(n, EVENTS_MOST, "%s: the last %d events are kept", adapter, EVENTS_MOST);
	is_int(events[0].at_ms, 1000 + 3 * EVENTS_MOST - 1, "… the last one first");
	is_int(events[n - 1].at_ms, 1000 + 2 * EVENTS_MOST, "… and none of those before");
	close_store(store);
}

static void
test_trends(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct store_trend trends[3] = { { .server = "a" }, { .server = "b" },
		{ .server = "c" } };

	memset(&trends[0].trend, 0x55, sizeof(trends[0].trend));
	is_int(verbs->trends_get(store, trends, 3), STORE_OK, "%s: trends", adapter);
	is_int(trends[0].trend.minute, 0, "… have no samples at first");
	is_int(verbs->trends_put(store, trends, 0), STORE_OK, "… none is put");
	trend_add(&trends[0].trend, NOW, 12, 3);
	trend_add(&trends[0].trend, NOW + 5 * TREND_MINUTE_MS, 999999, 0);
	trend_add(&trends[2].trend, NOW, 0, 0);
	is_int(verbs->trends_put(store, trends, 3), STORE_OK, "… three are put");
	store = reopen(store, adapter);
	verbs = store->verbs;
	struct store_trend found[3] = { { .server = "c" }, { .server = "a" },
		{ .server = "d" } };
	is_int(verbs->trends_get(store, found, 3), STORE_OK, "… others are read");
	ok(memcmp(&found[0].trend, &trends[2].trend, sizeof(struct trend)) == 0 &&
	        memcmp(&found[1].trend, &trends[0].trend, sizeof(struct trend)) == 0,
	    "… as they were put");
	is_int(found[2].trend.minute, 0, "… one that is not known has no samples");

	trend_add(&trends[2].trend, NOW + 90 * TREND_MINUTE_MS, 7, 1);
	verbs->trends_put(store, &trends[2], 1);
	int64_t now_ms = NOW + (TREND_MINUTES + 6) * TREND_MINUTE_MS;
	is_int(verbs->purge(store, now_ms), STORE_OK, "… an hour later");
	verbs->trends_get(store, found, 2);
	is_int(found[1].trend.minute, 0, "… what is older is forgotten");
	is_int(trend_at(&found[0].trend, NOW + 90 * TREND_MINUTE_MS, 0).users, 7,
	    "… what is not is there");
	close_store(store);
}

/* Put a mapping that was seen then. */
static void
put(struct store *store, const char *id, int64_t seen_ms)
{
	struct meeting wanted = { .server = "a", .claimed_ms = 1, .seen_ms = seen_ms };

	set_meeting(store, str_from(id), NULL, &wanted, NULL);
}

/* Nobody has polled for long, or the clock was set forward: what looks old may not be, and
 * has an interval more, in which polls show what is there. */
static void
test_purge_gap(const char *adapter)
{
	static const int64_t gaps_ms[] = { PURGE_GAP_MS + 1, MEETING_KEEP_MS + 1,
		INT64_C(20) * 365 * 86400 * 1000 };

	for (size_t i = 0; i < COUNT(gaps_ms); i++) {
		struct store *store = open_store(adapter);
		const struct store_verbs *verbs = store->verbs;
		int64_t now_ms = 1000 * PEAK_KEEP_MS;

		verbs->purge(store, now_ms - PURGE_INTERVAL_MS);
		verbs->purge(store, now_ms);
		put(store, "gone", now_ms - MEETING_KEEP_MS);
		put(store, "seen again", now_ms);
		now_ms += gaps_ms[i];
		is_int(verbs->purge(store, now_ms), STORE_OK, "%s: a gap of %lld ms", adapter,
		    (long long)gaps_ms[i]);
		is_str(where(store, "gone"), "a", "… nothing is forgotten");
		is_int(verbs->purge(store, now_ms + PURGE_INTERVAL_MS - 1), STORE_OK,
		    "… nor a bit later");
		is_str(where(store, "gone"), "a", "… what is there stays");
		put(store, "made since", now_ms);
		is_int(verbs->purge(store, now_ms + PURGE_INTERVAL_MS), STORE_OK,
		    "… an interval later");
		is_str(where(store, "gone"), "nowhere",
		    "… what no poll has shown is forgotten");
		is_str(where(store, "made since"), "a", "… and nothing else");
		close_store(store);
	}
}

int
main(void)
{
	static contract_test *const tests[] = { test_events, test_events_bound, test_trends,
		test_purge_gap };

	begin_tests("test_store_history");
	test_contract(tests, COUNT(tests));
	return end_tests();
}
