/*
 * Borrowed spans.  The UTF-8 cases are those of RFC 3629.
 */
#include "base/str.h"

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct str absent = { NULL, 0 };

static void
test_equality(void)
{
	static const struct {
		struct str a;
		const char *b;
		bool same, same_nocase, starts;
		const char *what;
	} rows[] = {
		{ STR("abc"), "abc", true, true, true, "the same" },
		{ STR("abc"), "ABC", false, true, false, "another case" },
		{ STR("abc"), "abd", false, false, false, "another letter" },
		{ STR("abcd"), "abc", false, false, true, "longer" },
		{ STR("abc"), "abcd", false, false, false, "shorter" },
		{ STR(""), "", true, true, true, "both empty" },
		{ STR("a"), "", false, false, true, "one empty" },
		{ STR(""), "a", false, false, false, "the other empty" },
		{ { NULL, 0 }, "", true, true, true, "absent and empty" },
		{ { NULL, 0 }, "a", false, false, false, "absent and something" },
		{ STR("abc\0d"), "abc", false, false, true, "a NUL inside" },
		{ STR("a[b"), "a{b", false, false, false, "no letters: no case" },
		{ STR("\xc3\xa4"), "\xc3\x84", false, false, false, "no case beyond ASCII" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		is_int(str_is(rows[i].a, rows[i].b), rows[i].same, "is: %s", rows[i].what);
		is_int(str_equal(str_from(rows[i].b), rows[i].a), rows[i].same, "equal: %s",
		    rows[i].what);
		is_int(str_is_nocase(rows[i].a, rows[i].b), rows[i].same_nocase,
		    "is, any case: %s", rows[i].what);
		is_int(str_starts(rows[i].a, rows[i].b), rows[i].starts, "starts: %s",
		    rows[i].what);
	}
	ok(!str_from(NULL).data && str_from(NULL).len == 0, "from NULL: absent");
	ok(str_from("").data && str_from("").len == 0, "from an empty text: empty");
	is_int(STR("a\0b").len, 3, "a literal's NULs count");
	ok(str_equal(absent, STR("")), "absent equals empty");
	ok(!str_equal(STR("a\0b"), STR("a\0c")), "what stands behind a NUL counts");
}

static void
test_find(void)
{
	static const struct {
		struct str text, needle;
		size_t from, at;
		const char *what;
	} rows[] = {
		{ STR("a&b&c"), STR("&"), 0, 1, "the first" },
		{ STR("a&b&c"), STR("&"), 1, 1, "at the very offset" },
		{ STR("a&b&c"), STR("&"), 2, 3, "the next" },
		{ STR("a&b&c"), STR("&"), 4, SIZE_MAX, "no more" },
		{ STR("a&b&c"), STR("&"), 5, SIZE_MAX, "from the end" },
		{ STR("a&b&c"), STR("&"), 6, SIZE_MAX, "from behind the end" },
		{ STR("a&b&c"), STR("&"), SIZE_MAX, SIZE_MAX, "from nowhere" },
		{ STR("aab"), STR("ab"), 0, 1, "after a false start" },
		{ STR("ab"), STR("ab"), 0, 0, "the whole" },
		{ STR("ab"), STR("abc"), 0, SIZE_MAX, "longer than the text" },
		{ STR("ab"), STR(""), 1, 1, "nothing is found at once" },
		{ STR(""), STR("a"), 0, SIZE_MAX, "in nothing" },
		{ { NULL, 0 }, STR("a"), 0, SIZE_MAX, "in an absent text" },
		{ STR("a\0b"), STR("b"), 0, 2, "behind a NUL" },
		{ STR("a\0b"), STR("\0b"), 0, 1, "with a NUL" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(str_find(rows[i].text, rows[i].needle, rows[i].from), rows[i].at,
		    "find: %s", rows[i].what);
}

static void
test_part(void)
{
	static const struct {
		struct str text;
		size_t from, len;
		const char *part;
		const char *what;
	} rows[] = {
		{ STR("abcdef"), 0, 3, "abc", "the beginning" },
		{ STR("abcdef"), 2, 2, "cd", "the middle" },
		{ STR("abcdef"), 4, 2, "ef", "the end" },
		{ STR("abcdef"), 4, 3, "ef", "clipped" },
		{ STR("abcdef"), 4, SIZE_MAX, "ef", "the rest" },
		{ STR("abcdef"), 6, 1, "", "at the end" },
		{ STR("abcdef"), 7, 1, "", "behind the end" },
		{ STR("abcdef"), SIZE_MAX, SIZE_MAX, "", "nowhere" },
		{ STR("abcdef"), 1, 0, "", "nothing" },
		{ { NULL, 0 }, 1, 1, "", "of an absent one" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(str_is(str_part(rows[i].text, rows[i].from, rows[i].len), rows[i].part),
		    "part: %s", rows[i].what);
	ok(str_part(absent, 0, 5).data == NULL, "part: an absent one stays absent");
}

static void
test_trim(void)
{
	static const struct {
		struct str text, trimmed;
		const char *what;
	} rows[] = {
		{ STR("a b"), STR("a b"), "nothing to do" },
		{ STR("  a b\t\r\n"), STR("a b"), "both ends" },
		{ STR("\x01\x1f\0a\0"), STR("a"), "controls and NULs" },
		{ STR(" \t "), STR(""), "nothing is left" },
		{ STR(""), STR(""), "empty" },
		{ { NULL, 0 }, STR(""), "absent" },
		{ STR("\xc2\xa0 a"), STR("\xc2\xa0 a"), "bytes beyond ASCII stay" },
		{ STR("\x7f"), STR("\x7f"), "DEL stays" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(str_equal(str_trim(rows[i].text), rows[i].trimmed), "trim: %s",
		    rows[i].what);
}

static void
test_utf8(void)
{
	int good = 0;
	static const struct {
		struct str text;
		bool good;
		const char *what;
	} rows[] = {
		{ STR(""), true, "empty" },
		{ { NULL, 0 }, true, "absent" },
		{ STR("plain \0\x01\x7f"), true, "ASCII, controls too" },
		{ STR("\xc2\x80"), true, "U+0080, the least of two bytes" },
		{ STR("\xdf\xbf"), true, "U+07FF, the last of two" },
		{ STR("\xe0\xa0\x80"), true, "U+0800, the least of three" },
		{ STR("\xed\x9f\xbf"), true, "U+D7FF, before the surrogates" },
		{ STR("\xee\x80\x80"), true, "U+E000, behind them" },
		{ STR("\xef\xbf\xbf"), true, "U+FFFF" },
		{ STR("\xf0\x90\x80\x80"), true, "U+10000, the least of four" },
		{ STR("\xf4\x8f\xbf\xbf"), true, "U+10FFFF, the last" },
		{ STR("a\xc3\244b\xe2\x82\254c\xf0\x9f\x98\200d"), true, "a mixture" },
		{ STR("\xc0\x80"), false, "NUL overlong" },
		{ STR("\xc1\xbf"), false, "two bytes overlong" },
		{ STR("\xe0\x9f\xbf"), false, "three bytes overlong" },
		{ STR("\xf0\x8f\xbf\xbf"), false, "four bytes overlong" },
		{ STR("\xed\xa0\x80"), false, "the first surrogate" },
		{ STR("\xed\xbf\xbf"), false, "the last surrogate" },
		{ STR("\xf4\x90\x80\x80"), false, "U+110000" },
		{ STR("\xf5\x80\x80\x80"), false, "beyond" },
		{ STR("\xf8\x88\x80\x80\x80"), false, "five bytes" },
		{ STR("\xff"), false, "FF" },
		{ STR("\xfe"), false, "FE" },
		{ STR("\x80"), false, "a lone continuation" },
		{ STR("a\xbf"), false, "a continuation behind ASCII" },
		{ STR("\xc3"), false, "two bytes, cut" },
		{ STR("\xe2\x82"), false, "three bytes, cut" },
		{ STR("\xf0\x9f\x98"), false, "four bytes, cut" },
		{ STR("\303a"), false, "ASCII for a continuation" },
		{ STR("\xe2\202a"), false, "ASCII for the last continuation" },
		{ STR("\xe2\xc3\xa4"), false, "a start for a continuation" },
		{ STR("\xe4"), false, "ISO 8859-1" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(str_is_utf8(rows[i].text), rows[i].good, "UTF-8: %s", rows[i].what);

	/* A character cut by the end of the span, though its rest follows. */
	ok(!str_is_utf8((struct str){ "\xc3\xa4", 1 }),
	    "UTF-8: nothing behind the span counts");
	int bad = 0, all = 0;
	/* ASCII is passed over in words: a bad byte at each place around them. */
	for (size_t len = 1; len <= 24; len++) {
		for (size_t at = 0; at < len; at++) {
			char text[24];

			memset(text, 'a', sizeof(text));
			text[at] = '\x80';
			bad += !str_is_utf8((struct str){ text, len });
			text[at] = 'a';
			good += str_is_utf8((struct str){ text, len });
			all++;
		}
	}
	is_int(bad, all, "UTF-8: a bad byte is found at any place");
	is_int(good, all, "UTF-8: ASCII of any length is good");
}

static void
test_to_int(void)
{
	static const struct {
		struct str text;
		int64_t min, max;
		int result;
		int64_t number;
		const char *what;
	} rows[] = {
		{ STR("0"), 0, 10, 0, 0, "zero" },
		{ STR("10"), 0, 10, 0, 10, "the greatest" },
		{ STR("11"), 0, 10, -1, 0, "one more" },
		{ STR("-5"), -5, 10, 0, -5, "the least" },
		{ STR("-6"), -5, 10, -1, 0, "one less" },
		{ STR("-0"), 0, 10, 0, 0, "minus zero" },
		{ STR("007"), 0, 10, 0, 7, "leading zeros" },
		{ STR(""), 0, 10, -1, 0, "empty" },
		{ { NULL, 0 }, 0, 10, -1, 0, "absent" },
		{ STR("-"), -5, 10, -1, 0, "a sign alone" },
		{ STR("+1"), 0, 10, -1, 0, "a plus" },
		{ STR("--1"), -5, 10, -1, 0, "two signs" },
		{ STR("1-"), 0, 10, -1, 0, "a sign behind" },
		{ STR(" 1"), 0, 10, -1, 0, "a space before" },
		{ STR("1 "), 0, 10, -1, 0, "a space behind" },
		{ STR("1\0"), 0, 10, -1, 0, "a NUL behind" },
		{ STR("1a"), 0, 10, -1, 0, "a letter" },
		{ STR("0x1"), 0, 10, -1, 0, "hexadecimal" },
		{ STR("1.0"), 0, 10, -1, 0, "a fraction" },
		{ STR("1,000"), 0, 10000, -1, 0, "a grouped number" },
		{ STR("9223372036854775807"), INT64_MIN, INT64_MAX, 0, INT64_MAX, "INT64_MAX" },
		{ STR("9223372036854775808"), INT64_MIN, INT64_MAX, -1, 0,
		    "one more than that" },
		{ STR("-9223372036854775808"), INT64_MIN, INT64_MAX, 0, INT64_MIN,
		    "INT64_MIN" },
		{ STR("-9223372036854775809"), INT64_MIN, INT64_MAX, -1, 0, "one less" },
		{ STR("99999999999999999999999"), INT64_MIN, INT64_MAX, -1, 0, "far too much" },
		{ STR("18446744073709551617"), 0, 10, -1, 0, "1 modulo 2^64" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t number = 4711;
		int result = str_to_int(rows[i].text, rows[i].min, rows[i].max, &number);
		is_int(result, rows[i].result, "number: %s", rows[i].what);
		is_int(number, result == 0 ? rows[i].number : 4711, "… and its value");
	}
	int64_t number;
	ok(str_to_int((struct str){ "123", 2 }, 0, 999, &number) == 0 && number == 12,
	    "number: nothing behind the span is read");
}

static void
test_copies(void)
{
	struct arena *arena = arena_new();
	char text[] = "abc";
	char *copy = str_copy(arena, (struct str){ text, 2 });
	static char big[20001];

	text[0] = 'x';
	is_str(copy, "ab", "a copy ends in a NUL and stands alone");
	is_str(str_copy(arena, absent), "", "the copy of an absent span is empty");
	copy = str_copy(arena, STR("a\0b"));
	ok(memcmp(copy, "a\0b", 4) == 0, "a copy keeps NULs");
	is_str(str_printf(arena, "%s-%d", "a", 5), "a-5", "printf");
	is_str(str_printf(arena, "%.*s|", STR_ARG(absent)), "|", "printf of an absent span");
	is_str(str_printf(arena, "%.*s|", STR_ARG(str_part(STR("abc"), 1, 1))), "b|",
	    "printf of a part");
	memset(big, 'b', sizeof(big) - 1);
	copy = str_printf(arena, "%s", big);
	is_str(copy, big, "printf of 20,000 bytes");
	is_str(str_printf(arena, "%s", copy), big, "and of what is in the arena");
	arena_free(arena);
}

static void
test_hash(void)
{
	/* Of FNV-1a's own test vectors, with MurmurHash3's finalizer. */
	static const struct {
		struct str text;
		uint64_t hash, on_a;
		const char *what;
	} rows[] = {
		{ { NULL, 0 }, 0xefd01f60ba992926, 0x683e506c76236dfc, "absent" },
		{ STR(""), 0xefd01f60ba992926, 0x683e506c76236dfc, "empty" },
		{ STR("a"), 0x82a2a958a9bece5b, 0x1b2e8a63a5b2d87b, "a letter" },
		{ STR("foobar"), 0x2c22194922d1672b, 0xea7e148194d271ab, "a word" },
		{ STR("a\0b"), 0xab78f5eca36d0e2b, 0x40febda43f29f0a4, "a NUL inside" },
		{ STR("\xff"), 0x1bbd5c813c69a8d7, 0x82ee8cd247b6582f, "a byte has no sign" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		ok(str_hash(rows[i].text) == rows[i].hash, "hash: %s", rows[i].what);
		ok(str_hash_on(str_hash(STR("a")), rows[i].text) == rows[i].on_a,
		    "… on another's");
	}
	ok(str_hash((struct str){ "foobar!", 6 }) == str_hash(STR("foobar")),
	    "hash: nothing behind the span counts");
	ok(str_hash_on(str_hash(STR("ab")), STR("c")) !=
	        str_hash_on(str_hash(STR("a")), STR("bc")),
	    "hash: where a span ends counts");

	size_t seen[64] = { 0 };
	/* 6,400 names in 64 places: 100 each, and none is off by five deviations. */
	for (int i = 0; i < 6400; i++) {
		char name[16];

		snprintf(name, sizeof(name), "bbb%d", i);
		seen[str_hash(str_from(name)) % COUNT(seen)]++;
	}
	size_t least = SIZE_MAX, most = 0;
	for (size_t i = 0; i < COUNT(seen); i++) {
		least = seen[i] < least ? seen[i] : least;
		most = seen[i] > most ? seen[i] : most;
	}
	ok(least > 50 && most < 150, "hash: names that are alike are spread (%zu to %zu)",
	    least, most);
}

int
main(void)
{
	test_hash();
	test_equality();
	test_find();
	test_part();
	test_trim();
	test_utf8();
	test_to_int();
	test_copies();
	ok(str_compare(STR("a"), STR("b")) < 0 && str_compare(STR("b"), STR("a")) > 0,
	    "compare: by bytes");
	ok(str_compare(STR("room-1"), STR("room-12")) < 0, "compare: a prefix comes first");
	is_int(str_compare(STR("\xc3\xa4"), STR("\xc3\xa4")), 0, "compare: equal");
	ok(str_compare(STR("z"), STR("\xc3\xa4")) < 0, "compare: bytes have no sign");
	is_int(str_compare((struct str){ NULL, 0 }, STR("")), 0, "compare: absent and empty");

	return done_testing();
}
