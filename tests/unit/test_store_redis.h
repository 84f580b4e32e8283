/*
 * What the tests of the Redis store share: engines of their own, stores over them, what was
 * logged meanwhile, and the program, which runs run_tests where there is an engine.
 */
#ifndef TEST_STORE_REDIS_H
#define TEST_STORE_REDIS_H

#include "test_store.h"

#include <errno.h>

#if HAVE_REDIS
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

/* How long is waited for what is to happen. */
#define PATIENCE_MS 60000

/* More than any number of verbs takes of which one waits for its deadline and the others fail
 * at once, even on a machine that is busy with other things. */
#define ONE_WAIT_MS ((int64_t)10 * STORE_WAIT_MS)

/* An engine of the test's own. */
struct node {
	char folder[64];
	pid_t pid;
};

static inline void
start_node(struct node *node, const char *const *options)
{
	node->pid = engine_start_with(node->folder, options);
	if (node->pid <= 0)
		exit(1);
}

static inline struct node
make_node(const char *name, const char *const *options)
{
	struct node node = { 0 };

	snprintf(node.folder, sizeof(node.folder), "%s/%s", dir, name);
	mkdir(node.folder, 0700);
	start_node(&node, options);
	return node;
}

/* One at a port, too; a replica of that at primary_port unless it is 0. */
static inline struct node
make_engine(const char *name, int port, int primary_port)
{
	const char *const options[] = { "--port", str_printf(arena, "%d", port), "--bind",
		"127.0.0.1", "--repl-diskless-sync-delay", "0", "--repl-timeout", "60",
		primary_port > 0 ? "--replicaof" : NULL, "127.0.0.1",
		str_printf(arena, "%d", primary_port), NULL };

	return make_node(name, options);
}

/* Have it do a command, by the words of printf's format; its answer as text, an integer as
 * one, an error with its "-", "" for what is neither. */
static inline const char *
say(const struct node *node, const char *format, ...)
{
	va_list arguments;
	redisContext *context = redisConnectUnix(
	    str_printf(arena, "%s/engine.sock", node->folder));
	const char *answer = "";

	va_start(arguments, format);
	redisReply *reply = redisvCommand(context, format, arguments);
	va_end(arguments);
	if (reply && reply->type == REDIS_REPLY_INTEGER)
		answer = str_printf(arena, "%lld", reply->integer);
	else if (reply && reply->str)
		answer = str_printf(arena, "%s%s", reply->type == REDIS_REPLY_ERROR ? "-" : "",
		    reply->str);
	if (reply)
		freeReplyObject(reply);
	redisFree(context);
	return answer;
}

/* A number of INFO's answer, behind these words; 0 where they are not there. */
static inline long
number_in_info(const struct node *node, const char *section, const char *words)
{
	const char *at = strstr(say(node, "INFO %s", section), words);

	return at ? atol(at + strlen(words)) : 0;
}

/* How often the engine was asked for a replica's confirmation. */
static inline long
count_waits(const struct node *node)
{
	return number_in_info(node, "commandstats", "cmdstat_wait:calls=");
}

/* Wait until an engine answers a command with that text in it. */
static inline bool
wait_until_says(const struct node *node, const char *command, const char *text)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;

	while (!strstr(say(node, command), text)) {
		if (clock_ms(CLOCK_MONOTONIC) > until_ms)
			return false;
		pause_ms(20);
	}
	return true;
}

/* A store over it, whose first try is waited for so long. */
static inline struct store *
open_node_within(const struct node *node, int64_t wait_ms)
{
	struct state_url *url = arena_alloc(arena, sizeof(*url));

	*url = (struct state_url){ .kind = STATE_URL_UNIX,
		.path = str_printf(arena, "%s/engine.sock", node->folder) };
	return store_redis_open(url, "p", str_printf(arena, "%s/state", node->folder), wait_ms,
	    true);
}

static inline struct store *
open_node(const struct node *node)
{
	return open_node_within(node, OPEN_WAIT_MS);
}

static inline struct store *
open_url(const char *text)
{
	struct state_url *url = arena_alloc(arena, sizeof(*url));

	if (state_url_parse(arena, str_from(text), url))
		exit(1);
	return store_redis_open(url, "p", str_printf(arena, "%s/state", dir), OPEN_WAIT_MS,
	    true);
}

/* Close the store, and end the engine under it. */
static inline void
end_node(const struct node *node, struct store *store)
{
	close_store(store);
	engine_stop(node->pid);
}

static inline int
count_failing(struct store *store)
{
	return count_failing_reads(store) + count_failing_writes(store);
}

/* How many verbs fail of all: where none should, a few may on a machine on which an engine does
 * not get its turn in time, but not for long. */
static inline int
count_failing_still(struct store *store)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
	int failing;

	while ((failing = count_failing(store)) > 0 && clock_ms(CLOCK_MONOTONIC) < until_ms)
		is_mended(store);
	return failing;
}

/* Wait until all verbs work; how often they did not. */
static inline bool
works_again(struct store *store)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;

	while (!is_mended(store) || put_something(store) != STORE_OK ||
	    strcmp(where(store, "m"), "failed") == 0)
		if (clock_ms(CLOCK_MONOTONIC) > until_ms)
			return false;
	return true;
}

/* ---- The log ---------------------------------------------------------------------- */

static int saved_stderr = -1;
static char log_name[80];

static inline void
begin_log(void)
{
	snprintf(log_name, sizeof(log_name), "%s/log", dir);
	saved_stderr = dup(STDERR_FILENO);
	int out = open(log_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	dup2(out, STDERR_FILENO);
	close(out);
	log_open("test", "info");
}

static inline void
end_log(void)
{
	log_open("test", getenv("LOUD") ? "debug" : "error");
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
}

/* In how many of its lines is the text? */
static inline int
count_lines(const char *text)
{
	FILE *file = fopen(log_name, "r");
	char line[4096];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return n;
}

/* ---- The program ------------------------------------------------------------------ */

static void run_tests(void);
#endif

int
main(void)
{
	/* As both programs do: hiredis sends without MSG_NOSIGNAL, and a failover ends the
	 * connections of say(). */
	signal(SIGPIPE, SIG_IGN);
	begin_tests(program_invocation_short_name);
#if HAVE_REDIS
	if (has_engine())
		run_tests();
	else
		skip("no redis-server is installed");
#else
	skip("built without hiredis");
#endif
	return end_tests();
}

#endif
