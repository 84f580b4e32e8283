/*
 * Mappings, set by compare and set, and what goes with them: meetings that are nowhere,
 * what earlier meetings tell of new ones, the lease on polling, and slots for joins.
 *
 * A mapping is "VERSION PEAK CLAIMED CREATE SEEN IS_ENDING SEATS USERS\nSERVER\nCOPY".
 * It has a time to live of MEETING_KEEP_MS and an hour, which each change begins anew; and a
 * poll that shows a meeting changes its mapping once an hour.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/clock.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* How long a claim waits for a replica to have it. */
#define CONFIRM_MS 50
#define CONFIRM_AGAIN_MS 1000

/* ---- Mappings as texts ------------------------------------------------------------ */

/* All but the version; a mapping that is not wanted is "". */
static struct str
write_mapping(struct link *link, const struct meeting *m)
{
	if (!m)
		return STR("");
	return str_from(str_printf(link->arena,
	    "%ld %" PRId64 " %" PRId64 " %" PRId64 " %d %ld %ld\n%s\n%s", m->peak,
	    redis_ms_in(link, m->claimed_ms), redis_ms_in(link, m->create_ms),
	    redis_ms_in(link, m->seen_ms), m->is_ending, m->seats, m->users, m->server,
	    m->copy ? m->copy : ""));
}

static int64_t
read_ms(const struct link *link, struct str *rest)
{
	return redis_ms_out(link, redis_read(redis_word(rest, ' '), REDIS_MS_MOST));
}

static long
read_count(struct str *rest)
{
	return (long)redis_read(redis_word(rest, ' '), REDIS_COUNT_MOST);
}

/* Read a mapping; one that is damaged, or "", is none. */
static void
read_mapping(const struct link *link, struct arena *arena, struct str text,
    struct meeting *meeting)
{
	struct str numbers = redis_word(&text, '\n');
	struct str server = redis_word(&text, '\n');
	uint64_t version = redis_version(redis_word(&numbers, ' '));

	*meeting = (struct meeting){ 0 };
	if (version == 0 || server.len == 0)
		return;
	meeting->version = version;
	meeting->peak = read_count(&numbers);
	meeting->claimed_ms = read_ms(link, &numbers);
	meeting->create_ms = read_ms(link, &numbers);
	meeting->seen_ms = read_ms(link, &numbers);
	meeting->is_ending = !str_is(redis_word(&numbers, ' '), "0");
	meeting->seats = read_count(&numbers);
	meeting->users = read_count(&numbers);
	meeting->server = str_copy(arena, server);
	meeting->copy = str_copy(arena, text);
}

/* ---- Reading ---------------------------------------------------------------------- */

struct get_arguments {
	struct arena *arena;
	struct str meeting_id;
	int64_t now_ms;
	struct meeting *meeting;
	struct server_facts *facts;
	int64_t whole_ms;
	uint64_t n_told; /* when it was asked */
};

static enum store_result
work_meeting_get(struct link *link, void *arguments)
{
	struct get_arguments *a = arguments;

	a->n_told = atomic_load(&link->redis->n_told);
	link_add_script(link, SCRIPT_MEETING_GET, &a->meeting_id, 1);
	const redisReply *reply = link_next(link);
	if (!reply || reply->elements != 4)
		return STORE_FAILED;
	a->whole_ms = redis_read_whole(link, redis_text(reply->element[3]));
	read_mapping(link, a->arena, redis_text(reply->element[0]), a->meeting);
	redis_facts_read(link, redis_text(reply->element[1]), a->facts);
	if (a->meeting->server)
		return STORE_OK;
	struct str absent = redis_text(reply->element[2]);
	int64_t at_ms = read_ms(link, &absent), until_ms = read_ms(link, &absent);

	return at_ms > 0 && a->now_ms >= at_ms && a->now_ms < until_ms ?
	    STORE_ABSENT :
	    STORE_NOT_FOUND;
}

enum store_result
redis_meeting_get(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, struct meeting *meeting, struct server_facts *facts, int64_t *whole_ms)
{
	struct get_arguments a = { arena, meeting_id, now_ms, meeting, facts, 0, 0 };
	enum store_result result = redis_perform(store, false, work_meeting_get, &a);

	if (whole_ms)
		*whole_ms = redis_whole(store, result, a.whole_ms, a.n_told);
	return result;
}

struct on_arguments {
	struct arena *arena;
	const char *server;
	struct mapped *meetings;
	size_t n;
};

static enum store_result
work_meetings_on(struct link *link, void *arguments)
{
	struct on_arguments *a = arguments;
	const struct str server = str_from(a->server);

	link_add_script(link, SCRIPT_MEETINGS_ON, &server, 1);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	a->n = 0;
	a->meetings = arena_alloc(a->arena, (reply->elements / 2 + 1) * sizeof(*a->meetings));
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		struct mapped *mapped = &a->meetings[a->n];
		struct str id = redis_text(reply->element[i]);

		read_mapping(link, a->arena, redis_text(reply->element[i + 1]),
		    &mapped->meeting);
		/* One that is damaged is of no server. */
		if (!mapped->meeting.server || strcmp(mapped->meeting.server, a->server) != 0)
			continue;
		mapped->meeting_id = (struct str){ str_copy(a->arena, id), id.len };
		a->n++;
	}
	return STORE_OK;
}

enum store_result
redis_meetings_on(struct store *store, struct arena *arena, const char *server,
    struct mapped **meetings, size_t *n)
{
	struct on_arguments a = { .arena = arena, .server = server };
	enum store_result result = redis_perform(store, false, work_meetings_on, &a);

	*meetings = result == STORE_OK && a.n > 0 ? a.meetings : NULL;
	*n = result == STORE_OK ? a.n : 0;
	return result;
}

struct history_arguments {
	struct str meeting_id;
	struct store_history *history;
};

void
redis_history_add(struct link *link, struct str meeting_id)
{
	const struct str peak[] = { STR("HGET"), redis_key(link, "peaks", STR("")),
		meeting_id };
	const struct str typical[] = { STR("GET"), redis_key(link, "typical", STR("")) };

	link_add(link, peak, 3);
	link_add(link, typical, 2);
}

enum store_result
redis_history_take(struct link *link, struct store_history *history)
{
	const redisReply *reply = link_next(link);

	if (!reply)
		return STORE_FAILED;
	history->peak = (long)redis_read(redis_text(reply), REDIS_COUNT_MOST);
	if (!(reply = link_next(link)))
		return STORE_FAILED;
	double people = strtod(str_copy(link->arena, redis_text(reply)), NULL);
	history->typical = people >= 0 && people <= REDIS_COUNT_MOST ? people : 0;
	return STORE_OK;
}

static enum store_result
work_history_get(struct link *link, void *arguments)
{
	struct history_arguments *a = arguments;

	redis_history_add(link, a->meeting_id);
	return redis_history_take(link, a->history);
}

enum store_result
redis_history_get(struct store *store, struct str meeting_id, struct store_history *history)
{
	struct history_arguments a = { meeting_id, history };

	*history = (struct store_history){ 0 };
	enum store_result result = redis_perform(store, false, work_history_get, &a);
	if (result != STORE_OK)
		*history = (struct store_history){ 0 };
	return result;
}

/* ---- Changing --------------------------------------------------------------------- */

struct set_arguments {
	struct arena *arena;
	struct store_change *changes;
	size_t n;
	int64_t now_ms;
	size_t n_done; /* of these, when the scripts were gone in the middle */
};

/* Does the change set a server's facts? */
static bool
sets_load(const struct store_change *change)
{
	return change->load && !change->is_load_kept;
}

static void
add_change(struct link *link, const struct store_change *change, int64_t now_ms)
{
	const struct meeting *wanted = change->wanted;
	int64_t seen_ms = !wanted ?
	    0 :
	    wanted->seen_ms > wanted->create_ms ?
	    wanted->seen_ms :
	    wanted->create_ms;
	struct str words[11] = { change->meeting_id,
		redis_number(link, change->expected ? (int64_t)change->expected->version : 0),
		write_mapping(link, wanted), redis_number(link, redis_ms_in(link, seen_ms)),
		redis_number(link, redis_ms_in(link, now_ms)),
		redis_number(link, MEETING_KEEP_MS + HOUR_MS) };

	size_t n = 6;
	if (change->load) {
		words[n++] = str_from(change->load->name);
		words[n++] = redis_number(link, (int64_t)change->load->facts.version);
	}
	if (sets_load(change)) {
		words[8] = redis_facts_write(link, &change->load->facts);
		words[9] = redis_event_write(link, change->load->event);
		words[10] = redis_number(link, EVENTS_MOST);
		n = 11;
	}
	link_add_script(link, SCRIPT_MEETING_SET, words, n);
}

/* Take what came of a change. */
static enum store_result
take_change(struct link *link, struct arena *arena, struct store_change *change)
{
	const redisReply *reply = link_next(link);

	if (!reply || reply->elements != 2)
		return STORE_FAILED;
	struct str result = redis_text(reply->element[0]);
	struct str what = redis_text(reply->element[1]);

	if (!str_is(result, "OK")) {
		change->result = str_is(result, "STALE") ? STORE_STALE : STORE_CONFLICT;
		if (sets_load(change))
			change->load->result = STORE_STALE;
		read_mapping(link, arena, what, &change->found);
		return STORE_OK;
	}
	uint64_t version = redis_version(what);

	change->result = STORE_OK;
	change->found = (struct meeting){ 0 };
	if (change->wanted) {
		const struct meeting *m = change->wanted;

		change->found = *m;
		change->found.version = version;
		change->found.server = str_copy(arena, str_from(m->server));
		change->found.copy = str_copy(arena, str_from(m->copy ? m->copy : ""));
	}
	if (sets_load(change)) {
		change->load->result = STORE_OK;
		change->load->facts.version = version;
	}
	return STORE_OK;
}

/* Did a replica confirm what was written?  Whether or not, it is written. */
static void
take_confirmation(struct link *link)
{
	const redisReply *reply = link_next(link);

	if (reply)
		link_note_confirmation(link, reply->integer > 0);
}

/* Does one of the changes set the server's facts? */
static bool
sets_load_of(const struct store_change *changes, size_t n, const char *server)
{
	for (size_t i = 0; i < n; i++)
		if (sets_load(&changes[i]) && strcmp(changes[i].load->name, server) == 0)
			return true;
	return false;
}

/* How many of the changes can be sent at once: what has a server's facts as a condition may
 * need what comes of the one before that sets them. */
static size_t
batch_of(const struct store_change *changes, size_t n)
{
	size_t batch = 0;

	while (batch < n && batch < REDIS_CHANGES_AT_ONCE &&
	    !(changes[batch].load && sets_load_of(changes, batch, changes[batch].load->name)))
		batch++;
	return batch;
}

/* Is it a meeting that comes to a server: a create's claim, of a new meeting or of one whose
 * server is down? */
static bool
is_claim(const struct store_change *change)
{
	return change->wanted &&
	    (!change->expected ||
	        strcmp(change->expected->server, change->wanted->server) != 0);
}

/* Does a create wait for one of them?  What a poll finds comes to no server with its load. */
static bool
is_any_claim(const struct store_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_claim(&changes[i]) && (n == 1 || changes[i].load))
			return true;
	return false;
}

/* Is it worth while to wait for a replica?  While none confirms anything one claim in
 * CONFIRM_AGAIN_MS finds out whether that is over; the others need not be slow for it. */
static bool
may_confirm(const struct link *link)
{
	struct store_redis *redis = link->redis;
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);

	if (!atomic_load(&redis->has_replicas))
		return false;
	if (!atomic_load(&redis->is_unconfirmed))
		return true;
	int64_t then_ms = atomic_load(&redis->unconfirmed_ms);
	return now_ms - then_ms >= CONFIRM_AGAIN_MS &&
	    atomic_compare_exchange_strong(&redis->unconfirmed_ms, &then_ms, now_ms);
}

static enum store_result
work_meetings_set(struct link *link, void *arguments)
{
	struct set_arguments *a = arguments;
	const struct str wait[] = { STR("WAIT"), STR("1"), redis_number(link, CONFIRM_MS) };
	/* What a failover loses of the rest is found by the polls. */
	bool waits = is_any_claim(a->changes, a->n) && may_confirm(link);

	for (size_t i = a->n_done; i < a->n; i++)
		add_change(link, &a->changes[i], a->now_ms);
	if (waits)
		link_add(link, wait, 3);
	for (; a->n_done < a->n; a->n_done++)
		if (take_change(link, a->arena, &a->changes[a->n_done]) != STORE_OK)
			return STORE_FAILED;
	if (waits)
		take_confirmation(link);
	return STORE_OK;
}

enum store_result
redis_meetings_set(struct store *store, struct arena *arena, struct store_change *changes,
    size_t n, int64_t now_ms)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n; i++) {
		changes[i].result = STORE_FAILED;
		if (sets_load(&changes[i]))
			changes[i].load->result = STORE_FAILED;
	}
	for (size_t i = 0; i < n && result == STORE_OK;) {
		struct set_arguments a = { arena, &changes[i], batch_of(&changes[i], n - i),
			now_ms, 0 };

		result = redis_perform(store, true, work_meetings_set, &a);
		i += a.n;
	}
	return result;
}

/* ---- What goes with mappings -------------------------------------------------------- */

static enum store_result
work_typical_put(struct link *link, void *arguments)
{
	const struct str words[] = { STR("SET"), redis_key(link, "typical", STR("")),
		str_from(str_printf(link->arena, "%.17g", *(double *)arguments)) };

	link_add(link, words, 3);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_typical_put(struct store *store, double typical)
{
	return redis_perform(store, true, work_typical_put, &typical);
}

struct absent_arguments {
	struct str meeting_id;
	int64_t now_ms, ttl_ms;
};

static enum store_result
work_absent_put(struct link *link, void *arguments)
{
	struct absent_arguments *a = arguments;
	const struct str words[] = { a->meeting_id,
		str_from(str_printf(link->arena, "%" PRId64 " %" PRId64,
		    redis_ms_in(link, a->now_ms), redis_ms_in(link, a->now_ms + a->ttl_ms))),
		redis_number(link, a->ttl_ms + HOUR_MS / 60) };

	link_add_script(link, SCRIPT_ABSENT_PUT, words, 3);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_absent_put(struct store *store, struct str meeting_id, int64_t now_ms, int64_t ttl_ms)
{
	struct absent_arguments a = { meeting_id, now_ms, ttl_ms };

	return ttl_ms <= 0 ? STORE_OK : redis_perform(store, true, work_absent_put, &a);
}

struct lease_arguments {
	uint64_t holder;
	int64_t now_ms, ttl_ms;
};

static enum store_result
work_lease_take(struct link *link, void *arguments)
{
	struct lease_arguments *a = arguments;
	const struct str words[] = { str_from(str_printf(link->arena, "%" PRIu64, a->holder)),
		redis_number(link, redis_ms_in(link, a->now_ms)),
		redis_number(link, redis_ms_in(link, a->now_ms + a->ttl_ms)),
		redis_number(link, LEASE_AHEAD_MS) };

	link_add_script(link, SCRIPT_LEASE_TAKE, words, 4);
	const redisReply *reply = link_next(link);
	return !reply ? STORE_FAILED : reply->integer == 1 ? STORE_OK : STORE_CONFLICT;
}

enum store_result
redis_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	struct lease_arguments a = { holder, now_ms, ttl_ms };

	return redis_perform(store, true, work_lease_take, &a);
}

struct slot_arguments {
	const char *server;
	int64_t now_ms, step_us;
	struct pacing_slot *slot;
};

static enum store_result
work_slot_take(struct link *link, void *arguments)
{
	struct slot_arguments *a = arguments;
	int64_t now_ms = redis_ms_in(link, a->now_ms);
	const struct str words[] = { str_from(a->server), redis_number(link, now_ms),
		redis_number(link, a->step_us), redis_number(link, PACING_AHEAD_MS),
		redis_number(link, PACING_LONGEST_MS) };

	link_add_script(link, SCRIPT_SLOT_TAKE, words, 5);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	int64_t at_us = redis_read(redis_text(reply), INT64_MAX);

	*a->slot = (struct pacing_slot){ .at_us = at_us + (a->now_ms - now_ms) * 1000,
		.taken_ms = a->now_ms };
	return STORE_OK;
}

enum store_result
redis_slot_take(struct store *store, const char *server, int64_t now_ms, int64_t step_us,
    struct pacing_slot *slot)
{
	struct slot_arguments a = { server, now_ms, step_us, slot };

	*slot = (struct pacing_slot){ 0 };
	return redis_perform(store, true, work_slot_take, &a);
}
