/*
 * A lock on one byte of a file, by which processes, and threads of one, agree on who may do
 * something.  The byte is only a number: the file may be empty, and is not changed.
 *
 * It is an open file description lock (fcntl(2), F_OFD_SETLK; POSIX.1-2024).  It belongs to
 * the open file and not to the process: two that each have opened the file are in each
 * other's way, be they threads of one process or processes, and to close another descriptor
 * of the same file takes nothing away.  A descriptor that was duplicated, or inherited across
 * fork, is of the same open file and has the same locks.  They end when the last descriptor
 * of that open file is closed: so at the latest with the processes that have it, however
 * those end.
 *
 * Where the system has no such locks none can be had (BYTE_LOCK_FAILED), and no other's is
 * found; who asks has to do without.
 */
#ifndef BYTE_LOCK_H
#define BYTE_LOCK_H

#include <stdint.h>

enum byte_lock {
	BYTE_LOCK_TAKEN,  /* it is ours */
	BYTE_LOCK_BUSY,   /* another open file has it; to be asked for again */
	BYTE_LOCK_FAILED, /* it cannot be had; errno says why */
};

/*
 * Take the lock on the byte at that offset, from 0 to INT64_MAX - 1, of a file that is open
 * for writing.  Returns at once.  What is ours already is taken again.
 */
enum byte_lock byte_lock_take(int file, int64_t at);

/*
 * The first byte from there on, and before end, that another open file has the lock on, or
 * -1 when there is none, or when it cannot be told.
 */
int64_t byte_lock_find(int file, int64_t from, int64_t end);

#endif
