/*
 * The memory that the processes of an installation share, mapped from a small file, and who
 * of them lives.  Private to metrics.c and refusals.c.
 *
 * The file's size is fixed.  It begins with a header that tells the layout, so that a
 * program with other metrics makes one of its own.  It is made beside its place and linked
 * there, so that nobody sees half of it.  One that is damaged, cut, or of another layout is
 * replaced; but a process that runs already leaves the file of another version alone, and
 * counts by itself.  Where there is no file the memory is this process's own.
 */
#ifndef METRICS_FILE_H
#define METRICS_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define METRICS_COUNTERS 2048 /* cells of what is not by server; a multiple of 64 */
#define METRICS_SERVERS 2048  /* places for servers: twice LIMIT_SERVERS and more */
#define METRICS_BY_SERVER 3   /* cells of each */
#define METRICS_GAUGES 8      /* gauges of a process that are not by server */
#define METRICS_SLOTS 64      /* processes whose gauges count */
#define METRICS_REFUSALS 1024 /* clients that are refused at a time (refusals.h) */

struct metrics_header {
	char magic[8];
	uint64_t layout;
	uint64_t bytes;
};

/* All cells are lock-free atomics; a server's place is found by the hash of its name, which
 * the first who counts there writes. */
struct metrics_shared {
	struct metrics_header header;
	_Atomic uint64_t counters[METRICS_COUNTERS];
	struct metrics_server {
		_Atomic uint64_t key; /* 0: free */
		_Atomic uint64_t cells[METRICS_BY_SERVER];
	} servers[METRICS_SERVERS];
	struct metrics_slot {
		_Atomic int64_t gauges[METRICS_GAUGES];
		_Atomic int16_t in_flight[METRICS_SERVERS]; /* in the order of servers */
	} slots[METRICS_SLOTS];
	_Atomic uint64_t refusals[METRICS_REFUSALS];
};

/* The memory; its address stays the same whatever is mapped there. */
struct metrics_shared *metrics_file_memory(void);

/* Set where the file is, NULL: there is none, and by which layout it is written. */
void metrics_file_set(const char *path, uint64_t layout);

/*
 * Map the file if that was not done, or if another is in its place now (is_check: look
 * whether it is).  Returns whether the memory is shared.  What was counted in the memory
 * before is gone.
 */
bool metrics_file_map(bool is_check);

/* This process's slot, or NULL when it has none: all are taken, or nothing is shared.  To be
 * used under the lock that metrics_file_lock takes, as others may map another file. */
void metrics_file_lock(void);
void metrics_file_unlock(void);
struct metrics_slot *metrics_file_slot(void);

/* The first slot at or after from that a living process other than this one has, or -1.
 * Under the lock. */
int metrics_file_next_slot(int from);

#endif
