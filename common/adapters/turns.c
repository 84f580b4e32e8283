#include "adapters/turns.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/blocking.h"
#include "base/byte_lock.h"
#include "base/clock.h"
#include "base/owned_file.h"

#define SUFFIX "-turns"

/* How long to sleep before a lock is asked for again. */
#define PAUSE_MS 5

static int
open_file(const char *beside)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s" SUFFIX, beside) >= (int)sizeof(path))
		return -1;
	return owned_file_open(path);
}

enum store_result
turns_take(const char *beside, struct str meeting_id, struct store_turn *turn)
{
	if (!turn->is_begun) {
		turn->file = open_file(beside);
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
		blocking_begin();
		clock_sleep_ms(PAUSE_MS);
		blocking_end();
	}
	return STORE_CONFLICT;
}

void
turns_give(struct store_turn *turn)
{
	if (turn->is_begun)
		close(turn->file); /* the lock goes with it */
	*turn = (struct store_turn){ 0 };
}
