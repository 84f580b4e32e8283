#include "adapters/none.h"

#include <string.h>

#include "ports/store.h"

static enum store_result
none_servers(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts)
{
	(void)store;
	(void)servers;
	for (size_t i = 0; i < n; i++)
		facts[i] = (struct server_facts){ .health = SERVER_UP };
	return STORE_FAILED;
}

static enum store_result
none_server_contact(struct store *store, const char *server, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce,
    enum server_health *before, struct server_facts *facts)
{
	(void)store;
	(void)server;
	(void)contact;
	(void)rules;
	(void)now_ms;
	(void)nonce;
	(void)before;
	(void)facts;
	return STORE_FAILED;
}

static enum store_result
none_polls_save(struct store *store, struct store_poll *polls, size_t n, int64_t now_ms,
    int64_t fresh_ms)
{
	(void)store;
	(void)polls;
	(void)n;
	(void)now_ms;
	(void)fresh_ms;
	return STORE_FAILED;
}

static enum store_result
none_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	(void)store;
	(void)holder;
	(void)now_ms;
	(void)ttl_ms;
	return STORE_FAILED;
}

static enum store_result
none_server_save(struct store *store, const char *server, const struct server_facts *facts)
{
	(void)store;
	(void)server;
	(void)facts;
	return STORE_FAILED;
}

static enum store_result
none_meeting_find(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, int64_t absent_ttl_ms, struct meeting *meeting)
{
	(void)store;
	(void)arena;
	(void)meeting_id;
	(void)now_ms;
	(void)absent_ttl_ms;
	(void)meeting;
	return STORE_FAILED;
}

static enum store_result
none_meeting_absent(struct store *store, struct str meeting_id, int64_t now_ms)
{
	(void)store;
	(void)meeting_id;
	(void)now_ms;
	return STORE_FAILED;
}

static enum store_result
none_meeting_claim(struct store *store, struct arena *arena, struct placement *placement,
    int64_t now_ms, struct meeting *meeting)
{
	(void)store;
	(void)arena;
	(void)placement;
	(void)now_ms;
	(void)meeting;
	return STORE_FAILED;
}

static enum store_result
none_meeting_adopt(struct store *store, struct str meeting_id, const char *server,
    int64_t now_ms)
{
	(void)store;
	(void)meeting_id;
	(void)server;
	(void)now_ms;
	return STORE_FAILED;
}

static enum store_result
none_meeting_move(struct store *store, struct arena *arena, struct placement *placement,
    const char *old_server, int64_t now_ms, struct meeting *meeting)
{
	(void)old_server;
	return none_meeting_claim(store, arena, placement, now_ms, meeting);
}

static enum store_result
none_meeting_drop(struct store *store, struct str meeting_id, const char *server,
    int64_t claimed_ms)
{
	(void)store;
	(void)meeting_id;
	(void)server;
	(void)claimed_ms;
	return STORE_FAILED;
}

static enum store_result
none_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	(void)store;
	(void)recordings;
	(void)n;
	(void)now_ms;
	return STORE_FAILED;
}

static enum store_result
none_recordings_find(struct store *store, struct arena *arena,
    struct store_recording *recordings, size_t n)
{
	(void)store;
	(void)arena;
	for (size_t i = 0; i < n; i++)
		recordings[i].server = NULL;
	return STORE_FAILED;
}

static enum store_result
none_lists_save(struct store *store, const struct store_list *lists, size_t n, bool *is_known)
{
	(void)store;
	(void)lists;
	if (is_known)
		memset(is_known, 0, n * sizeof(*is_known));
	return STORE_FAILED;
}

static enum store_result
none_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	(void)store;
	(void)arena;
	(void)list;
	return STORE_FAILED;
}

static enum store_result
none_lists_drop(struct store *store, const char *server, const char *call)
{
	(void)store;
	(void)server;
	(void)call;
	return STORE_FAILED;
}

static enum store_result
none_hook_put(struct store *store, const struct webhook *hook, bool anew)
{
	(void)store;
	(void)hook;
	(void)anew;
	return STORE_FAILED;
}

static enum store_result
none_hook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	(void)store;
	(void)arena;
	*hooks = NULL;
	*n = 0;
	return STORE_FAILED;
}

static enum store_result
none_hook_drop(struct store *store, const char *id, int64_t now_ms)
{
	(void)store;
	(void)id;
	(void)now_ms;
	return STORE_FAILED;
}

static void
none_close(struct store *store)
{
	(void)store; /* static */
}

static const struct store_verbs none_verbs = {
	.servers = none_servers,
	.server_contact = none_server_contact,
	.server_save = none_server_save,
	.meeting_find = none_meeting_find,
	.meeting_absent = none_meeting_absent,
	.meeting_claim = none_meeting_claim,
	.meeting_adopt = none_meeting_adopt,
	.meeting_move = none_meeting_move,
	.meeting_drop = none_meeting_drop,
	.polls_save = none_polls_save,
	.lease_take = none_lease_take,
	.recordings_put = none_recordings_put,
	.recordings_find = none_recordings_find,
	.lists_save = none_lists_save,
	.list_find = none_list_find,
	.lists_drop = none_lists_drop,
	.hook_put = none_hook_put,
	.hook_list = none_hook_list,
	.hook_drop = none_hook_drop,
	.close = none_close,
};

struct store *
store_none_open(void)
{
	static struct store none = { &none_verbs };

	return &none;
}
