#include "fanout.h"

#include "mem.h"

void
fanout_init(struct fanout *fanout, struct call *call, size_t most)
{

	*fanout = (struct fanout){
		.call = call,
		.servers = arena_alloc(call->arena, (most + 1) * sizeof(*fanout->servers)),
		.calls = arena_alloc(call->arena, (most + 1) * sizeof(*fanout->calls)),
		.answers = arena_alloc(call->arena, (most + 1) * sizeof(*fanout->answers)),
		.origin = RELAY_OWN,
	};
}

struct http_call *
fanout_add(struct fanout *fanout, const struct server *server)
{

	fanout->servers[fanout->n] = server;
	return &fanout->calls[fanout->n++];
}

void
fanout_add_usable(struct fanout *fanout, const struct server_facts *facts)
{
	struct call *call = fanout->call;
	const struct config *config = call->config;
	size_t i;

	for (i = 0; i < config->n_servers; i++)
		if (server_is_usable(&config->servers[i], &facts[i]))
			relay_prepare(call, &config->servers[i],
			    fanout_add(fanout, &config->servers[i]));
}

static void
judge(struct fanout *fanout, size_t i)
{

	fanout->judged[i] = true;
	relay_judge(fanout->call, fanout->origin, fanout->name, fanout->servers[i],
	    &fanout->calls[i], &fanout->answers[i]);
}

/* An answer has come (`enough` of the batch). */
static bool
take(const struct http_call *http, void *context)
{
	struct fanout *fanout = context;

	judge(fanout, (size_t)(http - fanout->calls));
	return fanout->enough && fanout->enough(http, fanout->call);
}

void
fanout_run(struct fanout *fanout, const char *name, int64_t timeout_ms,
    bool (*enough)(const struct http_call *http, void *call))
{
	struct call *call = fanout->call;
	struct http_batch batch = {
		.calls = fanout->calls,
		.n = fanout->n,
		.timeout_ms = timeout_ms,
		.enough = take,
		.context = fanout,
	};
	size_t i;

	if (fanout->n == 0)
		return;
	fanout->name = name;
	fanout->enough = enough;
	fanout->judged = arena_alloc(call->arena, fanout->n * sizeof(*fanout->judged));
	for (i = 0; i < fanout->n && fanout->list; i++) {
		fanout->answers[i].list = arena_alloc(call->arena, sizeof(*fanout->list));
		*fanout->answers[i].list = *fanout->list;
	}
	call->http->run(call->http, call->arena, &batch);
	for (i = 0; i < fanout->n; i++)
		if (!fanout->judged[i])
			judge(fanout, i);
}
