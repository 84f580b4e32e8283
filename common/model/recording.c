#include "model/recording.h"

#include <stdlib.h>

#include "base/arena.h"
#include "formats/xml.h"

/* The children of a recording that are read. */
enum { ID, START, END, STATE };

const struct xml_list recording_wanted = {
	.container = "recordings",
	.item = "recording",
	.keys = {
		[ID] = "recordID",
		[START] = "startTime",
		[END] = "endTime",
		[STATE] = "state",
	},
};

static int64_t
time_of(struct str text)
{
	int64_t ms = 0;

	str_to_int(text, 0, INT64_MAX, &ms);
	return ms;
}

/* How far a recording is; what is not known stands between the two ends. */
static int
rank_of(struct str state)
{
	static const struct {
		const char *state;
		int rank;
	} ranks[] = {
		{ "published", 4 },
		{ "unpublished", 4 },
		{ "processed", 3 },
		{ "processing", 1 },
		{ "deleted", 0 },
	};

	for (size_t i = 0; i < sizeof(ranks) / sizeof(*ranks); i++)
		if (str_is(state, ranks[i].state))
			return ranks[i].rank;
	return 2;
}

void
recording_list_add(struct recording_list *recordings, struct arena *arena,
    const struct xml_list *read, const struct server *server)
{
	recordings->list = arena_room(arena, recordings->list, sizeof(*recordings->list),
	    recordings->n, read->n, &recordings->capacity);
	for (size_t i = 0; i < read->n; i++) {
		const struct xml_item *item = &read->items[i];

		recordings->list[recordings->n] = (struct recording){
			.id = item->text[ID],
			.raw = item->raw,
			.server = server,
			.start_ms = time_of(item->text[START]),
			.end_ms = time_of(item->text[END]),
			.rank = rank_of(item->text[STATE]),
			.is_deleted = str_is(item->text[STATE], "deleted"),
			.place = recordings->n,
		};
		recordings->n++;
	}
}

/* Below 0 when a is the larger: the larger stands first. */
static int
larger_first(int64_t a, int64_t b)
{
	return (a < b) - (a > b);
}

static int
by_place(const struct recording *a, const struct recording *b)
{
	return (a->place > b->place) - (a->place < b->place);
}

/* Of two copies the one that is shown first. */
static int
compare_copies(const struct recording *a, const struct recording *b)
{
	int order = larger_first(a->rank, b->rank);

	if (order == 0)
		order = larger_first(a->end_ms, b->end_ms);
	return order != 0 ? order : larger_first(a->start_ms, b->start_ms);
}

/* Those of one recordID together, the one that stays first. */
static int
compare_same(const void *x, const void *y)
{
	const struct recording *a = x, *b = y;
	int order = str_compare(a->id, b->id);

	if (order == 0)
		order = compare_copies(a, b);
	return order != 0 ? order : by_place(a, b);
}

bool
recording_is_before(const struct recording *a, const struct recording *b)
{
	return compare_copies(a, b) < 0;
}

static int
compare_newest(const void *x, const void *y)
{
	const struct recording *a = x, *b = y;
	int order = larger_first(a->start_ms, b->start_ms);

	if (order == 0)
		order = str_compare(a->id, b->id);
	return order != 0 ? order : by_place(a, b);
}

void
recording_list_merge(struct recording_list *recordings)
{
	struct recording *list = recordings->list;

	if (recordings->n == 0)
		return;
	qsort(list, recordings->n, sizeof(*list), compare_same);
	size_t n = 0;
	for (size_t i = 0; i < recordings->n; i++)
		if (i == 0 || list[i].id.len == 0 || !str_equal(list[i].id, list[n - 1].id))
			list[n++] = list[i];
	recordings->n = n;
	qsort(list, n, sizeof(*list), compare_newest);
}

const struct recording *
recording_list_find(const struct recording_list *recordings, struct str id)
{
	for (size_t i = 0; i < recordings->n; i++)
		if (str_equal(recordings->list[i].id, id))
			return &recordings->list[i];
	return NULL;
}
