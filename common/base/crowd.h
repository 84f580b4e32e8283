/*
 * Work that threads bring at the same time, done by one of them for all.
 *
 * Where each piece of work takes a way to a state and back, and must be done after the one
 * before, a crowd that goes one by one waits for as many ways as it has heads.  Here the first
 * comes in alone.  All who come while it works wait, and go together when it is done: one of
 * them does what all have brought.  So whoever comes waits for two rounds at most, however
 * many others there are.  (Hendler, Incze, Shavit, Tzafrir: Flat Combining and the
 * Synchronization-Parallelism Tradeoff, SPAA 2010.)
 */
#ifndef CROWD_H
#define CROWD_H

#include <pthread.h>
#include <stdbool.h>

/* One thread's work: part of what it brings.  It need not be filled in. */
struct crowd_item {
	struct crowd_item *next;
	/* Private. */
	bool is_done;
	pthread_cond_t changed;
};

struct crowd {
	/* Private. */
	pthread_mutex_t mutex;
	struct crowd_item *first, **end; /* those who wait, in the order in which they came */
	bool is_led;
};

/* Begin; nobody is there. */
void crowd_init(struct crowd *crowd);

/*
 * Bring work.  Returns NULL when another thread has done it; or all the work that is to be done
 * now, in the order in which it came, the item itself among it.  Then the caller does it all,
 * while those whose work it is wait and touch nothing of it, and calls crowd_leave().
 */
struct crowd_item *crowd_enter(struct crowd *crowd, struct crowd_item *item);

/* All of these items, which crowd_enter() returned, are done. */
void crowd_leave(struct crowd *crowd, struct crowd_item *items);

#endif
