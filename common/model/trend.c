#include "model/trend.h"

#include <string.h>

/* No server has more; what is more is damaged. */
#define MOST INT64_C(10000000)

static const struct trend_sample none = { -1, -1 };

bool
trend_add(struct trend *trend, int64_t now_ms, long users, long meetings)
{
	int64_t minute = now_ms / TREND_MINUTE_MS;
	int64_t shift = trend->minute == 0 ? TREND_MINUTES : minute - trend->minute;

	if (shift == 0 || shift == -1)
		return false;
	if (shift < 0 || shift > TREND_MINUTES)
		shift = TREND_MINUTES;
	size_t kept = (size_t)(TREND_MINUTES - shift);
	memmove(trend->samples, trend->samples + shift, kept * sizeof(*trend->samples));
	for (size_t i = kept; i < TREND_MINUTES; i++)
		trend->samples[i] = none;
	trend->samples[TREND_MINUTES - 1] = (struct trend_sample){ users, meetings };
	trend->minute = minute;
	return true;
}

struct trend_sample
trend_at(const struct trend *trend, int64_t now_ms, int minutes_ago)
{
	int64_t at = TREND_MINUTES - 1 + now_ms / TREND_MINUTE_MS - minutes_ago - trend->minute;

	return trend->minute == 0 || at < 0 || at >= TREND_MINUTES ? none : trend->samples[at];
}

void
trend_write(const struct trend *trend, struct buf *out)
{
	for (int i = 0; i < TREND_MINUTES; i++) {
		const struct trend_sample *sample = &trend->samples[i];

		if (i > 0)
			buf_char(out, ' ');
		if (sample->users < 0)
			buf_char(out, '-');
		else
			buf_printf(out, "%ld,%ld", sample->users, sample->meetings);
	}
}

static int
read_sample(struct str text, struct trend_sample *sample)
{
	size_t comma = str_find(text, STR(","), 0);
	int64_t users, meetings;

	*sample = none;
	if (str_is(text, "-"))
		return 0;
	if (comma == SIZE_MAX || str_to_int(str_part(text, 0, comma), 0, MOST, &users) != 0 ||
	    str_to_int(str_part(text, comma + 1, SIZE_MAX), 0, MOST, &meetings) != 0)
		return -1;
	*sample = (struct trend_sample){ (long)users, (long)meetings };
	return 0;
}

int
trend_read(struct str text, int64_t minute, struct trend *trend)
{
	*trend = (struct trend){ .minute = minute };
	for (int i = 0; i < TREND_MINUTES; i++) {
		size_t end = str_find(text, STR(" "), 0);
		bool is_last = i == TREND_MINUTES - 1;

		if ((end == SIZE_MAX) != is_last || minute <= 0 ||
		    read_sample(str_part(text, 0, end), &trend->samples[i]) != 0) {
			*trend = (struct trend){ 0 };
			return -1;
		}
		if (!is_last)
			text = str_part(text, end + 1, SIZE_MAX);
	}
	return 0;
}
