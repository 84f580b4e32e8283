/*
 * The line of requests that wait for their time (pace.h) without a thread: ordered by when
 * each is due, with a timer that tells when the first one is.
 */
#ifndef WAITING_LINE_H
#define WAITING_LINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No more wait at once: each holds a connection and some 40 KiB.  Who comes beyond them does
 * not wait (worker.c). */
#define WAITING_LINE_MOST 1000

/* Stands in what waits. */
struct waiting_item {
	int64_t due_ms; /* by the monotonic clock */
	struct waiting_item *next;
};

struct waiting_line {
	int timer_fd; /* readable when the first item is due */
	pthread_mutex_t mutex;
	struct waiting_item *first;
	size_t n;
};

/* Begin an empty line.  Returns 0, or -1 with errno; it is to be closed in either case. */
int waiting_line_open(struct waiting_line *line);

/* Put an item into the line, behind those that are due at the same time; false when it is
 * full. */
bool waiting_line_put(struct waiting_line *line, struct waiting_item *item, int64_t due_ms);

/* Take the first item that is due by then, or NULL; the timer tells of the next. */
struct waiting_item *waiting_line_take(struct waiting_line *line, int64_t now_ms);

/* End the line, which is empty. */
void waiting_line_close(struct waiting_line *line);

#endif
