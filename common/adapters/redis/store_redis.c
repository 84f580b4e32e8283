#include "adapters/redis/store_redis.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/redis/redis.h"
#include "adapters/turns.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

/* How many links are kept: as many as there are workers, mostly. */
#define IDLE_MOST 64

/* Clocks that differ by less are equal: an answer's way takes time, too. */
#define SAME_CLOCK_MS 250

/* ---- Words ------------------------------------------------------------------------- */

struct str
redis_key(struct link *link, const char *a, struct str b)
{
	struct buf key;

	buf_init(&key, LIMIT_ANSWER_BYTES);
	buf_printf(&key, "%s%s", link->redis->base, a);
	buf_str(&key, b); /* which may have any bytes */
	return buf_take(&key, link->arena);
}

struct str
redis_number(struct link *link, int64_t number)
{
	return str_from(str_printf(link->arena, "%lld", (long long)number));
}

int64_t
redis_ms_in(const struct link *link, int64_t ms)
{
	if (ms <= 0)
		return 0;
	if (ms >= REDIS_MS_MOST)
		return REDIS_MS_MOST;
	ms += atomic_load(&link->redis->offset_ms);
	return ms > 0 ? ms : 1;
}

int64_t
redis_ms_out(const struct link *link, int64_t ms)
{
	if (ms <= 0 || ms >= REDIS_MS_MOST)
		return ms <= 0 ? 0 : REDIS_MS_MOST;
	ms -= atomic_load(&link->redis->offset_ms);
	return ms > 0 ? ms : 1;
}

void
redis_note_time(const struct link *link, const redisReply *seconds,
    const redisReply *microseconds)
{
	struct store_redis *redis = link->redis;
	int64_t there_ms = redis_read(redis_text(seconds), INT64_MAX / 1000000) * 1000 +
	    redis_read(redis_text(microseconds), 1000000) / 1000;
	int64_t offset_ms = there_ms - clock_ms(CLOCK_REALTIME);
	int64_t change_ms = offset_ms - atomic_load(&redis->offset_ms);

	/* An answer that has waited, as a stopped process makes it, tells the past. */
	if (clock_ms(CLOCK_MONOTONIC) > link->deadline_ms)
		return;
	if (there_ms > 0 && (change_ms > SAME_CLOCK_MS || change_ms < -SAME_CLOCK_MS))
		atomic_store(&redis->offset_ms, offset_ms);
}

struct str
redis_text(const redisReply *reply)
{
	if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
		return STR("");
	return (struct str){ reply->str, reply->len };
}

int64_t
redis_read(struct str text, int64_t most)
{
	int64_t number;

	return str_to_int(text, 0, most, &number) == 0 ? number : 0;
}

struct str
redis_word(struct str *rest, char divider)
{
	size_t end = str_find(*rest, (struct str){ &divider, 1 }, 0);
	struct str word = str_part(*rest, 0, end);

	*rest = end == SIZE_MAX ? STR("") : str_part(*rest, end + 1, SIZE_MAX);
	return word;
}

uint64_t
redis_version(struct str text)
{
	bool is_one = text.len > 0 && text.len <= 16 && text.data[0] >= '1' &&
	    text.data[0] <= '9';

	return is_one ? (uint64_t)redis_read(text, INT64_MAX) : 0;
}

/* ---- Links in stock ------------------------------------------------------------------ */

/* An idle link that is still connected, or NULL. */
static struct link *
take_idle(struct store_redis *redis)
{
	for (;;) {
		pthread_mutex_lock(&redis->mutex);
		struct link *link = redis->idle;
		if (link) {
			redis->idle = link->next;
			redis->n_idle--;
		}
		pthread_mutex_unlock(&redis->mutex);
		if (!link || link_is_open(link))
			return link;
		link_close(link);
	}
}

static void
give_link(struct store_redis *redis, struct link *link)
{
	pthread_mutex_lock(&redis->mutex);
	/* What was asked for and not read would be taken for the next verb's reply. */
	bool stays = !link->is_dead && link->generation == redis->generation &&
	    link->n_waiting == 0 && redis->n_idle < IDLE_MOST;

	if (stays) {
		link->next = redis->idle;
		redis->idle = link;
		redis->n_idle++;
	}
	pthread_mutex_unlock(&redis->mutex);
	if (!stays)
		link_close(link);
}

/* With the mutex locked: take all that are idle, and have those that are in use closed when
 * they are given back. */
static struct link *
take_all(struct store_redis *redis)
{
	struct link *idle = redis->idle;

	redis->idle = NULL;
	redis->n_idle = 0;
	redis->generation++;
	return idle;
}

static void
close_all(struct link *idle)
{
	while (idle) {
		struct link *next = idle->next;

		link_close(idle);
		idle = next;
	}
}

/* Close what leads to where the engine was. */
static void
leave_engine(struct store_redis *redis)
{
	pthread_mutex_lock(&redis->mutex);
	struct link *idle = take_all(redis);
	redis->primary.len = 0;
	pthread_mutex_unlock(&redis->mutex);
	close_all(idle);
}

/* ---- Greeting an engine ------------------------------------------------------------------ */

/* Is the engine at the link's end the one that was greeted last? */
static bool
is_greeted(const struct link *link)
{
	struct store_redis *redis = link->redis;

	pthread_mutex_lock(&redis->mutex);
	bool is_same = strcmp(redis->run_id, link->run_id) == 0;
	pthread_mutex_unlock(&redis->mutex);
	return is_same;
}

/* A write was lost. */
static void
lose_write(struct store_redis *redis)
{
	atomic_fetch_add(&redis->n_lost, 1);
}

/* Was one lost that the engine does not know of? */
static bool
is_any_lost(const struct store_redis *redis)
{
	return atomic_load(&redis->n_told) != atomic_load(&redis->n_lost);
}

/* The engine knows of so many that were lost. */
static void
tell_lost(struct store_redis *redis, uint64_t n_lost)
{
	uint64_t n_told = atomic_load(&redis->n_told);

	while (
	    n_told < n_lost && !atomic_compare_exchange_weak(&redis->n_told, &n_told, n_lost))
		continue;
}

/* Write to the engine, which is whole from now on if it is another than before, or lacks a
 * write of ours.  What leads to another engine is closed. */
static bool
greet(struct link *link)
{
	struct store_redis *redis = link->redis;
	struct link *idle = NULL;
	/* Until it has answered, what others read of it may be from before; and a write that
	 * is lost meanwhile is told the next time. */
	bool is_lost = is_any_lost(redis);
	uint64_t n_lost = atomic_load(&redis->n_lost);
	const struct str words[] = { str_from(link->run_id), is_lost ? STR("1") : STR("0"),
		redis_number(link, STORE_WAIT_MS) };

	link_add_script(link, SCRIPT_HELLO, words, 3);
	if (!link_next(link))
		return false;
	if (is_lost)
		tell_lost(redis, n_lost);
	pthread_mutex_lock(&redis->mutex);
	if (strcmp(redis->run_id, link->run_id) != 0) {
		memcpy(redis->run_id, link->run_id, sizeof(redis->run_id));
		idle = take_all(redis);
	}
	link->generation = redis->generation;
	pthread_mutex_unlock(&redis->mutex);
	close_all(idle);
	return true;
}

/*
 * A new link to where the engine was found, that may be used until the deadline.  Behind the
 * address there may be another engine by now, or one that was started again: it is greeted
 * before it is used.  What cannot be written can be read all the same.
 */
static struct link *
new_link(struct store_redis *redis, int64_t deadline_ms, bool writes, bool *is_refusal,
    struct redis_problem *problem)
{
	struct link *link = NULL;

	snprintf(problem->text, sizeof(problem->text), "it was not found yet");
	/* Where another was found meanwhile, this one is not to be greeted any more. */
	for (bool is_current = false; !is_current;) {
		link_close(link);
		pthread_mutex_lock(&redis->mutex);
		struct redis_address primary = redis->primary;
		unsigned generation = redis->generation;
		pthread_mutex_unlock(&redis->mutex);
		link = primary.len > 0 ?
		    link_open(redis, &primary, deadline_ms, problem) :
		    NULL;
		if (!link)
			return NULL;
		link->generation = generation;
		pthread_mutex_lock(&redis->mutex);
		is_current = generation == redis->generation;
		pthread_mutex_unlock(&redis->mutex);
	}
	if (is_greeted(link) || greet(link) || (link->is_refusal && !writes))
		return link;
	link_tell(link, problem);
	*is_refusal = link->is_refusal;
	link_close(link);
	return NULL;
}

/* ---- The mender ------------------------------------------------------------------------- */

static void
mend(void *context)
{
	struct store_redis *redis = context;
	struct redis_problem problem;
	struct link *link = find_primary(redis, &problem);

	if (!link) {
		breaker_set(&redis->breaker, false, problem.text);
		breaker_set(&redis->breaker, true, problem.text);
		return;
	}
	link_begin(link, clock_ms(CLOCK_MONOTONIC) + STORE_WAIT_MS);
	bool can_write = greet(link);

	if (!can_write)
		link_tell(link, &problem);
	if (can_write || link->is_refusal)
		breaker_reset(&redis->breaker, false);
	else
		breaker_set(&redis->breaker, false, problem.text);
	if (can_write) {
		breaker_reset(&redis->breaker, true);
		/* What was refused until just now is lost, too (perform). */
		can_write = !is_any_lost(redis) || greet(link);
		if (!can_write)
			link_tell(link, &problem);
	}
	if (!can_write)
		breaker_set(&redis->breaker, true, problem.text);
	/* As long as nothing can be written there is one more link with each try. */
	if (can_write)
		give_link(redis, link);
	else
		link_close(link);
}

/* ---- Running one verb ------------------------------------------------------------------ */

/* What went wrong breaks more than this verb. */
static void
break_for(struct store_redis *redis, bool writes, bool is_refusal, const char *problem)
{
	if (writes)
		lose_write(redis);
	if (!is_refusal) {
		leave_engine(redis);
		breaker_set(&redis->breaker, !writes, problem);
	}
	breaker_set(&redis->breaker, writes, problem);
}

/* One key cannot be used: that is logged once a minute. */
static void
tell_narrow(struct store_redis *redis, const char *problem)
{
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC), last_ms = atomic_load(&redis->narrow_ms);

	breaker_note(&redis->breaker, problem);
	if ((last_ms == 0 || now_ms - last_ms >= 60000) &&
	    atomic_compare_exchange_strong(&redis->narrow_ms, &last_ms, now_ms))
		log_warn("a key of the state cannot be used; serving without it", "state",
		    redis->name, "reason", problem);
}

/* Has a verb failed for one key's sake, so that others may go on?  Where a write is lost they
 * do once the engine knows of it. */
static bool
fails_alone(struct link *link, bool writes)
{
	if (!link->is_narrow || !writes)
		return link->is_narrow;
	while (link->n_waiting > 0 && !link->is_dead)
		link_next(link);
	lose_write(link->redis);
	return !link->is_dead && greet(link);
}

/* May a verb go on?  A write that may not is lost. */
static bool
may_go_on(struct store_redis *redis, bool writes)
{
	if (!atomic_load(&redis->breaker.is_set[writes]))
		return true;
	if (!writes)
		return false;
	lose_write(redis);
	/* The mender first resets the breaker, and then looks for what was lost. */
	return !atomic_load(&redis->breaker.is_set[writes]);
}

static enum store_result
perform(struct store_redis *redis, bool writes, redis_work *work, void *arguments)
{
	int64_t deadline_ms = clock_ms(CLOCK_MONOTONIC) + STORE_WAIT_MS;

	for (int tries = 1;; tries++) {
		struct redis_problem problem;
		bool is_refusal = false;

		if (!may_go_on(redis, writes))
			return STORE_FAILED;
		/* What is wrong with one idle link may be wrong with all. */
		struct link *link = tries == 1 ? take_idle(redis) : NULL;
		bool was_idle = link != NULL;
		if (!link)
			link = new_link(redis, deadline_ms, writes, &is_refusal, &problem);
		if (!link) {
			break_for(redis, writes, is_refusal, problem.text);
			return STORE_FAILED;
		}
		link_begin(link, deadline_ms);
		enum store_result result = work(link, arguments);
		if (result == STORE_FAILED && !link->problem) {
			link->is_dead = true;
			link->problem = "it does not answer what was asked";
		}
		bool again = link->has_forgotten ||
		    (link->is_dead && was_idle && !link->has_any_reply &&
		        clock_ms(CLOCK_MONOTONIC) < deadline_ms);
		if (result == STORE_FAILED)
			link_tell(link, &problem);
		bool is_alone = result == STORE_FAILED && fails_alone(link, writes);
		is_refusal = link->is_refusal;
		give_link(redis, link);
		if (result != STORE_FAILED)
			return result;
		if (again && tries < 2)
			continue;
		if (is_alone)
			tell_narrow(redis, problem.text);
		else
			break_for(redis, writes, is_refusal, problem.text);
		return STORE_FAILED;
	}
}

enum store_result
redis_perform(struct store *store, bool writes, redis_work *work, void *arguments)
{
	enum store_result result = perform((struct store_redis *)store, writes, work,
	    arguments);

	if (result == STORE_FAILED)
		metrics_add(METRIC_STATE_FAILURES, writes, 0, 1);
	return result;
}

/* ---- The store ------------------------------------------------------------------------ */

static enum store_result
redis_turn_take(struct store *store, struct str meeting_id, struct store_turn *turn)
{
	return turns_take(((struct store_redis *)store)->files, meeting_id, turn);
}

static void
redis_turn_give(struct store *store, struct store_turn *turn)
{
	(void)store;
	turns_give(turn);
}

static void
redis_close(struct store *store)
{
	struct store_redis *redis = (struct store_redis *)store;

	breaker_end(&redis->breaker);
	leave_engine(redis);
	mirror_free(&redis->mirror);
	pthread_mutex_destroy(&redis->mutex);
	free(redis->base);
	free(redis->name);
	free(redis);
}

static const char *
redis_problem(struct store *store, struct arena *arena)
{
	return breaker_problem(&((struct store_redis *)store)->breaker, arena);
}

static const struct store_verbs redis_verbs = {
	.servers_get = redis_servers_get,
	.servers_set = redis_servers_set,
	.meeting_get = redis_meeting_get,
	.meetings_set = redis_meetings_set,
	.turn_take = redis_turn_take,
	.turn_give = redis_turn_give,
	.meetings_on = redis_meetings_on,
	.history_get = redis_history_get,
	.picture_get = redis_picture_get,
	.typical_put = redis_typical_put,
	.absent_put = redis_absent_put,
	.lease_take = redis_lease_take,
	.polls_begin = redis_polls_begin,
	.slot_take = redis_slot_take,
	.recordings_put = redis_recordings_put,
	.recordings_find = redis_recordings_find,
	.lists_put = redis_lists_put,
	.list_find = redis_list_find,
	.lists_drop = redis_lists_drop,
	.webhook_put = redis_webhook_put,
	.webhook_list = redis_webhook_list,
	.webhook_drop = redis_webhook_drop,
	.events_get = redis_events_get,
	.trends_get = redis_trends_get,
	.trends_put = redis_trends_put,
	.purge = redis_purge,
	.describe = redis_describe,
	.problem = redis_problem,
	.close = redis_close,
};

struct store *
store_redis_open(const struct state_url *url, const char *prefix, const char *files,
    int64_t wait_ms, bool is_seen)
{
	struct store_redis *redis = mem_alloc(sizeof(*redis));
	struct arena *arena = arena_new();

	redis->store.verbs = &redis_verbs;
	redis->url = url;
	redis->files = files;
	redis->is_seen = is_seen;
	redis->base = mem_strdup(str_printf(arena, "{%s}:", prefix));
	redis->name = mem_strdup(state_url_text(arena, url));
	arena_free(arena);
	pthread_mutex_init(&redis->mutex, NULL);
	mirror_init(&redis->mirror);
	breaker_init(&redis->breaker, "state", redis->name, mend, redis);
	/* The mender connects: a name that nobody looks up, and sentinels that hang, hold it
	 * and no request. */
	breaker_begin_set(&redis->breaker);
	breaker_wait_for_try(&redis->breaker, wait_ms);
	return &redis->store;
}

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)

const char *
store_redis_version(void)
{
	return TEXT(HIREDIS_MAJOR) "." TEXT(HIREDIS_MINOR) "." TEXT(HIREDIS_PATCH);
}
