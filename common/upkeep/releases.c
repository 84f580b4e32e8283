#include "upkeep/releases.h"

#include "base/arena.h"
#include "core/fanout.h"
#include "core/health.h"
#include "formats/xml.h"

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

/* What the answer of the fan-out's i-th server does to its facts: a health_apply. */
static bool
apply_release(const struct call *call, const void *context, size_t i,
    struct server_facts *facts)
{
	const struct fanout *fanout = context;
	int64_t now_ms = call->request->now_ms;
	struct str release;

	if (read_release(call->arena, &fanout->answers[i], &release))
		server_release_set(facts, release, now_ms);
	facts->release_ms = now_ms;
	return true;
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
	struct health_write *writes = arena_alloc(call->arena, fanout.n * sizeof(*writes));

	for (size_t i = 0; i < fanout.n; i++)
		writes[i].server = fanout.servers[i];
	health_write(call, writes, fanout.n, apply_release, &fanout);
}
