/*
 * Webhooks that clients asked for, and those that were dropped.
 *
 * A hook is "CHANGED RAW LENGTH LENGTH LENGTH LENGTH\n" and its URL, meetingID, eventID and
 * base in one: they may have any bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/bounds.h"

struct webhook_arguments {
	const struct webhook *hook;
	bool anew;
	struct arena *arena;
	struct webhook *hooks;
	size_t n;
};

static struct str
write_hook(struct link *link, const struct webhook *hook)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_printf(&out, "%lld %d %zu %zu %zu %zu\n",
	    (long long)redis_ms_in(link, hook->changed_ms), hook->raw, hook->url.len,
	    hook->meeting_id.len, hook->event_id.len, hook->base.len);
	buf_str(&out, hook->url);
	buf_str(&out, hook->meeting_id);
	buf_str(&out, hook->event_id);
	buf_str(&out, hook->base);
	return buf_take(&out, link->arena);
}

/* Take so many bytes off the text, as the next of the numbers says. */
static struct str
take_span(struct arena *arena, struct str *numbers, struct str *text)
{
	size_t len = (size_t)redis_read(redis_word(numbers, ' '), LIMIT_QUERY_BYTES);
	struct str span = str_part(*text, 0, len);

	*text = str_part(*text, len, SIZE_MAX);
	return (struct str){ str_copy(arena, span), span.len };
}

static void
read_hook(const struct link *link, struct arena *arena, struct str text, struct webhook *hook)
{
	struct str numbers = redis_word(&text, '\n');

	hook->changed_ms = redis_ms_out(link,
	    redis_read(redis_word(&numbers, ' '), REDIS_MS_MOST));
	hook->raw = str_is(redis_word(&numbers, ' '), "1");
	hook->url = take_span(arena, &numbers, &text);
	hook->meeting_id = take_span(arena, &numbers, &text);
	hook->event_id = take_span(arena, &numbers, &text);
	hook->base = take_span(arena, &numbers, &text);
}

static enum store_result
work_webhook_put(struct link *link, void *arguments)
{
	struct webhook_arguments *a = arguments;
	const struct str words[] = { str_from(a->hook->id), write_hook(link, a->hook),
		a->anew ? STR("1") : STR("0"), redis_number(link, LIMIT_WEBHOOKS) };

	link_add_script(link, SCRIPT_HOOK_PUT, words, 4);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	struct str result = redis_text(reply);
	return str_is(result, "OK") ?
	    STORE_OK :
	    str_is(result, "EXISTS") ?
	    STORE_EXISTS :
	    str_is(result, "CONFLICT") ?
	    STORE_CONFLICT :
	    STORE_FULL;
}

enum store_result
redis_webhook_put(struct store *store, const struct webhook *hook, bool anew)
{
	struct webhook_arguments a = { .hook = hook, .anew = anew };

	return redis_perform(store, true, work_webhook_put, &a);
}

/* Add a hook of that id; NULL for what is none. */
static struct webhook *
add_hook(struct webhook_arguments *a, struct str id)
{
	struct webhook *hook = &a->hooks[a->n];

	if (id.len != WEBHOOK_ID_SIZE - 1 || a->n == 2 * LIMIT_WEBHOOKS)
		return NULL;
	*hook = (struct webhook){ 0 };
	memcpy(hook->id, id.data, id.len);
	a->n++;
	return hook;
}

static int
compare_hooks(const void *a, const void *b)
{
	const struct webhook *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static enum store_result
work_webhook_list(struct link *link, void *arguments)
{
	struct webhook_arguments *a = arguments;
	const struct str hooks[] = { STR("HGETALL"), redis_key(link, "hooks", STR("")) };
	const struct str dropped[] = { STR("ZRANGE"), redis_key(link, "dropped", STR("")),
		STR("0"), STR("-1"), STR("WITHSCORES") };

	a->n = 0;
	a->hooks = arena_alloc(a->arena, 2 * LIMIT_WEBHOOKS * sizeof(*a->hooks));
	link_add(link, hooks, 2);
	link_add(link, dropped, 5);
	const redisReply *reply = link_next(link);
	for (size_t i = 0; reply && i + 1 < reply->elements; i += 2) {
		struct webhook *hook = add_hook(a, redis_text(reply->element[i]));

		if (hook)
			read_hook(link, a->arena, redis_text(reply->element[i + 1]), hook);
	}
	if (!reply || !(reply = link_next(link)))
		return STORE_FAILED;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		struct webhook *hook = add_hook(a, redis_text(reply->element[i]));

		if (!hook)
			continue;
		hook->is_dropped = true;
		hook->changed_ms = redis_ms_out(link,
		    redis_read(redis_text(reply->element[i + 1]), REDIS_MS_MOST));
	}
	qsort(a->hooks, a->n, sizeof(*a->hooks), compare_hooks);
	return STORE_OK;
}

enum store_result
redis_webhook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	struct webhook_arguments a = { .arena = arena };
	enum store_result result = redis_perform(store, false, work_webhook_list, &a);

	*hooks = result == STORE_OK ? a.hooks : NULL;
	*n = result == STORE_OK ? a.n : 0;
	return result;
}

static enum store_result
work_webhook_drop(struct link *link, void *arguments)
{
	struct webhook_arguments *a = arguments;
	int64_t now_ms = a->hook->changed_ms;
	const struct str words[] = { str_from(a->hook->id),
		redis_number(link, redis_ms_in(link, now_ms)),
		redis_number(link, redis_ms_in(link, now_ms - WEBHOOK_DROPPED_MS)),
		redis_number(link, LIMIT_WEBHOOKS) };

	link_add_script(link, SCRIPT_HOOK_DROP, words, 4);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_webhook_drop(struct store *store, const char *id, int64_t now_ms)
{
	struct webhook hook = { .changed_ms = now_ms };
	struct webhook_arguments a = { .hook = &hook };

	memcpy(hook.id, id, strnlen(id, sizeof(hook.id) - 1));
	return redis_perform(store, true, work_webhook_drop, &a);
}
