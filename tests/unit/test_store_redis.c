/*
 * The Redis store over an engine that others use, too: hosts with other clocks, somebody who
 * takes its scripts, links or keys away, and damaged values.
 */
#include "test_store_redis.h"

#if HAVE_REDIS
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <zlib.h>

/* ---- A host whose clock can be set -------------------------------------------------- */

static _Atomic int64_t ahead_s;

/* In place of the system's, for the whole of this program. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += atomic_load(&ahead_s);
	return result;
}

/* ---- A thread that can be held ------------------------------------------------------- */

/* The next answer that this thread reads, or the command that it sends after so many others,
 * is held, which held says, until it may go on. */
static __thread bool holds_answer;
static __thread int holds_command;
static sem_t held, may_go_on;

static void
hold(void)
{
	sem_post(&held);
	sem_wait(&may_go_on);
}

/* In place of the system's, for the whole of this program. */
ssize_t
recv(int fd, void *data, size_t size, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);

	if (holds_answer && n > 0 && !(flags & MSG_PEEK)) {
		holds_answer = false;
		hold();
	}
	return n;
}

ssize_t
send(int fd, const void *data, size_t size, int flags)
{
	if (holds_command > 0 && --holds_command == 0)
		hold();
	return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

/* What a thread that can be held does, with a store. */
struct holding {
	struct store *store;
	bool holds_answer;
	int holds_command;
	void (*work)(struct holding *holding);
	struct server_facts facts[2]; /* what it has read */
	int64_t whole_ms;
	enum store_result result;
	pthread_t thread;
};

static void *
holding_run(void *argument)
{
	struct holding *holding = argument;

	holds_answer = holding->holds_answer;
	holds_command = holding->holds_command;
	holding->work(holding);
	return NULL;
}

/* Start it, and wait until it is held. */
static void
start_holding(struct holding *holding)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	if (pthread_create(&holding->thread, NULL, holding_run, holding) != 0)
		exit(1);
	/* Where the store's calls are not those above, as they may be under _FORTIFY_SOURCE. */
	if (sem_timedwait(&held, &until) != 0) {
		diag("no thread was held");
		exit(1);
	}
}

/* Let it go on, to its end. */
static void
end_holding(struct holding *holding)
{
	sem_post(&may_go_on);
	pthread_join(holding->thread, NULL);
}

/* What one writes at its own 12:00 was at 12:00 by the reader's clock. */
static void
test_clocks(int64_t differ_s)
{
	struct node node = make_node(str_printf(arena, "clocks%d", (int)differ_s), NULL);
	struct store *here = open_node(&node);
	atomic_store(&ahead_s, differ_s);
	struct store *there = open_node(&node);
	int64_t now_ms = clock_ms(CLOCK_REALTIME);
	struct server_facts facts = facts_of(there, "a");
	facts.polled_ms = facts.told_ms = now_ms;
	facts.next_poll_ms = now_ms + 10000;
	is_int(set_facts(there, "a", &facts), STORE_OK,
	    "a host whose clock differs by %d s writes", (int)differ_s);
	struct meeting wanted = mapping_to("a", now_ms);
	set_meeting(there, STR("m"), NULL, &wanted, NULL);
	is_int(there->verbs->lease_take(there, 1, now_ms, 60000), STORE_OK,
	    "… and takes the lease");
	there->verbs->absent_put(there, STR("gone"), now_ms, 60000);
	struct webhook hook = hook_of("https://lms.test/", now_ms);
	there->verbs->webhook_put(there, &hook, true);
	struct store_trend trend = { .server = "a" };
	trend_add(&trend.trend, now_ms, 1, 1);
	int64_t minute = trend.trend.minute;
	there->verbs->trends_put(there, &trend, 1);
	int64_t whole_there_ms = whole_of(there);
	ok(whole_there_ms < now_ms + 2000, "… by its own clock");

	atomic_store(&ahead_s, 0);
	int64_t here_ms = clock_ms(CLOCK_REALTIME);
	const int64_t differ_ms = differ_s * 1000, about_ms = 2000;
	facts = facts_of(here, "a");
	ok(llabs(facts.polled_ms - (now_ms - differ_ms)) <= about_ms,
	    "another reads when it was polled, by its own clock");
	ok(llabs(facts.next_poll_ms - facts.polled_ms - 10000) <= 1, "… and when next");
	ok(llabs(whole_of(here) - (whole_there_ms - differ_ms)) <= about_ms,
	    "… and since when the state is whole");
	struct meeting meeting = { 0 };
	here->verbs->meeting_get(here, arena, STR("m"), here_ms, &meeting, &facts, NULL);
	ok(llabs(meeting.claimed_ms - (now_ms - differ_ms)) <= about_ms,
	    "… and when a meeting was claimed");
	is_int(here->verbs->lease_take(here, 2, here_ms, 1000), STORE_CONFLICT,
	    "… that another has the lease");
	is_int(here->verbs->lease_take(here, 2, here_ms + 70000, 1000), STORE_OK,
	    "… until its time is over");
	is_int(here->verbs->meeting_get(here, arena, STR("gone"), here_ms + 3000, &meeting,
	           &facts, NULL),
	    STORE_ABSENT, "… that a meeting is absent");
	struct webhook *hooks = NULL;
	size_t n = 0;
	here->verbs->webhook_list(here, arena, &hooks, &n);
	ok(n == 1 && llabs(hooks[0].changed_ms - (now_ms - differ_ms)) <= about_ms,
	    "… when a hook was put");
	here->verbs->trends_get(here, &trend, 1);
	ok(llabs(trend.trend.minute - (minute - differ_s / 60)) <= 1,
	    "… and load, by the minute");
	struct pacing_slot slot[2];
	here->verbs->slot_take(here, "a", here_ms, 1000000, &slot[0]);
	atomic_store(&ahead_s, differ_s);
	there->verbs->slot_take(there, "a", here_ms + differ_ms, 1000000, &slot[1]);
	ok(llabs(slot[1].at_us - slot[0].at_us - differ_ms * 1000 - 1000000) <= about_ms * 1000,
	    "slots follow each other");
	close_store(there);
	atomic_store(&ahead_s, 0);

	/* The host's clock is set while a store is open. */
	facts_of(here, "a");
	atomic_store(&ahead_s, 3600);
	facts_of(here, "a");
	facts = facts_of(here, "a");
	now_ms = clock_ms(CLOCK_REALTIME);
	facts.good_ms = now_ms;
	set_facts(here, "a", &facts);
	atomic_store(&ahead_s, 0);
	whole_of(here);
	close_store(here);
	here = open_node(&node);
	ok(llabs(facts_of(here, "a").good_ms - (now_ms - 3600000)) <= about_ms,
	    "a clock that is set is noticed");
	end_node(&node, here);
}

/* ---- Taken away ------------------------------------------------------------------------ */

#define THREADS 6

static struct store *shared;
static pthread_barrier_t barrier;

static void *
use_link(void *argument)
{
	int64_t *failing = argument;
	struct arena *own = arena_new();
	struct meeting meeting;
	struct server_facts facts;

	for (int i = 0; i < 50; i++) {
		if (i % 10 == 0)
			pthread_barrier_wait(&barrier);
		*failing += shared->verbs->meeting_get(shared, own, STR("m"), NOW, &meeting,
		                &facts, NULL) == STORE_FAILED;
		*failing += shared->verbs->typical_put(shared, 7) == STORE_FAILED;
	}
	arena_free(own);
	return NULL;
}

/* Several threads, so that there are several links. */
static int64_t
use_links(void)
{
	pthread_t threads[THREADS];
	int64_t failing[THREADS] = { 0 }, sum = 0;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, use_link, &failing[i]) != 0)
			exit(1);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += failing[i];
	}
	pthread_barrier_destroy(&barrier);
	return sum;
}

static void
test_taken_away(void)
{
	struct node node = make_node("taken", NULL);

	shared = open_node(&node);
	is_int(use_links() + count_failing(shared), 0, "an engine, with several links");
	int64_t whole_ms = whole_of(shared);
	struct server_facts several[4] = { { 0 } };
	for (int round = 0; round < 3; round++) {
		is_str(say(&node, "SCRIPT FLUSH"), "OK", "its scripts are taken away");
		is_int(count_failing(shared) + use_links(), 0, "… no verb fails");
		say(&node, "CLIENT KILL TYPE normal SKIPME yes");
		is_int(count_failing(shared) + use_links(), 0, "its links: no verb fails");
	}
	/* Many changes in one batch. */
	struct store_change changes[30];
	struct meeting wanted = mapping_to("a", NOW);
	for (int i = 0; i < 30; i++)
		changes[i] = (struct store_change){
			.meeting_id = str_from(str_printf(arena, "many-%d", i)),
			.wanted = &wanted
		};
	say(&node, "SCRIPT FLUSH");
	is_int(shared->verbs->meetings_set(shared, arena, changes, 30, NOW), STORE_OK,
	    "… nor does one with many changes");
	int n_ok = 0;
	for (int i = 0; i < 30; i++)
		n_ok += changes[i].result == STORE_OK;
	is_int(n_ok, 30, "… each of which is done");
	is_int(whole_of(shared), whole_ms, "… and the state stayed whole");

	several[0] = facts_of(shared, "a");
	several[0].users = 5;
	set_facts(shared, "a", &several[0]);
	int64_t before_ms = clock_ms(CLOCK_REALTIME);
	say(&node, "FLUSHALL");
	is_str(where(shared, "many-1"), "nowhere", "its keys: meetings are nowhere");
	struct server_facts facts = facts_of(shared, "a");
	ok(are_new_facts(&facts), "… nothing is known of servers");
	ok(whole_of(shared) > before_ms, "… nor that anything is whole since before");
	is_int(set_facts(shared, "a", &several[0]), STORE_STALE,
	    "… what expects something is stale");
	is_int(count_failing_still(shared), 0, "… all works");
	ok(whole_of(shared) > before_ms && whole_of(shared) < INT64_MAX,
	    "… and the state is whole since then");
	ok(facts_of(shared, "a").version > several[0].version, "… with later versions");
	close_store(shared);

	/* One by one, as an engine does that evicts. */
	static const char *const keys[] = { "version", "born", "whole", "engine", "servers",
		"changed", "on:a", "homes", "peaked", "recordings", "purged" };
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct store *old = open_node(&node);
		facts_of(old, "a");
		say(&node, "DEL {p}:%s", keys[i]);
		struct store *new = open_node(&node);
		int tries = 0;
		do {
			facts = facts_of(new, "a");
			facts.users = (long)i + 1;
		} while (set_facts(new, "a", &facts) != STORE_OK && ++tries < 5);
		ok(tries < 5, "without \"%s\": a new process can write facts", keys[i]);
		tries = 0;
		do {
			facts = facts_of(old, "a");
			facts.meetings = (long)i + 1;
		} while (set_facts(old, "a", &facts) != STORE_OK && ++tries < 5);
		ok(tries < 5 && facts_of(new, "a").users == (long)i + 1,
		    "… and an old one, which reads those");
		is_int(count_failing(old) + count_failing(new), 0, "… all works");
		close_store(old);
		close_store(new);
	}
	engine_stop(node.pid);
}

/* ---- What is read by several ---------------------------------------------------------- */

static void
read_facts(struct holding *holding)
{
	static const struct server servers[] = { { .name = "a" }, { .name = "b" } };

	holding->result = holding->store->verbs->servers_get(holding->store, servers, 2,
	    holding->facts, &holding->whole_ms);
}

/* One asks what has changed; before it takes the answer others have read that all is to be
 * read anew. */
static void
test_mirror(const char *when, bool is_older)
{
	struct node node = make_node(is_older ? "older" : "mirror", NULL);
	struct store *store = open_node(&node);
	struct server_facts facts[2];

	for (size_t i = 0; i < 2; i++) {
		facts[i] = facts_of(store, i == 0 ? "a" : "b");
		facts[i].has_operator_state = true;
		facts[i].operator_state = SERVER_CORDONED;
		set_facts(store, i == 0 ? "a" : "b", &facts[i]);
	}
	facts_of(store, "a");
	const char *born = say(&node, "GET {p}:born");
	struct holding reader = { .store = store, .holds_answer = true, .work = read_facts };
	start_holding(&reader);
	say(&node, "INCR {p}:version");
	say(&node, "SET {p}:born %s", say(&node, "GET {p}:version"));
	facts_of(store, "a");
	if (is_older) {
		/* As an engine that lacks the last write answers. */
		say(&node, "SET {p}:born %s", born);
		say(&node, "ZREM {p}:changed b");
		facts_of(store, "a");
		say(&node, "ZADD {p}:changed %s b",
		    str_printf(arena, "%llu", (unsigned long long)facts[1].version));
	}
	end_holding(&reader);
	is_int(reader.result, STORE_OK, "%s: who has asked before", when);
	ok(are_same_facts(&reader.facts[0], &facts[0]) &&
	        are_same_facts(&reader.facts[1], &facts[1]),
	    "… has all facts, though no server has changed");
	end_node(&node, store);
}

/* ---- What is lost while others read ------------------------------------------------------ */

static void
read_whole(struct holding *holding)
{
	holding->whole_ms = whole_of(holding->store);
}

static void
read_joins_whole(struct holding *holding)
{
	struct arena *own = arena_new();
	struct meeting meeting;
	struct server_facts facts;

	holding->store->verbs->meeting_get(holding->store, own, STR("m"), NOW, &meeting, &facts,
	    &holding->whole_ms);
	arena_free(own);
}

/* A write that fails for one key's sake, so that the engine is told that it is lost. */
static void
lose_write(struct holding *holding)
{
	struct arena *own = arena_new();
	struct meeting wanted = mapping_to("a", NOW);
	struct store_change change = { .meeting_id = STR("spoilt"), .wanted = &wanted };

	holding->result = holding->store->verbs->meetings_set(holding->store, own, &change, 1,
	    NOW);
	arena_free(own);
}

static void
test_loss_under_way(void)
{
	struct node node = make_node("loss", NULL);
	struct store *store = open_node(&node);

	is_int(count_failing_still(store), 0, "an engine that works");
	say(&node, "RPUSH {p}:m:spoilt x");
	ok(works_again(store), "… and is whole");
	struct holding writer = { .store = store, .holds_command = 2, .work = lose_write };
	start_holding(&writer);
	is_int(whole_of(store), INT64_MAX,
	    "a write is lost, and the engine not told yet: nothing is whole");
	end_holding(&writer);
	is_int(writer.result, STORE_FAILED, "… it is told");
	ok(works_again(store), "… then it is whole, since now");
	static void (*const readers[])(struct holding *) = { read_whole, read_joins_whole };
	for (size_t i = 0; i < COUNT(readers); i++) {
		struct holding reader = { .store = store,
			.holds_answer = true,
			.work = readers[i] };
		whole_of(store);
		start_holding(&reader);
		lose_write(&writer);
		end_holding(&reader);
		is_int(writer.result, STORE_FAILED,
		    "a write is lost while another has its answer on the way");
		is_int(reader.whole_ms, INT64_MAX, "… which is not whole");
		ok(works_again(store), "… and later ones are");
	}
	end_node(&node, store);
}

/* ---- Damaged values --------------------------------------------------------------------- */

static const char *const odd[] = { "", "-1", "0", "1", "abc", "12abc", "007 8 9", "\n", "\n\n",
	"9223372036854775807", "-9223372036854775808", "18446744073709551616 1 1 1 1",
	"99999999999999999999999 1\na\n", "1e300", "-9e999", "nan", "inf", "0x10", "5 5\n\n",
	"5 0 x\na", "7\na\nb", "3 -1 -1 -1 -1 -1 -1 -1\na\nb",
	"2 9999999999 9999999999999999999 1 1 1 9 9\na\nb",
	"1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
	"4 -7 9 nan inf -inf 1e999 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1",
	"9007199254740993 0 x\na\n", "0099 0 x\na\n", "\xff\xfe \x80", "50000000000\nxx" };

static void
damage(const struct node *node, const char *text)
{
	static const char *const strings[] = { "version", "born", "whole", "engine", "m:m",
		"m:spoilt", "absent:n", "typical", "lease", "purged" };
	static const char *const hashes[][2] = { { "servers", "a" }, { "servers", "spoilt" },
		{ "peaks", "m" }, { "pacing", "a" }, { "r:r", "a" }, { "r:0", "a" },
		{ "lists:a", "getMeetings\n" }, { "digests:a", "getMeetings\n" },
		{ "hooks", "0123456789abcdef0123456789abcdef01234567" }, { "hooks", "x" },
		{ "trends", "a" }, { "hosts", "a" } };
	static const char *const sets[] = { "changed", "on:a", "peaked", "recordings",
		"listed:a", "dropped" };

	for (size_t i = 0; i < COUNT(strings); i++)
		say(node, "SET {p}:%s %s", strings[i], text);
	for (size_t i = 0; i < COUNT(hashes); i++) {
		say(node, "HSET {p}:%s %s %s", hashes[i][0], hashes[i][1], text);
		say(node, "HSET {p}:%s %s x", hashes[i][0], text);
	}
	for (size_t i = 0; i < COUNT(sets); i++) {
		say(node, "ZADD {p}:%s 1 %s", sets[i], text);
		say(node, "ZADD {p}:%s -inf %sx", sets[i], text);
		say(node, "ZADD {p}:%s inf %sy", sets[i], text);
	}
	say(node, "SADD {p}:homes %s", text);
	say(node, "LPUSH {p}:events %s", text);
	say(node, "LPUSH {p}:events %s", "1 1 a");
}

static bool
are_valid_facts(struct server_facts *facts)
{
	static const struct server_rules rules = { 2, 2, 10000 };

	server_believe(facts, &rules, NOW);
	server_is_due(facts, NOW);
	return facts->health <= SERVER_DOWN && facts->operator_state <= SERVER_DISABLED &&
	    facts->failures >= 0 && facts->successes >= 0 && facts->create_failures >= 0 &&
	    facts->users >= 0 && facts->meetings >= 0 && facts->secret_at >= 0 &&
	    facts->reserved >= 0 && facts->reserved <= 1e300 && facts->turn >= 0 &&
	    facts->turn <= 1e300 && facts->release_ms >= 0 && facts->polled_ms >= 0 &&
	    memchr(facts->release, '\0', sizeof(facts->release));
}

/* Is a meeting's mapping valid, and can it be replaced? */
static bool
can_move(struct store *store, const char *id)
{
	struct meeting meeting = { 0 }, wanted = mapping_to("b", NOW);
	struct server_facts facts;
	enum store_result result = store->verbs->meeting_get(store, arena, str_from(id), NOW,
	    &meeting, &facts, NULL);

	if (result == STORE_FAILED || (result == STORE_OK) != (meeting.server != NULL) ||
	    !are_valid_facts(&facts) || meeting.seats < 0 || meeting.users < 0 ||
	    meeting.peak < 0 || meeting.create_ms < 0 || meeting.claimed_ms < 0)
		return false;
	return set_meeting(store, str_from(id), result == STORE_OK ? &meeting : NULL, &wanted,
	           NULL) == STORE_OK &&
	    strcmp(where(store, id), "b") == 0;
}

static void
test_odd_values(void)
{
	struct node node = make_node("odd", NULL);
	struct store *store = open_node(&node);

	is_int(count_failing_still(store), 0, "an engine with values");
	for (size_t i = 0; i < COUNT(odd); i++) {
		damage(&node, odd[i]);
		int failing = count_failing(store);
		is_int(failing, 0, "odd values, %zu: no verb fails", i);
		damage(&node, odd[i]);
		struct store *new = open_node(&node);
		is_int(count_failing_reads(new), 0, "… nor does one of a new process");
		damage(&node, odd[i]);
		static const char *const names[] = { "a", "spoilt", "x" };
		for (size_t k = 0; k < COUNT(names); k++) {
			struct server_facts facts = facts_of(new, names[k]);
			facts.users = facts.users < 0 ? -1 : facts.users;
			ok(are_valid_facts(&facts), "… facts of %s are valid", names[k]);
			enum store_result result = STORE_STALE;
			for (int tries = 0; tries < 5 && result == STORE_STALE; tries++) {
				facts = facts_of(new, names[k]);
				result = set_facts(new, names[k], &facts);
			}
			is_int(result, STORE_OK, "… and are replaced");
		}
		damage(&node, odd[i]);
		ok(can_move(new, "spoilt") && can_move(store, "m"), "… mappings, too");
		damage(&node, odd[i]);
		struct mapped *meetings;
		size_t n;
		is_int(store->verbs->meetings_on(store, arena, "a", &meetings, &n), STORE_OK,
		    "… all of a server");
		struct event *events;
		is_int(store->verbs->events_get(store, arena, &events, &n), STORE_OK,
		    "… events");
		for (size_t k = 0; k < n; k++)
			if (events[k].kind >= EVENT_KINDS || !events[k].server)
				ok(false, "… event %zu is valid", k);
		struct store_description description;
		is_int(store->verbs->describe(store, arena, &description), STORE_OK,
		    "… what holds the state");
		struct store_history history;
		store->verbs->history_get(store, STR("m"), &history);
		ok(history.peak >= 0 && history.typical >= 0 && history.typical < 1e300,
		    "… history");
		struct pacing_slot slot;
		store->verbs->slot_take(store, "a", NOW, 1000, &slot);
		ok(slot.at_us >= NOW * 1000 - 2000000 &&
		        slot.at_us <= (NOW + PACING_LONGEST_MS + PACING_AHEAD_MS) * 1000,
		    "… a slot");
		close_store(new);
		new = open_node(&node);
		ok(works_again(new) && whole_of(new) < INT64_MAX,
		    "… a new process knows since when the state is whole");
		close_store(new);
	}
	end_node(&node, store);
}

/* ---- Memory that is short ------------------------------------------------------------- */

static bool is_short;

/* In place of zlib's, for the whole of this program. */
int
compress2(Bytef *out, uLongf *out_len, const Bytef *in, uLong in_len, int level)
{
	__typeof__(compress2) *own;

	*(void **)&own = dlsym(RTLD_NEXT, "compress2");
	return is_short ? Z_MEM_ERROR : own(out, out_len, in, in_len, level);
}

static const char *
list_of(struct store *store)
{
	struct store_list list = { "a", "getMeetings", "", { NULL, 0 } };

	return store->verbs->list_find(store, arena, &list) == STORE_OK ?
	    list.answer.data :
	    "none";
}

static void
test_short_memory(void)
{
	struct store *store = open_store("redis");
	struct store_list old = { "a", "getMeetings", "", STR("<old/>") };
	struct store_list new = { "a", "getMeetings", "", STR("<new/>") };

	store->verbs->lists_put(store, &old, 1);
	is_short = true;
	store->verbs->lists_put(store, &new, 1);
	is_short = false;
	is_str(list_of(store), "<old/>", "without memory to deflate a list the last one stays");
	store->verbs->lists_put(store, &new, 1);
	is_str(list_of(store), "<new/>", "… until the list is put again");
	close_store(store);
}

static void
run_tests(void)
{
	sem_init(&held, 0, 0);
	sem_init(&may_go_on, 0, 0);
	test_clocks(300);
	test_clocks(-300);
	test_taken_away();
	test_mirror("another state meanwhile", false);
	test_mirror("and then an older one", true);
	test_loss_under_way();
	test_odd_values();
	test_short_memory();
}
#endif
