#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "adapters/none.h"
#if HAVE_REDIS
#include "adapters/redis/store_redis.h"
#endif
#include "adapters/sqlite/store_sqlite.h"
#include "base/arena.h"
#include "base/built.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "config/config.h"
#include "config/config_warnings.h"
#include "core/api.h"
#include "formats/cgi.h"
#include "ports/store.h"
#include "upkeep/poll.h"

#define PROBLEMS_BYTES ((size_t)1 << 20)

/* How long a state may take to answer at the start of a program, while no client waits. */
#define START_WAIT_MS 1000

/* One configuration with what it opened.  Requests hold a reference, so that a
 * reload takes nothing away from under them. */
struct generation {
	struct api api;
	struct config *config;
	unsigned references; /* under the app's mutex */
};

/* A request, when it began, since when it waits, and how long it did so, by the monotonic
 * clock. */
struct app_waiting {
	struct request request;
	int64_t start_us;
	int64_t since_us; /* 0: it was not told to wait */
	int64_t waited_us;
};

struct app {
	pthread_mutex_t mutex;
	struct generation *now;
	const char *config_path;
	enum http_curl_mode mode;
	unsigned threads;
};

static uint64_t
random_bits(void)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = (uint64_t)clock_ms(CLOCK_REALTIME); /* early at boot */
	return bits;
}

static void
generation_free(struct generation *generation)
{
	if (!generation)
		return;
	if (generation->api.http)
		generation->api.http->close(generation->api.http);
	if (generation->api.store)
		generation->api.store->verbs->close(generation->api.store);
	config_free(generation->config);
	free(generation);
}

/* One log line per problem. */
static void
log_problems(const struct buf *problems)
{
	struct str rest = buf_view(problems);
	struct arena *arena = arena_new();

	while (rest.len > 0) {
		size_t end = str_find(rest, STR("\n"), 0);

		struct str line = str_part(rest, 0, end);
		rest = str_part(rest, end == SIZE_MAX ? rest.len : end + 1, SIZE_MAX);
		if (line.len > 0)
			log_error("configuration", "problem", str_copy(arena, line));
	}
	arena_free(arena);
}

/* A process that serves one request at a time has no other to protect. */
static unsigned
max_calls_per_server(const struct config *config, unsigned threads)
{
	if (threads <= 1)
		return 0;
	if (config->max_calls_per_server > 0)
		return (unsigned)config->max_calls_per_server;
	return threads < 4 ? 1 : threads / 4;
}

/* Each callback has a thread while its receiver takes its time: one receiver may have half of
 * them, all together three quarters.  A process with one thread has no other to protect. */
static void
set_callbacks(struct config_runtime *runtime, unsigned threads)
{
	if (threads <= 1)
		return;
	runtime->most_callbacks = threads < 4 ? 1 : threads / 4 * 3;
	runtime->most_callbacks_to = threads < 4 ? 1 : threads / 2;
}

/* Open the state; of an engine that hosts share the first answer is waited for so long, and
 * is_gateway says whether this host is noted there. */
static struct store *
open_store(const struct config *config, int64_t wait_ms, bool is_gateway)
{
#if HAVE_REDIS
	if (config->state_url)
		return store_redis_open(config->state_url, config->state_prefix,
		    config->state_files, wait_ms, is_gateway);
#endif
	(void)wait_ms;
	(void)is_gateway;
	return config->state ? store_sqlite_open(config->state) : store_none_open();
}

struct store *
app_open_store(const struct config *config)
{
	return open_store(config, START_WAIT_MS, false);
}

struct http *
app_open_http(const struct config *config, enum http_curl_mode mode, unsigned threads)
{
	const struct http_curl_options options = {
		.mode = mode,
		.agent = BUILT_NAME "/" BUILT_VERSION,
		.connect_timeout_ms = config->connect_timeout_ms,
		.ca_file = config->ca_file,
		.n_servers = config->n_servers,
		.max_calls_per_server = max_calls_per_server(config, threads),
	};

	return http_curl_open(&options);
}

static struct generation *
generation_new(const struct app *app)
{
	struct generation *generation = mem_alloc(sizeof(*generation));
	struct buf problems;

	buf_init(&problems, PROBLEMS_BYTES);
	struct config *config = config_load(app->config_path, &problems);
	if (!config) {
		log_problems(&problems);
		goto fail;
	}
	log_set_format(config->log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	set_callbacks(config->runtime, app->threads);
	generation->config = config;
	generation->references = 1;
	generation->api.config = config;
	/* A process that serves one request opens it while its client waits. */
	generation->api.store = open_store(config,
	    app->mode == HTTP_CURL_INLINE ? STORE_WAIT_MS : START_WAIT_MS, true);
	generation->api.http = app_open_http(config, app->mode, app->threads);
	if (!generation->api.http)
		goto fail;
	buf_free(&problems);
	return generation;

fail:
	generation_free(generation);
	buf_free(&problems);
	return NULL;
}

void
app_open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void
app_forbid_dumps(void)
{
	/* The limit is for those it makes, too, which begin anew as to the other. */
	const struct rlimit none = { 0, 0 };
	const char *wanted = getenv("TINYSCALE_DUMP");

	if (wanted && strcmp(wanted, "1") == 0)
		return;
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		log_warn("a core of this process may be written, with secrets in it", "reason",
		    strerror(errno));
}

void
app_raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("the limit of descriptors cannot be raised", "reason",
		    strerror(errno));
}

void
app_print_version(const char *program)
{
	printf("%s " BUILT_VERSION "\nstate: SQLite %s, ", program, store_sqlite_version());
#if HAVE_REDIS
	printf("Redis by hiredis %s\n", store_redis_version());
#else
	puts("without Redis");
#endif
}

int
app_check_config(const char *config_path_given)
{
	struct buf problems;

	buf_init(&problems, PROBLEMS_BYTES);
	struct config *config = config_load(config_path_given, &problems);
	if (config) {
		config_warnings_add(config, config_path(config_path_given), &problems);
		printf("%s: fine, %zu server%s\n", config_path(config_path_given),
		    config->n_servers, config->n_servers == 1 ? "" : "s");
	}
	fwrite(buf_view(&problems).data, 1, buf_view(&problems).len, stderr);
	buf_free(&problems);
	if (!config)
		return 1;
	config_free(config);
	return 0;
}

int
app_has_servers(const char *config_path_given)
{
	if (config_names_servers(config_path_given))
		return 0;
	fprintf(stderr, "%s: names no server yet\n", config_path(config_path_given));
	return 1;
}

/* Count beside the state, or where a file of it would be; a reload changes nothing there: the
 * totals go on. */
static void
open_metrics(const struct app *app)
{
	const char *files = app->now->config->state_files;
	struct arena *arena = arena_new();

	metrics_open(files ? str_printf(arena, "%s-metrics", files) : NULL,
	    app->mode == HTTP_CURL_INLINE);
	metrics_gauge_add(METRIC_WORKERS, 0, (int)app->threads);
	arena_free(arena);
}

struct app *
app_open(const char *config_path_given, enum http_curl_mode mode, unsigned threads)
{
	struct app *app = mem_alloc(sizeof(*app));

	pthread_mutex_init(&app->mutex, NULL);
	app->config_path = config_path_given;
	app->mode = mode;
	app->threads = threads;
	app->now = generation_new(app);
	if (!app->now) {
		app_close(app);
		return NULL;
	}
	open_metrics(app);
	return app;
}

static void
generation_release(struct app *app, struct generation *generation)
{
	pthread_mutex_lock(&app->mutex);
	bool last = --generation->references == 0;
	pthread_mutex_unlock(&app->mutex);
	if (last)
		generation_free(generation);
}

int
app_reload(struct app *app)
{
	struct generation *next = generation_new(app);
	if (!next) {
		log_error("the new configuration is bad; the old one stays in use", "file",
		    config_path(app->config_path));
		return -1;
	}
	pthread_mutex_lock(&app->mutex);
	struct generation *old = app->now;
	app->now = next;
	pthread_mutex_unlock(&app->mutex);
	generation_release(app, old);
	log_info("configuration reloaded", "file", config_path(app->config_path));
	return 0;
}

static struct generation *
generation_acquire(struct app *app)
{
	pthread_mutex_lock(&app->mutex);
	struct generation *generation = app->now;
	generation->references++;
	pthread_mutex_unlock(&app->mutex);
	return generation;
}

/* Read the request of a door. */
static struct app_waiting *
begin(struct arena *arena, const struct cgi_stream *stream, const struct api *api)
{
	struct app_waiting *begun = arena_alloc(arena, sizeof(*begun));

	begun->start_us = clock_us(CLOCK_MONOTONIC);
	cgi_read_head(arena, stream, &begun->request);
	api_read_body(api, arena, stream, &begun->request);
	begun->request.nonce = random_bits();
	return begun;
}

/* Let the door's client have the answer, and tell of it. */
static void
end(const struct generation *generation, const struct cgi_stream *stream,
    const struct app_waiting *begun, const struct response *response)
{
	const struct request *request = &begun->request;

	cgi_write_response(stream, request, response);
	/* Before the end: a door's log may end with its answer (cgi/main.c). */
	int64_t elapsed_us = clock_us(CLOCK_MONOTONIC) - begun->start_us;
	api_log(generation->config, request, response, elapsed_us / 1000);
	stream->finish(stream->context, !request->unread);
	/* That it waited its turn does not make the gateway slow. */
	api_count(response, elapsed_us - begun->waited_us);
}

int64_t
app_serve(struct app *app, struct arena *arena, const struct cgi_stream *stream,
    struct app_waiting **waiting)
{
	struct generation *generation = generation_acquire(app);

	metrics_gauge_add(METRIC_WORKERS_BUSY, 0, 1);
	if (!*waiting)
		*waiting = begin(arena, stream, &generation->api);
	struct app_waiting *begun = *waiting;
	struct request *request = &begun->request;
	request->has_waited = begun->since_us > 0;
	/* A door may be late, or have no room for what waits. */
	if (request->has_waited)
		begun->waited_us = clock_us(CLOCK_MONOTONIC) - begun->since_us;
	request->now_ms = clock_ms(CLOCK_REALTIME);
	struct response response;
	api_handle(&generation->api, arena, request, &response);
	int64_t wait_ms = response.wait_ms;
	begun->since_us = clock_us(CLOCK_MONOTONIC);
	if (wait_ms == 0)
		end(generation, stream, begun, &response);
	api_finish(&response);
	metrics_gauge_add(METRIC_WORKERS_BUSY, 0, -1);
	metrics_flush();
	generation_release(app, generation);
	return wait_ms;
}

void
app_poll(struct app *app, struct arena *arena, bool is_round)
{
	struct generation *generation = generation_acquire(app);

	poll_run(&generation->api, arena, clock_ms(CLOCK_REALTIME), random_bits(), is_round);
	generation_release(app, generation);
	metrics_flush();
	metrics_publish();
}

bool
app_poll_is_due(struct app *app, struct arena *arena)
{
	struct generation *generation = generation_acquire(app);
	bool is_due = poll_is_due(&generation->api, arena, clock_ms(CLOCK_REALTIME));

	generation_release(app, generation);
	return is_due;
}

int
app_poll_pause_ms(struct app *app)
{
	struct generation *generation = generation_acquire(app);
	int64_t pause_ms = generation->config->poll_interval_ms / 4;

	generation_release(app, generation);
	return (int)(pause_ms < 100 ? 100 : pause_ms > 1000 ? 1000 : pause_ms);
}

void
app_refuse(struct arena *arena, const struct cgi_stream *stream)
{
	struct request request;

	cgi_read_head(arena, stream, &request);
	request.now_ms = clock_ms(CLOCK_REALTIME);
	request.nonce = random_bits();
	struct response response;
	api_refuse(arena, &request, &response);
	cgi_write_response(stream, &request, &response);
	api_log(NULL, &request, &response, 0);
	stream->finish(stream->context, !request.unread);
}

void
app_close(struct app *app)
{
	if (!app)
		return;
	generation_free(app->now);
	pthread_mutex_destroy(&app->mutex);
	free(app);
}
