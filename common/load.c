#include "load.h"

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

double
load_reserved(long seats, long users, int64_t age_ms)
{

	if (users >= seats || age_ms < 0 || age_ms >= LOAD_RESERVATION_MS)
		return 0;
	return (double)(seats - users) *
	    (1 - (double)age_ms / (double)LOAD_RESERVATION_MS);
}

double
load_slow_start(int64_t up_ms)
{

	/* A start in the future: a clock was set back. */
	if (up_ms < 0 || up_ms >= LOAD_SLOW_START_MS)
		return 1;
	return LOAD_SLOW_START_FACTOR - (LOAD_SLOW_START_FACTOR - 1) *
	    (double)up_ms / (double)LOAD_SLOW_START_MS;
}

double
load_typical_next(double typical, long peak)
{
	double step;

	if (!(typical > 0))
		return (double)peak;
	step = fmax(typical / 20, 0.5);
	if (fabs((double)peak - typical) <= step)
		return (double)peak;
	return (double)peak > typical ? typical + step : typical - step;
}
