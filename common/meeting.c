#include "meeting.h"

bool
meeting_is_fresh(const struct meeting *meeting, int64_t now_ms, int64_t create_timeout_ms)
{
	int64_t age_ms = now_ms - meeting->claimed_ms;

	/* A record from the future: the clock was set back; it is no proof. */
	return age_ms >= 0 && age_ms < create_timeout_ms;
}
