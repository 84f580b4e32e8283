#include "upkeep/webhooks.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/callback.h"
#include "core/fanout.h"
#include "core/health.h"
#include "core/reply.h"
#include "formats/xml.h"

/* How often a server that is well is looked at. */
#define LOOK_MS (INT64_C(5) * 60 * 1000)

/* How old a hook is dropped whose meeting does not run. */
#define MEETING_GONE_MS (INT64_C(24) * 3600 * 1000)

/* What is done after one poll; the rest waits for the next look. */
#define ORDERS_AT_ONCE 256

/* What is read of each hook, by its place among the keys below. */
enum { HOOK_ID, CALLBACK_URL, MEETING_ID, EVENT_ID, IS_PERMANENT, RAW_DATA };

static const struct xml_list list_of_hooks = {
	.container = "hooks",
	.item = "hook",
	.keys = { "hookID", "callbackURL", "meetingID", "eventID", "permanentHook", "rawData" },
};

const struct server **
webhooks_servers(struct call *call, size_t *n)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);
	const struct server **servers = arena_alloc(call->arena,
	    (config->n_servers + 1) * sizeof(*servers));

	*n = 0;
	for (size_t i = 0; i < config->n_servers; i++)
		if (server_is_usable(&config->servers[i], &facts[i]))
			servers[(*n)++] = &config->servers[i];
	return servers;
}

struct webhook *
webhooks_find(struct webhook *hooks, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].id, id) == 0)
			return &hooks[i];
	return NULL;
}

/* Tell from the URL that is registered at a server what the client's is.  False
 * when it is a callback of another gateway's, or none at all. */
static bool
read_registered(struct call *call, struct webhooks_found *found)
{
	struct str marker = STR(CALLBACK_PATH);
	size_t at = str_find(found->registered, marker, 0);

	if (at == SIZE_MAX) {
		found->hook.url = found->registered;
		found->is_ours = !callback_is_needed(call->config, found->server);
		return callback_is_url(found->hook.url);
	}
	struct str base = str_part(found->registered, 0, at);
	struct callback callback;
	struct query parameters;
	if (query_parse(call->arena, str_part(found->registered, at + marker.len, SIZE_MAX),
	        &parameters) != QUERY_FINE ||
	    callback_read(call->arena, call->config, base, &parameters, &callback) != 0 ||
	    callback.kind != CALLBACK_WEBHOOK)
		return false;
	found->hook.url = callback.url;
	found->hook.base = base;
	found->is_ours = true;
	return true;
}

static void
take_list(struct call *call, const struct server *server, const struct xml_list *list,
    struct webhooks *hooks)
{
	for (size_t i = 0; i < list->n && i < 2 * LIMIT_WEBHOOKS; i++) {
		const struct str *text = list->items[i].text;
		struct webhooks_found *found = &hooks->list[hooks->n];

		*found = (struct webhooks_found){
			.server = server,
			.server_id = text[HOOK_ID],
			.registered = text[CALLBACK_URL],
			.hook = {
				.meeting_id = text[MEETING_ID],
				.event_id = text[EVENT_ID],
				.raw = str_is(text[RAW_DATA], "true"),
				.changed_ms = call->request->now_ms,
			},
		};
		if (found->server_id.len == 0 || str_is(text[IS_PERMANENT], "true") ||
		    found->hook.meeting_id.len > LIMIT_MEETING_ID_BYTES ||
		    found->hook.event_id.len > LIMIT_WEBHOOK_EVENTS_BYTES ||
		    !read_registered(call, found))
			continue;
		webhook_id(found->hook.url, found->hook.id);
		hooks->n++;
	}
}

void
webhooks_ask(struct call *call, const struct server *const *servers, size_t n,
    struct webhooks *hooks)
{
	struct fanout fanout;

	fanout_init(&fanout, call, n);
	fanout.list = &list_of_hooks;
	fanout.origin = RELAY_EXTRA;
	for (size_t i = 0; i < n; i++)
		relay_prepare_own(call, servers[i], "hooks/list", STR(""),
		    fanout_add(&fanout, servers[i]));
	fanout_run(&fanout, "hooks/list", call->config->probe_timeout_ms, NULL);
	*hooks = (struct webhooks){
		.answered = arena_alloc(call->arena, (n + 1) * sizeof(*hooks->answered)),
	};
	size_t most = 0;
	for (size_t i = 0; i < n; i++)
		if (fanout.answers[i].verdict == RELAY_SUCCESS)
			most += fanout.answers[i].list->n;
	hooks->list = arena_alloc(call->arena, (most + 1) * sizeof(*hooks->list));
	for (size_t i = 0; i < n; i++) {
		if (fanout.answers[i].verdict != RELAY_SUCCESS)
			continue;
		hooks->answered[hooks->n_answered++] = servers[i];
		take_list(call, servers[i], fanout.answers[i].list, hooks);
	}
}

/* The URL to register at that server; the absent span when there is none. */
static struct str
url_for(struct call *call, const struct server *server, const struct webhook *hook)
{
	const struct config *config = call->config;
	struct str base = config->public_url ? str_from(config->public_url) : hook->base;

	if (!callback_is_needed(config, server))
		return hook->url;
	if (base.len == 0)
		return (struct str){ NULL, 0 };
	/* Whichever secret its client knows, the first is the one that stays. */
	return callback_url(call->arena, base,
	    &(struct callback){
	        .kind = CALLBACK_WEBHOOK,
	        .server = str_from(server->name),
	        .url = hook->url,
	        .secret = config->secrets[0],
	    });
}

static void
add_parameter(struct buf *query, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	buf_printf(query, "%s%s=", query->len > 0 ? "&" : "", name);
	query_encode(query, value);
}

/* Add the call for an order, if it can be done. */
static void
prepare_order(struct call *call, struct fanout *fanout, const struct webhooks_order *order)
{
	const char *name = order->hook ? "hooks/create" : "hooks/destroy";
	struct buf query;

	buf_init(&query, LIMIT_ANSWER_BYTES);
	if (!order->hook) {
		add_parameter(&query, "hookID", order->server_id);
	} else {
		struct str url = url_for(call, order->server, order->hook);
		if (!url.data) {
			log_warn("webhook not registered: public_url is not configured",
			    "server", order->server->name);
			return;
		}
		add_parameter(&query, "callbackURL", url);
		add_parameter(&query, "meetingID", order->hook->meeting_id);
		add_parameter(&query, "eventID", order->hook->event_id);
		add_parameter(&query, "getRaw", order->hook->raw ? STR("true") : STR(""));
	}
	relay_prepare_own(call, order->server, name, buf_take(&query, call->arena),
	    fanout_add(fanout, order->server));
}

void
webhooks_do(struct call *call, const struct webhooks_order *orders, size_t n,
    struct webhooks_done *done)
{
	*done = (struct webhooks_done){ 0 };
	struct fanout fanout;
	fanout_init(&fanout, call, n);
	fanout.origin = RELAY_EXTRA;
	for (size_t i = 0; i < n; i++)
		prepare_order(call, &fanout, &orders[i]);
	fanout_run(&fanout, "hooks", call->config->probe_timeout_ms, NULL);
	for (size_t i = 0; i < fanout.n; i++) {
		if (fanout.answers[i].verdict == RELAY_FAILED)
			log_warn("server refused a webhook", "server", fanout.servers[i]->name,
			    "result", str_copy(call->arena, fanout.answers[i].message_key));
		if (fanout.answers[i].verdict != RELAY_SUCCESS)
			continue;
		done->n_done++;
		done->n_duplicates += reply_is_duplicate(fanout.answers[i].message_key);
	}
}

/* ---- After a poll -------------------------------------------------------- */

/* One look at some servers. */
struct look {
	struct call *call;
	struct webhook *known; /* to the state, with room for more */
	size_t n_known;
	struct webhooks there;
	struct webhooks_order *orders;
	size_t n_orders;
};

static bool
is_due(const struct server_facts *before, bool any, int64_t now_ms)
{
	/* New to the state, which may have been lost, or back. */
	if (before->polled_ms == 0 || before->health != SERVER_UP)
		return true;
	/* The first poll of every five minutes by the clock. */
	return any && now_ms / LOOK_MS != before->polled_ms / LOOK_MS;
}

static void
order(struct look *look, const struct server *server, const struct webhook *hook,
    struct str server_id)
{
	if (look->n_orders < ORDERS_AT_ONCE)
		look->orders[look->n_orders++] = (struct webhooks_order){ server, hook,
			server_id };
}

/* Drop the hooks whose meetings are gone. */
static void
drop_old(struct look *look)
{
	const struct call *call = look->call;
	const struct store_verbs *verbs = call->store->verbs;
	int64_t now_ms = call->request->now_ms;

	for (size_t i = 0; i < look->n_known; i++) {
		struct webhook *hook = &look->known[i];

		if (hook->is_dropped || hook->meeting_id.len == 0 ||
		    hook->changed_ms > now_ms - MEETING_GONE_MS)
			continue;
		struct meeting meeting;
		struct server_facts facts;
		enum store_result result = verbs->meeting_get(call->store, call->arena,
		    hook->meeting_id, now_ms, &meeting, &facts, NULL);
		if ((result == STORE_NOT_FOUND || result == STORE_ABSENT) &&
		    verbs->webhook_drop(call->store, hook->id, now_ms) == STORE_OK)
			hook->is_dropped = true;
	}
}

/* Learn the hooks that the state has lost. */
static void
learn(struct look *look)
{
	const struct call *call = look->call;
	size_t n = 0;

	for (size_t i = 0; i < look->there.n; i++) {
		const struct webhooks_found *found = &look->there.list[i];

		if (!found->is_ours ||
		    webhooks_find(look->known, look->n_known, found->hook.id) ||
		    call->store->verbs->webhook_put(call->store, &found->hook, false) !=
		        STORE_OK)
			continue;
		look->known[look->n_known++] = found->hook;
		n++;
	}
	if (n > 0)
		log_info("webhooks learnt from the servers");
}

/* What is to be done at one server. */
static void
compare(struct look *look, const struct server *server)
{
	bool *has = arena_alloc(look->call->arena, (look->n_known + 1) * sizeof(*has));

	for (size_t i = 0; i < look->there.n; i++) {
		const struct webhooks_found *found = &look->there.list[i];

		if (found->server != server)
			continue;
		struct webhook *hook = webhooks_find(look->known, look->n_known,
		    found->hook.id);
		if (!hook)
			continue; /* none of ours */
		struct str url = url_for(look->call, server, hook);
		if (!hook->is_dropped && (!url.data || str_equal(found->registered, url)))
			has[hook - look->known] = true;
		else
			order(look, server, NULL, found->server_id);
	}
	for (size_t i = 0; i < look->n_known; i++)
		if (!look->known[i].is_dropped && !has[i])
			order(look, server, &look->known[i], STR(""));
}

void
webhooks_sync(struct call *call, uint64_t holder, const struct server *const *servers,
    const struct server_facts *before, size_t n)
{
	const struct store_verbs *verbs = call->store->verbs;
	const struct server **due = arena_alloc(call->arena, (n + 1) * sizeof(*due));
	struct look look = { .call = call };
	struct webhook *known;

	if (verbs->webhook_list(call->store, call->arena, &known, &look.n_known) != STORE_OK)
		return;
	size_t n_due = 0;
	for (size_t i = 0; i < n; i++)
		if (is_due(&before[i], look.n_known > 0, call->request->now_ms))
			due[n_due++] = servers[i];
	/* It takes two rounds more than what the poll has done so far. */
	if (n_due == 0 || !call_take_lease(call, holder, 5))
		return;
	webhooks_ask(call, due, n_due, &look.there);
	look.known = arena_alloc(call->arena,
	    (look.n_known + look.there.n + 1) * sizeof(*look.known));
	if (look.n_known > 0)
		memcpy(look.known, known, look.n_known * sizeof(*look.known));
	look.orders = arena_alloc(call->arena, ORDERS_AT_ONCE * sizeof(*look.orders));
	drop_old(&look);
	learn(&look);
	for (size_t i = 0; i < look.there.n_answered; i++)
		compare(&look, look.there.answered[i]);
	struct webhooks_done done;
	webhooks_do(call, look.orders, look.n_orders, &done);
}
