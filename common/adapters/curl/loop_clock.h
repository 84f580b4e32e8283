/*
 * The clock of a loop that must not take its own standing still for the silence of others.
 *
 * A virtual machine that is paused, moved or copied, a host whose disk hangs, a SIGSTOP:
 * afterwards all deadlines have passed, though what they are for has had no time, and what
 * has been answered in time has not been read.  It shows by when the loop comes back: much
 * later than it meant to.
 *
 * This is bookkeeping and nothing else, like lanes.h: the time is an argument, in
 * microseconds of any clock that does not go back.
 *
 *	loop_clock_start(&clock, now_us);
 *	for (;;) {
 *		still_us = loop_clock_look(&clock, now_us);
 *		...                     deadlines move by still_us, then work is done
 *		sleep_us = loop_clock_sleep(&clock, until_us);
 *		...                     sleep for so long, or until something happens
 *	}
 *
 * Look also where work may have taken long, so that a standstill in its midst is known
 * before anything is judged by the time.
 */
#ifndef LOOP_CLOCK_H
#define LOOP_CLOCK_H

#include <stdint.h>

/* What is less than this is no standstill: on a busy machine a thread waits some 100 ms for
 * a core. */
#define LOOP_CLOCK_STILL_US (INT64_C(500) * 1000)

/* A loop for which deadlines run sleeps for no longer than this, since of a standstill in
 * the midst of a sleep only what is beyond its end is seen. */
#define LOOP_CLOCK_SLEEP_US (INT64_C(100) * 1000)

struct loop_clock {
	int64_t looked_us; /* when it was looked at last */
	int64_t due_us;    /* when it was to be looked at next */
	int64_t still_us;  /* how long the loop stood still, all in all */
};

/* Begin: what was before does not count. */
void loop_clock_start(struct loop_clock *clock, int64_t now_us);

/* Look at the clock.  Returns how long the loop stood still since it looked last; mostly 0. */
int64_t loop_clock_look(struct loop_clock *clock, int64_t now_us);

/* The loop is about to sleep, and looks again at that time at the latest.  Returns for how
 * long it is to sleep; 0: the time has come. */
int64_t loop_clock_sleep(struct loop_clock *clock, int64_t until_us);

/* When it was looked at last, by a clock that goes on only while the loop does. */
int64_t loop_clock_running_us(const struct loop_clock *clock);

#endif
