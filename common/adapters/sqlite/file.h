/*
 * Opening the state's file: made when it is not there, brought up to date, moved aside
 * when it is damaged, and noticed when another is put in its place.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite3;

/*
 * How a file comes to the schema of this program: its PRAGMA user_version counts the
 * steps it has taken.  A released step never changes; new ones are added at the end.
 */
struct sqlite_schema {
	const char *const *steps;
	int n;
};

struct sqlite_file {
	struct sqlite3 *db;
	dev_t device;     /* the file that was opened, to notice another in … */
	ino_t inode;      /* … its place */
	int64_t until_ms; /* by CLOCK_MONOTONIC: until when to wait for locks of others */
};

/*
 * Open the file and bring it up to date, until until_ms (CLOCK_MONOTONIC), which stays
 * the file's limit until the caller sets another.  A missing or empty one is made
 * (owned_file.h); one that is no database, or damaged, is moved to PATH.broken, which is
 * logged, and begun afresh, but only where a state of ours has been, as PATH-lock tells; one
 * that was put in another's place is used without what that other left beside it.  Any number
 * of processes may do so at once.  *file must stay where it is until sqlite_file_close.
 *
 * Returns SQLITE_OK; or the error, with nothing open and nothing changed: SQLITE_MISMATCH
 * when a newer program wrote it, SQLITE_FORMAT when it is no state, as another program's
 * database, SQLITE_AUTH when a stranger put it there (owned_file_is_strangers).
 */
int sqlite_file_open(const char *path, const struct sqlite_schema *schema, int64_t until_ms,
    struct sqlite_file *file);

/* Close it; all statements must have been finalized. */
void sqlite_file_close(struct sqlite_file *file);

/* Is the file still what the path names? */
bool sqlite_file_is_in_place(const struct sqlite_file *file, const char *path);

/*
 * The file was opened, and turned out to be damaged further inside: move it to PATH.broken,
 * if it is still what the path names, so that the next opening begins afresh.
 */
void sqlite_file_move_aside(const struct sqlite_file *file, const char *path);

/* That error in words. */
const char *sqlite_file_error_text(int error);

/* Does that error of SQLite's say that the file is none, or damaged? */
bool sqlite_file_is_damaged(int error);

#endif
