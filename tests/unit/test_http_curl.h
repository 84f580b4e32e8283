/*
 * What the tests of the libcurl transport share: a server that behaves as the path
 * says, calls to it, and running the tests in both modes.
 */
#ifndef TEST_HTTP_CURL_H
#define TEST_HTTP_CURL_H

#include "adapters/curl/http_curl.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "tap.h"

#define BIG 300000

struct server {
	int fd;
	int port;
	pthread_t thread;
	atomic_int connections; /* ever accepted */
	atomic_int requests;    /* ever read */
	atomic_int live;        /* being served */
	atomic_int continued;   /* requests with Expect: 100-continue */
	atomic_int open;        /* requests for /slow and /gate under way */
	atomic_int most_open;
	atomic_bool shut; /* /gate is answered once this is false */
};

struct connection {
	struct server *server;
	int fd;
	int number;
};

static struct server web;
static struct http *http;
static const char *mode_name;

static inline void
sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

static inline bool
send_all(int fd, const void *data, size_t len)
{
	const char *next = data;

	while (len > 0) {
		ssize_t n = send(fd, next, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		next += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool
send_text(int fd, const char *text)
{
	return send_all(fd, text, strlen(text));
}

static inline bool
answer(int fd, const char *headers, const void *body, size_t len)
{
	char head[1024];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", headers,
	    len);
	return send_text(fd, head) && send_all(fd, body, len);
}

/* Read a request, head and body; returns its length, 0 at the end. */
static inline size_t
read_request(int fd, char *request, size_t size)
{
	size_t len = 0, body = 0;
	const char *end = NULL;

	for (;;) {
		if (end && len >= (size_t)(end - request) + 4 + body)
			return len;
		ssize_t n = recv(fd, request + len, size - 1 - len, 0);
		if (n <= 0)
			return 0;
		len += (size_t)n;
		request[len] = '\0';
		if (!end && (end = strstr(request, "\r\n\r\n"))) {
			const char *length = strcasestr(request, "\r\nContent-Length: ");
			if (length && length < end)
				body = strtoul(length + 18, NULL, 10);
		}
	}
}

/* Is this the path of the request, whatever its query? */
static inline bool
path_is(const char *request, const char *path)
{
	const char *start = strchr(request, ' ');
	const size_t n = strlen(path);

	return start && strncmp(start + 1, path, n) == 0 && strchr(" ?", start[1 + n]);
}

static inline void
wait_for_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		continue;
}

static inline void
count_open(struct server *server)
{
	int open = ++server->open, most = server->most_open;

	while (most < open && !atomic_compare_exchange_weak(&server->most_open, &most, open))
		continue;
}

/* Wait until the gate opens, or, returning false, until the client leaves. */
static inline bool
pass_gate(struct connection *c)
{
	struct pollfd client = { c->fd, POLLIN, 0 };

	while (c->server->shut)
		if (poll(&client, 1, 10) != 0)
			return false;
	return true;
}

/* Answers that are the same each time, and whether the connection stays then. */
static const struct {
	const char *path, *text;
	bool stays;
} fixed_answers[] = {
	{ "/close", "", false },
	{ "/garbage", "what is this?\r\n\r\n", false },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", false },
	{ "/cut-chunk",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n",
	    false },
	{ "/chunked",
	    "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n"
	    "5\r\nhello\r\n0\r\nLocation: http://trailer/\r\n\r\n",
	    true },
	{ "/redirect",
	    "HTTP/1.1 302 Found\r\n"
	    "Location: https://elsewhere.example/join?x=1\r\n"
	    "Set-Cookie: a=1; Path=/\r\nset-cookie:b=2\r\n"
	    "Content-Type:  text/html;charset=utf-8 \r\nContent-Length: 0\r\n\r\n",
	    true },
	{ "/interim",
	    "HTTP/1.1 103 Early Hints\r\n"
	    "Location: http://wrong/\r\nSet-Cookie: w=1\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<r/>",
	    true },
	{ "/error", "HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\nbroken", true },
};

/* Send the head, then the text over and over, until the client leaves. */
static inline void
send_endlessly(int fd, const char *head, const void *text, size_t len, int pause_ms)
{
	send_text(fd, head);
	while (send_all(fd, text, len))
		if (pause_ms > 0)
			sleep_ms(pause_ms);
}

/* Answers that never end, or never begin.  Returns whether the path is one of them. */
static inline bool
serve_endlessly(int fd, const char *request)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	static const char more[] = "X-More: and more and more\r\n";
	static char big[BIG];

	if (path_is(request, "/hang"))
		wait_for_end(fd);
	else if (path_is(request, "/endless-header"))
		send_endlessly(fd, "HTTP/1.1 200 OK\r\n", more, strlen(more), 0);
	else if (path_is(request, "/endless"))
		send_endlessly(fd, head, big, sizeof(big), 0);
	else if (path_is(request, "/drip"))
		send_endlessly(fd, head, ".", 1, 20);
	else
		return false;
	return true;
}

/* Answer after a while, or when the gate opens.  Returns whether the connection stays. */
static inline bool
serve_late(struct connection *c, const char *request)
{
	count_open(c->server);
	bool passed = true;
	if (path_is(request, "/gate"))
		passed = pass_gate(c);
	else
		sleep_ms(path_is(request, "/slower") ? 900 : 300);
	/* Before the answer, which the next request may follow. */
	c->server->open--;
	return passed && answer(c->fd, "200 OK", "late", 4);
}

/* Answer with BIG bytes of all values. */
static inline bool
serve_bytes(int fd)
{
	char *bytes = malloc(BIG);

	for (int i = 0; i < BIG; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	const bool stays = answer(fd, "200 OK", bytes, BIG);
	free(bytes);
	return stays;
}

/* Answer one request.  Returns whether the connection stays. */
static inline bool
serve(struct connection *c, char *request, size_t len)
{
	for (size_t i = 0; i < sizeof(fixed_answers) / sizeof(*fixed_answers); i++)
		if (path_is(request, fixed_answers[i].path))
			return send_text(c->fd, fixed_answers[i].text) &&
			    fixed_answers[i].stays;
	if (path_is(request, "/gate") || path_is(request, "/slow") ||
	    path_is(request, "/slower"))
		return serve_late(c, request);
	if (serve_endlessly(c->fd, request))
		return false;
	const struct linger linger = { 1, 0 };
	if (path_is(request, "/reset")) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		return false;
	}
	if (path_is(request, "/connection")) {
		char text[64];
		const int n = snprintf(text, sizeof(text), "%d", c->number);
		return answer(c->fd, "200 OK", text, (size_t)n);
	}
	if (path_is(request, "/bytes"))
		return serve_bytes(c->fd);
	if (path_is(request, "/then-close") || path_is(request, "/then-vanish")) {
		if (path_is(request, "/then-vanish"))
			shutdown(c->server->fd, SHUT_RDWR);
		answer(c->fd, "200 OK", "last", 4);
		read_request(c->fd, request, BIG);
		return false;
	}
	return answer(c->fd, "200 OK\r\nContent-Type: text/plain", request, len);
}

static inline void *
connection_main(void *context)
{
	struct connection *c = context;
	struct server *server = c->server;
	char *request = malloc(BIG);
	size_t len;

	while ((len = read_request(c->fd, request, BIG)) > 0) {
		server->requests++;
		if (strcasestr(request, "\r\nExpect:"))
			server->continued++;
		if (!serve(c, request, len))
			break;
	}
	close(c->fd);
	free(request);
	free(c);
	server->live--;
	return NULL;
}

static inline void *
server_main(void *context)
{
	struct server *server = context;
	int fd, on = 1;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		/* Head and body go in two pieces: the second must not wait
		 * for the delayed ACK of the first. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		struct connection *c = malloc(sizeof(*c));
		*c = (struct connection){ server, fd, ++server->connections };
		server->live++;
		pthread_t thread;
		pthread_create(&thread, NULL, connection_main, c);
		pthread_detach(thread);
	}
	return NULL;
}

/* A socket bound to a free port of 127.0.0.1. */
static inline int
bound_socket(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) == -1) {
		printf("Bail out! no port\n");
		exit(1);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static inline void
server_start(struct server *server)
{
	server->fd = bound_socket(&server->port);
	/* More than come at once: beyond it Linux drops what asks, for a second. */
	listen(server->fd, 512);
	pthread_create(&server->thread, NULL, server_main, server);
}

static inline void
server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	while (server->live > 0)
		sleep_ms(5);
}

static inline struct http_call
get(struct arena *arena, int port, const char *path)
{
	return (struct http_call){
		.server = "test",
		.method = "GET",
		.url = str_printf(arena, "http://127.0.0.1:%d%s", port, path),
		.max_answer_bytes = 1 << 20,
	};
}

static inline void
run(struct arena *arena, struct http_call *calls, size_t n, int64_t timeout_ms)
{
	struct http_batch batch = { .calls = calls, .n = n, .timeout_ms = timeout_ms };

	http->run(http, arena, &batch);
}

static inline struct http_call
run_one(struct arena *arena, const char *path, int64_t timeout_ms)
{
	struct http_call call = get(arena, web.port, path);

	run(arena, &call, 1, timeout_ms);
	return call;
}

static inline void
expect(const struct http_call *call, enum http_result result, bool sent, const char *problem,
    const char *what)
{
	is_int(call->result, result, "%s: %s", mode_name, what);
	is_int(call->sent, sent, "%s: %s: sent", mode_name, what);
	if (problem)
		ok(call->problem && strstr(call->problem, problem) &&
		        !strstr(call->problem, "127.0.0.1"),
		    "%s: %s: problem \"%s\"", mode_name, what,
		    call->problem ? call->problem : "(null)");
}

struct enough {
	pthread_t thread;
	int asked;
	bool wrong;
};

static inline bool
is_enough(const struct http_call *call, void *context)
{
	struct enough *enough = context;

	enough->asked++;
	if (!pthread_equal(enough->thread, pthread_self()) || call->result != HTTP_ANSWERED ||
	    !call->answer.data)
		enough->wrong = true;
	return call->status == 200;
}

static inline int
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* No proxy of the environment may be used: there is none at that port. */
static inline void
set_proxies(int port)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY" };
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", port);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		setenv(names[i], proxy, 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
}

/* Run the tests in one mode; it must leave no file and no thread behind. */
static inline void
test_mode(struct arena *arena, enum http_curl_mode mode,
    void (*tests)(struct arena *arena, enum http_curl_mode mode))
{
	const struct http_curl_options options = { mode, 1000, NULL, "tinyscale/test", 0, 1 };
	const int files = count_entries("/proc/self/fd");
	const int threads = count_entries("/proc/self/task");

	mode_name = mode == HTTP_CURL_THREAD ? "thread" : "inline";
	http = http_curl_open(&options);
	if (!ok(http != NULL, "%s: open", mode_name))
		return;
	tests(arena, mode);
	arena_reset(arena);
	http->close(http);
	for (int try = 0; try < 2000 &&
	     (web.live > 0 || count_entries("/proc/self/fd") != files ||
	         count_entries("/proc/self/task") != threads);
	     try++)
		sleep_ms(10);
	is_int(count_entries("/proc/self/fd"), files, "%s: no file left open", mode_name);
	is_int(count_entries("/proc/self/task"), threads, "%s: no thread left", mode_name);
}

/* All of a program: run the tests in both modes, with http and web there.  Returns the
 * program's exit status. */
static inline int
test_modes(void (*tests)(struct arena *arena, enum http_curl_mode mode))
{
	struct arena *arena = arena_new();
	int port, fd = bound_socket(&port);
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	set_proxies(port);
	server_start(&web);
	test_mode(arena, HTTP_CURL_THREAD, tests);
	test_mode(arena, HTTP_CURL_INLINE, tests);
	server_stop(&web);
	close(fd);
	arena_free(arena);
	return done_testing();
}

#endif
