#include "support/items.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

struct item *
items_find(const struct items *items, struct str key)
{
	for (size_t i = 0; i < items->n; i++)
		if (str_equal(items->list[i].key, key))
			return &items->list[i];
	return NULL;
}

void
items_remove_at(struct items *items, size_t i)
{
	items->n--;
	memmove(&items->list[i], &items->list[i + 1], (items->n - i) * sizeof(*items->list));
}

void
items_drop(struct items *items, struct str key)
{
	struct item *item = items_find(items, key);

	if (item)
		items_remove_at(items, (size_t)(item - items->list));
}

struct item *
items_put(struct arena *arena, struct items *items, struct str key)
{
	items_drop(items, key);
	items->list = mem_resize(items->list, (items->n + 1) * sizeof(*items->list));
	struct item *item = &items->list[items->n++];

	*item = (struct item){ .key = { str_copy(arena, key), key.len } };
	return item;
}

struct str
items_key(struct arena *arena, const char *a, const char *b, struct str c)
{
	size_t head = strlen(a) + 1 + strlen(b) + 1;
	char *key = arena_alloc(arena, head + c.len);

	strcpy(key, a);
	strcpy(key + strlen(a) + 1, b);
	if (c.len > 0)
		memcpy(key + head, c.data, c.len);
	return (struct str){ key, head + c.len };
}

void
items_forget(struct items *items, bool is_meant(const struct item *), int64_t since_ms,
    size_t most)
{
	size_t n = 0;

	for (size_t i = items->n; i-- > 0;) {
		if (is_meant(&items->list[i]) && items->list[i].at_ms < since_ms)
			items_remove_at(items, i);
		else
			n += is_meant(&items->list[i]);
	}
	for (; n > most; n--) {
		size_t oldest = items->n;

		for (size_t i = 0; i < items->n; i++)
			if (is_meant(&items->list[i]) &&
			    (oldest == items->n ||
			        items->list[i].at_ms < items->list[oldest].at_ms))
				oldest = i;
		items_remove_at(items, oldest);
	}
}
