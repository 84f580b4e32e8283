/*
 * Query strings: parsing, what is cut out for the signature, and encoding.
 *
 * The table of cuts follows bigbluebutton's GetChecksum.java
 * (removeChecksumFromQueryString), the sorted form its ValidationService.java
 * as of 2.4 to 2.6.17 (buildQueryStringFromParamsMap).
 */
#include "formats/query.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static const char *
text_of(struct str s)
{
	return s.data ? str_copy(arena, s) : NULL;
}

static void
test_without_checksum(void)
{
	static const struct {
		const char *query, *checksum, *cut;
		const char *what;
	} rows[] = {
		{ "a=1&checksum=V", "V", "a=1", "last" },
		{ "checksum=V&a=1", "V", "a=1", "first" },
		{ "a=1&checksum=V&b=2", "V", "a=1&b=2", "in the middle" },
		{ "checksum=V", "V", "", "alone" },
		{ "&checksum=V", "V", "", "alone behind a &" },
		{ "&fullName=A&checksum=V", "V", "&fullName=A", "a leading & stays" },
		{ "a=1&&checksum=V", "V", "a=1&", "an empty segment before" },
		{ "a=1&checksum=V&", "V", "a=1&", "a & behind" },
		{ "checksum=V&&a=1", "V", "&a=1", "an empty segment behind" },
		{ "a=1&checksum=V&checksum=V", "V", "a=1", "the same twice" },
		{ "a=1&checksum=V1&checksum=V2", "V1", "a=1&checksum=V2",
		    "two different ones" },
		{ "a=1&checksum=%61bc", "abc", "a=1&checksum=%61bc",
		    "an encoded value is not cut" },
		{ "mychecksum=V&a=1", "V", "mya=1", "inside of a longer name" },
		{ "a=1&checksum=", "", "a=1", "an empty value" },
		{ "a=1", "V", "a=1", "none" },
		{ "", "V", "", "an empty query" },
		{ "checksum=V&checksum=V&a=1", "V", "a=1", "twice in front" },
		{ "a=1&checksum=VV", "V", "a=1V", "the beginning of a longer value" },
		{ "a=1&Checksum=V", "V", "a=1&Checksum=V", "another case" },
		{ "a=%20+b&c=%2f&checksum=V&d=%2F", "V", "a=%20+b&c=%2f&d=%2F",
		    "escapes stay as they were" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_str(text_of(query_without_checksum(arena, str_from(rows[i].query),
		           str_from(rows[i].checksum))),
		    rows[i].cut, "signed: %s", rows[i].what);
	is_int(query_without_checksum(arena, (struct str){ 0 }, STR("V")).len, 0,
	    "signed: an absent query");

	/* 64 KiB of checksums, for time and room. */
	struct buf big;
	buf_init(&big, LIMIT_QUERY_BYTES);
	buf_text(&big, "a=1");
	while (big.len + sizeof("&checksum=V") <= LIMIT_QUERY_BYTES)
		buf_text(&big, "&checksum=V");
	is_str(text_of(query_without_checksum(arena, buf_view(&big), STR("V"))), "a=1",
	    "signed: thousands of the same");
	buf_free(&big);
}

static void
test_parse(void)
{
	static const struct {
		struct str text;
		enum query_problem problem;
		const char *list; /* name→value|… */
		const char *what;
	} rows[] = {
		{ STR("a=1&b=2"), QUERY_FINE, "a>1|b>2|", "two" },
		{ STR(""), QUERY_FINE, "", "none" },
		{ { NULL, 0 }, QUERY_FINE, "", "absent" },
		{ STR("&&a=1&&b=2&"), QUERY_FINE, "a>1|b>2|", "empty segments" },
		{ STR("&"), QUERY_FINE, "", "nothing but a separator" },
		{ STR("a"), QUERY_FINE, "a>|", "no equals sign" },
		{ STR("a="), QUERY_FINE, "a>|", "an empty value" },
		{ STR("=v"), QUERY_FINE, ">v|", "an empty name" },
		{ STR("="), QUERY_FINE, ">|", "nothing but an equals sign" },
		{ STR("a=b=c"), QUERY_FINE, "a>b=c|", "two equals signs" },
		{ STR("a=1&a=2"), QUERY_FINE, "a>1|a>2|", "repeated" },
		{ STR("a=x+y%20z%2B"), QUERY_FINE, "a>x y z+|", "space and plus" },
		{ STR("na+me=1"), QUERY_FINE, "na me>1|", "a plus in a name" },
		{ STR("%6d=%3d%26%25"), QUERY_FINE, "m>=&%|", "escaped separators are data" },
		{ STR("a=%c3%A4"), QUERY_FINE, "a>\xc3\xa4|", "hex digits of both cases" },
		{ STR("a=\xc3\xa4"), QUERY_FINE, "a>\xc3\xa4|", "raw UTF-8" },
		{ STR("a=%0a%7f"), QUERY_FINE, "a>\n\x7f|", "controls but NUL" },
		{ STR("a;b=1;c"), QUERY_FINE, "a;b>1;c|", "a semicolon is no separator" },
		{ STR("a=%"), QUERY_ENCODING, "a>%|", "% alone" },
		{ STR("a=%4"), QUERY_ENCODING, "a>%4|", "% and one digit" },
		{ STR("a=%4&b=1"), QUERY_ENCODING, "a>%4|b>1|", "% and one digit before a &" },
		{ STR("a=%zz"), QUERY_ENCODING, "a>%zz|", "% and letters" },
		{ STR("a=%4g"), QUERY_ENCODING, "a>%4g|", "the second is none" },
		{ STR("a=%+1"), QUERY_ENCODING, "a>%+1|", "a sign is no digit" },
		{ STR("a=x%00y"), QUERY_ENCODING, "a>x%00y|", "an escaped NUL" },
		{ STR("a=%ff"), QUERY_FINE, "a>\xff|", "not UTF-8" },
		{ STR("a=%ed%a0%80"), QUERY_FINE, "a>\xed\xa0\x80|", "a surrogate" },
		{ STR("a=%c3"), QUERY_FINE, "a>\xc3|", "a character cut" },
		{ STR("a=%c3&b=%a4"), QUERY_FINE, "a>\xc3|b>\xa4|",
		    "a character over two values" },
		{ STR("a=%ff%zz"), QUERY_ENCODING, "a>%ff%zz|", "not UTF-8 nor well encoded" },
		{ STR("a=%u00e4"), QUERY_ENCODING, "a>%u00e4|", "JavaScript's escape()" },
		{ STR("%zz=1&c=2"), QUERY_ENCODING, "%zz>1|c>2|", "a bad name" },
		{ STR("checksum=abc&a=%zz"), QUERY_ENCODING, "checksum>abc|a>%zz|",
		    "the checksum is found before a bad one" },
		{ STR("a=%zz&checksum=abc"), QUERY_ENCODING, "a>%zz|checksum>abc|",
		    "and behind it" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct query query;
		struct buf list;

		enum query_problem problem = query_parse(arena, rows[i].text, &query);
		buf_init(&list, 1000);
		for (size_t k = 0; k < query.n; k++) {
			buf_str(&list, query.list[k].name);
			buf_char(&list, '>');
			buf_str(&list, query.list[k].value);
			buf_char(&list, '|');
		}
		is_int(problem, rows[i].problem, "parse: %s", rows[i].what);
		is_str(buf_view(&list).data, rows[i].list, "… and what is there");
		buf_free(&list);
	}

	struct query query;
	query_parse(arena, STR("a=%20&&B=2&a=3"), &query);
	is_str(text_of(query.list[0].raw), "a=%20", "a parameter's raw text");
	is_str(text_of(query.list[2].raw), "a=3", "the last one's");
	is_str(text_of(query_find(&query, "a")), " ", "find: the first of a name");
	is_str(text_of(query_find(&query, "b")), NULL, "find: names are case-sensitive");
	is_str(text_of(query_find(&query, "")), NULL, "find: no name");
	is_int(query_count(&query, "a"), 2, "count: two");
	is_int(query_count(&query, "B"), 1, "count: one");
	is_int(query_count(&query, "b"), 0, "count: none");
	query_parse(arena, STR("a=1&b=%c3&%ff=1&a=%ff&c=%c3%a4"), &query);
	is_str(text_of(query_find(&query, "a")), "1",
	    "find: a value beside one that is not UTF-8");
	ok(query_find(&query, "b").data == NULL, "find: none that is not UTF-8");
	ok(!query_is_utf8(&query, "a") && !query_is_utf8(&query, "b") &&
	        query_is_utf8(&query, "c") && query_is_utf8(&query, "d"),
	    "UTF-8: all values of the name");
	query_parse(arena, STR("a&b="), &query);
	ok(query_find(&query, "a").data && query_find(&query, "b").data,
	    "find: an empty value is not an absent one");
}

static void
test_limit(void)
{
	static const struct {
		size_t n, found;
		enum query_problem problem;
		const char *what;
	} rows[] = {
		{ LIMIT_PARAMETERS, LIMIT_PARAMETERS, QUERY_FINE, "as many as may be" },
		{ LIMIT_PARAMETERS + 1, LIMIT_PARAMETERS + 1, QUERY_TOO_MANY, "one more" },
		{ LIMIT_PARAMETERS_READ, LIMIT_PARAMETERS_READ, QUERY_TOO_MANY,
		    "a query full of them" },
		{ LIMIT_PARAMETERS_READ + 1, LIMIT_PARAMETERS_READ, QUERY_CUT, "beyond it" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text;

		buf_init(&text, 2 * LIMIT_PARAMETERS_READ + 16);
		for (size_t k = 0; k < rows[i].n; k++)
			buf_text(&text, "&a");
		struct query query;
		is_int(query_parse(arena, buf_view(&text), &query), rows[i].problem,
		    "limit: %s", rows[i].what);
		is_int(query.n, rows[i].found, "… and how many are kept");
		buf_free(&text);
	}
}

static void
test_without(void)
{
	static const struct {
		const char *query, *name, *rest;
		const char *what;
	} rows[] = {
		{ "a=1&b=2&c=3", "b", "a=1&c=3", "in the middle" },
		{ "a=1&b=2&c=3", "a", "b=2&c=3", "first" },
		{ "a=1&b=2&c=3", "c", "a=1&b=2", "last" },
		{ "a=1&b=2&c=3", "d", "a=1&b=2&c=3", "none" },
		{ "a=1", "a", "", "alone" },
		{ "a=1&b=2&a=3&a", "a", "b=2", "every one" },
		{ "%61=1&b=2", "a", "b=2", "an encoded name" },
		{ "ab=1&a=2", "a", "ab=1", "not a longer name" },
		{ "A=1&a=2", "a", "A=1", "not another case" },
		{ "x=%2f+%2F&a=1&y=a%3D1", "a", "x=%2f+%2F&y=a%3D1", "the rest byte for byte" },
		{ "a=%zz&b=%zz", "a", "b=%zz", "badly encoded values" },
		{ "", "a", "", "of nothing" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_str(text_of(query_without(arena, str_from(rows[i].query), rows[i].name)),
		    rows[i].rest, "without: %s", rows[i].what);
}

static void
test_encode(void)
{
	static const struct {
		struct str text;
		const char *encoded, *browser, *request;
		const char *what;
	} rows[] = {
		{ STR("azAZ09-._~"), "azAZ09-._~", "azAZ09-._~", "azAZ09-._~", "unreserved" },
		{ STR("a b"), "a%20b", "a%20b", "a%20b", "a space" },
		{ STR("+"), "%2B", "+", "+", "a plus" },
		{ STR("a=1&b=%2f"), "a%3D1%26b%3D%252f", "a=1&b=%2f", "a=1&b=%2f",
		    "a query's own signs" },
		{ STR("\"#<>'"), "%22%23%3C%3E%27", "%22%23%3C%3E%27", "%22%23%3C%3E'",
		    "what a browser changes" },
		{ STR("!$()*,;:@/?[]"), "%21%24%28%29%2A%2C%3B%3A%40%2F%3F%5B%5D",
		    "!$()*,;:@/?[]", "!$()*,;:@/?[]", "what it leaves" },
		{ STR("\\^`{|}"), "%5C%5E%60%7B%7C%7D", "\\^`{|}", "%5C%5E%60%7B%7C%7D",
		    "what it leaves in a query" },
		{ STR("\xc3\xa4\xf0\x9f\x98\x80"), "%C3%A4%F0%9F%98%80", "%C3%A4%F0%9F%98%80",
		    "%C3%A4%F0%9F%98%80", "beyond ASCII" },
		{ STR("\0\x01\x1f\x7f\r\n"), "%00%01%1F%7F%0D%0A", "%00%01%1F%7F%0D%0A",
		    "%00%01%1F%7F%0D%0A", "controls" },
		{ STR(""), "", "", "", "nothing" },
		{ { NULL, 0 }, "", "", "", "absent" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		query_encode(&out, rows[i].text);
		is_str(buf_view(&out).data, rows[i].encoded, "encode: %s", rows[i].what);
		buf_free(&out);
		query_encode_for_browser(&out, rows[i].text);
		is_str(buf_view(&out).data, rows[i].browser, "for a browser: %s", rows[i].what);
		buf_free(&out);
		query_encode_for_request(&out, rows[i].text);
		is_str(buf_view(&out).data, rows[i].request, "for a request: %s", rows[i].what);
		buf_free(&out);
	}

	/* Every byte, there and back. */
	bool same = true;
	for (int byte = 1; byte < 256; byte++) {
		char text[4] = { (char)byte };

		if (byte >= 0x80) { /* UTF-8 of U+0080 to U+00FF */
			text[0] = (char)(0xc0 | byte >> 6);
			text[1] = (char)(0x80 | (byte & 0x3f));
		}
		struct buf out;
		buf_init(&out, 100);
		buf_text(&out, "a=");
		query_encode(&out, str_from(text));
		struct query query;
		same &= query_parse(arena, buf_view(&out), &query) == QUERY_FINE &&
		    str_is(query_find(&query, "a"), text);
		buf_free(&out);
	}
	ok(same, "every character comes back when it was encoded");
}

static void
test_forms(void)
{
	static const struct {
		const char *form, *sorted, *query;
		const char *what;
	} rows[] = {
		{ "name=A+b&welcome=Hi%20there&meetingID=m-1&attendeePW=ap&checksum=x",
		    "attendeePW=ap&meetingID=m-1&name=A+b&welcome=Hi+there",
		    "name=A%20b&welcome=Hi%20there&meetingID=m-1&attendeePW=ap", "a create" },
		{ "welcome=Hi+there&attendeePW=ap&name=A%20b&meetingID=m-1",
		    "attendeePW=ap&meetingID=m-1&name=A+b&welcome=Hi+there",
		    "welcome=Hi%20there&attendeePW=ap&name=A%20b&meetingID=m-1",
		    "the same in another order" },
		{ "b=2&a=z&b=1", "a=z&b=2&b=1", "b=2&a=z&b=1",
		    "repeated values keep their order" },
		{ "b=1&B=2&a=3&_=4", "B=2&_=4&a=3&b=1", "b=1&B=2&a=3&_=4", "sorted by bytes" },
		{ "ab=1&a=2&a-b=3", "a=2&a-b=3&ab=1", "ab=1&a=2&a-b=3", "shorter names first" },
		{ "a=%2A-_.~%21%27%28%29%2B%2F", "a=*-_.%7E%21%27%28%29%2B%2F",
		    "a=%2A-_.~%21%27%28%29%2B%2F", "what java.net.URLEncoder escapes" },
		{ "a=%c3%a4", "a=%C3%A4", "a=%C3%A4", "upper-case digits" },
		{ "a=%c3", "a=%C3", "a=%C3", "a character cut" },
		{ "meta_x%20y=1", "meta_x y=1", "meta_x%20y=1",
		    "names are not encoded when signed" },
		{ "checksum=a&checksum=b", "", "", "nothing but checksums" },
		{ "a", "a=", "a=", "no equals sign" },
		{ "", "", "", "nothing" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct query form;

		query_parse(arena, str_from(rows[i].form), &form);
		is_str(query_sorted_form(arena, &form).data, rows[i].sorted, "sorted: %s",
		    rows[i].what);
		is_str(query_from_form(arena, &form).data, rows[i].query, "as a query: %s",
		    rows[i].what);
	}
}

int
main(void)
{
	arena = arena_new();
	test_without_checksum();
	test_parse();
	test_limit();
	test_without();
	test_encode();
	test_forms();
	arena_free(arena);
	return done_testing();
}
