/*
 * The SQLite store on a disk that is full, and without the right to write or read.
 */
#include "test_store.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ---- A full disk -------------------------------------------------------------------- */

/* SQLite's own way to the files, which has methods for each kind of file, with a disk that
 * can be full. */
static sqlite3_vfs disk;
static int (*own_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static struct kind {
	sqlite3_io_methods methods;
	const sqlite3_io_methods *own;
} kinds[4];
static atomic_int disk_error; /* SQLITE_OK: there is room */

static const sqlite3_io_methods *
own_methods(const sqlite3_file *file)
{
	return ((const struct kind *)file->pMethods)->own;
}

/* What is in a file already may be written anew. */
static int
disk_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	int error = atomic_load(&disk_error);
	sqlite3_int64 size = 0;

	if (error == SQLITE_OK ||
	    (own_methods(file)->xFileSize(file, &size) == SQLITE_OK && at + n <= size))
		return own_methods(file)->xWrite(file, bytes, n, at);
	return error;
}

/* The -shm is made when the first connection opens the file. */
static int
disk_map(sqlite3_file *file, int page, int size, int extend, void volatile **mapped)
{
	char name[160];

	snprintf(name, sizeof(name), "%s-shm", path);
	return atomic_load(&disk_error) && access(name, F_OK) != 0 ?
	    SQLITE_IOERR_SHMSIZE :
	    own_methods(file)->xShmMap(file, page, size, extend, mapped);
}

static int
disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *given)
{
	int error = own_open(vfs, name, file, flags, given);

	for (size_t i = 0; i < COUNT(kinds) && error == SQLITE_OK; i++) {
		struct kind *kind = &kinds[i];

		if (!kind->own) {
			kind->own = file->pMethods;
			kind->methods = *file->pMethods;
			kind->methods.xWrite = disk_write;
			kind->methods.xShmMap = disk_map;
		}
		if (kind->own == file->pMethods) {
			file->pMethods = &kind->methods;
			break;
		}
	}
	return error;
}

/* Have SQLite open all files so from now on; and one of each kind while there is one
 * thread. */
static void
use_disk(void)
{
	disk = *sqlite3_vfs_find(NULL);
	own_open = disk.xOpen;
	disk.zName = "disk";
	disk.xOpen = disk_open;
	char name[160];
	snprintf(name, sizeof(name), "%s/any", dir);
	sqlite3 *db;
	if (sqlite3_vfs_register(&disk, 1) != SQLITE_OK ||
	    sqlite3_open(name, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x)", NULL, NULL,
	        NULL) != SQLITE_OK)
		exit(1);
	sqlite3_close(db);
}

/* The error is what a full disk gives, or a quota. */
static void
test_full(int error)
{
	/* Closed and opened, so that the file has a place for all that is written. */
	struct store *store = reopen(open_store("sqlite"), "sqlite");
	struct meeting mapped = map(store, "before", "a");

	atomic_store(&disk_error, error);
	int64_t failed_ms = clock_ms(CLOCK_REALTIME);
	is_int(count_failing_writes(store), WRITING_VERBS,
	    "the disk takes no more (%d): all fails that writes", error);
	is_int(count_failing_reads(store), 0, "… what reads goes on");
	is_str(where(store, "before"), "a", "… with what was written before");
	is_int(whole_of(store), INT64_MAX, "… and it is known that something was lost");
	pause_ms(3 * STORE_WAIT_MS); /* the mender tries, in vain */
	is_int(count_failing_writes(store), WRITING_VERBS, "… for as long as it is full");
	is_int(count_failing_reads(store), 0, "… and what reads goes on");
	atomic_store(&disk_error, SQLITE_OK);
	ok(is_mended(store), "… then it is mended by itself");
	ok(whole_of(store) > failed_ms, "… and whole since after the failure");
	is_int(count_failing_writes(store), 0, "… all works");
	is_int(drop(store, "before", &mapped), STORE_OK, "… on what was there");
	close_store(store);
}

/* ---- Rights ------------------------------------------------------------------------- */

/* Rights are taken and given back.  root has them all, so this is done as nobody, in a
 * child, which prints its own lines; the parent counts them. */
static void
test_rights(void)
{
	static const char *const checks[] = {
		"rights: it was written before",
		"rights: a file that is read-only: all fails that writes",
		"… when it can be written it is mended by itself",
		"… and all works",
		"rights: no rights at all: all fails that reads",
		"… and writes",
		"… when there are it is mended by itself",
		"… all works",
		"… with what was remembered",
	};
	bool passed[COUNT(checks)] = { false };
	char own[64];

	snprintf(own, sizeof(own), "%s/own", dir);
	int fds[2];
	if (pipe(fds) != 0 || mkdir(own, 0755) != 0 ||
	    (getuid() == 0 && (chown(own, NOBODY, NOBODY) != 0 || chmod(dir, 0755) != 0)))
		exit(1);
	snprintf(path, sizeof(path), "%s/state", own);
	pid_t child = fork();
	if (child == 0) {
		bool got[COUNT(checks)];

		if (getuid() == 0 &&
		    (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		        setresuid(NOBODY, NOBODY, NOBODY) != 0))
			_exit(2);
		struct store *store = store_sqlite_open(path);
		got[0] = map(store, "m", "a").version > 0;
		close_store(store);

		chmod(path, 0444);
		chmod(own, 0555);
		store = store_sqlite_open(path);
		got[1] = count_failing_writes(store) == WRITING_VERBS;
		chmod(own, 0755);
		chmod(path, 0644);
		got[2] = is_mended(store);
		got[3] = count_failing_writes(store) + count_failing_reads(store) == 0;
		close_store(store);

		chmod(path, 0);
		chmod(own, 0);
		store = store_sqlite_open(path);
		got[4] = count_failing_reads(store) == READING_VERBS;
		got[5] = count_failing_writes(store) == WRITING_VERBS;
		chmod(own, 0755);
		chmod(path, 0644);
		got[6] = is_mended(store);
		got[7] = count_failing_writes(store) + count_failing_reads(store) == 0;
		got[8] = strcmp(where(store, "m"), "a") == 0;
		close_store(store);
		_exit(write(fds[1], got, sizeof(got)) == (ssize_t)sizeof(got) ? 0 : 3);
	}
	close(fds[1]);
	ssize_t len = read(fds[0], passed, sizeof(passed));
	close(fds[0]);
	int status = -1;
	waitpid(child, &status, 0);
	ok(len == (ssize_t)sizeof(passed) && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "rights: the process ends well");
	for (size_t i = 0; i < COUNT(checks); i++)
		ok(passed[i], "%s", checks[i]);
}

int
main(void)
{
	begin_tests("test_store_disk");
	test_rights();
	use_disk();
	test_full(SQLITE_FULL);
	test_full(SQLITE_IOERR_WRITE);
	return end_tests();
}
