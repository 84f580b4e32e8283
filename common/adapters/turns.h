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
#ifndef TURNS_H
#define TURNS_H

#include "base/str.h"
#include "ports/store.h"

/* As turn_take (store.h); the file is "BESIDE-turns", and it is made where there is none. */
enum store_result turns_take(const char *beside, struct str meeting_id,
    struct store_turn *turn);

/* As turn_give. */
void turns_give(struct store_turn *turn);

#endif
