#include "adapters/curl/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* How long a server whose places are all taken may answer nobody, until the calls that
 * wait for it are refused. */
#define PATIENCE_US (INT64_C(1) * 1000000)

/* Slots of the table of servers; with more servers some share a slot. */
#define SLOTS 256

/* One server: what is under way to it, and what waits for a place. */
struct lane {
	struct lane *next; /* of the same slot */
	struct lane *next_crowded;
	bool is_crowded; /* in the list of lanes where calls wait */
	unsigned under_way;
	struct lane_place *first, **end; /* the calls that wait */
	int64_t full_us;                 /* when under_way reached the maximum */
	int64_t answered_us;             /* the last answer */
	int64_t idle_us;                 /* since when nothing is under way */
	bool is_stuck;
	char *name;
};

struct lanes {
	unsigned max_under_way;
	struct lane *slots[SLOTS];
	struct lane *crowded;
};

enum lane_end
lanes_end_of(enum http_result result, bool was_late)
{
	switch (result) {
	case HTTP_ANSWERED:
	case HTTP_TOO_LARGE:
		return LANE_ANSWERED;
	case HTTP_ABANDONED:
		return LANE_GIVEN_UP;
	default:
		return was_late ? LANE_SILENT : LANE_FAILED;
	}
}

struct lanes *
lanes_new(unsigned max_under_way)
{
	struct lanes *lanes = mem_alloc(sizeof(*lanes));

	lanes->max_under_way = max_under_way;
	return lanes;
}

void
lanes_free(struct lanes *lanes)
{
	if (!lanes)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		struct lane *lane;

		while ((lane = lanes->slots[i])) {
			lanes->slots[i] = lane->next;
			free(lane->name);
			free(lane);
		}
	}
	free(lanes);
}

/* The lane of that server, made when it is first called. */
static struct lane *
lane_of(struct lanes *lanes, const char *server)
{
	struct lane **link = &lanes->slots[str_hash(str_from(server)) % SLOTS];
	struct lane *lane;

	for (; (lane = *link); link = &lane->next)
		if (strcmp(lane->name, server) == 0)
			return lane;
	lane = mem_alloc(sizeof(*lane));
	lane->name = mem_strdup(server);
	lane->end = &lane->first;
	*link = lane;
	return lane;
}

static bool
is_full(const struct lanes *lanes, const struct lane *lane)
{
	return lane->under_way >= lanes->max_under_way;
}

/* When patience with a server whose places are all taken is over.  One call alone that
 * takes long says nothing: the time counts from when the last place was taken. */
static int64_t
patience_end_us(const struct lane *lane)
{
	int64_t since_us = lane->full_us;

	if (lane->answered_us > since_us)
		since_us = lane->answered_us;
	return since_us + PATIENCE_US;
}

static void
begin_waiting(struct lanes *lanes, struct lane *lane, struct lane_place *place)
{
	place->waited = true;
	place->link = lane->end;
	*lane->end = place;
	lane->end = &place->next;
	if (!lane->is_crowded) {
		lane->is_crowded = true;
		lane->next_crowded = lanes->crowded;
		lanes->crowded = lane;
	}
}

static void
end_waiting(struct lane_place *place)
{
	*place->link = place->next;
	if (place->next)
		place->next->link = place->link;
	else
		place->lane->end = place->link;
	place->next = NULL;
	place->link = NULL;
}

bool
lanes_enter(struct lanes *lanes, const char *server, struct lane_place *place, int64_t now_us)
{
	if (lanes->max_under_way == 0)
		return true;
	struct lane *lane = lane_of(lanes, server);
	place->lane = lane;
	/* First come, first served: nobody passes a call that waits. */
	if (lane->first || is_full(lanes, lane)) {
		begin_waiting(lanes, lane, place);
		return false;
	}
	/* What is known of the server is old, and it may be well again. */
	if (lane->under_way == 0 && now_us - lane->idle_us >= PATIENCE_US)
		lane->is_stuck = false;
	lane->under_way++;
	if (is_full(lanes, lane))
		lane->full_us = now_us;
	return true;
}

void
lanes_leave(struct lane_place *place, enum lane_end end, int64_t now_us)
{
	struct lane *lane = place->lane;

	if (!lane)
		return;
	if (place->link) {
		end_waiting(place);
		place->lane = NULL;
		return;
	}
	place->lane = NULL;
	if (--lane->under_way == 0)
		lane->idle_us = now_us;
	switch (end) {
	case LANE_ANSWERED:
		lane->answered_us = now_us;
		lane->is_stuck = false;
		break;
	case LANE_GIVEN_UP:
		/* It had no chance to be answered; neither had the next one. */
		lane->full_us = now_us;
		break;
	case LANE_SILENT:
		/* Only if no other was answered meanwhile: a create may be slow by
		 * itself. */
		if (lane->answered_us < place->since_us)
			lane->is_stuck = true;
		break;
	case LANE_FAILED:
		break;
	}
}

enum lane_turn
lanes_next(struct lanes *lanes, int64_t now_us, struct lane_place **place)
{
	struct lane **link = &lanes->crowded, *lane;

	while ((lane = *link)) {
		struct lane_place *first = lane->first;

		if (!first) {
			*link = lane->next_crowded;
			lane->is_crowded = false;
			continue;
		}
		if (!is_full(lanes, lane)) {
			end_waiting(first);
			lane->under_way++;
			*place = first;
			return LANE_GO;
		}
		if (patience_end_us(lane) <= now_us)
			lane->is_stuck = true;
		if (lane->is_stuck) {
			end_waiting(first);
			first->lane = NULL;
			*place = first;
			return LANE_REFUSED;
		}
		link = &lane->next_crowded;
	}
	return LANE_NOBODY;
}

int64_t
lanes_patience_end_us(const struct lanes *lanes)
{
	int64_t earliest_us = INT64_MAX;

	for (const struct lane *lane = lanes->crowded; lane; lane = lane->next_crowded)
		if (patience_end_us(lane) < earliest_us)
			earliest_us = patience_end_us(lane);
	return earliest_us;
}
