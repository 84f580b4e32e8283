/*
 * What happened to a server (event.h), and the last hour of its load (trend.h).
 */
#include "base/arena.h"
#include "model/event.h"
#include "model/trend.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MINUTE TREND_MINUTE_MS
#define NOW (MINUTE * 30000000)

static struct arena *arena;

/* ---- Events ----------------------------------------------------------------------- */

static void
test_events(void)
{
	static const struct server_rules rules = { 2, 1, 10000 };
	static const struct {
		enum server_state configured;
		struct server_facts before, after;
		const char *name;
	} rows[] = {
		{ SERVER_ENABLED, { .users = 1 }, { .users = 2, .turn = 3 }, NULL },
		{ SERVER_ENABLED, { 0 }, { .health = SERVER_SUSPECT }, "suspect" },
		{ SERVER_ENABLED, { .health = SERVER_SUSPECT }, { .health = SERVER_DOWN },
		    "down" },
		{ SERVER_ENABLED, { .health = SERVER_DOWN }, { 0 }, "up" },
		{ SERVER_ENABLED, { .create_failures = 1 }, { .create_failures = 2 },
		    "creates-fail" },
		{ SERVER_ENABLED, { .create_failures = 2 }, { .create_failures = 3 }, NULL },
		{ SERVER_ENABLED, { .create_failures = 2 }, { 0 }, "creates-work" },
		{ SERVER_ENABLED, { 0 },
		    { .has_operator_state = true, .operator_state = SERVER_CORDONED },
		    "cordoned" },
		{ SERVER_ENABLED,
		    { .has_operator_state = true, .operator_state = SERVER_CORDONED },
		    { .has_operator_state = true, .operator_state = SERVER_DISABLED },
		    "disabled" },
		{ SERVER_ENABLED,
		    { .has_operator_state = true, .operator_state = SERVER_DISABLED }, { 0 },
		    "enabled" },
		{ SERVER_DISABLED, { 0 },
		    { .has_operator_state = true, .operator_state = SERVER_ENABLED },
		    "enabled" },
		{ SERVER_CORDONED, { 0 },
		    { .has_operator_state = true, .operator_state = SERVER_CORDONED }, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server server = { .name = "a", .state = rows[i].configured };
		struct event event;
		bool found = event_find(&server, &rows[i].before, &rows[i].after, &rules, NOW,
		    &event);

		is_str(found ? event_name(event.kind) : NULL, rows[i].name, "event %zu: %s", i,
		    rows[i].name ? rows[i].name : "none");
		ok(!found ||
		        (event.at_ms == NOW && strcmp(event.server, "a") == 0 &&
		            strlen(event_text(event.kind)) > 0),
		    "… whose and when");
	}
}

/* ---- Trends ----------------------------------------------------------------------- */

/* "0:12,3 5:7,1": the samples that are there, by how many minutes ago they were taken. */
static const char *
samples_of(const struct trend *trend, int64_t now_ms)
{
	struct buf out;

	buf_init(&out, 4096);
	for (int ago = 0; ago < TREND_MINUTES; ago++) {
		struct trend_sample sample = trend_at(trend, now_ms, ago);

		if (sample.users >= 0)
			buf_printf(&out, "%s%d:%ld,%ld", out.len > 0 ? " " : "", ago,
			    sample.users, sample.meetings);
	}
	return buf_take(&out, arena).data;
}

static void
test_adding(void)
{
	struct trend trend = { 0 };

	is_str(samples_of(&trend, NOW), "", "no samples at first");
	ok(trend_add(&trend, NOW, 12, 3), "one is added");
	is_str(samples_of(&trend, NOW), "0:12,3", "… and there");
	ok(!trend_add(&trend, NOW + MINUTE - 1, 13, 3), "no second one in its minute");
	ok(trend_add(&trend, NOW + MINUTE, 14, 4), "the next minute's");
	ok(trend_add(&trend, NOW + 4 * MINUTE, 15, 5), "one after a gap");
	is_str(samples_of(&trend, NOW + 4 * MINUTE), "0:15,5 3:14,4 4:12,3", "all are there");
	is_str(samples_of(&trend, NOW + 6 * MINUTE), "2:15,5 5:14,4 6:12,3",
	    "… as time goes by");
	is_str(samples_of(&trend, NOW + 60 * MINUTE), "56:15,5 59:14,4", "… an hour later");
	is_str(samples_of(&trend, NOW + 500 * MINUTE), "", "… many hours later");
	is_str(samples_of(&trend, NOW - 500 * MINUTE), "", "… or before, by another clock");
	ok(!trend_add(&trend, NOW + 3 * MINUTE, 1, 1),
	    "none of a minute ago: another was faster");
	is_str(samples_of(&trend, NOW + 4 * MINUTE), "0:15,5 3:14,4 4:12,3",
	    "… nothing is lost");
	ok(trend_add(&trend, NOW + 63 * MINUTE, 16, 6), "one that leaves one before it");
	is_str(samples_of(&trend, NOW + 63 * MINUTE), "0:16,6 59:15,5", "… both are there");
	ok(trend_add(&trend, NOW + 1000 * MINUTE, 17, 7), "one after a long time");
	is_str(samples_of(&trend, NOW + 1000 * MINUTE), "0:17,7", "… is alone");
	ok(trend_add(&trend, NOW, 18, 8), "the clock is set back");
	is_str(samples_of(&trend, NOW), "0:18,8", "… what was in the future is forgotten");
}

static void
test_text(void)
{
	struct trend trend = { 0 }, again;
	struct buf out;

	trend_add(&trend, NOW, 12, 3);
	trend_add(&trend, NOW + 2 * MINUTE, 0, 0);
	buf_init(&out, 4096);
	trend_write(&trend, &out);
	struct str text = buf_take(&out, arena);
	is_str(text.data + text.len - 10, "12,3 - 0,0", "the text of a trend");
	is_int(trend_read(text, trend.minute, &again), 0, "… is read");
	ok(memcmp(&trend, &again, sizeof(trend)) == 0, "… as it was");
	is_int(trend_read(text, 0, &again), -1, "… but not without its minute");
	is_int(again.minute, 0, "… then there is none");

	static const char *const ends[] = { "1", "1,", ",1", "-1,1", "1,1,1", "x", "",
		"99999999999999999999,1", "1,1 1,1" };
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct str bad = str_from(str_printf(arena, "%.*s%s",
		    STR_ARG(str_part(text, 0, text.len - 3)), ends[i]));

		is_int(trend_read(bad, trend.minute, &again), -1, "damaged: \"%s\"", ends[i]);
		is_int(again.minute, 0, "… there is none");
	}
	is_int(trend_read(str_part(text, 2, SIZE_MAX), trend.minute, &again), -1,
	    "one sample short");
}

int
main(void)
{
	arena = arena_new();
	test_events();
	test_adding();
	test_text();
	arena_free(arena);
	return done_testing();
}
