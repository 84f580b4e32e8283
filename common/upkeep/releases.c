#include "upkeep/releases.h"

#include "base/arena.h"
#include "core/fanout.h"
#include "formats/xml.h"

/* How often what was found is saved anew, when others changed the facts meanwhile. */
#define TRIES 5

/* Does the answer tell of a version?  It is "" where the server does not reveal it. */
static bool
read_release(struct arena *arena, const struct relay_answer *answer, struct str *release)
{
	struct xml_field field = { .name = "bbbVersion" };

	if (answer->verdict != RELAY_SUCCESS ||
	    xml_read(arena, answer->document, &field, 1, NULL) != XML_SOUND)
		return false;
	*release = str_trim(field.text);
	return true;
}

/* Save what the servers said: of those that others changed meanwhile again. */
static void
save(struct call *call, const struct fanout *fanout)
{
	const struct store_verbs *verbs = call->store->verbs;
	const struct config *config = call->config;
	int64_t now_ms = call->request->now_ms;
	struct server_facts *facts = arena_alloc(call->arena,
	    config->n_servers * sizeof(*facts));
	struct store_server *sets = arena_alloc(call->arena, (fanout->n + 1) * sizeof(*sets));
	size_t *places = arena_alloc(call->arena, (fanout->n + 1) * sizeof(*places));
	size_t n = fanout->n;

	for (size_t i = 0; i < n; i++)
		places[i] = i;
	for (int tries = TRIES; tries > 0 && n > 0; tries--) {
		if (verbs->servers_get(call->store, config->servers, config->n_servers, facts,
		        NULL) != STORE_OK)
			return;
		for (size_t i = 0; i < n; i++) {
			const struct server *server = fanout->servers[places[i]];
			struct str release;

			sets[i] = (struct store_server){
				.name = server->name,
				.facts = facts[server - config->servers],
			};
			if (read_release(call->arena, &fanout->answers[places[i]], &release))
				server_release_set(&sets[i].facts, release, now_ms);
			sets[i].facts.release_ms = now_ms;
		}
		if (verbs->servers_set(call->store, sets, n) != STORE_OK)
			return;
		size_t n_stale = 0;
		for (size_t i = 0; i < n; i++)
			if (sets[i].result == STORE_STALE)
				places[n_stale++] = places[i];
		n = n_stale;
	}
}

void
releases_sync(struct call *call, uint64_t holder, const struct server *const *servers,
    const struct server_facts *facts, size_t n)
{
	struct fanout fanout;

	fanout_init(&fanout, call, n);
	fanout.origin = RELAY_EXTRA;
	for (size_t i = 0; i < n; i++) {
		if (!server_release_is_due(&facts[i], call->request->now_ms))
			continue;
		struct http_call *http = fanout_add(&fanout, servers[i]);
		relay_prepare_root(servers[i], http);
		http->at_once = true;
	}
	/* It takes a round more than what the poll has done so far. */
	if (fanout.n == 0 || !call_take_lease(call, holder, 6))
		return;
	fanout_run(&fanout, "index", call->config->probe_timeout_ms, NULL);
	save(call, &fanout);
}
