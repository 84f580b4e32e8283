/*
 * The facts of servers: read as a whole, where only what changed is read from the file,
 * and written by compare and set.
 */
#include "adapters/sqlite/sqlite.h"

/* ---- Rows -------------------------------------------------------------------- */

static bool
is_state(int state)
{
	return state >= SERVER_ENABLED && state <= SERVER_DISABLED;
}

void
sqlite_facts(sqlite3_stmt *statement, int column, struct server_facts *facts)
{
	int health = sqlite3_column_int(statement, column + 1);
	int state = sqlite3_column_int(statement, column + 2);

	/* Whatever was in the file becomes something valid. */
	*facts = (struct server_facts){
		.version = (uint64_t)sqlite3_column_int64(statement, column),
		.health = health == SERVER_SUSPECT || health == SERVER_DOWN ?
		    (enum server_health)health :
		    SERVER_UP,
		.has_operator_state = is_state(state) &&
		    sqlite3_column_type(statement, column + 2) == SQLITE_INTEGER,
		.failures = sqlite_count(statement, column + 3),
		.failing_ms = sqlite_ms(statement, column + 4),
		.successes = sqlite_count(statement, column + 5),
		.told_ms = sqlite_ms(statement, column + 6),
		.polled_ms = sqlite_ms(statement, column + 7),
		.good_ms = sqlite_ms(statement, column + 8),
		.next_poll_ms = sqlite_ms(statement, column + 9),
		.since_ms = sqlite_ms(statement, column + 10),
		.back_ms = sqlite_ms(statement, column + 11),
		.create_failures = sqlite_count(statement, column + 12),
		.create_failed = (uint64_t)sqlite3_column_int64(statement, column + 13),
		.held_ms = sqlite_ms(statement, column + 14),
		.users = sqlite_count(statement, column + 15),
		.meetings = sqlite_count(statement, column + 16),
		.reserved = sqlite_amount(statement, column + 17),
		.reserved_ms = sqlite_ms(statement, column + 18),
		.turn = sqlite_amount(statement, column + 19),
		.secret_at = sqlite_count(statement, column + 20),
	};
	if (facts->has_operator_state)
		facts->operator_state = (enum server_state)state;
	const char *release = (const char *)sqlite3_column_text(statement, column + 21);

	server_release_set(facts, str_from(release), sqlite_ms(statement, column + 22));
}

static enum store_result
facts_put(struct connection *connection, const char *name, const struct server_facts *f)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_SERVER_PUT,
	    "iiiiiiiiiiiiiiiiididitit", (int64_t)f->version, (int64_t)f->health,
	    (int64_t)f->operator_state, (int64_t)f->failures, f->failing_ms,
	    (int64_t)f->successes, f->told_ms, f->polled_ms, f->good_ms, f->next_poll_ms,
	    f->since_ms, f->back_ms, (int64_t)f->create_failures, (int64_t)f->create_failed,
	    f->held_ms, (int64_t)f->users, (int64_t)f->meetings, f->reserved, f->reserved_ms,
	    f->turn, (int64_t)f->secret_at, f->release, f->release_ms, name);

	if (!statement)
		return STORE_FAILED;
	if (!f->has_operator_state)
		sqlite3_bind_null(statement, 3);
	return sqlite_step_once(statement) == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

void
sqlite_server_begin(struct store_server *server)
{
	server->result = STORE_FAILED;
}

enum store_result
sqlite_server_check(struct connection *connection, const struct store_server *server)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_SERVER_VERSION, "t",
	    server->name);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;
	/* What was put before in this transaction has the transaction's version. */
	uint64_t expected = server->result == STORE_OK ?
	    connection->version :
	    server->facts.version;
	uint64_t version = 0;

	if (code == SQLITE_ROW) {
		version = (uint64_t)sqlite3_column_int64(statement, 0);
		sqlite3_reset(statement);
	} else if (code != SQLITE_DONE) {
		return STORE_FAILED;
	}
	return version == expected ? STORE_OK : STORE_STALE;
}

enum store_result
sqlite_server_put(struct connection *connection, struct store_server *server)
{
	enum store_result result = sqlite_server_check(connection, server);

	if (result == STORE_FAILED)
		return STORE_FAILED;
	if (result == STORE_STALE)
		return server->result = STORE_STALE;
	struct server_facts facts = server->facts;

	facts.version = sqlite_version(connection);
	if (facts.version == 0 || facts_put(connection, server->name, &facts) != STORE_OK ||
	    (server->event && sqlite_event_put(connection, server->event) != STORE_OK))
		return STORE_FAILED;
	return server->result = STORE_OK;
}

void
sqlite_server_end(struct store_server *server, enum store_result result, uint64_t version)
{
	if (result == STORE_FAILED)
		server->result = STORE_FAILED;
	else if (server->result == STORE_OK)
		server->facts.version = version;
}

/* ---- The mirror ------------------------------------------------------------------ */

/* Empty the mirror if what the connection reads is another state, or an older one of the
 * same (a backup).  *whole_ms is since when that state is whole. */
static enum store_result
mirror_look(struct store_sqlite *sqlite, struct connection *connection, int64_t *whole_ms)
{
	struct mirror *mirror = &sqlite->mirror;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_WHOLE_GET, "");

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return STORE_FAILED;
	*whole_ms = sqlite_ms(statement, 0);
	int64_t born = sqlite3_column_int64(statement, 1);
	uint64_t version = (uint64_t)sqlite3_column_int64(statement, 2);

	sqlite3_reset(statement);
	if (sqlite->mirrored_device != connection->file.device ||
	    sqlite->mirrored_inode != connection->file.inode || mirror->born != born ||
	    mirror->version > version) {
		mirror_clear(mirror);
		sqlite->mirrored_device = connection->file.device;
		sqlite->mirrored_inode = connection->file.inode;
		mirror->born = born;
	}
	return STORE_OK;
}

/* Read what changed since the mirror was filled. */
static enum store_result
mirror_fill(struct mirror *mirror, struct connection *connection)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_SERVERS_CHANGED, "i",
	    (int64_t)mirror->version);
	uint64_t version = mirror->version;

	if (!statement)
		return STORE_FAILED;
	int code;
	while ((code = sqlite_step_once(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement,
		    SQLITE_FACTS_COLUMNS);
		struct server_facts facts;

		sqlite_facts(statement, 0, &facts);
		if (name)
			mirror_put(mirror, name, &facts);
		if (facts.version > version)
			version = facts.version;
	}
	/* Rows come in no order: only a whole reading moves the version on. */
	if (code == SQLITE_DONE)
		mirror->version = version;
	return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

/* ---- The verbs --------------------------------------------------------------------- */

struct get_arguments {
	struct store_sqlite *sqlite;
	const struct server *servers;
	size_t n;
	struct server_facts *facts;
	int64_t whole_ms;
	const struct str *meeting_ids;
	struct store_history *histories;
	size_t n_meetings;
};

static enum store_result
work_servers_get(struct connection *connection, void *arguments)
{
	struct get_arguments *a = arguments;
	struct mirror *mirror = &a->sqlite->mirror;

	pthread_mutex_lock(&mirror->mutex);
	enum store_result result = mirror_look(a->sqlite, connection, &a->whole_ms);

	if (result == STORE_OK)
		result = mirror_fill(mirror, connection);
	for (size_t i = 0; i < a->n && result == STORE_OK; i++) {
		a->facts[i] = mirror_find(mirror, a->servers[i].name);
	}
	pthread_mutex_unlock(&mirror->mutex);
	for (size_t i = 0; i < a->n_meetings && result == STORE_OK; i++)
		result = sqlite_history_read(connection, a->meeting_ids[i], &a->histories[i]);
	return result;
}

int64_t
sqlite_whole(const struct store *store, enum store_result result, int64_t whole_ms)
{
	const struct store_sqlite *sqlite = (const struct store_sqlite *)store;

	return result == STORE_FAILED || atomic_load(&sqlite->breaker.is_set[true]) ?
	    INT64_MAX :
	    whole_ms;
}

enum store_result
sqlite_picture_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings)
{
	struct get_arguments a = {
		.sqlite = (struct store_sqlite *)store,
		.servers = servers,
		.n = n,
		.facts = facts,
		.meeting_ids = meeting_ids,
		.histories = histories,
		.n_meetings = n_meetings,
	};
	enum store_result result = sqlite_perform(store, false, work_servers_get, &a);

	if (whole_ms)
		*whole_ms = sqlite_whole(store, result, a.whole_ms);
	for (size_t i = 0; i < n && result != STORE_OK; i++)
		facts[i] = (struct server_facts){ 0 };
	for (size_t i = 0; i < n_meetings && result != STORE_OK; i++)
		histories[i] = (struct store_history){ 0 };
	return result;
}

enum store_result
sqlite_servers_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms)
{
	return sqlite_picture_get(store, servers, n, facts, whole_ms, NULL, NULL, 0);
}

struct set_arguments {
	struct store_server *servers;
	size_t n;
	uint64_t version;
};

static enum store_result
work_servers_set(struct connection *connection, void *arguments)
{
	struct set_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++)
		sqlite_server_begin(&a->servers[i]);
	for (size_t i = 0; i < a->n; i++)
		if (sqlite_server_put(connection, &a->servers[i]) == STORE_FAILED)
			return STORE_FAILED;
	a->version = connection->version;
	return STORE_OK;
}

enum store_result
sqlite_servers_set(struct store *store, struct store_server *servers, size_t n)
{
	struct set_arguments a = { .servers = servers, .n = n };
	enum store_result result = n == 0 ?
	    STORE_OK :
	    sqlite_perform(store, true, work_servers_set, &a);

	for (size_t i = 0; i < n; i++)
		sqlite_server_end(&servers[i], result, a.version);
	return result;
}
