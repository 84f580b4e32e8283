/*
 * Opening the state's file: made when it is not there, brought up to date, moved aside
 * when it is damaged, and noticed when another is put in its place.
 */
#ifndef SQLITE_FILE_H
#define SQLITE_FILE_H

#include <stdbool.h>
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
	dev_t device; /* the file that was opened, to notice another in … */
	ino_t inode;  /* … its place */
};

/*
 * Open the file and bring it up to date.  A missing or empty one is made; one that is no
 * database, or damaged, is moved to PATH.broken, which is logged, and begun afresh;
 * one that was put in another's place is used without what that other left beside
 * it.  Any number of processes may do so at once.  Returns SQLITE_OK, or the error:
 * SQLITE_MISMATCH when a newer program wrote it.  The caller closes file->db.
 */
int sqlite_file_open(const char *path, const struct sqlite_schema *schema,
    struct sqlite_file *file);

/* Is the file still what the path names? */
bool sqlite_file_is_in_place(const struct sqlite_file *file, const char *path);

/* Does that error of SQLite's say that the file is none, or damaged? */
bool sqlite_file_is_damaged(int error);

#endif
