#include "core/fanout.h"

#include "base/arena.h"

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

	for (size_t i = 0; i < config->n_servers; i++)
		if (server_is_usable(&config->servers[i], &facts[i]))
			relay_prepare(call, &config->servers[i],
			    fanout_add(fanout, &config->servers[i]));
}

static void
judge_call(struct fanout *fanout, size_t i)
{
	fanout->judged[i] = true;
	relay_judge(fanout->call, fanout->origin, fanout->name, fanout->servers[i],
	    &fanout->calls[i], &fanout->answers[i]);
}

/* An answer has come (`enough` of the batch). */
static bool
take_answer(const struct http_call *http, void *context)
{
	struct fanout *fanout = context;
	size_t i = fanout->place[http - fanout->round];

	fanout->calls[i] = *http;
	if (relay_may_sign_again(fanout->call, fanout->servers[i], http)) {
		fanout->refused[i] = true;
		return false;
	}
	judge_call(fanout, i);
	if (fanout->enough && fanout->enough(&fanout->answers[i], fanout->call))
		fanout->is_enough = true;
	return fanout->is_enough;
}

/* Run the first n calls of the round.  Returns how long it took, in ms. */
static int64_t
run_round(struct fanout *fanout, size_t n, int64_t timeout_ms)
{
	struct call *call = fanout->call;
	struct http_batch batch = {
		.calls = fanout->round,
		.n = n,
		.timeout_ms = timeout_ms,
		.enough = take_answer,
		.context = fanout,
	};

	call->http->run(call->http, call->arena, &batch);
	int64_t elapsed_ms = 0;
	for (size_t k = 0; k < n; k++) {
		size_t i = fanout->place[k];

		if (fanout->round[k].elapsed_ms > elapsed_ms)
			elapsed_ms = fanout->round[k].elapsed_ms;
		if (fanout->judged[i] || fanout->refused[i])
			continue;
		fanout->calls[i] = fanout->round[k];
		judge_call(fanout, i);
	}
	return elapsed_ms;
}

/* Make a round of the calls that were refused.  Returns how many they are; 0, when they
 * had to be given up, too. */
static size_t
begin_again(struct fanout *fanout, int64_t left_ms)
{
	struct call *call = fanout->call;
	bool is_late = left_ms <= 0 || fanout->is_enough;
	size_t n = 0;

	for (size_t i = 0; i < fanout->n; i++) {
		if (!fanout->refused[i])
			continue;
		fanout->refused[i] = false;
		if (is_late) {
			relay_give_up(call, fanout->origin, fanout->servers[i],
			    &fanout->calls[i]);
			judge_call(fanout, i);
			continue;
		}
		relay_sign_again(call, fanout->servers[i], &fanout->calls[i]);
		fanout->place[n] = i;
		fanout->round[n++] = fanout->calls[i];
	}
	return n;
}

void
fanout_run(struct fanout *fanout, const char *name, int64_t timeout_ms,
    bool (*enough)(const struct relay_answer *answer, void *call))
{
	struct arena *arena = fanout->call->arena;
	size_t n = fanout->n;

	if (n == 0)
		return;
	fanout->name = name;
	fanout->enough = enough;
	fanout->judged = arena_alloc(arena, n * sizeof(*fanout->judged));
	fanout->refused = arena_alloc(arena, n * sizeof(*fanout->refused));
	fanout->place = arena_alloc(arena, n * sizeof(*fanout->place));
	fanout->round = arena_alloc(arena, n * sizeof(*fanout->round));
	for (size_t i = 0; i < n; i++) {
		fanout->place[i] = i;
		fanout->round[i] = fanout->calls[i];
		if (!fanout->list)
			continue;
		fanout->answers[i].list = arena_alloc(arena, sizeof(*fanout->list));
		*fanout->answers[i].list = *fanout->list;
	}
	int64_t left_ms = timeout_ms;
	do
		left_ms -= run_round(fanout, n, left_ms);
	while ((n = begin_again(fanout, left_ms)) > 0);
}
