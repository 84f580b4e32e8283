/*
 * What the files of the SQLite store share: a connection, its statements, and how a verb
 * is run.  Private to adapters/sqlite/.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/breaker.h"
#include "adapters/mirror.h"
#include "adapters/sqlite/file.h"
#include "adapters/sqlite/sql.h"
#include "base/str.h"
#include "model/server.h"
#include "ports/store.h"

/* One connection: used by one thread at a time, kept between verbs. */
struct connection {
	struct connection *next;
	struct sqlite_file file;
	sqlite3_stmt *prepared[SQL_STATEMENTS];
	uint64_t version; /* given in this transaction, or 0 (sqlite_version) */
};

struct store_sqlite {
	struct store store;
	char *path;
	pthread_mutex_t mutex; /* guards idle, n_idle, n_open */
	pthread_cond_t given;  /* a connection is idle, or was closed */
	struct connection *idle;
	size_t n_idle;
	size_t n_open;   /* those that are in use, too */
	size_t n_enough; /* constant */
	struct mirror mirror;
	dev_t mirrored_device; /* the file that it was read from: inodes are given anew */
	ino_t mirrored_inode;

	/* Threads wait here for their turn to write, rather than in SQLite, which would make
	 * them sleep. */
	pthread_mutex_t write_mutex; /* guards is_writing */
	pthread_cond_t write_turn;
	bool is_writing;

	struct breaker breaker;
};

/* ---- Statements ---------------------------------------------------------- */

/*
 * The statement, prepared once, with its parameters bound by format: a letter for each,
 * 's' struct str, 't' const char *, 'i' int64_t, 'd' double, 'b' struct str as a blob.
 * What is bound is borrowed until the statement is done.  Returns NULL when SQLite fails.
 */
sqlite3_stmt *sqlite_query(struct connection *connection, enum sql_statement which,
    const char *format, ...);

/* Step once: SQLITE_ROW, with the row to read; or SQLITE_DONE or SQLITE_ERROR, with the
 * statement reset.  A statement that is not stepped to its end is reset by the caller. */
int sqlite_step_once(sqlite3_stmt *statement);

/* Run a statement that returns nothing of interest: OK or FAILED. */
enum store_result sqlite_run(struct connection *connection, enum sql_statement which,
    const char *format, ...);

/* The version that all changes of this transaction get, or 0 when SQLite fails. */
uint64_t sqlite_version(struct connection *connection);

/*
 * End a statement of which the one row that it has was read: OK; or FAILED, when there was no
 * memory for a text of that row, which was read as empty.  SQLite may have rolled back the
 * transaction then, so whatever would be written after that would stand alone.
 */
enum store_result sqlite_row_end(sqlite3_stmt *statement);

/* A column as text, which SQLite has until the next step.  It is empty where there is none, or
 * no memory for it: then the next step fails, and so does sqlite_row_end(). */
struct str sqlite_text(sqlite3_stmt *statement, int column);

/* The same in the arena. */
struct str sqlite_str(struct arena *arena, sqlite3_stmt *statement, int column);

/* A column as a count, a time or an amount that a damaged file cannot make negative, or so
 * large that it overflows in what is done with it. */
int sqlite_count(sqlite3_stmt *statement, int column);
int64_t sqlite_ms(sqlite3_stmt *statement, int column);
double sqlite_amount(sqlite3_stmt *statement, int column);

/* ---- Verbs ----------------------------------------------------------------- */

/* A verb's work on one connection.  FAILED: SQLite knows why. */
typedef enum store_result sqlite_work(struct connection *connection, void *arguments);

/*
 * Run a verb's work, in a transaction of its own if it writes.  When that shows that the
 * file is damaged or was replaced, it is run once more, or twice, on what is there then; so
 * it must be able to begin anew.
 */
enum store_result sqlite_perform(struct store *store, bool writes, sqlite_work *work,
    void *arguments);

/* servers.c */
enum store_result sqlite_servers_get(struct store *store, const struct server *servers,
    size_t n, struct server_facts *facts, int64_t *whole_ms);
enum store_result sqlite_picture_get(struct store *store, const struct server *servers,
    size_t n, struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings);
enum store_result sqlite_servers_set(struct store *store, struct store_server *servers,
    size_t n);
/* Since when the state is whole, as a verb with that result hands it out: whole_ms is what
 * the file says. */
int64_t sqlite_whole(const struct store *store, enum store_result result, int64_t whole_ms);
/*
 * Write one server's facts in a transaction under way: OK, STALE or FAILED.  Since a
 * verb's work may begin anew, the version that is expected stays as it is until all is
 * done: sqlite_server_begin comes before the first put of the work, and sqlite_server_end,
 * with the verb's result and the version that the transaction gave, after it.
 */
void sqlite_server_begin(struct store_server *server);
enum store_result sqlite_server_put(struct connection *connection, struct store_server *server);
/* Are the facts still of the version that is expected?  OK, STALE or FAILED. */
enum store_result sqlite_server_check(struct connection *connection,
    const struct store_server *server);
void sqlite_server_end(struct store_server *server, enum store_result result, uint64_t version);
/* Read the facts that a row has from that column on. */
void sqlite_facts(sqlite3_stmt *statement, int column, struct server_facts *facts);
#define SQLITE_FACTS_COLUMNS 23

/* meetings.c */
enum store_result sqlite_meeting_get(struct store *store, struct arena *arena,
    struct str meeting_id, int64_t now_ms, struct meeting *meeting, struct server_facts *facts,
    int64_t *whole_ms);
enum store_result sqlite_meetings_set(struct store *store, struct arena *arena,
    struct store_change *changes, size_t n, int64_t now_ms);
enum store_result sqlite_meetings_on(struct store *store, struct arena *arena,
    const char *server, struct mapped **meetings, size_t *n);
enum store_result sqlite_history_get(struct store *store, struct str meeting_id,
    struct store_history *history);
/* Read it on a connection: OK or FAILED. */
enum store_result sqlite_history_read(struct connection *connection, struct str meeting_id,
    struct store_history *history);
enum store_result sqlite_typical_put(struct store *store, double typical);
enum store_result sqlite_absent_put(struct store *store, struct str meeting_id, int64_t now_ms,
    int64_t ttl_ms);
enum store_result sqlite_lease_take(struct store *store, uint64_t holder, int64_t now_ms,
    int64_t ttl_ms);
enum store_result sqlite_slot_take(struct store *store, const char *server, int64_t now_ms,
    int64_t step_us, struct pacing_slot *slot);

/* recordings.c */
enum store_result sqlite_recordings_put(struct store *store,
    const struct store_recording *recordings, size_t n, int64_t now_ms);
enum store_result sqlite_recordings_find(struct store *store, struct arena *arena,
    const struct str *record_ids, size_t n, struct store_recording **found, size_t *n_found);
enum store_result sqlite_lists_put(struct store *store, const struct store_list *lists,
    size_t n);
enum store_result sqlite_list_find(struct store *store, struct arena *arena,
    struct store_list *list);
enum store_result sqlite_lists_drop(struct store *store, const char *server, const char *call);

/* webhooks.c */
enum store_result sqlite_webhook_put(struct store *store, const struct webhook *hook,
    bool anew);
enum store_result sqlite_webhook_list(struct store *store, struct arena *arena,
    struct webhook **hooks, size_t *n);
enum store_result sqlite_webhook_drop(struct store *store, const char *id, int64_t now_ms);
/* Forget the dropped hooks that are too old, or too many, in a transaction under way. */
enum store_result sqlite_webhooks_purge(struct connection *connection, int64_t now_ms);

/* history.c */
enum store_result sqlite_events_get(struct store *store, struct arena *arena,
    struct event **events, size_t *n);
enum store_result sqlite_trends_get(struct store *store, struct store_trend *trends, size_t n);
enum store_result sqlite_trends_put(struct store *store, struct store_trend *trends, size_t n);
/* Remember an event, and forget trends that are too old, in a transaction under way. */
enum store_result sqlite_event_put(struct connection *connection, const struct event *event);
enum store_result sqlite_trends_purge(struct connection *connection, int64_t now_ms);

#endif
