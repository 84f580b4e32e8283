#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may be free at a time and stay. */
#define GIVEN_BYTES ((size_t)8 << 20)

#define WIPED_STACK_BYTES ((size_t)16 << 10)

void
mem_die(void)
{
	/* No allocation may happen here, so no log_event(). */
	fputs("tinyscale: out of memory\n", stderr);
	abort();
}

void *
mem_alloc(size_t size)
{
	void *block = calloc(1, size ? size : 1);

	if (!block)
		mem_die();
	return block;
}

void *
mem_resize(void *block, size_t size)
{
	void *resized = realloc(block, size ? size : 1);

	if (!resized)
		mem_die();
	return resized;
}

void *
mem_try_resize(void *block, size_t size)
{
	/* Held meanwhile, never written to: it costs no memory, but address space, which is
	 * what a limit such as RLIMIT_AS counts. */
	void *reserve = malloc(MEM_RESERVE_BYTES);
	void *resized = reserve ? realloc(block, size ? size : 1) : NULL;

	free(reserve);
	return resized;
}

void *
mem_try_alloc(size_t size)
{
	void *reserve = malloc(MEM_RESERVE_BYTES);
	void *block = reserve ? calloc(1, size ? size : 1) : NULL;

	free(reserve);
	return block;
}

bool
mem_is_short(void)
{
	void *reserve = malloc(MEM_RESERVE_BYTES);

	free(reserve);
	return !reserve;
}

void
mem_give_back(size_t bytes)
{
	static atomic_size_t freed;

	if (atomic_fetch_add(&freed, bytes) + bytes < GIVEN_BYTES)
		return;
	atomic_store(&freed, 0);
	malloc_trim(0);
}

char *
mem_strdup(const char *text)
{
	if (!text)
		return NULL;
	size_t size = strlen(text) + 1;
	char *copy = mem_alloc(size);
	memcpy(copy, text, size);
	return copy;
}

/* Not inline: its frame has to be below that of the caller. */
__attribute__((noinline)) void
mem_wipe_stack(void)
{
	char left[WIPED_STACK_BYTES];

	explicit_bzero(left, sizeof(left));
}
