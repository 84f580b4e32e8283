/*
 * The bucket of tokens: a second's worth for a burst, refilled by the clock, and a full
 * one may be overdrawn once.
 */
#include "base/bucket.h"

#include <pthread.h>

#include "tap.h"

#define NOW INT64_C(1700000000000)

static void
test_table(void)
{
	static const struct {
		const char *what;
		int64_t per_second;
		struct {
			int64_t after_ms, cost;
			bool is_there;
		} steps[6];
	} rows[] = {
		{ "a burst of a second's worth", 10,
		    { { 0, 4, true }, { 0, 6, true }, { 0, 1, false }, { 99, 1, false },
		        { 1, 1, true }, { 0, 1, false } } },
		{ "no more than a second's worth is saved", 10,
		    { { 0, 10, true }, { 3600000, 9, true }, { 0, 1, true },
		        { 0, 1, false } } },
		{ "a full one is overdrawn once", 500,
		    { { 0, 1000, true }, { 0, 1, false }, { 1000, 1, false }, { 2, 1, true },
		        { 999, 1000, false }, { 1, 1000, true } } },
		{ "nothing is there for nothing", 0, { { 0, 1, false }, { 5000, 1, false } } },
		{ "the clock is set back", 10,
		    { { 0, 10, true }, { -60000, 1, false }, { 100, 1, true },
		        { 0, 1, false } } },
		{ "the clock is set forward", 10,
		    { { 0, 10, true }, { 60000, 10, true }, { 0, 1, false } } },
		{ "no cost", 10, { { 0, 11, true }, { 0, 0, false }, { 200, 0, true } } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bucket bucket;

		bucket_init(&bucket);
		int64_t now_ms = NOW;
		for (size_t k = 0; k < 6 &&
		     (k == 0 || rows[i].steps[k].cost > 0 || rows[i].steps[k].after_ms != 0 ||
		         rows[i].steps[k].is_there);
		     k++) {
			now_ms += rows[i].steps[k].after_ms;
			is_int(bucket_take(&bucket, rows[i].steps[k].cost, rows[i].per_second,
			           now_ms),
			    rows[i].steps[k].is_there, "%s: step %zu", rows[i].what, k + 1);
		}
	}
}

static struct bucket shared;
static int taken[8];

static void *
take_all(void *argument)
{
	int *mine = argument;

	for (int i = 0; i < 1000; i++)
		*mine += bucket_take(&shared, 1, 1000, NOW);
	return NULL;
}

static void
test_threads(void)
{
	bucket_init(&shared);
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, take_all, &taken[i]);
	int sum = 0;
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		sum += taken[i];
	}
	is_int(sum, 1000, "eight threads take just what is there");
}

int
main(void)
{
	test_table();
	test_threads();
	return done_testing();
}
