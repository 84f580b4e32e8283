/*
 * What happened to the servers, the last hour of their load, and what is to be forgotten.
 */
#include <inttypes.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"

/* ---- Events ----------------------------------------------------------------------- */

struct events_arguments {
	struct arena *arena;
	struct event *events;
	size_t n;
};

static enum store_result
work_events_get(struct link *link, void *arguments)
{
	struct events_arguments *a = arguments;
	const struct str words[] = { STR("LRANGE"), redis_key(link, "events", STR("")),
		STR("0"), redis_number(link, EVENTS_MOST - 1) };

	link_add(link, words, 4);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	a->n = 0;
	a->events = arena_alloc(a->arena, EVENTS_MOST * sizeof(*a->events));
	for (size_t i = 0; i < reply->elements && a->n < EVENTS_MOST; i++) {
		struct str text = redis_text(reply->element[i]);
		int64_t at_ms = redis_read(redis_word(&text, ' '), REDIS_MS_MOST), kind;

		if (str_to_int(redis_word(&text, ' '), 0, EVENT_KINDS - 1, &kind) != 0)
			continue; /* what somebody else put there */
		a->events[a->n++] = (struct event){
			.at_ms = redis_ms_out(link, at_ms),
			.server = str_copy(a->arena, text),
			.kind = (enum event_kind)kind,
		};
	}
	return STORE_OK;
}

enum store_result
redis_events_get(struct store *store, struct arena *arena, struct event **events, size_t *n)
{
	struct events_arguments a = { .arena = arena };
	enum store_result result = redis_perform(store, false, work_events_get, &a);

	*n = result == STORE_OK ? a.n : 0;
	*events = *n > 0 ? a.events : NULL;
	return result;
}

/* ---- Load ------------------------------------------------------------------------- */

struct trends_arguments {
	struct store_trend *trends;
	size_t n;
};

/* By how many minutes the engine's clock is ahead of this host's. */
static int64_t
minutes_ahead(const struct link *link)
{
	int64_t ms = atomic_load(&link->redis->offset_ms);

	return (ms + (ms < 0 ? -TREND_MINUTE_MS / 2 : TREND_MINUTE_MS / 2)) / TREND_MINUTE_MS;
}

static enum store_result
work_trends_get(struct link *link, void *arguments)
{
	struct trends_arguments *a = arguments;
	struct str *words = arena_alloc(link->arena, (a->n + 2) * sizeof(*words));

	words[0] = STR("HMGET");
	words[1] = redis_key(link, "trends", STR(""));
	for (size_t i = 0; i < a->n; i++)
		words[i + 2] = str_from(a->trends[i].server);
	link_add(link, words, a->n + 2);
	const redisReply *reply = link_next(link);
	if (!reply || reply->elements != a->n)
		return STORE_FAILED;
	for (size_t i = 0; i < a->n; i++) {
		struct str text = redis_text(reply->element[i]);
		int64_t minute = redis_read(redis_word(&text, ' '), REDIS_MS_MOST);

		a->trends[i].trend = (struct trend){ 0 };
		if (minute > 0)
			trend_read(text, minute - minutes_ahead(link), &a->trends[i].trend);
	}
	return STORE_OK;
}

enum store_result
redis_trends_get(struct store *store, struct store_trend *trends, size_t n)
{
	struct trends_arguments a = { trends, n };
	enum store_result result = n == 0 ?
	    STORE_OK :
	    redis_perform(store, false, work_trends_get, &a);

	for (size_t i = 0; i < n && result != STORE_OK; i++)
		trends[i].trend = (struct trend){ 0 };
	return result;
}

static enum store_result
work_trends_put(struct link *link, void *arguments)
{
	struct trends_arguments *a = arguments;
	struct str *words = arena_alloc(link->arena, (2 * a->n + 2) * sizeof(*words));
	struct buf text;

	words[0] = STR("HSET");
	words[1] = redis_key(link, "trends", STR(""));
	for (size_t i = 0; i < a->n; i++) {
		const struct trend *trend = &a->trends[i].trend;

		buf_init(&text, LIMIT_ANSWER_BYTES);
		buf_printf(&text, "%" PRId64 " ", trend->minute + minutes_ahead(link));
		trend_write(trend, &text);
		words[2 * i + 2] = str_from(a->trends[i].server);
		words[2 * i + 3] = buf_take(&text, link->arena);
	}
	link_add(link, words, 2 * a->n + 2);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_trends_put(struct store *store, struct store_trend *trends, size_t n)
{
	struct trends_arguments a = { trends, n };

	return n == 0 ? STORE_OK : redis_perform(store, true, work_trends_put, &a);
}

/* ---- Forgetting --------------------------------------------------------------------- */

static enum store_result
work_purge(struct link *link, void *arguments)
{
	int64_t now_ms = redis_ms_in(link, *(int64_t *)arguments);
	const int64_t numbers[] = { now_ms, PURGE_INTERVAL_MS, now_ms - MEETING_KEEP_MS,
		now_ms - PEAK_KEEP_MS, PEAKS_MOST, now_ms - RECORDING_KEEP_MS, LIMIT_RECORDINGS,
		now_ms - WEBHOOK_DROPPED_MS, LIMIT_WEBHOOKS,
		now_ms / TREND_MINUTE_MS - TREND_MINUTES + 1,
		now_ms / 1000 - REDIS_HOST_TOLD_S };
	const size_t n_numbers = sizeof(numbers) / sizeof(*numbers);
	struct mirror *mirror = &link->redis->mirror;

	pthread_mutex_lock(&mirror->mutex);
	struct str *words = arena_alloc(link->arena,
	    (n_numbers + 2 * mirror->n) * sizeof(*words));
	size_t n = 0;
	while (n < n_numbers) {
		words[n] = redis_number(link, numbers[n]);
		n++;
	}
	/* Who polls has read the facts of all. */
	for (size_t i = 0; i < mirror->capacity; i++) {
		const struct mirrored *server = mirror_at(mirror, i);

		if (!server || !server_is_forgotten(&server->facts, *(int64_t *)arguments))
			continue;
		words[n++] = str_from(str_copy(link->arena, str_from(server->name)));
		words[n++] = redis_number(link, (int64_t)server->facts.version);
	}
	pthread_mutex_unlock(&mirror->mutex);
	link_add_script(link, SCRIPT_PURGE, words, n);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_purge(struct store *store, int64_t now_ms)
{
	return redis_perform(store, true, work_purge, &now_ms);
}
