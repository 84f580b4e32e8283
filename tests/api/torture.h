/*
 * Torture: a case again and again, with each verb of the store and each outgoing call
 * failing in turn, in every way that a call can fail.  What the case wants is not
 * compared then, only what must hold of any answer.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stddef.h>

struct run;
struct section;

/* Ways for an outgoing call to fail, as a server's section tells them; NULL ends them. */
extern const char *const torture_failures[];

/* Run the case once as it is, then with each failure, until there is a problem, which
 * *run, a run of its own, is left with.  Returns how many ways to fail there were.  The
 * caller frees run->problems. */
int torture_case(struct run *run, const struct section *sections, size_t n);

/* The same with the memory for each large block in turn not being there (blocks.h), alone, with
 * the next ones, and with all after it: that is no server's fault, so besides, what is kept of
 * servers and meetings must be kept (kept.h).  Returns in how many runs blocks were refused. */
int torture_memory(struct run *run, const struct section *sections, size_t n);

#endif
