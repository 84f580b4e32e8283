/*
 * The state in one SQLite file, shared by any number of threads and processes.
 *
 * A file that is deleted or replaced under us is opened anew; one that is no
 * database, or a damaged one, is moved aside to PATH.broken and begun afresh;
 * one that cannot be opened or written makes each verb STORE_FAILED until it
 * can.  Each change of these is logged once.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

struct store;

/*
 * Open the store at path, which is copied.  Never fails: when the file cannot
 * be opened, one warning is logged now, and each verb tries again.  Call it
 * after the last fork.  The caller frees it with its verb close.
 */
struct store *store_sqlite_open(const char *path);

#endif
