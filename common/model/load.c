#include "model/load.h"

#include <math.h>

long
load_seats(long asked, long last_peak, double typical)
{
	double seats = typical > 0 ? typical : LOAD_SEATS_UNKNOWN;

	if (asked > 0 && asked <= LOAD_SEATS_MOST)
		return asked;
	if (last_peak > 0)
		seats = (double)last_peak;
	return lround(fmin(fmax(seats, 1), LOAD_SEATS_MOST));
}

/* How far the time is gone of what lasts for last_ms: from 0 to 1. */
static double
gone(int64_t age_ms, int64_t last_ms)
{
	if (age_ms >= last_ms || age_ms <= -last_ms)
		return 1;
	return age_ms > 0 ? (double)age_ms / (double)last_ms : 0;
}

double
load_reserved(long seats, long users, int64_t age_ms)
{
	return users < seats ?
	    (double)(seats - users) * (1 - gone(age_ms, LOAD_RESERVATION_MS)) :
	    0;
}

double
load_fade(double reserved, int64_t age_ms)
{
	return reserved > 0 ? reserved * (1 - gone(age_ms, LOAD_RESERVATION_MS)) : 0;
}

double
load_reserved_now(const struct server_facts *facts, int64_t now_ms)
{
	return load_fade(facts->reserved, now_ms - facts->reserved_ms);
}

void
load_reserve(struct server_facts *facts, long seats, int64_t now_ms)
{
	facts->reserved = load_reserved_now(facts, now_ms) + (double)seats;
	facts->reserved_ms = now_ms;
	facts->meetings++;
}

void
load_release(struct server_facts *facts, long seats, int64_t now_ms)
{
	facts->reserved = fmax(load_reserved_now(facts, now_ms) - (double)seats, 0);
	facts->reserved_ms = now_ms;
	if (facts->meetings > 0)
		facts->meetings--;
}

double
load_slow_start(int64_t up_ms)
{
	return LOAD_SLOW_START_FACTOR -
	    (LOAD_SLOW_START_FACTOR - 1) * gone(up_ms, LOAD_SLOW_START_MS);
}

double
load_typical_next(double typical, long peak)
{
	if (!(typical > 0))
		return (double)peak;
	double step = fmax(typical / 20, 0.5);
	if (fabs((double)peak - typical) <= step)
		return (double)peak;
	return (double)peak > typical ? typical + step : typical - step;
}
