/*
 * hooks/create, hooks/list, hooks/destroy: what bbb-webhooks offers, on all servers
 * at once (webhooks.h), worded as its api.js and responses.js do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/call.h"
#include "core/callback.h"
#include "core/client.h"
#include "core/reply.h"
#include "model/webhook.h"
#include "upkeep/webhooks.h"

/* Register the hook at all servers; how many took it. */
static struct webhooks_done
register_everywhere(struct call *call, const struct webhook *hook)
{
	size_t n;
	const struct server **servers = webhooks_servers(call, &n);
	struct webhooks_order *orders = arena_alloc(call->arena, (n + 1) * sizeof(*orders));

	for (size_t i = 0; i < n; i++)
		orders[i] = (struct webhooks_order){ .server = servers[i], .hook = hook };
	struct webhooks_done done;
	webhooks_do(call, orders, n, &done);
	return done;
}

/* Say why a webhook is refused: the client is told what bbb-webhooks tells it, which
 * is to look at the log.  Its URL may hold a secret and stays out of that. */
static void
refuse(struct call *call, const char *reason)
{
	log_warn("webhook refused", "client",
	    client_for_log(call->arena, call->config, call->request), "reason", reason);
	reply_error(call->response, call->arena, REPLY_WEBHOOK_CREATE);
}

/* What is wrong with it, or NULL. */
static const char *
flaw_of(const struct webhook *hook)
{
	if (hook->url.len > LIMIT_CALLBACK_URL_BYTES)
		return "its callbackURL is too long";
	if (!callback_is_url(hook->url))
		return "its callbackURL is no http or https URL, or has spaces or controls";
	if (hook->meeting_id.len > LIMIT_MEETING_ID_BYTES)
		return "its meetingID is too long";
	if (hook->event_id.len > LIMIT_WEBHOOK_EVENTS_BYTES)
		return "its eventID is too long";
	return NULL;
}

void
call_hooks_create(struct call *call)
{
	const struct store_verbs *verbs = call->store->verbs;
	struct response *response = call->response;
	struct webhook hook = {
		.url = query_find(&call->parameters, "callbackURL"),
		.meeting_id = query_find(&call->parameters, "meetingID"),
		.event_id = query_find(&call->parameters, "eventID"),
		.raw = str_is_nocase(query_find(&call->parameters, "getRaw"), "true"),
		.changed_ms = call->request->now_ms,
	};

	if (hook.url.len == 0) {
		reply_error(response, call->arena, REPLY_NO_CALLBACK_URL);
		return;
	}
	hook.base = callback_base(call->arena, call->config, call->request, call->mount);
	webhook_id(hook.url, hook.id);
	if (flaw_of(&hook)) {
		refuse(call, flaw_of(&hook));
		return;
	}
	/* The state first: what breaks off here is done by the next poll. */
	enum store_result result = verbs->webhook_put(call->store, &hook, true);
	if (result == STORE_EXISTS) {
		reply_webhook_created(response, call->arena, &hook, true);
		return;
	}
	if (result == STORE_FULL) {
		refuse(call, "there are too many webhooks");
		return;
	}
	struct webhooks_done done = register_everywhere(call, &hook);
	if (done.n_done > 0) {
		/* Servers may know what the state has lost. */
		reply_webhook_created(response, call->arena, &hook,
		    done.n_duplicates == done.n_done);
		return;
	}
	verbs->webhook_drop(call->store, hook.id, call->request->now_ms);
	refuse(call, "no server took it");
}

static int
compare_hook(const void *a, const void *b)
{
	return strcmp(((const struct webhook *)a)->id, ((const struct webhook *)b)->id);
}

/* Does the hook get events of that meeting?  Of any, when it is absent. */
static bool
is_of_meeting(const struct webhook *hook, struct str meeting_id)
{
	return !meeting_id.data || hook->meeting_id.len == 0 ||
	    str_equal(hook->meeting_id, meeting_id);
}

void
call_hooks_list(struct call *call)
{
	const struct store_verbs *verbs = call->store->verbs;
	struct str meeting_id = query_find(&call->parameters, "meetingID");
	struct webhook *known;
	size_t n_known, n_servers;

	bool is_known = verbs->webhook_list(call->store, call->arena, &known, &n_known) ==
	    STORE_OK;
	const struct server **servers = webhooks_servers(call, &n_servers);
	struct webhooks there;
	webhooks_ask(call, servers, n_servers, &there);
	if (!is_known && there.n_answered == 0) {
		reply_error(call->response, call->arena, REPLY_WEBHOOK_LIST);
		return;
	}
	struct webhook *hooks = arena_alloc(call->arena,
	    (n_known + there.n + 1) * sizeof(*hooks));
	size_t n = 0;
	for (size_t i = 0; i < n_known; i++)
		hooks[n++] = known[i];
	for (size_t i = 0; i < there.n; i++) {
		const struct webhook *hook = &there.list[i].hook;

		if (!there.list[i].is_ours || webhooks_find(hooks, n, hook->id))
			continue;
		hooks[n++] = *hook;
		verbs->webhook_put(call->store, hook, false);
	}
	size_t n_shown = 0;
	for (size_t i = 0; i < n; i++)
		if (!hooks[i].is_dropped && is_of_meeting(&hooks[i], meeting_id))
			hooks[n_shown++] = hooks[i];
	qsort(hooks, n_shown, sizeof(*hooks), compare_hook);
	reply_webhooks(call->response, call->arena, hooks, n_shown);
}

void
call_hooks_destroy(struct call *call)
{
	const struct store_verbs *verbs = call->store->verbs;
	struct response *response = call->response;
	struct str id = query_find(&call->parameters, "hookID");

	if (id.len == 0) {
		reply_error(response, call->arena, REPLY_NO_HOOK_ID);
		return;
	}
	if (id.len != WEBHOOK_ID_SIZE - 1) {
		reply_error(response, call->arena, REPLY_WEBHOOK_MISSING);
		return;
	}
	struct webhook *known;
	size_t n_known, n_servers;
	bool is_known = verbs->webhook_list(call->store, call->arena, &known, &n_known) ==
	    STORE_OK;
	struct webhook *hook = webhooks_find(known, n_known, str_copy(call->arena, id));
	const struct server **servers = webhooks_servers(call, &n_servers);
	struct webhooks there;
	webhooks_ask(call, servers, n_servers, &there);
	struct webhooks_order *orders = arena_alloc(call->arena,
	    (there.n + 1) * sizeof(*orders));
	size_t n = 0;
	for (size_t i = 0; i < there.n; i++)
		if (str_is(id, there.list[i].hook.id) && (hook || there.list[i].is_ours))
			orders[n++] = (struct webhooks_order){
				.server = there.list[i].server,
				.server_id = there.list[i].server_id,
			};
	if (n == 0 && (!hook || hook->is_dropped)) {
		reply_error(response, call->arena,
		    !is_known && there.n_answered == 0 ?
		        REPLY_WEBHOOK_DESTROY :
		        REPLY_WEBHOOK_MISSING);
		return;
	}
	/* With that in the state, servers that do not answer now lose it later. */
	is_known = verbs->webhook_drop(call->store, str_copy(call->arena, id),
	               call->request->now_ms) == STORE_OK;
	struct webhooks_done done;
	webhooks_do(call, orders, n, &done);
	if (!is_known && done.n_done < n)
		reply_error(response, call->arena, REPLY_WEBHOOK_DESTROY);
	else
		reply_webhook_destroyed(response);
}
