#include "model/reconcile.h"

#include <stdlib.h>

#include "base/arena.h"

/* How often it is written down that a meeting was seen. */
#define SEEN_EVERY_MS (INT64_C(3600) * 1000)

static int
compare_polled(const void *a, const void *b)
{
	const struct polled *const *x = a, *const *y = b;

	return str_compare((*x)->meeting_id, (*y)->meeting_id);
}

/* Of one meetingID the first in the list comes first. */
static int
compare_polled_in_order(const void *a, const void *b)
{
	const struct polled *const *x = a, *const *y = b;
	int order = compare_polled(a, b);

	return order ? order : (*x > *y) - (*x < *y);
}

/* What was polled, sorted by meetingID, the first of each.  Returns how many there are. */
static size_t
sort_polled(struct arena *arena, const struct reconcile_poll *poll,
    const struct polled ***sorted)
{
	const struct polled **all = arena_alloc(arena, (poll->n + 1) * sizeof(*all));

	for (size_t i = 0; i < poll->n; i++)
		all[i] = &poll->meetings[i];
	qsort(all, poll->n, sizeof(*all), compare_polled_in_order);
	size_t n = 0;
	for (size_t i = 0; i < poll->n; i++)
		if (n == 0 || compare_polled(&all[n - 1], &all[i]) != 0)
			all[n++] = all[i];
	*sorted = all;
	return n;
}

/* The place of a meetingID among what was polled, or n. */
static size_t
polled_at(const struct polled *const *sorted, size_t n, struct str meeting_id)
{
	const struct polled wanted = { .meeting_id = meeting_id }, *key = &wanted;
	const struct polled *const *found = n == 0 ?
	    NULL :
	    bsearch(&key, sorted, n, sizeof(*sorted), compare_polled);

	return found ? (size_t)(found - sorted) : n;
}

/* May the server have the meeting although its list does not show it? */
static bool
may_be_there(const struct reconcile_poll *poll, const struct meeting *meeting,
    const struct reconcile_rules *rules)
{
	/* A stamp of the future was made before the clock was set back, or by a request
	 * that is younger than this poll. */
	bool is_later = meeting->create_ms >= poll->asked_ms &&
	    meeting->create_ms <= poll->now_ms + rules->create_timeout_ms;

	if (!poll->is_complete || is_later)
		return true;
	if (meeting->is_ending)
		return false;
	/* Its server said that it has it, and not to a poll. */
	if (meeting->seen_ms > poll->asked_ms &&
	    meeting->seen_ms <= poll->now_ms + rules->create_timeout_ms)
		return true;
	int64_t age_ms = poll->asked_ms - meeting->create_ms;

	return (age_ms >= 0 && age_ms < MEETING_CREATE_SPARE_MS) ||
	    meeting_is_new(meeting, poll->now_ms,
	        rules->create_timeout_ms + rules->poll_interval_ms);
}

/* The mapping of a meeting that the poll shows, or NULL when it stays as it is. */
static const struct meeting *
count_people(struct arena *arena, const struct meeting *from, const struct polled *polled,
    int64_t now_ms)
{
	int64_t age_ms = now_ms - from->seen_ms;

	if (from->users == polled->users && age_ms >= 0 && age_ms < SEEN_EVERY_MS)
		return NULL;
	struct meeting *to = arena_alloc(arena, sizeof(*to));

	*to = *from;
	to->seen_ms = now_ms;
	to->users = polled->users;
	if (to->peak < to->users)
		to->peak = to->users;
	return to;
}

static const struct meeting *
new_mapping(struct arena *arena, const struct reconcile_poll *poll, const struct polled *polled)
{
	struct meeting *to = arena_alloc(arena, sizeof(*to));

	*to = (struct meeting){
		.server = poll->server,
		.claimed_ms = poll->now_ms,
		.create_ms = poll->now_ms,
		.seen_ms = poll->now_ms,
		.users = polled->users,
		.peak = polled->users,
	};
	return to;
}

size_t
reconcile(struct arena *arena, const struct reconcile_poll *poll, const struct mapped *mapped,
    size_t n_mapped, const struct reconcile_rules *rules, struct reconcile_change **changes)
{
	const struct polled **sorted;
	size_t n_polled = sort_polled(arena, poll, &sorted), n = 0;
	bool *is_mapped = arena_alloc(arena, n_polled + 1);
	struct reconcile_change *list = arena_alloc(arena,
	    (n_mapped + n_polled + 1) * sizeof(*list));

	for (size_t i = 0; i < n_mapped; i++) {
		const struct meeting *from = &mapped[i].meeting;
		size_t at = polled_at(sorted, n_polled, mapped[i].meeting_id);
		bool is_shown = at < n_polled;

		is_mapped[at] = true;
		const struct meeting *to = NULL;
		if (is_shown)
			to = count_people(arena, from, sorted[at], poll->now_ms);
		if (is_shown ? !to : may_be_there(poll, from, rules))
			continue;
		list[n++] = (struct reconcile_change){
			is_shown ? RECONCILE_COUNTED : RECONCILE_GONE, mapped[i].meeting_id,
			from, to
		};
	}
	for (size_t i = 0; i < n_polled; i++)
		if (!is_mapped[i] && !sorted[i]->is_room)
			list[n++] = (struct reconcile_change){ RECONCILE_FOUND,
				sorted[i]->meeting_id, NULL,
				new_mapping(arena, poll, sorted[i]) };
	*changes = list;
	return n;
}

bool
reconcile_is_leftover(const struct meeting *mapping, const struct server_facts *facts)
{
	return facts->back_ms > mapping->claimed_ms && facts->failing_ms <= mapping->claimed_ms;
}
