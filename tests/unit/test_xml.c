/*
 * Reading BigBlueButton's answers: fields, and the items of a list as the very
 * bytes that came.
 */
#include "test_xml.h"

static void
test_documents(void)
{
	static const struct {
		struct str document;
		enum xml_result result;
		const char *what;
	} rows[] = {
		{ STR("<response/>"), XML_SOUND, "the least" },
		{ STR("<response></response>"), XML_SOUND, "empty" },
		{ STR("<?xml version=\"1.0\"?>\n<response>\n</response>\n"), XML_SOUND,
		    "declared, with space around" },
		{ STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response/>"), XML_SOUND,
		    "declared UTF-8" },
		{ STR("<!-- a --><?pi b?><response/><!-- c -->"), XML_SOUND,
		    "comments and instructions around" },
		{ STR("<response a=\"1\"/>"), XML_SOUND, "an attribute" },
		{ STR(""), XML_FOREIGN, "nothing" },
		{ { NULL, 0 }, XML_FOREIGN, "absent" },
		{ STR("<"), XML_FOREIGN, "one byte" },
		{ STR(" \n"), XML_FOREIGN, "nothing but space" },
		{ STR("text"), XML_FOREIGN, "no XML" },
		{ STR("{\"response\":{}}"), XML_FOREIGN, "JSON" },
		{ STR("<html><body>502</body></html>"), XML_FOREIGN, "another root" },
		{ STR("<Response/>"), XML_FOREIGN, "the root in another case" },
		{ STR("<x:response xmlns:x='u'/>"), XML_FOREIGN, "the root with a prefix" },
		{ STR("<a><response/></a>"), XML_FOREIGN, "not the root" },
		{ STR("<a>" HEAD "</response></a>"), XML_FOREIGN,
		    "not the root, with a returncode" },
		{ STR("<response>"), XML_FOREIGN, "cut behind the root's start" },
		{ STR("<response><a>"), XML_FOREIGN, "cut in an element" },
		{ STR("<response><a>1</a>"), XML_FOREIGN, "cut before the end" },
		{ STR("<response><a>1</b></response>"), XML_FOREIGN, "crossed" },
		{ STR("<response/><response/>"), XML_FOREIGN, "two roots" },
		{ STR("<response/>text"), XML_FOREIGN, "text behind it" },
		{ STR("<!DOCTYPE response><response/>"), XML_FOREIGN, "a DOCTYPE" },
		{ STR("<!DOCTYPE response>" HEAD "</response>"), XML_FOREIGN,
		    "a DOCTYPE before a returncode" },
		{ STR("<!DOCTYPE response [<!ENTITY a \"b\">]><response>&a;</response>"),
		    XML_FOREIGN, "a DOCTYPE with an entity" },
		{ STR("<!DOCTYPE html><html/>"), XML_FOREIGN, "a page" },
		{ STR("<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><response/>"), XML_FOREIGN,
		    "an outer DTD" },
		{ STR("<response>&nbsp;</response>"), XML_FOREIGN, "an unknown entity" },
		{ STR("<response>a & b</response>"), XML_FOREIGN, "a bare &" },
		{ STR("<response><![CDATA[a]]</response>"), XML_FOREIGN,
		    "CDATA without an end" },
		{ STR("<response><!-- a --</response>"), XML_FOREIGN,
		    "a comment without an end" },
		{ STR("\xff\xfe<\0r\0e\0s\0p\0o\0n\0s\0e\0/\0>\0"), XML_FOREIGN, "UTF-16" },
		{ STR("<\0r\0e\0s\0p\0o\0n\0s\0e\0/\0>\0"), XML_FOREIGN,
		    "UTF-16 without a mark" },
		{ STR("\0<\0r\0e\0s\0p\0o\0n\0s\0e\0/\0>"), XML_FOREIGN,
		    "UTF-16, the other way round" },
		/* It is alive as soon as it has a returncode. */
		{ STR("<response><returncode>SUCCESS</returncode"), XML_FOREIGN,
		    "cut in the returncode's end" },
		{ STR("<response>&nbsp;<returncode>SUCCESS</returncode></response>"),
		    XML_FOREIGN, "ill-formed before the returncode" },
		{ STR("<response><a><returncode>SUCCESS</returncode>"), XML_FOREIGN,
		    "cut behind a returncode deeper inside" },
		{ STR(HEAD), XML_UNSOUND, "cut behind the returncode" },
		{ STR("<response><returncode/>"), XML_UNSOUND,
		    "cut behind an empty returncode" },
		{ STR(HEAD "<a>"), XML_UNSOUND, "cut in an element behind it" },
		{ STR(HEAD "<a>1</a></respons"), XML_UNSOUND, "cut in the last tag" },
		{ STR(HEAD "<a>1</b></response>"), XML_UNSOUND, "crossed behind it" },
		{ STR(HEAD "&nbsp;</response>"), XML_UNSOUND, "an unknown entity behind it" },
		{ STR(HEAD "<a b=1/></response>"), XML_UNSOUND, "an attribute without quotes" },
		{ STR(HEAD "<a b='1' b='2'/></response>"), XML_UNSOUND, "an attribute twice" },
		{ STR(HEAD "</response>text"), XML_UNSOUND, "text behind its end" },
		{ STR(HEAD "<!DOCTYPE a></response>"), XML_UNSOUND, "a DOCTYPE inside" },
		{ STR(HEAD "<!-- a"), XML_UNSOUND, "cut in a comment" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xml_field field = { "messageKey", STR("left from before") };
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
			.n = 7,
		};

		is_int(xml_read(arena, rows[i].document, &field, 1, &list), rows[i].result,
		    "document: %s", rows[i].what);
		ok(list.n == 0 && !field.text.data, "… and nothing is in it");
		is_int(list.is_complete, rows[i].result == XML_SOUND,
		    "… which is all there is");
	}
	is_int(xml_read(arena, STR("<response/>"), NULL, 0, NULL), XML_SOUND,
	    "nothing asked for");
}

/* What may stand before a document by mistake. */
static void
test_leading(void)
{
	static const struct {
		struct str before;
		enum xml_result result;
		const char *what;
	} rows[] = {
		{ STR("\n"), XML_SOUND, "a blank line" },
		{ STR("\r\n\r\n \t\n"), XML_SOUND, "blank lines and space" },
		{ STR("\xef\xbb\xbf"), XML_SOUND, "a byte order mark" },
		{ STR("\n\xef\xbb\xbf"), XML_SOUND, "a mark behind a blank line" },
		{ STR("\xef\xbb\xbf\n"), XML_SOUND, "a blank line behind a mark" },
		{ STR("\xef\xbb"), XML_FOREIGN, "half of a mark" },
		{ STR("\v"), XML_FOREIGN, "a vertical tab" },
		{ STR("."), XML_FOREIGN, "a full stop" },
		{ STR("\0"), XML_FOREIGN, "a NUL" },
		{ STR("\xc2\xa0"), XML_FOREIGN, "a no-break space" },
	};
	static const char *const documents[] = {
		HEAD "</response>",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" LIST("<meeting/>"),
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(documents); k++) {
			struct buf text;

			buf_init(&text, 1000);
			buf_str(&text, rows[i].before);
			buf_text(&text, documents[k]);
			struct str document, read;
			document = read = buf_take(&text, arena);
			struct xml_list list = { .container = "meetings", .item = "meeting" };
			is_int(xml_mend(arena, &read, NULL, 0, &list), rows[i].result,
			    "before a document: %s", rows[i].what);
			if (rows[i].result != XML_SOUND)
				continue;
			ok(read.data == document.data && read.len == document.len,
			    "… and it is not changed");
			is_int(list.n, k, "… its items are read");
			if (list.n == 1)
				is_str(text_of(list.items[0].raw), "<meeting/>",
				    "… from where they are");
		}
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

	/* Of an unsound document, those before the fault. */
	struct xml_field some[] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
	is_int(xml_read(arena, STR(HEAD "<a>1</a><b>2</b x><c>3</c></response>"), some, 3,
	           NULL),
	    XML_UNSOUND, "field: before a fault");
	is_str(text_of(some[0].text), "1", "… is read");
	ok(!some[1].text.data && !some[2].text.data, "… behind it, nothing is");
	is_int(xml_read(arena, STR(HEAD "<b>2</b><a>1\x01</a><c>3</c></response>"), some, 3,
	           NULL),
	    XML_SOUND, "field: with a forbidden byte");
	is_str(text_of(some[0].text), "1?", "… it is replaced");
	is_str(text_of(some[1].text), "2", "… the one before is read");
	is_str(text_of(some[2].text), "3", "… and the one behind");

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
		ok(list.is_complete, "… complete");
		if (!is_int(list.n, rows[i].n, "… how many"))
			continue;
		for (size_t k = 0; k < list.n; k++) {
			is_str(text_of(list.items[k].raw), rows[i].raw[k], "… item %zu", k);
			is_str(text_of(list.items[k].text[0]), rows[i].key[k], "… its key");
		}
	}
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
		{ STR("a\tb\nc\rd"), "a\tb\nc&#13;d", "white space" },
		{ STR("a\001b\x1f"), "a?b?", "controls" },
		{ STR("a\0b"), "a?b", "a NUL" },
		{ STR("\xc3\xa4\xf0\x9f\x98\x80"), "\xc3\xa4\xf0\x9f\x98\x80", "beyond ASCII" },
		{ STR("a\344b"), "a?b", "no UTF-8" },
		{ STR("\xef\xbf\xbe<"), "\xef\xbf\xbd&lt;", "U+FFFE" },
		{ STR("\xed\xa0\x80"), "\xef\xbf\xbd", "a surrogate" },
		{ STR("\xc3"), "?", "half of a character" },
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

	/* What is escaped can be read back. */
	struct buf out;
	buf_init(&out, 1000);
	buf_text(&out, "<response><a>");
	xml_text(&out, STR("x<&>\"'\n\r\n\t]]>y\xc3\xa4\x02"));
	buf_text(&out, "</a></response>");
	struct xml_field field = { .name = "a" };
	is_int(xml_read(arena, buf_view(&out), &field, 1, NULL), 0,
	    "what was escaped can be read");
	is_str(text_of(field.text), "x<&>\"'\n\r\n\t]]>y\xc3\xa4?", "and is what it was");
	buf_free(&out);
}

/* A document that takes too long is unsound from there on. */
static void
test_late(void)
{
	static const struct {
		struct xml_time time;
		const char *first; /* item */
		bool is_whole;
		const char *what;
	} rows[] = {
		{ { INT64_MAX, 0 }, "<meeting/>", true, "in time" },
		{ { 0, INT64_C(1) << 50 }, "<meeting/>", true, "late, but quick" },
		{ { 0, 0 }, "<meeting/>", false, "late" },
		{ { 0, 0 }, "<meeting></x></meeting>", false, "late, behind a fault" },
		{ { 0, 0 }, "<meeting>\x08</meeting>", false, "late, behind a forbidden byte" },
		{ { INT64_MAX, 0 }, "<meeting>\x08</meeting>", true, "in time, with one" },
	};
	const size_t n = 60000;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf document;

		buf_init(&document, 1 << 24);
		buf_printf(&document, HEAD "<meetings>%s", rows[i].first);
		for (size_t k = 0; k < n; k++)
			buf_text(&document,
			    "<meeting><meetingID>abcdefgh</meetingID></meeting>");
		buf_text(&document, "</meetings></response>");
		struct str read = buf_view(&document);
		struct xml_field field = { .name = "returncode" };
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};
		is_int(xml_mend_within(arena, &rows[i].time, &read, &field, 1, &list),
		    rows[i].is_whole ? XML_SOUND : XML_UNSOUND, "%s", rows[i].what);
		is_str(text_of(field.text), "SUCCESS", "… its returncode");
		if (rows[i].is_whole)
			ok(list.n == n + 1 && list.is_complete, "… and all of its items");
		else
			ok(list.n < n / 2 && !list.is_complete, "… and %zu of its items",
			    list.n);
		buf_free(&document);
		arena_reset(arena);
	}
}

int
main(void)
{
	arena = arena_new();
	test_documents();
	test_leading();
	test_fields();
	test_lists();
	test_escape();
	test_late();
	arena_free(arena);
	return done_testing();
}
