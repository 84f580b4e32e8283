#include "support/store_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/mem.h"
#include "model/load.h"
#include "ports/store.h"

struct record {
	char *meeting_id;
	size_t meeting_id_len;
	char *server; /* NULL: no server had it at at_ms */
	int64_t at_ms;
	long seats, users; /* reserved, and who came of them */
	long peak;         /* the most users of this meeting … */
	long last_peak;    /* … and of the one before with this meetingID */
};

struct known_server {
	char *name;
	struct server_facts facts; /* without its count of meetings */
};

struct known_recording {
	char *record_id;
	size_t record_id_len;
	char *server;
	int64_t at_ms;
};

struct known_list {
	char *server;
	char *what;
	char *answer;
	size_t answer_len;
};

struct store_memory {
	struct store store;
	pthread_mutex_t mutex;
	struct record *records;
	size_t n_records;
	struct known_server *servers;
	size_t n_servers;
	struct known_recording *recordings; /* the oldest first */
	size_t n_recordings;
	struct known_list *lists; /* the oldest first */
	size_t n_lists;
	struct webhook *hooks; /* by id; their spans are allocated */
	size_t n_hooks;
	double typical; /* load_typical_next over all meetings, 0 before the first */
	uint64_t lease_holder;
	int64_t lease_until_ms;
};

static struct store_memory *
open_locked(struct store *store)
{
	struct store_memory *memory = (struct store_memory *)store;

	pthread_mutex_lock(&memory->mutex);
	return memory;
}

static struct record *
record_find(struct store_memory *memory, struct str meeting_id)
{
	for (size_t i = 0; i < memory->n_records; i++) {
		struct record *r = &memory->records[i];

		if (str_equal((struct str){ r->meeting_id, r->meeting_id_len }, meeting_id))
			return r;
	}
	return NULL;
}

static struct record *
record_make(struct store_memory *memory, struct str meeting_id)
{
	struct record *record = record_find(memory, meeting_id);

	if (record)
		return record;
	memory->records = mem_resize(memory->records,
	    (memory->n_records + 1) * sizeof(*memory->records));
	record = &memory->records[memory->n_records++];
	*record = (struct record){
		.meeting_id = mem_alloc(meeting_id.len + 1),
		.meeting_id_len = meeting_id.len,
	};
	if (meeting_id.len > 0)
		memcpy(record->meeting_id, meeting_id.data, meeting_id.len);
	return record;
}

/* Map the record's meeting to a server, with seats reserved. */
static void
record_map(struct record *record, const char *server, long seats, int64_t now_ms)
{
	free(record->server);
	record->server = mem_strdup(server);
	record->at_ms = now_ms;
	record->seats = seats;
	record->users = record->peak = 0;
}

/* Forget the mapping; how many people the meeting had is kept. */
static void
record_unmap(struct record *record)
{
	free(record->server);
	record->server = NULL;
	record->at_ms = 0;
	if (record->peak > 0)
		record->last_peak = record->peak;
}

static void
record_remove(struct store_memory *memory, struct record *record)
{
	free(record->meeting_id);
	free(record->server);
	*record = memory->records[--memory->n_records];
}

static struct known_server *
server_find(struct store_memory *memory, const char *name)
{
	for (size_t i = 0; i < memory->n_servers; i++)
		if (strcmp(memory->servers[i].name, name) == 0)
			return &memory->servers[i];
	return NULL;
}

static struct known_server *
server_make(struct store_memory *memory, const char *name)
{
	struct known_server *server = server_find(memory, name);

	if (server)
		return server;
	memory->servers = mem_resize(memory->servers,
	    (memory->n_servers + 1) * sizeof(*memory->servers));
	server = &memory->servers[memory->n_servers++];
	*server = (struct known_server){ .name = mem_strdup(name) };
	return server;
}

static struct server_facts
facts_of(struct store_memory *memory, const char *name)
{
	struct known_server *server = server_find(memory, name);
	struct server_facts facts = { .health = SERVER_UP };

	if (server)
		facts = server->facts;
	facts.meetings = 0;
	for (size_t i = 0; i < memory->n_records; i++)
		if (memory->records[i].server && strcmp(memory->records[i].server, name) == 0)
			facts.meetings++;
	return facts;
}

static void
meeting_fill(struct store_memory *memory, struct arena *arena, const struct record *record,
    struct meeting *meeting)
{
	meeting->server = str_copy(arena, str_from(record->server));
	meeting->claimed_ms = record->at_ms;
	meeting->facts = facts_of(memory, record->server);
	meeting->facts.meetings = 0;
	meeting->facts.turn = 0;
}

/* Add up the seats reserved on a server. */
static double
reserved_on(const struct store_memory *memory, const char *name, int64_t now_ms)
{
	double reserved = 0;

	for (size_t i = 0; i < memory->n_records; i++) {
		const struct record *record = &memory->records[i];

		if (record->server && strcmp(record->server, name) == 0)
			reserved += load_reserved(record->seats, record->users,
			    now_ms - record->at_ms);
	}
	return reserved;
}

static enum store_result
memory_servers(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		facts[i] = facts_of(memory, servers[i].name);
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_server_contact(struct store *store, const char *name, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce,
    enum server_health *before, struct server_facts *facts)
{
	struct store_memory *memory = open_locked(store);
	struct known_server *server = server_make(memory, name);

	*before = server->facts.health;
	server_contact(&server->facts, contact, rules, now_ms, nonce);
	if (facts)
		*facts = server->facts;
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

/* The meeting as the poll found it, or NULL. */
static const struct store_polled *
polled_find(const struct store_poll *poll, const struct record *record)
{
	for (size_t i = 0; i < poll->n; i++)
		if (str_equal(poll->meetings[i].meeting_id,
		        (struct str){ record->meeting_id, record->meeting_id_len }))
			return &poll->meetings[i];
	return NULL;
}

static void
record_count(struct record *record, long users)
{
	record->users = users;
	if (record->peak < users)
		record->peak = users;
}

static void
reconcile(struct store_memory *memory, struct store_poll *poll, int64_t now_ms,
    int64_t fresh_ms)
{
	for (size_t i = 0; i < memory->n_records; i++) {
		struct record *record = &memory->records[i];
		if (!record->server || strcmp(record->server, poll->server) != 0)
			continue;
		const struct store_polled *polled = polled_find(poll, record);
		if (polled) {
			record_count(record, polled->users);
		} else if (poll->is_complete && record->at_ms <= now_ms - fresh_ms) {
			if (record->peak > 0)
				memory->typical = load_typical_next(memory->typical,
				    record->peak);
			record_unmap(record);
		}
	}
	for (size_t i = 0; i < poll->n; i++) {
		struct store_polled *found = &poll->meetings[i];

		if (found->is_room)
			continue;
		struct record *record = record_make(memory, found->meeting_id);
		if (record->server) {
			found->is_elsewhere = strcmp(record->server, poll->server) != 0;
			continue;
		}
		record_map(record, poll->server, 0, now_ms);
		record_count(record, found->users);
	}
}

static enum store_result
memory_polls_save(struct store *store, struct store_poll *polls, size_t n, int64_t now_ms,
    int64_t fresh_ms)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		struct server_facts *facts = &server_make(memory, polls[i].server)->facts;

		if (polls[i].next_poll_ms > 0)
			facts->next_poll_ms = polls[i].next_poll_ms;
		if (!polls[i].answered)
			continue;
		facts->users = polls[i].users;
		facts->voice = polls[i].voice;
		facts->videos = polls[i].videos;
		if (facts->since_ms == 0)
			facts->since_ms = now_ms;
		reconcile(memory, &polls[i], now_ms, fresh_ms);
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_lease_take(struct store *store, uint64_t holder, int64_t now_ms, int64_t ttl_ms)
{
	struct store_memory *memory = open_locked(store);
	enum store_result result = STORE_CONFLICT;

	if (memory->lease_holder == holder || memory->lease_until_ms <= now_ms) {
		memory->lease_holder = holder;
		memory->lease_until_ms = now_ms + ttl_ms;
		result = STORE_OK;
	}
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_server_save(struct store *store, const char *name, const struct server_facts *facts)
{
	struct store_memory *memory = open_locked(store);
	struct known_server *server = server_make(memory, name);

	server->facts.health = facts->health;
	server->facts.has_operator_state = facts->has_operator_state;
	server->facts.operator_state = facts->operator_state;
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_meeting_find(struct store *store, struct arena *arena, struct str meeting_id,
    int64_t now_ms, int64_t absent_ttl_ms, struct meeting *meeting)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_find(memory, meeting_id);
	enum store_result result = STORE_NOT_FOUND;

	if (record && record->server) {
		meeting_fill(memory, arena, record, meeting);
		result = STORE_OK;
	} else if (record && now_ms >= record->at_ms &&
	    now_ms - record->at_ms < absent_ttl_ms) {
		result = STORE_ABSENT;
	}
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_meeting_absent(struct store *store, struct str meeting_id, int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_make(memory, meeting_id);

	if (!record->server)
		record->at_ms = now_ms;
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

/* Choose a server and map the meeting to it. */
static enum store_result
place(struct store_memory *memory, struct arena *arena, struct placement *placement,
    int64_t now_ms, struct meeting *meeting)
{
	struct record *record = record_make(memory, placement->meeting_id);

	for (size_t i = 0; i < placement->n; i++) {
		struct placement_candidate *c = &placement->candidates[i];

		c->facts = facts_of(memory, c->server->name);
		c->facts.reserved = reserved_on(memory, c->server->name, now_ms);
	}
	placement->seats = load_seats(placement->seats_asked, record->last_peak,
	    memory->typical);
	struct placement_candidate *chosen = placement_choose(placement);
	if (!chosen)
		return STORE_NO_SERVER;
	server_make(memory, chosen->server->name)->facts.turn = chosen->facts.turn;
	record_map(record, chosen->server->name, placement->seats, now_ms);
	meeting_fill(memory, arena, record, meeting);
	return STORE_OK;
}

static enum store_result
memory_meeting_claim(struct store *store, struct arena *arena, struct placement *placement,
    int64_t now_ms, struct meeting *meeting)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_find(memory, placement->meeting_id);
	enum store_result result;

	if (record && record->server && placement_has(placement, record->server)) {
		meeting_fill(memory, arena, record, meeting);
		result = STORE_EXISTS;
	} else {
		result = place(memory, arena, placement, now_ms, meeting);
	}
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_meeting_adopt(struct store *store, struct str meeting_id, const char *server,
    int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_make(memory, meeting_id);
	enum store_result result = STORE_EXISTS;

	if (!record->server) {
		record_map(record, server, load_seats(0, record->last_peak, memory->typical),
		    now_ms);
		result = STORE_OK;
	}
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_meeting_move(struct store *store, struct arena *arena, struct placement *placement,
    const char *old_server, int64_t now_ms, struct meeting *meeting)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_find(memory, placement->meeting_id);
	enum store_result result;

	if (!record || !record->server) {
		result = STORE_NOT_FOUND;
	} else if (strcmp(record->server, old_server) != 0) {
		meeting_fill(memory, arena, record, meeting);
		result = STORE_CONFLICT;
	} else {
		record_unmap(record);
		result = place(memory, arena, placement, now_ms, meeting);
	}
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_meeting_drop(struct store *store, struct str meeting_id, const char *server,
    int64_t claimed_ms)
{
	struct store_memory *memory = open_locked(store);
	struct record *record = record_find(memory, meeting_id);
	enum store_result result = STORE_OK;

	if (!record || !record->server)
		result = STORE_NOT_FOUND;
	else if (strcmp(record->server, server) != 0 || record->at_ms != claimed_ms)
		result = STORE_CONFLICT;
	else
		record_unmap(record);
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static struct known_recording *
recording_find(struct store_memory *memory, struct str record_id)
{
	for (size_t i = 0; i < memory->n_recordings; i++) {
		struct known_recording *r = &memory->recordings[i];

		if (str_equal((struct str){ r->record_id, r->record_id_len }, record_id))
			return r;
	}
	return NULL;
}

static void
recording_remove(struct store_memory *memory, struct known_recording *recording)
{
	size_t behind = memory->n_recordings - (size_t)(recording - memory->recordings) - 1;

	free(recording->record_id);
	free(recording->server);
	memmove(recording, recording + 1, behind * sizeof(*recording));
	memory->n_recordings--;
}

static void
recording_put(struct store_memory *memory, const struct store_recording *put, int64_t now_ms)
{
	struct known_recording *recording = recording_find(memory, put->record_id);

	if (recording && put->server && strcmp(recording->server, put->server) == 0 &&
	    now_ms - recording->at_ms < RECORDING_RENEW_MS)
		return;
	if (recording)
		recording_remove(memory, recording);
	if (!put->server)
		return;
	memory->recordings = mem_resize(memory->recordings,
	    (memory->n_recordings + 1) * sizeof(*memory->recordings));
	recording = &memory->recordings[memory->n_recordings++];
	*recording = (struct known_recording){
		.record_id = mem_alloc(put->record_id.len + 1),
		.record_id_len = put->record_id.len,
		.server = mem_strdup(put->server),
		.at_ms = now_ms,
	};
	if (put->record_id.len > 0)
		memcpy(recording->record_id, put->record_id.data, put->record_id.len);
}

static enum store_result
memory_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++)
		recording_put(memory, &recordings[i], now_ms);
	while (memory->n_recordings > LIMIT_RECORDINGS ||
	    (memory->n_recordings > 0 &&
	        memory->recordings[0].at_ms < now_ms - RECORDING_KEEP_MS))
		recording_remove(memory, &memory->recordings[0]);
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_recordings_find(struct store *store, struct arena *arena,
    struct store_recording *recordings, size_t n)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		struct known_recording *known = recording_find(memory, recordings[i].record_id);
		recordings[i].server = known ? str_copy(arena, str_from(known->server)) : NULL;
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static struct known_list *
known_list_find(struct store_memory *memory, const struct store_list *list)
{
	for (size_t i = 0; i < memory->n_lists; i++)
		if (strcmp(memory->lists[i].server, list->server) == 0 &&
		    strcmp(memory->lists[i].what, list->what) == 0)
			return &memory->lists[i];
	return NULL;
}

static void
known_list_free(struct known_list *list)
{
	free(list->server);
	free(list->what);
	free(list->answer);
}

static void
known_list_remove(struct store_memory *memory, struct known_list *list)
{
	size_t i = (size_t)(list - memory->lists);

	known_list_free(list);
	memmove(list, list + 1, (memory->n_lists - i - 1) * sizeof(*list));
	memory->n_lists--;
}

/* Forget a server's oldest lists for queries. */
static void
purge_lists(struct store_memory *memory, const char *server)
{
	size_t n = 0;

	for (size_t i = memory->n_lists; i-- > 0;) {
		struct known_list *list = &memory->lists[i];

		if (strcmp(list->server, server) == 0 && strchr(list->what, '?') &&
		    ++n > LIMIT_LISTS)
			known_list_remove(memory, list);
	}
}

static enum store_result
memory_lists_save(struct store *store, const struct store_list *lists, size_t n, bool *is_known)
{
	struct store_memory *memory = open_locked(store);

	for (size_t i = 0; i < n; i++) {
		struct known_list *known = known_list_find(memory, &lists[i]);
		if (!known) {
			memory->lists = mem_resize(memory->lists,
			    (memory->n_lists + 1) * sizeof(*memory->lists));
			known = &memory->lists[memory->n_lists++];
			*known = (struct known_list){
				.server = mem_strdup(lists[i].server),
				.what = mem_strdup(lists[i].what),
			};
		}
		if (is_known)
			is_known[i] = known->answer &&
			    str_equal(lists[i].answer,
			        (struct str){ known->answer, known->answer_len });
		free(known->answer);
		known->answer = mem_alloc(lists[i].answer.len + 1);
		memcpy(known->answer, lists[i].answer.data, lists[i].answer.len);
		known->answer_len = lists[i].answer.len;
		purge_lists(memory, lists[i].server);
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	struct store_memory *memory = open_locked(store);
	struct known_list *known = known_list_find(memory, list);

	if (known) {
		list->answer = (struct str){ known->answer, known->answer_len };
		list->answer.data = str_copy(arena, list->answer);
	}
	pthread_mutex_unlock(&memory->mutex);
	return known ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_result
memory_lists_drop(struct store *store, const char *server, const char *call)
{
	struct store_memory *memory = open_locked(store);
	size_t len = strlen(call);

	for (size_t i = memory->n_lists; i-- > 0;) {
		struct known_list *list = &memory->lists[i];

		if (strcmp(list->server, server) == 0 && strncmp(list->what, call, len) == 0 &&
		    list->what[len] == '?')
			known_list_remove(memory, list);
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

/* The place of the hook of that id, or where it would stand. */
static size_t
hook_place(const struct store_memory *memory, const char *id)
{
	size_t i = 0;

	while (i < memory->n_hooks && strcmp(memory->hooks[i].id, id) < 0)
		i++;
	return i;
}

static struct webhook *
hook_find(const struct store_memory *memory, const char *id)
{
	size_t i = hook_place(memory, id);

	return i < memory->n_hooks && strcmp(memory->hooks[i].id, id) == 0 ?
	    &memory->hooks[i] :
	    NULL;
}

static struct str
span_copy(struct str span)
{
	char *copy = mem_alloc(span.len + 1);

	if (span.len > 0)
		memcpy(copy, span.data, span.len);
	return (struct str){ copy, span.len };
}

static void
hook_clear(struct webhook *hook)
{
	free((void *)(uintptr_t)hook->url.data);
	free((void *)(uintptr_t)hook->meeting_id.data);
	free((void *)(uintptr_t)hook->event_id.data);
	free((void *)(uintptr_t)hook->base.data);
	hook->url = hook->meeting_id = hook->event_id = hook->base = (struct str){ NULL, 0 };
}

static void
hook_remove(struct store_memory *memory, size_t i)
{
	hook_clear(&memory->hooks[i]);
	memory->n_hooks--;
	memmove(&memory->hooks[i], &memory->hooks[i + 1],
	    (memory->n_hooks - i) * sizeof(*memory->hooks));
}

/* Put the hook where its id belongs, in place of the one that has it. */
static void
hook_set(struct store_memory *memory, const struct webhook *hook)
{
	struct webhook *known = hook_find(memory, hook->id);
	size_t i = hook_place(memory, hook->id);

	if (!known) {
		memory->hooks = mem_resize(memory->hooks,
		    (memory->n_hooks + 1) * sizeof(*memory->hooks));
		known = &memory->hooks[i];
		memmove(known + 1, known, (memory->n_hooks - i) * sizeof(*known));
		memory->n_hooks++;
	} else {
		hook_clear(known);
	}
	*known = *hook;
	known->url = span_copy(hook->url);
	known->meeting_id = span_copy(hook->meeting_id);
	known->event_id = span_copy(hook->event_id);
	known->base = span_copy(hook->base);
}

static size_t
count_hooks(const struct store_memory *memory, bool dropped)
{
	size_t n = 0;

	for (size_t i = 0; i < memory->n_hooks; i++)
		n += memory->hooks[i].is_dropped == dropped;
	return n;
}

static enum store_result
memory_hook_put(struct store *store, const struct webhook *hook, bool anew)
{
	struct store_memory *memory = open_locked(store);
	const struct webhook *known = hook_find(memory, hook->id);
	struct webhook put = *hook;

	put.is_dropped = false;
	enum store_result result = STORE_OK;
	if (known && (!known->is_dropped || !anew))
		result = known->is_dropped ? STORE_CONFLICT : STORE_EXISTS;
	else if (count_hooks(memory, false) >= LIMIT_WEBHOOKS)
		result = STORE_FULL;
	else
		hook_set(memory, &put);
	pthread_mutex_unlock(&memory->mutex);
	return result;
}

static enum store_result
memory_hook_list(struct store *store, struct arena *arena, struct webhook **hooks, size_t *n)
{
	struct store_memory *memory = open_locked(store);

	*n = memory->n_hooks;
	*hooks = arena_alloc(arena, (*n + 1) * sizeof(**hooks));
	for (size_t i = 0; i < *n; i++) {
		struct webhook *hook = &(*hooks)[i];

		*hook = memory->hooks[i];
		hook->url.data = str_copy(arena, hook->url);
		hook->meeting_id.data = str_copy(arena, hook->meeting_id);
		hook->event_id.data = str_copy(arena, hook->event_id);
		hook->base.data = str_copy(arena, hook->base);
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static enum store_result
memory_hook_drop(struct store *store, const char *id, int64_t now_ms)
{
	struct store_memory *memory = open_locked(store);
	struct webhook dropped = { .is_dropped = true, .changed_ms = now_ms };

	memcpy(dropped.id, id, strnlen(id, sizeof(dropped.id) - 1));
	hook_set(memory, &dropped);
	for (size_t i = memory->n_hooks; i-- > 0;)
		if (memory->hooks[i].is_dropped &&
		    memory->hooks[i].changed_ms < now_ms - WEBHOOK_DROPPED_MS)
			hook_remove(memory, i);
	while (count_hooks(memory, true) > LIMIT_WEBHOOKS) {
		size_t oldest = memory->n_hooks;
		for (size_t i = 0; i < memory->n_hooks; i++)
			if (memory->hooks[i].is_dropped &&
			    (oldest == memory->n_hooks ||
			        memory->hooks[i].changed_ms < memory->hooks[oldest].changed_ms))
				oldest = i;
		hook_remove(memory, oldest);
	}
	pthread_mutex_unlock(&memory->mutex);
	return STORE_OK;
}

static void
memory_close(struct store *store)
{
	struct store_memory *memory = (struct store_memory *)store;

	while (memory->n_records > 0)
		record_remove(memory, &memory->records[0]);
	for (size_t i = 0; i < memory->n_servers; i++)
		free(memory->servers[i].name);
	for (size_t i = 0; i < memory->n_lists; i++)
		known_list_free(&memory->lists[i]);
	while (memory->n_recordings > 0)
		recording_remove(memory, &memory->recordings[memory->n_recordings - 1]);
	while (memory->n_hooks > 0)
		hook_remove(memory, memory->n_hooks - 1);
	free(memory->hooks);
	free(memory->records);
	free(memory->recordings);
	free(memory->servers);
	free(memory->lists);
	pthread_mutex_destroy(&memory->mutex);
	free(memory);
}

static const struct store_verbs memory_verbs = {
	.servers = memory_servers,
	.server_contact = memory_server_contact,
	.server_save = memory_server_save,
	.meeting_find = memory_meeting_find,
	.meeting_absent = memory_meeting_absent,
	.meeting_claim = memory_meeting_claim,
	.meeting_adopt = memory_meeting_adopt,
	.meeting_move = memory_meeting_move,
	.meeting_drop = memory_meeting_drop,
	.polls_save = memory_polls_save,
	.lease_take = memory_lease_take,
	.recordings_put = memory_recordings_put,
	.recordings_find = memory_recordings_find,
	.lists_save = memory_lists_save,
	.list_find = memory_list_find,
	.lists_drop = memory_lists_drop,
	.hook_put = memory_hook_put,
	.hook_list = memory_hook_list,
	.hook_drop = memory_hook_drop,
	.close = memory_close,
};

struct store *
store_memory_open(void)
{
	struct store_memory *memory = mem_alloc(sizeof(*memory));

	memory->store.verbs = &memory_verbs;
	pthread_mutex_init(&memory->mutex, NULL);
	return &memory->store;
}
