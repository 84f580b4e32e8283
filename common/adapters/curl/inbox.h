/*
 * A list where any threads put something and one thread takes all of it, without a lock: who
 * comes while another is at it does not wait, and wakes nobody.
 *
 * Waiting for something to come is the taker's, by a semaphore, a descriptor or the like.
 */
#ifndef INBOX_H
#define INBOX_H

#include <stdatomic.h>

/* Stands in what is put. */
struct inbox_item {
	struct inbox_item *next;
};

/* Zeroed at first. */
struct inbox {
	/* Private. */
	_Atomic(struct inbox_item *) newest;
};

/* Put a chain: newest, what came before it as its next, and so on to the oldest. */
void inbox_put_chain(struct inbox *inbox, struct inbox_item *newest, struct inbox_item *oldest);

/* Put one item. */
void inbox_put(struct inbox *inbox, struct inbox_item *item);

/* Take all that is there, the oldest first; NULL: nothing. */
struct inbox_item *inbox_take(struct inbox *inbox);

#endif
