/*
 * Tables: in columns within 80 for people, as JSON for programs.
 */
#include <locale.h>

#include "../../ctl/table.h"
#include "../../ctl/text.h"
#include "base/arena.h"
#include "tap.h"

static const struct table_column columns[] = {
	{ "name", "NAME", false, 8 },
	{ "n", "N", true, 0 },
	{ "hidden", NULL, false, 0 },
	{ NULL, "NOTE", false, 8 },
};

static void
fill(struct table *table, struct arena *arena, const char *name, const char *note)
{
	table_init(table, arena, columns, 4);
	table_text(table, name);
	table_number(table, 7);
	table_bool(table, true);
	table_text(table, note);
	table_text(table, "b");
	table_real(table, 12.5, 1);
	table_text(table, NULL);
	table_text(table, "");
}

static const char *
written(const struct table *table, struct arena *arena, bool in_colour)
{
	struct buf out;

	buf_init(&out, 100000);
	table_write(table, &out, in_colour);
	return buf_take(&out, arena).data;
}

int
main(void)
{
	struct arena *arena = arena_new();
	struct table table;
	struct buf json;

	setlocale(LC_CTYPE, "C.UTF-8");
	fill(&table, arena, "ä\n", "why");
	is_int(table_rows(&table), 2, "two rows");
	is_str(written(&table, arena, false),
	    "NAME        N  NOTE\n"
	    "ä\\u000a     7  why\n"
	    "b        12.5\n",
	    "columns align, and no line has spaces at its end");
	buf_init(&json, 100000);
	table_write_json(&table, &json);
	is_str(buf_take(&json, arena).data,
	    "[{\"name\":\"ä\\u000a\",\"n\":7,\"hidden\":true},"
	    "{\"name\":\"b\",\"n\":12.5,\"hidden\":null}]",
	    "JSON has the columns that have a key");

	char name[101], note[201];
	memset(name, 'n', 100);
	memset(note, 'e', 200);
	name[100] = note[200] = '\0';
	fill(&table, arena, name, note);
	const char *text = written(&table, arena, false);
	size_t longest = 0;
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		char copy[1000];

		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
		if (text_width(copy) > longest)
			longest = text_width(copy);
	}
	is_int(longest, 80, "what is too long is cut to 80 columns");
	ok(strstr(text, "nnn…nnn"), "a name is cut in its middle");
	ok(strstr(text, "eee…\n"), "the last column at its end");

	fill(&table, arena, "a", "x");
	table_colour(&table, TABLE_RED);
	ok(!strstr(written(&table, arena, false), "\033"), "no colour unless it is wanted");
	table_init(&table, arena, columns, 4);
	table_text(&table, "a");
	table_colour(&table, TABLE_RED);
	table_number(&table, 1);
	table_bool(&table, false);
	table_text(&table, "x");
	is_str(written(&table, arena, true), "NAME  N  NOTE\n\033[31ma\033[0m     1  x\n",
	    "a colour changes no column");

	/* As a host may be in the configuration, or a server's meetingID. */
	enum { LONG = 1 << 20 };
	char *control = arena_alloc(arena, LONG + 1);
	memset(control, '\x01', LONG);
	control[LONG] = '\0';
	table_init(&table, arena, columns, 4);
	table_text(&table, control);
	table_number(&table, 1);
	table_bool(&table, false);
	table_text(&table, NULL);
	buf_init(&json, (size_t)16 << 20);
	table_write_json(&table, &json);
	is_int(buf_view(&json).len,
	    strlen("[{\"name\":\"\",\"n\":1,\"hidden\":false}]") + 6 * (size_t)LONG,
	    "a text that grows to six times its length is whole");
	buf_free(&json);

	table_init(&table, arena, columns, 4);
	buf_init(&json, 100);
	table_write_json(&table, &json);
	is_str(buf_take(&json, arena).data, "[]", "an empty table is an empty list");
	arena_free(arena);
	return done_testing();
}
