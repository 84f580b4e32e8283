/*
 * What a server is told to do wrong, and answers put into its mouth.
 *
 * A fault belongs to all calls of a server or to one call by name; the one by
 * name wins.  Nothing here locks: the caller holds the sandbox's lock.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_DELAY,        /* the right answer, ms later */
	FAULT_HANG,         /* no answer while the fault lasts */
	FAULT_REFUSE,       /* the port does not listen; never for one call */
	FAULT_RESET,        /* a TCP RST instead of an answer */
	FAULT_HTTP500,      /* status 500 and HTML */
	FAULT_HTML,         /* status 200 and HTML */
	FAULT_EMPTY,        /* status 200 and nothing */
	FAULT_CUT,          /* the first half of the right answer, well framed */
	FAULT_HUGE,         /* bytes of XML, chunked */
	FAULT_DRIP,         /* the right answer, a byte every ms */
	FAULT_WRONG_SECRET, /* no checksum is right */
	FAULT_SET_COOKIE,   /* the right answer with cookie headers */
};

struct fault {
	enum fault_kind kind;
	long long ms;
	long long bytes;
};

/* What is set for one call. */
struct fault_call {
	char *name;
	struct fault fault;
	bool has_raw;
	struct text raw;
	struct fault_call *next;
};

/* Starts as all zeroes: nothing wrong. */
struct faults {
	struct fault all;
	struct fault_call *first;
};

/* Finds the kind of that name.  Returns 0, or -1 when there is none. */
int faults_parse_kind(const char *name, enum fault_kind *kind);

/*
 * Sets the fault of one call, or of all calls when call is NULL.  For one
 * call, FAULT_NONE lets the fault of all calls show again; for all calls it
 * also removes those of single calls.
 */
void faults_set(struct faults *faults, const char *call, struct fault fault);

/* Returns the fault that is in force for call. */
struct fault faults_find(const struct faults *faults, const char *call);

/* Sets the fixed answer of call (copied); length 0 removes it. */
void faults_set_raw(struct faults *faults, const char *call, const char *body, size_t length);

/* Returns the fixed answer of call, borrowed, or NULL. */
const struct text *faults_find_raw(const struct faults *faults, const char *call);

/* Removes all faults and fixed answers. */
void faults_clear(struct faults *faults);

#endif
