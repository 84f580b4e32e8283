/*
 * Where the engine is: a name is looked up each time anew, and sentinels are asked, the one
 * that answered last before the others.
 */
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "adapters/redis/redis.h"
#include "base/clock.h"

/* How long one address may take.  It is the mender that waits, and no request. */
#define ADDRESS_MS 500
#define SENTINEL_MS 200

/* A server's name has several addresses at most. */
#define ADDRESSES_MOST 8

/* The addresses of a peer's host (redis.h); 0 when there are none. */
static size_t
look_up(const char *peer, const char *name, int port,
    struct redis_address addresses[ADDRESSES_MOST], struct redis_problem *problem)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	int error = getaddrinfo(name, service, &hints, &found);
	/* Without any interface but the loopback one AI_ADDRCONFIG finds nothing. */
	if (error != 0) {
		const struct addrinfo plain = { .ai_socktype = SOCK_STREAM };

		error = getaddrinfo(name, service, &plain, &found);
	}
	if (error != 0) {
		problem->is_answer = false;
		snprintf(problem->text, sizeof(problem->text), "%s (%s %s:%d)",
		    gai_strerror(error), peer, name, port);
		return 0;
	}
	size_t n = 0;
	for (const struct addrinfo *one = found; one && n < ADDRESSES_MOST;
	     one = one->ai_next) {
		memcpy(&addresses[n].socket, one->ai_addr, one->ai_addrlen);
		addresses[n++].len = one->ai_addrlen;
	}
	freeaddrinfo(found);
	return n;
}

/* Remember where the primary was found. */
static struct link *
found(struct store_redis *redis, struct link *link, const struct redis_address *address)
{
	pthread_mutex_lock(&redis->mutex);
	redis->primary = *address;
	link->generation = redis->generation;
	pthread_mutex_unlock(&redis->mutex);
	return link;
}

static struct link *
open_host(struct store_redis *redis, const char *name, int port, struct redis_problem *problem)
{
	struct redis_address addresses[ADDRESSES_MOST];
	size_t n = look_up("engine", name, port, addresses, problem);

	for (size_t i = 0; i < n; i++) {
		struct link *link = link_open(redis, &addresses[i],
		    clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS, problem);

		if (link)
			return found(redis, link, &addresses[i]);
	}
	return NULL;
}

static struct link *
open_unix(struct store_redis *redis, struct redis_problem *problem)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct redis_address address = { .len = sizeof(name) };

	if (strlen(redis->url->path) >= sizeof(name.sun_path)) {
		snprintf(problem->text, sizeof(problem->text),
		    "the path of its socket is too long");
		return NULL;
	}
	memcpy(name.sun_path, redis->url->path, strlen(redis->url->path) + 1);
	memcpy(&address.socket, &name, sizeof(name));
	struct link *link = link_open(redis, &address, clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS,
	    problem);

	return link ? found(redis, link, &address) : NULL;
}

/* ---- Sentinels ------------------------------------------------------------------------ */

/* Ask where the primary is; with the password where a sentinel wants one, too. */
static const redisReply *
ask(struct link *link, bool with_password)
{
	const struct state_url *url = link->redis->url;
	const struct str question[] = { STR("SENTINEL"), STR("get-master-addr-by-name"),
		str_from(url->name) };

	if (with_password)
		link_add_auth(link);
	link_add(link, question, 3);
	if (with_password && !link_next(link))
		return NULL;
	return link_next(link);
}

/* The primary's host and port, as one sentinel knows it; false when it does not. */
static bool
ask_address(struct store_redis *redis, const struct redis_address *address, char *host,
    size_t size, int *port, struct redis_problem *problem)
{
	bool is_known = false;

	for (int with_password = 0; with_password <= 1 && !is_known; with_password++) {
		struct link *link = link_open_sentinel(redis, address,
		    clock_ms(CLOCK_MONOTONIC) + SENTINEL_MS, problem);

		if (!link)
			return false;
		const redisReply *reply = ask(link, with_password == 1);
		if (reply && reply->elements == 2) {
			struct str name = redis_text(reply->element[0]);

			*port = (int)redis_read(redis_text(reply->element[1]), 65535);
			is_known = name.len > 0 && *port > 0 && size > name.len;
			snprintf(host, size, "%.*s", STR_ARG(name));
		}
		/* One that does not answer will not do so with a password, either. */
		bool is_refused = link->problem && link->has_any_reply;
		if (!link->problem)
			link->problem =
			    "the sentinels do not know a primary of that name: see "
			    "\"sentinel monitor\" there";
		link_tell(link, problem);
		problem->is_answer = link->has_any_reply;
		link_close(link);
		if (!is_refused || !redis->url->password)
			break;
	}
	return is_known;
}

static struct link *
open_by_sentinel(struct store_redis *redis, size_t which, struct redis_problem *problem)
{
	const struct state_host *sentinel = &redis->url->hosts[which];
	struct redis_address addresses[ADDRESSES_MOST];
	size_t n = look_up("sentinel", sentinel->name, sentinel->port, addresses, problem);
	char host[256];
	int port = 0;

	for (size_t i = 0; i < n; i++) {
		if (!ask_address(redis, &addresses[i], host, sizeof(host), &port, problem))
			continue;
		/* A sentinel may not know yet that what it names is no primary any more. */
		struct link *link = open_host(redis, host, port, problem);

		if (link)
			return link;
		problem->is_answer = true;
	}
	return NULL;
}

struct link *
find_primary(struct store_redis *redis, struct redis_problem *problem)
{
	const struct state_url *url = redis->url;

	*problem = (struct redis_problem){ .text = "it has no address" };
	if (url->kind == STATE_URL_UNIX)
		return open_unix(redis, problem);
	if (url->kind == STATE_URL_TCP)
		return open_host(redis, url->hosts[0].name, url->hosts[0].port, problem);
	struct redis_problem told = { .text = "" };
	for (size_t i = 0; i < url->n_hosts; i++) {
		size_t which = (redis->first_host + i) % url->n_hosts;
		struct link *link = open_by_sentinel(redis, which, problem);

		if (link) {
			redis->first_host = which;
			return link;
		}
		/* A sentinel that is away is no reason as long as another says more. */
		if (told.text[0] == '\0' || (problem->is_answer && !told.is_answer))
			told = *problem;
	}
	if (told.text[0] != '\0')
		*problem = told;
	return NULL;
}
