#include "adapters/sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
	char *text = mem_alloc(strlen(path) + strlen(suffix) + 1);

	strcpy(text, path);
	strcat(text, suffix);
	return text;
}

static void
remove_companions(const char *path)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char *companion = with_suffix(path, suffixes[i]);

		unlink(companion);
		free(companion);
	}
}

/*
 * Creating, checking and moving aside happen under a lock on the directory: a
 * new file must not meet the -wal of an older one, and of many processes
 * only one may find a file damaged and move it.  Returns the descriptor that
 * holds the lock, or -1 when it cannot be had in time: without a lock it is still right
 * most of the time.
 */
static int
lock_directory(const char *path, int64_t until_ms)
{
	char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(copy);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if ((errno == EWOULDBLOCK || errno == EINTR) && pause_until(until_ms))
			continue;
		close(fd);
		fd = -1;
	}
	return fd;
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

/* Read a pragma's number.  SQLITE_OK, or the error. */
static int
read_pragma(sqlite3 *db, const char *pragma, int *number)
{
	sqlite3_stmt *statement;
	int error = sqlite3_prepare_v2(db, pragma, -1, &statement, NULL);

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
		error = read_pragma(db, "PRAGMA user_version", &version);
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

	int error = read_pragma(db, "PRAGMA user_version", &version);
	int found = 0;
	if (error == SQLITE_OK)
		error = read_pragma(db, "PRAGMA application_id", &found);
	if (error != SQLITE_OK)
		return error;
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

	int error = sqlite3_open_v2(path, &file->db,
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
	int lock = lock_directory(path, file->until_ms);

	if (lock < 0)
		return;
	if (sqlite_file_is_in_place(file, path))
		move_aside(path);
	close(lock);
}

int
sqlite_file_open(const char *path, const struct sqlite_schema *schema, int64_t until_ms,
    struct sqlite_file *file)
{
	int lock = lock_directory(path, until_ms);

	*file = (struct sqlite_file){ .until_ms = until_ms };
	struct stat found;
	if (stat(path, &found) != 0) {
		if (errno == ENOENT)
			remove_companions(path);
	} else if (S_ISREG(found.st_mode) && found.st_size == 0) {
		/* An emptied file is as good as none; but others may still have it
		 * open, and locked. */
		unlink(path);
		remove_companions(path);
	}
	int error = try(path, schema, false, file);
	if (error == SQLITE_ABORT) {
		log_warn("another state was put in place; using it", "file", path);
		remove_companions(path);
		error = try(path, schema, true, file);
	}
	if (sqlite_file_is_damaged(error) && move_aside(path))
		error = try(path, schema, true, file);
	if (lock >= 0)
		close(lock);
	return error;
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
