/*
 * Webhooks that clients asked for, and those that were dropped.
 */
#include <string.h>

#include "adapters/sqlite/sqlite.h"
#include "base/arena.h"
#include "base/bounds.h"

struct webhook_arguments {
	const struct webhook *hook;
	bool anew;
	struct arena *arena;
	struct webhook **hooks;
	size_t *n;
};

static enum store_result
put_webhook(struct connection *connection, const struct webhook *hook, bool is_dropped)
{
	return sqlite_run(connection, SQL_HOOK_PUT, "tsssisii", hook->id, hook->url,
	    hook->meeting_id, hook->event_id, (int64_t)hook->raw, hook->base,
	    (int64_t)is_dropped, hook->changed_ms);
}

static enum store_result
work_webhook_put(struct connection *connection, void *arguments)
{
	struct webhook_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_HOOK_STATE, "t", a->hook->id);

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return STORE_FAILED;
	bool is_known = sqlite3_column_type(statement, 0) != SQLITE_NULL;
	bool is_dropped = sqlite3_column_int(statement, 0) != 0;
	bool is_full = sqlite3_column_int64(statement, 1) >= LIMIT_WEBHOOKS;

	sqlite3_reset(statement);
	if (is_known && (!is_dropped || !a->anew))
		return is_dropped ? STORE_CONFLICT : STORE_EXISTS;
	return is_full ? STORE_FULL : put_webhook(connection, a->hook, false);
}

enum store_result
sqlite_webhook_put(struct store *store, const struct webhook *hook, bool anew)
{
	struct webhook_arguments a = { .hook = hook, .anew = anew };

	return sqlite_perform(store, true, work_webhook_put, &a);
}

static enum store_result
work_webhook_list(struct connection *connection, void *arguments)
{
	struct webhook_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_HOOK_LIST, "");

	*a->n = 0;
	if (!statement)
		return STORE_FAILED;
	size_t most = 2 * LIMIT_WEBHOOKS;
	*a->hooks = arena_alloc(a->arena, most * sizeof(**a->hooks));
	int code = SQLITE_DONE;
	while (*a->n < most && (code = sqlite_step_once(statement)) == SQLITE_ROW) {
		struct webhook *hook = &(*a->hooks)[*a->n];
		struct str id = sqlite_str(a->arena, statement, 0);

		if (id.len != WEBHOOK_ID_SIZE - 1)
			continue; /* a damaged file's */
		memcpy(hook->id, id.data, WEBHOOK_ID_SIZE);
		hook->url = sqlite_str(a->arena, statement, 1);
		hook->meeting_id = sqlite_str(a->arena, statement, 2);
		hook->event_id = sqlite_str(a->arena, statement, 3);
		hook->raw = sqlite3_column_int(statement, 4) != 0;
		hook->base = sqlite_str(a->arena, statement, 5);
		hook->is_dropped = sqlite3_column_int(statement, 6) != 0;
		hook->changed_ms = sqlite_ms(statement, 7);
		++*a->n;
	}
	if (code == SQLITE_ROW)
		sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

enum store_result
sqlite_webhook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	struct webhook_arguments a = { .arena = arena, .hooks = hooks, .n = n };

	enum store_result result = sqlite_perform(store, false, work_webhook_list, &a);

	if (result != STORE_OK) {
		*hooks = NULL;
		*n = 0;
	}
	return result;
}

enum store_result
sqlite_webhooks_purge(struct connection *connection, int64_t now_ms)
{
	return sqlite_run(connection, SQL_HOOK_PURGE, "ii", now_ms - WEBHOOK_DROPPED_MS,
	    (int64_t)LIMIT_WEBHOOKS);
}

/* Anyone may drop what was never there: so each drop keeps to the bounds by itself, or
 * the hooks that are there would soon find no place in the list. */
static enum store_result
work_webhook_drop(struct connection *connection, void *arguments)
{
	struct webhook_arguments *a = arguments;

	return put_webhook(connection, a->hook, true) == STORE_OK ?
	    sqlite_webhooks_purge(connection, a->hook->changed_ms) :
	    STORE_FAILED;
}

enum store_result
sqlite_webhook_drop(struct store *store, const char *id, int64_t now_ms)
{
	struct webhook hook = { .changed_ms = now_ms };
	struct webhook_arguments a = { .hook = &hook };

	memcpy(hook.id, id, strnlen(id, sizeof(hook.id) - 1));
	return sqlite_perform(store, true, work_webhook_drop, &a);
}
