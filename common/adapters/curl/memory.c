#include "adapters/curl/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* It is never written to, so it costs no memory but address space, which is what a limit such
 * as RLIMIT_AS counts. */
static void *_Atomic reserve;

void
memory_begin(void)
{
	atomic_store(&reserve, malloc(MEMORY_RESERVE_BYTES));
}

bool
memory_is_short(void)
{
	if (!atomic_load(&reserve))
		memory_begin();
	return !atomic_load(&reserve);
}

/* There is no memory: give up the reserve, or the process.  Another thread may have just given
 * the reserve, so the first of the tries goes on. */
static void
give_reserve(int tries)
{
	void *given = atomic_exchange(&reserve, NULL);

	if (!given && tries > 0)
		mem_die();
	free(given);
}

void *
memory_malloc(size_t size)
{
	void *block;

	for (int tries = 0; !(block = malloc(size ? size : 1)); tries++)
		give_reserve(tries);
	return block;
}

void
memory_free(void *block)
{
	free(block);
}

void *
memory_realloc(void *block, size_t size)
{
	void *resized;

	for (int tries = 0; !(resized = realloc(block, size ? size : 1)); tries++)
		give_reserve(tries);
	return resized;
}

char *
memory_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(memory_malloc(size), text, size);
}

void *
memory_calloc(size_t n, size_t size)
{
	void *block;

	for (int tries = 0; !(block = n && size ? calloc(n, size) : calloc(1, 1)); tries++)
		give_reserve(tries);
	return block;
}
