/*
 * What must be kept while memory is short, as that is no server's fault: a mapping that was
 * there is there, no server is thought worse of, no meeting counts as nowhere that was not
 * looked for, no recording and no hook is forgotten, and a client gets a text where it would,
 * and is sent on with all of its parameters.  A run in which nothing is short tells what would
 * happen; then runs with a block refused are compared with it.
 */
#ifndef KEPT_H
#define KEPT_H

struct kept;
struct response;
struct run;
struct section;
struct server;

/* The caller frees it with kept_free(). */
struct kept *kept_new(void);

void kept_free(struct kept *kept);

/* A run begins. */
void kept_begin(struct run *run);

/* An act of the run begins, or has ended.  Without a struct kept this and what follows do
 * nothing; in the first run, where no block is refused, they learn, later they compare. */
void kept_see(struct run *run);

/* The server, or, as NULL, another, has failed by itself: worse may be thought of it. */
void kept_excuse(struct run *run, const struct server *server);

/* That is the answer to the request. */
void kept_see_answer(struct run *run, const struct section *request,
    const struct response *response);

#endif
