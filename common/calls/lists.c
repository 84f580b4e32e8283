/*
 * getMeetings and getSessions: all servers in parallel, their lists merged as
 * raw fragments.  For a server that does not answer in time its last known list
 * stands in, unless it is down: a client that misses a meeting in the list may
 * end the lesson it belongs to.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "core/call.h"
#include "core/fanout.h"
#include "core/health.h"
#include "core/reply.h"
#include "formats/xml.h"

/* An item of the merged list. */
struct merged_item {
	struct str raw; /* a fragment of a server's document */
	struct str key; /* by which it is told from others; may be empty */
	size_t place;   /* in the order in which they were added */
};

struct merged {
	struct merged_item *items;
	size_t n, capacity;
};

/* Append the items of one server's list. */
static void
add_items(struct arena *arena, const struct xml_list *list, struct merged *merged)
{
	merged->items = arena_room(arena, merged->items, sizeof(*merged->items), merged->n,
	    list->n, &merged->capacity);
	for (size_t i = 0; i < list->n; i++) {
		merged->items[merged->n] = (struct merged_item){ list->items[i].raw,
			list->items[i].text[0], merged->n };
		merged->n++;
	}
}

static int
compare_key(const void *x, const void *y)
{
	const struct merged_item *a = x, *b = y;
	int order = str_compare(a->key, b->key);

	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int
compare_place(const void *x, const void *y)
{
	const struct merged_item *a = x, *b = y;

	return (a->place > b->place) - (a->place < b->place);
}

/* Keep the first item of each key, and all that have none.  Sorted twice, since it takes
 * no longer for keys that were chosen to. */
static void
remove_doubles(struct merged *merged)
{
	struct merged_item *items = merged->items;

	if (merged->n == 0)
		return;
	qsort(items, merged->n, sizeof(*items), compare_key);
	size_t n = 0;
	for (size_t i = 0; i < merged->n; i++)
		if (n == 0 || items[i].key.len == 0 ||
		    !str_equal(items[i].key, items[n - 1].key))
			items[n++] = items[i];
	merged->n = n;
	qsort(items, n, sizeof(*items), compare_place);
}

void
call_lists(struct call *call)
{
	const struct reply_list *list = reply_list_find(str_from(call->name));
	const struct xml_list wanted = {
		.container = list->container,
		.item = list->item,
		.keys = { list->key },
	};
	struct fanout fanout;

	fanout_init(&fanout, call, call->config->n_servers);
	fanout.list = &wanted;
	/* A client's parameters may make every server answer 400. */
	if (call->query.len > 0 || call->form.len > 0)
		fanout.origin = RELAY_CLIENT;
	fanout_add_usable(&fanout, health_facts(call));
	fanout_run(&fanout, call->name, call->config->probe_timeout_ms, NULL);
	struct store_list *fresh = arena_alloc(call->arena, (fanout.n + 1) * sizeof(*fresh));
	struct merged merged = { 0 };
	size_t n_fresh = 0;
	for (size_t i = 0; i < fanout.n; i++) {
		const struct server *server = fanout.servers[i];
		const struct relay_answer *answer = &fanout.answers[i];
		struct xml_list last = wanted;

		if (answer->verdict == RELAY_SUCCESS) {
			add_items(call->arena, answer->list, &merged);
			if (call_may_remember(call, server, "", answer))
				fresh[n_fresh++] = (struct store_list){ server->name,
					call->name, "", answer->document };
		} else if (call_last_known(call, server, "", &last)) {
			add_items(call->arena, &last, &merged);
		}
	}
	call_remember_lists(call, fresh, n_fresh);
	remove_doubles(&merged);
	struct str *items = arena_alloc(call->arena, (merged.n + 1) * sizeof(*items));
	for (size_t i = 0; i < merged.n; i++)
		items[i] = merged.items[i].raw;
	reply_items(call->response, call->arena, list, items, merged.n, (struct str){ 0 });
}
