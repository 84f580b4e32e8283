/*
 * The facts of servers: read as a whole, where only what changed comes from the engine, and
 * written by compare and set.
 */
#include "adapters/redis/redis.h"
#include "base/arena.h"

/* ---- Reading -------------------------------------------------------------------- */

struct get_arguments {
	const struct server *servers;
	size_t n;
	struct server_facts *facts;
	int64_t whole_ms;
	uint64_t n_told; /* when it was asked */
	const struct str *meeting_ids;
	struct store_history *histories;
	size_t n_meetings;
};

/* Put what changed into the mirror: another thread may have read later, and been faster. */
static void
fill_mirror(const struct link *link, struct mirror *mirror, int64_t born,
    const redisReply *reply)
{
	if (mirror->born != born)
		mirror_clear(mirror);
	mirror->born = born;
	for (size_t i = 4; i + 1 < reply->elements; i += 2) {
		const char *name = str_copy(link->arena, redis_text(reply->element[i]));
		struct server_facts facts;

		redis_facts_read(link, redis_text(reply->element[i + 1]), &facts);
		if (facts.version > mirror_find(mirror, name).version)
			mirror_put(mirror, name, &facts);
		if (facts.version > mirror->version)
			mirror->version = facts.version;
	}
}

/* Ask for what has changed since that version of that state, all where it is 0, and take what
 * comes.  *is_done says whether the facts could be made of it: of changes alone they cannot
 * be, if the mirror was meanwhile filled with another state, or an older one. */
static enum store_result
read_servers(struct link *link, struct get_arguments *a, uint64_t version, int64_t born,
    bool *is_done)
{
	struct mirror *mirror = &link->redis->mirror;
	const struct str words[] = { redis_number(link, (int64_t)version),
		redis_number(link, born), str_from(redis_host_to_note(link)) };

	a->n_told = atomic_load(&link->redis->n_told);
	/* Whether claims can be confirmed changes while links stay; and one that has become a
	 * replica would be believed until the next write. */
	link_add(link, &STR("ROLE"), 1);
	link_add_script(link, SCRIPT_SERVERS, words, 3);
	for (size_t i = 0; i < a->n_meetings; i++)
		redis_history_add(link, a->meeting_ids[i]);
	if (!link_take_role(link))
		return STORE_FAILED;
	const redisReply *reply = link_next(link);
	if (!reply || reply->elements < 4)
		return STORE_FAILED;
	int64_t born_now = redis_read(redis_text(reply->element[0]), INT64_MAX);
	bool is_all = version == 0 || born_now != born;

	redis_note_time(link, reply->element[2], reply->element[3]);
	a->whole_ms = redis_read_whole(link, redis_text(reply->element[1]));
	pthread_mutex_lock(&mirror->mutex);
	*is_done = is_all || (mirror->born == born && mirror->version >= version);
	if (*is_done)
		fill_mirror(link, mirror, born_now, reply);
	for (size_t i = 0; i < a->n; i++)
		a->facts[i] = mirror_find(mirror, a->servers[i].name);
	pthread_mutex_unlock(&mirror->mutex);
	for (size_t i = 0; i < a->n_meetings; i++)
		if (redis_history_take(link, &a->histories[i]) != STORE_OK)
			return STORE_FAILED;
	return STORE_OK;
}

static enum store_result
work_servers_get(struct link *link, void *arguments)
{
	struct mirror *mirror = &link->redis->mirror;
	bool is_done = false;

	pthread_mutex_lock(&mirror->mutex);
	uint64_t version = mirror->version;
	int64_t born = mirror->born;
	pthread_mutex_unlock(&mirror->mutex);
	enum store_result result = read_servers(link, arguments, version, born, &is_done);
	return result != STORE_OK || is_done ?
	    result :
	    read_servers(link, arguments, 0, 0, &is_done);
}

int64_t
redis_read_whole(const struct link *link, struct str text)
{
	int64_t whole_ms = redis_read(text, REDIS_MS_MOST);

	return whole_ms > 0 ? redis_ms_out(link, whole_ms) : INT64_MAX;
}

int64_t
redis_whole(const struct store *store, enum store_result result, int64_t whole_ms,
    uint64_t n_told)
{
	const struct store_redis *redis = (const struct store_redis *)store;

	return result == STORE_FAILED || atomic_load(&redis->breaker.is_set[true]) ||
	        atomic_load(&redis->n_lost) != n_told ?
	    INT64_MAX :
	    whole_ms;
}

enum store_result
redis_picture_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings)
{
	struct get_arguments a = {
		.servers = servers,
		.n = n,
		.facts = facts,
		.meeting_ids = meeting_ids,
		.histories = histories,
		.n_meetings = n_meetings,
	};
	enum store_result result = redis_perform(store, false, work_servers_get, &a);

	if (whole_ms)
		*whole_ms = redis_whole(store, result, a.whole_ms, a.n_told);
	for (size_t i = 0; i < n && result != STORE_OK; i++)
		facts[i] = (struct server_facts){ 0 };
	for (size_t i = 0; i < n_meetings && result != STORE_OK; i++)
		histories[i] = (struct store_history){ 0 };
	return result;
}

enum store_result
redis_servers_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms)
{
	return redis_picture_get(store, servers, n, facts, whole_ms, NULL, NULL, 0);
}

/* ---- Writing ---------------------------------------------------------------------- */

struct set_arguments {
	struct store_server *servers;
	size_t n;
	size_t n_done; /* of these, when the scripts were gone in the middle */
};

static enum store_result
work_servers_set(struct link *link, void *arguments)
{
	struct set_arguments *a = arguments;

	for (size_t i = a->n_done; i < a->n; i++) {
		const struct store_server *server = &a->servers[i];
		const struct str words[] = { str_from(server->name),
			redis_number(link, (int64_t)server->facts.version),
			redis_facts_write(link, &server->facts),
			redis_event_write(link, server->event),
			redis_number(link, EVENTS_MOST) };

		link_add_script(link, SCRIPT_SERVER_SET, words, 5);
	}
	for (; a->n_done < a->n; a->n_done++) {
		struct store_server *server = &a->servers[a->n_done];
		const redisReply *reply = link_next(link);

		if (!reply)
			return STORE_FAILED;
		server->result = reply->type == REDIS_REPLY_STRING ? STORE_OK : STORE_STALE;
		if (server->result == STORE_OK)
			server->facts.version = redis_version(redis_text(reply));
	}
	return STORE_OK;
}

enum store_result
redis_servers_set(struct store *store, struct store_server *servers, size_t n)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n; i++)
		servers[i].result = STORE_FAILED;
	for (size_t i = 0; i < n && result == STORE_OK; i += REDIS_CHANGES_AT_ONCE) {
		struct set_arguments a = { &servers[i],
			n - i < REDIS_CHANGES_AT_ONCE ? n - i : REDIS_CHANGES_AT_ONCE, 0 };

		result = redis_perform(store, true, work_servers_set, &a);
	}
	return result;
}

/* ---- Polls ------------------------------------------------------------------------------ */

struct polls_arguments {
	struct store_poll *polls;
	size_t n;
};

static enum store_result
work_polls_begin(struct link *link, void *arguments)
{
	struct polls_arguments *a = arguments;
	struct str *words = arena_alloc(link->arena, (2 * a->n + 3) * sizeof(*words));

	words[0] = str_from(redis_host(link));
	words[1] = redis_number(link, REDIS_HOST_SEEN_S);
	words[2] = redis_number(link, STORE_POLL_WAIT_MS * 1000);
	for (size_t i = 0; i < a->n; i++) {
		words[2 * i + 3] = str_from(a->polls[i].server);
		words[2 * i + 4] = redis_number(link, a->polls[i].may_leave);
	}
	link_add_script(link, SCRIPT_POLLS_BEGIN, words, 2 * a->n + 3);
	const redisReply *reply = link_next(link);
	if (!reply || reply->elements != a->n)
		return STORE_FAILED;
	for (size_t i = 0; i < a->n; i++)
		a->polls[i].is_left = reply->element[i]->integer == 0;
	return STORE_OK;
}

enum store_result
redis_polls_begin(struct store *store, struct store_poll *polls, size_t n)
{
	struct polls_arguments a = { polls, n };

	for (size_t i = 0; i < n; i++)
		polls[i].is_left = false;
	return redis_perform(store, true, work_polls_begin, &a);
}
