/*
 * The list of meetings that a server gave at a poll, so that it is not parsed again when the
 * server gives the same bytes at the next one.
 *
 * A list is known by its length and its SHA-256.  It is hashed only when it has the length of
 * the one before, so a list that changes with each poll costs next to nothing here: it takes
 * three polls until one is known again, the first for the length, the second for the hash.
 * What is kept depends on nothing but the bytes of the list.  So it is right whatever became
 * of the server, its address or the state in the meantime, and for how long it was kept.
 */
#ifndef KNOWN_LIST_H
#define KNOWN_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "formats/checksum.h"

struct polled;

/* By what a list is known. */
struct list_mark {
	size_t len; /* 0: no list is */
	bool is_hashed;
	unsigned char hash[CHECKSUM_HASH_BYTES];
};

/* All 0 at first. */
struct known_list {
	struct list_mark mark;
	struct polled *meetings; /* what was read of it; nothing, if it is not hashed */
	size_t n;
	long users; /* in all of them */
};

/* Is the document the list that is kept?  *mark becomes what it will be known by. */
bool known_list_is(const struct known_list *known, struct str document, struct list_mark *mark);

/*
 * Keep what was read of the list of that mark in place of what was kept before, whose meetings
 * are gone with that.  A mark without a length changes nothing.  Of a list that is larger than
 * LIMIT_KNOWN_LIST_BYTES nothing is kept.
 */
void known_list_keep(struct known_list *known, const struct list_mark *mark,
    const struct polled *meetings, size_t n, long users);

/* Free what is kept. */
void known_list_forget(struct known_list *known);

#endif
