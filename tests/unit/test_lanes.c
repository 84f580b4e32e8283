/*
 * The bulkhead as tables: who is under way, who waits, who is refused, and when.  Nothing
 * here sleeps: the clock is a column.
 */
#include "tap.h"

#include "adapters/curl/lanes.h"

#define SECOND_MS 1000

enum act { END, ENTER, LEAVE, NEXT, PATIENCE };

/* What ENTER and NEXT say of a call; PATIENCE has a time, LEAVE an enum lane_end. */
enum { WAITS, GOES, REFUSED, NOBODY };

struct step {
	int at_ms;
	enum act act;
	char call;    /* 'a' to 'z' call the server "one", 'A' to 'Z' the server "two" */
	int result;   /* of PATIENCE milliseconds, or -1: nobody waits */
	int since_ms; /* of ENTER: how long before at_ms its batch began */
};

struct story {
	const char *name;
	unsigned max;
	struct step steps[40];
};

static const struct story stories[] = {
	{ "first come, first served", 2,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', GOES, 0 },
	        { 0, ENTER, 'c', WAITS, 0 },
	        { 0, ENTER, 'd', WAITS, 0 },
	        { 0, NEXT, 0, NOBODY, 0 },
	        { 10, LEAVE, 'b', LANE_ANSWERED, 0 },
	        { 10, NEXT, 'c', GOES, 0 },
	        { 10, NEXT, 0, NOBODY, 0 },
	        { 20, LEAVE, 'a', LANE_ANSWERED, 0 },
	        /* A place is free, and yet nobody passes a call that waits. */
	        { 20, ENTER, 'e', WAITS, 0 },
	        { 20, NEXT, 'd', GOES, 0 },
	        { 20, NEXT, 0, NOBODY, 0 },
	        { 30, LEAVE, 'c', LANE_ANSWERED, 0 },
	        { 30, LEAVE, 'd', LANE_ANSWERED, 0 },
	        { 30, NEXT, 'e', GOES, 0 },
	        { 30, NEXT, 0, NOBODY, 0 },
	        { 40, ENTER, 'f', GOES, 0 },
	    } },
	{ "no maximum, no waiting", 0,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', GOES, 0 },
	        { 0, PATIENCE, 0, -1, 0 },
	        { 10, LEAVE, 'a', LANE_SILENT, 0 },
	        { 10, NEXT, 0, NOBODY, 0 },
	        { 10, ENTER, 'c', GOES, 0 },
	    } },
	{ "each server has its own places", 1,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', WAITS, 0 },
	        { 5, ENTER, 'A', GOES, 0 },
	        { 5, ENTER, 'B', WAITS, 0 },
	        { 5, PATIENCE, 0, SECOND_MS, 0 },
	        { 10, LEAVE, 'A', LANE_ANSWERED, 0 },
	        { 10, NEXT, 'B', GOES, 0 },
	        { 10, NEXT, 0, NOBODY, 0 },
	        { SECOND_MS, NEXT, 'b', REFUSED, 0 },
	        { SECOND_MS, NEXT, 0, NOBODY, 0 },
	        { SECOND_MS, ENTER, 'C', WAITS, 0 },
	        { SECOND_MS, NEXT, 0, NOBODY, 0 },
	    } },
	{ "stuck after a second without an answer", 2,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 100, ENTER, 'b', GOES, 0 },
	        { 200, ENTER, 'c', WAITS, 0 },
	        { 300, ENTER, 'd', WAITS, 0 },
	        { 300, PATIENCE, 0, 1100, 0 },
	        { 1099, NEXT, 0, NOBODY, 0 },
	        { 1100, NEXT, 'c', REFUSED, 0 },
	        { 1100, NEXT, 'd', REFUSED, 0 },
	        { 1100, NEXT, 0, NOBODY, 0 },
	        { 1100, PATIENCE, 0, -1, 0 },
	        /* From now on at once. */
	        { 1200, ENTER, 'e', WAITS, 0 },
	        { 1200, NEXT, 'e', REFUSED, 0 },
	        /* Until it answers. */
	        { 1300, LEAVE, 'a', LANE_ANSWERED, 0 },
	        { 1300, ENTER, 'f', GOES, 0 },
	        { 1300, ENTER, 'g', WAITS, 0 },
	        { 1300, NEXT, 0, NOBODY, 0 },
	        { 1300, PATIENCE, 0, 2300, 0 },
	    } },
	{ "an answer prolongs patience", 2,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', GOES, 0 },
	        { 0, ENTER, 'c', WAITS, 0 },
	        { 0, ENTER, 'd', WAITS, 0 },
	        { 900, LEAVE, 'a', LANE_ANSWERED, 0 },
	        { 900, NEXT, 'c', GOES, 0 },
	        { 900, PATIENCE, 0, 1900, 0 },
	        { 1899, NEXT, 0, NOBODY, 0 },
	        { 1900, NEXT, 'd', REFUSED, 0 },
	    } },
	{ "one slow call alone says nothing", 2,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 5000, ENTER, 'b', GOES, 0 },
	        { 5000, ENTER, 'c', WAITS, 0 },
	        { 5000, NEXT, 0, NOBODY, 0 },
	        { 5000, PATIENCE, 0, 6000, 0 },
	    } },
	{ "a silent call makes the server stuck, its place goes on", 2,
	    {
	        { 1000, ENTER, 'a', GOES, 0 },
	        { 1000, ENTER, 'b', GOES, 0 },
	        { 1000, ENTER, 'c', WAITS, 0 },
	        { 1000, ENTER, 'd', WAITS, 0 },
	        { 1300, LEAVE, 'a', LANE_SILENT, 0 },
	        /* So it shows when the server is back. */
	        { 1300, NEXT, 'c', GOES, 0 },
	        { 1300, NEXT, 'd', REFUSED, 0 },
	        { 1300, NEXT, 0, NOBODY, 0 },
	    } },
	{ "a silent call beside answers says nothing", 2,
	    {
	        { 1000, ENTER, 'a', GOES, 0 },
	        { 1000, ENTER, 'b', GOES, 0 },
	        { 1000, ENTER, 'c', WAITS, 0 },
	        { 1100, LEAVE, 'b', LANE_ANSWERED, 0 },
	        { 1100, NEXT, 'c', GOES, 0 },
	        { 1100, ENTER, 'd', WAITS, 0 },
	        { 1100, ENTER, 'e', WAITS, 0 },
	        { 1300, LEAVE, 'a', LANE_SILENT, 0 },
	        { 1300, NEXT, 'd', GOES, 0 },
	        { 1300, NEXT, 0, NOBODY, 0 },
	        /* 'c' was launched after the answer, but its batch began before. */
	        { 1400, LEAVE, 'c', LANE_SILENT, 0 },
	        { 1400, NEXT, 'e', GOES, 0 },
	    } },
	{ "answers count from when the silent call's batch began", 1,
	    {
	        { 1000, ENTER, 'a', GOES, 0 },
	        { 1100, LEAVE, 'a', LANE_ANSWERED, 0 },
	        { 1200, ENTER, 'b', GOES, 200 },
	        { 1300, ENTER, 'c', WAITS, 0 },
	        { 1300, ENTER, 'd', WAITS, 0 },
	        { 1400, LEAVE, 'b', LANE_SILENT, 0 },
	        { 1400, NEXT, 'c', GOES, 0 },
	        { 1400, NEXT, 0, NOBODY, 0 },
	        { 1500, LEAVE, 'c', LANE_SILENT, 0 },
	        { 1500, NEXT, 'd', GOES, 0 },
	        { 1500, ENTER, 'e', WAITS, 0 },
	        { 1500, NEXT, 'e', REFUSED, 0 },
	    } },
	{ "a call that was given up had no chance", 1,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', WAITS, 0 },
	        { 0, ENTER, 'c', WAITS, 0 },
	        { 900, LEAVE, 'a', LANE_GIVEN_UP, 0 },
	        { 900, NEXT, 'b', GOES, 0 },
	        { 900, PATIENCE, 0, 1900, 0 },
	        { 1000, NEXT, 0, NOBODY, 0 },
	        { 1900, NEXT, 'c', REFUSED, 0 },
	    } },
	{ "a failed call frees its place and tells nothing", 1,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', WAITS, 0 },
	        { 0, ENTER, 'c', WAITS, 0 },
	        { 900, LEAVE, 'a', LANE_FAILED, 0 },
	        { 900, NEXT, 'b', GOES, 0 },
	        { 900, PATIENCE, 0, 1000, 0 },
	        { 1000, NEXT, 'c', REFUSED, 0 },
	    } },
	{ "calls that wait may leave, from anywhere in the line", 1,
	    {
	        { 0, ENTER, 'a', GOES, 0 },
	        { 0, ENTER, 'b', WAITS, 0 },
	        { 0, ENTER, 'c', WAITS, 0 },
	        { 0, ENTER, 'd', WAITS, 0 },
	        { 0, ENTER, 'e', WAITS, 0 },
	        { 10, LEAVE, 'b', LANE_SILENT, 0 },
	        { 10, LEAVE, 'd', LANE_GIVEN_UP, 0 },
	        { 10, LEAVE, 'e', LANE_ANSWERED, 0 },
	        { 10, ENTER, 'f', WAITS, 0 },
	        { 10, NEXT, 0, NOBODY, 0 },
	        { 10, PATIENCE, 0, 1000, 0 },
	        { 20, LEAVE, 'a', LANE_ANSWERED, 0 },
	        { 20, NEXT, 'c', GOES, 0 },
	        { 20, NEXT, 0, NOBODY, 0 },
	        { 30, LEAVE, 'c', LANE_ANSWERED, 0 },
	        { 30, NEXT, 'f', GOES, 0 },
	        /* Who has left twice has left once. */
	        { 40, LEAVE, 'c', LANE_ANSWERED, 0 },
	        { 40, ENTER, 'g', WAITS, 0 },
	        { 40, LEAVE, 'g', LANE_ANSWERED, 0 },
	        { 40, NEXT, 0, NOBODY, 0 },
	        { 40, PATIENCE, 0, -1, 0 },
	    } },
	{ "a second without calls, and what was known is old", 1,
	    {
	        { 1000, ENTER, 'a', GOES, 0 },
	        { 1100, LEAVE, 'a', LANE_SILENT, 0 },
	        /* A moment is not enough. */
	        { 2000, ENTER, 'b', GOES, 0 },
	        { 2000, ENTER, 'c', WAITS, 0 },
	        { 2000, NEXT, 'c', REFUSED, 0 },
	        { 2100, LEAVE, 'b', LANE_SILENT, 0 },
	        { 3100, ENTER, 'd', GOES, 0 },
	        { 3100, ENTER, 'e', WAITS, 0 },
	        { 3100, NEXT, 0, NOBODY, 0 },
	        { 3100, PATIENCE, 0, 4100, 0 },
	    } },
};

static const char *
server_of(char call)
{
	return call >= 'a' ? "one" : "two";
}

/* Take one step; says in words what came of it. */
static const char *
take_step(struct lanes *lanes, struct lane_place *places, const struct step *step)
{
	static char text[64];
	int64_t now_us = (int64_t)step->at_ms * 1000, end_us;
	struct lane_place *place = &places[(unsigned char)step->call];
	enum lane_turn turn;

	switch (step->act) {
	case ENTER:
		*place = (struct lane_place){
			.holder = place,
			.since_us = now_us - (int64_t)step->since_ms * 1000,
		};
		snprintf(text, sizeof(text), "%s",
		    lanes_enter(lanes, server_of(step->call), place, now_us) ?
		        "goes" :
		        "waits");
		if (place->waited != (text[0] == 'w'))
			return "waited is wrong";
		return text;
	case LEAVE:
		lanes_leave(place, (enum lane_end)step->result, now_us);
		return "left";
	case NEXT:
		turn = lanes_next(lanes, now_us, &place);
		if (turn == LANE_NOBODY)
			return "nobody";
		snprintf(text, sizeof(text), "%c %s",
		    (char)((struct lane_place *)place->holder - places),
		    turn == LANE_GO ? "goes" : "is refused");
		return place->waited ? text : "waited is wrong";
	case PATIENCE:
		end_us = lanes_patience_end_us(lanes);
		snprintf(text, sizeof(text), "%lld",
		    end_us == INT64_MAX ? -1 : (long long)end_us / 1000);
		return text;
	case END:
		break;
	}
	return "";
}

static const char *
wanted(const struct step *step)
{
	static char text[64];

	switch (step->act) {
	case ENTER:
		return step->result == GOES ? "goes" : "waits";
	case LEAVE:
		return "left";
	case NEXT:
		if (step->result == NOBODY)
			return "nobody";
		snprintf(text, sizeof(text), "%c %s", step->call,
		    step->result == GOES ? "goes" : "is refused");
		return text;
	case PATIENCE:
		snprintf(text, sizeof(text), "%d", step->result);
		return text;
	case END:
		break;
	}
	return "";
}

static void
test_story(const struct story *story)
{
	struct lanes *lanes = lanes_new(story->max);
	struct lane_place places[128] = { 0 };
	size_t i;

	for (i = 0; story->steps[i].act != END; i++) {
		const char *want = wanted(&story->steps[i]);
		const char *got = take_step(lanes, places, &story->steps[i]);

		if (strcmp(want, got) == 0)
			continue;
		ok(false, "%s, step %zu at %d ms", story->name, i + 1, story->steps[i].at_ms);
		diag("   got: %s", got);
		diag("  want: %s", want);
		break;
	}
	if (story->steps[i].act == END)
		ok(true, "%s", story->name);
	for (size_t c = 0; c < 128; c++)
		lanes_leave(&places[c], LANE_FAILED, 0);
	lanes_free(lanes);
}

/* More servers than the table has slots, each with one call under way and two that wait. */
static void
test_many_servers(void)
{
	enum { SERVERS = 1000 };
	static struct lane_place places[SERVERS][3];
	struct lanes *lanes = lanes_new(1);
	size_t went = 0;

	for (size_t i = 0; i < SERVERS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "server-%zu", i);
		for (size_t j = 0; j < 3; j++) {
			places[i][j].holder = &places[i];
			went += lanes_enter(lanes, name, &places[i][j], (int64_t)i);
		}
	}
	is_int(went, SERVERS, "1000 servers: one call each is under way");
	is_int(lanes_patience_end_us(lanes), SECOND_MS * 1000, "the earliest patience of all");

	/* Every second server answers; of the others some are stuck by then. */
	for (size_t i = 0; i < SERVERS; i += 2)
		lanes_leave(&places[i][0], LANE_ANSWERED, 500);
	went = 0;
	struct lane_place *place;
	size_t right = 0;
	while (lanes_next(lanes, 500, &place) == LANE_GO) {
		right += place == (struct lane_place *)place->holder + 1;
		went++;
	}
	is_int(went, SERVERS / 2, "one more of each that answered");
	is_int(right, SERVERS / 2, "and of each the one that came first");
	went = 0;
	while (lanes_next(lanes, SECOND_MS * 1000 + 499, &place) == LANE_REFUSED)
		went++;
	is_int(went, 500, "those are refused whose patience is over, and no others");

	for (size_t i = 0; i < SERVERS; i++)
		for (size_t j = 0; j < 3; j++)
			lanes_leave(&places[i][j], LANE_FAILED, 0);
	is_int(lanes_next(lanes, INT64_MAX, &place), LANE_NOBODY, "all have left");
	lanes_free(lanes);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		test_story(&stories[i]);
	test_many_servers();
	lanes_free(NULL);
	return done_testing();
}
