/*
 * The SQLite store's file: shared by several stores, what is written to it and when, and
 * damaged, replaced or deleted under a store that is open.
 */
#include "test_store.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "model/load.h"

static sqlite3 *
open_database(void)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	sqlite3_busy_timeout(db, 10000);
	return db;
}

static void
run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		diag("%s: %s", sql, sqlite3_errmsg(db));
		exit(1);
	}
}

static int64_t
query_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static void
copy_file(const char *from, const char *to)
{
	char command[400];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	if (system(command) != 0)
		exit(1);
}

/* ---- Several stores ------------------------------------------------------------- */

static void
test_shared(void)
{
	struct store *first = open_store("sqlite"), *second = store_sqlite_open(path);
	struct meeting mapped = map(first, "m", "a"), wanted = mapping_to("b", NOW);

	is_str(where(second, "m"), "a", "a second store on the file sees a mapping");
	is_int(set_meeting(second, STR("m"), NULL, &wanted, NULL), STORE_CONFLICT,
	    "… and keeps to it");
	is_int(set_meeting(second, STR("m"), &mapped, &wanted, NULL), STORE_OK,
	    "… or moves it, by the first one's version");
	is_str(where(first, "m"), "b", "… which the first sees");
	struct server_facts facts = { .health = SERVER_DOWN };
	set_facts(second, "b", &facts);
	is_int(facts_of(first, "b").health, SERVER_DOWN, "the first sees the second's facts");
	struct store_list list = { "a", "getMeetings", "", STR("<response/>") };
	first->verbs->lists_put(first, &list, 1);
	is_int(second->verbs->list_find(second, arena, &list), STORE_OK, "lists, too");
	is_int(first->verbs->lease_take(first, 1, 1000, 500), STORE_OK, "one takes the lease");
	is_int(second->verbs->lease_take(second, 2, 1000, 500), STORE_CONFLICT,
	    "… the other does not");
	close_store(first);
	is_int(second->verbs->lease_take(second, 2, 1400, 500), STORE_CONFLICT,
	    "… which outlives who took it");
	close_store(second);

	first = store_sqlite_open(path);
	is_str(where(first, "m"), "b", "a mapping outlives the process");
	is_int(facts_of(first, "b").health, SERVER_DOWN, "… as do facts");
	close_store(first);
}

static void
test_mirror(void)
{
	struct store *first = open_store("sqlite"), *second = store_sqlite_open(path);
	struct store_server *set = mem_alloc(LIMIT_SERVERS * sizeof(*set));
	struct server *servers = mem_alloc(LIMIT_SERVERS * sizeof(*servers));
	struct server_facts *facts = mem_alloc(LIMIT_SERVERS * sizeof(*facts));

	for (int i = 0; i < LIMIT_SERVERS; i++)
		set[i].name = servers[i].name = str_printf(arena, "bbb%d", i);
	second->verbs->servers_set(second, set, LIMIT_SERVERS);
	int seen = 0;
	for (int i = 0; i < 200; i++) {
		struct store_server *one = &set[i * 7 % LIMIT_SERVERS];

		one->facts.users = i;
		second->verbs->servers_set(second, one, 1);
		first->verbs->servers_get(first, servers, LIMIT_SERVERS, facts, NULL);
		seen += one->result == STORE_OK &&
		    are_same_facts(&facts[one - set], &one->facts);
	}
	is_int(seen, 200, "what another process writes is seen by the next read");
	int same = 0;
	for (int i = 0; i < LIMIT_SERVERS; i++)
		same += are_same_facts(&facts[i], &set[i].facts);
	is_int(same, LIMIT_SERVERS, "… all of %d servers are as they were written",
	    LIMIT_SERVERS);
	close_store(second);
	close_store(first);
	free(set);
	free(servers);
	free(facts);
}

/* Facts are of the file that is there, whatever its inode. */
static void
test_mirror_of_others(void)
{
	char name[160];
	struct store *store = open_store("sqlite");

	snprintf(name, sizeof(name), "%s.backup", path);
	struct server_facts facts = { .users = 1 };
	set_facts(store, "a", &facts);
	store = reopen(store, "sqlite"); /* so that all is in the file itself */
	copy_file(path, name);
	facts.users = 2;
	set_facts(store, "a", &facts);
	is_int(facts_of(store, "a").users, 2, "facts are read");
	if (rename(name, path) != 0)
		exit(1);
	facts = facts_of(store, "a");
	is_int(facts.users, 1, "… a backup is put in place: its own are");
	facts.users = 3;
	is_int(set_facts(store, "a", &facts), STORE_OK, "… and may be changed");
	is_int(facts_of(store, "a").users, 3, "… which is seen");
	/* The next file may get the inode of the one that was deleted. */
	int good = 0;
	for (int i = 0; i < 20; i++) {
		unlink(path);
		facts = facts_of(store, "a");
		good += are_new_facts(&facts);
		facts.users = 4;
		good += set_facts(store, "a", &facts) == STORE_OK;
		good += facts_of(store, "a").users == 4;
	}
	is_int(good, 3 * 20,
	    "the file is deleted, twenty times: nothing is known, then what is set");
	close_store(store);
}

/* ---- What is written ------------------------------------------------------------ */

static void
test_economy(void)
{
	struct store *store = open_store("sqlite");
	struct meeting mapped = map(store, "m", "a"), wanted = mapping_to("b", NOW);
	struct server_facts facts = { .users = 1 };
	sqlite3 *db = open_database();

	set_facts(store, "a", &facts);
	struct store_list lists[] = {
		{ "a", "getMeetings", "", STR("<response>1</response>") },
		{ "b", "getMeetings", "x", STR("<response>1</response>") },
	};
	store->verbs->lists_put(store, lists, 2);
	struct store_recording copies[] = { { STR("r"), "a", true }, { STR("r"), "b", false } };
	store->verbs->recordings_put(store, copies, 2, NOW);
	store->verbs->purge(store, NOW);
	store->verbs->lease_take(store, 1, NOW, 1000);
	int64_t version = query_number(db, "PRAGMA data_version");
	int64_t changes = query_number(db, "SELECT n FROM change");
	is_int(count_failing_reads(store), 0, "what only reads");
	store->verbs->lists_put(store, lists, 2);
	store->verbs->recordings_put(store, copies, 2, NOW + RECORDING_RENEW_MS - 1);
	store->verbs->purge(store, NOW + 1000);
	store->verbs->lease_take(store, 2, NOW, 1000);
	is_int(set_meeting(store, STR("m"), NULL, &wanted, NULL), STORE_CONFLICT,
	    "… and what finds another expectation");
	struct server_facts old = { .users = 2 };
	is_int(set_facts(store, "a", &old), STORE_STALE, "… or other facts");
	is_int(query_number(db, "PRAGMA data_version"), version, "… cost no write");
	is_int(query_number(db, "SELECT n FROM change"), changes, "… and no version");

	lists[1].answer = STR("<response>2</response>");
	store->verbs->lists_put(store, lists, 2);
	ok(query_number(db, "PRAGMA data_version") != version, "another list does");
	version = query_number(db, "PRAGMA data_version");
	copies[1].is_there = true;
	store->verbs->recordings_put(store, copies, 2, NOW);
	ok(query_number(db, "PRAGMA data_version") != version, "another copy does");
	version = query_number(db, "PRAGMA data_version");
	store->verbs->recordings_put(store, copies, 1, NOW + RECORDING_RENEW_MS);
	ok(query_number(db, "PRAGMA data_version") != version, "… or the same after a day");
	is_int(drop(store, "m", &mapped), STORE_OK, "a change does");
	ok(query_number(db, "SELECT n FROM change") == changes,
	    "… but a drop needs no version");
	sqlite3_close(db);
	close_store(store);
}

/* Of too many the oldest go, to the last one. */
static void
test_numbers(void)
{
	struct store *store = open_store("sqlite");
	sqlite3 *db = open_database();

	run(db,
	    "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
	    " i < 100100) INSERT INTO peak SELECT 'p' || i, 7, 100000000 + i FROM n;"
	    "INSERT INTO recording SELECT 'r' || substr(id, 2), 'a', 100000000 FROM peak;"
	    "UPDATE recording SET at_ms = at_ms + 1 WHERE id LIKE '%7'; COMMIT");
	is_int(store->verbs->purge(store, NOW + 200000), STORE_OK, "too many of all");
	is_int(query_number(db, "SELECT COUNT(*) FROM peak"), PEAKS_MOST,
	    "… peaks are as many as there may be");
	is_int(query_number(db, "SELECT COUNT(*) FROM peak WHERE id IN ('p1', 'p100')"), 0,
	    "… the oldest are gone");
	is_int(query_number(db, "SELECT COUNT(*) FROM peak WHERE id IN ('p101', 'p100100')"), 2,
	    "… and no other");
	is_int(query_number(db, "SELECT COUNT(*) FROM recording"), LIMIT_RECORDINGS,
	    "… recordings, too");
	is_int(query_number(db, "SELECT COUNT(*) FROM recording WHERE id LIKE '%7'"), 10010,
	    "… of which the youngest are there");
	sqlite3_close(db);
	close_store(store);
}

/* ---- Harm to the file ----------------------------------------------------------- */

static const char garbage[4096] = "This is no database.\n";

static void
write_file(const char *name, const char *content, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len || close(fd) != 0)
		exit(1);
}

static bool
is_garbage(const char *name)
{
	char bytes[8192];
	int fd = open(name, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	return len == (ssize_t)sizeof(garbage) && memcmp(bytes, garbage, sizeof(garbage)) == 0;
}

static const char *
broken(void)
{
	return str_printf(arena, "%s.broken", path);
}

static void
delete_file(void)
{
	unlink(path);
}

static void
replace_by_directory(void)
{
	unlink(path);
	mkdir(path, 0755);
}

static void
remove_directory(void)
{
	rmdir(path);
}

static void
replace_by_garbage(void)
{
	char name[160];

	snprintf(name, sizeof(name), "%s.new", path);
	write_file(name, garbage, sizeof(garbage));
	if (rename(name, path) != 0)
		exit(1);
}

static void
overwrite_with_garbage(void)
{
	write_file(path, garbage, sizeof(garbage));
}

static void
truncate_to_nothing(void)
{
	if (truncate(path, 0) != 0)
		exit(1);
}

static void
truncate_in_a_page(void)
{
	if (truncate(path, 5000) != 0)
		exit(1);
}

static void
empty_file(void)
{
	unlink(path);
	write_file(path, "", 0);
}

static void
dangling_link(void)
{
	unlink(path);
	if (symlink("/nonexistent/state", path) != 0)
		exit(1);
}

static int
count_failing(struct store *store)
{
	return count_failing_reads(store) + count_failing_writes(store);
}

/* How many verbs fail, after what the mender needs at most? */
static int
count_failing_in_the_end(struct store *store)
{
	int failing = count_failing(store);

	for (int i = 0; i < 600 && failing > 0; i++) {
		pause_ms(50);
		failing = count_failing(store);
	}
	return failing;
}

/* Does something bad to the file under an open store, and to one that is opened then;
 * afterwards undoes it, and all must work. */
static void
test_harm(void)
{
	static const struct {
		void (*harm)(void);
		void (*undo)(void); /* NULL: works again by itself */
		int failing;        /* verbs, of a store that was open; -1: any */
		bool aside;         /* is the file in .broken then? */
		const char *what;
	} rows[] = {
		{ delete_file, NULL, 0, false, "deleted" },
		{ replace_by_directory, remove_directory, ALL_VERBS, false, "a directory" },
		{ replace_by_garbage, NULL, 0, true, "replaced by garbage" },
		{ overwrite_with_garbage, NULL, -1, false, "overwritten with garbage" },
		{ truncate_in_a_page, NULL, -1, false, "truncated" },
		{ empty_file, NULL, 0, false, "replaced by an empty file" },
		{ dangling_link, delete_file, ALL_VERBS, false, "a link to nowhere" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *store = open_store("sqlite");

		for (int k = 0; k < 200; k++)
			map(store, str_printf(arena, "before-%d", k), "a");
		rows[i].harm();
		int failing = count_failing(store);
		if (rows[i].failing >= 0)
			is_int(failing, rows[i].failing, "the file is %s: verbs that fail",
			    rows[i].what);
		struct store *second = store_sqlite_open(path);
		failing = count_failing(second);
		if (rows[i].failing >= 0)
			is_int(failing, rows[i].failing, "… in a store opened now");
		if (rows[i].aside)
			ok(is_garbage(broken()), "… the garbage is in .broken");
		if (rows[i].undo)
			rows[i].undo();
		close_store(store);
		is_int(count_failing_in_the_end(second), 0,
		    "the file is %s: in the end all works", rows[i].what);
		ok(map(second, "new", "a").version > 0 &&
		        strcmp(where(second, "new"), "a") == 0,
		    "… and is remembered");
		close_store(second);
	}
}

/* No store was open when it happened: nothing but the file tells. */
static void
test_harm_between(void)
{
	static const struct {
		void (*harm)(void);
		bool aside;
		const char *what;
	} rows[] = {
		{ overwrite_with_garbage, true, "garbage" },
		{ truncate_in_a_page, true, "cut short" },
		{ truncate_to_nothing, false, "empty" },
		{ delete_file, false, "gone" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *store = open_store("sqlite");

		for (int k = 0; k < 500; k++)
			map(store, str_printf(arena, "before-%d", k), "a");
		close_store(store);
		rows[i].harm();
		store = store_sqlite_open(path);
		is_int(count_failing(store), 0, "a file that is %s: all works", rows[i].what);
		ok(map(store, "new", "a").version > 0 && strcmp(where(store, "new"), "a") == 0,
		    "… and is remembered");
		is_int(access(broken(), F_OK) == 0, rows[i].aside,
		    "… is something moved aside");
		close_store(store);
	}
}

/* Emptied in its place.  The other store is closed before one is opened: an idle
 * connection's lock would keep it waiting. */
static void
test_emptied(void)
{
	struct store *store = open_store("sqlite");

	map(store, "before", "a");
	truncate_to_nothing();
	count_failing(store);
	store = reopen(store, "sqlite");
	is_int(count_failing(store), 0, "the file is emptied: opened anew, all works");
	ok(map(store, "new", "a").version > 0 && strcmp(where(store, "new"), "a") == 0,
	    "… and is remembered");
	close_store(store);
}

/* A backup is put in place, say, while the store is open: what counts then is what is in
 * it, and nothing of the file that was there. */
static void
test_replaced_by_another(void)
{
	struct store *other = open_store("sqlite");
	const char *name = str_printf(arena, "%s", path);

	ok(map(other, "backed up", "b").version > 0, "another state is made");
	close_store(other);
	struct store *store = open_store("sqlite");
	for (int k = 0; k < 20; k++)
		map(store, str_printf(arena, "before-%d", k), "a");
	if (rename(name, path) != 0)
		exit(1);
	is_str(where(store, "backed up"), "b", "… and put in place: its mapping is found");
	is_str(where(store, "before-1"), "nowhere", "… and none of the old file's");
	ok(map(store, "new", "a").version > 0, "… all works");
	store = reopen(store, "sqlite");
	is_str(where(store, "backed up"), "b", "… and is the same when it is opened again");
	is_str(where(store, "before-1"), "nowhere", "… without the old file's");
	close_store(store);
}

/*
 * A page is damaged that a change needs last: it is done on the new file, as if nothing
 * had been done before.
 */
static void
test_done_anew(void)
{
	struct store *store = open_store("sqlite");
	sqlite3 *db = open_database();
	off_t page = query_number(db,
	    "SELECT rootpage FROM sqlite_master WHERE name = 'absent'");
	off_t size = query_number(db, "PRAGMA page_size");

	store->verbs->absent_put(store, STR("m"), NOW, 1000);
	close_store(store);
	sqlite3_close(db);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || pwrite(fd, garbage, sizeof(garbage), (page - 1) * size) != 4096)
		exit(1);
	close(fd);
	store = store_sqlite_open(path);
	struct meeting wanted = mapping_to("a", NOW);
	struct store_server load = { .name = "a", .facts = { .users = 5 } };
	struct store_change change = {
		.meeting_id = STR("m"),
		.wanted = &wanted,
		.load = &load,
	};
	is_int(store->verbs->meetings_set(store, arena, &change, 1, NOW), STORE_OK,
	    "the file turns out to be damaged when most is done");
	is_int(change.result, STORE_OK, "… the change is done");
	is_int(access(broken(), F_OK), 0, "… on a new file");
	is_str(where(store, "m"), "a", "… with the mapping");
	is_int(facts_of(store, "a").users, 5, "… and the load");
	is_int(load.facts.version, facts_of(store, "a").version, "… of the new version");
	close_store(store);
}

/* Whatever stands in the columns becomes something valid. */
static void
test_odd_values(void)
{
	static const char *const values[] = { "-1", "9223372036854775807",
		"-9223372036854775808", "4294967296", "'text'", "x'00ff'", "9e999", "-9e999",
		"1e300", "0.5" };
	static const struct server_rules rules = { 2, 2, 10000 };
	struct store *store = open_store("sqlite");
	sqlite3 *db = open_database();

	map(store, "m", "a");
	struct server_facts facts = { .users = 1 };
	set_facts(store, "a", &facts);
	const int64_t now_ms = INT64_C(1700000000000);
	for (size_t i = 0; i < COUNT(values); i++) {
		const char *v = values[i];

		run(db,
		    str_printf(arena,
		        "UPDATE server SET health = %s, operator_state = %s, failures = %s,"
		        " failing_ms = %s, successes = %s, told_ms = %s, polled_ms = %s,"
		        " good_ms = %s, probe_ms = %s, since_ms = %s, back_ms = %s,"
		        " create_failures = %s, create_failed = %s, held_ms = %s, users = %s,"
		        " meetings = %s, reserved = %s, reserved_ms = %s, turn = %s,"
		        " secret_at = %s, release = %s, release_ms = %s, version = %d",
		        v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v,
		        (int)i + 1));
		run(db,
		    str_printf(arena,
		        "UPDATE meeting SET claimed_ms = %s, create_ms = %s, seen_ms = %s,"
		        " is_ending = %s, seats = %s, users = %s, peak = %s, copy = %s",
		        v, v, v, v, v, v, v, v));
		store = reopen(store, "sqlite");
		facts = facts_of(store, "a");
		server_believe(&facts, &rules, now_ms);
		server_is_due(&facts, now_ms);
		ok(facts.health <= SERVER_DOWN && facts.operator_state <= SERVER_DISABLED &&
		        facts.failures >= 0 && facts.successes >= 0 &&
		        facts.create_failures >= 0 && facts.users >= 0 && facts.meetings >= 0 &&
		        facts.secret_at >= 0 &&
		        memchr(facts.release, '\0', sizeof(facts.release)) &&
		        facts.release_ms >= 0,
		    "odd values, %s: a server's facts are valid", v);
		ok(load_reserved_now(&facts, now_ms) >= 0 && facts.turn >= 0 &&
		        facts.turn <= 1e300,
		    "… and what comes of them");
		struct meeting meeting = { 0 };
		is_int(store->verbs->meeting_get(store, arena, STR("m"), now_ms, &meeting,
		           &facts, NULL),
		    STORE_OK, "… a mapping is found");
		meeting_is_new(&meeting, now_ms, 60000);
		meeting_wants_note(&meeting, now_ms);
		ok(strcmp(meeting.server, "a") == 0 && meeting.copy && meeting.seats >= 0 &&
		        meeting.users >= 0 && meeting.peak >= 0 && meeting.create_ms >= 0,
		    "… and is valid");
	}
	sqlite3_close(db);
	close_store(store);
}

static void
test_parent(void)
{
	char parent[64];

	snprintf(parent, sizeof(parent), "%s/later", dir);
	snprintf(path, sizeof(path), "%s/state", parent);
	struct store *store = store_sqlite_open(path);
	is_int(count_failing(store), ALL_VERBS, "no directory: all verbs fail");
	mkdir(parent, 0755);
	ok(is_mended(store), "when it is there it is mended by itself");
	is_int(count_failing(store), 0, "… all works");
	close_store(store);
}

/* Of root's files nobody else could write to the state. */
static void
test_owner(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-turns" };

	if (geteuid() != 0) {
		skip("only root makes files for others");
		return;
	}
	char folder[100];
	snprintf(folder, sizeof(folder), "%s/owned", dir);
	snprintf(path, sizeof(path), "%s/owned/state.db", dir);
	if (mkdir(folder, 0750) != 0 || chown(folder, 65534, 65533) != 0)
		exit(1);
	for (int round = 0; round < 2; round++) {
		struct store *store = store_sqlite_open(path);
		map(store, "m", "a");
		struct store_turn turn = { 0 };
		store->verbs->turn_take(store, STR("m"), &turn);
		store->verbs->turn_give(store, &turn);
		for (size_t i = 0; i < COUNT(suffixes); i++) {
			char name[200];
			struct stat file = { 0 };
			snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
			stat(name, &file);
			ok(file.st_uid == 65534 && file.st_gid == 65533,
			    "state.db%s of root's belongs to the directory's owner%s",
			    suffixes[i], round ? ", also after it was moved aside" : "");
		}
		store->verbs->close(store);
		FILE *file = fopen(path, "r+");
		if (!file || fputs("this is no database", file) < 0 || fclose(file) != 0)
			exit(1);
	}
	snprintf(folder, sizeof(folder), "%s/owned/link.db", dir);
	snprintf(path, sizeof(path), "%s/target", dir);
	if (symlink(path, folder) != 0)
		exit(1);
	struct store *store = store_sqlite_open(folder);
	struct stat file = { 0 };
	store->verbs->close(store);
	ok(stat(path, &file) != 0 || file.st_uid == 0,
	    "what a link leads to is not given away");
}

int
main(void)
{
	begin_tests("test_store_sqlite");
	test_shared();
	test_mirror();
	test_mirror_of_others();
	test_economy();
	test_numbers();
	test_harm();
	test_harm_between();
	test_emptied();
	test_replaced_by_another();
	test_done_anew();
	test_odd_values();
	test_parent();
	test_owner();
	return end_tests();
}
