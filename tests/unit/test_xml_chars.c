/*
 * Characters that XML allows, and the mending of documents that hold others.
 */
#include "formats/xml_chars.h"

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static void
test_length(void)
{
	static const struct {
		struct str text;
		size_t len;
		const char *by; /* of what is not allowed */
		const char *what;
	} rows[] = {
		{ STR("a"), 1, NULL, "a letter" },
		{ STR("\t"), 1, NULL, "a tab" },
		{ STR("\n"), 1, NULL, "a line feed" },
		{ STR("\r"), 1, NULL, "a carriage return" },
		{ STR("\x7f"), 1, NULL, "DEL" },
		{ STR("\xc2\x80"), 2, NULL, "the first of two bytes" },
		{ STR("\xc2\x9b"), 2, NULL, "a C1 control" },
		{ STR("\xdf\xbf"), 2, NULL, "the last of two bytes" },
		{ STR("\xe0\xa0\x80"), 3, NULL, "the first of three bytes" },
		{ STR("\xed\x9f\xbf"), 3, NULL, "the last before the surrogates" },
		{ STR("\xee\x80\x80"), 3, NULL, "the first behind them" },
		{ STR("\xef\xbf\xbd"), 3, NULL, "U+FFFD" },
		{ STR("\xf0\x90\x80\x80"), 4, NULL, "the first of four bytes" },
		{ STR("\xf0\x9f\xbf\xbe"), 4, NULL, "U+1FFFE" },
		{ STR("\xf4\x8f\xbf\xbf"), 4, NULL, "U+10FFFF" },
		{ STR("\0"), 0, "?", "NUL" },
		{ STR("\x01"), 0, "?", "the first control" },
		{ STR("\x08"), 0, "?", "backspace" },
		{ STR("\x0b"), 0, "?", "a vertical tab" },
		{ STR("\x1f"), 0, "?", "the last control" },
		{ STR("\x80"), 0, "?", "a byte from inside a sequence" },
		{ STR("\xbf\xbf\xbf"), 0, "?", "three of them" },
		{ STR("\xc0\x80"), 0, "?", "NUL in two bytes" },
		{ STR("\xc1\xbf"), 0, "?", "DEL in two bytes" },
		{ STR("\xc3"), 0, "?", "half of two bytes" },
		{ STR("\xc3<"), 0, "?", "half of two bytes before a tag" },
		{ STR("\xe0\x9f\xbf"), 0, "\xef\xbf\xbd", "two bytes' worth in three" },
		{ STR("\xed\xa0\x80"), 0, "\xef\xbf\xbd", "the first surrogate" },
		{ STR("\xed\xbf\xbf"), 0, "\xef\xbf\xbd", "the last surrogate" },
		{ STR("\xef\xbf\xbe"), 0, "\xef\xbf\xbd", "U+FFFE" },
		{ STR("\xef\xbf\xbf"), 0, "\xef\xbf\xbd", "U+FFFF" },
		{ STR("\xef\xbf"), 0, "?", "two of three bytes" },
		{ STR("\xef\xbf<"), 0, "?", "two of three bytes before a tag" },
		{ STR("\xf0\x8f\xbf\xbf"), 0, "?", "three bytes' worth in four" },
		{ STR("\xf4\x90\x80\x80"), 0, "?", "beyond U+10FFFF" },
		{ STR("\xf0\x9f\x98"), 0, "?", "three of four bytes" },
		{ STR("\xf8\x88\x80\x80\x80"), 0, "?", "five bytes" },
		{ STR("\xfe"), 0, "?", "a byte that never is" },
		{ STR("\xff"), 0, "?", "another" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		is_int(xml_chars_length(rows[i].text), rows[i].len, "length: %s", rows[i].what);
		if (rows[i].by)
			ok(str_is(xml_chars_substitute(rows[i].text), rows[i].by),
			    "… its substitute");
	}
	is_int(xml_chars_length(STR("")), 0, "length: nothing");
	is_int(xml_chars_length((struct str){ NULL, 0 }), 0, "length: absent");
}

static void
test_mend(void)
{
	static const struct {
		struct str text;
		const char *mended; /* NULL: as it was */
		const char *what;
	} rows[] = {
		{ STR(""), NULL, "nothing" },
		{ { NULL, 0 }, NULL, "absent" },
		{ STR("<a b='c'>d\t\r\n\xc3\xa4\xf0\x9f\x98\x80</a>"), NULL, "all allowed" },
		{ STR("\x08"), "?", "one byte" },
		{ STR("a\x08"), "a?", "at the end" },
		{ STR("\010a"), "?a", "at the beginning" },
		{ STR("a\x01\x02z"), "a??z", "two" },
		{ STR("\xc3"), "?", "cut at the end" },
		{ STR("a\xe2\x82"), "a??", "cut at the end, two bytes" },
		{ STR("\xe4<b>"), "?<b>", "cut before a tag" },
		{ STR("\xef\xbf\xbe\xef\xbf\xbe"), "\xef\xbf\xbd\xef\xbf\xbd", "U+FFFE twice" },
		{ STR("<\x01>"), "< >", "behind <" },
		{ STR("<\xef\xbf\xbe>"),
		    "< ?"
		    "?>",
		    "behind <, three bytes" },
		{ STR("<a\x01>"), "<a?>", "in a name" },
		{ STR("&#0;&#1;&#8;"), "&#9;&#9;&#9;", "short references" },
		{ STR("&#9;&#10;&#13;&#32;"), NULL, "references to white space" },
		{ STR("&#11;&#12;&#31;"), "&#63;&#63;&#63;", "references of two digits" },
		{ STR("&#x9;&#xA;&#xd;&#x20;&#xD7FF;&#xE000;&#xFFFD;&#x10FFFF;"), NULL,
		    "hexadecimal references" },
		{ STR("&#x0;&#xb;&#x1F;"), "&#63;&#63;&#063;",
		    "hexadecimal references to controls" },
		{ STR("&#xd800;&#xDFFF;&#xfffe;&#xFFFF;"), "&#00063;&#00063;&#00063;&#00063;",
		    "… to what is no character" },
		{ STR("&#x110000;&#1114112;"), "&#0000063;&#0000063;", "… beyond all" },
		{ STR("&#4294967305;&#18446744073709551625;"),
		    "&#0000000063;&#00000000000000000063;",
		    "… that would be a tab in 32 bits, or 64" },
		{ STR("&#0000000000000009;"), NULL, "zeros before it" },
		{ STR("&#00000;"), "&#00063;", "zeros alone" },
		{ STR("&#;&#x;&#8&#x8&# 8;&#-8;&#X8;&#8a;&#xg;&"), NULL,
		    "what is no reference" },
		{ STR("&#8"), NULL, "cut before its end" },
		{ STR("&amp;#8;&lt;"), NULL, "text that looks like one" },
		{ STR("&\x08;"), "&?;", "a byte behind &" },
		{ STR("&#8\x08;"), "&#8?;", "a byte in a reference" },
		{ STR("&#8;\x08"), "&#9;?", "a byte behind a reference" },
		{ STR("0123456789012345678901234567\0109"), "0123456789012345678901234567?9",
		    "behind much that is plain" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str mended = xml_chars_mend(arena, rows[i].text);

		if (!rows[i].mended) {
			ok(mended.data == rows[i].text.data && mended.len == rows[i].text.len,
			    "mend: %s", rows[i].what);
			continue;
		}
		is_str(str_copy(arena, mended), rows[i].mended, "mend: %s", rows[i].what);
		is_int(mended.len, rows[i].text.len, "… of the same length");
		struct str again = xml_chars_mend(arena, mended);
		ok(again.data == mended.data, "… and nothing is left to do");
	}
}

/* Every sequence of three bytes: what was allowed stays, and all is allowed after it. */
static void
test_all(void)
{
	size_t n_bad = 0;

	for (uint32_t n = 0; n < 0x1000000; n += 251) {
		char bytes[] = { (char)(n >> 16), (char)(n >> 8), (char)n };
		struct str text = { bytes, sizeof(bytes) },
		           mended = xml_chars_mend(arena, text);

		n_bad += !str_is_utf8(mended) || mended.len != text.len;
		for (size_t i = 0, len; i < mended.len; i += len) {
			len = xml_chars_length(str_part(mended, i, SIZE_MAX));
			if (len == 0) {
				n_bad++;
				break;
			}
		}
		if (n % 4096 == 0)
			arena_reset(arena);
	}
	is_int(n_bad, 0, "of many sequences of three bytes all are mended");
}

int
main(void)
{
	arena = arena_new();
	test_length();
	test_mend();
	test_all();
	arena_free(arena);
	return done_testing();
}
