/*
 * The SQLite store on files of other versions: older ones are taken over with what they
 * mean, newer ones are left alone.
 */
#include "test_store.h"

#include <sqlite3.h>
#include <sys/wait.h>

#define NOW_MS "(CAST(strftime('%s', 'now') AS INTEGER) * 1000)"

/* The schemas as they were made, and rows for each. */
static const char *const old_schemas[] = {
	/* clang-format off */
	[1] =
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
	    " PRIMARY KEY (server, what));"
	    "INSERT INTO meeting VALUES ('m', 'b', 1000), ('n', 'a', 2000), ('o', 'a', 3000);"
	    "INSERT INTO absent VALUES ('gone', 999900);"
	    "INSERT INTO server VALUES ('a', 2, 1, 3, 2, 7777, 42, 1.5),"
	    " ('b', 0, NULL, 0, 0, 8888, 5, 2.5);"
	    "INSERT INTO lease VALUES (1, 5, 100500);"
	    "INSERT INTO list VALUES ('a', 'getMeetings', CAST('<all/>' AS BLOB)),"
	    " ('a', 'getRecordings?', CAST('<plain/>' AS BLOB)),"
	    " ('a', 'getRecordings?x=1', CAST('<one/>' AS BLOB)),"
	    " ('a', 'getRecordings?y=%3F&z=?&', CAST('<two/>' AS BLOB));",
	[2] =
	    "ALTER TABLE meeting ADD COLUMN seats INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN users INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN peak INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN voice INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN videos INTEGER NOT NULL DEFAULT 0;"
	    "CREATE TABLE peak (id TEXT PRIMARY KEY, users INTEGER NOT NULL,"
	    " at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX peak_at ON peak (at_ms);"
	    "CREATE TABLE typical (id INTEGER PRIMARY KEY, users REAL NOT NULL);"
	    "UPDATE meeting SET seats = 20, users = 7, peak = 11 WHERE id = 'm';"
	    "UPDATE server SET since_ms = 500, voice = 3, videos = 2 WHERE name = 'a';"
	    "INSERT INTO peak VALUES ('class', 30, 99000000);"
	    "INSERT INTO typical VALUES (1, 12.5);",
	[3] =
	    "CREATE TABLE recording (id TEXT PRIMARY KEY, server TEXT NOT NULL,"
	    " at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX recording_at ON recording (at_ms);"
	    "INSERT INTO recording VALUES ('r1', 'a', 1000), ('r2', 'b', 2000);",
	[4] =
	    "CREATE TABLE hook (id TEXT PRIMARY KEY, url TEXT NOT NULL,"
	    " meeting_id TEXT NOT NULL, event_id TEXT NOT NULL, raw INTEGER NOT NULL,"
	    " base TEXT NOT NULL, is_dropped INTEGER NOT NULL, changed_ms INTEGER NOT NULL)"
	    " WITHOUT ROWID;"
	    "INSERT INTO hook VALUES ('00000000-0000-5000-8000-000000000001',"
	    " 'https://lms.test/1', 'room', 'meeting-ended', 1, 'https://gw.test', 0, 1000),"
	    " ('00000000-0000-5000-8000-000000000002', '', '', '', 0, '', 1, 2000);",
	[5] =
	    "ALTER TABLE server ADD COLUMN failing_ms INTEGER NOT NULL DEFAULT 0;"
	    "UPDATE server SET failing_ms = 6666 WHERE name = 'a';",
	[6] =
	    "CREATE TABLE change (id INTEGER PRIMARY KEY, born INTEGER NOT NULL,"
	    " n INTEGER NOT NULL, whole_ms INTEGER NOT NULL DEFAULT 0,"
	    " purged_ms INTEGER NOT NULL);"
	    "INSERT INTO change (id, born, n, purged_ms) VALUES"
	    " (1, random(), 2 + (random() & 0x7fffffffffff), " NOW_MS ");"
	    "DROP INDEX meeting_claimed;"
	    "ALTER TABLE meeting ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
	    "ALTER TABLE meeting ADD COLUMN create_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN is_ending INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE meeting ADD COLUMN copy TEXT NOT NULL DEFAULT '';"
	    "UPDATE meeting SET create_ms = claimed_ms;"
	    "ALTER TABLE server DROP COLUMN voice;"
	    "ALTER TABLE server DROP COLUMN videos;"
	    "ALTER TABLE server ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
	    "ALTER TABLE server ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN polled_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN good_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN back_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN create_failures INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN create_failed INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN held_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN meetings INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN reserved REAL NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN reserved_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE server ADD COLUMN secret_at INTEGER NOT NULL DEFAULT 0;"
	    "UPDATE server SET meetings ="
	    " (SELECT COUNT(*) FROM meeting WHERE meeting.server = server.name);"
	    "UPDATE server SET told_ms = " NOW_MS " WHERE health <> 0;"
	    "UPDATE server SET failing_ms = " NOW_MS " WHERE failures > 0 AND failing_ms = 0;"
	    "CREATE INDEX server_version ON server (version);"
	    "ALTER TABLE lease ADD COLUMN taken_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE absent ADD COLUMN until_ms INTEGER NOT NULL DEFAULT 0;"
	    "DROP INDEX absent_at;"
	    "CREATE INDEX absent_until ON absent (until_ms);"
	    "DROP INDEX recording_at;"
	    "ALTER TABLE recording RENAME TO old_recording;"
	    "CREATE TABLE recording (id TEXT NOT NULL, server TEXT NOT NULL,"
	    " at_ms INTEGER NOT NULL, PRIMARY KEY (id, server)) WITHOUT ROWID;"
	    "INSERT INTO recording SELECT id, server, at_ms FROM old_recording;"
	    "DROP TABLE old_recording;"
	    "CREATE INDEX recording_at ON recording (at_ms);"
	    "ALTER TABLE list RENAME TO old_list;"
	    "CREATE TABLE list (server TEXT NOT NULL, call TEXT NOT NULL, filter TEXT NOT NULL,"
	    " answer BLOB NOT NULL, PRIMARY KEY (server, call, filter));"
	    "INSERT OR REPLACE INTO list SELECT server,"
	    " substr(what, 1, instr(what || '?', '?') - 1),"
	    " substr(what, instr(what || '?', '?') + 1), answer FROM old_list ORDER BY rowid;"
	    "DROP TABLE old_list;",
	[7] =
	    "CREATE TABLE event (n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
	    " server TEXT NOT NULL, kind INTEGER NOT NULL);"
	    "CREATE TABLE trend (server TEXT PRIMARY KEY, minute INTEGER NOT NULL,"
	    " samples TEXT NOT NULL) WITHOUT ROWID;"
	    "INSERT INTO event VALUES (1, 5000, 'b', 2);",
	[8] =
	    ("CREATE TABLE pacing (server TEXT PRIMARY KEY, next_us INTEGER NOT NULL,"
	     " taken_ms INTEGER NOT NULL) WITHOUT ROWID;"),
	/* clang-format on */
};

#define LAST_OLD ((int)COUNT(old_schemas) - 1)

static void
run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		diag("%s", sqlite3_errmsg(db));
		exit(1);
	}
}

static int64_t
query_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/*
 * A file of that version, which is open.  It has the identity that the store gave it, as if
 * that had written all of it (application_id), or none, as a copy of one has.
 */
static sqlite3 *
make_old(int version, bool has_identity)
{
	close_store(open_store("sqlite"));
	sqlite3_stmt *statement = NULL;
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db,
	        "SELECT group_concat('DROP TABLE ' || name, ';') FROM sqlite_master"
	        " WHERE type = 'table'",
	        -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		exit(1);
	char text[4096] = "";
	snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	run(db, text);
	for (int i = 1; i <= version; i++)
		run(db, old_schemas[i]);
	snprintf(text, sizeof(text), "PRAGMA user_version = %d", version);
	run(db, text);
	if (!has_identity)
		run(db, "PRAGMA application_id = 0");
	return db;
}

/* ---- What an old file means ------------------------------------------------------- */

static void
check_meetings(struct store *store, int version)
{
	struct meeting meeting = { 0 };
	struct server_facts facts;
	bool counted = version >= 2;

	is_int(store->verbs->meeting_get(store, arena, STR("m"), NOW, &meeting, &facts, NULL),
	    STORE_OK, "version %d: a mapping", version);
	is_str(meeting.server, "b", "… to its server");
	ok(meeting.version > 0 && meeting.claimed_ms == 1000 && meeting.create_ms == 1000,
	    "… with its time");
	ok(meeting.seen_ms == 0 && !meeting.is_ending && meeting.copy[0] == '\0',
	    "… and nothing that was not known");
	ok(meeting.seats == (counted ? 20 : 0) && meeting.users == (counted ? 7 : 0) &&
	        meeting.peak == (counted ? 11 : 0),
	    "… and its people");
	is_int(facts.users, 5, "… and its server's facts");
	is_str(where(store, "n"), "a", "… another");
	struct store_history history;
	store->verbs->history_get(store, STR("class"), &history);
	ok(history.peak == (counted ? 30 : 0) && is_same(history.typical, counted ? 12.5 : 0),
	    "… what earlier meetings had");
	is_int(store->verbs->lease_take(store, 6, 100000, 500), STORE_CONFLICT, "… the lease");
}

static void
check_servers(struct store *store, int version, int64_t begin_ms)
{
	static const struct server_rules rules = { 2, 2, 10000 };
	int64_t now_ms = clock_ms(CLOCK_REALTIME);
	struct server_facts facts = facts_of(store, "a");

	ok(facts.version > 0 && facts.health == SERVER_DOWN, "… a server's health");
	ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED,
	    "… what the operator has set");
	ok(facts.failures == 3 && facts.successes == 2 && facts.next_poll_ms == 7777 &&
	        facts.users == 42 && is_same(facts.turn, 1.5),
	    "… counts, the next poll, users, its turn");
	is_int(facts.meetings, 2, "… its meetings");
	is_int(facts.since_ms, version >= 2 ? 500 : 0, "… since when it is in use");
	if (version >= 5)
		is_int(facts.failing_ms, 6666, "… since when it fails");
	else
		ok(facts.failing_ms >= begin_ms - 1000 && facts.failing_ms <= now_ms,
		    "… it fails since now");
	server_believe(&facts, &rules, now_ms);
	is_int(facts.health, SERVER_DOWN, "… and is believed for a while");
	ok(facts.polled_ms == 0 && facts.good_ms == 0 && facts.back_ms == 0 &&
	        facts.create_failures == 0 && facts.held_ms == 0 &&
	        is_same(facts.reserved, 0) && facts.release[0] == '\0' && facts.release_ms == 0,
	    "… and nothing that was not known");
	facts = facts_of(store, "b");
	ok(!facts.has_operator_state && facts.users == 5 && facts.meetings == 1 &&
	        facts.health == SERVER_UP && facts.failing_ms == 0,
	    "… another server");
}

static const char *
list_of(struct store *store, const char *call, const char *filter)
{
	struct store_list list = { "a", call, filter, { NULL, 0 } };

	return store->verbs->list_find(store, arena, &list) == STORE_OK ?
	    str_copy(arena, list.answer) :
	    "-";
}

static void
check_others(struct store *store, int version)
{
	static const struct str ids[] = { STR("r2"), STR("r1") };

	is_str(list_of(store, "getMeetings", ""), "<all/>", "… a list");
	is_str(list_of(store, "getRecordings", ""), "<plain/>", "… one that has no filter");
	is_str(list_of(store, "getRecordings", "x=1"), "<one/>", "… one that has");
	is_str(list_of(store, "getRecordings", "y=%3F&z=?&"), "<two/>", "… a strange one");
	struct store_recording *found;
	size_t n;
	store->verbs->recordings_find(store, arena, ids, 2, &found, &n);
	ok(version < 3 ? n == 0 :
	                 n == 2 && strcmp(found[0].server, "b") == 0 &&
	            strcmp(found[1].server, "a") == 0,
	    "… recordings");
	struct webhook *hooks;
	store->verbs->webhook_list(store, arena, &hooks, &n);
	ok(version < 4 ? n == 0 :
	                 n == 2 && str_is(hooks[0].url, "https://lms.test/1") &&
	            str_is(hooks[0].meeting_id, "room") &&
	            str_is(hooks[0].event_id, "meeting-ended") && hooks[0].raw &&
	            str_is(hooks[0].base, "https://gw.test") && !hooks[0].is_dropped &&
	            hooks[0].changed_ms == 1000 && hooks[1].is_dropped,
	    "… hooks");
}

static void
test_upgrade(int version, bool has_identity)
{
	int64_t begin_ms = clock_ms(CLOCK_REALTIME);
	sqlite3 *db = make_old(version, has_identity);

	diag("version %d%s", version, has_identity ? ", in use" : ", a copy");
	if (!has_identity) {
		sqlite3_close(db); /* without it all of that is in the -wal */
		db = NULL;
	}
	for (int round = 0; round < 2; round++) {
		struct store *store = store_sqlite_open(path);

		check_meetings(store, version);
		check_servers(store, version, begin_ms);
		check_others(store, version);
		close_store(store);
	}
	ok(access(str_printf(arena, "%s.broken", path), F_OK) != 0, "… nothing is moved aside");
	sqlite3_close(db);

	struct store *store = store_sqlite_open(path);
	struct meeting meeting;
	struct server_facts facts;
	store->verbs->meeting_get(store, arena, STR("m"), NOW, &meeting, &facts, NULL);
	is_int(drop(store, "m", &meeting), STORE_OK, "… a mapping is dropped as it is");
	facts = facts_of(store, "a");
	is_int(set_facts(store, "a", &facts), STORE_OK, "… facts are set in place of those");
	is_int(count_failing_reads(store) + count_failing_writes(store), 0,
	    "… and all verbs work");
	close_store(store);
}

/* What a file becomes is what a new one is. */
static void
test_same_schema(void)
{
	static const char *const queries[] = {
		"PRAGMA user_version",
		"SELECT COUNT(*) FROM sqlite_master",
		"SELECT SUM(length(name)) FROM sqlite_master",
		"SELECT COUNT(*) FROM sqlite_master m, pragma_table_info(m.name)",
		"SELECT COUNT(*) FROM sqlite_master m, pragma_index_info(m.name)",
	};
	int64_t old[COUNT(queries)];

	sqlite3_close(make_old(LAST_OLD, true));
	close_store(store_sqlite_open(path));
	for (int round = 0; round < 2; round++) {
		sqlite3 *db;

		if (sqlite3_open(path, &db) != SQLITE_OK)
			exit(1);
		for (size_t i = 0; i < COUNT(queries); i++) {
			if (round == 0)
				old[i] = query_number(db, queries[i]);
			else
				is_int(old[i], query_number(db, queries[i]),
				    "an old file becomes as a new one: %s", queries[i]);
		}
		sqlite3_close(db);
		close_store(open_store("sqlite"));
	}
	ok(old[0] > LAST_OLD, "… of another version");
}

/* ---- Many processes, and another program in the way ------------------------------- */

/* Each process opens the old file at the same time. */
static void
test_processes(void)
{
	sqlite3 *db = make_old(LAST_OLD, true);

	sqlite3_close(db);
	fflush(stdout);
	int start[2];
	if (pipe(start) != 0)
		exit(1);
	enum { PROCESSES = 6 };
	pid_t children[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		if ((children[i] = fork()) < 0)
			exit(1);
		if (children[i] == 0) {
			close(start[1]);
			char byte;
			if (read(start[0], &byte, 1) < 0) /* till all are there */
				_exit(1);
			struct store *store = store_sqlite_open(path);
			bool is_good = is_mended(store) &&
			    strcmp(where(store, "m"), "b") == 0 &&
			    map(store, str_printf(arena, "%d", i), "a").version > 0;
			close_store(store);
			_exit(is_good ? 0 : 1);
		}
	}
	close(start[0]);
	close(start[1]);
	int good = 0;
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		waitpid(children[i], &status, 0);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	is_int(good, PROCESSES, "%d processes open an old file: all find it taken over",
	    PROCESSES);
	struct store *store = store_sqlite_open(path);
	struct mapped *meetings;
	size_t n;
	store->verbs->meetings_on(store, arena, "a", &meetings, &n);
	is_int(n, 2 + PROCESSES, "… and nothing is lost");
	close_store(store);
}

static void
test_locked(void)
{
	sqlite3 *db = make_old(LAST_OLD, true);

	run(db, "BEGIN IMMEDIATE");
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store), READING_VERBS,
	    "an old file that is locked: all fails that reads");
	is_int(count_failing_writes(store), WRITING_VERBS, "… and writes");
	run(db, "COMMIT");
	ok(is_mended(store), "… when it no longer is, it is taken over by itself");
	is_str(where(store, "m"), "b", "… with what is in it");
	is_int(count_failing_writes(store), 0, "… and all works");
	close_store(store);
	sqlite3_close(db);
}

/* ---- Newer files ------------------------------------------------------------------ */

/* Written by a newer version: not to be touched. */
static void
test_newer(void)
{
	sqlite3 *db = make_old(1, true);

	run(db, "CREATE TABLE future (x); PRAGMA user_version = 99");
	sqlite3_close(db);
	int fd = open(path, O_RDONLY);
	char before[65536];
	ssize_t len = read(fd, before, sizeof(before));
	close(fd);

	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store) + count_failing_writes(store), ALL_VERBS,
	    "a newer version's file: all verbs fail");
	pause_ms(2 * STORE_WAIT_MS);
	is_int(count_failing_reads(store) + count_failing_writes(store), ALL_VERBS,
	    "… however often it is tried");
	fd = open(path, O_RDONLY);
	char after[65536];
	ok(read(fd, after, sizeof(after)) == len && memcmp(before, after, (size_t)len) == 0,
	    "… and it is as it was");
	close(fd);
	ok(access(str_printf(arena, "%s.broken", path), F_OK) != 0, "… where it was");
	unlink(path);
	ok(is_mended(store), "without it the store is mended by itself");
	is_int(count_failing_reads(store) + count_failing_writes(store), 0, "… and all works");
	close_store(store);
}

int
main(void)
{
	begin_tests("test_store_upgrade");
	for (int version = 1; version <= LAST_OLD; version++) {
		test_upgrade(version, true);
		test_upgrade(version, false);
	}
	test_same_schema();
	test_processes();
	test_locked();
	test_newer();
	return end_tests();
}
