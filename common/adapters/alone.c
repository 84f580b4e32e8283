#include "adapters/alone.h"

enum store_result
alone_describe(struct store *store, struct arena *arena, struct store_description *description)
{
	(void)store;
	(void)arena;
	*description = (struct store_description){ 0 };
	return STORE_NOT_FOUND;
}

enum store_result
alone_polls_begin(struct store *store, struct store_poll *polls, size_t n)
{
	(void)store;
	for (size_t i = 0; i < n; i++)
		polls[i].is_left = false;
	return STORE_OK;
}

const char *
alone_problem(struct store *store, struct arena *arena)
{
	(void)store;
	(void)arena;
	return NULL;
}
