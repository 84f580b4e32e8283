#include "base/clock.h"

#include <errno.h>

int64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_ms(clockid_t clock)
{
	return clock_us(clock) / 1000;
}

void
clock_sleep_ms(int64_t ms)
{
	clock_sleep_until_us(clock_us(CLOCK_MONOTONIC) + ms * 1000);
}

void
clock_sleep_until_us(int64_t us)
{
	struct timespec when = clock_timespec(us);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		continue;
}

struct timespec
clock_timespec(int64_t us)
{
	return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
}

void
clock_cond_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}
