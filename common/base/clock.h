/*
 * What the clocks of the system say.  Only the adapters, app.c and the doors read one, and
 * xml.c and crowd.c, to see whether their time is up: to all others time is an argument, so
 * that tests can choose it.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The time by that clock (clock_gettime(2): CLOCK_REALTIME is since 1970, CLOCK_MONOTONIC
 * never goes back), in microseconds and in milliseconds. */
int64_t clock_us(clockid_t clock);
int64_t clock_ms(clockid_t clock);

/* Sleep for so long, or until then by CLOCK_MONOTONIC.  A signal that is handled ends no
 * sleep; a time that is over is none. */
void clock_sleep_ms(int64_t ms);
void clock_sleep_until_us(int64_t us);

/* That time as the functions of the system take it. */
struct timespec clock_timespec(int64_t us);

/* Make a condition whose pthread_cond_timedwait(3) goes by CLOCK_MONOTONIC. */
void clock_cond_init(pthread_cond_t *condition);

#endif
