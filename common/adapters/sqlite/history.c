/*
 * What happened to the servers, and the last hour of their load.
 */
#include "adapters/sqlite/sqlite.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"

/* ---- Events ----------------------------------------------------------------------- */

enum store_result
sqlite_event_put(struct connection *connection, const struct event *event)
{
	if (sqlite_run(connection, SQL_EVENT_PUT, "iti", event->at_ms, event->server,
	        (int64_t)event->kind) != STORE_OK)
		return STORE_FAILED;
	return sqlite_run(connection, SQL_EVENTS_BOUND, "i", (int64_t)EVENTS_MOST);
}

struct events_arguments {
	struct arena *arena;
	struct event *events;
	size_t n;
};

static enum store_result
work_events_get(struct connection *connection, void *arguments)
{
	struct events_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_EVENTS_GET, "i",
	    (int64_t)EVENTS_MOST);
	int code;

	a->n = 0;
	a->events = arena_alloc(a->arena, EVENTS_MOST * sizeof(*a->events));
	if (!statement)
		return STORE_FAILED;
	while ((code = sqlite_step_once(statement)) == SQLITE_ROW) {
		int64_t kind = sqlite3_column_int64(statement, 2);

		if (kind < 0 || kind >= EVENT_KINDS)
			continue; /* a damaged file's */
		a->events[a->n++] = (struct event){
			.at_ms = sqlite_ms(statement, 0),
			.server = sqlite_str(a->arena, statement, 1).data,
			.kind = (enum event_kind)kind,
		};
	}
	return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

enum store_result
sqlite_events_get(struct store *store, struct arena *arena, struct event **events, size_t *n)
{
	struct events_arguments a = { .arena = arena };
	enum store_result result = sqlite_perform(store, false, work_events_get, &a);

	*n = result == STORE_OK ? a.n : 0;
	*events = *n > 0 ? a.events : NULL;
	return result;
}

/* ---- Load ------------------------------------------------------------------------- */

struct trends_arguments {
	struct store_trend *trends;
	size_t n;
};

static enum store_result
trend_get(struct connection *connection, struct store_trend *trend)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_TREND_GET, "t", trend->server);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	trend->trend = (struct trend){ 0 };
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
	/* A damaged one is none. */
	trend_read(sqlite_text(statement, 1), sqlite_ms(statement, 0), &trend->trend);
	return sqlite_row_end(statement);
}

static enum store_result
work_trends_get(struct connection *connection, void *arguments)
{
	struct trends_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++)
		if (trend_get(connection, &a->trends[i]) != STORE_OK)
			return STORE_FAILED;
	return STORE_OK;
}

enum store_result
sqlite_trends_get(struct store *store, struct store_trend *trends, size_t n)
{
	struct trends_arguments a = { trends, n };
	enum store_result result = sqlite_perform(store, false, work_trends_get, &a);

	for (size_t i = 0; i < n && result != STORE_OK; i++)
		trends[i].trend = (struct trend){ 0 };
	return result;
}

static enum store_result
work_trends_put(struct connection *connection, void *arguments)
{
	struct trends_arguments *a = arguments;
	enum store_result result = STORE_OK;
	struct buf text;

	buf_init(&text, LIMIT_ANSWER_BYTES);
	for (size_t i = 0; i < a->n && result == STORE_OK; i++) {
		buf_clear(&text);
		trend_write(&a->trends[i].trend, &text);
		result = sqlite_run(connection, SQL_TREND_PUT, "tis", a->trends[i].server,
		    a->trends[i].trend.minute, buf_view(&text));
	}
	buf_free(&text);
	return result;
}

enum store_result
sqlite_trends_put(struct store *store, struct store_trend *trends, size_t n)
{
	struct trends_arguments a = { trends, n };

	return n == 0 ? STORE_OK : sqlite_perform(store, true, work_trends_put, &a);
}

enum store_result
sqlite_trends_purge(struct connection *connection, int64_t now_ms)
{
	return sqlite_run(connection, SQL_TREND_PURGE, "i",
	    now_ms / TREND_MINUTE_MS - TREND_MINUTES);
}
