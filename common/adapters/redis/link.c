/*
 * A link to the engine: commands out, replies in, and no wait beyond the verb's deadline.
 *
 * hiredis reads the protocol, and only that: commands are written here, into one buffer.  The
 * socket is ours, since none of its calls ends at a moment that is given (a reply that comes
 * in drops begins its timeout anew with each).
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/blocking.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* A batch is at most a list and its command. */
#define BATCH_BYTES_MOST ((size_t)256 << 20)

#define READ_BYTES 65536

/* An answer has fewer parts than this, such as all mappings to a server: what is no engine
 * could have the memory for any number of them taken. */
#define ELEMENTS_MOST (1 << 22)

/* ---- What errors mean ------------------------------------------------------------- */

#define SPOILT                                                                                 \
	"a key of ours holds something else: choose another state_prefix, or delete the keys " \
	"that begin with it"

#define NO_PERMISSION "its ACL does not let this user do what is needed: see contrib/ha"

#define WRONG_PASSWORD "it does not take the password of \"state\""

/* By the words that an error begins with: what cannot be used any more, the link (BROKEN), or
 * only writing (REFUSAL), or one key (NARROW); and the problem with what to do.  The rest of
 * an error may hold keys, which nobody is to read in a log. */
static const struct complaint {
	const char *words;
	enum { BROKEN, REFUSAL, NARROW } kind;
	const char *problem;
} complaints[] = {
	/* A command that a script may not run: Redis to 7.0 (scripting.c, script.c); 7.2 and
	 * Valkey.  Their texts go on with the name of a user or a key, so they are above all
	 * that is looked for in the middle. */
	{ "The user executing the script", NARROW, NO_PERMISSION },
	{ "ACL failure in script", NARROW, NO_PERMISSION },
	{ "LOADING", BROKEN, "it is still loading its data, and works when it has" },
	{ "READONLY", BROKEN, "it has become a replica; the primary is looked for" },
	{ "MASTERDOWN", BROKEN, "it is a replica that has lost its primary" },
	{ "NOREPLICAS", REFUSAL,
	    "too few replicas are connected for its min-replicas-to-write: look at them" },
	{ "OOM", REFUSAL,
	    "its maxmemory is used up: raise it, and let maxmemory-policy be noeviction" },
	{ "MISCONF", REFUSAL, "it cannot save to its disk: look at its log and the disk" },
	{ "NOAUTH", BROKEN, "it wants a password: give it in the URL of \"state\"" },
	{ "WRONGPASS", BROKEN, "it does not take the user and password of \"state\"" },
	{ "NOPERM", NARROW, NO_PERMISSION },
	{ "WRONGTYPE", NARROW, SPOILT },
	{ "BUSY", BROKEN, "a script holds it up: \"redis-cli SCRIPT KILL\" there" },
	{ "CLUSTERDOWN", BROKEN, "its cluster is down" },
	{ "MOVED", BROKEN, "it is a node of a cluster, which is not supported: use sentinels" },
	{ "ERR invalid password", BROKEN, WRONG_PASSWORD },
	{ "ERR AUTH", BROKEN, WRONG_PASSWORD },
	{ "ERR max number of clients", BROKEN,
	    "it has too many clients: raise its maxclients" },
	{ "ERR DB index", BROKEN,
	    "it has no such database: look at the number at the end of \"state\"" },
	/* Below all others: what went wrong in a script for none of their reasons. */
	{ "user_script", NARROW, SPOILT },
};

static const struct complaint unknown_error = { "", BROKEN,
	"it answers with an error that is not known here: is it Redis 6.2 or later?" };

/* What the table says of an error. */
static const struct complaint *
find_complaint(const char *text)
{
	const struct complaint *found = &unknown_error;

	for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++) {
		const char *at = strstr(text, complaints[i].words);

		if (at == text)
			return &complaints[i];
		/* A script tells an engine's error in the middle of its own. */
		if (at && found == &unknown_error)
			found = &complaints[i];
	}
	return found;
}

/* Note what is wrong by an error that the engine answered with. */
static void
take_error(struct link *link, const char *text)
{
	if (strncmp(text, "NOSCRIPT", 8) == 0) {
		link->has_forgotten = link->is_dead = true;
		link->problem = "its scripts are gone";
		return;
	}
	const struct complaint *complaint = find_complaint(text);

	link->problem = complaint->problem;
	link->is_dead = complaint->kind == BROKEN;
	link->is_refusal = complaint->kind != BROKEN;
	link->is_narrow = complaint->kind == NARROW;
}

/* ---- Waiting ------------------------------------------------------------------------ */

/* Note what is wrong with the link itself. */
static bool
fail(struct link *link, const char *problem)
{
	link->is_dead = true;
	if (!link->problem)
		link->problem = problem;
	return false;
}

/* Wait until the socket is ready for those events of poll, or the deadline. */
static bool
wait_for(struct link *link, short events)
{
	struct pollfd pollfd = { .fd = link->fd, .events = events };

	for (;;) {
		int64_t left_ms = link->deadline_ms - clock_ms(CLOCK_MONOTONIC);

		if (left_ms <= 0)
			return fail(link, "it does not answer in time");
		blocking_begin();
		int n = poll(&pollfd, 1, (int)left_ms);
		blocking_end();
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return fail(link, strerror(errno));
	}
}

/* ---- Opening ------------------------------------------------------------------------ */

static bool
connect_to(struct link *link, const struct redis_address *address)
{
	const struct sockaddr *socket_address = (const struct sockaddr *)&address->socket;
	int one = 1, error = 0;
	socklen_t len = sizeof(error);

	link->fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (link->fd < 0)
		return fail(link, strerror(errno));
	if (socket_address->sa_family != AF_UNIX)
		setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(link->fd, socket_address, address->len) == 0)
		return true;
	/* A Unix socket whose queue is full says EAGAIN, and that there is nothing to wait
	 * for: its engine is far behind. */
	if (errno != EINPROGRESS)
		return fail(link,
		    errno == EAGAIN ? "it accepts no connection" : strerror(errno));
	if (!wait_for(link, POLLOUT))
		return false;
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
		return fail(link, strerror(error != 0 ? error : errno));
	return true;
}

const char *
link_address(const struct link *link, struct arena *arena)
{
	const struct redis_address *address = &link->address;
	char host[64], port[16];

	if (address->socket.ss_family == AF_UNIX ||
	    getnameinfo((const struct sockaddr *)&address->socket, address->len, host,
	        sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	return str_printf(arena, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

void
link_tell(const struct link *link, struct redis_problem *problem)
{
	const char *address = link_address(link, link->arena);

	problem->is_answer = false;
	if (address)
		snprintf(problem->text, sizeof(problem->text), "%s (%s %s)", link->problem,
		    link->peer, address);
	else
		snprintf(problem->text, sizeof(problem->text), "%s", link->problem);
}

/* Connect to that address, and ask nothing. */
static struct link *
open_plain(struct store_redis *redis, const char *peer, const struct redis_address *address,
    int64_t deadline_ms, struct redis_problem *problem)
{
	struct link *link = mem_alloc(sizeof(*link));

	link->redis = redis;
	link->peer = peer;
	link->address = *address;
	link->fd = -1;
	link->arena = arena_new();
	link->reader = redisReaderCreate();
	if (!link->reader)
		mem_die();
#if HIREDIS_MAJOR >= 1
	link->reader->maxelements = ELEMENTS_MOST;
#endif
	buf_init_large(&link->out, BATCH_BYTES_MOST);
	link_begin(link, deadline_ms);
	if (connect_to(link, address))
		return link;
	link_tell(link, problem);
	link_close(link);
	return NULL;
}

struct link *
link_open_sentinel(struct store_redis *redis, const struct redis_address *address,
    int64_t deadline_ms, struct redis_problem *problem)
{
	return open_plain(redis, "sentinel", address, deadline_ms, problem);
}

/* Who we are, and which database is ours. */
static void
add_login(struct link *link)
{
	const struct state_url *url = link->redis->url;

	if (url->password)
		link_add_auth(link);
	if (url->db > 0)
		link_add(link,
		    (const struct str[]){ STR("SELECT"), redis_number(link, url->db) }, 2);
}

void
link_note_confirmation(const struct link *link, bool is_confirmed)
{
	struct store_redis *redis = link->redis;

	if (!is_confirmed)
		atomic_store(&redis->unconfirmed_ms, clock_ms(CLOCK_MONOTONIC));
	if (atomic_exchange(&redis->is_unconfirmed, !is_confirmed) == !is_confirmed)
		return;
	if (!is_confirmed)
		log_warn(
		    "no replica of the state confirms claims: a failover now may lose them",
		    "state", redis->name);
	else
		log_info("a replica of the state confirms claims again", "state", redis->name);
}

bool
link_take_role(struct link *link)
{
	const redisReply *role = link_next(link);
	struct str name = role && role->elements > 0 ? redis_text(role->element[0]) : STR("");

	if (!role)
		return false;
	if (role->elements < 3 || !str_is(name, "master"))
		return fail(link,
		    str_is(name, "slave") ?
		        "it is a replica: name its primary, or sentinels" :
		        str_is(name, "sentinel") ?
		        "it is a sentinel: its URL begins with \"redis+sentinel:\"" :
		        "it does not speak the protocol: is it Redis?");
	bool has_replicas = role->element[2]->elements > 0;
	/* Where there were none before, none are wanted. */
	if (atomic_exchange(&link->redis->has_replicas, has_replicas) && !has_replicas)
		link_note_confirmation(link, false);
	return true;
}

static bool
take_time(struct link *link)
{
	const redisReply *time = link_next(link);

	if (time && time->elements == 2)
		redis_note_time(link, time->element[0], time->element[1]);
	return time != NULL;
}

/* Take the reply to INFO: the engine's run_id, which each of its processes has another of. */
static bool
take_run_id(struct link *link)
{
	struct str text = redis_text(link_next(link)), name = STR("run_id:");
	size_t at = str_find(text, name, 0);

	if (at == SIZE_MAX)
		return fail(link, "it does not tell its run_id (INFO): is it Redis?");
	struct str rest = str_part(text, at + name.len, SIZE_MAX);
	struct str id = str_trim(redis_word(&rest, '\n'));
	snprintf(link->run_id, sizeof(link->run_id), "%.*s", STR_ARG(id));
	return true;
}

struct link *
link_open(struct store_redis *redis, const struct redis_address *address, int64_t deadline_ms,
    struct redis_problem *problem)
{
	struct link *link = open_plain(redis, "engine", address, deadline_ms, problem);

	if (!link)
		return NULL;
	add_login(link);
	size_t n_logins = link->n_waiting;
	link_add(link, &STR("ROLE"), 1);
	link_add(link, &STR("TIME"), 1);
	link_add(link, (const struct str[]){ STR("INFO"), STR("server") }, 2);
	while (n_logins > 0 && link_next(link))
		n_logins--;
	if (n_logins == 0 && link_take_role(link) && take_time(link) && take_run_id(link))
		return link;
	link_tell(link, problem);
	link_close(link);
	return NULL;
}

bool
link_is_open(const struct link *link)
{
	char byte;

	return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    (errno == EAGAIN || errno == EINTR);
}

static void
drop_reply(struct link *link)
{
	if (link->reply)
		freeReplyObject(link->reply);
	link->reply = NULL;
}

void
link_close(struct link *link)
{
	if (!link)
		return;
	drop_reply(link);
	if (link->fd >= 0)
		close(link->fd);
	redisReaderFree(link->reader);
	buf_free(&link->out);
	arena_free(link->arena);
	free(link);
}

void
link_begin(struct link *link, int64_t deadline_ms)
{
	drop_reply(link);
	arena_reset(link->arena);
	link->deadline_ms = deadline_ms;
	link->problem = NULL;
	link->is_dead = link->is_refusal = link->is_narrow = link->has_forgotten = false;
	link->has_any_reply = false;
}

/* ---- Commands -------------------------------------------------------------------------- */

/* What redisFormatCommandArgv would write, without a copy of its own. */
static void
add_words(struct buf *out, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "$%zu\r\n", words[i].len);
		buf_str(out, words[i]);
		buf_add(out, "\r\n", 2);
	}
}

void
link_add(struct link *link, const struct str *words, size_t n)
{
	buf_printf(&link->out, "*%zu\r\n", n);
	add_words(&link->out, words, n);
	link->n_waiting++;
}

void
link_add_script(struct link *link, enum redis_script script, const struct str *words, size_t n)
{
	bool has = link->has[script];
	const struct str head[] = { has ? STR("EVALSHA") : STR("EVAL"),
		str_from(has ? script_sha(script) : script_text(script)), STR("1"),
		str_from(link->redis->base) };
	const size_t n_head = sizeof(head) / sizeof(*head);

	/* EVAL keeps the script for the EVALSHA that follow. */
	link->has[script] = true;
	buf_printf(&link->out, "*%zu\r\n", n_head + n);
	add_words(&link->out, head, n_head);
	add_words(&link->out, words, n);
	link->n_waiting++;
}

void
link_add_auth(struct link *link)
{
	const struct state_url *url = link->redis->url;
	struct str words[3] = { STR("AUTH") };
	size_t n = 1;

	if (url->user)
		words[n++] = str_from(url->user);
	words[n++] = str_from(url->password);
	link_add(link, words, n);
}

/* Send what is to be sent. */
static bool
send_all(struct link *link)
{
	struct str rest = buf_view(&link->out);

	if (buf_failed(&link->out))
		return fail(link,
		    link->out.is_short ?
		        "short of memory for what is to be written" :
		        "too much is to be written at once");
	while (rest.len > 0) {
		ssize_t n = send(link->fd, rest.data, rest.len, MSG_NOSIGNAL);

		if (n >= 0) {
			rest = str_part(rest, (size_t)n, SIZE_MAX);
		} else if (errno == EAGAIN) {
			if (!wait_for(link, POLLOUT))
				return false;
		} else if (errno != EINTR) {
			return fail(link, strerror(errno));
		}
	}
	buf_clear(&link->out);
	return true;
}

/* Read what has come, or wait for more. */
static bool
read_more(struct link *link)
{
	char data[READ_BYTES];
	ssize_t n = recv(link->fd, data, sizeof(data), 0);

	if (n > 0)
		return redisReaderFeed(link->reader, data, (size_t)n) == REDIS_OK ||
		    fail(link, "its answer cannot be kept");
	if (n == 0)
		return fail(link, "it closed the connection");
	if (errno == EAGAIN)
		return wait_for(link, POLLIN);
	return errno == EINTR || fail(link, strerror(errno));
}

const redisReply *
link_next(struct link *link)
{
	void *reply = NULL;

	drop_reply(link);
	if (link->is_dead || link->n_waiting == 0)
		return NULL;
	if (link->out.len > 0 && !send_all(link))
		return NULL;
	while (!reply) {
		if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
			fail(link, "it does not speak the protocol: is it Redis?");
			return NULL;
		}
		if (!reply && !read_more(link))
			return NULL;
	}
	link->reply = reply;
	link->n_waiting--;
	link->has_any_reply = true;
	if (link->reply->type != REDIS_REPLY_ERROR)
		return link->reply;
	take_error(link, link->reply->str);
	return NULL;
}
