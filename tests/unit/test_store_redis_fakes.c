/*
 * The Redis store and what is no engine, or stands between it and one: a server that answers
 * something else, answers that come in drops, and how many round trips a claim takes.
 */
#include "test_store_redis.h"

#if HAVE_REDIS
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A server that answers whatever it is asked by a text, or relays to an engine. */
struct fake {
	char folder[64];
	int fd;
	pthread_t thread;
	atomic_bool is_ending;
	const char *answer; /* NULL: none; or … */
	size_t copies;      /* … so often */
	const struct node *relays_to;
	atomic_bool drips;
	atomic_int trips; /* how often a client that was not waiting asked */
};

static int
unix_socket(const char *folder, bool listens)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/engine.sock", folder);
	if (listens ?
	        bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 || listen(fd, 50) != 0 :
	        connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
		exit(1);
	return fd;
}

/* Move what has come; false at the end. */
static bool
move(struct fake *fake, int from, int to, bool drips)
{
	char data[65536];
	ssize_t n = read(from, data, sizeof(data));

	for (ssize_t i = 0; i < n && drips && !fake->is_ending; i++) {
		if (send(to, &data[i], 1, MSG_NOSIGNAL) != 1)
			return false;
		if (atomic_load(&fake->drips))
			pause_ms(20);
	}
	return n > 0 && (drips || send(to, data, (size_t)n, MSG_NOSIGNAL) == n);
}

static void
relay(struct fake *fake, int client)
{
	int server = unix_socket(fake->relays_to->folder, false);
	struct pollfd fds[] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	bool is_waiting = false;

	while (!fake->is_ending) {
		poll(fds, 2, 10);
		if (fds[0].revents && !is_waiting)
			atomic_fetch_add(&fake->trips, 1);
		is_waiting = fds[0].revents || (is_waiting && !fds[1].revents);
		if (fds[0].revents && !move(fake, client, server, false))
			break;
		if (fds[1].revents && !move(fake, server, client, atomic_load(&fake->drips)))
			break;
	}
	close(server);
}

static void
answer(struct fake *fake, int client)
{
	char data[4096];
	bool is_answered = false;
	struct pollfd pollfd = { client, POLLIN, 0 };

	while (!fake->is_ending) {
		if (poll(&pollfd, 1, 10) <= 0)
			continue;
		if (read(client, data, sizeof(data)) <= 0)
			break;
		for (size_t i = 0; fake->answer && !is_answered && i < fake->copies; i++)
			if (send(client, fake->answer, strlen(fake->answer), MSG_NOSIGNAL) <= 0)
				return;
		is_answered = true;
	}
}

static void *
fake_run(void *argument)
{
	struct fake *fake = argument;
	struct pollfd pollfd = { fake->fd, POLLIN, 0 };

	while (!fake->is_ending) {
		if (poll(&pollfd, 1, 10) <= 0)
			continue;
		int client = accept(fake->fd, NULL, NULL);
		if (fake->relays_to)
			relay(fake, client);
		else
			answer(fake, client);
		close(client);
	}
	return NULL;
}

static struct node
start_fake(struct fake *fake)
{
	static int number;
	struct node node = { .pid = 0 };

	snprintf(fake->folder, sizeof(fake->folder), "%s/fake%d", dir, ++number);
	mkdir(fake->folder, 0700);
	fake->fd = unix_socket(fake->folder, true);
	if (pthread_create(&fake->thread, NULL, fake_run, fake) != 0)
		exit(1);
	memcpy(node.folder, fake->folder, sizeof(node.folder));
	return node;
}

static void
stop_fake(struct fake *fake)
{
	atomic_store(&fake->is_ending, true);
	pthread_join(fake->thread, NULL);
	close(fake->fd);
}

/* ---- What is no engine ------------------------------------------------------------------ */

static void
test_no_engine(void)
{
	static const struct {
		const char *name, *answer;
		size_t copies;
	} fakes[] = {
		{ "one that never answers", NULL, 0 },
		{ "an HTTP server", "HTTP/1.1 400 Bad Request\r\nserver: room-7\r\n\r\n", 1 },
		{ "an error that is not known", "-ERR unknown command 'room-7'\r\n", 10 },
		{ "an error with our keys in it", "-WRONGTYPE room-7 room-7\r\n", 10 },
		{ "one that is none", "-\r\n", 10 },
		{ "nothing", "$-1\r\n", 50 },
		{ "empty lists", "*0\r\n", 50 },
		{ "numbers", ":7\r\n", 50 },
		{ "texts", "+OK\r\n", 50 },
		{ "lists of nothing", "*3\r\n$-1\r\n$-1\r\n$-1\r\n", 50 },
		{ "a primary of which no more is known", "*3\r\n$6\r\nmaster\r\n:0\r\n:0\r\n",
		    50 },
		{ "a huge list", "*2147483647\r\n", 1 },
		{ "a list beyond all", "*9223372036854775807\r\n", 1 },
		{ "a huge text", "$2000000000\r\n0123456789", 1 },
		{ "many bytes", "$500000000\r\n0123456789012345678901234567890123456789\r\n",
		    200000 },
		{ "lists in lists", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", 300 },
		{ "a cut list", "*3\r\n$6\r\nmast", 1 },
	};

	begin_log();
	for (size_t i = 0; i < COUNT(fakes); i++) {
		struct fake fake = { .answer = fakes[i].answer, .copies = fakes[i].copies };
		struct node node = start_fake(&fake);
		struct store *store = open_node(&node);
		int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
		is_int(count_failing(store), ALL_VERBS, "%s: all verbs fail", fakes[i].name);
		ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < ONE_WAIT_MS, "… at once");
		stop_fake(&fake);
		close_store(store);
	}
	end_log();
	is_int(count_lines("room-7"), 0, "nothing of that is logged");
	is_int(count_lines("cannot be written"), COUNT(fakes), "… but that it does not work");
}

static void
test_no_address(void)
{
	static const struct {
		const char *url, *where;
	} peers[] = {
		{ "redis://127.0.0.1:1", "Connection refused (engine 127.0.0.1:1)" },
		{ "redis://[::1]:1", "(engine [::1]:1)" },
		{ "redis://no-such-host.invalid", "(engine no-such-host.invalid:6379)" },
		{ "redis+sentinel://127.0.0.1:1,no-such-host.invalid/mine",
		    "Connection refused (sentinel 127.0.0.1:1)" },
	};

	for (size_t i = 0; i < COUNT(peers); i++) {
		struct store *store = open_url(peers[i].url);
		int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);

		is_int(count_failing(store), ALL_VERBS, "%s: all verbs fail", peers[i].url);
		ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < ONE_WAIT_MS, "… at once");
		const char *problem = store->verbs->problem(store, arena);
		if (!ok(problem && strstr(problem, peers[i].where), "… it is told who"))
			diag("%s", problem ? problem : "none");
		close_store(store);
	}
}

/* How many connections wait to be accepted. */
static int
count_waiting(int fd)
{
	int n = 0, client;

	while ((client = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		close(client);
		n++;
	}
	return n;
}

static void
test_silent_sentinel(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), n = 0;

	if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, 50) != 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &len) != 0)
		exit(1);
	/* After the first try comes a second one, which this thread may be too late for. */
	for (int tries = 0; tries < 5 && n != 1; tries++) {
		struct store *store = open_url(str_printf(arena,
		    "redis+sentinel://:pa55@127.0.0.1:%d/mine", ntohs(name.sin_port)));

		n = count_waiting(fd);
		close_store(store);
		count_waiting(fd);
	}
	is_int(n, 1, "a sentinel that never answers is not asked again with the password");
	close(fd);
}

/* ---- What stands between -------------------------------------------------------------- */

static void
test_drops(void)
{
	struct node node = make_node("drops", NULL);
	struct fake fake = { .relays_to = &node };
	struct node slow = start_fake(&fake);
	struct store *store = open_node(&slow);

	is_int(count_failing_still(store), 0, "an engine behind something else");
	atomic_store(&fake.drips, true);
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
	is_int(facts_of(store, "a").users + (whole_of(store) == INT64_MAX), 1,
	    "its answers come in drops: a verb fails");
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < ONE_WAIT_MS, "… after its time");
	begin_ms = clock_ms(CLOCK_MONOTONIC);
	is_int(count_failing(store), ALL_VERBS, "… others do");
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < ONE_WAIT_MS, "… at once");
	atomic_store(&fake.drips, false);
	ok(works_again(store), "… until they come again as they should");
	close_store(store);
	stop_fake(&fake);
	engine_stop(node.pid);
}

/* Place a new meeting as a create does: how many round trips that took; -1 when it failed. */
static int
claim_trips(struct fake *fake, struct store *store, struct str id)
{
	const struct server server = { .name = "a" };
	struct meeting wanted = mapping_to("a", NOW);
	struct store_server load = { .name = "a" };
	struct store_change change = { .meeting_id = id, .wanted = &wanted, .load = &load };
	struct store_history history;
	int64_t whole_ms;
	int before = atomic_load(&fake->trips);

	if (store->verbs->picture_get(store, &server, 1, &load.facts, &whole_ms, &id, &history,
	        1) != STORE_OK)
		return -1;
	load.facts.reserved += 25;
	enum store_result result = store->verbs->meetings_set(store, arena, &change, 1, NOW);
	bool is_done = result == STORE_OK && change.result == STORE_OK;
	return is_done ? atomic_load(&fake->trips) - before : -1;
}

static void
check_trips(struct fake *fake, struct store *store, const char *when)
{
	static int number;

	for (int i = 1; i <= 3; i++) {
		int trips = -1;

		for (int tries = 0; trips < 0 && tries < 5 && is_mended(store); tries++)
			trips = claim_trips(fake, store,
			    str_from(str_printf(arena, "claimed-%d", ++number)));
		if (!ok(trips > 0 && trips <= 2, "%s: claim %d takes two round trips at most",
		        when, i))
			diag("%d", trips);
	}
}

/* Claim until a replica confirms it, which is tried once a second where none does. */
static bool
wait_until_confirmed(struct store *store)
{
	static int n;

	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		map(store, str_printf(arena, "confirmed-%d", n++), "a");
		if (count_lines("no replica of the state confirms claims") ==
		    count_lines("confirms claims again"))
			return true;
		clock_sleep_ms(100);
	}
	return false;
}

/* Which changes of a mapping wait for a replica: those by which a meeting comes to a server. */
static void
check_waits(const struct node *node, struct store *store)
{
	is_mended(store);
	ok(wait_until_confirmed(store), "a replica confirms claims");
	struct meeting first = map(store, "moving", "a"), here, there = mapping_to("b", NOW);
	long before = count_waits(node);
	struct meeting seen = first;

	seen.users = 7;
	is_int(set_meeting(store, STR("moving"), &first, &seen, &here), STORE_OK,
	    "a meeting is seen on its server");
	is_int(count_waits(node) - before, 0, "… which no replica is to confirm");
	is_int(set_meeting(store, STR("moving"), &here, &there, &here), STORE_OK,
	    "… it is placed anew on another one");
	is_int(count_waits(node) - before, 1, "… which one is");
	is_int(drop(store, "moving", &here), STORE_OK, "… and it ends");
	is_int(count_waits(node) - before, 1, "… which none is");
}

/* A replica that hangs makes a claim slow now and then, and not each. */
static void
check_hanging_replica(const struct node *node, struct store *store, pid_t replica)
{
	is_mended(store);
	kill(replica, SIGSTOP);
	map(store, "slow-0", "a");
	int64_t from_ms = clock_ms(CLOCK_MONOTONIC);
	long before = count_waits(node);
	for (int i = 1; i <= 20; i++)
		map(store, str_printf(arena, "slow-%d", i), "a");
	int64_t seconds = (clock_ms(CLOCK_MONOTONIC) - from_ms) / 1000;
	long waits = count_waits(node) - before;
	ok(waits <= seconds + 1, "a replica hangs: of 20 claims in %d s %ld wait for it",
	    (int)seconds, waits);
	kill(replica, SIGCONT);
	ok(wait_until_confirmed(store), "… until it goes on");
}

static void
test_trips(void)
{
	int port = engine_free_port();
	struct node node = make_engine("trips", port, 0);
	struct fake fake = { .relays_to = &node };
	struct node counted = start_fake(&fake);
	struct store *store = open_node(&counted);

	begin_log();
	check_trips(&fake, store, "an engine alone");
	is_int(count_lines("no replica of the state confirms claims"), 0,
	    "… that has no replica is none the worse for it");
	struct node replica = make_engine("replica", engine_free_port(), port);
	ok(wait_until_says(&node, "INFO replication", "state=online"), "there is a replica");
	check_trips(&fake, store, "an engine with a replica");
	ok(count_waits(&node) > 0, "… which confirms them");
	check_waits(&node, store);
	check_hanging_replica(&node, store, replica.pid);
	engine_stop(replica.pid);
	ok(wait_until_says(&node, "INFO replication", "connected_slaves:0"), "it has gone");
	for (int i = 0; i < 3; i++) {
		is_mended(store);
		claim_trips(&fake, store, str_from(str_printf(arena, "alone-%d", i)));
	}
	end_log();
	is_int(count_lines("no replica of the state confirms claims") -
	        count_lines("confirms claims again"),
	    1, "… the next claim logs that nobody confirms it, once");
	close_store(store);
	stop_fake(&fake);
	engine_stop(node.pid);
}

static void
run_tests(void)
{
	test_no_engine();
	test_no_address();
	test_silent_sentinel();
	test_drops();
	test_trips();
}
#endif
