#include "adapters/curl/loop_clock.h"

void
loop_clock_start(struct loop_clock *clock, int64_t now_us)
{
	clock->looked_us = clock->due_us = now_us;
}

int64_t
loop_clock_look(struct loop_clock *clock, int64_t now_us)
{
	int64_t still_us = now_us - clock->due_us;

	clock->looked_us = clock->due_us = now_us;
	if (still_us < LOOP_CLOCK_STILL_US)
		return 0;
	clock->still_us += still_us;
	return still_us;
}

int64_t
loop_clock_sleep(struct loop_clock *clock, int64_t until_us)
{
	if (until_us > clock->looked_us)
		clock->due_us = until_us;
	return clock->due_us - clock->looked_us;
}

int64_t
loop_clock_running_us(const struct loop_clock *clock)
{
	return clock->looked_us - clock->still_us;
}
