/*
 * The last hour of a server's load, a sample a minute.  Pure.
 */
#ifndef TREND_H
#define TREND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define TREND_MINUTES 60
#define TREND_MINUTE_MS (INT64_C(60) * 1000)

struct trend_sample {
	long users; /* -1: no sample was taken in that minute */
	long meetings;
};

struct trend {
	int64_t minute; /* since 1970, of the last sample; 0: there is none */
	struct trend_sample samples[TREND_MINUTES]; /* the last is of that minute */
};

/*
 * Add a sample, unless that minute has one: returns whether it was added.  Samples of the
 * future were taken before the clock was set back, and are forgotten; but one of the next
 * minute may be of a process whose request came a moment later, and stays.
 */
bool trend_add(struct trend *trend, int64_t now_ms, long users, long meetings);

/* The sample of so many minutes ago, 0 to TREND_MINUTES - 1. */
struct trend_sample trend_at(const struct trend *trend, int64_t now_ms, int minutes_ago);

/* The samples as a text: "12,3 - 14,3", the oldest first, users and meetings. */
void trend_write(const struct trend *trend, struct buf *out);

/* Read such a text, whose last sample is of that minute.  Returns 0, or -1 with no sample
 * where it is anything else. */
int trend_read(struct str text, int64_t minute, struct trend *trend);

#endif
