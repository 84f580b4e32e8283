#include "adapters/sqlite/store_sqlite.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/file.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/load.h"
#include "ports/store.h"

/* A mapping this old goes, so that the file does not grow with history; if the
 * meeting still runs, the next call about it costs a look-up. */
#define MEETING_KEEP_MS (INT64_C(24) * 3600 * 1000)

/* What a meetingID had last time is remembered over the longest holidays, and of no
 * more meetings than this. */
#define PEAK_KEEP_MS (INT64_C(100) * 24 * 3600 * 1000)
#define PEAKS_MOST 100000

/* No lease lasts longer. */
#define LEASE_MOST_MS (INT64_C(600) * 1000)

/* Records of absent meetings are of use for seconds; older ones go. */
#define ABSENT_KEEP_MS 60000

/* The schema; see adapters/sqlite/file.h. */
static const char *const schema_steps[] = {
	[0] =
	    "CREATE TABLE meeting (id TEXT PRIMARY KEY, server TEXT NOT NULL,"
	    " claimed_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX meeting_server ON meeting (server);"
	    "CREATE INDEX meeting_claimed ON meeting (claimed_ms);"
	    "CREATE TABLE absent (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX absent_at ON absent (at_ms);"
	    "CREATE TABLE server (name TEXT PRIMARY KEY, health INTEGER NOT NULL DEFAULT 0,"
	    " operator_state INTEGER, failures INTEGER NOT NULL DEFAULT 0,"
	    " successes INTEGER NOT NULL DEFAULT 0, probe_ms INTEGER NOT NULL DEFAULT 0,"
	    " users INTEGER NOT NULL DEFAULT 0, turn REAL NOT NULL DEFAULT 0) WITHOUT ROWID;"
	    "CREATE TABLE lease (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL,"
	    " until_ms INTEGER NOT NULL);"
	    "CREATE TABLE list (server TEXT NOT NULL, what TEXT NOT NULL, answer BLOB NOT NULL,"
	    " PRIMARY KEY (server, what));",
	[1] =
	    "ALTER TABLE meeting ADD COLUMN seats INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN users INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN peak INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN voice INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN videos INTEGER NOT NULL DEFAULT 0;"
	    "CREATE TABLE peak (id TEXT PRIMARY KEY, users INTEGER NOT NULL,"
	    " at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX peak_at ON peak (at_ms);"
	    "CREATE TABLE typical (id INTEGER PRIMARY KEY, users REAL NOT NULL);",
	[2] =
	    "CREATE TABLE recording (id TEXT PRIMARY KEY, server TEXT NOT NULL,"
	    " at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX recording_at ON recording (at_ms);",
	[3] =
	    "CREATE TABLE hook (id TEXT PRIMARY KEY, url TEXT NOT NULL,"
	    " meeting_id TEXT NOT NULL, event_id TEXT NOT NULL, raw INTEGER NOT NULL,"
	    " base TEXT NOT NULL, is_dropped INTEGER NOT NULL, changed_ms INTEGER NOT NULL)"
	    " WITHOUT ROWID;",
	[4] = "ALTER TABLE server ADD COLUMN failing_ms INTEGER NOT NULL DEFAULT 0;",
};

static const struct sqlite_schema schema = {
	.steps = schema_steps,
	.n = sizeof(schema_steps) / sizeof(*schema_steps),
};

enum statement {
	BEGIN,
	BEGIN_READ,
	COMMIT,
	ROLLBACK,
	MEETING_COUNTS,
	MEETING_FIND,
	MEETING_PUT,
	MEETING_PURGE,
	MEETING_ADOPT,
	MEETING_USERS,
	MEETING_DROP,
	MEETINGS_ON,
	MEETINGS_YOUNG,
	PEAK_KEEP,
	PEAK_FIND,
	PEAK_PURGE,
	TYPICAL_FIND,
	TYPICAL_PUT,
	ABSENT_PUT,
	ABSENT_DROP,
	ABSENT_PURGE,
	SERVER_FIND,
	SERVER_SAVE,
	SERVER_CONTACT,
	SERVER_POLLED,
	SERVER_TURN,
	RECORDING_FIND,
	RECORDING_PUT,
	RECORDING_DROP,
	RECORDING_PURGE_OLD,
	RECORDING_PURGE_MANY,
	LIST_PUT,
	LIST_PURGE,
	LIST_FIND,
	LIST_DROP,
	LEASE_FIND,
	LEASE_PUT,
	HOOK_LIST,
	HOOK_STATE,
	HOOK_PUT,
	HOOK_PURGE,
	STATEMENTS
};

static const char *const statements[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[BEGIN_READ] = "BEGIN",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[MEETING_COUNTS] = "SELECT server, COUNT(*) FROM meeting GROUP BY server",
	[MEETING_FIND] =
	    "SELECT m.server, m.claimed_ms, s.health, s.operator_state, s.failures,"
	    " s.successes"
	    " FROM meeting m LEFT JOIN server s ON s.name = m.server WHERE m.id = ?1"
	    " UNION ALL SELECT NULL, at_ms, NULL, NULL, NULL, NULL FROM absent WHERE id = ?1",
	[MEETING_PUT] =
	    "INSERT INTO meeting (id, server, claimed_ms, seats) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (id) DO UPDATE SET server = ?2, claimed_ms = ?3, seats = ?4,"
	    " users = 0, peak = 0",
	[MEETING_ADOPT] =
	    "INSERT INTO meeting (id, server, claimed_ms, users, peak)"
	    " VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (id) DO NOTHING",
	[MEETING_USERS] = "UPDATE meeting SET users = ?2, peak = MAX(peak, ?2) WHERE id = ?1",
	[MEETING_PURGE] = "DELETE FROM meeting WHERE claimed_ms < ?1",
	[MEETING_DROP] = "DELETE FROM meeting WHERE id = ?1",
	[MEETINGS_ON] = "SELECT id, claimed_ms, users, peak FROM meeting WHERE server = ?1",
	[MEETINGS_YOUNG] =
	    "SELECT server, claimed_ms, seats, users FROM meeting"
	    " WHERE claimed_ms > ?1",
	[PEAK_KEEP] =
	    "INSERT INTO peak (id, users, at_ms) SELECT id, peak, claimed_ms"
	    " FROM meeting WHERE id = ?1 AND peak > 0"
	    " ON CONFLICT (id) DO UPDATE SET users = excluded.users, at_ms = excluded.at_ms",
	[PEAK_FIND] = "SELECT users FROM peak WHERE id = ?1",
	[PEAK_PURGE] =
	    "DELETE FROM peak WHERE at_ms < ?1 OR at_ms <"
	    " (SELECT at_ms FROM peak ORDER BY at_ms DESC LIMIT 1 OFFSET ?2)",
	[TYPICAL_FIND] = "SELECT users FROM typical WHERE id = 1",
	[TYPICAL_PUT] =
	    "INSERT INTO typical (id, users) VALUES (1, ?1)"
	    " ON CONFLICT (id) DO UPDATE SET users = ?1",
	[ABSENT_PUT] =
	    "INSERT INTO absent (id, at_ms) SELECT ?1, ?2"
	    " WHERE NOT EXISTS (SELECT 1 FROM meeting WHERE id = ?1)"
	    " ON CONFLICT (id) DO UPDATE SET at_ms = ?2",
	[ABSENT_DROP] = "DELETE FROM absent WHERE id = ?1",
	[ABSENT_PURGE] = "DELETE FROM absent WHERE at_ms < ?1",
	[SERVER_FIND] =
	    "SELECT health, operator_state, failures, successes, probe_ms, since_ms,"
	    " users, voice, videos, turn, failing_ms FROM server WHERE name = ?1",
	[SERVER_CONTACT] =
	    "INSERT INTO server (name, health, failures, successes, probe_ms,"
	    " since_ms, failing_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (name) DO UPDATE SET health = ?2, failures = ?3, successes = ?4,"
	    " probe_ms = ?5, since_ms = ?6, failing_ms = ?7",
	[SERVER_POLLED] =
	    "INSERT INTO server (name, probe_ms, since_ms, users, voice, videos)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE"
	    " SET probe_ms = ?2, since_ms = ?3, users = ?4, voice = ?5, videos = ?6",
	[SERVER_SAVE] =
	    "INSERT INTO server (name, health, operator_state) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (name) DO UPDATE SET health = ?2, operator_state = ?3",
	[SERVER_TURN] =
	    "INSERT INTO server (name, turn) VALUES (?1, ?2)"
	    " ON CONFLICT (name) DO UPDATE SET turn = ?2",
	[RECORDING_FIND] = "SELECT server, at_ms FROM recording WHERE id = ?1",
	[RECORDING_PUT] =
	    "INSERT INTO recording (id, server, at_ms) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (id) DO UPDATE SET server = ?2, at_ms = ?3",
	[RECORDING_DROP] = "DELETE FROM recording WHERE id = ?1",
	[RECORDING_PURGE_OLD] = "DELETE FROM recording WHERE at_ms < ?1",
	[RECORDING_PURGE_MANY] =
	    "DELETE FROM recording WHERE id IN"
	    " (SELECT id FROM recording ORDER BY at_ms DESC LIMIT -1 OFFSET ?1)",
	[LIST_PUT] =
	    "INSERT INTO list (server, what, answer) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (server, what) DO UPDATE SET answer = ?3 WHERE answer <> ?3",
	[LIST_PURGE] =
	    "DELETE FROM list WHERE rowid IN"
	    " (SELECT rowid FROM list WHERE server = ?1 AND instr(what, '?') > 0"
	    " ORDER BY rowid DESC LIMIT -1 OFFSET ?2)",
	[LEASE_FIND] = "SELECT owner, until_ms FROM lease WHERE id = 1",
	[LEASE_PUT] =
	    "INSERT INTO lease (id, owner, until_ms) VALUES (1, ?1, ?2)"
	    " ON CONFLICT (id) DO UPDATE SET owner = ?1, until_ms = ?2",
	[HOOK_LIST] =
	    "SELECT id, url, meeting_id, event_id, raw, base, is_dropped, changed_ms"
	    " FROM hook ORDER BY id",
	[HOOK_STATE] =
	    "SELECT (SELECT is_dropped FROM hook WHERE id = ?1),"
	    " (SELECT COUNT(*) FROM hook WHERE NOT is_dropped)",
	[HOOK_PUT] =
	    "INSERT OR REPLACE INTO hook"
	    " (id, url, meeting_id, event_id, raw, base, is_dropped, changed_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[HOOK_PURGE] =
	    "DELETE FROM hook WHERE is_dropped AND (changed_ms < ?1 OR id NOT IN"
	    " (SELECT id FROM hook WHERE is_dropped ORDER BY changed_ms DESC LIMIT ?2))",
	[LIST_FIND] = "SELECT answer FROM list WHERE server = ?1 AND what = ?2",
	[LIST_DROP] =
	    "DELETE FROM list WHERE server = ?1"
	    " AND substr(what, 1, length(?2) + 1) = ?2 || '?'",
};

/* One connection: used by one thread at a time, kept between requests. */
struct connection {
	struct connection *next;
	struct sqlite_file file;
	sqlite3_stmt *prepared[STATEMENTS];
};

struct store_sqlite {
	struct store store;
	char *path;
	pthread_mutex_t mutex; /* guards idle */
	struct connection *idle;
	pthread_mutex_t write_mutex; /* threads queue here rather than in
	                                SQLite, which would make them sleep */
	atomic_bool failing[2];      /* reads, writes: was it logged? */
};

/* ---- Running one verb ------------------------------------------------- */

static void
connection_close(struct connection *connection)
{
	if (!connection)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(connection->prepared[i]);
	sqlite3_close(connection->file.db);
	free(connection);
}

static struct connection *
connection_take(struct store_sqlite *sqlite, int *error)
{
	*error = SQLITE_OK;
	for (;;) {
		pthread_mutex_lock(&sqlite->mutex);
		struct connection *connection = sqlite->idle;
		if (connection)
			sqlite->idle = connection->next;
		pthread_mutex_unlock(&sqlite->mutex);
		if (!connection)
			break;
		if (sqlite_file_is_in_place(&connection->file, sqlite->path))
			return connection;
		connection_close(connection);
	}
	struct connection *connection = mem_alloc(sizeof(*connection));
	*error = sqlite_file_open(sqlite->path, &schema, &connection->file);
	if (*error == SQLITE_OK)
		return connection;
	connection_close(connection);
	return NULL;
}

static void
connection_give(struct store_sqlite *sqlite, struct connection *connection)
{
	pthread_mutex_lock(&sqlite->mutex);
	connection->next = sqlite->idle;
	sqlite->idle = connection;
	pthread_mutex_unlock(&sqlite->mutex);
}

/* The statement, prepared once and ready to be bound, or NULL. */
static sqlite3_stmt *
prepare(struct connection *connection, enum statement which)
{
	sqlite3_stmt **statement = &connection->prepared[which];

	if (!*statement &&
	    sqlite3_prepare_v3(connection->file.db, statements[which], -1,
	        SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

/* Step once and, unless there is a row to read, reset.  Rows are SQLITE_ROW. */
static int
step(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	return code == SQLITE_ROW ?
	    code :
	    sqlite3_reset(statement) == SQLITE_OK ?
	    SQLITE_DONE :
	    SQLITE_ERROR;
}

static int
run(struct connection *connection, enum statement which)
{
	sqlite3_stmt *statement = prepare(connection, which);

	return statement && step(statement) == SQLITE_DONE ? 0 : -1;
}

/* A verb's work on one connection.  STORE_FAILED: SQLite knows why. */
typedef enum store_result verb_work(struct connection *connection, void *arguments);

static void
note_failure(struct store_sqlite *sqlite, bool writes, const char *reason)
{
	if (!atomic_exchange(&sqlite->failing[writes], true))
		log_warn(writes ? "the state cannot be written; serving without it" :
		                  "the state cannot be read; serving without it",
		    "file", sqlite->path, "reason", reason);
}

static void
note_success(struct store_sqlite *sqlite, bool writes)
{
	if (atomic_load(&sqlite->failing[writes]) &&
	    atomic_exchange(&sqlite->failing[writes], false))
		log_info(writes ? "the state can be written again" :
		                  "the state can be read again",
		    "file", sqlite->path);
}

static enum store_result
attempt(struct connection *connection, bool writes, verb_work *work, void *arguments)
{
	if (writes && run(connection, BEGIN) != 0)
		return STORE_FAILED;
	enum store_result result = work(connection, arguments);
	if (!writes)
		return result;
	if (result != STORE_FAILED && run(connection, COMMIT) != 0)
		result = STORE_FAILED;
	return result;
}

/* Run a verb: twice, when the first time shows that the file is damaged. */
static enum store_result
perform(struct store *store, bool writes, verb_work *work, void *arguments)
{
	struct store_sqlite *sqlite = (struct store_sqlite *)store;

	if (writes)
		pthread_mutex_lock(&sqlite->write_mutex);
	enum store_result result = STORE_FAILED;
	int tries = 2;
	while (tries-- > 0) {
		int error;
		struct connection *connection = connection_take(sqlite, &error);
		if (!connection) {
			note_failure(sqlite, writes,
			    error == SQLITE_MISMATCH ?
			        "written by a newer version of this program" :
			        sqlite3_errstr(error));
			break;
		}
		result = attempt(connection, writes, work, arguments);
		if (result != STORE_FAILED) {
			connection_give(sqlite, connection);
			note_success(sqlite, writes);
			break;
		}
		error = sqlite3_extended_errcode(connection->file.db);
		if (!sqlite3_get_autocommit(connection->file.db))
			run(connection, ROLLBACK);
		/* Then what is on the disk is looked at anew by opening it. */
		bool is_new = sqlite_file_is_damaged(error) ||
		    !sqlite_file_is_in_place(&connection->file, sqlite->path);
		connection_close(connection);
		if (is_new && tries > 0)
			continue;
		note_failure(sqlite, writes, sqlite3_errstr(error));
		break;
	}
	if (writes)
		pthread_mutex_unlock(&sqlite->write_mutex);
	return result;
}

/* ---- The verbs --------------------------------------------------------- */

static void
bind_str(sqlite3_stmt *statement, int at, struct str s)
{
	sqlite3_bind_text(statement, at, s.data ? s.data : "", (int)s.len, SQLITE_STATIC);
}

static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* A count that a damaged file cannot make negative or overflow. */
static int
read_count(sqlite3_stmt *statement, int column)
{
	int count = sqlite3_column_int(statement, column);

	return count < 0 ? 0 : count > 1000000 ? 1000000 : count;
}

/* Health, the operator's state and the counts from four columns; whatever was in
 * the file becomes something valid. */
static void
read_facts(sqlite3_stmt *statement, int column, struct server_facts *facts)
{
	int health = sqlite3_column_int(statement, column);
	int state = sqlite3_column_int(statement, column + 1);

	facts->health = health == SERVER_SUSPECT || health == SERVER_DOWN ?
	    (enum server_health)health :
	    SERVER_UP;
	facts->has_operator_state = sqlite3_column_type(statement, column + 1) ==
	        SQLITE_INTEGER &&
	    state >= SERVER_ENABLED && state <= SERVER_DISABLED;
	if (facts->has_operator_state)
		facts->operator_state = (enum server_state)state;
	facts->failures = read_count(statement, column + 2);
	facts->successes = read_count(statement, column + 3);
}

/* Fill in the facts of n servers. */
struct facts_arguments {
	size_t n;
	const struct server *servers; /* either these two arrays … */
	struct server_facts *facts;
	struct placement_candidate *candidates; /* … or this one */
};

static const char *
facts_name(const struct facts_arguments *a, size_t i)
{
	return a->candidates ? a->candidates[i].server->name : a->servers[i].name;
}

static struct server_facts *
facts_at(const struct facts_arguments *a, size_t i)
{
	return a->candidates ? &a->candidates[i].facts : &a->facts[i];
}

/* What is known of one server, without its count of meetings.  0 or -1. */
static int
read_server(struct connection *connection, const char *name, struct server_facts *facts)
{
	sqlite3_stmt *statement = prepare(connection, SERVER_FIND);

	*facts = (struct server_facts){ .health = SERVER_UP };
	if (!statement)
		return -1;
	bind_text(statement, 1, name);
	int code = step(statement);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? 0 : -1;
	read_facts(statement, 0, facts);
	facts->next_poll_ms = sqlite3_column_int64(statement, 4);
	facts->since_ms = sqlite3_column_int64(statement, 5);
	facts->users = read_count(statement, 6);
	facts->voice = read_count(statement, 7);
	facts->videos = read_count(statement, 8);
	facts->turn = sqlite3_column_double(statement, 9);
	facts->failing_ms = sqlite3_column_int64(statement, 10);
	sqlite3_reset(statement);
	return 0;
}

static enum store_result
read_all_facts(struct connection *connection, void *arguments)
{
	struct facts_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++)
		if (read_server(connection, facts_name(a, i), facts_at(a, i)) != 0)
			return STORE_FAILED;
	sqlite3_stmt *statement = prepare(connection, MEETING_COUNTS);
	if (!statement)
		return STORE_FAILED;
	int code;
	while ((code = step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);

		for (size_t i = 0; name && i < a->n; i++)
			if (strcmp(facts_name(a, i), name) == 0)
				facts_at(a, i)->meetings = (long)sqlite3_column_int64(statement,
				    1);
	}
	return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

/* Add up the seats that are reserved on each of the servers. */
static enum store_result
read_reserved(struct connection *connection, const struct facts_arguments *a, int64_t now_ms)
{
	sqlite3_stmt *statement = prepare(connection, MEETINGS_YOUNG);

	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, now_ms - LOAD_RESERVATION_MS);
	int code;
	while ((code = step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);
		double reserved = load_reserved(read_count(statement, 2),
		    read_count(statement, 3), now_ms - sqlite3_column_int64(statement, 1));

		for (size_t i = 0; name && i < a->n; i++)
			if (strcmp(facts_name(a, i), name) == 0)
				facts_at(a, i)->reserved += reserved;
	}
	return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_servers(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts)
{
	struct facts_arguments a = { .n = n, .servers = servers, .facts = facts };
	enum store_result result = perform(store, false, read_all_facts, &a);

	for (size_t i = 0; result == STORE_FAILED && i < n; i++)
		facts[i] = (struct server_facts){ .health = SERVER_UP };
	return result;
}

struct contact_arguments {
	const char *server;
	enum contact contact;
	const struct server_rules *rules;
	int64_t now_ms;
	uint64_t nonce;
	enum server_health before;
	struct server_facts facts;
};

/* What most contacts are: good ones with a server that is up, and failed calls to one
 * that is in doubt anyway. */
static bool
changes_nothing(const struct contact_arguments *a)
{
	switch (a->contact) {
	case CONTACT_CALL_GOOD:
		return a->facts.health == SERVER_DOWN || a->facts.failures == 0;
	case CONTACT_CALL_FAILED:
		return a->facts.health != SERVER_UP && a->facts.successes == 0;
	case CONTACT_POLL_GOOD:
		return a->facts.health == SERVER_UP && a->facts.failures == 0;
	case CONTACT_POLL_FAILED:
		break;
	}
	return false;
}

/* STORE_OK when the contact changes nothing, STORE_CONFLICT when it must be
 * written. */
static enum store_result
work_server_look(struct connection *connection, void *arguments)
{
	struct contact_arguments *a = arguments;

	if (read_server(connection, a->server, &a->facts) != 0)
		return STORE_FAILED;
	a->before = a->facts.health;
	return changes_nothing(a) ? STORE_OK : STORE_CONFLICT;
}

static enum store_result
work_server_contact(struct connection *connection, void *arguments)
{
	struct contact_arguments *a = arguments;
	enum store_result result = work_server_look(connection, a);

	if (result != STORE_CONFLICT)
		return result;
	server_contact(&a->facts, a->contact, a->rules, a->now_ms, a->nonce);
	sqlite3_stmt *statement = prepare(connection, SERVER_CONTACT);
	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, a->server);
	sqlite3_bind_int(statement, 2, (int)a->facts.health);
	sqlite3_bind_int(statement, 3, a->facts.failures);
	sqlite3_bind_int(statement, 4, a->facts.successes);
	sqlite3_bind_int64(statement, 5, a->facts.next_poll_ms);
	sqlite3_bind_int64(statement, 6, a->facts.since_ms);
	sqlite3_bind_int64(statement, 7, a->facts.failing_ms);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_server_contact(struct store *store, const char *server, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce,
    enum server_health *before, struct server_facts *facts)
{
	struct contact_arguments a = {
		.server = server,
		.contact = contact,
		.rules = rules,
		.now_ms = now_ms,
		.nonce = nonce,
	};
	enum store_result result = perform(store, false, work_server_look, &a);

	if (result == STORE_CONFLICT)
		result = perform(store, true, work_server_contact, &a);
	*before = a.before;
	if (facts)
		*facts = a.facts;
	return result;
}

struct server_save_arguments {
	const char *server;
	const struct server_facts *facts;
};

static enum store_result
work_server_save(struct connection *connection, void *arguments)
{
	struct server_save_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, SERVER_SAVE);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, a->server);
	sqlite3_bind_int(statement, 2, (int)a->facts->health);
	if (a->facts->has_operator_state)
		sqlite3_bind_int(statement, 3, (int)a->facts->operator_state);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_server_save(struct store *store, const char *server, const struct server_facts *facts)
{
	struct server_save_arguments a = { server, facts };

	return perform(store, true, work_server_save, &a);
}

struct meeting_arguments {
	struct arena *arena;
	struct str meeting_id;
	const char *server;
	int64_t at_ms;
	int64_t ttl_ms;
	struct placement *placement;
	struct meeting *meeting;
};

static enum store_result
work_meeting_find(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, MEETING_FIND);

	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, a->meeting_id);
	enum store_result result = STORE_NOT_FOUND;
	int code;
	while ((code = step(statement)) == SQLITE_ROW) {
		const char *server = (const char *)sqlite3_column_text(statement, 0);

		int64_t at_ms = sqlite3_column_int64(statement, 1);
		if (server) {
			*a->meeting = (struct meeting){
				.server = str_copy(a->arena, str_from(server)),
				.claimed_ms = at_ms,
			};
			read_facts(statement, 2, &a->meeting->facts);
			result = STORE_OK;
		} else if (result == STORE_NOT_FOUND && a->at_ms >= at_ms &&
		    a->at_ms - at_ms < a->ttl_ms) {
			result = STORE_ABSENT;
		}
	}
	return code == SQLITE_DONE ? result : STORE_FAILED;
}

static enum store_result
sqlite_meeting_find(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, int64_t absent_ttl_ms, struct meeting *meeting)
{
	struct meeting_arguments a = {
		.arena = arena,
		.meeting_id = meeting_id,
		.at_ms = now_ms,
		.ttl_ms = absent_ttl_ms,
		.meeting = meeting,
	};

	return perform(store, false, work_meeting_find, &a);
}

static enum store_result
work_meeting_absent(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, ABSENT_PURGE);

	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, a->at_ms - ABSENT_KEEP_MS);
	if (step(statement) != SQLITE_DONE)
		return STORE_FAILED;
	statement = prepare(connection, ABSENT_PUT);
	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, a->meeting_id);
	sqlite3_bind_int64(statement, 2, a->at_ms);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_meeting_absent(struct store *store, struct str meeting_id, int64_t now_ms)
{
	struct meeting_arguments a = { .meeting_id = meeting_id, .at_ms = now_ms };

	return perform(store, true, work_meeting_absent, &a);
}

static int
absent_drop(struct connection *connection, struct str meeting_id)
{
	sqlite3_stmt *statement = prepare(connection, ABSENT_DROP);

	if (!statement)
		return -1;
	bind_str(statement, 1, meeting_id);
	return step(statement) == SQLITE_DONE ? 0 : -1;
}

/* How many people meetings have typically, 0 when there was none.  0 or -1. */
static int
read_typical(struct connection *connection, double *typical)
{
	sqlite3_stmt *statement = prepare(connection, TYPICAL_FIND);

	if (!statement)
		return -1;
	int code = step(statement);
	*typical = code == SQLITE_ROW ? sqlite3_column_double(statement, 0) : 0;
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -1;
}

/* How many seats to reserve for the meeting (load_seats).  0 or -1. */
static int
read_seats(struct connection *connection, struct str meeting_id, long asked, long *seats)
{
	sqlite3_stmt *peak = prepare(connection, PEAK_FIND);

	if (!peak)
		return -1;
	bind_str(peak, 1, meeting_id);
	int code = step(peak);
	*seats = code == SQLITE_ROW ? read_count(peak, 0) : 0;
	sqlite3_reset(peak);
	double typical;
	if ((code != SQLITE_ROW && code != SQLITE_DONE) ||
	    read_typical(connection, &typical) != 0)
		return -1;
	*seats = load_seats(asked, *seats, typical);
	return 0;
}

/* Write one mapping, and forget that the meeting was absent, and old mappings. */
static int
meeting_put(struct connection *connection, struct str meeting_id, const char *server,
    long seats, int64_t now_ms)
{
	sqlite3_stmt *statement = prepare(connection, MEETING_PURGE);

	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, now_ms - MEETING_KEEP_MS);
	if (step(statement) != SQLITE_DONE)
		return -1;
	statement = prepare(connection, MEETING_PUT);

	if (!statement)
		return -1;
	bind_str(statement, 1, meeting_id);
	bind_text(statement, 2, server);
	sqlite3_bind_int64(statement, 3, now_ms);
	sqlite3_bind_int64(statement, 4, seats);
	if (step(statement) != SQLITE_DONE)
		return -1;
	return absent_drop(connection, meeting_id);
}

/* Choose a server with the facts of this moment and map the meeting to it. */
static enum store_result
place(struct connection *connection, struct meeting_arguments *a)
{
	struct placement *placement = a->placement;
	struct facts_arguments f = { .n = placement->n, .candidates = placement->candidates };

	if (read_all_facts(connection, &f) != STORE_OK ||
	    read_reserved(connection, &f, a->at_ms) != STORE_OK ||
	    read_seats(connection, placement->meeting_id, placement->seats_asked,
	        &placement->seats) != 0)
		return STORE_FAILED;
	struct placement_candidate *chosen = placement_choose(placement);
	if (!chosen)
		return STORE_NO_SERVER;
	sqlite3_stmt *statement = prepare(connection, SERVER_TURN);
	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, chosen->server->name);
	sqlite3_bind_double(statement, 2, chosen->facts.turn);
	if (step(statement) != SQLITE_DONE ||
	    meeting_put(connection, placement->meeting_id, chosen->server->name,
	        placement->seats, a->at_ms) != 0)
		return STORE_FAILED;
	*a->meeting = (struct meeting){
		.server = str_copy(a->arena, str_from(chosen->server->name)),
		.claimed_ms = a->at_ms,
		.facts = chosen->facts,
	};
	a->meeting->facts.meetings = 0;
	a->meeting->facts.reserved = 0;
	a->meeting->facts.turn = 0;
	return STORE_OK;
}

static enum store_result
work_meeting_claim(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	enum store_result result = work_meeting_find(connection, a);

	if (result == STORE_FAILED)
		return STORE_FAILED;
	if (result == STORE_OK && placement_has(a->placement, a->meeting->server))
		return STORE_EXISTS;
	return place(connection, a);
}

static enum store_result
sqlite_meeting_claim(struct store *store, struct arena *arena, struct placement *placement,
    int64_t now_ms, struct meeting *meeting)
{
	struct meeting_arguments a = {
		.arena = arena,
		.meeting_id = placement->meeting_id,
		.at_ms = now_ms,
		.placement = placement,
		.meeting = meeting,
	};

	return perform(store, true, work_meeting_claim, &a);
}

static enum store_result
work_meeting_adopt(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	enum store_result result = work_meeting_find(connection, a);

	if (result == STORE_OK)
		return STORE_EXISTS;
	long seats;
	if (result == STORE_FAILED || read_seats(connection, a->meeting_id, 0, &seats) != 0 ||
	    meeting_put(connection, a->meeting_id, a->server, seats, a->at_ms) != 0)
		return STORE_FAILED;
	return STORE_OK;
}

static enum store_result
sqlite_meeting_adopt(struct store *store, struct str meeting_id, const char *server,
    int64_t now_ms)
{
	struct arena *arena = arena_new();
	struct meeting found;
	struct meeting_arguments a = {
		.arena = arena,
		.meeting_id = meeting_id,
		.server = server,
		.at_ms = now_ms,
		.meeting = &found,
	};
	enum store_result result = perform(store, true, work_meeting_adopt, &a);

	arena_free(arena);
	return result;
}

/* Delete a mapping; how many people the meeting had is kept. */
static enum store_result
meeting_delete(struct connection *connection, struct str meeting_id)
{
	sqlite3_stmt *statement = prepare(connection, PEAK_KEEP);

	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, meeting_id);
	if (step(statement) != SQLITE_DONE)
		return STORE_FAILED;
	statement = prepare(connection, MEETING_DROP);
	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, meeting_id);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
work_meeting_move(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	enum store_result result = work_meeting_find(connection, a);

	if (result != STORE_OK)
		return result == STORE_FAILED ? STORE_FAILED : STORE_NOT_FOUND;
	if (strcmp(a->meeting->server, a->server) != 0)
		return STORE_CONFLICT;
	if (meeting_delete(connection, a->meeting_id) != STORE_OK)
		return STORE_FAILED;
	return place(connection, a);
}

static enum store_result
sqlite_meeting_move(struct store *store, struct arena *arena, struct placement *placement,
    const char *old_server, int64_t now_ms, struct meeting *meeting)
{
	struct meeting_arguments a = {
		.arena = arena,
		.meeting_id = placement->meeting_id,
		.server = old_server,
		.at_ms = now_ms,
		.placement = placement,
		.meeting = meeting,
	};

	return perform(store, true, work_meeting_move, &a);
}

static enum store_result
work_meeting_drop(struct connection *connection, void *arguments)
{
	struct meeting_arguments *a = arguments;
	enum store_result result = work_meeting_find(connection, a);

	if (result != STORE_OK)
		return result == STORE_FAILED ? STORE_FAILED : STORE_NOT_FOUND;
	if (strcmp(a->meeting->server, a->server) != 0 || a->meeting->claimed_ms != a->at_ms)
		return STORE_CONFLICT;
	return meeting_delete(connection, a->meeting_id);
}

static enum store_result
sqlite_meeting_drop(struct store *store, struct str meeting_id, const char *server,
    int64_t claimed_ms)
{
	struct arena *arena = arena_new();
	struct meeting found;
	struct meeting_arguments a = {
		.arena = arena,
		.meeting_id = meeting_id,
		.server = server,
		.at_ms = claimed_ms,
		.meeting = &found,
	};
	enum store_result result = perform(store, true, work_meeting_drop, &a);

	arena_free(arena);
	return result;
}

static int
compare_polled(const void *a, const void *b)
{
	const struct store_polled *const *x = a, *const *y = b;

	return str_compare((*x)->meeting_id, (*y)->meeting_id);
}

/* Sort what was found by meetingID, each once.  Returns how many there are. */
static size_t
sort_polled(const struct store_poll *poll, struct store_polled **sorted)
{
	for (size_t i = 0; i < poll->n; i++)
		sorted[i] = &poll->meetings[i];
	qsort(sorted, poll->n, sizeof(*sorted), compare_polled);
	size_t n = 0;
	for (size_t i = 0; i < poll->n; i++)
		if (n == 0 || compare_polled(&sorted[n - 1], &sorted[i]) != 0)
			sorted[n++] = sorted[i];
	return n;
}

/* The place of a meetingID in an array sorted by it, or n. */
static size_t
polled_at(struct store_polled *const *sorted, size_t n, struct str meeting_id)
{
	const struct store_polled wanted = { .meeting_id = meeting_id }, *key = &wanted;
	struct store_polled *const *found = n == 0 ?
	    NULL :
	    bsearch(&key, sorted, n, sizeof(*sorted), compare_polled);

	return found ? (size_t)(found - sorted) : n;
}

struct polls_arguments {
	struct arena *arena;
	struct store_poll *polls;
	size_t n;
	int64_t now_ms, fresh_ms;
};

/* Forget a mapping whose meeting has ended with at most peak people. */
static enum store_result
meeting_ended(struct connection *connection, struct str meeting_id, long peak)
{
	if (meeting_delete(connection, meeting_id) != STORE_OK)
		return STORE_FAILED;
	if (peak == 0)
		return STORE_OK;
	double typical;
	sqlite3_stmt *statement = read_typical(connection, &typical) == 0 ?
	    prepare(connection, TYPICAL_PUT) :
	    NULL;
	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_double(statement, 1, load_typical_next(typical, peak));
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

/* Write down how many people a mapped meeting has. */
static enum store_result
meeting_count(struct connection *connection, const struct store_polled *polled)
{
	sqlite3_stmt *statement = prepare(connection, MEETING_USERS);

	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, polled->meeting_id);
	sqlite3_bind_int64(statement, 2, polled->users);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

/* Map a meeting that was found, unless it is mapped elsewhere. */
static enum store_result
meeting_found(struct connection *connection, struct store_polled *polled, const char *server,
    int64_t now_ms)
{
	sqlite3_stmt *statement = prepare(connection, MEETING_ADOPT);

	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, polled->meeting_id);
	bind_text(statement, 2, server);
	sqlite3_bind_int64(statement, 3, now_ms);
	sqlite3_bind_int64(statement, 4, polled->users);
	if (step(statement) != SQLITE_DONE)
		return STORE_FAILED;
	polled->is_elsewhere = sqlite3_changes(connection->file.db) == 0;
	return absent_drop(connection, polled->meeting_id) == 0 ? STORE_OK : STORE_FAILED;
}

/* Make the mappings to a server agree with the meetings that run there. */
static enum store_result
reconcile(struct connection *connection, const struct polls_arguments *a,
    const struct store_poll *poll)
{
	struct store_polled **sorted = arena_alloc(a->arena, (poll->n + 1) * sizeof(*sorted));
	bool *mapped = arena_alloc(a->arena, poll->n + 1);
	sqlite3_stmt *statement = prepare(connection, MEETINGS_ON);
	size_t n = sort_polled(poll, sorted);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, poll->server);
	enum store_result result = STORE_OK;
	int code = SQLITE_DONE;
	while (result == STORE_OK && (code = step(statement)) == SQLITE_ROW) {
		struct str id = { (const char *)sqlite3_column_text(statement, 0),
			(size_t)sqlite3_column_bytes(statement, 0) };

		size_t at = polled_at(sorted, n, id);
		mapped[at] = true;
		if (at < n && sorted[at]->users != read_count(statement, 2))
			result = meeting_count(connection, sorted[at]);
		if (at < n || !poll->is_complete ||
		    sqlite3_column_int64(statement, 1) > a->now_ms - a->fresh_ms)
			continue;
		id.data = str_copy(a->arena, id);
		result = meeting_ended(connection, id, read_count(statement, 3));
	}
	if (result != STORE_OK || code != SQLITE_DONE)
		return STORE_FAILED;
	for (size_t i = 0; i < n && result == STORE_OK; i++)
		if (!sorted[i]->is_room && !mapped[i])
			result = meeting_found(connection, sorted[i], poll->server, a->now_ms);
	return result;
}

/* Write down a server's load and when it is to be polled next. */
static enum store_result
server_polled(struct connection *connection, const struct store_poll *poll, int64_t now_ms)
{
	struct server_facts facts;

	if (read_server(connection, poll->server, &facts) != 0)
		return STORE_FAILED;
	if (poll->next_poll_ms > 0)
		facts.next_poll_ms = poll->next_poll_ms;
	if (poll->answered) {
		facts.users = poll->users;
		facts.voice = poll->voice;
		facts.videos = poll->videos;
		if (facts.since_ms == 0)
			facts.since_ms = now_ms;
	}
	sqlite3_stmt *statement = prepare(connection, SERVER_POLLED);
	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, poll->server);
	sqlite3_bind_int64(statement, 2, facts.next_poll_ms);
	sqlite3_bind_int64(statement, 3, facts.since_ms);
	sqlite3_bind_int64(statement, 4, facts.users);
	sqlite3_bind_int64(statement, 5, facts.voice);
	sqlite3_bind_int64(statement, 6, facts.videos);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
work_polls_save(struct connection *connection, void *arguments)
{
	struct polls_arguments *a = arguments;
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < a->n && result == STORE_OK; i++) {
		result = server_polled(connection, &a->polls[i], a->now_ms);
		if (result == STORE_OK && a->polls[i].answered)
			result = reconcile(connection, a, &a->polls[i]);
	}
	sqlite3_stmt *statement = prepare(connection, PEAK_PURGE);
	if (result != STORE_OK || !statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, a->now_ms - PEAK_KEEP_MS);
	sqlite3_bind_int64(statement, 2, PEAKS_MOST);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_polls_save(struct store *store, struct store_poll *polls, size_t n, int64_t now_ms,
    int64_t fresh_ms)
{
	struct arena *arena = arena_new();
	struct polls_arguments a = { arena, polls, n, now_ms, fresh_ms };
	enum store_result result = perform(store, true, work_polls_save, &a);

	arena_free(arena);
	return result;
}

struct lease_arguments {
	uint64_t holder;
	int64_t now_ms, ttl_ms;
};

/* CONFLICT: another holds it.  OK: it is free, or ours. */
static enum store_result
work_lease_look(struct connection *connection, void *arguments)
{
	struct lease_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, LEASE_FIND);

	if (!statement)
		return STORE_FAILED;
	int code = step(statement);
	enum store_result result = STORE_OK;
	if (code == SQLITE_ROW) {
		int64_t left_ms = sqlite3_column_int64(statement, 1) - a->now_ms;
		/* One that ends far in the future was taken by a clock that was
		 * wrong. */
		if ((uint64_t)sqlite3_column_int64(statement, 0) != a->holder && left_ms > 0 &&
		    left_ms <= LEASE_MOST_MS)
			result = STORE_CONFLICT;
		sqlite3_reset(statement);
	} else if (code != SQLITE_DONE) {
		result = STORE_FAILED;
	}
	return result;
}

static enum store_result
work_lease_take(struct connection *connection, void *arguments)
{
	struct lease_arguments *a = arguments;
	enum store_result result = work_lease_look(connection, a);

	if (result != STORE_OK)
		return result;
	sqlite3_stmt *statement = prepare(connection, LEASE_PUT);
	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, (int64_t)a->holder);
	sqlite3_bind_int64(statement, 2, a->now_ms + a->ttl_ms);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	struct lease_arguments a = { holder, now_ms, ttl_ms };

	return perform(store, true, work_lease_take, &a);
}

struct recordings_arguments {
	struct arena *arena;
	const struct store_recording *put; /* either these … */
	struct store_recording *find;      /* … or these */
	size_t n;
	int64_t now_ms;
};

/* Look up one recording: OK with *server, borrowed till the next statement, and
 * *at_ms; or NOT_FOUND. */
static enum store_result
recording_find(struct connection *connection, struct str record_id, const char **server,
    int64_t *at_ms)
{
	sqlite3_stmt *statement = prepare(connection, RECORDING_FIND);

	if (!statement)
		return STORE_FAILED;
	bind_str(statement, 1, record_id);
	int code = step(statement);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? STORE_NOT_FOUND : STORE_FAILED;
	*server = (const char *)sqlite3_column_text(statement, 0);
	*at_ms = sqlite3_column_int64(statement, 1);
	return *server ? STORE_OK : STORE_FAILED;
}

/* Is there anything to write for it?  OK, NOT_FOUND: no; CONFLICT: yes. */
static enum store_result
recording_look(struct connection *connection, const struct store_recording *put, int64_t now_ms)
{
	const char *server;
	int64_t at_ms;
	enum store_result result = recording_find(connection, put->record_id, &server, &at_ms);

	if (result == STORE_NOT_FOUND)
		return put->server ? STORE_CONFLICT : STORE_NOT_FOUND;
	if (result != STORE_OK)
		return result;
	result = put->server && strcmp(put->server, server) == 0 &&
	        now_ms - at_ms < RECORDING_RENEW_MS ?
	    STORE_OK :
	    STORE_CONFLICT;
	sqlite3_reset(connection->prepared[RECORDING_FIND]);
	return result;
}

/* OK when there is nothing to write at all, else CONFLICT.  In one transaction, since
 * each one locks the file, and thousands of locks take longer than what they guard. */
static enum store_result
work_recordings_look(struct connection *connection, void *arguments)
{
	struct recordings_arguments *a = arguments;

	if (run(connection, BEGIN_READ) != 0)
		return STORE_FAILED;
	enum store_result result = STORE_OK;
	for (size_t i = 0; i < a->n && result != STORE_CONFLICT; i++) {
		result = recording_look(connection, &a->put[i], a->now_ms);
		if (result == STORE_FAILED)
			return STORE_FAILED;
	}
	if (run(connection, COMMIT) != 0)
		return STORE_FAILED;
	return result == STORE_CONFLICT ? STORE_CONFLICT : STORE_OK;
}

static enum store_result
work_recordings_put(struct connection *connection, void *arguments)
{
	struct recordings_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		enum store_result result = recording_look(connection, &a->put[i], a->now_ms);
		if (result == STORE_FAILED)
			return result;
		if (result != STORE_CONFLICT)
			continue;
		sqlite3_stmt *statement = prepare(connection,
		    a->put[i].server ? RECORDING_PUT : RECORDING_DROP);
		if (!statement)
			return STORE_FAILED;
		bind_str(statement, 1, a->put[i].record_id);
		if (a->put[i].server) {
			bind_text(statement, 2, a->put[i].server);
			sqlite3_bind_int64(statement, 3, a->now_ms);
		}
		if (step(statement) != SQLITE_DONE)
			return STORE_FAILED;
	}
	sqlite3_stmt *statement = prepare(connection, RECORDING_PURGE_OLD);
	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, a->now_ms - RECORDING_KEEP_MS);
	if (step(statement) != SQLITE_DONE)
		return STORE_FAILED;
	statement = prepare(connection, RECORDING_PURGE_MANY);
	if (!statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, LIMIT_RECORDINGS);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	struct recordings_arguments a = { .put = recordings, .n = n, .now_ms = now_ms };
	enum store_result result = perform(store, false, work_recordings_look, &a);

	if (result == STORE_CONFLICT)
		result = perform(store, true, work_recordings_put, &a);
	return result;
}

static enum store_result
work_recordings_find(struct connection *connection, void *arguments)
{
	struct recordings_arguments *a = arguments;

	if (run(connection, BEGIN_READ) != 0)
		return STORE_FAILED;
	for (size_t i = 0; i < a->n; i++) {
		a->find[i].server = NULL;
		const char *server;
		int64_t at_ms;
		enum store_result result = recording_find(connection, a->find[i].record_id,
		    &server, &at_ms);
		if (result == STORE_FAILED)
			return STORE_FAILED;
		if (result != STORE_OK)
			continue;
		a->find[i].server = str_copy(a->arena, str_from(server));
		sqlite3_reset(connection->prepared[RECORDING_FIND]);
	}
	return run(connection, COMMIT) == 0 ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_recordings_find(struct store *store, struct arena *arena,
    struct store_recording *recordings, size_t n)
{
	struct recordings_arguments a = { .arena = arena, .find = recordings, .n = n };
	enum store_result result = perform(store, false, work_recordings_find, &a);

	for (size_t i = 0; result == STORE_FAILED && i < n; i++)
		recordings[i].server = NULL;
	return result;
}

struct lists_arguments {
	const struct store_list *lists;
	size_t n;
	bool *is_known; /* or NULL */
};

static enum store_result
work_lists_save(struct connection *connection, void *arguments)
{
	struct lists_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		sqlite3_stmt *statement = prepare(connection, LIST_PUT);
		if (!statement)
			return STORE_FAILED;
		bind_text(statement, 1, a->lists[i].server);
		bind_text(statement, 2, a->lists[i].what);
		sqlite3_bind_blob64(statement, 3, a->lists[i].answer.data,
		    a->lists[i].answer.len, SQLITE_STATIC);
		if (step(statement) != SQLITE_DONE)
			return STORE_FAILED;
		bool is_known = sqlite3_changes(connection->file.db) == 0;
		if (a->is_known)
			a->is_known[i] = is_known;
		if (is_known || !strchr(a->lists[i].what, '?'))
			continue;
		statement = prepare(connection, LIST_PURGE);
		if (!statement)
			return STORE_FAILED;
		bind_text(statement, 1, a->lists[i].server);
		sqlite3_bind_int64(statement, 2, LIMIT_LISTS);
		if (step(statement) != SQLITE_DONE)
			return STORE_FAILED;
	}
	return STORE_OK;
}

static enum store_result
sqlite_lists_save(struct store *store, const struct store_list *lists, size_t n, bool *is_known)
{
	struct lists_arguments a = { lists, n, is_known };
	enum store_result result = n > 0 ? perform(store, true, work_lists_save, &a) : STORE_OK;

	if (is_known && result != STORE_OK)
		memset(is_known, 0, n * sizeof(*is_known));
	return result;
}

struct list_arguments {
	struct arena *arena;
	struct store_list *list;
};

static enum store_result
work_list_find(struct connection *connection, void *arguments)
{
	struct list_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, LIST_FIND);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, a->list->server);
	bind_text(statement, 2, a->list->what);
	int code = step(statement);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? STORE_NOT_FOUND : STORE_FAILED;
	a->list->answer.data = sqlite3_column_blob(statement, 0);
	a->list->answer.len = (size_t)sqlite3_column_bytes(statement, 0);
	a->list->answer.data = str_copy(a->arena, a->list->answer);
	sqlite3_reset(statement);
	return STORE_OK;
}

static enum store_result
sqlite_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	struct list_arguments a = { arena, list };

	return perform(store, false, work_list_find, &a);
}

struct drop_arguments {
	const char *server, *call;
};

static enum store_result
work_lists_drop(struct connection *connection, void *arguments)
{
	struct drop_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, LIST_DROP);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, a->server);
	bind_text(statement, 2, a->call);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_lists_drop(struct store *store, const char *server, const char *call)
{
	struct drop_arguments a = { server, call };

	return perform(store, true, work_lists_drop, &a);
}

struct hook_arguments {
	const struct webhook *hook;
	bool anew;
	struct arena *arena;
	struct webhook **hooks;
	size_t *n;
};

static enum store_result
hook_set(struct connection *connection, const struct webhook *hook, bool is_dropped)
{
	sqlite3_stmt *statement = prepare(connection, HOOK_PUT);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, hook->id);
	bind_str(statement, 2, hook->url);
	bind_str(statement, 3, hook->meeting_id);
	bind_str(statement, 4, hook->event_id);
	sqlite3_bind_int(statement, 5, hook->raw);
	bind_str(statement, 6, hook->base);
	sqlite3_bind_int(statement, 7, is_dropped);
	sqlite3_bind_int64(statement, 8, hook->changed_ms);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
work_hook_put(struct connection *connection, void *arguments)
{
	struct hook_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, HOOK_STATE);

	if (!statement)
		return STORE_FAILED;
	bind_text(statement, 1, a->hook->id);
	if (step(statement) != SQLITE_ROW)
		return STORE_FAILED;
	bool is_known = sqlite3_column_type(statement, 0) != SQLITE_NULL;
	bool is_dropped = sqlite3_column_int(statement, 0) != 0;
	bool is_full = sqlite3_column_int64(statement, 1) >= LIMIT_WEBHOOKS;
	sqlite3_reset(statement);
	if (is_known && (!is_dropped || !a->anew))
		return is_dropped ? STORE_CONFLICT : STORE_EXISTS;
	return is_full ? STORE_FULL : hook_set(connection, a->hook, false);
}

static enum store_result
sqlite_hook_put(struct store *store, const struct webhook *hook, bool anew)
{
	struct hook_arguments a = { .hook = hook, .anew = anew };

	return perform(store, true, work_hook_put, &a);
}

static struct str
read_str(struct arena *arena, sqlite3_stmt *statement, int column)
{
	struct str text = { (const char *)sqlite3_column_text(statement, column),
		(size_t)sqlite3_column_bytes(statement, column) };

	return (struct str){ str_copy(arena, text), text.len };
}

static enum store_result
work_hook_list(struct connection *connection, void *arguments)
{
	struct hook_arguments *a = arguments;
	sqlite3_stmt *statement = prepare(connection, HOOK_LIST);

	*a->n = 0;
	if (!statement)
		return STORE_FAILED;
	size_t most = 2 * LIMIT_WEBHOOKS;
	*a->hooks = arena_alloc(a->arena, most * sizeof(**a->hooks));
	int code = SQLITE_DONE;
	while (*a->n < most && (code = step(statement)) == SQLITE_ROW) {
		struct webhook *hook = &(*a->hooks)[*a->n];
		struct str id = read_str(a->arena, statement, 0);

		if (id.len != WEBHOOK_ID_SIZE - 1)
			continue; /* a damaged file's */
		memcpy(hook->id, id.data, WEBHOOK_ID_SIZE);
		hook->url = read_str(a->arena, statement, 1);
		hook->meeting_id = read_str(a->arena, statement, 2);
		hook->event_id = read_str(a->arena, statement, 3);
		hook->raw = sqlite3_column_int(statement, 4) != 0;
		hook->base = read_str(a->arena, statement, 5);
		hook->is_dropped = sqlite3_column_int(statement, 6) != 0;
		hook->changed_ms = sqlite3_column_int64(statement, 7);
		++*a->n;
	}
	if (code == SQLITE_ROW)
		sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_hook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	struct hook_arguments a = { .arena = arena, .hooks = hooks, .n = n };

	*hooks = NULL;
	*n = 0;
	return perform(store, false, work_hook_list, &a);
}

static enum store_result
work_hook_drop(struct connection *connection, void *arguments)
{
	struct hook_arguments *a = arguments;
	enum store_result result = hook_set(connection, a->hook, true);
	sqlite3_stmt *statement = prepare(connection, HOOK_PURGE);

	if (result != STORE_OK || !statement)
		return STORE_FAILED;
	sqlite3_bind_int64(statement, 1, a->hook->changed_ms - WEBHOOK_DROPPED_MS);
	sqlite3_bind_int(statement, 2, LIMIT_WEBHOOKS);
	return step(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

static enum store_result
sqlite_hook_drop(struct store *store, const char *id, int64_t now_ms)
{
	struct webhook hook = { .changed_ms = now_ms };
	struct hook_arguments a = { .hook = &hook };

	memcpy(hook.id, id, strnlen(id, sizeof(hook.id) - 1));
	return perform(store, true, work_hook_drop, &a);
}

static void
sqlite_close(struct store *store)
{
	struct store_sqlite *sqlite = (struct store_sqlite *)store;
	struct connection *connection;

	while ((connection = sqlite->idle) != NULL) {
		sqlite->idle = connection->next;
		connection_close(connection);
	}
	pthread_mutex_destroy(&sqlite->mutex);
	pthread_mutex_destroy(&sqlite->write_mutex);
	free(sqlite->path);
	free(sqlite);
}

static const struct store_verbs sqlite_verbs = {
	.servers = sqlite_servers,
	.server_contact = sqlite_server_contact,
	.server_save = sqlite_server_save,
	.meeting_find = sqlite_meeting_find,
	.meeting_absent = sqlite_meeting_absent,
	.meeting_claim = sqlite_meeting_claim,
	.meeting_adopt = sqlite_meeting_adopt,
	.meeting_move = sqlite_meeting_move,
	.meeting_drop = sqlite_meeting_drop,
	.polls_save = sqlite_polls_save,
	.lease_take = sqlite_lease_take,
	.recordings_put = sqlite_recordings_put,
	.recordings_find = sqlite_recordings_find,
	.lists_save = sqlite_lists_save,
	.list_find = sqlite_list_find,
	.lists_drop = sqlite_lists_drop,
	.hook_put = sqlite_hook_put,
	.hook_list = sqlite_hook_list,
	.hook_drop = sqlite_hook_drop,
	.close = sqlite_close,
};

struct store *
store_sqlite_open(const char *path)
{
	struct store_sqlite *sqlite = mem_alloc(sizeof(*sqlite));

	sqlite->store.verbs = &sqlite_verbs;
	sqlite->path = mem_strdup(path);
	pthread_mutex_init(&sqlite->mutex, NULL);
	pthread_mutex_init(&sqlite->write_mutex, NULL);
	int error;
	struct connection *connection = connection_take(sqlite, &error);
	if (connection) {
		connection_give(sqlite, connection);
	} else {
		note_failure(sqlite, false, sqlite3_errstr(error));
		atomic_store(&sqlite->failing[true], true); /* one warning is enough */
	}
	return &sqlite->store;
}
