/*
 * What the test of the SQLite store with memory that is short stands on: a say in what SQLite
 * allocates, and a look at all that is in its file.
 */
#ifndef TEST_STORE_MEMORY_H
#define TEST_STORE_MEMORY_H

#include "test_store.h"

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/buf.h"

/* ---- Memory ------------------------------------------------------------------------- */

static sqlite3_mem_methods own;
static atomic_long blocks;           /* that SQLite has */
static _Thread_local int asked = -1; /* blocks, by this thread since memory_begin() … */
static int refused_at;               /* … and the one that is refused; 0: none is */
static bool is_lasting;              /* are those after it refused, too, and to all threads? */
static atomic_bool is_short;

static inline bool
refuse(void)
{
	if (atomic_load(&is_short))
		return true;
	if (asked < 0 || ++asked != refused_at)
		return false;
	atomic_store(&is_short, is_lasting);
	return true;
}

static inline void *
memory_malloc(int size)
{
	void *block = refuse() ? NULL : own.xMalloc(size);

	atomic_fetch_add(&blocks, block != NULL);
	return block;
}

static inline void
memory_free(void *block)
{
	atomic_fetch_sub(&blocks, block != NULL);
	own.xFree(block);
}

static inline void *
memory_resize(void *block, int size)
{
	return refuse() ? NULL : own.xRealloc(block, size);
}

/* Before SQLite is used.  What a connection has at hand for small blocks (lookaside) is none,
 * so that each of them may be refused. */
static inline void
memory_set(void)
{
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &own);
	sqlite3_mem_methods methods = own;

	methods.xMalloc = memory_malloc;
	methods.xFree = memory_free;
	methods.xRealloc = memory_resize;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

static inline void
memory_begin(int at, bool lasts)
{
	refused_at = at;
	is_lasting = lasts;
	asked = 0;
}

/* Memory is there again.  Returns whether any was refused. */
static inline bool
memory_end(void)
{
	bool was_refused = refused_at > 0 && asked >= refused_at;

	asked = -1;
	atomic_store(&is_short, false);
	return was_refused;
}

/* ---- What is in the file ------------------------------------------------------------- */

/* A connection of the test's own, with the file as it was before any verb attached. */
static sqlite3 *look;
static char *restore;

static inline int
add_row(void *context, int n, char **values, char **names)
{
	struct buf *out = context;

	/* When the state was lost is the mender's to say. */
	for (int i = 0; i < n; i++)
		buf_printf(out, "%s|",
		    strcmp(names[i], "whole_ms") == 0 ?
		        "" :
		        values[i] ?:
		                    "-");
	buf_char(out, '\n');
	return 0;
}

/* A callback of sqlite3_exec(): run the SQL of a row, and add to the text what comes of it. */
static inline int
add_query(void *context, int n, char **values, char **names)
{
	(void)n, (void)names;
	return sqlite3_exec(look, values[0], add_row, context, NULL);
}

/* A callback: add the row's text. */
static inline int
add_text(void *context, int n, char **values, char **names)
{
	(void)n, (void)names;
	buf_text(context, values[0]);
	return 0;
}

#define TABLES " FROM sqlite_master WHERE type = 'table' ORDER BY name"

/* All that the file holds.  The caller frees it with buf_free(). */
static inline struct buf
content(void)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	if (sqlite3_exec(look, "SELECT 'SELECT ''' || name || ''', * FROM ' || name" TABLES,
	        add_query, &out, NULL) != SQLITE_OK ||
	    sqlite3_exec(look, "PRAGMA integrity_check", add_row, &out, NULL) != SQLITE_OK)
		ok(false, "the file can be read: %s", sqlite3_errmsg(look));
	return out;
}

static inline bool
is_sound(const struct buf *contents)
{
	return str_find(buf_view(contents), STR("\nok|\n"), 0) + 5 == contents->len;
}

static inline void
look_begin(void)
{
	struct buf sql;

	buf_init(&sql, 1 << 20);
	buf_printf(&sql, "VACUUM INTO '%s/before'; ATTACH '%s/before' AS before;", dir, dir);
	if (sqlite3_open(path, &look) != SQLITE_OK ||
	    sqlite3_exec(look, "PRAGMA synchronous = OFF", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(look, sql.data, NULL, NULL, NULL) != SQLITE_OK)
		exit(1);
	buf_clear(&sql);
	buf_text(&sql, "BEGIN IMMEDIATE;");
	sqlite3_exec(look,
	    "SELECT 'DELETE FROM main.' || name || '; INSERT INTO main.' || name ||"
	    " ' SELECT * FROM before.' || name || ';'" TABLES,
	    add_text, &sql, NULL);
	buf_text(&sql, "COMMIT");
	restore = mem_strdup(sql.data);
	buf_free(&sql);
}

static inline void
look_restore(void)
{
	if (sqlite3_exec(look, restore, NULL, NULL, NULL) != SQLITE_OK)
		ok(false, "the file can be written: %s", sqlite3_errmsg(look));
}

static inline void
look_end(void)
{
	sqlite3_close(look);
	free(restore);
}

#endif
