/*
 * The contract of the stores: webhooks, and for how long it is known that one was dropped.
 */
#include "test_store.h"

/* The hook of that URL as the store has it, or all zeros; *n is how many there are. */
static struct webhook
stored_hook(struct store *store, const char *url, size_t *n)
{
	struct webhook want = hook_of(url, 0);

	*n = 7;
	struct webhook *hooks = NULL;
	is_int(store->verbs->webhook_list(store, arena, &hooks, n), STORE_OK,
	    "hooks are listed");
	struct webhook found = { .changed_ms = 0 };
	int unordered = 0;
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(hooks[i].id, want.id) == 0)
			found = hooks[i];
		unordered += i > 0 && strcmp(hooks[i - 1].id, hooks[i].id) >= 0;
	}
	is_int(unordered, 0, "… by id");
	return found;
}

static bool
are_same_hooks(const struct webhook *a, const struct webhook *b)
{
	return strcmp(a->id, b->id) == 0 && str_equal(a->url, b->url) &&
	    str_equal(a->meeting_id, b->meeting_id) && str_equal(a->event_id, b->event_id) &&
	    a->raw == b->raw && str_equal(a->base, b->base) && a->is_dropped == b->is_dropped &&
	    a->changed_ms == b->changed_ms;
}

static void
test_put(const char *adapter)
{
	static const char first_url[] = "https://lms.test/1?a=\xc3\xa4";
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook first = hook_of(first_url, 1000);
	struct webhook second = hook_of("https://lms.test/2", 2000);

	first.meeting_id = (struct str){ "room\0 '1", 8 };
	first.event_id = STR("meeting-created,meeting-ended");
	first.raw = true;
	first.base = STR("https://gw.test/api");
	first.is_dropped = true; /* means nothing */
	size_t n;
	stored_hook(store, first_url, &n);
	is_int(n, 0, "%s: no hooks at first", adapter);
	is_int(verbs->webhook_put(store, &first, false), STORE_OK, "%s: a hook is put",
	    adapter);
	is_int(verbs->webhook_put(store, &second, true), STORE_OK, "… and another");
	first.is_dropped = false;
	store = reopen(store, adapter);
	struct webhook found = stored_hook(store, first_url, &n);
	is_int(n, 2, "… there are two");
	ok(are_same_hooks(&found, &first), "… the first as it was put");
	found = stored_hook(store, "https://lms.test/2", &n);
	ok(are_same_hooks(&found, &second), "… the second, too");

	struct webhook other = first;
	other.meeting_id = STR("elsewhere");
	for (int anew = 0; anew < 2; anew++) {
		is_int(verbs->webhook_put(store, &other, anew), STORE_EXISTS,
		    "%s: put again, anew %d", adapter, anew);
		found = stored_hook(store, first_url, &n);
		ok(are_same_hooks(&found, &first), "… it stays as it was");
	}
	close_store(store);
	ok(are_same_hooks(&found, &first), "%s: what was handed out outlives the store",
	    adapter);
}

static void
test_drop(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook hook = hook_of("https://lms.test/1", 1000);

	verbs->webhook_put(store, &hook, true);
	is_int(verbs->webhook_drop(store, hook.id, 3000), STORE_OK, "%s: dropped", adapter);
	store = reopen(store, adapter);
	size_t n;
	struct webhook found = stored_hook(store, "https://lms.test/1", &n);
	ok(n == 1 && found.is_dropped && found.changed_ms == 3000, "… which is remembered");
	hook.changed_ms = 4000;
	hook.event_id = STR("other");
	is_int(verbs->webhook_put(store, &hook, false), STORE_CONFLICT,
	    "… it is not learnt again");
	found = stored_hook(store, "https://lms.test/1", &n);
	ok(found.is_dropped && found.changed_ms == 3000, "… but stays so");
	is_int(verbs->webhook_put(store, &hook, true), STORE_OK, "… and put when asked for");
	found = stored_hook(store, "https://lms.test/1", &n);
	ok(n == 1 && are_same_hooks(&found, &hook), "… as it is now");

	hook = hook_of("https://lms.test/2", 0);
	is_int(verbs->webhook_drop(store, hook.id, 5000), STORE_OK,
	    "%s: one that was not known is dropped", adapter);
	is_int(verbs->webhook_drop(store, hook.id, 6000), STORE_OK, "… twice");
	found = stored_hook(store, "https://lms.test/2", &n);
	ok(n == 2 && found.is_dropped && found.changed_ms == 6000,
	    "… which is remembered, too");
	is_int(verbs->webhook_put(store, &hook, false), STORE_CONFLICT,
	    "… so that it is not learnt");
	close_store(store);
}

static void
test_age(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook hook = hook_of("https://lms.test/old", 1);

	verbs->webhook_put(store, &hook, true);
	verbs->webhook_drop(store, hook_of("https://lms.test/1", 0).id, NOW);
	verbs->webhook_drop(store, hook_of("https://lms.test/2", 0).id, NOW + 1);
	verbs->purge(store, NOW + WEBHOOK_DROPPED_MS);
	size_t n;
	struct webhook found = stored_hook(store, "https://lms.test/1", &n);
	ok(n == 3 && found.is_dropped, "%s: what was dropped is known for 30 days", adapter);
	verbs->purge(store, NOW + WEBHOOK_DROPPED_MS + PURGE_INTERVAL_MS);
	stored_hook(store, "https://lms.test/1", &n);
	is_int(n, 1, "… and no longer");
	found = stored_hook(store, "https://lms.test/old", &n);
	ok(are_same_hooks(&found, &hook), "… a hook that is there stays for ever");
	close_store(store);
}

static void
test_bounds(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook hook;
	int good = 0;

	for (int i = 0; i < LIMIT_WEBHOOKS; i++) {
		hook = hook_of(str_printf(arena, "https://lms.test/%d", i), i);
		good += verbs->webhook_put(store, &hook, true) == STORE_OK;
	}
	is_int(good, LIMIT_WEBHOOKS, "%s: as many hooks as there may be", adapter);
	is_int(verbs->webhook_put(store, &hook, true), STORE_EXISTS, "… the last is known");
	hook = hook_of("https://lms.test/more", 0);
	is_int(verbs->webhook_put(store, &hook, true), STORE_FULL, "… one more is refused");
	size_t n;
	stored_hook(store, "https://lms.test/more", &n);
	is_int(n, LIMIT_WEBHOOKS, "… and is not there");
	verbs->webhook_drop(store, hook.id, 1);
	is_int(verbs->webhook_put(store, &hook, true), STORE_FULL,
	    "… nor is one that was dropped");

	/* Whoever drops what was never there does not push out what is. */
	for (int i = 0; i < 3 * LIMIT_WEBHOOKS; i++)
		verbs->webhook_drop(store, hook_of(str_printf(arena, "x%d", i), 0).id,
		    1000 + i);
	verbs->purge(store, NOW);
	good = 0;
	struct webhook *hooks;
	verbs->webhook_list(store, arena, &hooks, &n);
	for (size_t i = 0; i < n; i++)
		good += !hooks[i].is_dropped;
	is_int(good, LIMIT_WEBHOOKS, "%s: all hooks are listed, whatever was dropped", adapter);
	is_int(n, 2 * LIMIT_WEBHOOKS, "… as many dropped ones are kept");
	stored_hook(store, "x999", &n);
	struct webhook found = stored_hook(store, "x1000", &n);
	ok(found.is_dropped, "… the last ones");
	found = stored_hook(store, "x999", &n);
	ok(!found.is_dropped, "… and not those before");

	for (int i = 0; i < LIMIT_WEBHOOKS; i++)
		verbs->webhook_drop(store,
		    hook_of(str_printf(arena, "https://lms.test/%d", i), 0).id, NOW + i);
	is_int(verbs->webhook_put(store, &hook, true), STORE_OK,
	    "%s: there is room when hooks are dropped", adapter);
	close_store(store);
}

/* Before a purge comes, too, all that is there is listed. */
static void
test_between_purges(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;

	for (int i = 0; i < 50; i++) {
		struct webhook hook = hook_of(str_printf(arena, "https://lms.test/%d", i), i);

		verbs->webhook_put(store, &hook, true);
	}
	for (int i = 0; i < 3 * LIMIT_WEBHOOKS; i++)
		verbs->webhook_drop(store, hook_of(str_printf(arena, "x%d", i), 0).id,
		    1000 + i);
	struct webhook *hooks;
	size_t n;
	verbs->webhook_list(store, arena, &hooks, &n);
	size_t good = 0;
	for (size_t i = 0; i < n; i++)
		good += !hooks[i].is_dropped;
	is_int(good, 50, "%s: before a purge all hooks are listed, too", adapter);
	close_store(store);
}

int
main(void)
{
	static contract_test *const tests[] = {
		test_put,
		test_drop,
		test_age,
		test_bounds,
		test_between_purges,
	};

	begin_tests("test_store_webhooks");
	test_contract(tests, COUNT(tests));
	return end_tests();
}
