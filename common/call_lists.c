/*
 * getMeetings and getSessions: all servers in parallel, their lists merged as
 * raw fragments.  For a server that does not answer in time its last known list
 * stands in, unless it is down: a client that misses a meeting in the list may
 * end the lesson it belongs to.
 */
#include "call.h"
#include "http.h"
#include "bounds.h"
#include "log.h"
#include "lookup.h"
#include "mem.h"
#include "relay.h"
#include "reply.h"
#include "xml.h"

/* A growing set of keys that were seen: open addressing, in the arena. */
struct seen {
	struct arena *arena;
	struct str *slots;
	size_t n, capacity;
};

static size_t
seen_slot(const struct seen *seen, struct str key)
{
	size_t hash = 5381, i;

	for (i = 0; i < key.len; i++)
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
	struct seen grown;
	size_t i, slot;

	if (2 * seen->n >= seen->capacity) {
		grown = *seen;
		grown.capacity = seen->capacity ? 2 * seen->capacity : 64;
		grown.slots = arena_alloc(seen->arena, grown.capacity * sizeof(*grown.slots));
		for (i = 0; i < seen->capacity; i++)
			if (seen->slots[i].data)
				grown.slots[seen_slot(&grown, seen->slots[i])] = seen->slots[i];
		*seen = grown;
	}
	slot = seen_slot(seen, key);
	if (seen->slots[slot].data)
		return false;
	seen->slots[slot] = key;
	seen->n++;
	return true;
}

/* Append the items of one server's answer that no other brought.  0, or -1 when
 * the document cannot be read. */
static int
merge(struct call *call, const struct reply_list *list, struct str document,
    struct seen *seen, struct buf *items)
{
	struct xml_list read = {
		.container = list->container,
		.item = list->item,
		.keys = {list->key},
	};
	size_t i;

	if (xml_read(call->arena, document, NULL, 0, &read) != 0)
		return -1;
	for (i = 0; i < read.n; i++)
		if (read.items[i].text[0].len == 0 || seen_add(seen, read.items[i].text[0]))
			buf_str(items, read.items[i].raw);
	return 0;
}

/* Merge what the server answered; where that is nothing, or nothing that can be
 * merged, its last known list.  Returns the answer if it was good, else the
 * absent span. */
static struct str
merge_server(struct call *call, const struct reply_list *list, const struct server *server,
    const struct relay_answer *answer, struct seen *seen, struct buf *items)
{
	struct store_list known = {.server = server->name, .what = call->name};

	if (answer->verdict == RELAY_SUCCESS &&
	    merge(call, list, answer->http->answer, seen, items) == 0)
		return answer->http->answer;
	if (call->store->verbs->list_find(call->store, call->arena, &known) == STORE_OK &&
	    merge(call, list, known.answer, seen, items) == 0)
		log_info("server's last known list stands in for its answer", "server",
		    server->name, "call", call->name);
	return (struct str){0};
}

void
call_lists(struct call *call)
{
	const struct config *config = call->config;
	const struct reply_list *list = reply_list_find(str_from(call->name));
	const struct server_facts *facts = lookup_facts(call);
	struct seen seen = {.arena = call->arena};
	struct store *store = call->store;
	const struct server **asked;
	struct store_list *fresh;
	struct http_batch batch = {.timeout_ms = config->probe_timeout_ms};
	struct relay_answer answer;
	struct str document;
	struct buf items;
	size_t i, n_fresh = 0;

	asked = arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*asked));
	fresh = arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*fresh));
	batch.calls = arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*batch.calls));
	for (i = 0; i < config->n_servers; i++) {
		if (!server_is_usable(&config->servers[i], &facts[i]))
			continue;
		asked[batch.n] = &config->servers[i];
		relay_prepare(call, &config->servers[i], &batch.calls[batch.n++]);
	}
	if (batch.n > 0)
		call->http->run(call->http, call->arena, &batch);

	buf_init(&items, LIMIT_MERGED_BYTES - LIMIT_HEADER_BYTES);
	for (i = 0; i < batch.n; i++) {
		relay_judge(call, RELAY_OWN, call->name, asked[i], &batch.calls[i], &answer);
		document = merge_server(call, list, asked[i], &answer, &seen, &items);
		if (document.len > 0)
			fresh[n_fresh++] = (struct store_list){
				asked[i]->name, call->name, document};
	}
	store->verbs->lists_save(store, fresh, n_fresh);
	if (buf_failed(&items)) {
		log_error("the merged list is too large", "call", call->name);
		reply_error(call->response, call->arena, REPLY_UNAVAILABLE);
	} else {
		reply_items(call->response, call->arena, list, buf_take(&items, call->arena));
	}
	buf_free(&items);
}
