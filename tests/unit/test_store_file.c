/*
 * The file of the SQLite store: who may read it and what lies beside it, and what is at its
 * path that is none of ours: other programs' files, links, what strangers have put there.
 */
#include "test_store.h"

#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>

#define STRANGER 65534

static const char *
beside(const char *suffix)
{
	return str_printf(arena, "%s%s", path, suffix);
}

static int
mode_of(const char *name)
{
	struct stat file;

	return lstat(name, &file) == 0 ? (int)(file.st_mode & 07777) : -1;
}

/* A folder of its own for each test, and path in it. */
static void
begin_folder(const char *name, mode_t mode)
{
	char folder[100];

	snprintf(folder, sizeof(folder), "%s/%s", dir, name);
	if (mkdir(folder, 0700) != 0 || chmod(folder, mode) != 0)
		exit(1);
	snprintf(path, sizeof(path), "%s/state.db", folder);
}

static void
write_file(const char *name, const char *content, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len || close(fd) != 0)
		exit(1);
}

/* ---- Who may read ------------------------------------------------------------------- */

static const char *const all_files[] = { "", "-wal", "-shm", "-turns", "-lock" };

/* Have all files made. */
static void
use(struct store *store)
{
	struct store_turn turn = { 0 };

	map(store, "m", "a");
	store->verbs->turn_take(store, STR("m"), &turn);
	store->verbs->turn_give(store, &turn);
}

static void
check_modes(int mode, const char *when)
{
	for (size_t i = 0; i < COUNT(all_files); i++)
		is_int(mode_of(beside(all_files[i])), mode, "%s: state.db%s", when,
		    all_files[i]);
}

static void
test_modes(void)
{
	static const struct {
		const char *folder;
		mode_t folder_mode, umask;
		int mode;
	} rows[] = {
		{ "022", 0755, 0022, 0600 },
		{ "000", 0700, 0000, 0600 },
		{ "027", 0750, 0027, 0600 },
		{ "group-022", 02770, 0022, 0660 },
		{ "group-077", 0770, 0077, 0660 },
		{ "readers-002", 02755, 0002, 0600 },
		{ "own-066", 0711, 0066, 0600 },
		{ "group-000", 0775, 0000, 0660 },
		{ "all-000", 01777, 0000, 0600 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		begin_folder(rows[i].folder, rows[i].folder_mode);
		mode_t mask = umask(rows[i].umask);
		struct store *store = store_sqlite_open(path);
		use(store);
		check_modes(rows[i].mode,
		    str_printf(arena, "a folder of mode %03o, umask %03o",
		        (unsigned)rows[i].folder_mode, (unsigned)rows[i].umask));
		close_store(store);
		write_file(path, "no database, but long enough", 28);
		store = store_sqlite_open(path);
		use(store);
		check_modes(rows[i].mode, "… once it was damaged, the new one");
		is_int(mode_of(beside(".broken")), rows[i].mode, "… and the old one");
		close_store(store);
		umask(mask);
	}
}

/* What an earlier release has made. */
static void
test_earlier_modes(void)
{
	begin_folder("earlier", 0755);
	struct store *store = store_sqlite_open(path);
	use(store);
	write_file(beside(".broken"), "x", 1);
	for (size_t i = 0; i < COUNT(all_files); i++)
		chmod(beside(all_files[i]), 0644);
	struct store *second = store_sqlite_open(path);
	use(second);
	check_modes(0600 | 0040, "readable by all, opened again");
	is_int(mode_of(beside(".broken")), 0600 | 0040, "… and what was moved aside");
	is_str(where(store, "m"), "a", "… whoever had it open goes on");
	is_int(count_failing_writes(store) + count_failing_writes(second), 0, "… and writes");
	close_store(store);
	close_store(second);
}

/* A second name may be another's, whose file that is. */
static void
test_two_names(void)
{
	begin_folder("names", 0755);
	close_store(store_sqlite_open(path));
	struct store *store = store_sqlite_open(path);
	use(store);
	chmod(path, 0644);
	if (link(path, beside(".other")) != 0)
		exit(1);
	close_store(store);
	store = store_sqlite_open(path);
	use(store);
	is_int(mode_of(path), 0644, "a file of two names keeps its mode");
	close_store(store);
}

/* ---- What is no state of ours ------------------------------------------------------- */

static void
make_database(const char *sql)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		diag("%s: %s", sql, sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_close(db);
}

static char *
read_all(const char *name, size_t *len)
{
	static char bytes[1 << 20];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	*len = n < 0 ? 0 : (size_t)n;
	char *copy = arena_alloc(arena, *len + 1);
	memcpy(copy, bytes, *len);
	return copy;
}

/* What is at path is left as it is, and said to be none of ours. */
static void
is_left_alone(const char *what)
{
	struct stat before, after;
	size_t len, len_after;
	const char *bytes = read_all(path, &len);

	if (stat(path, &before) != 0)
		exit(1);
	for (int round = 0; round < 2; round++) {
		struct store *store = store_sqlite_open(path);

		is_int(count_failing_reads(store) + count_failing_writes(store), ALL_VERBS,
		    "%s%s: all verbs fail", what, round ? ", again" : "");
		const char *problem = store->verbs->problem(store, arena);
		is_str(problem, "what is there is no state of tinyscale's, and is left alone",
		    "… and it is told why");
		close_store(store);
	}
	const char *bytes_after = read_all(path, &len_after);
	ok(stat(path, &after) == 0 && before.st_ino == after.st_ino &&
	        before.st_mode == after.st_mode && before.st_size == after.st_size &&
	        len == len_after && memcmp(bytes, bytes_after, len) == 0,
	    "… it stays where it is, as it is");
	ok(access(beside(".broken"), F_OK) != 0, "… and nothing is moved aside");
}

/* Whatever was in the way is gone: the state is begun. */
static void
is_begun_then(void)
{
	unlink(path);
	struct store *store = store_sqlite_open(path);

	ok(is_mended(store) && count_failing_writes(store) == 0, "… when it is gone all works");
	close_store(store);
}

static void
test_others(void)
{
	static const char *const files[] = {
		"{\"secret\": \"abc\", \"servers\": [{\"host\": \"https://b\"}]}\n",
		"x",
		"SQLite format 3, as a text begins that is none",
		"\n",
		"\xef\xbb\xbf{}",
		"\x1f\x8b\x08 what gzip has packed",
	};
	static const char *const databases[] = {
		"CREATE TABLE moz_places (id INTEGER PRIMARY KEY); PRAGMA user_version = 77",
		"CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA user_version = 3",
		"CREATE TABLE server (name); PRAGMA user_version = 9",
		"PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
		"CREATE VIEW v AS SELECT 1",
		"CREATE TABLE meeting (id); PRAGMA user_version = 1",
		"PRAGMA user_version = 2147483647",
		"PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x)",
		"PRAGMA application_id = 1196444487; PRAGMA user_version = 0",
	};

	begin_folder("others", 0755);
	for (size_t i = 0; i < COUNT(files); i++) {
		write_file(path, files[i], strlen(files[i]));
		chmod(path, 0640);
		is_left_alone(str_printf(arena, "a file: %.20s", files[i]));
	}
	is_begun_then();
	begin_folder("databases", 0755);
	for (size_t i = 0; i < COUNT(databases); i++) {
		make_database(databases[i]);
		is_left_alone(str_printf(arena, "a database: %.40s", databases[i]));
		unlink(path);
	}
	/* Also in the place of a state of ours, which would be moved aside, were it
	 * damaged. */
	is_begun_then();
	unlink(path);
	make_database(databases[0]);
	is_left_alone("a database where a state was");
}

static void
test_no_files(void)
{
	begin_folder("kinds", 0755);
	if (mkfifo(path, 0600) != 0)
		exit(1);
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store), READING_VERBS,
	    "a FIFO: verbs fail, and do not wait for somebody to write");
	close_store(store);
	is_begun_then();
	unlink(path);
	if (symlink("/dev/zero", path) != 0)
		exit(1);
	store = store_sqlite_open(path);
	is_int(count_failing_reads(store), READING_VERBS, "a device: verbs fail");
	close_store(store);
	is_begun_then();
}

/* ---- Links, and what strangers have put there --------------------------------------- */

/* Of a link of our own we know where it leads. */
static void
test_own_link(void)
{
	begin_folder("own-link", 0755);
	if (symlink("elsewhere.db", path) != 0)
		exit(1);
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store) + count_failing_writes(store), 0,
	    "a link of our own is followed");
	map(store, "m", "a");
	store->verbs->close(store);
	store = store_sqlite_open(path);
	is_str(where(store, "m"), "a", "… also when it is opened again");
	close_store(store);
}

static void
is_not_followed(const char *what)
{
	struct store *store = store_sqlite_open(path);

	is_int(count_failing_reads(store) + count_failing_writes(store), ALL_VERBS,
	    "%s: all verbs fail", what);
	is_str(store->verbs->problem(store, arena),
	    "another user has put there what is there, and may read along",
	    "… and it is told why");
	close_store(store);
}

/* A stranger's link to a file of ours, at each name. */
static void
test_strangers_links(void)
{
	static const char *const names[] = { "", "-wal", "-shm", "-journal" };
	static const char *const own_names[] = { "-turns", "-lock" };

	if (geteuid() != 0) {
		skip("only root makes files for others");
		return;
	}
	begin_folder("links", 01777);
	const char *target = beside(".target");
	for (size_t i = 0; i < COUNT(names); i++) {
		if (i == 1) {
			struct store *store = store_sqlite_open(path);
			use(store);
			close_store(store);
		}
		write_file(target, "mine", 4);
		if (symlink(target, beside(names[i])) != 0 ||
		    lchown(beside(names[i]), STRANGER, STRANGER) != 0)
			exit(1);
		is_not_followed(str_printf(arena, "a stranger's link state.db%s", names[i]));
		size_t len;
		is_str(read_all(target, &len), "mine", "… what it leads to stays");
		unlink(beside(names[i]));
	}
	for (size_t i = 0; i < COUNT(own_names); i++) {
		unlink(beside(own_names[i])); /* of the stores before */
		if (symlink(target, beside(own_names[i])) != 0 ||
		    lchown(beside(own_names[i]), STRANGER, STRANGER) != 0)
			exit(1);
	}
	struct store *store = store_sqlite_open(path);
	use(store);
	size_t len;
	is_str(read_all(target, &len), "mine",
	    "links state.db-turns, -lock: neither is followed");
	is_str(where(store, "m"), "a", "… and the state works");
	struct store_turn turn = { 0 };
	is_int(store->verbs->turn_take(store, STR("m"), &turn), STORE_FAILED,
	    "… without turns");
	store->verbs->turn_give(store, &turn);
	close_store(store);
}

/* In /tmp anybody may make a state beforehand, and read what is written there. */
static void
test_strangers_files(void)
{
	if (geteuid() != 0) {
		skip("only root makes files for others");
		return;
	}
	begin_folder("everybodys", 01777);
	close_store(store_sqlite_open(path));
	write_file(path, "", 0);
	write_file(beside("-turns"), "", 0);
	if (chown(path, STRANGER, STRANGER) != 0 || chmod(path, 0666) != 0 ||
	    chown(beside("-turns"), STRANGER, STRANGER) != 0 || truncate(path, 1) != 0)
		exit(1);
	is_not_followed("a stranger's file where everybody may make some");
	struct store *store = store_sqlite_open(path);
	struct store_turn turn = { 0 };
	is_int(store->verbs->turn_take(store, STR("m"), &turn), STORE_FAILED,
	    "… a stranger could hold the turns, too");
	store->verbs->turn_give(store, &turn);
	close_store(store);
	is_begun_then();

	/* The group of a folder shares the state by intent. */
	begin_folder("groups", 02770);
	store = store_sqlite_open(path);
	use(store);
	close_store(store);
	for (size_t i = 0; i < COUNT(all_files); i++)
		if (access(beside(all_files[i]), F_OK) == 0 &&
		    chown(beside(all_files[i]), STRANGER, STRANGER) != 0)
			exit(1);
	store = store_sqlite_open(path);
	is_int(count_failing_reads(store) + count_failing_writes(store), 0,
	    "another user's, where a group shares the folder: all works");
	is_str(where(store, "m"), "a", "… with what is in it");
	close_store(store);
}

/* Whoever may read a folder may lock it. */
static void
test_locked_folder(const char *name, bool is_above, int lock, const char *what)
{
	begin_folder(name, 0755);
	int fd = open(is_above ? dir : str_printf(arena, "%s/%s", dir, name),
	    O_RDONLY | O_DIRECTORY);
	if (fd < 0 || flock(fd, lock) != 0)
		exit(1);
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
	struct store *store = NULL;
	for (int i = 0; i < 8; i++) {
		store = store_sqlite_open(path);
		use(store);
		if (i < 7)
			store->verbs->close(store);
	}
	/* A wait for the lock would be 8 * STORE_WAIT_MS, or longer. */
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < 4 * STORE_WAIT_MS,
	    "%s that somebody has locked keeps nobody waiting", what);
	is_int(count_failing_reads(store) + count_failing_writes(store), 0, "… and all works");
	close_store(store);
	close(fd);
}

int
main(void)
{
	begin_tests("test_store_file");
	if (chmod(dir, 0755) != 0)
		return 1;
	test_modes();
	test_earlier_modes();
	test_two_names();
	test_others();
	test_no_files();
	test_own_link();
	test_strangers_links();
	test_strangers_files();
	test_locked_folder("locked", false, LOCK_EX, "a folder");
	test_locked_folder("locked-shared", false, LOCK_SH, "a folder, with others,");
	test_locked_folder("locked-above", true, LOCK_EX, "the folder above");
	return end_tests();
}
