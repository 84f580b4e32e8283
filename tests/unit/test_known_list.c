/*
 * The list of meetings that is kept of a server: which document is known again, what is kept
 * of it, and what is not.
 */
#include "model/known_list.h"

#include <stdio.h>
#include <string.h>

#include "base/bounds.h"
#include "model/reconcile.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a poll does: is the list known?  If not, what was read of it is kept. */
static bool
poll_list(struct known_list *known, struct str document, const struct polled *meetings,
    size_t n)
{
	struct list_mark mark;
	bool is_known = known_list_is(known, document, &mark);

	if (!is_known)
		known_list_keep(known, &mark, meetings, n, (long)n);
	return is_known;
}

/* Lists that come one after the other. */
static void
test_known(void)
{
	static const struct {
		const char *list;
		bool is_known;
		const char *what;
	} rows[] = {
		{ "<a n='1'/>", false, "the first list is new" },
		{ "<a n='1'/>", false, "one of the same length has no hash to compare yet" },
		{ "<a n='1'/>", true, "the third time it is known" },
		{ "<a n='1'/>", true, "and the fourth" },
		{ "<a n='2'/>", false, "one that differs in a byte is not" },
		{ "<a n='1'/>", false, "nor the one of before when it is back" },
		{ "<a n='1'/>", true, "before it came twice" },
		{ "<a n='10'/>", false, "a longer one is not" },
		{ "<a n='1'/>", false, "nor the one of before then" },
		{ "<a n='1'/>", false, "which has to be hashed anew" },
		{ "<a n='1'/>", true, "before it is known again" },
		{ "", false, "nothing is no list" },
		{ "", false, "however often it comes" },
		{ "<a n='1'/>", true, "and changes nothing" },
	};
	struct known_list known = { 0 };

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(poll_list(&known, str_from(rows[i].list), NULL, 0), rows[i].is_known,
		    "list %zu: %s", i, rows[i].what);
	known_list_forget(&known);
	is_int(poll_list(&known, STR("<a n='1'/>"), NULL, 0), false,
	    "what is forgotten is new");
	known_list_forget(&known);
}

/* The meetings are those of the list that is known, and are the keeper's own. */
static void
test_kept(void)
{
	char first[] = "room-1", second[] = "room-22";
	const struct polled meetings[] = {
		{ .meeting_id = { first, strlen(first) }, .users = 3 },
		{ .meeting_id = { 0 }, .users = 5, .is_room = true },
		{ .meeting_id = { second, strlen(second) }, .users = 7, .is_room = true },
	};
	const struct str list = STR("<three/>");
	struct known_list known = { 0 };

	poll_list(&known, list, meetings, COUNT(meetings));
	is_int((long)known.n, 0, "of a list that may differ next time nothing is kept");
	poll_list(&known, list, meetings, COUNT(meetings));
	memset(first, '-', strlen(first));
	memset(second, '-', strlen(second));
	is_int(poll_list(&known, list, NULL, 0), true, "the list is known");
	is_int((long)known.n, 3, "three meetings");
	is_int(known.users, 3, "so many people in all as were told");
	ok(str_is(known.meetings[0].meeting_id, "room-1"), "the first meetingID");
	is_int(known.meetings[0].users, 3, "its people");
	is_int(known.meetings[0].is_room, false, "no breakout room");
	is_int((long)known.meetings[1].meeting_id.len, 0, "one without a meetingID");
	is_int(known.meetings[1].users, 5, "its people");
	ok(str_is(known.meetings[2].meeting_id, "room-22"), "the last meetingID");
	is_int(known.meetings[2].is_room, true, "a breakout room");
	/* A list that is not to be kept, as one that is not complete, has no mark. */
	known_list_keep(&known, &(struct list_mark){ 0 }, NULL, 0, 0);
	is_int(poll_list(&known, list, NULL, 0), true, "what has no mark changes nothing");
	is_int((long)known.n, 3, "and takes no meetings away");
	known_list_forget(&known);
}

/* Of a list that is too large nothing is kept. */
static void
test_limit(void)
{
	enum { MOST = LIMIT_KNOWN_LIST_BYTES / sizeof(struct polled) };
	static struct polled meetings[MOST];
	const struct str list = STR("<many/>");
	struct known_list known = { 0 };

	for (int i = 0; i < 2; i++)
		poll_list(&known, list, meetings, MOST);
	is_int(poll_list(&known, list, NULL, 0), true, "as many meetings as there is room for");
	poll_list(&known, STR("<other/>"), NULL, 0);
	meetings[0].meeting_id = STR("m");
	for (int i = 0; i < 4; i++)
		is_int(poll_list(&known, list, meetings, MOST), false,
		    "a byte more, and it is never known");
	is_int((long)known.mark.len, 0, "nothing is kept");
	known_list_forget(&known);
}

int
main(void)
{
	test_known();
	test_kept();
	test_limit();
	return done_testing();
}
