#include "base/refusals.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bounds.h"
#include "base/metrics_file.h"

/* A cell, from its highest bits: a part of the hash, the second in which the window began, and
 * the count; 0 is free. */
#define COUNT_BITS 8
#define START_BITS 24
#define TAG_SHIFT (COUNT_BITS + START_BITS)

#define MASK(bits) ((UINT64_C(1) << (bits)) - 1)

/* The count ends with the one that is LAST. */
_Static_assert(LIMIT_REFUSALS + 1 <= MASK(COUNT_BITS), "a count fits into its bits");

/* Places in a row that a client may have. */
#define PROBES 16

/* A request's time may be a little older than that of one which was counted before; and a
 * clock is put right by so much. */
#define SLACK_S 5

/* Seconds from the beginning of a cell's window to now; they go round in half a year, and what
 * lies ahead of now is near the end of the round. */
static uint64_t
age_of(uint64_t cell, uint64_t now_s)
{
	return (now_s - (cell >> COUNT_BITS)) & MASK(START_BITS);
}

static bool
is_under_way(uint64_t cell, uint64_t now_s)
{
	uint64_t age = age_of(cell, now_s);

	return (cell & MASK(COUNT_BITS)) > 0 &&
	    (age < LIMIT_REFUSALS_S || age > MASK(START_BITS) - SLACK_S);
}

/* Seconds until the window of a cell ends. */
static int64_t
left_of(uint64_t cell, uint64_t now_s)
{
	return (int64_t)(((cell >> COUNT_BITS) + LIMIT_REFUSALS_S - now_s) & MASK(START_BITS));
}

/* The client's cell, or the first that it may take; NULL: there is none.  *there is what was
 * in it. */
static _Atomic uint64_t *
find_cell(uint64_t hash, uint64_t now_s, uint64_t *there)
{
	struct metrics_shared *shared = metrics_file_memory();
	_Atomic uint64_t *unused = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		_Atomic uint64_t *cell = &shared->refusals[(hash + i) % METRICS_REFUSALS];
		uint64_t value = atomic_load(cell);

		if (!is_under_way(value, now_s)) {
			if (!unused) {
				unused = cell;
				*there = value;
			}
		} else if (value >> TAG_SHIFT == hash >> TAG_SHIFT) {
			*there = value;
			return cell;
		}
	}
	return unused;
}

enum refusal
refusals_count(struct str client, int64_t now_ms, int64_t *left_s)
{
	uint64_t hash = str_hash(client), now_s = (uint64_t)(now_ms / 1000), there;
	_Atomic uint64_t *cell;

	uint64_t first = hash >> TAG_SHIFT << TAG_SHIFT |
	    (now_s & MASK(START_BITS)) << COUNT_BITS | 1;
	metrics_file_map(false);
	while ((cell = find_cell(hash, now_s, &there)) != NULL) {
		bool goes_on = is_under_way(there, now_s);
		uint64_t count = goes_on ? there & MASK(COUNT_BITS) : 0;
		uint64_t next = goes_on ? there + 1 : first;

		/* It stays as it is, so that a crowd of them only reads. */
		if (count > LIMIT_REFUSALS)
			return REFUSAL_MUTE;
		/* Where another was faster, that may have been this client. */
		if (!atomic_compare_exchange_strong(cell, &there, next))
			continue;
		if (count < LIMIT_REFUSALS)
			return REFUSAL_TOLD;
		*left_s = left_of(next, now_s);
		return REFUSAL_LAST;
	}
	return REFUSAL_TOLD;
}
