/*
 * How often clients were refused: some lines of each, one that there will be no more, then
 * none until the window is over; of all processes and threads together; a clock that is set
 * back, a table that is full.
 */
#include "base/refusals.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/metrics.h"
#include "base/metrics_file.h"
#include "formats/ip.h"
#include "tap.h"

#define START_MS INT64_C(1795744800123)
#define MANY (LIMIT_REFUSALS + 20)

static char folder[] = "/tmp/test_refusals.XXXXXX";
static char path[sizeof(folder) + 32];

struct tally {
	int told, last, mute;
	int64_t left_s; /* of the one that was last */
};

static struct tally
refuse_bytes(struct str client, int times, int64_t now_ms)
{
	struct tally tally = { 0 };

	for (int i = 0; i < times; i++)
		switch (refusals_count(client, now_ms, &tally.left_s)) {
		case REFUSAL_TOLD:
			tally.told++;
			break;
		case REFUSAL_LAST:
			tally.last++;
			break;
		case REFUSAL_MUTE:
			tally.mute++;
			break;
		}
	return tally;
}

static struct tally
refuse(const char *address, int times, int64_t now_ms)
{
	unsigned char bytes[IP_CLIENT_BYTES];
	size_t n = ip_client(str_from(address), bytes);

	return refuse_bytes((struct str){ (const char *)bytes, n }, times, now_ms);
}

/* One after the other, each so long after the beginning. */
static const struct {
	const char *what, *address;
	int after_s, times, told, last, mute, left_s;
} rows[] = {
	{ "the first ones", "192.0.2.1", 0, LIMIT_REFUSALS, LIMIT_REFUSALS, 0, 0, 0 },
	{ "another address", "192.0.2.2", 10, 3, 3, 0, 0, 0 },
	{ "one more", "192.0.2.1", 20, 1, 0, 1, 0, 40 },
	{ "and many more", "192.0.2.1", 59, 1000, 0, 0, 1000, 0 },
	{ "the other goes on", "192.0.2.2", 59, 3, 3, 0, 0, 0 },
	{ "the window is over", "192.0.2.1", 60, MANY, LIMIT_REFUSALS, 1, 19, 60 },
	{ "that of the other, too", "192.0.2.2", 70, MANY, LIMIT_REFUSALS, 1, 19, 60 },
	{ "an IPv6 address", "2001:db8:0:1::1", 70, LIMIT_REFUSALS, LIMIT_REFUSALS, 0, 0, 0 },
	{ "others of its /64", "2001:db8:0:1:ffff::2", 70, 20, 0, 1, 19, 60 },
	{ "the next /64", "2001:db8:0:2::1", 70, 20, 20, 0, 0, 0 },
	{ "in IPv4", "198.51.100.7", 70, LIMIT_REFUSALS, LIMIT_REFUSALS, 0, 0, 0 },
	{ "the same in IPv6", "::ffff:198.51.100.7", 70, 20, 0, 1, 19, 60 },
	{ "its neighbour", "::ffff:198.51.100.8", 70, 20, 20, 0, 0, 0 },
	{ "no address", "", 70, LIMIT_REFUSALS, LIMIT_REFUSALS, 0, 0, 0 },
	{ "none either", "unix:", 70, 20, 0, 1, 19, 60 },
	/* One whose request began earlier, and a clock that is put right. */
	{ "a little earlier", "192.0.2.9", 200, LIMIT_REFUSALS, LIMIT_REFUSALS, 0, 0, 0 },
	{ "still the same", "192.0.2.9", 198, 20, 0, 1, 19, 62 },
	{ "until it ends", "192.0.2.9", 260, 1, 1, 0, 0, 0 },
	{ "an hour earlier", "192.0.2.9", 260 - 3600, MANY, LIMIT_REFUSALS, 1, 19, 60 },
	{ "and an hour later", "192.0.2.9", 261, 1, 1, 0, 0, 0 },
	{ "before 1970", "192.0.2.9", -2000000000, MANY, LIMIT_REFUSALS, 1, 19, 60 },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tally got = refuse(rows[i].address, rows[i].times,
		    START_MS + rows[i].after_s * INT64_C(1000));

		is_int(got.told, rows[i].told, "%s: told", rows[i].what);
		is_int(got.last, rows[i].last, "%s: the last", rows[i].what);
		is_int(got.mute, rows[i].mute, "%s: mute", rows[i].what);
		is_int(got.left_s, rows[i].left_s, "%s: for so long", rows[i].what);
	}
	metrics_reset();
}

/* ---- A full table ---------------------------------------------------------------- */

static void
test_full(void)
{
	struct tally got;

	for (uint32_t i = 0; i < 64 * METRICS_REFUSALS; i++)
		refuse_bytes((struct str){ (const char *)&i, sizeof(i) }, 1, START_MS);
	got = refuse("192.0.2.1", 5 * LIMIT_REFUSALS, START_MS);
	is_int(got.told, 5 * LIMIT_REFUSALS, "without a place all are told");
	got = refuse("192.0.2.1", MANY, START_MS + LIMIT_REFUSALS_S * 1000);
	is_int(got.told, LIMIT_REFUSALS, "one of a window that is over does");
	is_int(got.last, 1, "as in an empty table");
	metrics_reset();
	got = refuse("192.0.2.1", MANY, START_MS);
	is_int(got.mute, 19, "nothing is left of it");
	metrics_reset();
}

/* Half full, nearly all clients have a place. */
static void
test_half(void)
{
	int mute = 0;

	for (uint32_t i = 0; i < METRICS_REFUSALS / 2; i++)
		mute += refuse_bytes((struct str){ (const char *)&i, sizeof(i) }, MANY,
		            START_MS)
		            .mute > 0;
	ok(mute >= METRICS_REFUSALS / 2 - 5, "of %d clients %d are counted",
	    METRICS_REFUSALS / 2, mute);
	metrics_reset();
}

/* ---- Many at once ---------------------------------------------------------------- */

#define CLIENTS 200
#define THREADS 4

/* What a thread got of each client. */
static struct tally tallies[THREADS][CLIENTS];
static atomic_uint arrived;

static void *
refuse_in_thread(void *argument)
{
	struct tally *tally = argument;

	for (uint32_t i = 0; i < CLIENTS; i++) {
		/* They begin with each at once: a barrier lets them go one after the other. */
		atomic_fetch_add(&arrived, 1);
		while (atomic_load(&arrived) < THREADS * (i + 1))
			sched_yield();
		tally[i] = refuse_bytes((struct str){ (const char *)&i, sizeof(i) }, 50,
		    START_MS);
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[THREADS];
	int wrong = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, refuse_in_thread, tallies[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int client = 0; client < CLIENTS; client++) {
		int told = 0, last = 0;

		for (int i = 0; i < THREADS; i++) {
			told += tallies[i][client].told;
			last += tallies[i][client].last;
		}
		wrong += told != LIMIT_REFUSALS || last != 1;
	}
	is_int(wrong, 0, "four threads count each of %d clients together", CLIENTS);
	metrics_reset();
}

/* Four processes, each with the file, which they map while they count, or without one. */
static struct tally
refuse_in_processes(const char *file)
{
	struct tally all = { 0 }, one;
	int pipes[2];

	if (pipe(pipes) != 0)
		abort();
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		metrics_open(file, false);
		one = refuse("192.0.2.1", 1000, START_MS);
		_exit(write(pipes[1], &one, sizeof(one)) != sizeof(one));
	}
	for (int i = 0; i < 4; i++) {
		int status;

		if (wait(&status) < 0 || status != 0 ||
		    read(pipes[0], &one, sizeof(one)) != sizeof(one))
			abort();
		all.told += one.told;
		all.last += one.last;
	}
	close(pipes[0]);
	close(pipes[1]);
	return all;
}

static void
test_processes(void)
{
	struct tally got = refuse_in_processes(path);

	is_int(got.told, LIMIT_REFUSALS, "four processes together");
	is_int(got.last, 1, "and one of them is the last");
	metrics_open(path, true);
	got = refuse("192.0.2.1", 10, START_MS + 1000);
	is_int(got.mute, 10, "one that comes after them knows");
	unlink(path);
	metrics_publish();
	got = refuse("192.0.2.1", 10, START_MS + 1000);
	is_int(got.mute, 10, "but does not look for the file at each request");
	metrics_reset();
	metrics_open(path, true);
	got = refuse("192.0.2.1", 10, START_MS + 1000);
	is_int(got.told, 10, "a new file knows of nobody");
	metrics_reset();
	unlink(path);

	got = refuse_in_processes(NULL);
	is_int(got.told, 4 * LIMIT_REFUSALS, "without a file each process");
	is_int(got.last, 4, "by itself");
}

int
main(void)
{
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/state.db-metrics", folder);
	metrics_reset();
	test_processes();
	test_rows();
	test_full();
	test_half();
	test_threads();
	rmdir(folder);
	return done_testing();
}
