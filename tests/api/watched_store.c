#include "watched_store.h"

#include "adapters/none.h"
#include "run.h"

/* All verbs: VERB(name, (parameters), arguments); LATE(...the same...) for those that only
 * remember, which must not be done while a client waits; MAP(...) for the one that maps
 * meetings.  The verb's contract stands in store.h. */
#define VERBS(VERB, LATE, MAP)                                                                 \
	VERB(servers_get,                                                                      \
	    (const struct server *servers, size_t n, struct server_facts *facts,               \
	        int64_t *whole_ms),                                                            \
	    servers, n, facts, whole_ms)                                                       \
	VERB(servers_set, (struct store_server * servers, size_t n), servers, n)               \
	VERB(meeting_get,                                                                      \
	    (struct arena * arena, struct str id, int64_t now_ms, struct meeting * meeting,    \
	        struct server_facts * facts, int64_t * whole_ms),                              \
	    arena, id, now_ms, meeting, facts, whole_ms)                                       \
	MAP(meetings_set,                                                                      \
	    (struct arena * arena, struct store_change * changes, size_t n, int64_t now_ms),   \
	    arena, changes, n, now_ms)                                                         \
	VERB(turn_take, (struct str id, struct store_turn * turn), id, turn)                   \
	VERB(meetings_on,                                                                      \
	    (struct arena * arena, const char *server, struct mapped **meetings, size_t *n),   \
	    arena, server, meetings, n)                                                        \
	VERB(history_get, (struct str id, struct store_history * history), id, history)        \
	VERB(picture_get,                                                                      \
	    (const struct server *servers, size_t n, struct server_facts *facts,               \
	        int64_t *whole_ms, const struct str *ids, struct store_history *histories,     \
	        size_t n_ids),                                                                 \
	    servers, n, facts, whole_ms, ids, histories, n_ids)                                \
	VERB(typical_put, (double typical), typical)                                           \
	LATE(absent_put, (struct str id, int64_t now_ms, int64_t ttl_ms), id, now_ms, ttl_ms)  \
	VERB(lease_take, (uint64_t holder, int64_t now_ms, int64_t ttl_ms), holder, now_ms,    \
	    ttl_ms)                                                                            \
	VERB(polls_begin, (struct store_poll * polls, size_t n), polls, n)                     \
	VERB(slot_take,                                                                        \
	    (const char *server, int64_t now_ms, int64_t step_us, struct pacing_slot *slot),   \
	    server, now_ms, step_us, slot)                                                     \
	LATE(recordings_put,                                                                   \
	    (const struct store_recording *recordings, size_t n, int64_t now_ms), recordings,  \
	    n, now_ms)                                                                         \
	VERB(recordings_find,                                                                  \
	    (struct arena * arena, const struct str *record_ids, size_t n,                     \
	        struct store_recording **found, size_t *n_found),                              \
	    arena, record_ids, n, found, n_found)                                              \
	LATE(lists_put, (const struct store_list *lists, size_t n), lists, n)                  \
	VERB(list_find, (struct arena * arena, struct store_list * list), arena, list)         \
	VERB(lists_drop, (const char *server, const char *call), server, call)                 \
	VERB(webhook_put, (const struct webhook *hook, bool anew), hook, anew)                 \
	VERB(webhook_list, (struct arena * arena, struct webhook * *hooks, size_t * n), arena, \
	    hooks, n)                                                                          \
	VERB(webhook_drop, (const char *id, int64_t now_ms), id, now_ms)                       \
	VERB(events_get, (struct arena * arena, struct event * *events, size_t * n), arena,    \
	    events, n)                                                                         \
	VERB(trends_get, (struct store_trend * trends, size_t n), trends, n)                   \
	LATE(trends_put, (struct store_trend * trends, size_t n), trends, n)                   \
	VERB(describe, (struct arena * arena, struct store_description * description), arena,  \
	    description)                                                                       \
	VERB(purge, (int64_t now_ms), now_ms)

static struct run *
run_of(struct store *store)
{
	return (struct run *)(void *)((char *)store - offsetof(struct run, store));
}

/* The store that does the next verb. */
static struct store *
next_store(struct run *run)
{
	const bool fails = ++run->verbs == run->failing_verb || run->has_no_state ||
	    (run->failing_verbs >> (run->verbs % 64) & 1) != 0;

	return fails ? store_none_open() : run->inner;
}

/* A verb that only remembers is about to be done. */
static void
see_late(struct run *run, const char *verb)
{
	if (run->is_asked)
		run_problem(run, NULL, "%s before the client has its answer", verb);
}

static void
see_changes(struct run *run, const struct store_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_see(run, changes[i].meeting_id);
}

#define BARE(...) __VA_ARGS__
#define WATCH_AFTER(first, verb, parameters, ...)                                     \
	static enum store_result watch_##verb(struct store *watched, BARE parameters) \
	{                                                                             \
		struct run *run = run_of(watched);                                    \
		struct store *next = next_store(run);                                 \
                                                                                      \
		first;                                                                \
		return next->verbs->verb(next, __VA_ARGS__);                          \
	}
#define WATCH(...) WATCH_AFTER((void)0, __VA_ARGS__)
#define WATCH_LATE(verb, ...) WATCH_AFTER(see_late(run, #verb), verb, __VA_ARGS__)
#define WATCH_MAP(...) WATCH_AFTER(see_changes(run, changes, n), __VA_ARGS__)
VERBS(WATCH, WATCH_LATE, WATCH_MAP)

/* What cannot fail. */
static void
watch_turn_give(struct store *watched, struct store_turn *turn)
{
	struct store *inner = run_of(watched)->inner;

	inner->verbs->turn_give(inner, turn);
}

static const char *
watch_problem(struct store *watched, struct arena *arena)
{
	struct store *inner = run_of(watched)->inner;

	return inner->verbs->problem(inner, arena);
}

#define ENTRY(verb, ...) .verb = watch_##verb,
const struct store_verbs watched_store_verbs = {
	VERBS(ENTRY, ENTRY, ENTRY).turn_give = watch_turn_give,
	.problem = watch_problem,
};

/* All of them, but for close(). */
#define ONE_MORE(...) +1
_Static_assert(sizeof(struct store_verbs) ==
        (VERBS(ONE_MORE, ONE_MORE, ONE_MORE) + 3) * sizeof(void (*)(void)),
    "a verb is missing");
