/*
 * The Redis store and the hosts that use it: which of them are there, which of them polls, what
 * is forgotten in time, and how much memory all that takes.
 */
#include "test_store_redis.h"

#if HAVE_REDIS
/* ---- A host whose name can be set ---------------------------------------------------- */

static const char *host = "host-1";

/* In place of the system's, for the whole of this program. */
int
gethostname(char *name, size_t size)
{
	snprintf(name, size, "%s", host);
	return 0;
}

/* ---- Hosts ---------------------------------------------------------------------------- */

static void
test_hosts(void)
{
	struct node node = make_node("hosts", NULL);
	struct store *store = open_node(&node);
	int64_t now_ms = clock_ms(CLOCK_REALTIME);
	struct store_description description;

	whole_of(store);
	say(&node, "HSET {p}:hosts gone %s",
	    str_printf(arena, "%lld", (long long)now_ms / 1000 - 4000));
	is_str(say(&node, "HLEN {p}:hosts"), "2", "two hosts");
	is_int(store->verbs->describe(store, arena, &description), STORE_OK, "… are described");
	is_int((long)description.n_hosts, 1, "… one of which is gone");
	store->verbs->purge(store, now_ms);
	is_str(say(&node, "HLEN {p}:hosts"), "1", "… and is forgotten");

	say(&node, "DEL {p}:hosts");
	struct state_url url = { .kind = STATE_URL_UNIX,
		.path = str_printf(arena, "%s/engine.sock", node.folder) };
	struct store *command = store_redis_open(&url, "p",
	    str_printf(arena, "%s/state", node.folder), OPEN_WAIT_MS, false);
	ok(whole_of(command) < INT64_MAX, "an operator's command reads");
	is_str(say(&node, "HLEN {p}:hosts"), "0", "… and its host is not seen for it");
	is_int(command->verbs->describe(command, arena, &description), STORE_OK,
	    "… what holds the state is described");
	is_str(description.address, url.path, "… with where it is");
	close_store(command);
	end_node(&node, store);
}

/* ---- Mappings that were lost ------------------------------------------------------------ */

static void
test_lost_mapping(void)
{
	struct node node = make_node("lost", NULL);
	struct store *store = open_node(&node);
	int64_t now_ms = clock_ms(CLOCK_REALTIME);
	struct meeting wanted = mapping_to("b", now_ms);

	map(store, "kept", "a");
	map(store, "gone", "a");
	map(store, "spoilt", "a");
	is_str(say(&node, "DEL {p}:m:kept"), "1", "a mapping is lost");
	is_int(set_meeting(store, STR("kept"), NULL, &wanted, NULL), STORE_OK,
	    "… and its meeting is placed on another server");
	say(&node, "DEL {p}:m:spoilt");
	say(&node, "RPUSH {p}:m:spoilt x");
	is_str(say(&node, "ZCARD {p}:on:a"), "3", "… the first one still lists it");
	is_int(store->verbs->purge(store, now_ms), STORE_OK, "what is old is forgotten");
	is_str(where(store, "kept"), "b", "… the meeting stays where it is");
	is_str(where(store, "gone"), "nowhere", "… an old one does not");
	is_str(say(&node, "EXISTS {p}:on:a {p}:m:spoilt"), "0", "… nor the list");
	end_node(&node, store);
}

/* ---- Polls go round ---------------------------------------------------------------------- */

/* Which of two servers does a host of that name poll, if it may leave both?  "ab", "a", … */
static const char *
polled_by(struct store *store, const char *name)
{
	struct store_poll polls[] = { { "a", true, true }, { "b", true, true } };

	host = name;
	is_int(store->verbs->polls_begin(store, polls, 2), STORE_OK, "%s begins to poll", name);
	return str_printf(arena, "%s%s", polls[0].is_left ? "" : "a",
	    polls[1].is_left ? "" : "b");
}

/* A host that cannot reach a server must not be the one to say so twice in a row. */
static void
test_polls(void)
{
	struct node node = make_node("polls", NULL);

	host = "lone";
	struct store *store = open_node(&node);
	facts_of(store, "a");
	is_str(polled_by(store, "lone"), "ab", "… both");
	is_str(polled_by(store, "lone"), "ab", "… and both again, for it is alone");
	say(&node, "HSET {p}:hosts other 1");
	is_str(polled_by(store, "lone"), "ab", "… beside one that was seen long ago, too");
	host = "other";
	struct store *second = open_node(&node);
	facts_of(second, "a");
	is_str(polled_by(store, "lone"), "", "… but none again beside one that is there");
	struct store_poll only = { "a", true, true };
	host = "other";
	second->verbs->polls_begin(second, &only, 1);
	ok(!only.is_left, "… which polls one of them");
	is_str(polled_by(store, "lone"), "a", "… and the first one that one");
	int64_t from_ms = clock_ms(CLOCK_MONOTONIC), waited_ms = 0;
	while (polled_by(store, "lone")[0] == '\0' && waited_ms < PATIENCE_MS) {
		clock_sleep_ms(200);
		waited_ms = clock_ms(CLOCK_MONOTONIC) - from_ms;
	}
	ok(waited_ms > STORE_POLL_WAIT_MS / 2 && waited_ms < PATIENCE_MS,
	    "who does not come is not waited for: %d ms", (int)waited_ms);
	is_str(polled_by(store, "lone"), "", "… but then again");
	clock_sleep_ms(STORE_POLL_WAIT_MS + 100);
	is_str(polled_by(store, "lone"), "", "while nobody could come nobody was waited for");
	only.may_leave = false;
	store->verbs->polls_begin(store, &only, 1);
	ok(!only.is_left, "what may not be left is not");
	say(&node, "HSET {p}:hosts other garbage");
	is_str(polled_by(store, "lone"), "ab", "garbage is as none");
	second->verbs->close(second);
	end_node(&node, store);
}

/* ---- Memory ----------------------------------------------------------------------------- */

static void
test_memory(void)
{
	struct node node = make_node("memory", NULL);
	struct store *store = open_node(&node);
	struct meeting wanted = mapping_to("bbb-17.university.example", NOW);
	struct store_change changes[100];

	count_failing(store);
	long before = number_in_info(&node, "memory", "used_memory:");
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 100; i++)
			changes[i] = (struct store_change){
				.meeting_id = str_from(str_printf(arena,
				    "183f0bf3a0982a127bdb8161e0c44eb696b3e75c-%d",
				    100 * round + i)),
				.wanted = &wanted,
			};
		store->verbs->meetings_set(store, arena, changes, 100, NOW);
	}
	is_str(where(store, "183f0bf3a0982a127bdb8161e0c44eb696b3e75c-999"),
	    "bbb-17.university.example", "1,000 mappings");
	long used = number_in_info(&node, "memory", "used_memory:") - before;
	diag("%ld bytes", used);
	ok(used > 0 && used < 1000000, "… take less than a megabyte");
	end_node(&node, store);
}

static void
run_tests(void)
{
	test_hosts();
	test_lost_mapping();
	test_polls();
	test_memory();
}
#endif
