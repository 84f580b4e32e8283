/*
 * tinyscale.cgi: one request per process, under any web server with CGI.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/log.h"
#include "formats/cgi.h"

static const char usage[] =
    "usage: tinyscale.cgi [-c CONFIG] [--check-config | --poll | --help | --version]\n"
    "\n"
    "The BigBlueButton load balancer as a CGI program: a web server runs it for\n"
    "each request.  Settings come from the environment; see tinyscale.cgi(8).\n"
    "\n"
    "  -c, --config FILE  read FILE (default: $TINYSCALE_CONFIG or the built-in path)\n"
    "      --check-config name every problem of the configuration, exit 1 if any\n"
    "      --poll         ask all servers for health and load once, for cron\n"
    "      --help         print this\n"
    "      --version      print the version\n";

static const char *
variable(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

static long
read_body(void *context, char *data, size_t size)
{
	size_t got = fread(data, 1, size, stdin);

	(void)context;
	return got == 0 && ferror(stdin) ? -1 : (long)got;
}

static void
write_bytes(void *context, struct str bytes)
{
	(void)context;
	fwrite(bytes.data, 1, bytes.len, stdout);
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

/*
 * Poll in a process of its own, which nobody waits for: the client has its answer,
 * and Apache ends a CGI process that lives on after it (mod_cgid.c,
 * cleanup_script).  Nothing that was opened crosses the fork.
 */
static void
poll_behind(const char *config_path)
{
	if (fork() != 0)
		return;
	setsid();
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	app_open_standard_files();
	_exit(poll_once(config_path, false));
}

static int
serve(const char *config_path)
{
	struct cgi_stream stream = { variable, read_body, write_bytes, NULL };
	struct app *app = app_open(config_path, HTTP_CURL_INLINE, 1);
	struct arena *arena = arena_new();
	int status = app ? 0 : 1;
	bool is_due = false;

	if (app) {
		app_serve(app, arena, &stream);
		is_due = app_poll_is_due(app, arena);
	} else {
		app_refuse(arena, &stream);
	}
	fflush(stdout);
	arena_free(arena);
	app_close(app);
	/* Where no tinyscale.fcgi polls, the requests do, each in its turn. */
	if (is_due)
		poll_behind(config_path);
	return status;
}

int
main(int argc, char **argv)
{
	enum { CHECK = 256, POLL, HELP, VERSION };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, CHECK },
		{ "poll", no_argument, NULL, POLL },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	int option;

	app_open_standard_files();
	signal(SIGPIPE, SIG_IGN);
	if (log_open("tinyscale.cgi", getenv("TINYSCALE_LOG")) != 0)
		log_warn("TINYSCALE_LOG is none of error, warn, info, debug; using info");
	app_raise_descriptor_limit();
	/* A web server passes a query without "=" as arguments (RFC 3875, 4.4):
	 * those are a stranger's words, not options. */
	if (getenv("REQUEST_METHOD"))
		return serve(NULL);

	const char *config_path = NULL;
	bool check = false, poll = false;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case CHECK:
			check = true;
			break;
		case POLL:
			poll = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		case VERSION:
			puts("tinyscale.cgi " PACKAGE_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (check)
		return app_check_config(config_path);
	if (poll)
		return poll_once(config_path, true);
	fputs(
	    "tinyscale.cgi: REQUEST_METHOD is not set: a web server runs this program, "
	    "see tinyscale.cgi(8)\n",
	    stderr);
	return 2;
}
