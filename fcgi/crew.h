/*
 * The threads of a pool.  No more of them look for something to do, or do it, than the machine
 * has processors for: more would only take turns at the same work, and each turn costs.  The
 * others rest until they are called.  One is called, or made, in place of each that
 * only waits for somebody else (blocking.h), and where those at work get on with nothing, since
 * they wait for a disk, say, and have not told.  So a server that hangs may hold as many
 * requests as call it, and there is still a thread for the next request.
 *
 * The crew counts, calls and makes threads; what they do is the caller's:
 *
 *	void run(void *context)
 *	{
 *		while (...) {         wait for something to do
 *			crew_begin(crew);
 *			...           do it
 *			if (!crew_rest(crew))
 *				break;
 *		}
 *	}
 *
 * A thread is idle at its start: it waits for something to do.
 */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct crew_seat;

struct crew {
	void (*run)(void *context);
	void *context;
	unsigned most;         /* threads in all */
	unsigned most_at_work; /* beyond which none is called; and so many are kept */
	unsigned most_awake;   /* beyond which none is called while those get on */
	pthread_mutex_t mutex; /* for what follows */
	pthread_cond_t none_left;
	unsigned n, n_idle, n_blocked, n_resting; /* the others are at work */
	struct crew_seat *resting;                /* who rests; the last that came is first */
	unsigned n_begun;                         /* grows with each that has something to do */
	bool is_ending;
	pthread_t ended; /* the last thread that ended, to be joined */
	bool has_ended;
	int64_t told_ms; /* when it was last told that no thread can be had, or 0 */
	/* The guard's, who sees whether those at work get on. */
	pthread_t guard;
	pthread_cond_t guard_called;
	bool has_guard, guard_rests;
};

/*
 * Start most_awake threads, of which each calls run(context).  No others are called while
 * these get on; else up to most_at_work are at work at once.  With those that wait there may be
 * eight times as many in all, up to 1024.  Where most_at_work is one there is one thread, and
 * one request at a time is served.
 * From here on blocking.h's telling is listened to.  One crew at a time may be there.
 * Returns 0, or -1 with the reason logged.  It is to be closed in either case, after what its
 * threads wait for has told them to return.
 */
int crew_open(struct crew *crew, unsigned most_at_work, unsigned most_awake,
    void (*run)(void *context), void *context);

/* The calling thread, which was idle, has something to do. */
void crew_begin(struct crew *crew);

/* It has done it.  True: it is idle, perhaps after a long rest; false: there are enough
 * others, or the crew ends, and it is to return from run. */
bool crew_rest(struct crew *crew);

/* From here on no thread is made, and none rests. */
void crew_stop(struct crew *crew);

/* crew_stop(), and wait until all threads have returned from run. */
void crew_close(struct crew *crew);

#endif
