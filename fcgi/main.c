/*
 * tinyscale.fcgi: the gateway as a FastCGI responder.
 *
 * Signals are blocked in every thread and taken here alone: SIGTERM and SIGINT
 * let what is in flight finish, SIGHUP reloads the configuration.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "listen.h"
#include "poller.h"
#include "worker.h"

#define DEFAULT_THREADS 32

/* A web server that has just started the program looks whether it has ended at once; then
 * lighttpd goes down, with all of its sites (gw_backend.c).  spawn-fcgi, which looks for a
 * tenth of a second and tells whoever called it, still sees that it ends. */
#define FAILED_PAUSE_MS 50
#define MAX_THREADS 1024

static const char usage[] =
    "usage: tinyscale.fcgi [-c CONFIG] [-s ADDRESS] [-t THREADS]\n"
    "       tinyscale.fcgi [-c CONFIG] --check-config | --has-servers\n"
    "\n"
    "The BigBlueButton load balancer as a FastCGI responder; see tinyscale.fcgi(8).\n"
    "\n"
    "  -c, --config FILE     read FILE (default: $TINYSCALE_CONFIG or the built-in path)\n"
    "  -s, --socket ADDRESS  listen on unix:/path or tcp:HOST:PORT\n"
    "                        (default: the socket on descriptor 0)\n"
    "  -t, --threads N       requests worked on at once, 1 to 1024 (default 32)\n"
    "      --check-config    name every problem of the configuration, exit 1 if any\n"
    "      --has-servers     exit 1 if the configuration is missing or names no server\n"
    "      --help            print this\n"
    "      --version         print the version\n";

struct settings {
	const char *config_path;
	const char *address; /* NULL: descriptor 0 */
	int64_t threads;
};

/* Larger blocks than this are mapped each by itself, and so given back when they
 * are freed. */
#define MAPPED_BYTES (1 << 20)

/* What the top of a heap may keep, so that not each list of a server costs page
 * faults. */
#define KEPT_BYTES (4 << 20)

/* How many heaps there are.  By default there are eight for each processor, and each keeps
 * what was freed in it; requests mostly use what their thread has freed before. */
#define HEAPS 4

/*
 * Give large bodies back.  By default glibc moves its threshold up to the largest block
 * that was ever freed (mallopt(3), M_MMAP_THRESHOLD): after one body of 20 MB the
 * next ones come from the threads' heaps, and each of these keeps it for good.
 */
static void
set_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	mallopt(M_ARENA_MAX, HEAPS);
}

static void
block_signals(sigset_t *taken)
{
	sigemptyset(taken);
	sigaddset(taken, SIGTERM);
	sigaddset(taken, SIGINT);
	sigaddset(taken, SIGHUP);
	pthread_sigmask(SIG_BLOCK, taken, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Until SIGTERM or SIGINT. */
static void
wait_for_signals(struct app *app, const sigset_t *taken)
{
	for (;;) {
		int taken_signal;
		if (sigwait(taken, &taken_signal) != 0)
			continue;
		if (taken_signal != SIGHUP)
			return;
		app_reload(app);
	}
}

static int
serve(const struct settings *settings)
{
	struct worker_pool *pool = NULL;
	struct poller *poller = NULL;
	struct app *app = NULL;
	int status = 1;
	sigset_t taken;

	block_signals(&taken);
	if (worker_init() != 0)
		return 1;
	int fd = settings->address ? listen_open(settings->address) : listen_inherited();
	if (fd < 0)
		return 1;
	app = app_open(settings->config_path, HTTP_CURL_THREAD, (unsigned)settings->threads);
	if (!app) {
		if (!settings->address)
			clock_sleep_ms(FAILED_PAUSE_MS);
		goto done;
	}
	pool = worker_pool_open(app, fd, (unsigned)settings->threads);
	if (!pool)
		goto done;
	poller = poller_open(app);
	if (!poller)
		goto done;
	log_info("serving", "address", settings->address ? settings->address : "descriptor 0");
	wait_for_signals(app, &taken);
	status = 0;
	log_info("stopping: requests in flight are finished first");

done:
	/* First the socket, so that clients go to another process at once. */
	listen_stop(fd, settings->address);
	if (poller)
		poller_close(poller);
	if (pool)
		worker_pool_close(pool);
	close(fd);
	app_close(app);
	return status;
}

int
main(int argc, char **argv)
{
	enum { CHECK = 256, HAS_SERVERS, HELP, VERSION };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "check-config", no_argument, NULL, CHECK },
		{ "has-servers", no_argument, NULL, HAS_SERVERS },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	int option;

	set_memory();
	app_open_standard_files();
	if (log_open("tinyscale.fcgi", getenv("TINYSCALE_LOG")) != 0)
		log_warn("TINYSCALE_LOG is none of error, warn, info, debug; using info");
	app_forbid_dumps();
	app_raise_descriptor_limit();
	struct settings settings = { .threads = DEFAULT_THREADS };
	int (*asked)(const char *config_path) = NULL;
	while ((option = getopt_long(argc, argv, "c:s:t:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			settings.config_path = optarg;
			break;
		case 's':
			settings.address = optarg;
			break;
		case 't':
			if (str_to_int(str_from(optarg), 1, MAX_THREADS, &settings.threads) !=
			    0) {
				fprintf(stderr,
				    "tinyscale.fcgi: -t takes a number from 1 to %d\n",
				    MAX_THREADS);
				return 2;
			}
			break;
		case CHECK:
			asked = app_check_config;
			break;
		case HAS_SERVERS:
			asked = app_has_servers;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		case VERSION:
			app_print_version("tinyscale.fcgi");
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tinyscale.fcgi: unexpected argument\n%s", usage);
		return 2;
	}
	return asked ? asked(settings.config_path) : serve(&settings);
}
