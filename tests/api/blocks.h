/*
 * Large blocks of memory, the ones that may be refused (mem.h): how many the core has asked
 * for in a run, and which ones it does not get.  Only the program short_driver counts them
 * (short_memory.c); to all others memory is never short.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <stdbool.h>

struct run;

/* From now on the core works for this run; NULL: the tests themselves do something, which
 * always have their memory.  Returns what was before. */
struct run *blocks_work(struct run *run);

/* A large block is asked for.  Is it one that there is no memory for? */
bool blocks_refuse(void);

/* Blocks that are all had, or none of them: until the end they count as one, the first. */
void blocks_as_one_begin(void);
void blocks_as_one_end(void);

#endif
