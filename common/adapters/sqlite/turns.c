/*
 * Turns to place a meetingID: a lock on one byte of a file beside the state's, at the hash
 * of the meetingID.  The file stays empty, and whether the state can be used does not matter
 * to it.
 *
 * The locks belong to an open file (byte_lock.h), so each turn has one of its own: then they
 * hold between threads as between processes.  It is not the state's file, because whoever
 * closes that loses the locks that SQLite has on it.  Where the system has no such locks there
 * are no turns.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "base/byte_lock.h"
#include "base/clock.h"

#define SUFFIX "-turns"

/* How long to sleep before a lock is asked for again. */
#define PAUSE_MS 5

static int
open_file(const struct store_sqlite *sqlite)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s" SUFFIX, sqlite->path) >= (int)sizeof(path))
		return -1;
	sqlite_file_make_for_owner(path);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
}

enum store_result
sqlite_turn_take(struct store *store, struct str meeting_id, struct store_turn *turn)
{
	const struct store_sqlite *sqlite = (const struct store_sqlite *)store;

	if (!turn->is_begun) {
		turn->file = open_file(sqlite);
		if (turn->file < 0)
			return STORE_FAILED;
		turn->is_begun = true;
	}
	/* An offset has no sign, and an end behind it. */
	int64_t at = (int64_t)(str_hash(meeting_id) >> 2);
	for (int waited_ms = 0; waited_ms <= STORE_TURN_MS; waited_ms += PAUSE_MS) {
		enum byte_lock lock = byte_lock_take(turn->file, at);

		if (lock != BYTE_LOCK_BUSY)
			return lock == BYTE_LOCK_TAKEN ? STORE_OK : STORE_FAILED;
		clock_sleep_ms(PAUSE_MS);
	}
	return STORE_CONFLICT;
}

void
sqlite_turn_give(struct store *store, struct store_turn *turn)
{
	(void)store;
	if (turn->is_begun)
		close(turn->file); /* the lock goes with it */
	*turn = (struct store_turn){ 0 };
}
