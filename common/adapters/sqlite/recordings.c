/*
 * Where copies of recordings are, and the lists that servers last gave.
 */

#include "adapters/sqlite/sqlite.h"
#include "base/arena.h"
#include "base/bounds.h"

/* ---- Recordings --------------------------------------------------------------------- */

struct put_arguments {
	const struct store_recording *recordings;
	size_t n;
	int64_t now_ms;
};

/* Is what is remembered of a copy what is to be?  *is_same tells. */
static enum store_result
compare_copy(struct connection *connection, const struct store_recording *recording,
    int64_t now_ms, bool *is_same)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_COPY_FIND, "st",
	    recording->record_id, recording->server);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	if (code != SQLITE_ROW) {
		*is_same = !recording->is_there;
		return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
	}
	int64_t age_ms = now_ms - sqlite_ms(statement, 0);

	*is_same = recording->is_there && age_ms < RECORDING_RENEW_MS;
	sqlite3_reset(statement);
	return STORE_OK;
}

/* OK when there is nothing to write at all, else NOT_FOUND.  In one transaction, since
 * each one locks the file, and thousands of locks take longer than what they guard. */
static enum store_result
work_recordings_look(struct connection *connection, void *arguments)
{
	struct put_arguments *a = arguments;

	if (sqlite_run(connection, SQL_BEGIN_READ, "") != STORE_OK)
		return STORE_FAILED;
	bool is_same = true;
	for (size_t i = 0; i < a->n && is_same; i++)
		if (compare_copy(connection, &a->recordings[i], a->now_ms, &is_same) !=
		    STORE_OK)
			return STORE_FAILED;
	if (sqlite_run(connection, SQL_COMMIT, "") != STORE_OK)
		return STORE_FAILED;
	return is_same ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_result
work_recordings_put(struct connection *connection, void *arguments)
{
	struct put_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		const struct store_recording *recording = &a->recordings[i];
		bool is_same;

		if (compare_copy(connection, recording, a->now_ms, &is_same) != STORE_OK)
			return STORE_FAILED;
		if (is_same)
			continue;
		enum store_result result = recording->is_there ?
		    sqlite_run(connection, SQL_COPY_PUT, "sti", recording->record_id,
		        recording->server, a->now_ms) :
		    sqlite_run(connection, SQL_COPY_DROP, "st", recording->record_id,
		        recording->server);

		if (result != STORE_OK)
			return STORE_FAILED;
	}
	return STORE_OK;
}

enum store_result
sqlite_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	struct put_arguments a = { recordings, n, now_ms };

	if (n == 0)
		return STORE_OK;
	enum store_result result = sqlite_perform(store, false, work_recordings_look, &a);

	return result == STORE_NOT_FOUND ?
	    sqlite_perform(store, true, work_recordings_put, &a) :
	    result;
}

struct find_arguments {
	struct arena *arena;
	const struct str *record_ids;
	size_t n;
	struct store_recording *found;
	size_t n_found, capacity;
};

static void
add_found(struct find_arguments *a, struct str record_id, const char *server)
{
	a->found = arena_room(a->arena, a->found, sizeof(*a->found), a->n_found, 1,
	    &a->capacity);
	a->found[a->n_found++] = (struct store_recording){ record_id, server, true };
}

static enum store_result
work_recordings_find(struct connection *connection, void *arguments)
{
	struct find_arguments *a = arguments;

	a->n_found = 0;
	if (sqlite_run(connection, SQL_BEGIN_READ, "") != STORE_OK)
		return STORE_FAILED;
	for (size_t i = 0; i < a->n; i++) {
		sqlite3_stmt *statement = sqlite_query(connection, SQL_COPIES_FIND, "s",
		    a->record_ids[i]);
		int code = SQLITE_ERROR;

		while (statement && (code = sqlite_step_once(statement)) == SQLITE_ROW)
			add_found(a, a->record_ids[i], sqlite_str(a->arena, statement, 0).data);
		if (code != SQLITE_DONE)
			return STORE_FAILED;
	}
	return sqlite_run(connection, SQL_COMMIT, "");
}

enum store_result
sqlite_recordings_find(struct store *store, struct arena *arena, const struct str *record_ids,
    size_t n, struct store_recording **found, size_t *n_found)
{
	struct find_arguments a = { .arena = arena, .record_ids = record_ids, .n = n };
	enum store_result result = sqlite_perform(store, false, work_recordings_find, &a);

	*found = result == STORE_OK ? a.found : NULL;
	*n_found = result == STORE_OK ? a.n_found : 0;
	return result;
}

/* ---- Lists ---------------------------------------------------------------------------- */

struct lists_arguments {
	const struct store_list *lists;
	size_t n;
};

/* Is the list remembered as it is? */
static enum store_result
compare_list(struct connection *connection, const struct store_list *list, bool *is_same)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_LIST_SAME, "tttb", list->server,
	    list->call, list->filter, list->answer);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	*is_same = code == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
	if (code == SQLITE_ROW)
		sqlite3_reset(statement);
	return code == SQLITE_ERROR ? STORE_FAILED : STORE_OK;
}

/* OK when all lists are remembered as they are, else NOT_FOUND. */
static enum store_result
work_lists_look(struct connection *connection, void *arguments)
{
	struct lists_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		bool is_same;

		if (compare_list(connection, &a->lists[i], &is_same) != STORE_OK)
			return STORE_FAILED;
		if (!is_same)
			return STORE_NOT_FOUND;
	}
	return STORE_OK;
}

static enum store_result
work_lists_put(struct connection *connection, void *arguments)
{
	struct lists_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		const struct store_list *list = &a->lists[i];
		bool is_same;

		if (compare_list(connection, list, &is_same) != STORE_OK)
			return STORE_FAILED;
		if (is_same)
			continue;
		if (sqlite_run(connection, SQL_LIST_PUT, "tttb", list->server, list->call,
		        list->filter, list->answer) != STORE_OK)
			return STORE_FAILED;
		if (list->filter[0] != '\0' &&
		    sqlite_run(connection, SQL_LIST_PURGE, "ti", list->server,
		        (int64_t)LIMIT_LISTS) != STORE_OK)
			return STORE_FAILED;
	}
	return STORE_OK;
}

enum store_result
sqlite_lists_put(struct store *store, const struct store_list *lists, size_t n)
{
	struct lists_arguments a = { lists, n };

	if (n == 0)
		return STORE_OK;
	enum store_result result = sqlite_perform(store, false, work_lists_look, &a);

	return result == STORE_NOT_FOUND ?
	    sqlite_perform(store, true, work_lists_put, &a) :
	    result;
}

struct list_arguments {
	struct arena *arena;
	struct store_list *list;
};

static enum store_result
work_list_find(struct connection *connection, void *arguments)
{
	struct list_arguments *a = arguments;
	struct store_list *list = a->list;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_LIST_FIND, "ttt", list->server,
	    list->call, list->filter);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? STORE_NOT_FOUND : STORE_FAILED;
	list->answer.data = sqlite3_column_blob(statement, 0);
	list->answer.len = (size_t)sqlite3_column_bytes(statement, 0);
	list->answer.data = str_copy(a->arena, list->answer);
	return sqlite_row_end(statement);
}

enum store_result
sqlite_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	struct list_arguments a = { arena, list };

	return sqlite_perform(store, false, work_list_find, &a);
}

struct drop_arguments {
	const char *server, *call;
};

static enum store_result
work_lists_drop(struct connection *connection, void *arguments)
{
	struct drop_arguments *a = arguments;

	return sqlite_run(connection, SQL_LIST_DROP, "tt", a->server, a->call);
}

enum store_result
sqlite_lists_drop(struct store *store, const char *server, const char *call)
{
	struct drop_arguments a = { server, call };

	return sqlite_perform(store, true, work_lists_drop, &a);
}
