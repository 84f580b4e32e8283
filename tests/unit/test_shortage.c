/*
 * A shortage is told once, and when it is over.
 */
#include "base/shortage.h"

#include "tap.h"

#define NOW INT64_C(1700000000000)

int
main(void)
{
	struct shortage shortage;
	int64_t now_ms = NOW;

	shortage_init(&shortage);
	is_int(shortage_end(&shortage, now_ms), 0, "there is none");
	ok(shortage_meet(&shortage, "descriptors", now_ms), "the first is told");
	ok(!shortage_meet(&shortage, "descriptors", now_ms + 1), "the second is not");
	ok(shortage_meet(&shortage, "memory", now_ms + 2), "one of another kind is");
	ok(!shortage_meet(&shortage, "descriptors", now_ms + 3), "and then neither");
	ok(!shortage_meet(&shortage, "memory", now_ms + 4), "is again");
	is_int(shortage_end(&shortage, now_ms + 5), 0, "something is to be had: not over yet");
	is_int(shortage_end(&shortage, now_ms + 4 + SHORTAGE_OVER_MS - 1), 0,
	    "nor a bit later");
	ok(!shortage_meet(&shortage, "memory", now_ms + 5000), "it is met again");
	now_ms += 5000;
	is_int(shortage_end(&shortage, now_ms + SHORTAGE_OVER_MS - 1), 0, "so that is longer");
	is_int(shortage_end(&shortage, now_ms + SHORTAGE_OVER_MS), 6,
	    "it is over, which is told");
	is_int(shortage_end(&shortage, now_ms + SHORTAGE_OVER_MS), 0, "once");
	ok(shortage_meet(&shortage, "memory", now_ms), "the next is told again");

	/* The clock is set. */
	is_int(shortage_end(&shortage, now_ms - 3600000), 0, "the clock is set back: not over");
	is_int(shortage_end(&shortage, now_ms - 3600000 + SHORTAGE_OVER_MS), 1,
	    "it is over as soon as ever");
	shortage_meet(&shortage, "memory", now_ms);
	is_int(shortage_end(&shortage, now_ms + INT64_C(86400000)), 1,
	    "the clock is set forward: over");

	/* No number of kinds is too many. */
	for (char kind[] = "a"; kind[0] <= 'z'; kind[0]++)
		is_int(shortage_meet(&shortage, kind, now_ms), kind[0] - 'a' < SHORTAGE_KINDS,
		    "kind %s", kind);
	is_int(shortage_end(&shortage, now_ms + SHORTAGE_OVER_MS), 26,
	    "all of them are counted");
	return done_testing();
}
