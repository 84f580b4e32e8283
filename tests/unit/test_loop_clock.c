/*
 * What a loop takes for standing still, as a table: nothing here sleeps.
 */
#include "tap.h"

#include "adapters/curl/loop_clock.h"

#define MS INT64_C(1000)

/* The loop looks at its clock, then sleeps until a time, or, with 0, goes on working. */
static const struct step {
	const char *what;
	int look_ms, still_ms, running_ms, until_ms;
} steps[] = {
	{ "at once", 1000, 0, 1000, 1100 },
	{ "as it meant to", 1100, 0, 1100, 1200 },
	{ "woken early", 1130, 0, 1130, 1230 },
	{ "late, as on a busy machine", 1330, 0, 1330, 1430 },
	{ "nearly half a second late", 1929, 0, 1929, 2029 },
	{ "half a second late", 2529, 500, 2029, 2629 },
	{ "right after", 2529, 0, 2029, 0 },
	{ "after some work", 2600, 0, 2100, 0 },
	{ "stopped while it worked", 6600, 4000, 2100, 6700 },
	{ "a long sleep", 6700, 0, 2200, 606700 },
	{ "woken from it", 300000, 0, 295500, 300100 },
	{ "stopped for an hour", 3900100, 3600000, 295600, 0 },
};

int
main(void)
{
	struct loop_clock clock = { 0 };
	int all_ms = 0;

	loop_clock_start(&clock, 1000 * MS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const struct step *step = &steps[i];

		all_ms += step->still_ms;
		is_int(loop_clock_look(&clock, step->look_ms * MS), step->still_ms * MS, "%s",
		    step->what);
		is_int(loop_clock_running_us(&clock), step->running_ms * MS, "%s: running",
		    step->what);
		is_int(clock.looked_us, step->look_ms * MS, "%s: looked at", step->what);
		is_int(clock.still_us, all_ms * MS, "%s: all in all", step->what);
		if (step->until_ms)
			is_int(loop_clock_sleep(&clock, step->until_ms * MS),
			    (step->until_ms - step->look_ms) * MS, "%s: then a sleep",
			    step->what);
	}
	is_int(loop_clock_sleep(&clock, 3900000 * MS), 0, "no sleep until what is past");
	is_int(loop_clock_look(&clock, 3900200 * MS), 0, "after which it is due at once");
	loop_clock_start(&clock, 9000000 * MS);
	is_int(loop_clock_look(&clock, 9000000 * MS), 0, "what was before the start");
	return done_testing();
}
