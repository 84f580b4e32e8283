#include "adapters/none.h"

#include <stdint.h>

#include "adapters/alone.h"
#include "ports/store.h"

/* No verb has a use for all that it is given. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* A verb that hands nothing out. */
#define FAILING(verb, ...)                                                     \
	static enum store_result none_##verb(struct store *store, __VA_ARGS__) \
	{                                                                      \
		return STORE_FAILED;                                           \
	}

FAILING(turn_take, struct str meeting_id, struct store_turn *turn)
FAILING(typical_put, double typical)
FAILING(absent_put, struct str meeting_id, int64_t now_ms, int64_t ttl_ms)
FAILING(lease_take, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
FAILING(recordings_put, const struct store_recording *recordings, size_t n, int64_t now_ms)
FAILING(lists_put, const struct store_list *lists, size_t n)
FAILING(list_find, struct arena *arena, struct store_list *list)
FAILING(lists_drop, const char *server, const char *call)
FAILING(webhook_put, const struct webhook *hook, bool anew)
FAILING(webhook_drop, const char *id, int64_t now_ms)
FAILING(trends_put, struct store_trend *trends, size_t n)
FAILING(purge, int64_t now_ms)

static enum store_result
none_servers_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms)
{
	for (size_t i = 0; i < n; i++)
		facts[i] = (struct server_facts){ 0 };
	if (whole_ms)
		*whole_ms = INT64_MAX;
	return STORE_FAILED;
}

static enum store_result
none_picture_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings)
{
	for (size_t i = 0; i < n_meetings; i++)
		histories[i] = (struct store_history){ 0 };
	return none_servers_get(store, servers, n, facts, whole_ms);
}

static enum store_result
none_meeting_get(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, struct meeting *meeting, struct server_facts *facts, int64_t *whole_ms)
{
	if (whole_ms)
		*whole_ms = INT64_MAX;
	return STORE_FAILED;
}

static enum store_result
none_servers_set(struct store *store, struct store_server *servers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		servers[i].result = STORE_FAILED;
	return STORE_FAILED;
}

static enum store_result
none_meetings_set(struct store *store, struct arena *arena, struct store_change *changes,
    size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < n; i++)
		changes[i].result = STORE_FAILED;
	return STORE_FAILED;
}

static void
none_turn_give(struct store *store, struct store_turn *turn)
{
}

static enum store_result
none_meetings_on(struct store *store, struct arena *arena, const char *server,
    struct mapped **meetings, size_t *n)
{
	*meetings = NULL;
	*n = 0;
	return STORE_FAILED;
}

static enum store_result
none_history_get(struct store *store, struct str meeting_id, struct store_history *history)
{
	*history = (struct store_history){ 0 };
	return STORE_FAILED;
}

static enum store_result
none_slot_take(struct store *store, const char *server, int64_t now_ms, int64_t step_us,
    struct pacing_slot *slot)
{
	*slot = (struct pacing_slot){ 0 };
	return STORE_FAILED;
}

static enum store_result
none_recordings_find(struct store *store, struct arena *arena, const struct str *record_ids,
    size_t n, struct store_recording **found, size_t *n_found)
{
	*found = NULL;
	*n_found = 0;
	return STORE_FAILED;
}

static enum store_result
none_webhook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	*hooks = NULL;
	*n = 0;
	return STORE_FAILED;
}

static enum store_result
none_events_get(struct store *store, struct arena *arena, struct event **events, size_t *n)
{
	*events = NULL;
	*n = 0;
	return STORE_FAILED;
}

static enum store_result
none_trends_get(struct store *store, struct store_trend *trends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		trends[i].trend = (struct trend){ 0 };
	return STORE_FAILED;
}

static void
none_close(struct store *store)
{
	/* It is static. */
}

static const struct store_verbs none_verbs = {
	.servers_get = none_servers_get,
	.servers_set = none_servers_set,
	.meeting_get = none_meeting_get,
	.meetings_set = none_meetings_set,
	.turn_take = none_turn_take,
	.turn_give = none_turn_give,
	.meetings_on = none_meetings_on,
	.picture_get = none_picture_get,
	.history_get = none_history_get,
	.typical_put = none_typical_put,
	.absent_put = none_absent_put,
	.lease_take = none_lease_take,
	.polls_begin = alone_polls_begin,
	.slot_take = none_slot_take,
	.recordings_put = none_recordings_put,
	.recordings_find = none_recordings_find,
	.lists_put = none_lists_put,
	.list_find = none_list_find,
	.lists_drop = none_lists_drop,
	.webhook_put = none_webhook_put,
	.webhook_list = none_webhook_list,
	.webhook_drop = none_webhook_drop,
	.events_get = none_events_get,
	.trends_get = none_trends_get,
	.trends_put = none_trends_put,
	.purge = none_purge,
	.describe = alone_describe,
	.problem = alone_problem,
	.close = none_close,
};

struct store *
store_none_open(void)
{
	static struct store none = { &none_verbs };

	return &none;
}
