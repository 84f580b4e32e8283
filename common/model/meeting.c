#include "model/meeting.h"

/* Has less than that time gone by?  A request that began earlier may see a stamp a
 * little ahead of its own time; one from further in the future was made before the
 * clock was set back. */
static bool
is_within(int64_t stamp_ms, int64_t now_ms, int64_t span_ms)
{
	int64_t age_ms = now_ms - stamp_ms;

	return age_ms > -span_ms && age_ms < span_ms;
}

bool
meeting_is_new(const struct meeting *meeting, int64_t now_ms, int64_t create_timeout_ms)
{
	return meeting->seen_ms == 0 && !meeting->is_ending &&
	    is_within(meeting->create_ms, now_ms, create_timeout_ms);
}

bool
meeting_may_be_under_way(const struct meeting *meeting, int64_t now_ms,
    int64_t create_timeout_ms)
{
	return meeting_is_new(meeting, now_ms, create_timeout_ms) ||
	    (!meeting->is_ending &&
	        is_within(meeting->create_ms, now_ms, MEETING_CREATE_SPARE_MS));
}

bool
meeting_is_in_doubt(const struct meeting *meeting, int64_t good_ms, int64_t whole_ms)
{
	if (meeting->create_ms > whole_ms || meeting->seen_ms > whole_ms)
		return false;
	/* A poll keeps what may be under way, though it does not show it. */
	return meeting->seen_ms == 0 || good_ms <= whole_ms ||
	    good_ms < meeting->create_ms + MEETING_CREATE_SPARE_MS;
}

bool
meeting_wants_note(const struct meeting *meeting, int64_t now_ms)
{
	return meeting->is_ending ||
	    !is_within(meeting->create_ms, now_ms, MEETING_CREATE_SPARE_MS);
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
