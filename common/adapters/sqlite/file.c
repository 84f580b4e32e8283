#include "adapters/sqlite/file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/owned_file.h"

/* How long to sleep before a lock is asked for again. */
#define LOCK_PAUSE_MS 2

/* Is there time left?  If so, sleep a little. */
static bool
pause_until(int64_t until_ms)
{
	if (clock_ms(CLOCK_MONOTONIC) >= until_ms)
		return false;
	clock_sleep_ms(LOCK_PAUSE_MS);
	return true;
}

/* SQLite's busy handler: another connection holds a lock. */
static int
wait_for_lock(void *argument, int tries)
{
	const struct sqlite_file *file = argument;

	(void)tries;
	return pause_until(file->until_ms);
}

bool
sqlite_file_is_damaged(int error)
{
	return (error & 0xff) == SQLITE_CORRUPT || (error & 0xff) == SQLITE_NOTADB;
}

/* path with a suffix; the caller frees it. */
static char *
with_suffix(const char *path, const char *suffix)
{
	const size_t size = strlen(path) + strlen(suffix) + 1;
	char *text = mem_alloc(size);

	snprintf(text, size, "%s%s", path, suffix);
	return text;
}

/* What SQLite has beside a file. */
static const char *const companions[] = { "-wal", "-shm", "-journal" };

#define COMPANIONS (sizeof(companions) / sizeof(*companions))

static void
remove_companions(const char *path)
{
	for (size_t i = 0; i < COMPANIONS; i++) {
		char *companion = with_suffix(path, companions[i]);

		unlink(companion);
		free(companion);
	}
}

/* The file beside the state that says whose the path is. */
struct place {
	int file; /* -1: it cannot be had */
	bool is_locked;
};

/* What stands in that file once a state of ours has been there. */
static const char note[] = "A state of tinyscale's is, or was, beside this file.\n";

/*
 * Creating, checking and moving aside happen under a lock: a new file must not meet the
 * -wal of an older one, and of many processes only one may find a file damaged and move it.
 * Where the lock cannot be had in time it is still right most of the time without.  It is on
 * a file of the gateway's own, since whoever may read a directory may lock that.
 */
static struct place
place_lock(const char *path, int64_t until_ms)
{
	char *beside = with_suffix(path, "-lock");
	struct place place = { .file = owned_file_open(beside) };

	free(beside);
	while (place.file >= 0 && !place.is_locked) {
		place.is_locked = flock(place.file, LOCK_EX | LOCK_NB) == 0;
		if (!place.is_locked &&
		    ((errno != EWOULDBLOCK && errno != EINTR) || !pause_until(until_ms)))
			break;
	}
	return place;
}

static void
place_unlock(const struct place *place)
{
	if (place->file >= 0)
		close(place->file);
}

/* Has a state of ours been there? */
static bool
place_is_ours(const struct place *place)
{
	char byte;

	return place->file >= 0 && pread(place->file, &byte, 1, 0) == 1;
}

/* One of ours is there. */
static void
place_note(const struct place *place)
{
	/* On a disk that is full the next opening does it. */
	if (place->file >= 0 && !place_is_ours(place) &&
	    pwrite(place->file, note, sizeof(note) - 1, 0) < 0)
		log_debug("the state's place cannot be noted", "reason", strerror(errno));
}

/* May what is there be opened as a state, with what SQLite would open beside it? */
static int
place_judge(const char *path)
{
	bool is_strangers = owned_file_is_strangers(path);

	for (size_t i = 0; i < COMPANIONS; i++) {
		char *companion = with_suffix(path, companions[i]);

		is_strangers = is_strangers || owned_file_is_strangers(companion);
		free(companion);
	}
	if (is_strangers)
		return SQLITE_AUTH;
	struct stat found;
	if (stat(path, &found) != 0)
		return SQLITE_OK;
	if (!S_ISREG(found.st_mode))
		return SQLITE_FORMAT;
	/* Which SQLite takes for none (os_unix.c, unixFileSize). */
	return found.st_size == 1 ? SQLITE_NOTADB : SQLITE_OK;
}

/* A number that tells this file from another at the same path.  It is kept in the
 * file, as its application_id. */
static int
identity(const struct stat *file)
{
	uint64_t mixed = ((uint64_t)file->st_ino ^ (uint64_t)file->st_dev << 40) *
	    UINT64_C(0x9e3779b97f4a7c15);

	return (int)(mixed >> 33) | 1; /* never 0, the default */
}

/* Read the number that a pragma, or a query, gives.  SQLITE_OK, or the error. */
static int
read_number(sqlite3 *db, const char *query, int *number)
{
	sqlite3_stmt *statement;
	int error = sqlite3_prepare_v2(db, query, -1, &statement, NULL);

	if (error != SQLITE_OK)
		return error;
	if (sqlite3_step(statement) == SQLITE_ROW)
		*number = sqlite3_column_int(statement, 0);
	return sqlite3_finalize(statement);
}

static int
write_identity(sqlite3 *db, int id)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA application_id = %d", id);
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

/* Bring the file from one version to this program's.  Of many processes that open it
 * at once, each looks again after the first has done it. */
static int
schema_upgrade(sqlite3 *db, const struct sqlite_schema *schema, int id)
{
	int error = sqlite3_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", NULL, NULL,
	    NULL);
	int version = 0;
	if (error == SQLITE_OK)
		error = read_number(db, "PRAGMA user_version", &version);
	if (error == SQLITE_OK && version == 0)
		error = write_identity(db, id);
	while (error == SQLITE_OK && version < schema->n) {
		error = sqlite3_exec(db, schema->steps[version++], NULL, NULL, NULL);
		char text[64];
		snprintf(text, sizeof(text), "PRAGMA user_version = %d", version);
		if (error == SQLITE_OK)
			error = sqlite3_exec(db, text, NULL, NULL, NULL);
	}
	if (error == SQLITE_OK)
		error = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return error;
}

/* Is that database of this version, by its PRAGMA user_version, another program's?  Ours is
 * empty, or has the tables that each version has. */
static int
check_tables(sqlite3 *db, int version, bool *is_foreign)
{
	int n = 0, n_ours = 0, id = 0;
	int error = read_number(db, "SELECT COUNT(*) FROM sqlite_master", &n);

	if (error == SQLITE_OK)
		error = read_number(db,
		    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND"
		    " name IN ('meeting', 'server')",
		    &n_ours);
	if (error == SQLITE_OK)
		error = read_number(db, "PRAGMA application_id", &id);
	*is_foreign = version > 0 ? n_ours != 2 : n > 0 || id != 0;
	return error;
}

/*
 * Make sure that the file is this program's and its -wal is its own.  A file that
 * was put in another's place meets the -wal of that other, which SQLite cannot
 * tell: read through it, the identity is not this file's.  SQLITE_ABORT means
 * just that; with is_alone (there is no -wal) the file is given its identity.
 */
static int
schema_check(sqlite3 *db, const struct sqlite_schema *schema, int id, bool is_alone)
{
	int version = 0;

	int error = read_number(db, "PRAGMA user_version", &version);
	int found = 0;
	if (error == SQLITE_OK)
		error = read_number(db, "PRAGMA application_id", &found);
	bool is_foreign = false;
	if (error == SQLITE_OK)
		error = check_tables(db, version, &is_foreign);
	if (error != SQLITE_OK)
		return error;
	if (is_foreign)
		return SQLITE_FORMAT;
	if (version > schema->n)
		return SQLITE_MISMATCH; /* written by a newer program */
	if (version > 0 && found != id) {
		if (!is_alone)
			return SQLITE_ABORT;
		error = write_identity(db, id);
		if (error != SQLITE_OK)
			return error;
	}
	return version < schema->n ? schema_upgrade(db, schema, id) : SQLITE_OK;
}

/* Open the file as it stands.  SQLITE_OK, or the error. */
static int
try(const char *path, const struct sqlite_schema *schema, bool is_alone,
    struct sqlite_file *file)
{
	struct stat before, found;

	owned_file_make(path);
	bool was_there = stat(path, &before) == 0;
	int error = place_judge(path);
	if (error == SQLITE_OK)
		error = sqlite3_open_v2(path, &file->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	/* Another file may have been moved there while it was opened. */
	if (error == SQLITE_OK &&
	    (stat(path, &found) != 0 ||
	        (was_there &&
	            (before.st_dev != found.st_dev || before.st_ino != found.st_ino))))
		error = SQLITE_CANTOPEN;
	if (error == SQLITE_OK) {
		sqlite3_extended_result_codes(file->db, 1);
		sqlite3_busy_handler(file->db, wait_for_lock, file);
		/* Closing must not write another file's -wal into this one. */
		sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		error = sqlite3_exec(file->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	}
	if (error == SQLITE_OK)
		error = schema_check(file->db, schema, identity(&found), is_alone);
	if (error != SQLITE_OK) {
		sqlite_file_close(file);
		return error;
	}
	sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	file->device = found.st_dev;
	file->inode = found.st_ino;
	return SQLITE_OK;
}

/* Move the file to PATH.broken, and what is beside it away. */
static bool
move_aside(const char *path)
{
	char *aside = with_suffix(path, ".broken");

	owned_file_restrict(path);
	bool is_moved = rename(path, aside) == 0;
	if (is_moved) {
		remove_companions(path);
		log_warn(
		    "the state is no database or damaged; moved aside and begun "
		    "afresh, meetings are found again by asking the servers",
		    "file", path, "moved_to", aside);
	}
	free(aside);
	return is_moved;
}

void
sqlite_file_move_aside(const struct sqlite_file *file, const char *path)
{
	struct place place = place_lock(path, file->until_ms);

	if (place.is_locked && sqlite_file_is_in_place(file, path))
		move_aside(path);
	place_unlock(&place);
}

/* An emptied file is as good as none; but others may still have it open, and locked. */
static void
remove_empty(const char *path)
{
	struct stat found;

	if (lstat(path, &found) != 0) {
		if (errno == ENOENT)
			remove_companions(path);
	} else if (S_ISREG(found.st_mode) && found.st_size == 0) {
		unlink(path);
		remove_companions(path);
	}
}

static void
restrict_one(const char *path, const char *suffix)
{
	char *file = with_suffix(path, suffix);

	owned_file_restrict(file);
	free(file);
}

/* Others may not read what an earlier release has left for them. */
static void
restrict_all(const char *path)
{
	restrict_one(path, "");
	restrict_one(path, ".broken");
	for (size_t i = 0; i < COMPANIONS; i++)
		restrict_one(path, companions[i]);
}

int
sqlite_file_open(const char *path, const struct sqlite_schema *schema, int64_t until_ms,
    struct sqlite_file *file)
{
	struct place place = place_lock(path, until_ms);

	*file = (struct sqlite_file){ .until_ms = until_ms };
	remove_empty(path);
	int error = try(path, schema, false, file);
	if (error == SQLITE_ABORT) {
		log_warn("another state was put in place; using it", "file", path);
		remove_companions(path);
		error = try(path, schema, true, file);
	}
	if (sqlite_file_is_damaged(error)) {
		if (!place_is_ours(&place))
			error = SQLITE_FORMAT;
		else if (move_aside(path))
			error = try(path, schema, true, file);
	}
	if (error == SQLITE_OK) {
		place_note(&place);
		restrict_all(path);
	}
	place_unlock(&place);
	return error;
}

const char *
sqlite_file_error_text(int error)
{
	switch (error) {
	case SQLITE_MISMATCH:
		return "written by a newer version of this program";
	case SQLITE_FORMAT:
		return "what is there is no state of tinyscale's, and is left alone";
	case SQLITE_AUTH:
		return "another user has put there what is there, and may read along";
	default:
		return sqlite3_errstr(error);
	}
}

void
sqlite_file_close(struct sqlite_file *file)
{
	sqlite3_close(file->db);
	file->db = NULL;
}

bool
sqlite_file_is_in_place(const struct sqlite_file *file, const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && found.st_dev == file->device &&
	    found.st_ino == file->inode;
}
