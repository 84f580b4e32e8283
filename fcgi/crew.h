/*
 * The threads of a pool: as many as may work at once, and one more for each that only waits
 * for somebody else (blocking.h) while there is no idle one.  So a server that hangs may hold
 * as many requests as call it, and there is still a thread for the next request.
 *
 * The crew counts and makes threads; what they do is the caller's:
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
 * A thread is idle at its start.  Those that were made in addition end by crew_rest() when
 * there are enough without them.
 */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct crew {
	void (*run)(void *context);
	void *context;
	unsigned most;         /* threads in all */
	unsigned most_at_work; /* beyond which none is made; and so many may be idle */
	pthread_mutex_t mutex; /* for what follows */
	pthread_cond_t none_left;
	unsigned n, n_idle, n_blocked; /* the others are at work */
	bool is_ending;
	pthread_t ended; /* the last thread that ended, to be joined */
	bool has_ended;
	int64_t told_ms; /* when it was last told that no thread can be had, or 0 */
};

/*
 * Start so many threads, of which each calls run(context), and let them have as many others
 * as it takes: eight times as many in all, up to 1024.  Where it is one thread there are no
 * others, and one request at a time is served.
 * From here on blocking.h's telling is listened to.  One crew at a time may be there.
 * Returns 0, or -1 with the reason logged.  It is to be closed in either case, after what its
 * threads wait for has told them to return.
 */
int crew_open(struct crew *crew, unsigned most_at_work, void (*run)(void *context),
    void *context);

/* The calling thread, which was idle, has something to do. */
void crew_begin(struct crew *crew);

/* It has done it.  True: it is idle now; false: there are enough others, and it is to return
 * from run. */
bool crew_rest(struct crew *crew);

/* From here on no thread is made. */
void crew_stop(struct crew *crew);

/* crew_stop(), and wait until all threads have returned from run. */
void crew_close(struct crew *crew);

#endif
