#include "table.h"

#include "base/arena.h"
#include "text.h"

/* The most that a text takes: six for a byte, and quotes. */
#define CELL_BYTES(text) (6 * (text).len + 2)

/* Between two columns. */
#define GAP 2

struct table_cell {
	const char *text; /* for people: as text_plain made it */
	const char *json;
	enum table_colour colour;
};

static const char *const colours[] = { "", "\033[32m", "\033[33m", "\033[31m" };

void
table_init(struct table *table, struct arena *arena, const struct table_column *columns,
    size_t n_columns)
{
	*table = (struct table){
		.arena = arena,
		.columns = columns,
		.n_columns = n_columns,
	};
}

/* ---- Cells ------------------------- */

static void
add(struct table *table, const char *text, const char *json)
{
	table->cells = arena_room(table->arena, table->cells, sizeof(*table->cells), table->n,
	    1, &table->capacity);
	table->cells[table->n++] = (struct table_cell){ text, json, TABLE_PLAIN };
}

static const char *
plain(struct table *table, struct str text)
{
	struct buf buf;

	buf_init(&buf, CELL_BYTES(text));
	text_plain(&buf, text);
	return buf_take(&buf, table->arena).data;
}

void
table_str(struct table *table, struct str text)
{
	struct buf json;

	if (!text.data) {
		add(table, "", "null");
		return;
	}
	buf_init(&json, CELL_BYTES(text));
	text_json(&json, text);
	add(table, plain(table, text), buf_take(&json, table->arena).data);
}

void
table_text(struct table *table, const char *text)
{
	table_str(table, str_from(text));
}

void
table_number(struct table *table, int64_t number)
{
	const char *text = str_printf(table->arena, "%lld", (long long)number);

	add(table, text, text);
}

void
table_real(struct table *table, double number, int digits)
{
	const char *text = str_printf(table->arena, "%.*f", digits, number);

	add(table, text, text);
}

void
table_bool(struct table *table, bool is_true)
{
	add(table, is_true ? "yes" : "no", is_true ? "true" : "false");
}

void
table_cell(struct table *table, const char *text, const char *json)
{
	add(table, plain(table, str_from(text)), json);
}

void
table_colour(struct table *table, enum table_colour colour)
{
	table->cells[table->n - 1].colour = colour;
}

size_t
table_rows(const struct table *table)
{
	return table->n / table->n_columns;
}

/* ---- For people ------------------------- */

/* How wide each column is that is shown, so that all fit; 0 for the others. */
static size_t *
measure(const struct table *table)
{
	size_t *widths = arena_alloc(table->arena, table->n_columns * sizeof(*widths));
	size_t whole = 0;

	for (size_t c = 0; c < table->n_columns; c++) {
		if (!table->columns[c].title)
			continue;
		widths[c] = text_width(table->columns[c].title);
		for (size_t i = c; i < table->n; i += table->n_columns) {
			size_t width = text_width(table->cells[i].text);

			if (width > widths[c])
				widths[c] = width;
		}
		whole += widths[c] + (whole > 0 ? GAP : 0);
	}
	while (whole > TABLE_COLUMNS) {
		size_t widest = table->n_columns;

		for (size_t c = 0; c < table->n_columns; c++)
			if (table->columns[c].least > 0 &&
			    widths[c] > table->columns[c].least &&
			    (widest == table->n_columns || widths[c] > widths[widest]))
				widest = c;
		if (widest == table->n_columns)
			break;
		widths[widest]--;
		whole--;
	}
	return widths;
}

static void
pad(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_char(out, ' ');
}

static void
write_cell(const struct table *table, struct buf *out, size_t c, size_t width,
    const struct table_cell *cell, bool in_colour, bool is_last)
{
	bool is_right = table->columns[c].is_right;
	const char *text = text_cut(table->arena, cell->text, width, !is_last);
	size_t spare = width - text_width(text);

	if (is_right)
		pad(out, spare);
	if (in_colour)
		buf_text(out, colours[cell->colour]);
	buf_text(out, text);
	if (in_colour && cell->colour != TABLE_PLAIN)
		buf_text(out, "\033[0m");
	if (!is_right && !is_last)
		pad(out, spare);
}

static void
write_row(const struct table *table, struct buf *out, const size_t *widths,
    const struct table_cell *cells, bool in_colour)
{
	size_t last = 0;

	for (size_t c = 0; c < table->n_columns; c++)
		if (table->columns[c].title && cells[c].text[0])
			last = c;
	bool is_first = true;
	for (size_t c = 0; c <= last; c++) {
		if (!table->columns[c].title)
			continue;
		if (!is_first)
			pad(out, GAP);
		is_first = false;
		write_cell(table, out, c, widths[c], &cells[c], in_colour, c == last);
	}
	buf_char(out, '\n');
}

void
table_write(const struct table *table, struct buf *out, bool in_colour)
{
	size_t *widths = measure(table);
	struct table_cell *titles = arena_alloc(table->arena,
	    table->n_columns * sizeof(*titles));

	for (size_t c = 0; c < table->n_columns; c++)
		titles[c].text = table->columns[c].title ? table->columns[c].title : "";
	write_row(table, out, widths, titles, false);
	for (size_t i = 0; i < table->n; i += table->n_columns)
		write_row(table, out, widths, &table->cells[i], in_colour);
}

/* ---- For programs ------------------------- */

void
table_write_json(const struct table *table, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < table->n; i += table->n_columns) {
		const char *before = "{";

		buf_text(out, i > 0 ? "," : "");
		for (size_t c = 0; c < table->n_columns; c++) {
			if (!table->columns[c].key)
				continue;
			buf_printf(out, "%s\"%s\":%s", before, table->columns[c].key,
			    table->cells[i + c].json);
			before = ",";
		}
		buf_char(out, '}');
	}
	buf_char(out, ']');
}
