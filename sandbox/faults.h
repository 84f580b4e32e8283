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

/* What each kind does, and what it takes, stands in the table of faults.c, as --help has it. */
enum fault_kind {
	FAULT_NONE,
	FAULT_DELAY,
	FAULT_HANG,
	FAULT_STALL,
	FAULT_DRIP,
	FAULT_REFUSE,
	FAULT_DEAF,
	FAULT_RESET,
	FAULT_HTTP500,
	FAULT_STATUS,
	FAULT_REDIRECT,
	FAULT_FAILED,
	FAULT_HTML,
	FAULT_EMPTY,
	FAULT_HUGE,
	FAULT_CUT,
	FAULT_CUT_ITEM,
	FAULT_BREAK_OFF,
	FAULT_BLANK_LINES,
	FAULT_BYTE,
	FAULT_LONG_QUERY,
	FAULT_WRONG_SECRET,
	FAULT_SET_COOKIE,
};

/* Room for the text of a fault, a URL or a messageKey, and for an element's name. */
#define FAULT_TEXT_MAX 1024
#define FAULT_ELEMENT_MAX 64

struct fault {
	enum fault_kind kind;
	long long ms;
	long long bytes; /* -1: not given */
	long long number;
	unsigned status;
	bool is_list; /* FAILED as a list of errors */
	char text[FAULT_TEXT_MAX];
	size_t text_length; /* it may hold any byte */
	char element[FAULT_ELEMENT_MAX];

	/* When it ends by itself. */
	long long times;    /* calls that are left; -1: any number */
	long long until_ms; /* by the monotonic clock; -1: never */
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

/* Appends the names of all kinds, with commas. */
void faults_add_names(struct text *text);

/* Appends a line or more about each kind, for --help. */
void faults_add_help(struct text *text);

/*
 * Sets the fault of one call, or of all calls when call is NULL.  For one
 * call, FAULT_NONE lets the fault of all calls show again; for all calls it
 * also removes those of single calls.
 */
void faults_set(struct faults *faults, const char *call, struct fault fault);

/*
 * Returns the fault that is in force for one request of call, and counts it
 * where the fault is for so many.
 */
struct fault faults_take(struct faults *faults, const char *call, long long now_ms);

/* Tells whether a request of call that has this fault has to bear it still. */
bool faults_lasts(const struct faults *faults, const char *call, enum fault_kind kind,
    long long now_ms);

/* Sets the fixed answer of call (copied); length 0 removes it. */
void faults_set_raw(struct faults *faults, const char *call, const char *body, size_t length);

/* Returns the fixed answer of call, borrowed, or NULL. */
const struct text *faults_find_raw(const struct faults *faults, const char *call);

/* Removes all faults and fixed answers. */
void faults_clear(struct faults *faults);

#endif
