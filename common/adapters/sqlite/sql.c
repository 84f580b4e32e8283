#include "adapters/sqlite/sql.h"

#define NOW_MS "(CAST(strftime('%s', 'now') AS INTEGER) * 1000)"

/* A step that was released never changes; new ones are added at the end. */
static const char *const steps[] = {
	/* clang-format off */
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
	/*
	 * Versions to compare, mappings that polls have seen, several copies of a recording.
	 * born tells one state from another.  Where versions begin is left to chance, so that
	 * none of a lost state's is met again.
	 *
	 * What is known of a server's health counts from now on, and the first purge is due
	 * when polls have seen what runs.
	 */
	[5] =
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
	[6] =
	    "CREATE TABLE event (n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
	    " server TEXT NOT NULL, kind INTEGER NOT NULL);"
	    "CREATE TABLE trend (server TEXT PRIMARY KEY, minute INTEGER NOT NULL,"
	    " samples TEXT NOT NULL) WITHOUT ROWID;",
	[7] =
	    ("CREATE TABLE pacing (server TEXT PRIMARY KEY, next_us INTEGER NOT NULL,"
	     " taken_ms INTEGER NOT NULL) WITHOUT ROWID;"),
	[8] =
	    "ALTER TABLE server ADD COLUMN release TEXT NOT NULL DEFAULT '';"
	    "ALTER TABLE server ADD COLUMN release_ms INTEGER NOT NULL DEFAULT 0;",
	/* clang-format on */
};

const struct sqlite_schema sql_schema = {
	.steps = steps,
	.n = sizeof(steps) / sizeof(*steps),
};

/* The columns of a mapping and of a server's facts, in the order in which meetings.c and
 * servers.c read them. */
#define MEETING(m)                                                                  \
	m "server, " m "version, " m "claimed_ms, " m "create_ms, " m "seen_ms, " m \
	  "is_ending, " m "seats, " m "users, " m "peak, " m "copy"
#define FACTS(s)                                                                               \
	s "version, " s "health, " s "operator_state, " s "failures, " s "failing_ms, " s      \
	  "successes, " s "told_ms, " s "polled_ms, " s "good_ms, " s "probe_ms, " s           \
	  "since_ms, " s "back_ms, " s "create_failures, " s "create_failed, " s "held_ms, " s \
	  "users, " s "meetings, " s "reserved, " s "reserved_ms, " s "turn, " s               \
	  "secret_at, " s "release, " s "release_ms"

/* What the other columns of a mapping and facts are where a row has two of its own. */
#define ZEROS                                                                              \
	"0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0," \
	" 0, 0, 0, 0"

/* A server whose facts are forgotten, from before ?1 (server_is_forgotten). */
#define LEFT "operator_state IS NULL AND MAX(polled_ms, probe_ms, told_ms, reserved_ms) < ?1"

const char *const sql_texts[SQL_STATEMENTS] = {
	/* clang-format off */
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",

	[SQL_NEXT_VERSION] = "UPDATE change SET n = n + 1 WHERE id = 1 RETURNING n",
	[SQL_WHOLE_GET] = "SELECT whole_ms, born, n FROM change WHERE id = 1",
	[SQL_WHOLE_PUT] = "UPDATE change SET whole_ms = ?1 WHERE id = 1",
	[SQL_PURGED_GET] = "SELECT purged_ms FROM change WHERE id = 1",
	[SQL_PURGED_PUT] = "UPDATE change SET purged_ms = ?1 WHERE id = 1",

	[SQL_SERVERS_CHANGED] =
	    "SELECT " FACTS("") ", name FROM server WHERE version > ?1",
	[SQL_SERVER_VERSION] = "SELECT version FROM server WHERE name = ?1",
	[SQL_SERVER_PUT] =
	    "INSERT OR REPLACE INTO server (" FACTS("") ", name) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	    " ?18, ?19, ?20, ?21, ?22, ?23, ?24)",

	[SQL_MEETING_GET] =
	    "SELECT " MEETING("m.") ", " FACTS("s.") ", 0"
	    " FROM meeting m LEFT JOIN server s ON s.name = m.server WHERE m.id = ?1"
	    " UNION ALL SELECT at_ms, until_ms, " ZEROS ", 1 FROM absent WHERE id = ?1"
	    " UNION ALL SELECT whole_ms, 0, " ZEROS ", 2 FROM change WHERE id = 1",
	[SQL_MEETING_FIND] = "SELECT " MEETING("") " FROM meeting WHERE id = ?1",
	[SQL_MEETING_PUT] =
	    "INSERT OR REPLACE INTO meeting (" MEETING("") ", id) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[SQL_MEETING_DROP] = "DELETE FROM meeting WHERE id = ?1",
	[SQL_MEETING_PURGE] = "DELETE FROM meeting WHERE MAX(seen_ms, create_ms) < ?1",
	[SQL_SERVERS_LEFT] = "SELECT COUNT(*) FROM server WHERE " LEFT,
	[SQL_SERVER_LISTS_PURGE] = "DELETE FROM list WHERE server IN"
	    " (SELECT name FROM server WHERE " LEFT ")",
	[SQL_SERVER_PACING_PURGE] = "DELETE FROM pacing WHERE server IN"
	    " (SELECT name FROM server WHERE " LEFT ")",
	[SQL_SERVER_PURGE] = "DELETE FROM server WHERE " LEFT,
	[SQL_BORN_ANEW] = "UPDATE change SET born = random() WHERE id = 1",
	[SQL_MEETINGS_ON] = "SELECT " MEETING("") ", id FROM meeting WHERE server = ?1",

	[SQL_PEAK_PUT] = "INSERT OR REPLACE INTO peak (id, users, at_ms) VALUES (?1, ?2, ?3)",
	[SQL_PEAK_PURGE] = "DELETE FROM peak WHERE at_ms < ?1 OR id IN"
	    " (SELECT id FROM peak ORDER BY at_ms DESC LIMIT -1 OFFSET ?2)",
	[SQL_HISTORY] = "SELECT (SELECT users FROM peak WHERE id = ?1),"
	    " (SELECT users FROM typical WHERE id = 1)",
	[SQL_TYPICAL_PUT] = "INSERT OR REPLACE INTO typical (id, users) VALUES (1, ?1)",

	[SQL_ABSENT_PUT] = "INSERT INTO absent (id, at_ms, until_ms) SELECT ?1, ?2, ?3"
	    " WHERE NOT EXISTS (SELECT 1 FROM meeting WHERE id = ?1)"
	    " ON CONFLICT (id) DO UPDATE SET at_ms = ?2, until_ms = ?3",
	[SQL_ABSENT_DROP] = "DELETE FROM absent WHERE id = ?1",
	[SQL_ABSENT_PURGE] = "DELETE FROM absent WHERE until_ms < ?1",

	[SQL_LEASE_GET] = "SELECT owner, taken_ms, until_ms FROM lease WHERE id = 1",
	[SQL_LEASE_PUT] = "INSERT OR REPLACE INTO lease (id, owner, taken_ms, until_ms)"
	    " VALUES (1, ?1, ?2, ?3)",

	[SQL_PACING_GET] = "SELECT next_us, taken_ms FROM pacing WHERE server = ?1",
	[SQL_PACING_PUT] = "INSERT OR REPLACE INTO pacing (server, next_us, taken_ms)"
	    " VALUES (?1, ?2, ?3)",

	[SQL_COPY_FIND] = "SELECT at_ms FROM recording WHERE id = ?1 AND server = ?2",
	[SQL_COPIES_FIND] = "SELECT server FROM recording WHERE id = ?1 ORDER BY server",
	[SQL_COPY_PUT] = "INSERT OR REPLACE INTO recording (id, server, at_ms)"
	    " VALUES (?1, ?2, ?3)",
	[SQL_COPY_DROP] = "DELETE FROM recording WHERE id = ?1 AND server = ?2",
	[SQL_COPY_PURGE_OLD] = "DELETE FROM recording WHERE at_ms < ?1",
	[SQL_COPY_PURGE_MANY] = "DELETE FROM recording WHERE (id, server) IN"
	    " (SELECT id, server FROM recording ORDER BY at_ms DESC LIMIT -1 OFFSET ?1)",

	[SQL_LIST_SAME] = "SELECT answer = ?4 FROM list"
	    " WHERE server = ?1 AND call = ?2 AND filter = ?3",
	[SQL_LIST_PUT] = "INSERT OR REPLACE INTO list (server, call, filter, answer)"
	    " VALUES (?1, ?2, ?3, ?4)",
	[SQL_LIST_PURGE] = "DELETE FROM list WHERE rowid IN"
	    " (SELECT rowid FROM list WHERE server = ?1 AND filter <> ''"
	    " ORDER BY rowid DESC LIMIT -1 OFFSET ?2)",
	[SQL_LIST_FIND] = "SELECT answer FROM list"
	    " WHERE server = ?1 AND call = ?2 AND filter = ?3",
	[SQL_LIST_DROP] = "DELETE FROM list WHERE server = ?1 AND call = ?2",

	[SQL_HOOK_LIST] = "SELECT id, url, meeting_id, event_id, raw, base, is_dropped,"
	    " changed_ms FROM hook ORDER BY id",
	[SQL_HOOK_STATE] = "SELECT (SELECT is_dropped FROM hook WHERE id = ?1),"
	    " (SELECT COUNT(*) FROM hook WHERE NOT is_dropped)",
	[SQL_HOOK_PUT] = "INSERT OR REPLACE INTO hook"
	    " (id, url, meeting_id, event_id, raw, base, is_dropped, changed_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_HOOK_PURGE] = "DELETE FROM hook WHERE is_dropped AND (changed_ms < ?1 OR id NOT IN"
	    " (SELECT id FROM hook WHERE is_dropped ORDER BY changed_ms DESC LIMIT ?2))",

	[SQL_EVENT_PUT] = "INSERT INTO event (at_ms, server, kind) VALUES (?1, ?2, ?3)",
	[SQL_EVENTS_BOUND] = "DELETE FROM event WHERE n <= (SELECT MAX(n) FROM event) - ?1",
	[SQL_EVENTS_GET] = "SELECT at_ms, server, kind FROM event ORDER BY n DESC LIMIT ?1",
	[SQL_TREND_GET] = "SELECT minute, samples FROM trend WHERE server = ?1",
	[SQL_TREND_PUT] = "INSERT OR REPLACE INTO trend (server, minute, samples)"
	    " VALUES (?1, ?2, ?3)",
	[SQL_TREND_PURGE] = "DELETE FROM trend WHERE minute < ?1",
	/* clang-format on */
};
