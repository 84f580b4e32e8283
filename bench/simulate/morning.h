/*
 * A school's morning, second by second: meetings come in bursts around the bells, are placed,
 * polled and counted as the gateway does it, and what that is to the engine and to the servers
 * is written down.
 *
 * Lessons begin at 7:50, 8:00, 8:45, 9:45, 10:45 and 11:45, as many at each.  Their meetings
 * are created within burst_minutes around the bell, most of them at it; they last for 45 to 90
 * minutes; 20 to 30 people come to each within five minutes.  Each server is polled every ten
 * seconds.
 */
#ifndef MORNING_H
#define MORNING_H

#include <stddef.h>
#include <stdint.h>

#include "pool.h"

/* The morning is from 7:30 to 13:30. */
#define MORNING_BEGIN_MS (7 * HOUR_MS + 30 * MINUTE_MS)
#define MORNING_SECONDS 21600

struct size {
	size_t servers, meetings, gateways;
	size_t sample; /* as of the pool */
	double burst_minutes;
};

/* What happens in one second. */
struct second {
	double joins;
	double creates;
	double polls;
	double listed;  /* mappings of the servers that are polled */
	double notes;   /* mappings that a poll changes or drops */
	double running; /* meetings that are mapped */
};

struct morning {
	struct second *seconds;
	size_t placed;        /* all of them, when the morning is over */
	size_t left;          /* those that are mapped then: none */
	double fullest;       /* the fullest server over the mean, when it is fullest */
	double fullest_users; /* how many people it has then */
	double reconcile_us;  /* the CPU of one reconciliation, the mean of those that were
	                         done in earnest; */
	size_t reconciled;    /* their number, … */
	size_t differing;     /* … and of those that changed other than was counted: none */
	struct pool pool;     /* as it was when most people were there */
	int64_t pool_ms;
};

/* Play it.  Free it with morning_free. */
void morning_run(const struct size *size, struct morning *morning);
void morning_free(struct morning *morning);

#endif
