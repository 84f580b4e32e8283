#include "model/meeting.h"

bool
meeting_is_fresh(const struct meeting *meeting, int64_t now_ms, int64_t create_timeout_ms)
{
	int64_t age_ms = now_ms - meeting->claimed_ms;

	/* A request that began earlier may see it a little ahead of its own time; one
	 * from further in the future was made before the clock was set back. */
	return age_ms > -create_timeout_ms && age_ms < create_timeout_ms;
}

long
meeting_number(struct str text)
{
	long number = 0;

	for (size_t i = 0; i < text.len && number < 100000000; i++)
		if (text.data[i] >= '0' && text.data[i] <= '9')
			number = number * 10 + (text.data[i] - '0');
	return number;
}
