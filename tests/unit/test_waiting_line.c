/*
 * The line of requests that wait without a thread: its order, its timer, its end.
 */
#include "waiting_line.h"

#include <poll.h>

#include "tap.h"

#define FAR (INT64_C(1) << 50) /* none of our clocks comes there */

/* Is the timer's descriptor readable?  Waits a while if it is to be. */
static bool
tells(const struct waiting_line *line, bool is_awaited)
{
	struct pollfd fd = { .fd = line->timer_fd, .events = POLLIN };

	return poll(&fd, 1, is_awaited ? -1 : 0) == 1;
}

static void
test_order(void)
{
	static const struct {
		int64_t due_ms;
		int place; /* as which it is taken */
	} rows[] = { { 50, 2 }, { 70, 4 }, { 50, 3 }, { 10, 0 }, { 90, 5 }, { 10, 1 } };
	enum { N = sizeof(rows) / sizeof(*rows) };
	struct waiting_line line;
	struct waiting_item items[N];

	is_int(waiting_line_open(&line), 0, "a line");
	ok(!waiting_line_take(&line, FAR), "… is empty");
	for (int i = 0; i < N; i++)
		ok(waiting_line_put(&line, &items[i], rows[i].due_ms), "… takes item %d", i);
	ok(!waiting_line_take(&line, 9), "none is due before its time");
	for (int place = 0; place < N; place++) {
		struct waiting_item *item = waiting_line_take(&line, FAR);
		int i = item ? (int)(item - items) : 0;
		is_int(rows[i].place, place, "item %d is the next", i);
	}
	ok(!waiting_line_take(&line, FAR), "… and the last");
	waiting_line_close(&line);
}

static void
test_timer(void)
{
	struct waiting_line line;
	struct waiting_item late, early, other;

	waiting_line_open(&line);
	ok(!tells(&line, false), "the timer is silent when nobody waits");
	waiting_line_put(&line, &late, FAR);
	ok(!tells(&line, false), "… and before the time has come");
	waiting_line_put(&line, &early, 1);
	waiting_line_put(&line, &other, 2);
	ok(tells(&line, true), "… and tells of one that comes later and is due before");
	ok(waiting_line_take(&line, 2) == &early, "… which is taken");
	ok(tells(&line, true), "… and of the next");
	ok(waiting_line_take(&line, 2) == &other, "… which is, too");
	ok(!waiting_line_take(&line, 2) && !tells(&line, false), "… then it is silent again");
	ok(waiting_line_take(&line, INT64_MAX) == &late, "the rest is taken before the end");
	waiting_line_close(&line);
}

static void
test_full(void)
{
	static struct waiting_item items[WAITING_LINE_MOST + 1];
	struct waiting_line line;
	int n = 0, taken = 0;

	waiting_line_open(&line);
	for (int i = 0; i < WAITING_LINE_MOST; i++)
		n += waiting_line_put(&line, &items[i], 1);
	is_int(n, WAITING_LINE_MOST, "so many may wait");
	ok(!waiting_line_put(&line, &items[WAITING_LINE_MOST], 1), "… and no more");
	ok(waiting_line_take(&line, 1) == &items[0], "one goes");
	ok(waiting_line_put(&line, &items[WAITING_LINE_MOST], 1), "… another comes");
	while (waiting_line_take(&line, 1))
		taken++;
	is_int(taken, WAITING_LINE_MOST, "all are taken");
	waiting_line_close(&line);
}

int
main(void)
{
	test_order();
	test_timer();
	test_full();
	return done_testing();
}
