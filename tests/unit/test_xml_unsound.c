/*
 * Documents that are ill-formed, break off, or are a flood: what is sound in them counts,
 * and what is taken stands by itself.
 */
#include "test_xml.h"

/* The item by itself, in a list of our own: sound, and nothing else. */
static bool
stands_alone(struct str raw)
{
	struct buf alone;

	buf_init(&alone, raw.len + 100);
	buf_text(&alone, HEAD "<meetings>");
	buf_str(&alone, raw);
	buf_text(&alone, "</meetings></response>");
	struct xml_list list = {
		.container = "meetings",
		.item = "meeting",
		.keys = { "meetingID" },
	};
	bool is_sound = xml_read(arena, buf_view(&alone), NULL, 0, &list) == XML_SOUND &&
	    list.n == 1 && list.is_complete && str_equal(list.items[0].raw, raw);
	buf_free(&alone);
	return is_sound;
}

/* The meetingIDs of the list, with a blank behind each. */
static const char *
keys_of(const struct xml_list *list)
{
	struct buf keys;

	buf_init(&keys, 1 << 20);
	buf_text(&keys, "");
	for (size_t i = 0; i < list->n; i++)
		buf_printf(&keys, "%.*s ", STR_ARG(list->items[i].text[0]));
	return buf_take(&keys, arena).data;
}

#define M(id) "<meeting><meetingID>" id "</meetingID></meeting>"

/* Lists with items that are not sound: the others are taken. */
static void
test_unsound_items(void)
{
	static const struct {
		const char *document;
		enum xml_result result;
		const char *keys; /* of the items that are taken */
		const char *what;
	} rows[] = {
		/* Ill-formed in one item. */
		{ LIST(M("a") "<meeting><meetingID>b</meetingID><x>1</y></meeting>" M("c")),
		    XML_UNSOUND, "a c ", "crossed" },
		{ LIST(M("a") "<meeting><meetingID>b</meeting>" M("c") M("d")), XML_UNSOUND,
		    "a c d ", "a child without an end" },
		{ LIST("<meeting><meetingID>b</meetingID><1/></meeting>" M("c")), XML_UNSOUND,
		    "c ", "the first one; a digit for a name" },
		{ LIST(M("a") "<meeting><meetingID>b</meetingID><x y>1</x y></meeting>"),
		    XML_UNSOUND, "a ", "the last one; a blank in a name" },
		{ LIST(M("a") "<meeting><x>&nbsp;</x></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "an unknown entity" },
		{ LIST(M("a") "<meeting><x>a & b</x></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a bare &" },
		{ LIST(M("a") "<meeting><x>a < b</x></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a bare <" },
		{ LIST(M("a") "<meeting><x>a ]]> b</x></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "the end of CDATA in text" },
		{ LIST(M("a") "<meeting><x b='1' b='2'/></meeting>" M("c")), XML_UNSOUND,
		    "a c ", "an attribute twice" },
		{ LIST(M("a") "<meeting><x b='<'/></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a < in an attribute" },
		{ LIST(M("a") "<meeting><x b='1/></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "an attribute without an end" },
		{ LIST(M("a") "<meeting b=1><x/></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "in the item's own tag" },
		{ LIST(M("a") "<meeting b><x/></meeting>" M("c") "<meeting c/>" M("d")),
		    XML_UNSOUND, "a c d ", "in two items' own tags" },
		{ LIST(M("a") "<meeting><x/></meeting b>" M("c")), XML_UNSOUND, "a c ",
		    "in the item's end tag" },
		{ LIST(M("a") "<meeting><?xml version='1.0'?></meeting>" M("c")), XML_UNSOUND,
		    "a c ", "a declaration inside" },
		{ LIST(M("a") "<meeting><!DOCTYPE a></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a DOCTYPE inside" },
		{ LIST(M("a") "<meeting><!-- -- --></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "two dashes in a comment" },
		{ LIST(M("a") "<meeting><x>1</y></meeting>" M(
		      "c") "<meeting><x>1</y></meeting>" M("e")),
		    XML_UNSOUND, "a c e ", "two of them" },
		{ LIST("<meeting><x>1</y></meeting>"), XML_UNSOUND, "", "the only one" },
		/* What is no item of its own. */
		{ LIST(M("a") "<meeting><x>1</y><metadata>" M("no") "</metadata></meeting>" M(
		      "c")),
		    XML_UNSOUND, "a c ", "an item's name inside, behind the fault" },
		{ LIST(M("a") "<meeting><metadata>" M("no") "</metadata><x>1</y></meeting>" M(
		      "c")),
		    XML_UNSOUND, "a c ", "an item's name inside, before the fault" },
		{ LIST("<meeting><x>1</y></meeting>"
		       "<meeting><m>" M("no") "</m><meetingID>b</meetingID></meeting>"),
		    XML_UNSOUND, "b ", "an item's name inside a sound one" },
		{ LIST("<meeting><x>1</y></meeting>"
		       "<meeting><!-- </meeting> --><meetingID>b</meetingID></meeting>"),
		    XML_UNSOUND, "b ", "an item's end in a comment" },
		{ LIST("<meeting><x>1</y></meeting>"
		       "<meeting><![CDATA[</meeting>]]><meetingID>b</meetingID></meeting>"),
		    XML_UNSOUND, "b ", "an item's end in CDATA" },
		{ LIST("<meeting><x>1</y></meeting>"
		       "<meeting><?p </meeting>?><meetingID>b</meetingID></meeting>"),
		    XML_UNSOUND, "b ", "an item's end in an instruction" },
		{ LIST("<meeting><x>1</y></meeting><!-- " M("no") " -->" M("c")), XML_UNSOUND,
		    "c ", "an item in a comment" },
		{ LIST("<meeting><x>1</y></meeting><![CDATA[" M("no") "]]>" M("c")),
		    XML_UNSOUND, "c ", "an item in CDATA" },
		{ LIST("<meeting><x>1</y></meeting><meeting a='>'><meetingID>b</meetingID>"
		       "</meeting>"),
		    XML_UNSOUND, "b ", "a > in an attribute" },
		{ LIST("<meeting><x>1</y></meeting><meeting a='/>'/><meeting a=\"'/>\" />" M(
		      "c")),
		    XML_UNSOUND, "c ", "items that are empty, with a > in an attribute" },
		{ LIST(
		      "<meeting><x>1</y></meeting><meetings2/><meeting2>" M("b") "</meeting2>"),
		    XML_UNSOUND, "b ", "names that begin alike" },
		{ HEAD "<meetings><meeting><x>1</y></meeting>" M("b") "</meetings>" M(
		      "no") "</response>",
		    XML_UNSOUND, "b ", "behind the list's end" },
		{ LIST("<meeting><x>1</y><meetings>x</meetings></meeting>" M("b")), XML_UNSOUND,
		    "b ", "the list's name inside an item" },
		{ LIST("<meeting><x>1</y></meetings></meeting>" M("b")), XML_UNSOUND, "b ",
		    "the list's end inside an item" },
		{ HEAD "<x>" M("no") "</y></x></response>", XML_UNSOUND, "", "in no list" },
		{ HEAD "<x>1</y>"
		       "<meetings>" M("no") "</meetings></response>",
		    XML_UNSOUND, "", "a list behind the fault" },
		/* Ends and beginnings that are missing. */
		{ LIST(M("a") "<meeting><meetingID>b</meetingID>" M("c") M("d")), XML_UNSOUND,
		    "a c d ", "an item without an end" },
		{ LIST(M("a") "<meeting><meetingID>b" M("c") M("d")), XML_UNSOUND, "a c d ",
		    "an item cut off in a child" },
		{ LIST("<meeting><m><meeting>no</meeting></m>" M("c")), XML_UNSOUND, "c ",
		    "an item without an end, with an item's name inside" },
		{ LIST(M("a") "<meetingID>b</meetingID></meeting>" M("c")), XML_UNSOUND, "a c ",
		    "an item without a beginning" },
		{ LIST(M("a") "</meeting>" M("c") "</meeting>" M("d")), XML_UNSOUND, "a c d ",
		    "ends too many" },
		{ LIST(M("a") "<meeting><meeting><meeting>" M("c")), XML_UNSOUND, "a c ",
		    "beginnings too many" },
		{ LIST(M("a") "<meeting><!-- </meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a comment without an end" },
		{ LIST(M("a") "<meeting><![CDATA[ </meeting>" M("c")), XML_UNSOUND, "a c ",
		    "CDATA without an end" },
		{ LIST(M("a") "<meeting><? </meeting>" M("c")), XML_UNSOUND, "a c ",
		    "an instruction without an end" },
		{ LIST(M("a") "<meeting b='</meeting>" M("c")), XML_UNSOUND, "a c ",
		    "a tag without an end" },
		{ LIST(M("a") "<meeting " M("c") "<" M("d") "<meeting" M("e")), XML_UNSOUND,
		    "a c d e ", "tags cut off" },
		{ LIST(M("a") "text & more" M("c")), XML_UNSOUND, "a c ", "between two items" },
		{ LIST(M("a") "</x>" M("c")), XML_UNSOUND, "a c ", "an end between two items" },
		{ HEAD "<meetings>" M("a") "</meetings><x></y></response>", XML_UNSOUND, "a ",
		    "behind the list" },
		/* Broken off. */
		{ HEAD "<meetings>" M("a") M("b") "<meeting><meetingID>c</mee", XML_UNSOUND,
		    "a b ", "cut in an item" },
		{ HEAD "<meetings>" M("a") M("b") "</meet", XML_UNSOUND, "a b ",
		    "cut in the list's end" },
		{ HEAD "<meetings>" M("a") M("b") "</meetings>", XML_UNSOUND, "a b ",
		    "cut behind the list" },
		{ HEAD
		    "<meetings>" M("a") "<meeting><metadata><meeting>no</meeting></metadata>",
		    XML_UNSOUND, "a ", "cut behind an item's name inside" },
		{ HEAD "<meetings>" M("a") "<meeting><metadata><meeting>no</meeting><x",
		    XML_UNSOUND, "a ", "cut in a tag behind an item's name inside" },
		{ HEAD "<meetings><meeting><x>1</y></meeting>" M("b") "<meeting>", XML_UNSOUND,
		    "b ", "cut, and ill-formed before" },
		{ HEAD "<meetings>", XML_UNSOUND, "", "cut before the first item" },
		{ HEAD "<meetin", XML_UNSOUND, "", "cut in the list's beginning" },
		/* Prefixes. */
		{ LIST(M("a") "<meeting><x:y/></meeting>" M("c")), XML_SOUND, "a c ",
		    "an unbound prefix" },
		{ LIST(M("a") "<meeting><y x:z=''/></meeting>" M("c")), XML_SOUND, "a c ",
		    "an unbound prefix of an attribute" },
		{ LIST(M("a") "<meeting x:z=''/>" M("c")), XML_SOUND, "a c ",
		    "… of an attribute of the item's own" },
		{ "<response xmlns:x='u'><returncode>SUCCESS</returncode><meetings>"
		  "<meeting><x:y/></meeting>" M("b") "</meetings></response>",
		    XML_SOUND, "b ", "a prefix bound by the root" },
		{ HEAD "<meetings xmlns:x='u'><meeting><x:y/></meeting>" M(
		      "b") "</meetings></response>",
		    XML_SOUND, "b ", "a prefix bound by the list" },
		{ LIST("<meeting><x:y xmlns:x='u'/><x:z/></meeting>" M("b")), XML_SOUND, "b ",
		    "a prefix bound elsewhere in the item" },
		{ LIST("<meeting><x:y xmlns:x=''/></meeting>" M("b")), XML_SOUND, "b ",
		    "a prefix bound to nothing" },
		{ LIST("<meeting xmlns:xml='u'/>" M("b")), XML_SOUND, "b ",
		    "xml bound to something else" },
		{ LIST("<meeting><a:b:c/></meeting>" M("b")), XML_SOUND, "b ",
		    "two colons in a name" },
		{ LIST("<meeting><:c/></meeting>" M("b")), XML_SOUND, "b ",
		    "a colon at the beginning" },
		{ LIST("<meeting><c:/></meeting>" M("b")), XML_SOUND, "b ",
		    "a colon at the end" },
		{ LIST("<meeting xmlns:x='u' xmlns:y='u'><c x:d='' y:d=''/></meeting>" M("b")),
		    XML_SOUND, "b ", "an attribute twice by two prefixes" },
		{ LIST("<meeting><x>1</y></meeting><meeting><x:y/></meeting>" M("c")),
		    XML_UNSOUND, "c ", "an unbound prefix behind a fault" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str document = str_from(rows[i].document);
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};

		is_int(xml_mend(arena, &document, NULL, 0, &list), rows[i].result,
		    "an unsound item: %s", rows[i].what);
		is_str(keys_of(&list), rows[i].keys, "… the others are taken");
		ok(!list.is_complete, "… which are not all");
		ok(document.data == rows[i].document, "… and nothing was copied");
		bool alone = true;
		for (size_t k = 0; k < list.n; k++)
			alone &= stands_alone(list.items[k].raw);
		ok(alone, "… each is sound by itself");
	}
}

/* Prefixes that are bound. */
static void
test_prefixes(void)
{
	static const char *const items[] = {
		"<meeting xml:lang='de'><meetingID>b</meetingID></meeting>",
		"<meeting xmlns:x='u'><x:y x:z=''/><meetingID>b</meetingID></meeting>",
		"<meeting><x:y xmlns:x='u'><x:z/></x:y><meetingID>b</meetingID></meeting>",
		"<meeting xmlns='u'><y xmlns=''/><meetingID>b</meetingID></meeting>",
		"<meeting><y z=':'>a:b</y><!-- <a:b> --><meetingID>b</meetingID></meeting>",
	};

	for (size_t i = 0; i < COUNT(items); i++) {
		for (int broken = 0; broken <= 1; broken++) {
			char *document = str_printf(arena,
			    HEAD "<meetings>%s%s" M("c") "</meetings></response>",
			    broken ? "<meeting><x>1</y></meeting>" : "", items[i]);
			struct xml_list list = {
				.container = "meetings",
				.item = "meeting",
				.keys = { "meetingID" },
			};

			is_int(xml_read(arena, str_from(document), NULL, 0, &list),
			    broken ? XML_UNSOUND : XML_SOUND, "bound prefix: %s", items[i]);
			is_str(keys_of(&list), "b c ", "… is taken%s",
			    broken ? " behind a fault" : "");
			is_int(list.is_complete, !broken, "… and complete");
		}
	}
}

/* Bytes that XML forbids are replaced. */
static void
test_forbidden(void)
{
	static const struct {
		struct str name;
		const char *raw, *text;
		const char *what;
	} rows[] = {
		{ STR("Jo\x08hn"), "Jo?hn", "Jo?hn", "a backspace" },
		{ STR("\x01\x02\x1f"), "???", "???", "controls" },
		{ STR("a\0b"), "a?b", "a?b", "a NUL" },
		{ STR("\xe4\xf6\xfc"), "???", "???", "ISO 8859-1" },
		{ STR("\xe4"), "?", "?", "a byte before the tag" },
		{ STR("a\xef\xbf\276b"), "a\xef\xbf\275b", "a\xef\xbf\275b", "U+FFFE" },
		{ STR("\xef\xbf\xbf\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd",
		    "\xef\xbf\xbd\xef\xbf\xbd", "U+FFFF" },
		{ STR("\xed\xa0\xbd\xed\xb8\x80"), "\xef\xbf\xbd\xef\xbf\xbd",
		    "\xef\xbf\xbd\xef\xbf\xbd", "surrogates" },
		{ STR("\xf4\x90\x80\x80"), "????", "????", "beyond U+10FFFF" },
		{ STR("\xc0\274b>"), "??b>", "??b>", "an overlong <" },
		{ STR("a&#8;b"), "a&#9;b", "a\tb", "a backspace by number" },
		{ STR("a&#x0;b"), "a&#63;b", "a?b", "a NUL by number" },
		{ STR("a&#xFFFE;b&#65535;"), "a&#00063;b&#00063;", "a?b?",
		    "U+FFFE and U+FFFF by number" },
		{ STR("&#xD800;&#57343;"), "&#00063;&#00063;", "??", "surrogates by number" },
		{ STR("&#x110000;&#99999999999;"), "&#0000063;&#00000000063;", "??",
		    "beyond U+10FFFF by number" },
		{ STR("&#9;a&#x1F600;\xf0\x9f\x98\x80\x08"), "&#9;a&#x1F600;\xf0\x9f\x98\x80?",
		    "a\xf0\x9f\x98\x80\xf0\x9f\x98\x80?", "beside what is allowed" },
		{ STR("<![CDATA[a\x08]]>"), "<![CDATA[a?]]>", "a?", "in CDATA" },
		{ STR("<!-- \x08 -->a"), "<!-- ? -->a", "a", "in a comment" },
		{ STR("<x y='\x08&#8;'/>a"), "<x y='?&#9;'/>a", "a", "in an attribute" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf document;

		buf_init(&document, 1000);
		buf_text(&document, "\n" HEAD "<meetings>" M("a") "<meeting><name>");
		buf_str(&document, rows[i].name);
		buf_text(&document, "</name></meeting>" M("c") "</meetings></response>");
		struct str read = buf_view(&document);
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "name" },
		};
		is_int(xml_mend(arena, &read, NULL, 0, &list), XML_SOUND, "forbidden: %s",
		    rows[i].what);
		ok(list.n == 3 && list.is_complete, "… all items count");
		is_int(read.len, document.len, "… the document has its length");
		ok(read.data != document.data, "… and is a copy");
		struct str raw = str_from(
		    str_printf(arena, "<meeting><name>%s</name></meeting>", rows[i].raw));
		is_str(list.n == 3 ? text_of(list.items[1].raw) : NULL, raw.data, "… the item");
		is_str(list.n == 3 ? text_of(list.items[1].text[0]) : NULL, rows[i].text,
		    "… its text");
		ok(list.n == 3 && list.items[1].raw.data > read.data &&
		        list.items[1].raw.data < read.data + read.len,
		    "… of the copy");
		buf_free(&document);
	}

	/* Where it is no text, the item stays ill-formed. */
	static const char *const markup[] = { "<x\x01/>", "<\x01/>", "<\x01x y='1'?>",
		"</\x01>", "&\x01;", "<\x01 ?>", "<x \x01='1'/>", "<\x01\x01>", "<!\x01-- -->",
		"<!-\x01 -->" };
	for (size_t i = 0; i < COUNT(markup); i++) {
		char *document = str_printf(arena,
		    HEAD "<meetings><meeting>%s</meeting>" M("c") "</meetings></response>",
		    markup[i]);
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};

		is_int(xml_read(arena, str_from(document), NULL, 0, &list), XML_UNSOUND,
		    "forbidden: in markup %zu", i);
		is_str(keys_of(&list), "c ", "… only that item is lost");
	}

	/* Forbidden bytes behind a fault are replaced, too; text that is none is left. */
	struct xml_list list = {
		.container = "meetings",
		.item = "meeting",
		.keys = { "meetingID" },
	};
	is_int(xml_read(arena,
	           STR(HEAD "<meetings><meeting><x>1</y></meeting>" M(
	               "b\x08") "</meetings></response>"),
	           NULL, 0, &list),
	    XML_UNSOUND, "forbidden: behind a fault");
	is_str(keys_of(&list), "b? ", "… is replaced");
	struct str untouched = STR(LIST(M("<![CDATA[&#8;]]>")));
	struct str read = untouched;
	is_int(xml_mend(arena, &read, NULL, 0, &list), XML_SOUND,
	    "CDATA that looks like a reference");
	is_str(keys_of(&list), "&#8; ", "… is text");
	ok(read.data == untouched.data, "… and stays");
	is_int(xml_read(arena,
	           STR("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" LIST(M("\xe4"))), NULL,
	           0, &list),
	    XML_SOUND, "ISO 8859-1, declared");
	is_str(keys_of(&list), "? ", "… is not read as such");
}

/* Levels: those of a document, and those of an item. */
static void
test_depth(void)
{
	for (int depth = 62; depth <= 66; depth++) {
		for (int broken = 0; broken <= 1; broken++) {
			bool is_fine = depth <= 64;
			struct buf document;

			buf_init(&document, 10000);
			buf_printf(&document,
			    HEAD "<meetings>%s<meeting><meetingID>b</meetingID>",
			    broken ? "<meeting></x></meeting>" : "");
			for (int i = 3; i < depth; i++)
				buf_text(&document, "<a>");
			for (int i = 3; i < depth; i++)
				buf_text(&document, "</a>");
			buf_text(&document, "</meeting>" M("c") "</meetings></response>");
			struct xml_list list = {
				.container = "meetings",
				.item = "meeting",
				.keys = { "meetingID" },
			};
			is_int(xml_read(arena, buf_view(&document), NULL, 0, &list),
			    is_fine && !broken ? XML_SOUND : XML_UNSOUND, "%d levels", depth);
			is_str(keys_of(&list), is_fine ? "b c " : "c ", "… in an item%s",
			    broken ? " behind a fault" : "");
			is_int(list.is_complete, is_fine && !broken, "… and complete");
			buf_free(&document);
		}
	}

	struct buf document;
	buf_init(&document, 1 << 20);
	buf_text(&document, HEAD);
	for (int i = 0; i < 100000; i++)
		buf_text(&document, "<a>");
	is_int(xml_read(arena, buf_view(&document), NULL, 0, NULL), XML_UNSOUND,
	    "100,000 levels, cut");
	for (int i = 0; i < 100000; i++)
		buf_text(&document, "</a>");
	buf_text(&document, "</response>");
	is_int(xml_read(arena, buf_view(&document), NULL, 0, NULL), XML_UNSOUND,
	    "100,000 levels");
	buf_free(&document);
}

static void
test_large(void)
{
	struct buf document;

	/* Larger than what Expat is given at a time. */
	buf_init(&document, 1 << 24);
	buf_text(&document, HEAD "<recordings>");
	for (int i = 0; i < 20000; i++)
		buf_printf(&document, "<recording><recordID>r%d</recordID>%400d</recording>", i,
		    i);
	buf_text(&document, "</recordings></response>");
	struct xml_list list = {
		.container = "recordings",
		.item = "recording",
		.keys = { "recordID" },
	};
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), XML_SOUND, "20,000 items");
	is_int(list.n, 20000, "… are all there");
	ok(list.is_complete, "… and complete");
	bool same = true;
	for (size_t i = 0; i < list.n; i++)
		same &= str_is(list.items[i].text[0], str_printf(arena, "r%zu", i)) &&
		    str_is(list.items[i].raw,
		        str_printf(arena,
		            "<recording><recordID>r%zu</recordID>%400zu</recording>", i, i));
	ok(same, "… and what they were");
	ok(list.items[0].raw.data >= document.data &&
	        list.items[0].raw.data < document.data + document.len,
	    "an item is borrowed from the document");
	/* A fault in the first of them. */
	document.data[str_find(buf_view(&document), STR("</recordID>"), 0) + 2] = 'R';
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), XML_UNSOUND,
	    "… with a fault");
	is_int(list.n, 19999, "… all others are there");
	ok(list.n > 0 && str_is(list.items[list.n - 1].text[0], "r19999"), "… to the last one");
	buf_free(&document);
	arena_reset(arena);

	/* Large texts are no tokens. */
	buf_text(&document, HEAD "<recordings><recording><recordID>r</recordID><x><![CDATA[");
	for (int i = 0; i < 600000; i++)
		buf_text(&document, "0123456789");
	buf_text(&document, "]]>");
	for (int i = 0; i < 600000; i++)
		buf_text(&document, "0123456789");
	buf_text(&document, "</x></recording></recordings></response>");
	is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), XML_SOUND,
	    "texts of 6,000,000 bytes");
	is_int(list.n, 1, "… are read");
	buf_free(&document);
	arena_reset(arena);
}

/* Every beginning of a document: the items that are whole, and no more. */
static void
test_cut(void)
{
	struct str whole = STR("<?xml version=\"1.0\"?>" LIST(
	    "<meeting><meetingID>a&amp;"
	    "<![CDATA[b]]></meetingID><x/></meeting> <meeting/><meeting><!-- c --></meeting>"));
	static const char *const ends[] = { "<x/></meeting>", "<meeting/>", "--></meeting>" };
	size_t alive = str_find(whole, STR("</returncode>"), 0) + strlen("</returncode>");
	bool is_right = true;

	for (size_t len = 0; len <= whole.len; len++) {
		char *part = malloc(len ? len : 1); /* exactly, for the sanitizers */

		memcpy(part, whole.data, len);
		size_t n = 0;
		for (size_t i = 0; i < COUNT(ends); i++)
			n += len >= str_find(whole, str_from(ends[i]), 0) + strlen(ends[i]);
		struct xml_field field = { .name = "returncode" };
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};
		enum xml_result result = xml_read(arena, (struct str){ part, len }, &field, 1,
		    &list);
		is_right &= result ==
		    (len == whole.len    ? XML_SOUND :
		            len >= alive ? XML_UNSOUND :
		                           XML_FOREIGN);
		is_right &= list.n == n && list.is_complete == (result == XML_SOUND);
		is_right &= len < alive || str_is(field.text, "SUCCESS");
		if (!is_right) {
			printf("# %zu bytes: %zu items for %zu, result %d\n", len, list.n, n,
			    (int)result);
			len = whole.len;
		}
		free(part);
	}
	ok(is_right, "of each beginning of a document, the items that are whole");
}

/* What is bounded, whatever a document repeats. */
static void
test_floods(void)
{
	static const struct {
		const char *repeated; /* %d: a number */
		size_t times;
		enum xml_result result;
		size_t n;
	} rows[] = {
		{ "<meeting/>", 99999, XML_SOUND, 99999 },
		{ "<meeting/>", 100000, XML_SOUND, 100000 },
		{ "<meeting/>", 100001, XML_UNSOUND, 100000 },
		{ "<meeting/>", 300000, XML_UNSOUND, 100000 },
		{ "<meeting></x></meeting>", 30000, XML_UNSOUND, 0 },
		{ "<meeting><x:y/></meeting>", 30000, XML_SOUND, 0 },
		{ "<meeting>", 300000, XML_UNSOUND, 0 },
		{ "</meeting>", 300000, XML_UNSOUND, 0 },
		{ "<meeting><x/></meeting></meeting>", 110000, XML_UNSOUND, 100000 },
		{ "<meeting><meeting><x/></meeting>", 20000, XML_UNSOUND, 20000 },
		{ "<a>", 500000, XML_UNSOUND, 0 },
		{ "</a>", 500000, XML_UNSOUND, 0 },
		{ "<", 500000, XML_UNSOUND, 0 },
		{ "<meeting", 200000, XML_UNSOUND, 0 },
		{ "<meeting '", 200000, XML_UNSOUND, 0 },
		{ "<meeting><!--", 80000, XML_UNSOUND, 0 },
		{ "<meeting><![CDATA[", 80000, XML_UNSOUND, 0 },
		{ "<meeting><?", 80000, XML_UNSOUND, 0 },
		{ "<meetings>", 300000, XML_UNSOUND, 0 },
		{ "</meetings>", 300000, XML_UNSOUND, 0 },
		{ "<meeting>&#8;&</meeting>", 20000, XML_UNSOUND, 0 },
		{ "&#", 500000, XML_UNSOUND, 0 },
		{ "<a%d/>", 600000, XML_UNSOUND, 0 },
		{ "<meeting a%d=''/>", 100000, XML_SOUND, 100000 },
		{ "<![CDATA[]]><?p?><!----><meeting/>", 100000, XML_SOUND, 100000 },
		{ "<![CDATA[]]><?p?><!----><meeting><x/></meeting></a>", 100000, XML_UNSOUND,
		    100000 },
		{ "&#x1F600;&amp;\x08<meeting/>", 100000, XML_SOUND, 100000 },
		{ "<meeting><x/></meeting><", 100000, XML_UNSOUND, 100000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf document;

		buf_init(&document, 1 << 24);
		buf_text(&document, HEAD "<meetings>");
		for (size_t k = 0; k < rows[i].times; k++) {
			if (strchr(rows[i].repeated, '%'))
				buf_printf(&document,
				    strchr(rows[i].repeated, 'm') ?
				        "<meeting a%zu=''/>" :
				        "<a%zu/>",
				    k);
			else
				buf_text(&document, rows[i].repeated);
		}
		buf_text(&document, "</meetings></response>");
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};
		is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), rows[i].result,
		    "%zu times %s", rows[i].times, rows[i].repeated);
		is_int(list.n, rows[i].n, "… items");
		is_int(list.is_complete, rows[i].result == XML_SOUND && rows[i].n > 0,
		    "… complete");
		buf_free(&document);
		arena_reset(arena);
	}

	/* One tag, comment or instruction that is too long. */
	static const char *const begin[] = { "<meeting a='", "<meeting><!-- ",
		"<meeting><?p " };
	for (size_t i = 0; i < COUNT(begin); i++) {
		struct buf document;

		buf_init(&document, 1 << 24);
		buf_printf(&document, HEAD "<meetings>" M("a") "%s", begin[i]);
		for (int k = 0; k < 1200000; k++)
			buf_text(&document, "0123456789");
		buf_text(&document, "'?>--></meeting>" M("c") "</meetings></response>");
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};
		is_int(xml_read(arena, buf_view(&document), NULL, 0, &list), XML_UNSOUND,
		    "12,000,000 bytes behind %s", begin[i]);
		is_str(keys_of(&list), "a c ", "… only that item is lost");
		buf_free(&document);
		arena_reset(arena);
	}
}

/* Pieces of lists put together by chance: what is taken stands alone. */
static void
test_chance(void)
{
	static const char *const pieces[] = { M("a"), M("b"), "<meeting>", "</meeting>",
		"<meeting/>", "<x>", "</x>", "<x:y>", "</x:y>", "<!--", "-->", "<![CDATA[",
		"]]>", "<?p", "?>", "&amp;", "&", "&#8;", "\x08", "<", ">", "'", "<meeting x='",
		"'>", "</meetings>", "<meetings>", "text", "\xef\xbf\xbe", "\xe4", " ",
		"xmlns:x='u'", "<x:y xmlns:x='u'>", "</response>" };
	uint32_t state = 1;
	size_t n_taken = 0, n_bad = 0;

	for (int round = 0; round < 8000; round++) {
		struct buf document;

		buf_init(&document, 10000);
		buf_text(&document, HEAD "<meetings>");
		for (uint32_t k = 3 + state % 20; k > 0; k--) {
			state = state * 1664525 + 1013904223;
			buf_text(&document,
			    pieces[(state >> 16) % (k % 3 == 0 ? 8 : COUNT(pieces))]);
		}
		buf_text(&document, "</meetings></response>");
		struct xml_list list = {
			.container = "meetings",
			.item = "meeting",
			.keys = { "meetingID" },
		};
		if (xml_read(arena, buf_view(&document), NULL, 0, &list) == XML_FOREIGN)
			n_bad++;
		for (size_t k = 0; k < list.n; k++, n_taken++)
			if (!stands_alone(list.items[k].raw) && n_bad++ == 0)
				printf("# %.*s\n# of %s\n", STR_ARG(list.items[k].raw),
				    document.data);
		buf_free(&document);
		arena_reset(arena);
	}
	ok(n_taken > 1000, "of lists made by chance, %zu items are taken", n_taken);
	is_int(n_bad, 0, "… each sound by itself");
}

int
main(void)
{
	arena = arena_new();
	test_unsound_items();
	test_prefixes();
	test_forbidden();
	test_depth();
	test_cut();
	test_large();
	test_floods();
	test_chance();
	arena_free(arena);
	return done_testing();
}
