/*
 * One run of one case: the sections are done in their order, and what is wrong is
 * written down.  struct run is what the modules of the driver share; which of them
 * does a section stands in the table of run.c.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "case.h"
#include "ports/http.h"
#include "ports/store.h"

struct answered;
struct config;
struct expected;
struct kept;

struct run {
	struct http http;    /* first: scripted_http.c finds the run by it */
	struct store store;  /* watched_store.c: counts verbs and passes on */
	struct store *inner; /* what it passes on to */
	struct arena *arena;
	struct config *config;
	struct buf problems; /* a line each, or more; none when the case passed */
	int64_t now_ms;
	int64_t waited_ms;       /* how long the last request waited for its answer */
	const char *kept_cookie; /* the first that was set last, "NAME=VALUE", or NULL */

	const struct section *sections;
	size_t n_sections;
	char *seen[1000]; /* every meetingID that was or may be mapped */
	size_t n_seen;

	/* The present act. */
	bool is_poll;
	bool is_asked;             /* does a client wait for its answer? */
	struct expected *expected; /* the calls that may or must come */
	size_t n_expected;
	struct answered *answered; /* what the servers said to the calls that came */
	struct str request_body;
	struct str sent_body; /* of the present outgoing call */
	size_t sent_secret;   /* likewise: which of the server's, from 1 */

	bool has_no_state; /* it has gone: each verb fails */

	/* Torture: which one fails, counted from 1, and how many there were. */
	bool torture;
	int verbs, failing_verb;
	int calls, failing_call;
	const char *failure;       /* what is answered to the failing call */
	int blocks, failing_block; /* large ones of memory (blocks.h) … */
	int failing_blocks;        /* … and how many fail in a row */
	struct kept *kept;         /* what each such run is compared with, or NULL */
	int64_t kept_until_ms;     /* after that nothing is */
	bool has_improvised;       /* a server was asked what the case does not expect */

	/* Fuzzing, which is torture by a case that nobody has written: verb or call number n
	 * fails where bit n % 64 is set. */
	bool is_fuzzed;
	uint64_t failing_verbs, failing_calls;
	bool tells_secrets; /* does the case itself have something like a secret in it? */
};

/* Run the case once.  The caller frees run->problems. */
void run_case(struct run *run, const struct section *sections, size_t n);

/* Write down what is wrong, and in which section (or NULL). */
void run_problem(struct run *run, const struct section *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Write down that the case is no proper one, which a fuzzed one may be. */
void run_mistake(struct run *run, const struct section *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many milliseconds the text says, in bounds that leave any time of a case one. */
int64_t run_ms(const char *text);

/* The end of what belongs to an act (a request or a poll): the next act, or the end of
 * the case. */
const struct section *run_act_end(const struct run *run, const struct section *act);

/* The lines of a section, to be cut up. */
struct lines run_lines(struct run *run, const struct section *section);

/* This meetingID may be mapped from now on. */
void run_see(struct run *run, struct str meeting_id);

#endif
