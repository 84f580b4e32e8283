/*
 * The connections that web servers keep open, while no request is on them.  Each may be idle
 * for IDLE_MOST_MS; then it is closed, so that what a web server has forgotten does not hold a
 * descriptor for good.
 *
 * One thread may learn that a connection can be read while another closes it and its number is
 * given away.  So each stay has a ticket, which only the first of both can hand in.
 */
#ifndef IDLE_H
#define IDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nginx keeps an idle connection for a minute (keepalive_timeout), Apache's mod_proxy for as
 * long as ttl= says, and both look whether it is still open before they use it. */
#define IDLE_MOST_MS (INT64_C(10) * 60 * 1000)

/* Where descriptors run out, connections make room that were idle for so long. */
#define IDLE_LEAST_MS 1000

struct idle_stay {
	int64_t since_ms;
	uint32_t number; /* of the stays of this descriptor */
	bool is_here;
};

struct idle {
	pthread_mutex_t mutex;
	struct idle_stay *stays; /* by descriptor */
	size_t n;
	atomic_llong looked_ms; /* when idle_close_old last looked */
};

/* Begin; none is idle. */
void idle_init(struct idle *idle);

/* A connection is idle from now on, by the monotonic clock.  Returns its ticket, whose lower
 * half is the descriptor. */
uint64_t idle_enter(struct idle *idle, int fd, int64_t now_ms);

/* Hand in the ticket: the connection is the caller's; false when it was closed meanwhile. */
bool idle_leave(struct idle *idle, uint64_t ticket);

/* Close those that were idle for so long, and on which nothing has come since.  Returns how
 * many. */
size_t idle_close(struct idle *idle, int64_t now_ms, int64_t least_ms);

/* Close those that were idle for too long; looked at every now and then.  Call it often. */
void idle_close_old(struct idle *idle, int64_t now_ms);

/* End: close all. */
void idle_fini(struct idle *idle);

#endif
