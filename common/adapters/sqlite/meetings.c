/*
 * Mappings, set by compare and set, and what goes with them: meetings that are nowhere,
 * what earlier meetings tell of new ones, the lease on polling, and slots for joins.
 */
#include <string.h>

#include "adapters/sqlite/sqlite.h"
#include "base/arena.h"
#include "base/clock.h"

/* Changes done in one transaction, so that none holds others up for long. */
#define CHANGES_AT_ONCE 500

/* The columns of a mapping (sql.c). */
#define MEETING_COLUMNS 10

/* What a row of SQL_MEETING_GET is, in its last column. */
#define KIND_COLUMN (MEETING_COLUMNS + SQLITE_FACTS_COLUMNS)
enum kind { KIND_MAPPING, KIND_ABSENT, KIND_WHOLE };

/* Read a mapping from a row's first columns. */
static void
read_meeting(struct arena *arena, sqlite3_stmt *statement, struct meeting *meeting)
{
	*meeting = (struct meeting){
		.server = sqlite_str(arena, statement, 0).data,
		.version = (uint64_t)sqlite3_column_int64(statement, 1),
		.claimed_ms = sqlite_ms(statement, 2),
		.create_ms = sqlite_ms(statement, 3),
		.seen_ms = sqlite_ms(statement, 4),
		.is_ending = sqlite3_column_int(statement, 5) != 0,
		.seats = sqlite_count(statement, 6),
		.users = sqlite_count(statement, 7),
		.peak = sqlite_count(statement, 8),
		.copy = sqlite_str(arena, statement, 9).data,
	};
}

/* ---- Reading -------------------------------------------------------------------- */

struct get_arguments {
	struct arena *arena;
	struct str meeting_id;
	int64_t now_ms;
	struct meeting *meeting;
	struct server_facts *facts;
	int64_t whole_ms;
};

static enum store_result
work_meeting_get(struct connection *connection, void *arguments)
{
	struct get_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_MEETING_GET, "s", a->meeting_id);

	if (!statement)
		return STORE_FAILED;
	enum store_result result = STORE_NOT_FOUND;
	bool is_whole_known = false;
	int code;
	/* All in one statement, which is one transaction: a join takes no other. */
	while ((code = sqlite_step_once(statement)) == SQLITE_ROW) {
		switch (sqlite3_column_int(statement, KIND_COLUMN)) {
		case KIND_MAPPING:
			if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
				break; /* in a file that is damaged */
			read_meeting(a->arena, statement, a->meeting);
			sqlite_facts(statement, MEETING_COLUMNS, a->facts);
			result = STORE_OK;
			break;
		case KIND_ABSENT:
			if (result == STORE_NOT_FOUND &&
			    a->now_ms >= sqlite3_column_int64(statement, 0) &&
			    a->now_ms < sqlite3_column_int64(statement, 1))
				result = STORE_ABSENT;
			break;
		default:
			a->whole_ms = sqlite_ms(statement, 0);
			is_whole_known = true;
			break;
		}
	}
	return code == SQLITE_DONE && is_whole_known ? result : STORE_FAILED;
}

enum store_result
sqlite_meeting_get(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, struct meeting *meeting, struct server_facts *facts, int64_t *whole_ms)
{
	struct get_arguments a = { arena, meeting_id, now_ms, meeting, facts, 0 };
	enum store_result result = sqlite_perform(store, false, work_meeting_get, &a);

	if (whole_ms)
		*whole_ms = sqlite_whole(store, result, a.whole_ms);
	return result;
}

struct on_arguments {
	struct arena *arena;
	const char *server;
	struct mapped *meetings;
	size_t n, capacity;
};

static enum store_result
work_meetings_on(struct connection *connection, void *arguments)
{
	struct on_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_MEETINGS_ON, "t", a->server);

	a->n = 0;
	if (!statement)
		return STORE_FAILED;
	int code;
	while ((code = sqlite_step_once(statement)) == SQLITE_ROW) {
		a->meetings = arena_room(a->arena, a->meetings, sizeof(*a->meetings), a->n, 1,
		    &a->capacity);
		read_meeting(a->arena, statement, &a->meetings[a->n].meeting);
		a->meetings[a->n++].meeting_id = sqlite_str(a->arena, statement,
		    MEETING_COLUMNS);
	}
	return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

enum store_result
sqlite_meetings_on(struct store *store, struct arena *arena, const char *server,
    struct mapped **meetings, size_t *n)
{
	struct on_arguments a = { .arena = arena, .server = server };
	enum store_result result = sqlite_perform(store, false, work_meetings_on, &a);

	*meetings = result == STORE_OK ? a.meetings : NULL;
	*n = result == STORE_OK ? a.n : 0;
	return result;
}

struct history_arguments {
	struct str meeting_id;
	struct store_history *history;
};

enum store_result
sqlite_history_read(struct connection *connection, struct str meeting_id,
    struct store_history *history)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_HISTORY, "s", meeting_id);

	if (!statement || sqlite_step_once(statement) != SQLITE_ROW)
		return STORE_FAILED;
	history->peak = sqlite_count(statement, 0);
	history->typical = sqlite_amount(statement, 1);
	sqlite3_reset(statement);
	return STORE_OK;
}

static enum store_result
work_history_get(struct connection *connection, void *arguments)
{
	struct history_arguments *a = arguments;

	return sqlite_history_read(connection, a->meeting_id, a->history);
}

enum store_result
sqlite_history_get(struct store *store, struct str meeting_id, struct store_history *history)
{
	struct history_arguments a = { meeting_id, history };

	*history = (struct store_history){ 0 };
	return sqlite_perform(store, false, work_history_get, &a);
}

/* ---- Changing --------------------------------------------------------------------- */

struct set_arguments {
	struct arena *arena;
	struct store_change *changes;
	size_t n;
	int64_t now_ms;
	uint64_t version;
};

/* Read the mapping that is there into change->found. */
static enum store_result
find_mapping(struct connection *connection, struct arena *arena, struct store_change *change)
{
	sqlite3_stmt *statement = sqlite_query(connection, SQL_MEETING_FIND, "s",
	    change->meeting_id);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	change->found = (struct meeting){ 0 };
	if (code == SQLITE_DONE)
		return STORE_OK;
	if (code != SQLITE_ROW)
		return STORE_FAILED;
	read_meeting(arena, statement, &change->found);
	return sqlite_row_end(statement);
}

static enum store_result
drop_mapping(struct connection *connection, struct store_change *change, int64_t now_ms)
{
	const struct meeting *old = &change->found;

	if (!old->server)
		return STORE_OK;
	if (old->peak > 0 &&
	    sqlite_run(connection, SQL_PEAK_PUT, "sii", change->meeting_id, (int64_t)old->peak,
	        now_ms) != STORE_OK)
		return STORE_FAILED;
	return sqlite_run(connection, SQL_MEETING_DROP, "s", change->meeting_id);
}

static enum store_result
put_mapping(struct connection *connection, struct arena *arena, struct store_change *change)
{
	const struct meeting *m = change->wanted;
	uint64_t version = sqlite_version(connection);

	if (version == 0 ||
	    sqlite_run(connection, SQL_MEETING_PUT, "tiiiiiiiits", m->server, (int64_t)version,
	        m->claimed_ms, m->create_ms, m->seen_ms, (int64_t)m->is_ending,
	        (int64_t)m->seats, (int64_t)m->users, (int64_t)m->peak, m->copy ? m->copy : "",
	        change->meeting_id) != STORE_OK)
		return STORE_FAILED;
	change->found = *m;
	change->found.version = version;
	change->found.server = str_copy(arena, str_from(m->server));
	change->found.copy = str_copy(arena, str_from(m->copy ? m->copy : ""));
	return sqlite_run(connection, SQL_ABSENT_DROP, "s", change->meeting_id);
}

/* One change: its result, or FAILED. */
static enum store_result
do_change(struct connection *connection, struct arena *arena, struct store_change *change,
    int64_t now_ms)
{
	if (find_mapping(connection, arena, change) != STORE_OK)
		return STORE_FAILED;
	if (change->found.version != (change->expected ? change->expected->version : 0))
		return change->result = STORE_CONFLICT;
	if (change->load) {
		enum store_result result = change->is_load_kept ?
		    sqlite_server_check(connection, change->load) :
		    sqlite_server_put(connection, change->load);

		if (result != STORE_OK)
			return change->result = result;
	}
	/* A meeting that moves has ended where it was, as far as its people go. */
	bool moves = change->wanted && change->found.server &&
	    strcmp(change->wanted->server, change->found.server) != 0;

	if ((!change->wanted || moves) && drop_mapping(connection, change, now_ms) != STORE_OK)
		return STORE_FAILED;
	change->found = (struct meeting){ 0 };
	if (change->wanted && put_mapping(connection, arena, change) != STORE_OK)
		return STORE_FAILED;
	return change->result = STORE_OK;
}

static enum store_result
work_meetings_set(struct connection *connection, void *arguments)
{
	struct set_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++)
		if (a->changes[i].load)
			sqlite_server_begin(a->changes[i].load);
	for (size_t i = 0; i < a->n; i++)
		if (do_change(connection, a->arena, &a->changes[i], a->now_ms) == STORE_FAILED)
			return STORE_FAILED;
	a->version = connection->version;
	return STORE_OK;
}

/* Tell what came of the changes when all is done. */
static void
end_changes(struct set_arguments *a, enum store_result result)
{
	for (size_t i = 0; i < a->n; i++) {
		struct store_change *change = &a->changes[i];

		if (result == STORE_FAILED)
			change->result = STORE_FAILED;
		if (change->load && !change->is_load_kept)
			sqlite_server_end(change->load, result, a->version);
	}
}

enum store_result
sqlite_meetings_set(struct store *store, struct arena *arena, struct store_change *changes,
    size_t n, int64_t now_ms)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n; i += CHANGES_AT_ONCE) {
		struct set_arguments a = { arena, &changes[i],
			n - i < CHANGES_AT_ONCE ? n - i : CHANGES_AT_ONCE, now_ms, 0 };

		if (result == STORE_OK)
			result = sqlite_perform(store, true, work_meetings_set, &a);
		end_changes(&a, result);
	}
	return result;
}

/* ---- What goes with mappings -------------------------------------------------------- */

static enum store_result
work_typical_put(struct connection *connection, void *arguments)
{
	return sqlite_run(connection, SQL_TYPICAL_PUT, "d", *(double *)arguments);
}

enum store_result
sqlite_typical_put(struct store *store, double typical)
{
	return sqlite_perform(store, true, work_typical_put, &typical);
}

struct absent_arguments {
	struct str meeting_id;
	int64_t now_ms, ttl_ms;
};

static enum store_result
work_absent_put(struct connection *connection, void *arguments)
{
	struct absent_arguments *a = arguments;

	return sqlite_run(connection, SQL_ABSENT_PUT, "sii", a->meeting_id, a->now_ms,
	    a->now_ms + a->ttl_ms);
}

enum store_result
sqlite_absent_put(struct store *store, struct str meeting_id, int64_t now_ms, int64_t ttl_ms)
{
	struct absent_arguments a = { meeting_id, now_ms, ttl_ms };

	return ttl_ms <= 0 ? STORE_OK : sqlite_perform(store, true, work_absent_put, &a);
}

struct lease_arguments {
	uint64_t holder;
	int64_t now_ms, ttl_ms;
};

static enum store_result
work_lease_take(struct connection *connection, void *arguments)
{
	struct lease_arguments *a = arguments;
	sqlite3_stmt *statement = sqlite_query(connection, SQL_LEASE_GET, "");
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	if (code == SQLITE_ROW) {
		bool is_ours = (uint64_t)sqlite3_column_int64(statement, 0) == a->holder;
		bool is_past = sqlite3_column_int64(statement, 2) <= a->now_ms;
		bool is_future = sqlite3_column_int64(statement, 1) >
		    a->now_ms + LEASE_AHEAD_MS;

		sqlite3_reset(statement);
		if (!is_ours && !is_past && !is_future)
			return STORE_CONFLICT;
	} else if (code != SQLITE_DONE) {
		return STORE_FAILED;
	}
	return sqlite_run(connection, SQL_LEASE_PUT, "iii", (int64_t)a->holder, a->now_ms,
	    a->now_ms + a->ttl_ms);
}

enum store_result
sqlite_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	struct lease_arguments a = { holder, now_ms, ttl_ms };

	return sqlite_perform(store, true, work_lease_take, &a);
}

struct slot_arguments {
	const char *server;
	int64_t now_ms, step_us;
	struct pacing_slot *slot;
};

static enum store_result
work_slot_take(struct connection *connection, void *arguments)
{
	struct slot_arguments *a = arguments;
	struct pacing pacing = { 0 };
	sqlite3_stmt *statement = sqlite_query(connection, SQL_PACING_GET, "t", a->server);
	int code = statement ? sqlite_step_once(statement) : SQLITE_ERROR;

	if (code == SQLITE_ROW) {
		pacing.next_us = sqlite_ms(statement, 0);
		pacing.taken_ms = sqlite_ms(statement, 1);
		sqlite3_reset(statement);
	} else if (code != SQLITE_DONE) {
		return STORE_FAILED;
	}
	*a->slot = pacing_take(&pacing, a->now_ms, a->step_us);
	return sqlite_run(connection, SQL_PACING_PUT, "tii", a->server, pacing.next_us,
	    pacing.taken_ms);
}

enum store_result
sqlite_slot_take(struct store *store, const char *server, int64_t now_ms, int64_t step_us,
    struct pacing_slot *slot)
{
	struct slot_arguments a = { server, now_ms, step_us, slot };

	*slot = (struct pacing_slot){ 0 };
	return sqlite_perform(store, true, work_slot_take, &a);
}
