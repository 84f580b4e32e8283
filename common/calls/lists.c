/*
 * getMeetings and getSessions: all servers in parallel, their lists merged as
 * raw fragments.  For a server that does not answer in time its last known list
 * stands in, unless it is down: a client that misses a meeting in the list may
 * end the lesson it belongs to.
 */
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "core/call.h"
#include "core/fanout.h"
#include "core/reply.h"
#include "formats/xml.h"

/* A growing set of keys that were seen: open addressing, in the arena. */
struct seen {
	struct arena *arena;
	struct str *slots;
	size_t n, capacity;
};

static size_t
seen_slot(const struct seen *seen, struct str key)
{
	size_t hash = 5381;

	for (size_t i = 0; i < key.len; i++)
		hash = hash * 33 + (unsigned char)key.data[i];
	hash &= seen->capacity - 1;
	while (seen->slots[hash].data && !str_equal(seen->slots[hash], key))
		hash = (hash + 1) & (seen->capacity - 1);
	return hash;
}

/* Add a key; false when it was there already. */
static bool
seen_add(struct seen *seen, struct str key)
{
	if (2 * seen->n >= seen->capacity) {
		struct seen grown = *seen;
		grown.capacity = seen->capacity ? 2 * seen->capacity : 64;
		grown.slots = arena_alloc(seen->arena, grown.capacity * sizeof(*grown.slots));
		for (size_t i = 0; i < seen->capacity; i++)
			if (seen->slots[i].data)
				grown.slots[seen_slot(&grown, seen->slots[i])] = seen->slots[i];
		*seen = grown;
	}
	size_t slot = seen_slot(seen, key);
	if (seen->slots[slot].data)
		return false;
	seen->slots[slot] = key;
	seen->n++;
	return true;
}

/* The merged list: raw fragments in the arena. */
struct merged {
	struct seen seen;
	struct str *items;
	size_t n, capacity;
};

/* Append the items of one server's list that no other brought. */
static void
merge(struct arena *arena, const struct xml_list *list, struct merged *merged)
{
	if (merged->n + list->n > merged->capacity) {
		merged->capacity = 2 * (merged->n + list->n);
		struct str *grown = arena_alloc(arena, merged->capacity * sizeof(*grown));
		if (merged->n > 0)
			memcpy(grown, merged->items, merged->n * sizeof(*grown));
		merged->items = grown;
	}
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].text[0].len == 0 ||
		    seen_add(&merged->seen, list->items[i].text[0]))
			merged->items[merged->n++] = list->items[i].raw;
}

/* Merge what the server answered; where that is nothing, its last known list.
 * Returns the answer if it was good, else the absent span. */
static struct str
merge_server(struct call *call, const struct xml_list *wanted, const struct server *server,
    const struct relay_answer *answer, struct merged *merged)
{
	struct xml_list list = *wanted;

	if (answer->verdict == RELAY_SUCCESS) {
		merge(call->arena, answer->list, merged);
		return answer->http->answer;
	}
	if (call_last_known(call, server, call->name, &list))
		merge(call->arena, &list, merged);
	return (struct str){ 0 };
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
	struct merged merged = { .seen.arena = call->arena };
	struct store *store = call->store;
	struct fanout fanout;

	fanout_init(&fanout, call, call->config->n_servers);
	fanout.list = &wanted;
	/* A client's parameters may make every server answer 400. */
	if (call->query.len > 0 || call->form.len > 0)
		fanout.origin = RELAY_CLIENT;
	fanout_add_usable(&fanout, call_facts(call));
	fanout_run(&fanout, call->name, call->config->probe_timeout_ms, NULL);
	struct store_list *fresh = arena_alloc(call->arena, (fanout.n + 1) * sizeof(*fresh));
	size_t n_fresh = 0;
	for (size_t i = 0; i < fanout.n; i++) {
		struct str document = merge_server(call, &wanted, fanout.servers[i],
		    &fanout.answers[i], &merged);
		if (document.len > 0)
			fresh[n_fresh++] = (struct store_list){ fanout.servers[i]->name,
				call->name, document };
	}
	store->verbs->lists_save(store, fresh, n_fresh, NULL);
	reply_items(call->response, call->arena, list, merged.items, merged.n,
	    (struct str){ 0 });
}
