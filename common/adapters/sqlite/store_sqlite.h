/*
 * The state in an SQLite file, shared by any number of processes on one machine.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

struct store;

/*
 * Open the state at the path (file.h tells what happens to a missing, damaged or older
 * file).  Never fails: a state that cannot be opened is logged, and its verbs fail until
 * it can.  Call it after the last fork and with signals blocked: after a failure a thread
 * of its own tries until the state works again.  Close it with verbs->close.
 */
struct store *store_sqlite_open(const char *path);

/* The version of the SQLite that is used: "3.40.1". */
const char *store_sqlite_version(void);

#endif
