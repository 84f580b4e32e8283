/*
 * tinyscale.cgi: one request per process, under any web server with CGI.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/cgi.h"

static const char usage[] =
    "usage: tinyscale.cgi [-c CONFIG]\n"
    "                     [--check-config | --poll | --poll-due | --help | --version]\n"
    "\n"
    "The BigBlueButton load balancer as a CGI program: a web server runs it for\n"
    "each request.  Settings come from the environment; see tinyscale.cgi(8).\n"
    "\n"
    "  -c, --config FILE  read FILE (default: $TINYSCALE_CONFIG or the built-in path)\n"
    "      --check-config name every problem of the configuration, exit 1 if any\n"
    "      --poll         ask all servers for health and load once, for cron\n"
    "      --poll-due     ask those whose turn it is; requests start this themselves\n"
    "      --help         print this\n"
    "      --version      print the version\n";

static int
open_log(void)
{
	return log_open("tinyscale.cgi", getenv("TINYSCALE_LOG"));
}

static const char *
variable(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

/* How a request's body comes. */
struct body {
	int64_t begun_ms; /* by the monotonic clock; 0: it was not asked for */
	int64_t received;
};

/* Wait for more of the body; false when it has taken longer than it may. */
static bool
wait_for_body(struct body *body)
{
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);

	if (body->begun_ms == 0)
		body->begun_ms = now_ms;
	int64_t due_ms = body->begun_ms + cgi_body_allowance_ms(body->received);
	while (now_ms < due_ms) {
		struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
		int n = poll(&input, 1, (int)(due_ms - now_ms));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		now_ms = clock_ms(CLOCK_MONOTONIC);
	}
	return false;
}

static long
read_body(void *context, char *data, size_t size)
{
	struct body *body = context;

	if (!wait_for_body(body))
		return -1;
	ssize_t got;
	do
		got = read(STDIN_FILENO, data, size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		body->received += got;
	return got < 0 ? -1 : (long)got;
}

static void
write_bytes(void *context, struct str bytes)
{
	(void)context;
	fwrite(bytes.data, 1, bytes.len, stdout);
}

/* May stderr outlive the answer?  Web servers may wait for the end of a pipe or a socket
 * (Apache's mod_cgi.c, log_script_err; fcgiwrap), and it may be the answer itself. */
static bool
is_log_lasting(void)
{
	struct stat log, answer;

	if (fstat(STDERR_FILENO, &log) != 0 || S_ISFIFO(log.st_mode) || S_ISSOCK(log.st_mode))
		return false;
	return fstat(STDOUT_FILENO, &answer) != 0 || log.st_dev != answer.st_dev ||
	    log.st_ino != answer.st_ino;
}

/*
 * Web servers take the end of stdout for the end of the answer.  Under Apache's mod_cgid
 * that is one socket with stdin, so both are put away, and stderr, where a web server may
 * wait for its end: from then on the log goes to syslog.
 */
static void
finish(void *context, bool is_read)
{
	int last = is_log_lasting() ? STDOUT_FILENO : STDERR_FILENO;

	(void)context;
	/* Apache ends a CGI process that outlives its answer: by SIGTERM, three seconds
	 * later by SIGKILL (mod_cgid.c, cleanup_nonchild_process). */
	signal(SIGTERM, SIG_IGN);
	fflush(stdout);
	if (!is_read)
		cgi_drop_body(STDIN_FILENO);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0) /* as in many a chroot: a folder takes nothing, either */
		null = open("/", O_RDONLY | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= last; fd++)
		dup2(null, fd);
	close(null);
	if (last == STDERR_FILENO)
		open_log();
}

/* Poll once: all servers (for cron), or those that are due. */
static int
poll_once(const char *config_path, bool is_round)
{
	struct app *app = app_open(config_path, HTTP_CURL_INLINE, 1);

	if (!app)
		return 1;
	struct arena *arena = arena_new();
	app_poll(app, arena, is_round);
	arena_free(arena);
	app_close(app);
	return 0;
}

/* Is that a variable of a request (RFC 3875, 4.1), or one that web servers add? */
static bool
is_of_request(const char *variable)
{
	static const char *const names[] = { "AUTH_", "CONTENT_", "CONTEXT_", "DOCUMENT_",
		"GATEWAY_", "HTTP", "PATH_", "QUERY_", "REDIRECT_", "REMOTE_", "REQUEST_",
		"SCRIPT_", "SERVER_", "UNIQUE_ID" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* The environment without the request, which is no other program's business; the caller
 * frees the list. */
static char **
own_environment(void)
{
	size_t n = 0;

	while (environ[n])
		n++;
	char **own = mem_alloc((n + 1) * sizeof(*own));
	n = 0;
	for (char **next = environ; *next; next++)
		if (!is_of_request(*next))
			own[n++] = *next;
	return own;
}

/*
 * Poll in a process of its own, which lives as long as it takes and nobody waits for.  It
 * is spawned and not forked: threads that look up names may be left here
 * (CURLOPT_QUICK_EXIT), and what they hold would stay locked in a copy of this process.  It
 * has the descriptors that finish() left.
 */
static void
poll_behind(char *program)
{
	static char option[] = "--poll-due";
	char *arguments[] = { program, option, NULL };
	char **environment = own_environment();
	sigset_t defaults;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGTERM);
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	/* A session of its own: a web server may end a whole process group. */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	pid_t pid;
	int error = posix_spawn(&pid, "/proc/self/exe", NULL, &attributes, arguments,
	    environment);
	if (error != 0) /* there is no /proc */
		error = posix_spawn(&pid, program, NULL, &attributes, arguments, environment);
	if (error != 0)
		log_warn("cannot poll the servers", "reason", strerror(error));
	posix_spawnattr_destroy(&attributes);
	free(environment);
}

static int
serve(char *program)
{
	struct body body = { 0 };
	struct cgi_stream stream = { variable, read_body, write_bytes, finish, &body };
	struct app *app = app_open(NULL, HTTP_CURL_INLINE, 1);
	struct arena *arena = arena_new();
	int status = app ? 0 : 1;
	struct app_waiting *waiting = NULL;
	int64_t wait_ms;
	bool is_due = false;

	if (app) {
		while ((wait_ms = app_serve(app, arena, &stream, &waiting)) > 0)
			clock_sleep_ms(wait_ms);
		is_due = app_poll_is_due(app, arena);
	} else {
		app_refuse(arena, &stream);
	}
	arena_free(arena);
	app_close(app);
	/* Where no tinyscale.fcgi polls, the requests do, each in its turn. */
	if (is_due)
		poll_behind(program);
	return status;
}

int
main(int argc, char **argv)
{
	enum { CHECK = 256, POLL, POLL_DUE, HELP, VERSION };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, CHECK },
		{ "poll", no_argument, NULL, POLL },
		{ "poll-due", no_argument, NULL, POLL_DUE },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	int option;

	app_open_standard_files();
	signal(SIGPIPE, SIG_IGN);
	if (open_log() != 0)
		log_warn("TINYSCALE_LOG is none of error, warn, info, debug; using info");
	app_forbid_dumps();
	app_raise_descriptor_limit();
	/* A web server passes a query without "=" as arguments (RFC 3875, 4.4):
	 * those are a stranger's words, not options. */
	if (getenv("REQUEST_METHOD"))
		return serve(argv[0]);

	const char *config_path = NULL;
	bool check = false, poll = false, is_round = false;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case CHECK:
			check = true;
			break;
		case POLL:
			poll = is_round = true;
			break;
		case POLL_DUE:
			poll = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		case VERSION:
			app_print_version("tinyscale.cgi");
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (check)
		return app_check_config(config_path);
	if (poll)
		return poll_once(config_path, is_round);
	fputs(
	    "tinyscale.cgi: REQUEST_METHOD is not set: a web server runs this program, "
	    "see tinyscale.cgi(8)\n",
	    stderr);
	return 2;
}
