/*
 * Work that threads bring at the same time, done by one of them for all.
 *
 * Where each piece of work takes a way to a state and back, and must be done after the one
 * before, a crowd that goes one by one waits for as many ways as it has heads.  Here the first
 * comes in alone.  All who come while it works wait, and go together when it is done: one of
 * them does what all have brought.  So whoever comes waits for two rounds at most, however
 * many others there are, and what is done for it begins after it came.  (Hendler, Incze,
 * Shavit, Tzafrir: Flat Combining and the Synchronization-Parallelism Tradeoff, SPAA 2010.)
 */
#ifndef CROWD_H
#define CROWD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One thread's work: part of what it brings.  It need not be filled in. */
struct crowd_item {
	struct crowd_item *next;
	/* Private. */
	int64_t came_us;
	bool is_taken; /* somebody does it, or has done it … */
	bool is_done;  /* … and its thread may go */
	pthread_cond_t changed;
};

struct crowd {
	/* Private. */
	pthread_mutex_t mutex;
	struct crowd_item *first, **end; /* those who wait, in the order in which they came */
	unsigned n_waiting;
	unsigned n_rounds; /* under way */
	struct crowd_item
	    *gatherer;       /* whose round begins in a moment, with all who wait; or NULL */
	unsigned n_expected; /* who were here when the last round ended … */
	int64_t ended_us;    /* … which was then */
};

/* Begin; nobody is there, nor has been. */
void crowd_init(struct crowd *crowd);

/* Nobody is there: let it be as if nobody had been. */
void crowd_forget(struct crowd *crowd);

/*
 * Bring work.  Returns NULL when another thread has done it; or all the work that is to be done
 * now, in the order in which it came, the item itself among it.  Then the caller does it all,
 * while those whose work it is wait and touch nothing of it, and calls crowd_leave().  That one
 * waits is told (blocking.h).
 */
struct crowd_item *crowd_enter(struct crowd *crowd, struct crowd_item *item);

/* How threads wait for each other. */
struct crowd_manners {
	unsigned rounds;     /* so many are under way before anybody waits; at least 1 */
	int64_t patience_us; /* who has waited for that long goes on; negative: nobody */
	int64_t gather_us;   /* so long a round waits for who was in the last one */
};

/*
 * The same by these manners, which all who come to a crowd share; crowd_enter() has one round,
 * whose end everybody awaits.
 *
 * Where several rounds may be under way a few threads never wait for each other.  Who has
 * waited for patience_us goes on beside the rounds that are under way, with all others who
 * wait.  So nobody waits for longer than that until a round of its own begins.
 *
 * Those who have come out of a round may come again at once.  If the first of them began the
 * next round alone all others would wait for it; so a round that would be the only one waits
 * until as many are here as were when the last one ended, in it or behind it, but not longer
 * than until gather_us after that end.  Nobody who is alone waits.
 */
struct crowd_item *crowd_enter_by(struct crowd *crowd, struct crowd_item *item,
    const struct crowd_manners *manners);

/* All of these items, which one of those returned, are done. */
void crowd_leave(struct crowd *crowd, struct crowd_item *items);

#endif
