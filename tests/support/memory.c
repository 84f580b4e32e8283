#include "support/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/alone.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/mem.h"
#include "ports/store.h"
#include "support/items.h"

struct store_memory {
	struct store store;
	pthread_mutex_t mutex;
	struct arena *arena; /* all texts, until the store is closed */
	uint64_t version;    /* the last that was given */
	struct items servers, meetings, peaks, absences, turns, recordings, lists, hooks,
	    events, trends, pacings;
	double typical;
	uint64_t holder; /* of the lease */
	int64_t whole_ms, purged_ms;
	int64_t taken_ms, until_ms;
};

static struct store_memory *
open_locked(struct store *store)
{
	struct store_memory *memory = (struct store_memory *)store;

	pthread_mutex_lock(&memory->mutex);
	return memory;
}

static enum store_result
unlock(struct store_memory *memory, enum store_result result)
{
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static struct str
copy(struct arena *arena, struct str s)
{
	return (struct str){ str_copy(arena, s), s.len };
}

static const char *
copy_text(struct arena *arena, const char *text)
{
	return text ? str_copy(arena, str_from(text)) : NULL;
}

/* ---- Servers -------------------------------------------------------------------- */

static struct server_facts
facts_of(const struct store_memory *memory, const char *server)
{
	const struct item *item = items_find(&memory->servers, str_from(server));

	return item ? item->facts : (struct server_facts){ 0 };
}

static enum store_result
memory_servers_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		facts[i] = facts_of(memory, servers[i].name);
	if (whole_ms)
		*whole_ms = memory->whole_ms;
	return unlock(memory, STORE_OK);
}

static void
put_event(struct store_memory *memory, const struct event *event)
{
	/* Its key is a number that no other has. */
	struct str key = str_from(
	    str_printf(memory->arena, "%llu", (unsigned long long)memory->version));
	struct item *item = items_put(memory->arena, &memory->events, key);

	item->event = *event;
	item->event.server = copy_text(memory->arena, event->server);
	while (memory->events.n > EVENTS_MOST)
		items_remove_at(&memory->events, 0);
}

static enum store_result
put_server(struct store_memory *memory, struct store_server *server)
{
	if (facts_of(memory, server->name).version != server->facts.version)
		return server->result = STORE_STALE;
	server->facts.version = ++memory->version;
	items_put(memory->arena, &memory->servers, str_from(server->name))
	    ->facts = server->facts;
	if (server->event)
		put_event(memory, server->event);
	return server->result = STORE_OK;
}

static enum store_result
memory_servers_set(struct store *store, struct store_server *servers, size_t n)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		put_server(memory, &servers[i]);
	return unlock(memory, STORE_OK);
}

/* ---- Meetings ------------------------------------------------------------------- */

static struct meeting
copy_meeting(struct arena *arena, struct meeting meeting)
{
	meeting.server = copy_text(arena, meeting.server);
	meeting.copy = copy_text(arena, meeting.copy ? meeting.copy : "");
	return meeting;
}

static enum store_result
memory_meeting_get(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, struct meeting *meeting, struct server_facts *facts, int64_t *whole_ms)
{
	struct store_memory *memory = open_locked(store);

	if (whole_ms)
		*whole_ms = memory->whole_ms;
	const struct item *mapped = items_find(&memory->meetings, meeting_id);
	const struct item *absence = items_find(&memory->absences, meeting_id);

	if (mapped) {
		*meeting = copy_meeting(arena, mapped->meeting);
		*facts = facts_of(memory, meeting->server);
		return unlock(memory, STORE_OK);
	}
	bool is_absent = absence && absence->at_ms <= now_ms && now_ms < absence->until_ms;

	return unlock(memory, is_absent ? STORE_ABSENT : STORE_NOT_FOUND);
}

static enum store_result
change_meeting(struct store_memory *memory, struct arena *arena, struct store_change *change,
    int64_t now_ms)
{
	const struct item *item = items_find(&memory->meetings, change->meeting_id);
	struct meeting old = item ? item->meeting : (struct meeting){ 0 };
	const struct meeting *wanted = change->wanted;

	change->found = old.server ? copy_meeting(arena, old) : old;
	if (old.version != (change->expected ? change->expected->version : 0))
		return STORE_CONFLICT;
	if (change->load &&
	    (change->is_load_kept ? facts_of(memory, change->load->name).version !=
	                change->load->facts.version :
	                            put_server(memory, change->load) != STORE_OK))
		return STORE_STALE;

	if (old.peak > 0 && (!wanted || strcmp(wanted->server, old.server) != 0)) {
		struct item *peak = items_put(memory->arena, &memory->peaks,
		    change->meeting_id);

		peak->peak = old.peak;
		peak->at_ms = now_ms;
	}
	items_drop(&memory->meetings, change->meeting_id);
	change->found = (struct meeting){ 0 };
	if (wanted) {
		items_drop(&memory->absences, change->meeting_id);
		struct item *mapped = items_put(memory->arena, &memory->meetings,
		    change->meeting_id);

		mapped->meeting = copy_meeting(memory->arena, *wanted);
		mapped->meeting.version = ++memory->version;
		change->found = copy_meeting(arena, mapped->meeting);
	}
	return STORE_OK;
}

static enum store_result
memory_meetings_set(struct store *store, struct arena *arena, struct store_change *changes,
    size_t n, int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		changes[i].result = change_meeting(memory, arena, &changes[i], now_ms);
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_meetings_on(struct store *store, struct arena *arena, const char *server,
    struct mapped **meetings, size_t *n)
{
	struct store_memory *memory = open_locked(store);

	*meetings = arena_alloc(arena, (memory->meetings.n + 1) * sizeof(**meetings));
	*n = 0;
	for (size_t i = 0; i < memory->meetings.n; i++) {
		const struct item *item = &memory->meetings.list[i];

		if (strcmp(item->meeting.server, server) == 0)
			(*meetings)[(*n)++] = (struct mapped){
				copy(arena, item->key),
				copy_meeting(arena, item->meeting),
			};
	}
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_history_get(struct store *store, struct str meeting_id, struct store_history *history)
{
	struct store_memory *memory = open_locked(store);
	const struct item *peak = items_find(&memory->peaks, meeting_id);

	history->peak = peak ? peak->peak : 0;
	history->typical = memory->typical;
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_picture_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings)
{
	memory_servers_get(store, servers, n, facts, whole_ms);
	for (size_t i = 0; i < n_meetings; i++)
		memory_history_get(store, meeting_ids[i], &histories[i]);
	return STORE_OK;
}

static enum store_result
memory_typical_put(struct store *store, double typical)
{
	struct store_memory *memory = open_locked(store);

	memory->typical = typical;
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_absent_put(struct store *store, struct str meeting_id, int64_t now_ms, int64_t ttl_ms)
{
	struct store_memory *memory = open_locked(store);

	if (ttl_ms > 0 && !items_find(&memory->meetings, meeting_id)) {
		struct item *absence = items_put(memory->arena, &memory->absences, meeting_id);

		absence->at_ms = now_ms;
		absence->until_ms = now_ms + ttl_ms;
	}
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_turn_take(struct store *store, struct str meeting_id, struct store_turn *turn)
{
	struct store_memory *memory = open_locked(store);

	if (items_find(&memory->turns, meeting_id))
		return unlock(memory, STORE_CONFLICT);
	*turn = (struct store_turn){
		.is_begun = true,
		.meeting_id = items_put(memory->arena, &memory->turns, meeting_id)->key,
	};
	return unlock(memory, STORE_OK);
}

static void
memory_turn_give(struct store *store, struct store_turn *turn)
{
	struct store_memory *memory = open_locked(store);

	if (turn->is_begun)
		items_drop(&memory->turns, turn->meeting_id);
	*turn = (struct store_turn){ 0 };
	unlock(memory, STORE_OK);
}

static enum store_result
memory_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	struct store_memory *memory = open_locked(store);
	bool is_held = memory->until_ms > now_ms && memory->taken_ms <= now_ms + LEASE_AHEAD_MS;

	if (is_held && memory->holder != holder)
		return unlock(memory, STORE_CONFLICT);
	memory->holder = holder;
	memory->taken_ms = now_ms;
	memory->until_ms = now_ms + ttl_ms;
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_slot_take(struct store *store, const char *server, int64_t now_ms, int64_t step_us,
    struct pacing_slot *slot)
{
	struct store_memory *memory = open_locked(store);
	const struct item *item = items_find(&memory->pacings, str_from(server));
	struct pacing pacing = item ? item->pacing : (struct pacing){ 0 };

	*slot = pacing_take(&pacing, now_ms, step_us);
	items_put(memory->arena, &memory->pacings, str_from(server))->pacing = pacing;
	return unlock(memory, STORE_OK);
}

/* ---- Recordings and lists ------------------------------------------------------- */

static void
put_recording(struct store_memory *memory, const struct store_recording *recording,
    int64_t now_ms)
{
	struct str key = items_key(memory->arena, recording->server, "", recording->record_id);
	const struct item *item = items_find(&memory->recordings, key);

	if (!recording->is_there) {
		items_drop(&memory->recordings, key);
	} else if (!item || now_ms - item->at_ms >= RECORDING_RENEW_MS) {
		struct item *copied = items_put(memory->arena, &memory->recordings, key);

		copied->at_ms = now_ms;
		copied->recording = (struct store_recording){
			copy(memory->arena, recording->record_id),
			copy_text(memory->arena, recording->server),
			true,
		};
	}
}

static enum store_result
memory_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		put_recording(memory, &recordings[i], now_ms);
	return unlock(memory, STORE_OK);
}

static int
compare_servers(const void *a, const void *b)
{
	const struct store_recording *x = a, *y = b;

	return strcmp(x->server, y->server);
}

static enum store_result
memory_recordings_find(struct store *store, struct arena *arena, const struct str *record_ids,
    size_t n, struct store_recording **found, size_t *n_found)
{
	struct store_memory *memory = open_locked(store);

	*found = arena_alloc(arena, (n * memory->recordings.n + 1) * sizeof(**found));
	*n_found = 0;
	for (size_t i = 0; i < n; i++) {
		size_t first = *n_found;

		for (size_t k = 0; k < memory->recordings.n; k++) {
			const struct store_recording *r = &memory->recordings.list[k].recording;

			if (str_equal(r->record_id, record_ids[i]))
				(*found)[(*n_found)++] = (struct store_recording){
					record_ids[i],
					copy_text(arena, r->server),
					true,
				};
		}
		qsort(*found + first, *n_found - first, sizeof(**found), compare_servers);
	}
	return unlock(memory, STORE_OK);
}

static struct str
list_key(struct store_memory *memory, const struct store_list *list)
{
	return items_key(memory->arena, list->server, list->call, str_from(list->filter));
}

/* Forget a server's oldest lists that have a filter. */
static void
bound_lists(struct store_memory *memory, const char *server)
{
	size_t n = 0;

	for (size_t i = memory->lists.n; i-- > 0;) {
		const struct store_list *list = &memory->lists.list[i].list;

		if (strcmp(list->server, server) == 0 && list->filter[0] != '\0' &&
		    ++n > LIMIT_LISTS)
			items_remove_at(&memory->lists, i);
	}
}

static enum store_result
memory_lists_put(struct store *store, const struct store_list *lists, size_t n)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		struct str key = list_key(memory, &lists[i]);
		const struct item *item = items_find(&memory->lists, key);

		if (item && str_equal(item->list.answer, lists[i].answer))
			continue;
		items_put(memory->arena, &memory->lists, key)->list = (struct store_list){
			copy_text(memory->arena, lists[i].server),
			copy_text(memory->arena, lists[i].call),
			copy_text(memory->arena, lists[i].filter),
			copy(memory->arena, lists[i].answer),
		};
		bound_lists(memory, lists[i].server);
	}
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	struct store_memory *memory = open_locked(store);
	const struct item *item = items_find(&memory->lists, list_key(memory, list));

	if (!item)
		return unlock(memory, STORE_NOT_FOUND);
	list->answer = copy(arena, item->list.answer);
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_lists_drop(struct store *store, const char *server, const char *call)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = memory->lists.n; i-- > 0;) {
		const struct store_list *list = &memory->lists.list[i].list;

		if (strcmp(list->server, server) == 0 && strcmp(list->call, call) == 0)
			items_remove_at(&memory->lists, i);
	}
	return unlock(memory, STORE_OK);
}

/* ---- Forgetting ----------------------------------------------------------------- */

static bool
is_any(const struct item *item)
{
	(void)item;
	return true;
}

static bool
is_dropped(const struct item *item)
{
	return item->hook.is_dropped;
}

/* ---- Hooks ---------------------------------------------------------------------- */

static struct webhook
copy_hook(struct arena *arena, struct webhook hook)
{
	hook.url = copy(arena, hook.url);
	hook.meeting_id = copy(arena, hook.meeting_id);
	hook.event_id = copy(arena, hook.event_id);
	hook.base = copy(arena, hook.base);
	return hook;
}

static void
put_hook(struct store_memory *memory, const struct webhook *hook, bool is_dropped)
{
	struct item *item = items_put(memory->arena, &memory->hooks, str_from(hook->id));

	item->hook = copy_hook(memory->arena, *hook);
	item->hook.is_dropped = is_dropped;
	item->at_ms = hook->changed_ms;
}

static enum store_result
memory_webhook_put(struct store *store, const struct webhook *hook, bool anew)
{
	struct store_memory *memory = open_locked(store);
	const struct item *known = items_find(&memory->hooks, str_from(hook->id));
	size_t n = 0;

	for (size_t i = 0; i < memory->hooks.n; i++)
		n += !memory->hooks.list[i].hook.is_dropped;
	if (known && !known->hook.is_dropped)
		return unlock(memory, STORE_EXISTS);
	if (known && !anew)
		return unlock(memory, STORE_CONFLICT);
	if (n >= LIMIT_WEBHOOKS)
		return unlock(memory, STORE_FULL);
	put_hook(memory, hook, false);
	return unlock(memory, STORE_OK);
}

static int
compare_hooks(const void *a, const void *b)
{
	const struct webhook *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static enum store_result
memory_webhook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	struct store_memory *memory = open_locked(store);

	*n = memory->hooks.n;
	*hooks = arena_alloc(arena, (*n + 1) * sizeof(**hooks));
	for (size_t i = 0; i < *n; i++)
		(*hooks)[i] = copy_hook(arena, memory->hooks.list[i].hook);
	qsort(*hooks, *n, sizeof(**hooks), compare_hooks);
	return unlock(memory, STORE_OK);
}

static void
forget_hooks(struct store_memory *m, int64_t now_ms)
{
	items_forget(&m->hooks, is_dropped, now_ms - WEBHOOK_DROPPED_MS, LIMIT_WEBHOOKS);
}

static enum store_result
memory_webhook_drop(struct store *store, const char *id, int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);
	struct webhook hook = { .changed_ms = now_ms };

	memcpy(hook.id, id, strnlen(id, sizeof(hook.id) - 1));
	put_hook(memory, &hook, true);
	forget_hooks(memory, now_ms);
	return unlock(memory, STORE_OK);
}

/* ---- History -------------------------------------------------------------------- */

static enum store_result
memory_events_get(struct store *store, struct arena *arena, struct event **events, size_t *n)
{
	struct store_memory *memory = open_locked(store);

	*n = memory->events.n;
	*events = arena_alloc(arena, (*n + 1) * sizeof(**events));
	for (size_t i = 0; i < *n; i++) {
		(*events)[i] = memory->events.list[*n - 1 - i].event;
		(*events)[i].server = copy_text(arena, (*events)[i].server);
	}
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_trends_get(struct store *store, struct store_trend *trends, size_t n)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		const struct item *item = items_find(&memory->trends,
		    str_from(trends[i].server));

		trends[i].trend = item ? item->trend : (struct trend){ 0 };
	}
	return unlock(memory, STORE_OK);
}

static enum store_result
memory_trends_put(struct store *store, struct store_trend *trends, size_t n)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		struct item *item = items_put(memory->arena, &memory->trends,
		    str_from(trends[i].server));

		item->trend = trends[i].trend;
		item->at_ms = trends[i].trend.minute * TREND_MINUTE_MS;
	}
	return unlock(memory, STORE_OK);
}

static void
forget_servers(struct store_memory *memory, int64_t now_ms)
{
	for (size_t i = memory->servers.n; i-- > 0;) {
		if (!server_is_forgotten(&memory->servers.list[i].facts, now_ms))
			continue;
		struct str name = memory->servers.list[i].key;
		for (size_t k = memory->lists.n; k-- > 0;)
			if (str_is(name, memory->lists.list[k].list.server))
				items_remove_at(&memory->lists, k);
		items_drop(&memory->pacings, name);
		items_remove_at(&memory->servers, i);
	}
}

/* ---- All of it ------------------------------------------------------------------ */

static enum store_result
memory_purge(struct store *store, int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);
	int64_t since_ms = memory->purged_ms, age_ms = now_ms - since_ms;
	bool is_lately = age_ms >= 0 && age_ms < PURGE_INTERVAL_MS;
	memory->purged_ms = is_lately ? since_ms : now_ms;
	if (is_lately || (since_ms > 0 && age_ms > PURGE_GAP_MS))
		return unlock(memory, STORE_OK);
	int64_t before_ms = now_ms - MEETING_KEEP_MS;
	for (size_t i = memory->meetings.n; i-- > 0;) {
		const struct meeting *meeting = &memory->meetings.list[i].meeting;
		if (meeting->seen_ms < before_ms && meeting->create_ms < before_ms)
			items_remove_at(&memory->meetings, i);
	}
	for (size_t i = memory->absences.n; i-- > 0;)
		if (memory->absences.list[i].until_ms < now_ms)
			items_remove_at(&memory->absences, i);
	items_forget(&memory->peaks, is_any, now_ms - PEAK_KEEP_MS, PEAKS_MOST);
	items_forget(&memory->recordings, is_any, now_ms - RECORDING_KEEP_MS, LIMIT_RECORDINGS);
	forget_hooks(memory, now_ms);
	forget_servers(memory, now_ms);
	items_forget(&memory->trends, is_any,
	    (now_ms / TREND_MINUTE_MS - TREND_MINUTES) * TREND_MINUTE_MS, SIZE_MAX);
	return unlock(memory, STORE_OK);
}

/* ---- The store ------------------------------------------------------------------ */

static void
memory_close(struct store *store)
{
	struct store_memory *memory = (struct store_memory *)store;
	const struct items *const all[] = { &memory->servers, &memory->meetings, &memory->peaks,
		&memory->absences, &memory->turns, &memory->recordings, &memory->lists,
		&memory->hooks, &memory->events, &memory->trends, &memory->pacings };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]->list);
	arena_free(memory->arena);
	pthread_mutex_destroy(&memory->mutex);
	free(memory);
}

static const struct store_verbs memory_verbs = {
	.servers_get = memory_servers_get,
	.servers_set = memory_servers_set,
	.meeting_get = memory_meeting_get,
	.meetings_set = memory_meetings_set,
	.turn_take = memory_turn_take,
	.turn_give = memory_turn_give,
	.meetings_on = memory_meetings_on,
	.picture_get = memory_picture_get,
	.history_get = memory_history_get,
	.typical_put = memory_typical_put,
	.absent_put = memory_absent_put,
	.lease_take = memory_lease_take,
	.polls_begin = alone_polls_begin,
	.slot_take = memory_slot_take,
	.recordings_put = memory_recordings_put,
	.recordings_find = memory_recordings_find,
	.lists_put = memory_lists_put,
	.list_find = memory_list_find,
	.lists_drop = memory_lists_drop,
	.webhook_put = memory_webhook_put,
	.webhook_list = memory_webhook_list,
	.webhook_drop = memory_webhook_drop,
	.events_get = memory_events_get,
	.trends_get = memory_trends_get,
	.trends_put = memory_trends_put,
	.purge = memory_purge,
	.describe = alone_describe,
	.problem = alone_problem,
	.close = memory_close,
};

void
store_memory_whole(struct store *store, int64_t whole_ms)
{
	struct store_memory *memory = open_locked(store);

	memory->whole_ms = whole_ms;
	unlock(memory, STORE_OK);
}

struct store *
store_memory_open(void)
{
	struct store_memory *memory = mem_alloc(sizeof(*memory));

	memory->store.verbs = &memory_verbs;
	memory->arena = arena_new();
	pthread_mutex_init(&memory->mutex, NULL);
	return &memory->store;
}
