/*
 * What an operator wants to know of the engine, and which hosts use it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/clock.h"

/* How often a process notes that its host is there. */
#define NOTE_MS (REDIS_HOST_SEEN_S / 2 * 1000)

/* More hosts than this are not told. */
#define HOSTS_MOST 1000

const char *
redis_host(struct link *link)
{
	char name[256] = "";

	return gethostname(name, sizeof(name) - 1) == 0 ?
	    str_copy(link->arena, str_from(name)) :
	    "";
}

const char *
redis_host_to_note(struct link *link)
{
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	int64_t noted_ms = atomic_load(&link->redis->noted_ms);

	if (!link->redis->is_seen || (noted_ms > 0 && now_ms - noted_ms < NOTE_MS))
		return "";
	atomic_store(&link->redis->noted_ms, now_ms);
	return redis_host(link);
}

/* A value of INFO's answer, "name:value" in a line of its own; "" where it is not there. */
static struct str
value_of(struct str info, const char *name)
{
	while (info.len > 0) {
		struct str line = str_trim(redis_word(&info, '\n'));

		if (str_is(redis_word(&line, ':'), name))
			return line;
	}
	return STR("");
}

static int64_t
number_of(struct str info, const char *name)
{
	return redis_read(value_of(info, name), INT64_MAX);
}

/* How far behind the last replica is, by "slave0:ip=…,offset=…,lag=…" of each. */
static int64_t
behind_bytes(struct str info, long replicas)
{
	int64_t there = number_of(info, "master_repl_offset"), most = 0;

	for (long i = 0; i < replicas && i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "slave%ld", i);
		struct str rest = value_of(info, name);
		while (rest.len > 0) {
			struct str part = redis_word(&rest, ',');

			if (!str_is(redis_word(&part, '='), "offset"))
				continue;
			int64_t behind = there - redis_read(part, INT64_MAX);
			most = behind > most ? behind : most;
		}
	}
	return most;
}

static void
read_info(struct arena *arena, struct str info, struct store_description *description)
{
	struct str valkey = value_of(info, "valkey_version");
	struct str version = valkey.len > 0 ? valkey : value_of(info, "redis_version");

	description->version = str_printf(arena, "%s %.*s", valkey.len > 0 ? "Valkey" : "Redis",
	    STR_ARG(version));
	description->policy = str_copy(arena, value_of(info, "maxmemory_policy"));
	description->used_bytes = number_of(info, "used_memory");
	description->most_bytes = number_of(info, "maxmemory");
	description->replicas = (long)redis_read(value_of(info, "connected_slaves"), 1000);
	description->behind_bytes = behind_bytes(info, description->replicas);
	description->is_saved = number_of(info, "aof_enabled") > 0;
}

static int
compare_hosts(const void *a, const void *b)
{
	const struct store_host *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
read_hosts(const struct link *link, struct arena *arena, const redisReply *reply,
    struct store_description *description)
{
	int64_t now_s = redis_ms_in(link, clock_ms(CLOCK_REALTIME)) / 1000;

	description->hosts = arena_alloc(arena,
	    (reply->elements / 2 + 1) * sizeof(*description->hosts));
	for (size_t i = 0; i + 1 < reply->elements && description->n_hosts < HOSTS_MOST;
	     i += 2) {
		int64_t seen_s = redis_read(redis_text(reply->element[i + 1]),
		    REDIS_MS_MOST / 1000);

		if (seen_s < now_s - REDIS_HOST_TOLD_S)
			continue;
		description->hosts[description->n_hosts++] = (struct store_host){
			.name = str_copy(arena, redis_text(reply->element[i])),
			.seen_ms = redis_ms_out(link, seen_s * 1000),
		};
	}
	qsort(description->hosts, description->n_hosts, sizeof(*description->hosts),
	    compare_hosts);
}

struct describe_arguments {
	struct arena *arena;
	struct store_description *description;
};

static enum store_result
work_describe(struct link *link, void *arguments)
{
	struct describe_arguments *a = arguments;
	const struct str info = STR("INFO");
	const struct str hosts[] = { STR("HGETALL"), redis_key(link, "hosts", STR("")) };
	/* What BigBlueButton's parts listen to (bbb-common-message). */
	const struct str channels[] = { STR("PUBSUB"), STR("NUMSUB"),
		STR("to-akka-apps-redis-channel") };

	const char *path = link->redis->url->path;
	const char *address = path ? path : link_address(link, a->arena);

	*a->description = (struct store_description){
		.address = address ? address : "unknown",
	};
	link_add(link, &info, 1);
	link_add(link, hosts, 2);
	const redisReply *reply = link_next(link);
	if (!reply)
		return STORE_FAILED;
	read_info(a->arena, redis_text(reply), a->description);
	if (!(reply = link_next(link)))
		return STORE_FAILED;
	read_hosts(link, a->arena, reply, a->description);
	/* BigBlueButton's has no users, and ours may not ask. */
	if (link->redis->url->user)
		return STORE_OK;
	link_add(link, channels, 3);
	if (!(reply = link_next(link)))
		return STORE_FAILED;
	a->description->is_of_bbb = reply->elements == 2 && reply->element[1]->integer > 0;
	return STORE_OK;
}

enum store_result
redis_describe(struct store *store, struct arena *arena, struct store_description *description)
{
	struct describe_arguments a = { arena, description };
	enum store_result result = redis_perform(store, false, work_describe, &a);

	if (result != STORE_OK)
		*description = (struct store_description){ 0 };
	return result;
}
