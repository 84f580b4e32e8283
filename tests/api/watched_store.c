#include "watched_store.h"

#include "adapters/none.h"
#include "run.h"

/* All verbs: VERB(name, (parameters), arguments), and MAP(meetingID, ...the same...) for
 * those that may map it.  The verb's contract stands in store.h. */
#define VERBS(VERB, MAP)                                                                       \
	VERB(servers, (const struct server *servers, size_t n, struct server_facts *facts),    \
	    servers, n, facts)                                                                 \
	VERB(server_contact,                                                                   \
	    (const char *server, enum contact contact, const struct server_rules *rules,       \
	        int64_t now_ms, uint64_t nonce, enum server_health *before,                    \
	        struct server_facts *facts),                                                   \
	    server, contact, rules, now_ms, nonce, before, facts)                              \
	VERB(server_save, (const char *server, const struct server_facts *facts), server,      \
	    facts)                                                                             \
	VERB(polls_save,                                                                       \
	    (struct store_poll * polls, size_t n, int64_t now_ms, int64_t fresh_ms), polls, n, \
	    now_ms, fresh_ms)                                                                  \
	VERB(lease_take, (uint64_t holder, int64_t now_ms, int64_t ttl_ms), holder, now_ms,    \
	    ttl_ms)                                                                            \
	VERB(meeting_find,                                                                     \
	    (struct arena * arena, struct str id, int64_t now_ms, int64_t ttl_ms,              \
	        struct meeting * meeting),                                                     \
	    arena, id, now_ms, ttl_ms, meeting)                                                \
	VERB(meeting_absent, (struct str id, int64_t now_ms), id, now_ms)                      \
	MAP(placement->meeting_id, meeting_claim,                                              \
	    (struct arena * arena, struct placement * placement, int64_t now_ms,               \
	        struct meeting * meeting),                                                     \
	    arena, placement, now_ms, meeting)                                                 \
	MAP(id, meeting_adopt, (struct str id, const char *server, int64_t now_ms), id,        \
	    server, now_ms)                                                                    \
	MAP(placement->meeting_id, meeting_move,                                               \
	    (struct arena * arena, struct placement * placement, const char *old_server,       \
	        int64_t now_ms, struct meeting *meeting),                                      \
	    arena, placement, old_server, now_ms, meeting)                                     \
	VERB(meeting_drop, (struct str id, const char *server, int64_t claimed_ms), id,        \
	    server, claimed_ms)                                                                \
	VERB(recordings_put,                                                                   \
	    (const struct store_recording *recordings, size_t n, int64_t now_ms), recordings,  \
	    n, now_ms)                                                                         \
	VERB(recordings_find,                                                                  \
	    (struct arena * arena, struct store_recording * recordings, size_t n), arena,      \
	    recordings, n)                                                                     \
	VERB(lists_save, (const struct store_list *lists, size_t n, bool *is_known), lists, n, \
	    is_known)                                                                          \
	VERB(list_find, (struct arena * arena, struct store_list * list), arena, list)         \
	VERB(lists_drop, (const char *server, const char *call), server, call)                 \
	VERB(hook_put, (const struct webhook *hook, bool anew), hook, anew)                    \
	VERB(hook_list, (struct arena * arena, struct webhook * *hooks, size_t * n), arena,    \
	    hooks, n)                                                                          \
	VERB(hook_drop, (const char *id, int64_t now_ms), id, now_ms)

static struct run *
run_of(struct store *store)
{
	return (struct run *)(void *)((char *)store - offsetof(struct run, store));
}

/* The store that does the next verb. */
static struct store *
next_store(struct run *run)
{
	return ++run->verbs == run->failing_verb ? store_none_open() : run->inner;
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
#define WATCH_MAP(meeting_id, ...) WATCH_AFTER(run_see(run, meeting_id), __VA_ARGS__)
VERBS(WATCH, WATCH_MAP)

#define ENTRY(verb, ...) .verb = watch_##verb,
#define ENTRY_MAP(meeting_id, verb, ...) .verb = watch_##verb,
const struct store_verbs watched_store_verbs = { VERBS(ENTRY, ENTRY_MAP) };

/* All of them, but for close(). */
#define ONE_MORE(...) +1
_Static_assert(sizeof(struct store_verbs) ==
        (VERBS(ONE_MORE, ONE_MORE) + 1) * sizeof(void (*)(void)),
    "a verb is missing");
