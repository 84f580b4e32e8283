/*
 * The transport of a case: the calls that its sections expect, each with its canned
 * answer.  No byte leaves the process.  Every call must be expected, be below its
 * server's base and signed with its secret, and have a deadline and a maximum; the
 * clock does not move meanwhile.
 */
#ifndef SCRIPTED_HTTP_H
#define SCRIPTED_HTTP_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct http;
struct http_batch;
struct run;
struct section;

/* Read which calls the sections after an act expect. */
void scripted_http_expect(struct run *run, const struct section *act);

/* Beside these: each of the named servers ("a,b" or "*") is asked for its meetings.  Where
 * no section expects that, it answers as the poll's own section says, or has none. */
void scripted_http_expect_polls(struct run *run, const struct section *poll, const char *names);

/* After the act: the calls that did not come are problems. */
void scripted_http_check(struct run *run);

/* Did a server answer a call of this act just so, byte for byte? */
bool scripted_http_has_answered(const struct run *run, struct str body);

/* For run->http.  The calls of a batch are answered in their order, but for those that
 * time out, which come last.  Call number run->failing_call gets run->failure. */
void scripted_http_run(struct http *http, struct arena *arena, struct http_batch *batch);

#endif
