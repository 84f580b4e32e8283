#include "blocks.h"

#include <stddef.h>

#include "run.h"

static struct run *at_work;
static enum { NO, UNCOUNTED, COUNTED } as_one;

struct run *
blocks_work(struct run *run)
{
	struct run *before = at_work;

	at_work = run;
	return before;
}

bool
blocks_refuse(void)
{
	if (!at_work || as_one == COUNTED)
		return false;
	if (as_one == UNCOUNTED)
		as_one = COUNTED;
	int n = ++at_work->blocks, first = at_work->failing_block;
	return first > 0 && n >= first && n - first < at_work->failing_blocks;
}

void
blocks_as_one_begin(void)
{
	as_one = UNCOUNTED;
}

void
blocks_as_one_end(void)
{
	as_one = NO;
}
