/*
 * What keeps a state that does not work from costing every request its time: after a
 * failure verbs fail at once, until a try in the background has succeeded.
 *
 * What reads and what writes fail apart: a full disk, or a replica, can be read.  The tries
 * are made by a thread of the breaker's own, the mender.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;

/* The longest reason, with its end; what is longer is cut. */
#define BREAKER_REASON_SIZE 512

struct breaker {
	atomic_bool is_set[2]; /* for verbs that read (0) and that write (1) */
	/* Private. */
	const char *key, *value;
	void (*mend)(void *context);
	void *context;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t mender;
	bool is_mending; /* was the mender started, and not joined? */
	bool is_stopping;
	bool is_hasty; /* nothing has failed yet: the first try comes at once */
	bool has_tried;
	bool is_told[2];                  /* was it logged that it is broken? */
	char reason[BREAKER_REASON_SIZE]; /* the last; "": there was none */
};

/*
 * Begin; nothing is broken.  key and value, which are borrowed, say in the log which state
 * it is: "file", "/var/lib/…".  mend is called by the mender, with nothing locked, while
 * something is broken: it tries what failed, resets what works, and may take its time.
 */
void breaker_init(struct breaker *breaker, const char *key, const char *value,
    void (*mend)(void *context), void *context);

/* Something failed, for that reason: verbs that write, or read, are to fail at once.  That
 * is logged, unless it was so already.  Where no thread can be had, nothing would mend
 * it, so nothing is broken: then each verb tries. */
void breaker_set(struct breaker *breaker, bool writes, const char *reason);

/* The same, but not logged: it is not known yet whether the state works. */
void breaker_begin_set(struct breaker *breaker);

/* One verb failed for that reason, and others may go on: nothing is broken by it. */
void breaker_note(struct breaker *breaker, const char *reason);

/* Why something failed last, in the arena; NULL where nothing has failed. */
const char *breaker_problem(struct breaker *breaker, struct arena *arena);

/* It works again, which is logged if it was logged that it did not. */
void breaker_reset(struct breaker *breaker, bool writes);

/* Wait until all works, or the mender has tried once, but not longer than this.  That it has
 * not is logged then, as a failure. */
void breaker_wait_for_try(struct breaker *breaker, int64_t wait_ms);

/* Stop the mender, before what it tries with goes. */
void breaker_end(struct breaker *breaker);

#endif
