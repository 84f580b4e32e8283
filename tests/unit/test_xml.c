/*
 * Reading BigBlueButton's answers: fields, and the items of a list as the very
 * bytes that came.
 */
#include "formats/xml.h"

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "<response><returncode>SUCCESS</returncode>"
#define LIST(items) HEAD "<meetings>" items "</meetings></response>"

static struct arena *arena;

static const char *
text_of(struct str s)
{
	return s.data ? str_copy(arena, s) : NULL;
}

static void
test_documents(void)
{
	static const struct {
		struct str document;
		int result;
		const char *what;
	} rows[] = {
		{ STR("<response/>"), 0, "the least" },
		{ STR("<response></response>"), 0, "empty" },
		{ STR("<?xml version=\"1.0\"?>\n<response>\n</response>\n"), 0,
		    "declared, with space around" },
		{ STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response/>"), 0,
		    "declared UTF-8" },
		{ STR("\xef\xbb\xbf<response/>"), 0, "a byte order mark" },
		{ STR("\xef\xbb\xbf<?xml version=\"1.0\"?><response/>"), 0,
		    "and a declaration" },
		{ STR("<!-- a --><?pi b?><response/><!-- c -->"), 0,
		    "comments and instructions around" },
		{ STR("<response a=\"1\"/>"), 0, "an attribute" },
		{ STR(""), -1, "nothing" },
		{ { NULL, 0 }, -1, "absent" },
		{ STR(" \n"), -1, "nothing but space" },
		{ STR("text"), -1, "no XML" },
		{ STR("{\"response\":{}}"), -1, "JSON" },
		{ STR("<html><body>502</body></html>"), -1, "another root" },
		{ STR("<Response/>"), -1, "the root in another case" },
		{ STR("<x:response xmlns:x='u'/>"), -1, "the root with a prefix" },
		{ STR("<a><response/></a>"), -1, "not the root" },
		{ STR("<response>"), -1, "cut behind the root's start" },
		{ STR("<response><a>"), -1, "cut in an element" },
		{ STR("<response><a>1</a>"), -1, "cut before the end" },
		{ STR("<response><a>1</a></respons"), -1, "cut in the last tag" },
		{ STR("<response><a>1</b></response>"), -1, "crossed" },
		{ STR("<response/><response/>"), -1, "two roots" },
		{ STR("<response/>text"), -1, "text behind it" },
		{ STR(" <?xml version=\"1.0\"?><response/>"), -1,
		    "space before the declaration" },
		{ STR("<!DOCTYPE response><response/>"), -1, "a DOCTYPE" },
		{ STR("<!DOCTYPE response [<!ENTITY a \"b\">]><response>&a;</response>"), -1,
		    "a DOCTYPE with an entity" },
		{ STR("<!DOCTYPE html><html/>"), -1, "a page" },
		{ STR("<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><response/>"), -1,
		    "an outer DTD" },
		{ STR("<response>&nbsp;</response>"), -1, "an unknown entity" },
		{ STR("<response>a & b</response>"), -1, "a bare &" },
		{ STR("<response>\0</response>"), -1, "a NUL" },
		{ STR("<response>\x01</response>"), -1, "a control" },
		{ STR("<response>&#0;</response>"), -1, "a NUL by number" },
		{ STR("<response>\xe4</response>"), -1, "a byte that is not UTF-8" },
		{ STR("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><response>"
		      "\xe4</response>"),
		    -1, "the same, declared ISO 8859-1" },
		{ STR("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><response>"
		      "\xc3\xa4</response>"),
		    0, "UTF-8 that is declared ISO 8859-1" },
		{ STR("<response><![CDATA[a]]</response>"), -1, "CDATA without an end" },
		{ STR("<response><!-- a --</response>"), -1, "a comment without an end" },
		{ STR("\xff\xfe<\0r\0e\0s\0p\0o\0n\0s\0e\0/\0>\0"), -1, "UTF-16" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xml_field field = { "returncode", STR("left from before") };
		struct xml_list list = { "meetings", "meeting", { "meetingID" }, NULL, 7 };

		is_int(xml_read(arena, rows[i].document, &field, 1, &list), rows[i].result,
		    "document: %s", rows[i].what);
		if (rows[i].result == 0)
			ok(list.n == 0 && !field.text.data, "… and nothing is in it");
	}
	is_int(xml_read(arena, STR("<response/>"), NULL, 0, NULL), 0, "nothing asked for");
}

static void
test_fields(void)
{
	static const struct {
		const char *inside;
		const char *text; /* of the field "a" */
		const char *what;
	} rows[] = {
		{ "<a>1</a>", "1", "plain" },
		{ "<b>2</b>\n  <a>1</a>\n", "1", "among others" },
		{ "<b>2</b>", NULL, "absent" },
		{ "<a></a>", "", "empty" },
		{ "<a/>", "", "self-closing" },
		{ "<a>1</a><a>2</a>", "1", "the first of two" },
		{ "<a/><a>2</a>", "", "the first of two, though empty" },
		{ "<a>x &amp; y &lt;z&gt; &quot;&apos;</a>", "x & y <z> \"'", "entities" },
		{ "<a>&#228;&#xE4;\xc3\xa4</a>", "\xc3\xa4\xc3\xa4\xc3\xa4", "numbers" },
		{ "<a><![CDATA[x <&> y]]></a>", "x <&> y", "CDATA" },
		{ "<a>1<![CDATA[2]]>3<![CDATA[]]>4</a>", "1234", "text and CDATA mixed" },
		{ "<a>1<!-- no -->2<?pi no?>3</a>", "123", "comments and instructions" },
		{ "<a>1<b>no</b>2</a>", "12", "a child's text is not its own" },
		{ "<a>1<a>no</a>2</a>", "12", "a child of the same name" },
		{ "<b><a>no</a></b>", NULL, "not a child of a child" },
		{ "<b><a>no</a></b><a>1</a>", "1", "a child of a child before it" },
		{ "<A>no</A>", NULL, "another case" },
		{ "<x:a>no</x:a>", NULL, "another prefix" },
		{ "<a c=\"no\">1</a>", "1", "with an attribute" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xml_field fields[] = { { .name = "zz" }, { .name = "a" } };
		char *document = str_printf(arena, "<response>%s</response>", rows[i].inside);

		ok(xml_read(arena, str_from(document), fields, 2, NULL) == 0, "field: %s",
		    rows[i].what);
		is_str(text_of(fields[1].text), rows[i].text, "… and its text");
		ok(fields[0].text.data == NULL, "… and not another's");
	}

	struct xml_field three[] = { { .name = "c" }, { .name = "a" }, { .name = "b" } };
	ok(xml_read(arena, STR("<response><a>1</a><b>2</b><c>3</c></response>"), three, 3,
	       NULL) == 0 &&
	        str_is(three[0].text, "3") && str_is(three[1].text, "1") &&
	        str_is(three[2].text, "2"),
	    "field: three, in another order");

	struct buf big;
	buf_init(&big, 3000000);
	buf_text(&big, "<response><a>");
	for (int i = 0; i < 200000; i++)
		buf_text(&big, "x&amp;y");
	buf_text(&big, "</a></response>");
	struct xml_field field = { .name = "a" };
	ok(xml_read(arena, buf_view(&big), &field, 1, NULL) == 0 && field.text.len == 600000,
	    "field: a large one");
	buf_free(&big);
}

static void
test_lists(void)
{
	static const struct {
		const char *document;
		size_t n;
		const char *raw[2];
		const char *key[2];
		const char *what;
	} rows[] = {
		{ LIST(""), 0, { 0 }, { 0 }, "empty" },
		{ HEAD "<meetings/></response>", 0, { 0 }, { 0 }, "self-closing" },
		{ HEAD "</response>", 0, { 0 }, { 0 }, "no container" },
		{ LIST("<meeting><meetingID>a</meetingID></meeting>"), 1,
		    { "<meeting><meetingID>a</meetingID></meeting>" }, { "a" }, "one" },
		{ LIST("\n <meeting>\n  <meetingID>a</meetingID>\n </meeting>\n"
		       "<meeting><meetingID>b</meetingID></meeting >\n"),
		    2,
		    { "<meeting>\n  <meetingID>a</meetingID>\n </meeting>",
		        "<meeting><meetingID>b</meetingID></meeting >" },
		    { "a", "b" }, "two, with space around" },
		{ LIST("<meeting/><meeting  />"), 2, { "<meeting/>", "<meeting  />" }, { 0 },
		    "self-closing items" },
		{ LIST("<meeting a='&lt;'/>"), 1, { "<meeting a='&lt;'/>" }, { 0 },
		    "with an attribute" },
		{ LIST("<meeting></meeting>"), 1, { "<meeting></meeting>" }, { 0 },
		    "an empty item" },
		{ LIST("<meeting><new x=\"1\">?<deep/></new><meetingID>a</meetingID><z/>"
		       "</meeting>"),
		    1,
		    { "<meeting><new x=\"1\">?<deep/></new><meetingID>a</meetingID><z/>"
		      "</meeting>" },
		    { "a" }, "elements never heard of" },
		{ LIST("<meeting><meetingID><![CDATA[a<]]></meetingID><w><![CDATA[</meeting>]]>"
		       "</w></meeting>"),
		    1,
		    { "<meeting><meetingID><![CDATA[a<]]></meetingID><w><![CDATA[</meeting>]]>"
		      "</w></meeting>" },
		    { "a<" }, "CDATA that looks like an end" },
		{ LIST("<meeting><!-- </meeting> --><?p </meeting>?><meetingID>"
		       "a&amp;&#98;</meetingID></meeting>"),
		    1,
		    { "<meeting><!-- </meeting> --><?p </meeting>?><meetingID>"
		      "a&amp;&#98;</meetingID></meeting>" },
		    { "a&b" }, "comments, instructions and entities" },
		{ LIST("<meeting><meeting><meetingID>no</meetingID></meeting><meetingID>"
		       "a</meetingID></meeting>"),
		    1,
		    { "<meeting><meeting><meetingID>no</meetingID></meeting><meetingID>"
		      "a</meetingID></meeting>" },
		    { "a" }, "an item of the same name inside" },
		{ LIST("<meeting><meetings><meeting/></meetings><meetingID>a</meetingID>"
		       "</meeting>"),
		    1,
		    { "<meeting><meetings><meeting/></meetings><meetingID>a</meetingID>"
		      "</meeting>" },
		    { "a" }, "a container of the same name inside" },
		{ LIST("<meeting><metadata><meetingID>no</meetingID></metadata></meeting>"), 1,
		    { "<meeting><metadata><meetingID>no</meetingID></metadata></meeting>" },
		    { 0 }, "a key deeper inside is none" },
		{ LIST("<meeting><meetingID>a</meetingID><meetingID>b</meetingID></meeting>"),
		    1,
		    { "<meeting><meetingID>a</meetingID><meetingID>b</meetingID></meeting>" },
		    { "a" }, "the first of two keys" },
		{ LIST("<other><meetingID>no</meetingID></other><meeting/>"), 1,
		    { "<meeting/>" }, { 0 }, "another element in the container" },
		{ LIST("<meeting><meetingID/></meeting>"), 1,
		    { "<meeting><meetingID/></meeting>" }, { "" }, "an empty key" },
		{ HEAD "<others><meeting/></others><meeting/></response>", 0, { 0 }, { 0 },
		    "items outside of the container" },
		{ HEAD "<x><meetings><meeting/></meetings></x></response>", 0, { 0 }, { 0 },
		    "the container deeper inside" },
		{ LIST("<meeting><meetingID>\xc3\xa4\xf0\x9f\x98\x80</meetingID></meeting>"
		       "<meeting/>"),
		    2,
		    { "<meeting><meetingID>\xc3\xa4\xf0\x9f\x98\x80</meetingID></meeting>",
		        "<meeting/>" },
		    { "\xc3\xa4\xf0\x9f\x98\x80" }, "beyond ASCII" },
		{ "\xef\xbb\xbf" LIST("<meeting/>"), 1, { "<meeting/>" }, { 0 },
		    "behind a byte order mark" },
		{ "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n" LIST(
		      "\r\n<meeting>\r\n\xc3\xa4<meetingID>\xc3\xa4</meetingID></meeting>"),
		    1, { "<meeting>\r\n\xc3\xa4<meetingID>\xc3\xa4</meetingID></meeting>" },
		    { "\xc3\xa4" }, "declared ISO 8859-1, lines ending in CR LF" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xml_field field = { .name = "returncode" };
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};

		ok(xml_read(arena, str_from(rows[i].document), &field, 1, &list) == 0,
		    "list: %s", rows[i].what);
		is_str(text_of(field.text), "SUCCESS", "… the field beside it");
		if (!is_int(list.n, rows[i].n, "… how many"))
			continue;
		for (size_t k = 0; k < list.n; k++) {
			is_str(text_of(list.items[k].raw), rows[i].raw[k], "… item %zu", k);
			is_str(text_of(list.items[k].text[0]), rows[i].key[k], "… its key");
		}
	}
}

static void
test_large(void)
{
	struct buf document;

	buf_init(&document, 1 << 24);
	buf_text(&document, "<response><recordings>");
	for (int i = 0; i < 20000; i++)
		buf_printf(&document, "<recording><recordID>r%d</recordID></recording>", i);
	buf_text(&document, "</recordings></response>");
	struct xml_list list = {
		.container = "recordings",
		.item = "recording",
		.keys = { "recordID" },
	};
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), 0, "20,000 items");
	is_int(list.n, 20000, "… are all there");
	bool same = true;
	for (size_t i = 0; i < list.n; i++)
		same &= str_is(list.items[i].text[0], str_printf(arena, "r%zu", i)) &&
		    str_is(list.items[i].raw,
		        str_printf(arena, "<recording><recordID>r%zu</recordID></recording>",
		            i));
	ok(same, "… and what they were");
	ok(list.items[0].raw.data >= document.data &&
	        list.items[0].raw.data < document.data + document.len,
	    "an item is borrowed from the document");
	buf_free(&document);
	arena_reset(arena);

	buf_text(&document, "<response>");
	for (int i = 0; i < 100000; i++)
		buf_text(&document, "<a>");
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), -1, "100,000 levels, cut");
	for (int i = 0; i < 100000; i++)
		buf_text(&document, "</a>");
	buf_text(&document, "</response>");
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), 0, "100,000 levels");
	buf_free(&document);
}

/* Every beginning of a document is refused. */
static void
test_cut(void)
{
	struct str whole = STR("<?xml version=\"1.0\"?>" LIST(
	    "<meeting><meetingID>a&amp;"
	    "<![CDATA[b]]></meetingID><x/></meeting>"));
	struct xml_field field = { .name = "returncode" };
	struct xml_list list = {
		.container = "meetings",
		.item = "meeting",
		.keys = { "meetingID" },
	};
	size_t taken = 0;

	for (size_t len = 0; len < whole.len; len++) {
		char *part = malloc(len ? len : 1); /* exactly, for the sanitizers */
		if (len > 0)
			memcpy(part, whole.data, len);
		taken += xml_read(arena, (struct str){ part, len }, &field, 1, &list) == 0;
		free(part);
	}
	is_int(taken, 0, "no beginning of a document is taken for a document");
	is_int(xml_read(arena, whole, &field, 1, &list), 0, "the whole is");
}

static void
test_escape(void)
{
	static const struct {
		struct str text;
		const char *escaped;
		const char *what;
	} rows[] = {
		{ STR("plain"), "plain", "plain" },
		{ STR("<a b=\"c\" d='e'>&amp;</a>"),
		    "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;&lt;/a&gt;", "markup" },
		{ STR("]]>"), "]]&gt;", "the end of CDATA" },
		{ STR("a\tb\nc\rd"), "a\tb\nc\rd", "white space" },
		{ STR("a\001b\x1f"), "a?b?", "controls" },
		{ STR("a\0b"), "a?b", "a NUL" },
		{ STR("\xc3\xa4\xf0\x9f\x98\x80"), "\xc3\xa4\xf0\x9f\x98\x80", "beyond ASCII" },
		{ STR(""), "", "nothing" },
		{ { NULL, 0 }, "", "absent" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		xml_text(&out, rows[i].text);
		ok(str_is(buf_view(&out), rows[i].escaped), "escape: %s", rows[i].what);
		buf_free(&out);
	}

	/* What is escaped can be read back; a raw CR could not, by XML's rules. */
	struct buf out;
	buf_init(&out, 1000);
	buf_text(&out, "<response><a>");
	xml_text(&out, STR("x<&>\"'\n\t]]>y\xc3\xa4\x02"));
	buf_text(&out, "</a></response>");
	struct xml_field field = { .name = "a" };
	is_int(xml_read(arena, buf_view(&out), &field, 1, NULL), 0,
	    "what was escaped can be read");
	is_str(text_of(field.text), "x<&>\"'\n\t]]>y\xc3\xa4?", "and is what it was");
	buf_free(&out);
}

int
main(void)
{
	arena = arena_new();
	test_documents();
	test_fields();
	test_lists();
	test_cut();
	test_large();
	test_escape();
	arena_free(arena);
	return done_testing();
}
