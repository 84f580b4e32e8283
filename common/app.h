/*
 * Wiring: a configuration, a store and a transport become one struct api, and
 * a reload puts a new one in its place while requests are under way.
 */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/curl/http_curl.h"

struct app;
struct arena;
struct cgi_stream;
struct config;
struct store;

/* Put files on the descriptors 0 to 2 that are closed, before any other is
 * opened: a stray message must not land in the state. */
void app_open_standard_files(void);

/*
 * Have no core of this process written, and no other process of the same user look into its
 * memory, or read the environment that it was given (prctl(2), PR_SET_DUMPABLE): secrets are
 * in both, and on a web server other programs, such as PHP, run as the same user.  root may,
 * as ever.  With TINYSCALE_DUMP=1 in the environment nothing is forbidden.
 */
void app_forbid_dumps(void);

/* Let this process, and those it makes, open as many files as the system allows it
 * (RLIMIT_NOFILE's hard limit): each request has a connection of its own to each server
 * it asks, and the usual soft limit of 1024 is meant for programs that use select(2).
 * That it cannot be raised is logged. */
void app_raise_descriptor_limit(void);

/* Print for --version: the program and its version, and what it can keep the state in. */
void app_print_version(const char *program);

/* Check the configuration for --check-config: print what is wrong, or that
 * nothing is.  Returns the status to exit with, 0 or 1. */
int app_check_config(const char *config_path);

/* Find out for --has-servers whether the configuration names a server (config.h), and print
 * it where it names none.  Returns the status to exit with, 0 or 1. */
int app_has_servers(const char *config_path);

/* Open the state that the configuration names, as a door does, but that hosts which share it do
 * not see that this one is there (store_sqlite.h, store_redis.h, none.h); close it with
 * verbs->close. */
struct store *app_open_store(const struct config *config);

/* Open the transport as the configuration wants it, for so many threads; NULL as of
 * http_curl_open.  Close it with its close. */
struct http *app_open_http(const struct config *config, enum http_curl_mode mode,
    unsigned threads);

/*
 * Load the configuration and open what it names.  threads is how many requests
 * are served at once, of which one server's calls may hold a quarter unless
 * max_calls_per_server says otherwise; where it is 1 there is no such maximum.
 * Returns NULL, with every problem logged, when the configuration is bad or the
 * transport cannot be had.  Call it after the last fork and with signals blocked.
 */
struct app *app_open(const char *config_path, enum http_curl_mode mode, unsigned threads);

/*
 * Load the configuration anew.  A bad one is logged and the old one stays.
 * Requests under way finish with what they began with.  Returns 0 or -1.
 */
int app_reload(struct app *app);

/* A request that waits; in its arena. */
struct app_waiting;

/*
 * Serve one request of a door, with the configuration of this moment: from its first byte
 * to its log line, then the stream's finish, and then what can wait until the client has
 * its answer.  The request's data lives in the arena.
 *
 * Returns 0 when that is done.  Else the request has no answer yet and waits its turn
 * (pace.h): call this again after so many milliseconds with the same arena, stream and
 * *waiting, which is NULL the first time.  It may be another thread that does so.
 */
int64_t app_serve(struct app *app, struct arena *arena, const struct cgi_stream *stream,
    struct app_waiting **waiting);

/*
 * Poll the servers that are due, if no other process does (poll.h).  is_round
 * polls all servers, due or not.
 */
void app_poll(struct app *app, struct arena *arena, bool is_round);

/* Would app_poll find a server due?  No server is asked. */
bool app_poll_is_due(struct app *app, struct arena *arena);

/* How long to sleep between two calls of app_poll. */
int app_poll_pause_ms(struct app *app);

/* Answer, and finish, a request that came although app_open() failed. */
void app_refuse(struct arena *arena, const struct cgi_stream *stream);

/* Close everything.  No request may be under way.  NULL is ignored. */
void app_close(struct app *app);

#endif
