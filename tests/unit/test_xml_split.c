/*
 * Where items stand in a list that is ill-formed.
 */
#include "formats/xml_split.h"

#include "base/arena.h"
#include "base/buf.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static const struct xml_split split = { .container = "l", .item = "i", .most = 100 };

/* The items, each with a bar behind it. */
static const char *
items_of(struct str text, const struct xml_split *wanted)
{
	struct str *items;
	size_t n = xml_split(arena, text, wanted, &items);
	struct buf out;

	buf_init(&out, 10000);
	buf_text(&out, "");
	for (size_t i = 0; i < n; i++) {
		ok(items[i].data >= text.data &&
		        items[i].data + items[i].len <= text.data + text.len,
		    "inside of the text");
		buf_str(&out, items[i]);
		buf_char(&out, '|');
	}
	return buf_take(&out, arena).data;
}

static void
test_split(void)
{
	static const struct {
		const char *text, *items, *what;
	} rows[] = {
		{ "", "", "nothing" },
		{ "text", "", "text" },
		{ "<i/>", "<i/>|", "an empty item" },
		{ "<i></i>", "<i></i>|", "an item" },
		{ " <i>1</i> <i\n>2</i\t> ", "<i>1</i>|<i\n>2</i\t>|",
		    "two, with white space" },
		{ "<i a='1'/><i a=\"2\" />", "<i a='1'/>|<i a=\"2\" />|", "with attributes" },
		{ "<i a='>'/><i a=\"/>\">x</i>", "<i a='>'/>|<i a=\"/>\">x</i>|",
		    "> in attributes" },
		{ "<ii/><i2></i2><I/><x:i/><a i=''/>", "", "other names" },
		{ "<i><i>1</i></i>", "<i><i>1</i></i>|", "an item inside" },
		{ "<i><i/><i/><i></i></i><i/>", "<i><i/><i/><i></i></i>|<i/>|",
		    "three inside" },
		{ "<i><i>1</i><i>2</i>", "<i>1</i>|<i>2</i>|", "an end that is missing" },
		{ "<i>1</i></i><i>2</i>", "<i>1</i>|<i>2</i>|", "an end too many" },
		{ "<i><a></i><i></a></i>", "<i><a></i>|<i></a></i>|",
		    "other elements do not count" },
		{ "<i a<i>1</i>", "<i>1</i>|", "a tag cut off" },
		{ "<i a='1<i>2</i>", "<i>2</i>|", "an attribute cut off" },
		{ "<i>1</i", "", "an end cut off" },
		{ "<i>1</i <i>2</i>", "<i>1</i |<i>2</i>|", "an end cut off by the next" },
		{ "<i>1</i x>", "<i>1</i x>|", "an end with more in it" },
		{ "<i", "", "a beginning cut off" },
		{ "<i>", "", "a beginning alone" },
		{ "</i>", "", "an end alone" },
		{ "<", "", "a bare <" },
		{ "</", "", "a bare </" },
		{ "<!", "", "a bare <!" },
		{ "<?", "", "a bare <?" },
		{ "<<i/>", "<i/>|", "a bare < before an item" },
		{ "<!-- <i/> --><i/>", "<i/>|", "in a comment" },
		{ "<![CDATA[<i/>]]><i/>", "<i/>|", "in CDATA" },
		{ "<?p <i/> ?><i/>", "<i/>|", "in an instruction" },
		{ "<i><!-- </i> --></i>", "<i><!-- </i> --></i>|", "an end in a comment" },
		{ "<i><![CDATA[</i>]]></i>", "<i><![CDATA[</i>]]></i>|", "an end in CDATA" },
		{ "<i><?p </i>?></i>", "<i><?p </i>?></i>|", "an end in an instruction" },
		{ "<!-- <i/>", "<i/>|", "a comment without an end" },
		{ "<![CDATA[ <i/>", "<i/>|", "CDATA without an end" },
		{ "<?p <i/>", "<i/>|", "an instruction without an end" },
		{ "<!-- <!-- --><i/>", "<i/>|", "a comment in a comment" },
		{ "<!-- --><!-- <i/><![CDATA[]]><![CDATA[<i></i>", "<i/>|<i></i>|",
		    "ends that do not come again" },
		{ "<!a><i/>", "<i/>|", "a declaration" },
		{ "<i/></l><i/>", "<i/>|", "behind the end of the list" },
		{ "<i/><l></l><i/></l><i/>", "<i/>|<i/>|", "a list inside" },
		{ "<i/><l/><i/></l><i/>", "<i/>|<i/>|", "an empty list inside" },
		{ "<i/></l><i/></l><i/>", "<i/>|<i/>|", "the last end counts" },
		{ "<i/><!-- </l> --><i/>", "<i/>|<i/>|", "an end in a comment is none" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		/* Exactly, for the sanitizers. */
		size_t len = strlen(rows[i].text);
		char *text = malloc(len ? len : 1);

		memcpy(text, rows[i].text, len);
		is_str(items_of((struct str){ text, len }, &split), rows[i].items, "split: %s",
		    rows[i].what);
		free(text);
	}
	is_str(items_of((struct str){ NULL, 0 }, &split), "", "split: absent");
}

static void
test_most(void)
{
	struct xml_split few = split;

	few.most = 2;
	is_str(items_of(STR("<i/><i/>"), &few), "<i/>|<i/>|", "as many as there may be");
	is_str(items_of(STR("<i/><i></i><i/>"), &few), "<i/>|<i></i>|", "and no more");
	is_str(items_of(STR("<i><i><i/></i></i>"), &few), "", "so many begun end it");
	few.most = 0;
	is_str(items_of(STR("<i/>"), &few), "", "none at all");
}

int
main(void)
{
	arena = arena_new();
	test_split();
	test_most();
	arena_free(arena);
	return done_testing();
}
