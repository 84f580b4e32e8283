/*
 * A list where any threads put something and one thread takes it: nothing is lost, and what one
 * thread puts is taken in its order.
 */
#include "adapters/curl/inbox.h"

#include <pthread.h>
#include <stddef.h>

#include "tap.h"

#define THREADS 4
#define ITEMS 20000

struct thing {
	struct inbox_item item; /* first */
	int thread, number;
};

static struct inbox inbox;
static struct thing things[THREADS][ITEMS];

static void
test_order(void)
{
	struct thing some[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 },
		{ .number = 3 } };

	ok(inbox_take(&inbox) == NULL, "nothing is there");
	inbox_put(&inbox, &some[0].item);
	some[2].item.next = &some[1].item;
	inbox_put_chain(&inbox, &some[2].item, &some[1].item);
	inbox_put(&inbox, &some[3].item);
	int number = 0;
	for (struct inbox_item *item = inbox_take(&inbox); item; item = item->next)
		is_int(((struct thing *)item)->number, number++, "the oldest comes first");
	is_int(number, 4, "… and all come");
	ok(inbox_take(&inbox) == NULL, "… once");
}

static void *
put_all(void *argument)
{
	struct thing *own = argument;

	for (int i = 0; i < ITEMS; i++)
		inbox_put(&inbox, &own[i].item);
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[THREADS];
	int next[THREADS] = { 0 };
	bool in_order = true;
	int n = 0;

	for (int i = 0; i < THREADS; i++) {
		for (int k = 0; k < ITEMS; k++)
			things[i][k] = (struct thing){ .thread = i, .number = k };
		pthread_create(&threads[i], NULL, put_all, things[i]);
	}
	while (n < THREADS * ITEMS)
		for (struct inbox_item *item = inbox_take(&inbox); item; item = item->next) {
			const struct thing *thing = (struct thing *)item;

			in_order = in_order && thing->number == next[thing->thread]++;
			n++;
		}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(n, THREADS * ITEMS, "all of what four threads put is taken, once");
	ok(in_order, "… and of each in its order");
	ok(inbox_take(&inbox) == NULL, "… and nothing else");
}

int
main(void)
{
	test_order();
	test_threads();
	return done_testing();
}
