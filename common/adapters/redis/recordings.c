/*
 * Where copies of recordings are, and the lists that servers last gave.
 *
 * A list is kept deflated (RFC 1950), as XML shrinks to a twentieth, behind its length:
 * "LENGTH\n…".
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "formats/checksum.h"

/* Recordings, or lists, in one batch. */
#define RECORDINGS_AT_ONCE 200
#define LISTS_AT_ONCE 50

/* ---- Recordings --------------------------------------------------------------------- */

struct put_arguments {
	const struct store_recording *recordings;
	size_t n;
	int64_t now_ms;
};

static enum store_result
work_recordings_put(struct link *link, void *arguments)
{
	struct put_arguments *a = arguments;
	struct str *words = arena_alloc(link->arena, (3 + 3 * a->n) * sizeof(*words));
	size_t n = 0;

	words[n++] = redis_number(link, redis_ms_in(link, a->now_ms));
	words[n++] = redis_number(link, RECORDING_RENEW_MS);
	words[n++] = redis_number(link, RECORDING_KEEP_MS);
	for (size_t i = 0; i < a->n; i++) {
		words[n++] = a->recordings[i].record_id;
		words[n++] = str_from(a->recordings[i].server);
		words[n++] = a->recordings[i].is_there ? STR("1") : STR("0");
	}
	link_add_script(link, SCRIPT_RECORDINGS_PUT, words, n);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_recordings_put(struct store *store, const struct store_recording *recordings, size_t n,
    int64_t now_ms)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < n && result == STORE_OK; i += RECORDINGS_AT_ONCE) {
		struct put_arguments a = { &recordings[i],
			n - i < RECORDINGS_AT_ONCE ? n - i : RECORDINGS_AT_ONCE, now_ms };

		result = redis_perform(store, true, work_recordings_put, &a);
	}
	return result;
}

struct find_arguments {
	struct arena *arena;
	const struct str *record_ids;
	size_t n;
	struct store_recording *found;
	size_t n_found, capacity;
};

static int
compare_server(const void *a, const void *b)
{
	const struct store_recording *x = a, *y = b;

	return strcmp(x->server, y->server);
}

static enum store_result
work_recordings_find(struct link *link, void *arguments)
{
	struct find_arguments *a = arguments;

	a->n_found = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct str words[] = { STR("HKEYS"),
			redis_key(link, "r:", a->record_ids[i]) };

		link_add(link, words, 2);
	}
	for (size_t i = 0; i < a->n; i++) {
		const redisReply *reply = link_next(link);

		if (!reply)
			return STORE_FAILED;
		a->found = arena_room(a->arena, a->found, sizeof(*a->found), a->n_found,
		    reply->elements, &a->capacity);
		for (size_t k = 0; k < reply->elements; k++)
			a->found[a->n_found + k] = (struct store_recording){ a->record_ids[i],
				str_copy(a->arena, redis_text(reply->element[k])), true };
		if (reply->elements > 0)
			qsort(&a->found[a->n_found], reply->elements, sizeof(*a->found),
			    compare_server);
		a->n_found += reply->elements;
	}
	return STORE_OK;
}

enum store_result
redis_recordings_find(struct store *store, struct arena *arena, const struct str *record_ids,
    size_t n, struct store_recording **found, size_t *n_found)
{
	struct find_arguments a = { .arena = arena, .record_ids = record_ids, .n = n };
	enum store_result result = n == 0 ?
	    STORE_OK :
	    redis_perform(store, false, work_recordings_find, &a);

	*found = result == STORE_OK ? a.found : NULL;
	*n_found = result == STORE_OK ? a.n_found : 0;
	return result;
}

/* ---- Lists ---------------------------------------------------------------------------- */

struct lists_arguments {
	const struct store_list *lists;
	size_t n;
	bool *are_known; /* in the order of the lists */
};

static struct str
field_of(struct link *link, const struct store_list *list)
{
	return str_from(str_printf(link->arena, "%s\n%s", list->call, list->filter));
}

static struct str
digest_of(struct link *link, const struct store_list *list)
{
	char hex[CHECKSUM_HEX_SIZE];

	checksum_make(CHECKSUM_SHA1, STR(""), STR(""), list->answer, hex);
	return str_from(str_copy(link->arena, str_from(hex)));
}

/* Empty when there is no memory for that. */
static struct str
deflate_answer(struct link *link, struct str answer)
{
	uLongf len = compressBound((uLong)answer.len);
	char *packed = arena_alloc(link->arena, len + 32);
	int head = snprintf(packed, 32, "%zu\n", answer.len);

	if (compress2((Bytef *)packed + head, &len, (const Bytef *)answer.data,
	        (uLong)answer.len, Z_BEST_SPEED) != Z_OK)
		return STR("");
	return (struct str){ packed, (size_t)head + len };
}

static bool
inflate_answer(struct arena *arena, struct str packed, struct str *answer)
{
	struct str head = redis_word(&packed, '\n');
	int64_t size;

	if (str_to_int(head, 0, (int64_t)LIMIT_ANSWER_BYTES, &size) != 0)
		return false;
	uLongf len = (uLongf)size;
	char *data = arena_alloc(arena, (size_t)size + 1);

	*answer = (struct str){ data, (size_t)size };
	return uncompress((Bytef *)data, &len, (const Bytef *)packed.data, (uLong)packed.len) ==
	    Z_OK &&
	    len == (uLongf)size;
}

/* Which of the lists are remembered as they are? */
static enum store_result
work_lists_look(struct link *link, void *arguments)
{
	struct lists_arguments *a = arguments;

	for (size_t i = 0; i < a->n; i++) {
		const struct str words[] = { STR("HGET"),
			redis_key(link, "digests:", str_from(a->lists[i].server)),
			field_of(link, &a->lists[i]) };

		link_add(link, words, 3);
	}
	for (size_t i = 0; i < a->n; i++) {
		const redisReply *reply = link_next(link);

		if (!reply)
			return STORE_FAILED;
		a->are_known[i] = str_equal(redis_text(reply), digest_of(link, &a->lists[i]));
	}
	return STORE_OK;
}

static enum store_result
work_lists_put(struct link *link, void *arguments)
{
	struct lists_arguments *a = arguments;
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct store_list *list = &a->lists[i];

		if (a->are_known[i])
			continue;
		struct str packed = deflate_answer(link, list->answer);
		/* What is there stays; with this list's digest this list would never be put. */
		if (packed.len == 0) {
			log_warn("short of memory to remember a list", "server", list->server,
			    "call", list->call);
			continue;
		}
		const struct str words[] = { str_from(list->server), field_of(link, list),
			digest_of(link, list), packed,
			list->filter[0] != '\0' ? STR("1") : STR("0"),
			redis_number(link, LIMIT_LISTS) };

		link_add_script(link, SCRIPT_LIST_PUT, words, 6);
		n++;
	}
	for (; n > 0; n--)
		if (!link_next(link))
			return STORE_FAILED;
	return STORE_OK;
}

enum store_result
redis_lists_put(struct store *store, const struct store_list *lists, size_t n)
{
	enum store_result result = STORE_OK;
	bool are_known[LISTS_AT_ONCE] = { false };

	for (size_t i = 0; i < n && result == STORE_OK; i += LISTS_AT_ONCE) {
		struct lists_arguments a = { &lists[i],
			n - i < LISTS_AT_ONCE ? n - i : LISTS_AT_ONCE, are_known };

		/* When that fails, what was to be written is lost. */
		result = redis_perform(store, true, work_lists_look, &a);
		bool is_any_new = false;
		for (size_t k = 0; k < a.n && result == STORE_OK; k++)
			is_any_new = is_any_new || !are_known[k];
		if (is_any_new)
			result = redis_perform(store, true, work_lists_put, &a);
	}
	return result;
}

struct list_arguments {
	struct arena *arena;
	struct store_list *list;
};

static enum store_result
work_list_find(struct link *link, void *arguments)
{
	struct list_arguments *a = arguments;
	const struct str words[] = { STR("HGET"),
		redis_key(link, "lists:", str_from(a->list->server)), field_of(link, a->list) };

	link_add(link, words, 3);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	if (reply->type != REDIS_REPLY_STRING ||
	    !inflate_answer(a->arena, redis_text(reply), &a->list->answer))
		return STORE_NOT_FOUND;
	return STORE_OK;
}

enum store_result
redis_list_find(struct store *store, struct arena *arena, struct store_list *list)
{
	struct list_arguments a = { arena, list };

	return redis_perform(store, false, work_list_find, &a);
}

struct drop_arguments {
	const char *server, *call;
};

static enum store_result
work_lists_drop(struct link *link, void *arguments)
{
	struct drop_arguments *a = arguments;
	const struct str words[] = { str_from(a->server), str_from(a->call) };

	link_add_script(link, SCRIPT_LISTS_DROP, words, 2);
	return link_next(link) ? STORE_OK : STORE_FAILED;
}

enum store_result
redis_lists_drop(struct store *store, const char *server, const char *call)
{
	struct drop_arguments a = { server, call };

	return redis_perform(store, true, work_lists_drop, &a);
}
