#include "adapters/sqlite/store_sqlite.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/alone.h"
#include "adapters/sqlite/sqlite.h"
#include "adapters/turns.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/processors.h"

/* How many connections are enough, and are kept: as many as can be at work, and as many that
 * wait for a lock or the disk.  Each has some 90 KB.  What is closed gives its memory back;
 * SQLite keeps its descriptor, for the next (unixClose in os_unix.c). */
#define ENOUGH_EACH 2 /* processors */
#define ENOUGH_LEAST 4
#define ENOUGH_MOST 32

/* With enough of them one is given back before another could be opened.  After so long they do
 * wait for something, and another is opened all the same. */
#define GIVE_WAIT_MS 20

/* How long opening the store may wait at the start of a program. */
#define START_WAIT_MS 1000

/* ---- Statements ---------------------------------------------------------- */

static void
bind_one(sqlite3_stmt *statement, int at, char type, va_list *arguments)
{
	struct str text;

	switch (type) {
	case 's':
		text = va_arg(*arguments, struct str);
		sqlite3_bind_text(statement, at, text.data ? text.data : "", (int)text.len,
		    SQLITE_STATIC);
		break;
	case 't':
		sqlite3_bind_text(statement, at, va_arg(*arguments, const char *), -1,
		    SQLITE_STATIC);
		break;
	case 'i':
		sqlite3_bind_int64(statement, at, va_arg(*arguments, int64_t));
		break;
	case 'd':
		sqlite3_bind_double(statement, at, va_arg(*arguments, double));
		break;
	case 'b':
		text = va_arg(*arguments, struct str);
		sqlite3_bind_blob64(statement, at, text.data ? text.data : "", text.len,
		    SQLITE_STATIC);
		break;
	default:
		break;
	}
}

static sqlite3_stmt *
query(struct connection *connection, enum sql_statement which, const char *format,
    va_list *arguments)
{
	sqlite3_stmt **statement = &connection->prepared[which];

	if (!*statement &&
	    sqlite3_prepare_v3(connection->file.db, sql_texts[which], -1,
	        SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	for (int i = 0; format[i] != '\0'; i++)
		bind_one(*statement, i + 1, format[i], arguments);
	return *statement;
}

sqlite3_stmt *
sqlite_query(struct connection *connection, enum sql_statement which, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	sqlite3_stmt *statement = query(connection, which, format, &arguments);
	va_end(arguments);
	return statement;
}

int
sqlite_step_once(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return code;
	return sqlite3_reset(statement) == SQLITE_OK ? SQLITE_DONE : SQLITE_ERROR;
}

enum store_result
sqlite_run(struct connection *connection, enum sql_statement which, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	sqlite3_stmt *statement = query(connection, which, format, &arguments);
	va_end(arguments);
	return statement && sqlite_step_once(statement) == SQLITE_DONE ?
	    STORE_OK :
	    STORE_FAILED;
}

uint64_t
sqlite_version(struct connection *connection)
{
	if (connection->version > 0)
		return connection->version;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_NEXT_VERSION, "");

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return 0;
	connection->version = (uint64_t)sqlite3_column_int64(statement, 0);
	/* A statement that returns rows has done its work only when it is stepped to
	 * its end. */
	if (sqlite_step_once(statement) != SQLITE_DONE)
		connection->version = 0;
	return connection->version;
}

enum store_result
sqlite_row_end(sqlite3_stmt *statement)
{
	return sqlite3_reset(statement) == SQLITE_OK ? STORE_OK : STORE_FAILED;
}

struct str
sqlite_text(sqlite3_stmt *statement, int column)
{
	/* The bytes after the text, which may be converted. */
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ?
	    (struct str){ text, (size_t)sqlite3_column_bytes(statement, column) } :
	    STR("");
}

struct str
sqlite_str(struct arena *arena, sqlite3_stmt *statement, int column)
{
	struct str text = sqlite_text(statement, column);

	return (struct str){ str_copy(arena, text), text.len };
}

int
sqlite_count(sqlite3_stmt *statement, int column)
{
	int count = sqlite3_column_int(statement, column);

	return count < 0 ? 0 : count > 1000000 ? 1000000 : count;
}

int64_t
sqlite_ms(sqlite3_stmt *statement, int column)
{
	int64_t ms = sqlite3_column_int64(statement, column);

	return ms < 0 ? 0 : ms > INT64_MAX / 4 ? INT64_MAX / 4 : ms;
}

double
sqlite_amount(sqlite3_stmt *statement, int column)
{
	double amount = sqlite3_column_double(statement, column);

	/* Up to 2^53, beyond which adding 1 changes nothing. */
	return amount >= 0 && amount <= 9007199254740992.0 ? amount : 0;
}

/* ---- Connections ----------------------------------------------------------- */

static size_t
connections_enough(void)
{
	size_t enough = (size_t)processors_count() * ENOUGH_EACH;

	return enough < ENOUGH_LEAST ?
	    ENOUGH_LEAST :
	    enough > ENOUGH_MOST ?
	    ENOUGH_MOST :
	    enough;
}

static void
connection_close(struct store_sqlite *sqlite, struct connection *connection)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(connection->prepared[i]);
	sqlite_file_close(&connection->file);
	free(connection);
	pthread_mutex_lock(&sqlite->mutex);
	sqlite->n_open--;
	pthread_cond_signal(&sqlite->given);
	pthread_mutex_unlock(&sqlite->mutex);
}

/* An idle connection, or NULL, when the caller is to open another, which counts from here
 * on. */
static struct connection *
idle_take(struct store_sqlite *sqlite, int64_t deadline_ms)
{
	struct timespec until = { 0 };
	int error = 0;

	pthread_mutex_lock(&sqlite->mutex);
	while (!sqlite->idle && sqlite->n_open >= sqlite->n_enough && error == 0) {
		if (until.tv_sec == 0) {
			int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + GIVE_WAIT_MS;
			until = clock_timespec(
			    (until_ms < deadline_ms ? until_ms : deadline_ms) * 1000);
		}
		error = pthread_cond_timedwait(&sqlite->given, &sqlite->mutex, &until);
	}
	struct connection *connection = sqlite->idle;
	if (connection) {
		sqlite->idle = connection->next;
		sqlite->n_idle--;
	} else {
		sqlite->n_open++;
	}
	pthread_mutex_unlock(&sqlite->mutex);
	return connection;
}

/* A connection that may wait until the deadline, or NULL with the error. */
static struct connection *
connection_take(struct store_sqlite *sqlite, int64_t deadline_ms, int *error)
{
	struct connection *connection;

	*error = SQLITE_OK;
	while ((connection = idle_take(sqlite, deadline_ms)) != NULL) {
		if (sqlite_file_is_in_place(&connection->file, sqlite->path)) {
			connection->file.until_ms = deadline_ms;
			connection->version = 0;
			return connection;
		}
		connection_close(sqlite, connection);
	}
	connection = mem_alloc(sizeof(*connection));
	*error = sqlite_file_open(sqlite->path, &sql_schema, deadline_ms, &connection->file);
	if (*error == SQLITE_OK)
		return connection;
	connection_close(sqlite, connection);
	return NULL;
}

static void
connection_give(struct store_sqlite *sqlite, struct connection *connection)
{
	pthread_mutex_lock(&sqlite->mutex);
	bool is_kept = sqlite->n_idle < sqlite->n_enough;
	if (is_kept) {
		connection->next = sqlite->idle;
		sqlite->idle = connection;
		sqlite->n_idle++;
		pthread_cond_signal(&sqlite->given);
	}
	pthread_mutex_unlock(&sqlite->mutex);
	if (!is_kept)
		connection_close(sqlite, connection);
}

/*
 * After a failure.  A connection that only met a lock, or a disk that takes no more, stays:
 * closed as the last one it would take its -wal and -shm along, for which such a disk has
 * no place any more, so that nothing could be read, either.
 */
static void
connection_give_failed(struct store_sqlite *sqlite, struct connection *connection)
{
	int error = sqlite3_extended_errcode(connection->file.db);
	bool stays = (error & 0xff) == SQLITE_BUSY || error == SQLITE_FULL ||
	    error == SQLITE_IOERR_WRITE;

	if (!sqlite3_get_autocommit(connection->file.db))
		sqlite_run(connection, SQL_ROLLBACK, "");
	if (stays && sqlite3_get_autocommit(connection->file.db))
		connection_give(sqlite, connection);
	else
		connection_close(sqlite, connection);
}

/* ---- The breaker ------------------------------------------------------------ */

/*
 * What was lost is past: the state is whole from now on, or rather from when the mender,
 * which has STORE_WAIT_MS for all of this, has told the others, whose writes are lost
 * until then.
 */
static bool
can_write(struct connection *connection)
{
	int64_t whole_ms = clock_ms(CLOCK_REALTIME) + STORE_WAIT_MS;

	return sqlite_run(connection, SQL_BEGIN, "") == STORE_OK &&
	    sqlite_run(connection, SQL_WHOLE_PUT, "i", whole_ms) == STORE_OK &&
	    sqlite_run(connection, SQL_COMMIT, "") == STORE_OK;
}

static bool
can_read(struct connection *connection)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_WHOLE_GET, "");

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return false;
	sqlite3_reset(statement);
	return true;
}

/* Try what failed.  A state that cannot be written may be read all the same. */
static void
mend(void *context)
{
	struct store_sqlite *sqlite = context;
	struct breaker *breaker = &sqlite->breaker;
	int error;
	struct connection *connection = connection_take(sqlite,
	    clock_ms(CLOCK_MONOTONIC) + STORE_WAIT_MS, &error);
	bool works = connection && can_read(connection);

	if (works)
		breaker_reset(breaker, false);
	if (works && atomic_load(&breaker->is_set[true])) {
		works = can_write(connection);
		if (works)
			breaker_reset(breaker, true);
	}
	if (works)
		connection_give(sqlite, connection);
	else if (connection)
		connection_give_failed(sqlite, connection);
}

/* ---- Running one verb -------------------------------------------------------- */

static enum store_result
attempt(struct connection *connection, bool writes, sqlite_work *work, void *arguments)
{
	if (writes && sqlite_run(connection, SQL_BEGIN, "") != STORE_OK)
		return STORE_FAILED;
	enum store_result result = work(connection, arguments);

	if (writes && result != STORE_FAILED &&
	    sqlite_run(connection, SQL_COMMIT, "") != STORE_OK)
		result = STORE_FAILED;
	return result;
}

/*
 * Run the work until the deadline; *reason tells why it failed.  On a file that turns out
 * to be damaged or replaced it is run again: first on what is there when it is opened
 * anew, and if that is damaged, too, on a new file.
 */
static enum store_result
perform_until(struct store_sqlite *sqlite, bool writes, sqlite_work *work, void *arguments,
    int64_t deadline_ms, const char **reason)
{
	for (int tries = 1;; tries++) {
		int error;
		struct connection *connection = connection_take(sqlite, deadline_ms, &error);

		if (!connection) {
			*reason = sqlite_file_error_text(error);
			return STORE_FAILED;
		}
		enum store_result result = attempt(connection, writes, work, arguments);

		if (result != STORE_FAILED) {
			connection_give(sqlite, connection);
			return result;
		}
		error = sqlite3_extended_errcode(connection->file.db);
		bool is_damaged = sqlite_file_is_damaged(error);
		bool is_replaced = !sqlite_file_is_in_place(&connection->file, sqlite->path);

		if (is_damaged && !is_replaced && tries == 2)
			sqlite_file_move_aside(&connection->file, sqlite->path);
		connection_give_failed(sqlite, connection);
		if ((!is_damaged && !is_replaced) || tries == 3) {
			*reason = sqlite_file_error_text(error);
			return STORE_FAILED;
		}
	}
}

/* Wait for the turn to write.  Returns false when the deadline is over.  (A mutex alone
 * waits by a clock that may be set, or by a function that is new and that
 * ThreadSanitizer does not know.) */
static bool
write_turn_take(struct store_sqlite *sqlite, int64_t deadline_ms)
{
	struct timespec deadline = clock_timespec(deadline_ms * 1000);

	pthread_mutex_lock(&sqlite->write_mutex);
	int error = 0;
	while (sqlite->is_writing && error == 0)
		error = pthread_cond_timedwait(&sqlite->write_turn, &sqlite->write_mutex,
		    &deadline);
	bool is_ours = !sqlite->is_writing;

	sqlite->is_writing = true;
	pthread_mutex_unlock(&sqlite->write_mutex);
	return is_ours;
}

static void
write_turn_give(struct store_sqlite *sqlite)
{
	pthread_mutex_lock(&sqlite->write_mutex);
	sqlite->is_writing = false;
	pthread_cond_signal(&sqlite->write_turn);
	pthread_mutex_unlock(&sqlite->write_mutex);
}

static enum store_result
perform(struct store *store, bool writes, sqlite_work *work, void *arguments)
{
	struct store_sqlite *sqlite = (struct store_sqlite *)store;
	int64_t deadline_ms = clock_ms(CLOCK_MONOTONIC) + STORE_WAIT_MS;

	if (atomic_load(&sqlite->breaker.is_set[writes]))
		return STORE_FAILED;
	const char *reason = "another write takes too long";
	if (writes && !write_turn_take(sqlite, deadline_ms)) {
		breaker_set(&sqlite->breaker, writes, reason);
		return STORE_FAILED;
	}
	/* Those that queued behind a failure need not see it for themselves. */
	enum store_result result = atomic_load(&sqlite->breaker.is_set[writes]) ?
	    STORE_FAILED :
	    perform_until(sqlite, writes, work, arguments, deadline_ms, &reason);

	if (result == STORE_FAILED && !atomic_load(&sqlite->breaker.is_set[writes]))
		breaker_set(&sqlite->breaker, writes, reason);
	if (writes)
		write_turn_give(sqlite);
	return result;
}

enum store_result
sqlite_perform(struct store *store, bool writes, sqlite_work *work, void *arguments)
{
	enum store_result result = perform(store, writes, work, arguments);

	if (result == STORE_FAILED)
		metrics_add(METRIC_STATE_FAILURES, writes, 0, 1);
	return result;
}

/* ---- Forgetting --------------------------------------------------------------- */

/* Forget servers that are nobody's any more.  What processes remember of them is read again. */
static enum store_result
purge_servers(struct connection *connection, int64_t now_ms)
{
	static const enum sql_statement statements[] = { SQL_SERVER_LISTS_PURGE,
		SQL_SERVER_PACING_PURGE, SQL_SERVER_PURGE };
	int64_t before_ms = now_ms - SERVER_KEEP_MS;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_SERVERS_LEFT, "i", before_ms);

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return STORE_FAILED;
	bool is_any = sqlite3_column_int64(statement, 0) > 0;
	sqlite3_reset(statement);
	if (!is_any)
		return STORE_OK;
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
		if (sqlite_run(connection, statements[i], "i", before_ms) != STORE_OK)
			return STORE_FAILED;
	return sqlite_run(connection, SQL_BORN_ANEW, "");
}

static enum store_result
work_purge(struct connection *connection, void *arguments)
{
	int64_t now_ms = *(int64_t *)arguments;

	if (sqlite_run(connection, SQL_PURGED_PUT, "i", now_ms) != STORE_OK ||
	    sqlite_run(connection, SQL_MEETING_PURGE, "i", now_ms - MEETING_KEEP_MS) !=
	        STORE_OK ||
	    sqlite_run(connection, SQL_ABSENT_PURGE, "i", now_ms) != STORE_OK ||
	    sqlite_run(connection, SQL_PEAK_PURGE, "ii", now_ms - PEAK_KEEP_MS,
	        (int64_t)PEAKS_MOST) != STORE_OK ||
	    sqlite_run(connection, SQL_COPY_PURGE_OLD, "i", now_ms - RECORDING_KEEP_MS) !=
	        STORE_OK ||
	    sqlite_run(connection, SQL_COPY_PURGE_MANY, "i", (int64_t)LIMIT_RECORDINGS) !=
	        STORE_OK ||
	    sqlite_trends_purge(connection, now_ms) != STORE_OK ||
	    purge_servers(connection, now_ms) != STORE_OK)
		return STORE_FAILED;
	return sqlite_webhooks_purge(connection, now_ms);
}

/* OK when it was done lately, STALE when long ago, else NOT_FOUND. */
static enum store_result
work_purge_look(struct connection *connection, void *arguments)
{
	int64_t now_ms = *(int64_t *)arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_PURGED_GET, "");

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return STORE_FAILED;
	int64_t age_ms = now_ms - sqlite_ms(statement, 0);

	sqlite3_reset(statement);
	return age_ms > PURGE_GAP_MS ?
	    STORE_STALE :
	    age_ms >= 0 && age_ms < PURGE_INTERVAL_MS ?
	    STORE_OK :
	    STORE_NOT_FOUND;
}

static enum store_result
work_purge_later(struct connection *connection, void *arguments)
{
	return sqlite_run(connection, SQL_PURGED_PUT, "i", *(int64_t *)arguments);
}

static enum store_result
sqlite_purge(struct store *store, int64_t now_ms)
{
	enum store_result result = sqlite_perform(store, false, work_purge_look, &now_ms);

	if (result == STORE_STALE)
		return sqlite_perform(store, true, work_purge_later, &now_ms);
	return result == STORE_NOT_FOUND ?
	    sqlite_perform(store, true, work_purge, &now_ms) :
	    result;
}

static enum store_result
sqlite_turn_take(struct store *store, struct str meeting_id, struct store_turn *turn)
{
	return turns_take(((struct store_sqlite *)store)->path, meeting_id, turn);
}

static void
sqlite_turn_give(struct store *store, struct store_turn *turn)
{
	(void)store;
	turns_give(turn);
}

/* ---- The store ------------------------------------------------------------------ */

static void
sqlite_close(struct store *store)
{
	struct store_sqlite *sqlite = (struct store_sqlite *)store;

	breaker_end(&sqlite->breaker);
	struct connection *connection;
	while ((connection = sqlite->idle) != NULL) {
		sqlite->idle = connection->next;
		connection_close(sqlite, connection);
	}
	mirror_free(&sqlite->mirror);
	pthread_cond_destroy(&sqlite->write_turn);
	pthread_cond_destroy(&sqlite->given);
	pthread_mutex_destroy(&sqlite->mutex);
	pthread_mutex_destroy(&sqlite->write_mutex);
	free(sqlite->path);
	free(sqlite);
}

static const char *
sqlite_problem(struct store *store, struct arena *arena)
{
	return breaker_problem(&((struct store_sqlite *)store)->breaker, arena);
}

static const struct store_verbs sqlite_verbs = {
	.servers_get = sqlite_servers_get,
	.servers_set = sqlite_servers_set,
	.meeting_get = sqlite_meeting_get,
	.meetings_set = sqlite_meetings_set,
	.turn_take = sqlite_turn_take,
	.turn_give = sqlite_turn_give,
	.meetings_on = sqlite_meetings_on,
	.history_get = sqlite_history_get,
	.picture_get = sqlite_picture_get,
	.typical_put = sqlite_typical_put,
	.absent_put = sqlite_absent_put,
	.lease_take = sqlite_lease_take,
	.polls_begin = alone_polls_begin,
	.slot_take = sqlite_slot_take,
	.recordings_put = sqlite_recordings_put,
	.recordings_find = sqlite_recordings_find,
	.lists_put = sqlite_lists_put,
	.list_find = sqlite_list_find,
	.lists_drop = sqlite_lists_drop,
	.webhook_put = sqlite_webhook_put,
	.webhook_list = sqlite_webhook_list,
	.webhook_drop = sqlite_webhook_drop,
	.events_get = sqlite_events_get,
	.trends_get = sqlite_trends_get,
	.trends_put = sqlite_trends_put,
	.purge = sqlite_purge,
	.describe = alone_describe,
	.problem = sqlite_problem,
	.close = sqlite_close,
};

/* Before the process's first connection.  A state has few pages, and each worker a connection:
 * pages are allocated one by one, not twenty at once for each (SQLITE_CONFIG_PAGECACHE).
 * Nobody asks what SQLite has, which it would count under one mutex for all threads. */
static void
set_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

struct store *
store_sqlite_open(const char *path)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct store_sqlite *sqlite = mem_alloc(sizeof(*sqlite));

	pthread_once(&once, set_memory);

	sqlite->store.verbs = &sqlite_verbs;
	sqlite->path = mem_strdup(path);
	breaker_init(&sqlite->breaker, "file", sqlite->path, mend, sqlite);
	pthread_mutex_init(&sqlite->mutex, NULL);
	pthread_mutex_init(&sqlite->write_mutex, NULL);
	clock_cond_init(&sqlite->write_turn);
	clock_cond_init(&sqlite->given);
	mirror_init(&sqlite->mirror);
	sqlite->n_enough = connections_enough();
	int error;
	struct connection *connection = connection_take(sqlite,
	    clock_ms(CLOCK_MONOTONIC) + START_WAIT_MS, &error);

	if (connection) {
		connection_give(sqlite, connection);
	} else {
		breaker_set(&sqlite->breaker, false, sqlite_file_error_text(error));
		breaker_set(&sqlite->breaker, true, sqlite_file_error_text(error));
	}
	return &sqlite->store;
}

const char *
store_sqlite_version(void)
{
	return sqlite3_libversion();
}
