/*
 * Requests that a server sends of its own accord, by libcurl.
 */
#ifndef SANDBOX_OUTGOING_H
#define SANDBOX_OUTGOING_H

#include <stdbool.h>

#include "text.h"

struct outgoing {
	const char *kind; /* what it is, for the report; a constant */
	char *url;
	bool is_post;             /* else a GET */
	const char *content_type; /* constants, or NULL */
	const char *user_agent;
	char *authorization; /* the header's value, or NULL */
	struct text body;

	unsigned status;   /* of the answer, 0 when there was none */
	const char *error; /* why there was none, a constant */
	struct outgoing *next;
};

/* Before the first thread begins and after the last has ended. Returns 0, or -1. */
int outgoing_init(void);
void outgoing_fini(void);

/*
 * Appends a GET of url (copied) to a list that starts as NULL; the rest is the
 * caller's to fill.  Returns it, borrowed.
 */
struct outgoing *outgoing_add(struct outgoing **list, const char *kind, const char *url);

/*
 * Sends each once, one after the other, and fills in what came of it.  Blocks,
 * ten seconds at most for each: the caller holds no lock.  No redirect is
 * followed, and no certificate checked, for tests have none that is signed.
 */
void outgoing_run(struct outgoing *list);

/*
 * Appends {"sent":[{"kind":"…","url":"…","status":200},…]} and a line end; with
 * status 0 goes a member "error".
 */
void outgoing_add_report(struct text *text, const struct outgoing *list);

/* Frees the list and sets it to NULL. */
void outgoing_free(struct outgoing **list);

#endif
