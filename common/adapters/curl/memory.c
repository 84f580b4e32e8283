#include "adapters/curl/memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* It is never written to, so it costs no memory but address space, which is what a limit such
 * as RLIMIT_AS counts. */
static void *reserve;
static pthread_mutex_t reserve_mutex = PTHREAD_MUTEX_INITIALIZER;

bool
memory_is_short(void)
{
	pthread_mutex_lock(&reserve_mutex);
	if (!reserve)
		reserve = malloc(MEMORY_RESERVE_BYTES);
	bool has_none = !reserve;
	pthread_mutex_unlock(&reserve_mutex);
	return has_none;
}

bool
memory_is_scarce(void)
{
	return memory_is_short() || mem_is_short();
}

/* There is no memory for the block: give up the reserve, or the process. */
static void *
resize_by_reserve(void *block, size_t size)
{
	/* Also where the reserve is used: another thread may just have given it. */
	pthread_mutex_lock(&reserve_mutex);
	free(reserve);
	reserve = NULL;
	void *resized = realloc(block, size);
	pthread_mutex_unlock(&reserve_mutex);
	if (!resized)
		mem_die();
	return resized;
}

void *
memory_realloc(void *block, size_t size)
{
	size_t least = size ? size : 1;
	void *resized = realloc(block, least);

	if (!resized)
		resized = resize_by_reserve(block, least);
	return resized;
}

void *
memory_malloc(size_t size)
{
	return memory_realloc(NULL, size);
}

void
memory_free(void *block)
{
	free(block);
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
	void *block = n && size ? calloc(n, size) : calloc(1, 1);

	if (block)
		return block;
	if (size > 0 && n > SIZE_MAX / size)
		mem_die();
	return memset(resize_by_reserve(NULL, n && size ? n * size : 1), 0, n * size);
}
