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
	struct timespec when = { us / 1000000, us % 1000000 * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		continue;
}
