/*
 * The loop that runs all transfers of an adapter on one multi handle of libcurl: it starts
 * them, lets them wait for their turns (lanes.h), and ends them at their deadlines.
 *
 * One thread is the loop: it alone calls loop_once() and loop_wait(), in turn.  Callers are any
 * threads.  They bring a job, a batch of calls, and take over what has finished:
 *
 *	pthread_mutex_lock(&loop->lock);
 *	loop_bring(loop, job);
 *	while (!job->finished)
 *		pthread_cond_wait(&job->changed, &loop->lock);
 *	...                        take job->finished, and leave it empty
 *	pthread_mutex_unlock(&loop->lock);
 */
#ifndef LOOP_H
#define LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/curl/handles.h"
#include "adapters/curl/http_curl.h"
#include "adapters/curl/lanes.h"
#include "adapters/curl/loop_clock.h"
#include "adapters/curl/sockets.h"
#include "adapters/curl/transfer.h"

/* One call of a job, zeroed but for its job and its transfer, which is begun.  The loop writes
 * all of it until it stands in the job's list of what finished, then it is the caller's. */
struct task {
	struct transfer transfer; /* first: libcurl knows the task by it */
	struct job *job;
	struct task *next_finished;

	/* Private. */
	struct lane_place place;
	bool was_late; /* time was up, and it was under way */
	bool is_short; /* of memory: nothing that comes on its socket would be seen, or all that
	                  libcurl has left is its reserve */
	bool finished;
};

/* One run(), zeroed but for what is said to be "in".  It lives until the caller has got all n:
 * whoever publishes the last task must not look at it again. */
struct job {
	struct task *tasks; /* in */
	size_t n;           /* in */
	int64_t start_us;   /* in: by CLOCK_MONOTONIC; the loop moves it on, to its turn */
	int64_t timeout_ms; /* in */
	int64_t deadline_us, still_us; /* when its time is up; for how long of it this process
	                                  stood still */
	atomic_bool is_abandoned;      /* its caller has enough; see loop_tell() */
	/* Under the lock: what the caller has not taken over yet. */
	struct task *finished, **finished_end;
	pthread_cond_t changed; /* in; there is something finished */

	/* Private. */
	struct job *next;
	size_t n_started, left;
	struct task *done, **done_end; /* what is finished, and not told yet */
	struct job *next_to_tell;
};

struct loop {
	pthread_mutex_t lock; /* what is said to be under it, here and in jobs */
	struct transfer_setup setup;

	/* Private.  Under the lock: */
	struct job *incoming, **incoming_end;
	bool stop;
	bool has_news;  /* for the loop: there is something incoming, or a job is to end */
	bool is_asleep; /* the loop; whoever has news for it rings */

	/* The loop's alone. */
	bool has_bell;
	CURLM *multi;
	struct sockets sockets;
	struct job *jobs;    /* those under way */
	struct job *to_tell; /* those of which something is to be told */
	bool has_unstarted;  /* tasks that are to be started in the next turn */
	bool has_short;      /* tasks that memory is short for */
	struct handles handles;
	size_t n_servers;
	struct lanes *lanes;
	struct loop_clock clock;
};

/* Make the loop; the options are copied.  Nothing is loaded yet. */
void loop_init(struct loop *loop, const struct http_curl_options *options);

/* Load libcurl and make what the loop needs of it, if that is not done yet.  Returns -1, with
 * the reason logged, when it cannot be had. */
int loop_load(struct loop *loop);

/* Free all of it.  No job may be under way. */
void loop_free(struct loop *loop);

/* Begin to be the loop: the time before counts for nothing. */
void loop_start(struct loop *loop);

/* Do all there is to do now, without waiting.  Returns false when it is time to stop. */
bool loop_once(struct loop *loop);

/* Sleep until there is something to do. */
void loop_wait(struct loop *loop);

/* Bring a job.  The lock is held. */
void loop_bring(struct loop *loop, struct job *job);

/* Tell the loop that a job was abandoned.  The lock is held. */
void loop_tell(struct loop *loop);

/* Tell the loop to stop. */
void loop_stop(struct loop *loop);

#endif
