/*
 * A table that is written for people, in columns within 80, or as a list of JSON objects:
 * one content for both.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct arena;

/* What people's terminals have. */
#define TABLE_COLUMNS 80

enum table_colour { TABLE_PLAIN, TABLE_GREEN, TABLE_YELLOW, TABLE_RED };

struct table_column {
	const char *key;   /* of the JSON object; NULL: not there */
	const char *title; /* for people; NULL: not shown to them */
	bool is_right;     /* numbers stand at the right */
	size_t least;      /* what is too long may be cut to this width; 0: never */
};

struct table {
	struct arena *arena;
	const struct table_column *columns;
	size_t n_columns;
	/* Private. */
	struct table_cell *cells; /* row by row */
	size_t n, capacity;
};

/* Begin an empty table, whose columns are borrowed. */
void table_init(struct table *table, struct arena *arena, const struct table_column *columns,
    size_t n_columns);

/* Add the next cell, from left to right; the first one after a full row begins the next
 * row.  A text may hold anything (text.h) and is copied; NULL is nothing, and null. */
void table_text(struct table *table, const char *text);
void table_str(struct table *table, struct str text);
void table_number(struct table *table, int64_t number);
void table_real(struct table *table, double number, int digits);
void table_bool(struct table *table, bool is_true);

/* A cell that programs read as something else: json is a whole JSON value, borrowed. */
void table_cell(struct table *table, const char *text, const char *json);

/* Let the last cell be shown in that colour. */
void table_colour(struct table *table, enum table_colour colour);

size_t table_rows(const struct table *table);

/* Append the table with its titles, a line for each row; in colours, where that is wanted. */
void table_write(const struct table *table, struct buf *out, bool in_colour);

/* Append a JSON list of an object for each row. */
void table_write_json(const struct table *table, struct buf *out);

#endif
