/*
 * The Redis store while its engine cannot be used: how long verbs take, what goes on, what is
 * logged, and how it is mended by itself.
 */
#include "test_store_redis.h"

#if HAVE_REDIS

/* All fails, and but for one verb at once. */
static void
check_all_fails(struct store *store, const char *when)
{
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);

	is_int(put_something(store), STORE_FAILED, "%s: a verb fails", when);
	int failing = 0;
	for (int i = 0; i < 10; i++)
		failing += count_failing(store);
	is_int(failing, 10 * ALL_VERBS, "… then all do");
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < 10 * ALL_VERBS * STORE_WAIT_MS / 20,
	    "… at once");
	is_int(whole_of(store), INT64_MAX, "… and it is known that something is lost");
}

/* ---- Away -------------------------------------------------------------------------- */

static void
test_away_at_open(void)
{
	struct node node = { .pid = 0 };

	snprintf(node.folder, sizeof(node.folder), "%s/late", dir);
	mkdir(node.folder, 0700);
	struct store *store = open_node(&node);
	check_all_fails(store, "no engine");
	int64_t lost_ms = clock_ms(CLOCK_REALTIME);
	start_node(&node, NULL);
	ok(is_mended(store), "it is started: that is found without anybody's asking");
	is_int(count_failing_still(store), 0, "… all works");
	ok(whole_of(store) > lost_ms, "… and the state is whole since after what was lost");
	int64_t whole_ms = whole_of(store);
	struct store *second = open_node(&node);
	is_int(count_failing_still(second), 0, "a second store");
	is_int(whole_of(second), whole_ms, "… finds it whole since then, too");
	close_store(second);
	end_node(&node, store);
}

static void
test_restart(bool asks_meanwhile)
{
	struct node node = make_node(asks_meanwhile ? "restart" : "idle", NULL);
	struct store *store = open_node(&node);
	struct meeting before = map(store, "m", "a"), found;
	struct server_facts facts = facts_of(store, "a");

	facts.users = 7;
	is_int(set_facts(store, "a", &facts), STORE_OK, "an engine with facts");
	int64_t before_ms = clock_ms(CLOCK_REALTIME);
	engine_kill(node.pid);
	if (asks_meanwhile)
		check_all_fails(store, "it is killed");
	start_node(&node, NULL);
	ok(works_again(store), "it is started anew, and empty: all works again%s",
	    asks_meanwhile ? "" : ", for one who has not asked meanwhile");
	ok(whole_of(store) > before_ms && whole_of(store) < INT64_MAX,
	    "… the state is whole since after that");
	struct server_facts now = facts_of(store, "a");
	ok(are_new_facts(&now), "… what was known of servers is forgotten");
	is_str(where(store, "m"), "nowhere", "… as is the meeting");
	struct meeting wanted = mapping_to("b", NOW);
	is_int(set_meeting(store, STR("m"), &before, &wanted, &found), STORE_CONFLICT,
	    "what expects a version from before is in conflict");
	is_int(set_facts(store, "a", &facts), STORE_STALE, "… or stale");
	struct meeting after = map(store, "m", "b");
	ok(after.version > before.version, "… and no version comes back");
	now = facts_of(store, "a");
	is_int(set_facts(store, "a", &now), STORE_OK, "what was read anew can be written");
	end_node(&node, store);
}

/* An engine that comes back with what was on its disk, and lacks what came after. */
static void
test_old_copy(void)
{
	struct node node = make_node("old", NULL);
	struct store *store = open_node(&node);
	struct server_facts facts = facts_of(store, "a");

	facts.users = 1;
	set_facts(store, "a", &facts);
	map(store, "old", "a");
	is_str(say(&node, "SAVE"), "OK", "an engine saves what it has");
	struct server_facts lost = facts;
	lost.users = 9;
	set_facts(store, "a", &lost);
	struct meeting gone = map(store, "m", "a");
	int64_t whole_ms = whole_of(store);
	struct store *other = open_node(&node);
	facts_of(other, "a");
	engine_kill(node.pid);
	start_node(&node, NULL);
	ok(works_again(store), "… and comes back without what was written after that");
	ok(whole_of(store) > whole_ms, "… which is known, though nobody asked meanwhile");
	is_int(facts_of(store, "a").users, 1, "… facts are those of then");
	is_int(facts_of(other, "a").users, 1, "… for another store, too");
	is_str(where(store, "old"), "a", "… mappings also");
	is_str(where(store, "m"), "nowhere", "… with what is lost");
	ok(map(store, "m", "b").version > gone.version, "… no lost version is given again");
	facts = facts_of(other, "a");
	facts.users = 3;
	is_int(set_facts(other, "a", &facts), STORE_OK, "what was read can be written");
	is_int(facts_of(store, "a").users, 3, "… and is read by the other");
	close_store(other);
	end_node(&node, store);
}

/* ---- Slow -------------------------------------------------------------------------- */

static void
test_hang(bool reads_first)
{
	struct node node = make_node(reads_first ? "hang-read" : "hang", NULL);
	struct store *store = open_node(&node);
	int64_t whole_ms = whole_of(store);

	is_int(count_failing_still(store), 0, "an engine that works");
	is_int(whole_of(store), whole_ms == INT64_MAX ? whole_of(store) : whole_ms,
	    "… the state stays whole");
	whole_ms = whole_of(store);
	engine_hold(node.pid);
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
	if (reads_first)
		is_str(where(store, "m"), "failed", "it stands still: what reads fails");
	else
		is_int(put_something(store), STORE_FAILED, "it stands still: a write fails");
	int64_t took_ms = clock_ms(CLOCK_MONOTONIC) - begin_ms;
	ok(took_ms >= STORE_WAIT_MS - 10 && took_ms < ONE_WAIT_MS, "… after a verb's time");
	check_all_fails(store, "it still does");
	int64_t lost_ms = clock_ms(CLOCK_REALTIME);
	engine_go_on(node.pid);
	ok(works_again(store), "it goes on: all works again");
	ok(whole_of(store) > lost_ms, "… and it is known since when nothing was lost");
	is_int(count_failing_still(store), 0, "… all verbs");
	end_node(&node, store);
}

static void
test_pause(void)
{
	struct node node = make_node("pause", NULL);
	struct store *store = open_node(&node);

	put_something(store);
	/* As a failover does it; ALL would hold the end of it, too. */
	is_str(say(&node, "CLIENT PAUSE 600000 WRITE"), "OK", "an engine is paused");
	check_all_fails(store, "… so that no script runs");
	is_str(say(&node, "CLIENT UNPAUSE"), "OK", "… and no longer");
	ok(works_again(store), "… all works again");
	end_node(&node, store);
}

/* One try takes longer than a verb may. */
static void
test_opening_while_it_hangs(void)
{
	struct node node = make_node("opening", NULL);

	engine_hold(node.pid);
	begin_log();
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
	struct store *store = open_node_within(&node, STORE_WAIT_MS);
	int64_t took_ms = clock_ms(CLOCK_MONOTONIC) - begin_ms;
	is_str(store->verbs->problem(store, arena), "it has not answered yet",
	    "an engine stands still: a store is opened before the first try is over");
	ok(took_ms >= STORE_WAIT_MS - 10 && took_ms < ONE_WAIT_MS, "… after a verb's time");
	is_int(count_failing(store), ALL_VERBS, "… all verbs fail");
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < ONE_WAIT_MS, "… at once");
	engine_go_on(node.pid);
	ok(works_again(store), "it goes on: all works again");
	end_log();
	is_int(count_lines("it has not answered yet"), 2,
	    "… it was logged that it could not be read, nor written");
	is_int(count_lines("again"), 2, "… and that it can be again");
	end_node(&node, store);
}

static void
test_closing_while_away(void)
{
	struct node node = make_node("closing", NULL);
	struct store *first = open_node(&node);

	put_something(first);
	close_store(first);
	engine_hold(node.pid);
	int failed = 0;
	for (int i = 0; i < 4; i++) {
		struct store *store = open_node(&node);

		failed += put_something(store) == STORE_FAILED;
		pause_ms(i * 41);
		close_store(store);
	}
	is_int(failed, 4, "stores are opened and closed while the engine stands still");
	engine_go_on(node.pid);
	engine_stop(node.pid);
}

/* ---- Refusals ------------------------------------------------------------------------ */

/* Links of the store to the engine, less the one that asks. */
static int
count_links(const struct node *node)
{
	const char *clients = say(node, "CLIENT LIST TYPE normal");
	int n = -1;

	for (const char *at = clients; (at = strstr(at, "id=")); at++)
		n += at == clients || at[-1] == '\n';
	return n;
}

static void
test_refusal(const char *name, const char *refuse, const char *allow, const char *told)
{
	struct node node = make_node(name, NULL);
	struct store *store = open_node(&node);

	is_int(count_failing_still(store), 0, "%s: an engine that works", name);
	int64_t whole_ms = whole_of(store);
	begin_log();
	is_str(say(&node, refuse), "OK", "… then refuses what is to be written");
	int failing = 0, reads = 0;
	is_int(put_something(store), STORE_FAILED, "… what writes fails");
	for (int i = 0; i < 20; i++) {
		pause_ms(30);
		failing += put_something(store) == STORE_FAILED;
		reads += count_failing_reads(store);
	}
	is_int(failing, 20, "… all the time");
	is_int(reads, 0, "… what reads goes on");
	is_int(whole_of(store), INT64_MAX, "… it is known that something is lost");
	pause_ms(2 * STORE_WAIT_MS);
	ok(count_links(&node) <= 2, "… and there is no more than a link, and one that tries");
	is_str(say(&node, allow), "OK", "… it takes writes again");
	ok(works_again(store), "… which is found without anybody's asking");
	ok(whole_of(store) > whole_ms, "… the state is whole since then");
	is_int(count_failing_still(store), 0, "… all works");
	end_log();
	is_int(count_lines("cannot be written"), 1, "… it was logged once");
	is_int(count_lines(told), 1, "… why, and what to do");
	is_int(count_lines("cannot be read"), 0, "… and nothing of reading");
	is_int(count_lines("written again"), 1, "… and when it was over");
	end_node(&node, store);
}

static void
test_becomes_replica(void)
{
	struct node node = make_node("demoted", NULL);
	struct store *store = open_node(&node);

	is_int(count_failing_still(store), 0, "an engine that works");
	begin_log();
	is_str(say(&node, "REPLICAOF 127.0.0.1 1"), "OK", "… becomes a replica");
	check_all_fails(store, "READONLY");
	pause_ms(2 * STORE_WAIT_MS);
	struct store *second = open_node(&node);
	is_int(put_something(second), STORE_FAILED, "one is opened: it fails, too");
	close_store(second);
	is_str(say(&node, "REPLICAOF NO ONE"), "OK", "… and a primary again");
	ok(works_again(store), "… all works again");
	end_log();
	ok(count_lines("it has become a replica; the primary is looked for") > 0,
	    "… it was logged");
	ok(count_lines("it is a replica: name its primary, or sentinels") > 0,
	    "… and what to do about one");
	say(&node, "REPLICAOF 127.0.0.1 1");
	struct server_facts facts;
	struct server server = { .name = "a" };
	is_int(store->verbs->servers_get(store, &server, 1, &facts, NULL), STORE_FAILED,
	    "who reads the facts of servers sees at once that it is one");
	end_node(&node, store);
}

/* ---- Passwords ------------------------------------------------------------------------ */

/* What is logged when a store is opened by that URL. */
static void
check_refused(const char *url, const char *why, const char *told)
{
	begin_log();
	struct store *store = open_url(url);
	int failing = count_failing(store);
	const char *problem = store->verbs->problem(store, arena);
	close_store(store);
	end_log();
	is_int(failing, ALL_VERBS, "%s: all fails", why);
	ok(problem && strstr(problem, told), "… the store tells why");
	ok(count_lines(told) > 0, "… and it is logged what to do");
	is_int(count_lines("pa55") + count_lines("wr0ng"), 0, "… without a password");
}

static void
test_passwords(void)
{
	struct node node = make_node("password", NULL);
	say(&node, "ACL SETUSER gate on >pa55gate ~{p}:* +@all -@dangerous +info +role");
	say(&node, "CONFIG SET requirepass pa55");
	char *at = str_printf(arena, "%s/engine.sock", node.folder);
	static const char *const good[] = { ":pa55", "default:pa55", "gate:pa55gate" };

	for (size_t i = 0; i < COUNT(good); i++) {
		struct store *store = open_url(
		    str_printf(arena, "redis+unix://%s@%s", good[i], at));
		is_int(count_failing_still(store), 0, "with \"%s\": all works", good[i]);
		close_store(store);
	}
	check_refused(str_printf(arena, "redis+unix:%s", at), "no password",
	    "it wants a password");
	check_refused(str_printf(arena, "redis+unix://:wr0ng@%s", at), "a wrong password",
	    "does not take the user and password");
	check_refused(str_printf(arena, "redis+unix://gate:wr0ng@%s", at),
	    "a wrong password of a user", "does not take the user and password");
	engine_stop(node.pid);
	int port = engine_free_port();
	node = make_engine("refusing", port, 0);
	say(&node, "CONFIG SET requirepass pa55");
	check_refused(str_printf(arena, "redis://:wr0ng@127.0.0.1:%d", port),
	    "a wrong password at an address", str_printf(arena, "(engine 127.0.0.1:%d)", port));
	/* What asks a sentinel is refused here in the same way. */
	check_refused(str_printf(arena, "redis+sentinel://:wr0ng@127.0.0.1:%d/mine", port),
	    "one that a sentinel does not take",
	    str_printf(arena, "(sentinel 127.0.0.1:%d)", port));
	engine_stop(node.pid);
	node = make_node("open", NULL);
	say(&node, "ACL SETUSER few on nopass ~other:* +@all");
	at = str_printf(arena, "%s/engine.sock", node.folder);
	check_refused(str_printf(arena, "redis+unix:%s?db=99", at), "a database too many",
	    "no such database");
	begin_log();
	struct store *store = open_url(str_printf(arena, "redis+unix://few:pa55@%s", at));
	is_int(count_failing_writes(store), WRITING_VERBS,
	    "keys that its ACL has not: no write");
	const char *problem = store->verbs->problem(store, arena);
	ok(problem && strstr(problem, "its ACL does not let this user"),
	    "… the store tells why");
	close_store(store);
	end_log();
	ok(count_lines("its ACL does not let this user") > 0, "… and it is logged why");
	say(&node, "ACL SETUSER less on nopass ~{p}:* +@all -incr");
	begin_log();
	store = open_url(str_printf(arena, "redis+unix://less:pa55@%s", at));
	struct server_facts facts = facts_of(store, "a");
	is_int(set_facts(store, "a", &facts), STORE_FAILED,
	    "a command that its ACL has not, in a script: what runs it fails");
	is_int(store->verbs->typical_put(store, 7), STORE_FAILED, "… as do all writes");
	close_store(store);
	end_log();
	ok(count_lines("its ACL does not let this user") > 0, "… and it is logged why");
	is_int(count_lines("holds something else"), 0, "… and of no key");
	say(&node, "ACL SETUSER less -zadd +incr");
	begin_log();
	store = open_url(str_printf(arena, "redis+unix://less:pa55@%s", at));
	facts = facts_of(store, "a");
	is_int(set_facts(store, "a", &facts), STORE_FAILED, "another one, that fewer need");
	is_int(store->verbs->typical_put(store, 7), STORE_OK,
	    "… what does not need it goes on");
	close_store(store);
	end_log();
	ok(count_lines("its ACL does not let this user") > 0, "… and it is logged why");
	is_int(count_lines("holds something else"), 0, "… and of no key");
	engine_stop(node.pid);
}

/* ---- Keys of another type --------------------------------------------------------------- */

static void
test_wrong_type(void)
{
	struct node node = make_node("type", NULL);
	struct store *store = open_node(&node);
	struct server_facts facts;
	struct meeting meeting;

	is_int(count_failing_still(store), 0, "an engine that works");
	say(&node, "RPUSH {p}:m:spoilt x");
	int64_t whole_ms = whole_of(store);
	begin_log();
	int failing = 0;
	for (int i = 0; i < 10; i++) {
		failing += store->verbs->meeting_get(store, arena, STR("spoilt"), NOW, &meeting,
		               &facts, NULL) == STORE_FAILED;
		failing += count_failing(store);
	}
	const char *problem = store->verbs->problem(store, arena);
	ok(problem && strstr(problem, "holds something else"),
	    "one key fails: the store tells why");
	is_int(failing, 10,
	    "a key of ours of another type: what reads it fails, and only that");
	struct meeting wanted = mapping_to("a", NOW);
	is_int(set_meeting(store, STR("spoilt"), NULL, &wanted, NULL), STORE_FAILED,
	    "… as does what writes it");
	is_int(count_failing_still(store), 0, "… all others go on");
	ok(whole_of(store) > whole_ms, "… and it is known that something was lost");
	end_log();
	is_int(count_lines("a key of the state cannot be used"), 1, "it was logged once");
	is_int(count_lines("a key of ours holds something else"), 1, "… with what to do");
	is_int(count_lines("cannot be written") + count_lines("cannot be read"), 0,
	    "… and nothing of the state as a whole");
	is_int(count_lines("spoilt"), 0, "… and no key's name");
	end_node(&node, store);
}

static void
run_tests(void)
{
	test_away_at_open();
	test_restart(true);
	test_restart(false);
	test_old_copy();
	test_hang(false);
	test_hang(true);
	test_pause();
	test_opening_while_it_hangs();
	test_closing_while_away();
	test_refusal("OOM", "CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0",
	    "its maxmemory is used up");
	test_refusal("NOREPLICAS", "CONFIG SET min-replicas-to-write 1",
	    "CONFIG SET min-replicas-to-write 0", "too few replicas are connected");
	test_becomes_replica();
	test_passwords();
	test_wrong_type();
}
#endif
