/*
 * The calls a server received, in order of arrival, the last CALLLOG_MAX.
 * Nothing here locks: the caller holds the sandbox's lock.
 */
#ifndef SANDBOX_CALLLOG_H
#define SANDBOX_CALLLOG_H

#include <stddef.h>

#define CALLLOG_MAX 20000

struct calllog_entry {
	unsigned long long arrival; /* counts over all servers */
	char *call;
	char *line; /* as the control port prints it, without line end */
	struct calllog_entry *next;
};

/* Starts as all zeroes. */
struct calllog {
	struct calllog_entry *first;
	struct calllog_entry *last;
	size_t count;
};

/* Appends a line about call (both copied); the oldest goes when it is full. */
void calllog_add(struct calllog *log, unsigned long long arrival, const char *call,
    const char *line);

/* Forgets everything. */
void calllog_clear(struct calllog *log);

#endif
