/*
 * Text for people and for programs: nothing that steers a terminal, widths, times.
 */
#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "../../ctl/text.h"
#include "base/arena.h"
#include "tap.h"

static void
test_plain(struct arena *arena)
{
	static const struct {
		const char *what, *text, *plain, *json;
	} rows[] = {
		{ "letters", "room-1", "room-1", "\"room-1\"" },
		{ "nothing", "", "", "\"\"" },
		{ "quotes", "a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "escape", "\033[2J", "\\u001b[2J", "\"\\u001b[2J\"" },
		{ "line end", "a\nb", "a\\u000ab", "\"a\\u000ab\"" },
		{ "C1",
		    "a\xc2\x9b"
		    "b",
		    "a\\u009bb", "\"a\\u009bb\"" },
		{ "bidi",
		    "a\xe2\x80\xae"
		    "b",
		    "a\\u202eb", "\"a\\u202eb\"" },
		{ "line separator",
		    "a\xe2\x80\xa8"
		    "b",
		    "a\\u2028b", "\"a\\u2028b\"" },
		{ "not UTF-8",
		    "a\xff"
		    "b",
		    "a\\xffb", "\"a\\ufffdb\"" },
		{ "a character cut off", "a\xc3", "a\\xc3", "\"a\\ufffd\"" },
		{ "letters beyond ASCII", "Bühne", "Bühne", "\"Bühne\"" },
		{ "beyond the BMP", "😀", "😀", "\"😀\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf plain, json;

		buf_init(&plain, 1000);
		buf_init(&json, 1000);
		text_plain(&plain, str_from(rows[i].text));
		text_json(&json, str_from(rows[i].text));
		is_str(buf_take(&plain, arena).data, rows[i].plain, "for people: %s",
		    rows[i].what);
		is_str(buf_take(&json, arena).data, rows[i].json, "JSON: %s", rows[i].what);
	}
}

static void
test_cut(struct arena *arena)
{
	static const struct {
		const char *what, *text;
		size_t width;
		bool is_middle;
		const char *cut;
	} rows[] = {
		{ "it fits", "bbb1.example.org", 16, true, "bbb1.example.org" },
		{ "in the middle", "bbb1.example.org", 9, true, "bbb1….org" },
		{ "in the middle, odd", "bbb1.example.org", 8, true, "bbb1…org" },
		{ "at the end", "bbb1.example.org", 9, false, "bbb1.exa…" },
		{ "characters of two bytes", "ääääääää", 5, false, "ääää…" },
		{ "characters of two columns", "会議室会議室", 6, false, "会議…" },
		{ "one column", "abc", 1, false, "…" },
		{ "none", "abc", 0, false, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		is_str(text_cut(arena, rows[i].text, rows[i].width, rows[i].is_middle),
		    rows[i].cut, "cut: %s", rows[i].what);
	is_int(text_width("会議室"), 6, "Chinese characters take two columns");
	is_int(text_width("Bühne"), 5, "an umlaut takes one");
}

static void
test_ages(struct arena *arena)
{
	is_str(text_age(arena, -5), "0 s", "the future is now");
	is_str(text_age(arena, 1999), "1 s", "seconds");
	is_str(text_age(arena, 119000), "119 s", "seconds up to two minutes");
	is_str(text_age(arena, 120000), "2 min", "minutes");
	is_str(text_age(arena, INT64_C(3) * 3600000), "3 h", "hours");
	is_str(text_age(arena, INT64_C(72) * 3600000), "3 d", "days");
}

static void
test_durations(void)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} rows[] = {
		{ "8h", 8 * 3600 },
		{ "90 min", 5400 },
		{ "5m", 300 },
		{ "30s", 30 },
		{ "7d", 7 * 86400 },
		{ "8", -1 },
		{ "h", -1 },
		{ "", -1 },
		{ "0h", -1 },
		{ "-1h", -1 },
		{ "8 weeks", -1 },
		{ "99999999999999999999s", -1 },
		{ "4000d", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t seconds = -1;

		text_read_duration(str_from(rows[i].text), &seconds);
		is_int(seconds, rows[i].seconds, "a length of time: \"%s\"", rows[i].text);
	}
}

static void
test_clock(void)
{
	static const struct {
		const char *what, *text;
		int64_t now, next; /* -1: refused */
	} rows[] = {
		/* 2026-11-27 07:50:00 UTC is 08:50 in Berlin. */
		{ "today", "09:00", 1795765800, 1795766400 },
		{ "tomorrow", "08:00", 1795765800, 1795849200 },
		{ "this very minute is tomorrow", "08:50", 1795765800, 1795852200 },
		{ "one digit", "9:00", 1795765800, 1795766400 },
		/* On 2026-10-25 the clock goes back from 3:00 to 2:00. */
		{ "over the end of summer time", "08:00", 1792922400, 1792998000 },
		{ "no hour", "24:00", 0, -1 },
		{ "no minute", "08:60", 0, -1 },
		{ "no colon", "0800", 0, -1 },
		{ "a second digit is missing", "08:0", 0, -1 },
		{ "words", "noon", 0, -1 },
		{ "nothing", "", 0, -1 },
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t next = -1;

		if (text_read_clock(str_from(rows[i].text), rows[i].now, &next) != 0)
			next = -1;
		is_int(next, rows[i].next, "a time of day: %s", rows[i].what);
	}
}

int
main(void)
{
	struct arena *arena = arena_new();

	setlocale(LC_CTYPE, "C.UTF-8");
	test_plain(arena);
	test_cut(arena);
	test_ages(arena);
	test_durations();
	test_clock();
	arena_free(arena);
	return done_testing();
}
