/*
 * The libcurl transport against a server that behaves as the path says, in
 * both modes.
 */
#include "../tap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../common/http_curl.h"
#include "../../common/mem.h"

#define BIG 300000


struct server {
	int fd;
	int port;
	pthread_t thread;
	atomic_int connections; /* ever accepted */
	atomic_int live;        /* being served */
	atomic_int continued;   /* requests with Expect: 100-continue */
	atomic_int open;        /* requests for /slow and /gate under way */
	atomic_int most_open;
	atomic_bool shut;       /* /gate is answered once this is false */
};

struct connection {
	struct server *server;
	int fd;
	int number;
};

static struct server web;
static struct http *http;
static const char *mode_name;

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
sleep_ms(int ms)
{

	poll(NULL, 0, ms);
}

static bool
send_all(int fd, const void *data, size_t len)
{
	const char *next = data;
	ssize_t n;

	while (len > 0) {
		n = send(fd, next, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		next += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
send_text(int fd, const char *text)
{

	return send_all(fd, text, strlen(text));
}

static bool
answer(int fd, const char *headers, const void *body, size_t len)
{
	char head[1024];

	snprintf(head, sizeof head,
	    "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", headers, len);
	return send_text(fd, head) && send_all(fd, body, len);
}

/* Read a request, head and body; returns its length, 0 at the end. */
static size_t
read_request(int fd, char *request, size_t size)
{
	size_t len = 0, body = 0;
	const char *end = NULL, *length;
	ssize_t n;

	for (;;) {
		if (end && len >= (size_t)(end - request) + 4 + body)
			return len;
		n = recv(fd, request + len, size - 1 - len, 0);
		if (n <= 0)
			return 0;
		len += (size_t)n;
		request[len] = '\0';
		if (!end && (end = strstr(request, "\r\n\r\n"))) {
			length = strcasestr(request, "\r\nContent-Length: ");
			if (length && length < end)
				body = strtoul(length + 18, NULL, 10);
		}
	}
}

static bool
path_is(const char *request, const char *path)
{
	const char *start = strchr(request, ' ');

	return start && strncmp(start + 1, path, strlen(path)) == 0;
}

static void
wait_for_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		continue;
}

static void
count_open(struct server *server)
{
	int open = ++server->open, most = server->most_open;

	while (most < open && !atomic_compare_exchange_weak(&server->most_open,
	    &most, open))
		continue;
}

/* Wait until the gate opens, or, returning false, until the client leaves. */
static bool
pass_gate(struct connection *c)
{
	struct pollfd client = {c->fd, POLLIN, 0};

	while (c->server->shut)
		if (poll(&client, 1, 10) != 0)
			return false;
	return true;
}

/* Answer one request.  Returns whether the connection stays. */
static bool
serve(struct connection *c, char *request, size_t len)
{
	static char big[BIG];
	char text[64];
	struct linger linger = {1, 0};
	bool passed;
	int i;

	if (path_is(request, "/hang")) {
		wait_for_end(c->fd);
		return false;
	}
	if (path_is(request, "/gate")) {
		count_open(c->server);
		passed = pass_gate(c);
		c->server->open--;
		return passed && answer(c->fd, "200 OK", "passed", 6);
	}
	if (path_is(request, "/slow")) {
		count_open(c->server);
		sleep_ms(path_is(request, "/slower") ? 900 : 300);
		/* Before the answer, which the next request may follow. */
		c->server->open--;
		return answer(c->fd, "200 OK", "slow", 4);
	}
	if (path_is(request, "/reset")) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		return false;
	}
	if (path_is(request, "/close"))
		return false;
	if (path_is(request, "/garbage")) {
		send_text(c->fd, "what is this?\r\n\r\n");
		return false;
	}
	if (path_is(request, "/cut")) {
		send_text(c->fd,
		    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		return false;
	}
	if (path_is(request, "/cut-chunk")) {
		send_text(c->fd, "HTTP/1.1 200 OK\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
		return false;
	}
	if (path_is(request, "/chunked"))
		return send_text(c->fd, "HTTP/1.1 200 OK\r\n"
		    "Transfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n"
		    "5\r\nhello\r\n0\r\nLocation: http://trailer/\r\n\r\n");
	if (path_is(request, "/endless-header")) {
		send_text(c->fd, "HTTP/1.1 200 OK\r\n");
		while (send_text(c->fd, "X-More: and more and more\r\n"))
			continue;
		return false;
	}
	if (path_is(request, "/endless")) {
		send_text(c->fd, "HTTP/1.1 200 OK\r\n\r\n");
		while (send_all(c->fd, big, sizeof big))
			continue;
		return false;
	}
	if (path_is(request, "/drip")) {
		send_text(c->fd, "HTTP/1.1 200 OK\r\n\r\n");
		while (send_text(c->fd, "."))
			sleep_ms(20);
		return false;
	}
	if (path_is(request, "/redirect"))
		return answer(c->fd, "302 Found\r\n"
		    "Location: https://elsewhere.example/join?x=1\r\n"
		    "Set-Cookie: a=1; Path=/\r\nset-cookie:b=2\r\n"
		    "Content-Type:  text/html;charset=utf-8 ", "", 0);
	if (path_is(request, "/interim"))
		return send_text(c->fd, "HTTP/1.1 103 Early Hints\r\n"
		    "Location: http://wrong/\r\nSet-Cookie: w=1\r\n\r\n") &&
		    answer(c->fd, "200 OK\r\nContent-Type: text/xml", "<r/>", 4);
	if (path_is(request, "/error"))
		return answer(c->fd, "500 Oh", "broken", 6);
	if (path_is(request, "/connection")) {
		i = snprintf(text, sizeof text, "%d", c->number);
		return answer(c->fd, "200 OK", text, (size_t)i);
	}
	if (path_is(request, "/bytes")) {
		char *bytes = malloc(BIG);
		bool stays;

		for (i = 0; i < BIG; i++)
			bytes[i] = (char)(i * 7 + i / 256);
		stays = answer(c->fd, "200 OK", bytes, BIG);
		free(bytes);
		return stays;
	}
	if (path_is(request, "/then-close") || path_is(request, "/then-vanish")) {
		if (path_is(request, "/then-vanish"))
			shutdown(c->server->fd, SHUT_RDWR);
		answer(c->fd, "200 OK", "last", 4);
		read_request(c->fd, request, BIG);
		return false;
	}
	return answer(c->fd, "200 OK\r\nContent-Type: text/plain", request, len);
}

static void *
connection_main(void *context)
{
	struct connection *c = context;
	struct server *server = c->server;
	char *request = malloc(BIG);
	size_t len;

	while ((len = read_request(c->fd, request, BIG)) > 0) {
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

static void *
server_main(void *context)
{
	struct server *server = context;
	struct connection *c;
	pthread_t thread;
	int fd, on = 1;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		/* Head and body go in two pieces: the second must not wait
		 * for the delayed ACK of the first. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		c = malloc(sizeof *c);
		*c = (struct connection){server, fd, ++server->connections};
		server->live++;
		pthread_create(&thread, NULL, connection_main, c);
		pthread_detach(thread);
	}
	return NULL;
}

/* A socket bound to a free port of 127.0.0.1. */
static int
bound_socket(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) == -1) {
		printf("Bail out! no port\n");
		exit(1);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static void
server_start(struct server *server)
{

	server->fd = bound_socket(&server->port);
	listen(server->fd, 128);
	pthread_create(&server->thread, NULL, server_main, server);
}

static void
server_stop(struct server *server)
{

	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	while (server->live > 0)
		sleep_ms(5);
}

static struct http_call
get(struct arena *arena, int port, const char *path)
{

	return (struct http_call){.server = "test", .method = "GET",
	    .url = str_printf(arena, "http://127.0.0.1:%d%s", port, path),
	    .max_answer_bytes = 1 << 20};
}

static void
run(struct arena *arena, struct http_call *calls, size_t n, int64_t timeout_ms)
{
	struct http_batch batch = {.calls = calls, .n = n,
	    .timeout_ms = timeout_ms};

	http->run(http, arena, &batch);
}

static struct http_call
run_one(struct arena *arena, const char *path, int64_t timeout_ms)
{
	struct http_call call = get(arena, web.port, path);

	run(arena, &call, 1, timeout_ms);
	return call;
}

static void
expect(const struct http_call *call, enum http_result result, bool sent,
    const char *problem, const char *what)
{

	is_int(call->result, result, "%s: %s", mode_name, what);
	is_int(call->sent, sent, "%s: %s: sent", mode_name, what);
	if (problem)
		ok(call->problem && strstr(call->problem, problem) &&
		    !strstr(call->problem, "127.0.0.1"),
		    "%s: %s: problem \"%s\"", mode_name, what,
		    call->problem ? call->problem : "(null)");
}

static void
test_request(struct arena *arena)
{
	struct http_call call = run_one(arena, "/echo/../x?b=%20&a=1", 5000);

	expect(&call, HTTP_ANSWERED, true, NULL, "GET");
	is_int(call.status, 200, "status");
	ok(call.answer.data[call.answer.len] == '\0', "answer ends in NUL");
	is_str(call.answer.data, str_printf(arena,
	    "GET /echo/../x?b=%%20&a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	    "User-Agent: tinyscale/test\r\nAccept: */*\r\n\r\n", web.port),
	    "%s: exactly these bytes were sent", mode_name);
	ok(str_is(call.answer_type, "text/plain"), "Content-Type");
	ok(!call.location.data && !call.set_cookie.data, "absent headers");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "POST without a body");
	ok(strstr(call.answer.data, "\r\nContent-Length: 0\r\n") != NULL,
	    "Content-Length: 0");
	ok(!strcasestr(call.answer.data, "Content-Type"), "no Content-Type");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	call.body = (struct str){"a\0b=\r\n", 6};
	call.content_type = STR("application/xml");
	call.forwarded_for = STR("192.0.2.7\r\nX-Evil: 1");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "POST");
	ok(strstr(call.answer.data, "\r\nContent-Length: 6\r\n") &&
	    strstr(call.answer.data, "\r\nContent-Type: application/xml\r\n"),
	    "length and type");
	ok(strstr(call.answer.data,
	    "\r\nX-Forwarded-For: 192.0.2.7  X-Evil: 1\r\n") != NULL,
	    "X-Forwarded-For adds no header");
	ok(call.answer.len > 6 && memcmp(call.answer.data + call.answer.len - 6,
	    "a\0b=\r\n", 6) == 0, "the body, byte by byte");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	call.body = (struct str){memset(arena_alloc(arena, 200000), 'x', 200000),
	    200000};
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "a large POST");
	ok(call.answer.len > 200000 &&
	    call.answer.data[call.answer.len - 1] == 'x', "all of it arrived");
	is_int(web.continued, 0, "no Expect: 100-continue");
}

static void
test_answers(struct arena *arena)
{
	struct http_call call = run_one(arena, "/redirect", 5000);
	size_t i, wrong = 0;

	expect(&call, HTTP_ANSWERED, true, NULL, "redirect");
	is_int(call.status, 302, "not followed");
	ok(str_is(call.location, "https://elsewhere.example/join?x=1"),
	    "Location");
	ok(str_is(call.set_cookie, "a=1; Path=/\nb=2"), "Set-Cookie");
	ok(str_is(call.answer_type, "text/html;charset=utf-8"), "Content-Type");
	ok(call.answer.data && call.answer.len == 0, "empty answer");

	call = run_one(arena, "/echo", 5000);
	ok(call.answer.data && !strcasestr(call.answer.data, "Cookie"),
	    "no cookie kept");

	call = run_one(arena, "/interim", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "interim answer");
	is_int(call.status, 200, "the final status");
	ok(!call.location.data && !call.set_cookie.data,
	    "interim headers forgotten");
	ok(str_is(call.answer, "<r/>"), "the final answer");

	call = run_one(arena, "/chunked", 5000);
	ok(str_is(call.answer, "hello") && !call.location.data,
	    "chunks joined, trailer ignored");

	call = run_one(arena, "/error", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "status 500 is an answer");
	is_int(call.status, 500, "status 500");

	call = run_one(arena, "/bytes", 5000);
	is_int(call.answer.len, BIG, "%s: length of a binary answer", mode_name);
	for (i = 0; i < call.answer.len; i++)
		wrong += call.answer.data[i] != (char)(i * 7 + i / 256);
	is_int(wrong, 0, "each byte is right");

	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = BIG;
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "the very maximum");
}

static void
test_failures(struct arena *arena)
{
	struct http_call call;
	int port, fd = bound_socket(&port);
	int64_t start;

	call = get(arena, port, "/?secret=1");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "connection refused", "refused");
	close(fd);

	call = get(arena, web.port, "/echo");
	call.url = "http://no-such-name.invalid/?secret=1";
	run(arena, &call, 1, 5000);
	if (call.result != HTTP_TIMEOUT)
		expect(&call, HTTP_UNREACHABLE, false, "name not found", "no name");
	call.url = "ftp://127.0.0.1/?secret=1";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "not http", "ftp");
	call.url = "http://127.0.0.1:99999/?secret=1";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "", "no URL");
	call.url = str_printf(arena, "https://127.0.0.1:%d/error", web.port);
	run(arena, &call, 1, 600);
	ok(call.result != HTTP_ANSWERED && !call.sent, "%s: TLS to plain HTTP: %s",
	    mode_name, call.problem);

	call = run_one(arena, "/reset", 5000);
	expect(&call, HTTP_BROKEN, true, "reset", "reset");
	call = run_one(arena, "/close", 5000);
	expect(&call, HTTP_BROKEN, true, "without an answer", "closed");
	call = run_one(arena, "/garbage", 5000);
	expect(&call, HTTP_BROKEN, true, "no HTTP", "garbage");
	call = run_one(arena, "/cut?", 5000);
	expect(&call, HTTP_BROKEN, true, "cut off", "cut body");
	call = run_one(arena, "/cut-chunk", 5000);
	expect(&call, HTTP_BROKEN, true, "", "cut chunk");
	call = run_one(arena, "/endless-header", 5000);
	expect(&call, HTTP_TOO_LARGE, true, "header", "endless header");
	call = run_one(arena, "/endless", 5000);
	expect(&call, HTTP_TOO_LARGE, true, "1048576", "endless body");
	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = BIG - 1;
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_TOO_LARGE, true, "299999", "a byte too long");

	start = now_ms();
	call = run_one(arena, "/hang", 300);
	expect(&call, HTTP_TIMEOUT, true, "no answer within 300 ms", "hang");
	ok(now_ms() - start >= 300 && now_ms() - start < 3000,
	    "%s: the deadline, after %lld ms", mode_name,
	    (long long)(now_ms() - start));
	ok(call.elapsed_ms >= 300, "elapsed_ms %lld", (long long)call.elapsed_ms);
	call = run_one(arena, "/drip", 300);
	expect(&call, HTTP_TIMEOUT, true, "no answer", "drip");
	call = run_one(arena, "/echo", 0);
	expect(&call, HTTP_TIMEOUT, false, "within 0 ms", "no time at all");
}

/* A port that takes no connection: its queue is full. */
/* Calls that may go to public addresses only. */
static void
test_public_only(struct arena *arena)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "2130706433", "0x7f.1",
	    "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"};
	struct http_call call;
	size_t i;

	/* A connection is kept now, which must not be used. */
	run_one(arena, "/echo", 5000);
	for (i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		call = get(arena, web.port, "");
		call.url = str_printf(arena, "http://%s:%d/echo", hosts[i], web.port);
		call.public_only = true;
		run(arena, &call, 1, 5000);
		expect(&call, HTTP_UNREACHABLE, false, NULL, hosts[i]);
	}
	call.url = str_printf(arena, "http://127.0.0.1:%d/echo", web.port);
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "address is not public", "and it says why");

	/* The handle, which is used again, has forgotten it. */
	call = run_one(arena, "/echo", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "without it the same address is fine");

	call = get(arena, web.port, "/echo");
	call.authorization = STR("Bearer abc\r\nX-Evil: 1");
	run(arena, &call, 1, 5000);
	ok(call.answer.data && strstr(call.answer.data,
	    "\r\nAuthorization: Bearer abc  X-Evil: 1\r\n") != NULL,
	    "%s: Authorization adds no header", mode_name);

	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = 1000;
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_TOO_LARGE, "%s: too large", mode_name);
	is_int(call.status, 200, "%s: and its status", mode_name);
}

static void
test_connect_timeout(struct arena *arena)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct http_call call;
	int port, fd = bound_socket(&port), fill[4], i;

	listen(fd, 0);
	address.sin_port = htons((uint16_t)port);
	for (i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&address, sizeof address);
	}
	sleep_ms(50);
	call = get(arena, port, "/");
	run(arena, &call, 1, 20000);
	expect(&call, HTTP_UNREACHABLE, false, "no connection within 1000 ms",
	    "connect timeout");
	run(arena, &call, 1, 200);
	expect(&call, HTTP_TIMEOUT, false, "no connection within 200 ms",
	    "deadline while connecting");
	for (i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
}

static void
test_connections(struct arena *arena)
{
	struct http_call call, last;
	struct server vanishing = {0};

	call = run_one(arena, "/connection", 5000);
	last = run_one(arena, "/connection", 5000);
	ok(str_equal(call.answer, last.answer), "%s: connection kept", mode_name);
	call = get(arena, web.port, "/connection");
	call.once = true;
	run(arena, &call, 1, 5000);
	ok(call.result == HTTP_ANSWERED && !str_equal(call.answer, last.answer),
	    "%s: once takes a new connection", mode_name);

	/* All connections kept so far are made useless, one after the other. */
	call = run_one(arena, "/then-close", 5000);
	call = run_one(arena, "/connection", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "dead kept connection");
	call = run_one(arena, "/then-close", 5000);
	call = get(arena, web.port, "/connection");
	call.once = true;
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "once beside a dead one");

	server_start(&vanishing);
	call = get(arena, vanishing.port, "/then-vanish");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "before it vanishes");
	pthread_join(vanishing.thread, NULL);
	close(vanishing.fd);
	call = get(arena, vanishing.port, "/echo");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_BROKEN, true, NULL,
	    "sent on a dead connection, then refused");
	while (vanishing.live > 0)
		sleep_ms(5);
}

struct enough {
	pthread_t thread;
	int asked;
	bool wrong;
};

static bool
is_enough(const struct http_call *call, void *context)
{
	struct enough *enough = context;

	enough->asked++;
	if (!pthread_equal(enough->thread, pthread_self()) ||
	    call->result != HTTP_ANSWERED || !call->answer.data)
		enough->wrong = true;
	return call->status == 200;
}

static void
test_batches(struct arena *arena)
{
	struct http_call calls[20];
	struct enough enough = {.thread = pthread_self()};
	struct http_batch batch = {.calls = calls, .n = 4, .timeout_ms = 20000,
	    .enough = is_enough, .context = &enough};
	int64_t start, one, all;
	size_t i, answered = 0;

	run(arena, calls, 0, 1000);
	ok(true, "%s: an empty batch", mode_name);

	start = now_ms();
	calls[0] = run_one(arena, "/slow", 20000);
	one = now_ms() - start;
	for (i = 0; i < 20; i++)
		calls[i] = get(arena, web.port, "/slow");
	start = now_ms();
	run(arena, calls, 20, 20000);
	all = now_ms() - start;
	for (i = 0; i < 20; i++)
		answered += calls[i].result == HTTP_ANSWERED;
	is_int(answered, 20, "%s: 20 calls", mode_name);
	ok(all < 5 * one, "%s: 20 in %lld ms, one in %lld ms", mode_name,
	    (long long)all, (long long)one);

	calls[0] = get(arena, web.port, "/hang");
	calls[1] = get(arena, web.port, "/error");
	calls[2] = get(arena, web.port, "/slow");
	calls[3] = get(arena, web.port, "/hang");
	start = now_ms();
	http->run(http, arena, &batch);
	ok(now_ms() - start < 10000, "%s: did not wait", mode_name);
	expect(&calls[0], HTTP_ABANDONED, true, "enough", "abandoned");
	expect(&calls[3], HTTP_ABANDONED, true, "enough", "abandoned too");
	is_int(calls[1].status, 500, "asked, not enough");
	expect(&calls[2], HTTP_ANSWERED, true, NULL, "enough");
	is_int(enough.asked, 2, "asked once a call");
	ok(!enough.wrong, "in the caller's thread, with the answer");

	for (i = 0; i < 3; i++)
		calls[i] = get(arena, web.port, i == 1 ? "/hang" : "/echo");
	run(arena, calls, 3, 400);
	ok(calls[0].result == HTTP_ANSWERED && calls[2].result == HTTP_ANSWERED,
	    "%s: answers beside a hanging server", mode_name);
	expect(&calls[1], HTTP_TIMEOUT, true, "no answer", "the hanging one");
}

static void *
caller_main(void *context)
{
	atomic_int *right = context;
	struct arena *arena = arena_new();
	struct http_call calls[5];
	int round;
	size_t i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 5; i++)
			calls[i] = get(arena, web.port,
			    str_printf(arena, "/%zu/%d", i, round));
		run(arena, calls, 5, 20000);
		for (i = 0; i < 5; i++)
			*right += calls[i].result == HTTP_ANSWERED &&
			    str_starts(calls[i].answer,
			    str_printf(arena, "GET /%zu/%d ", i, round));
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void
test_callers(void)
{
	atomic_int right = 0;
	pthread_t threads[8];
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, caller_main, &right);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	is_int(right, 8 * 20 * 5, "%s: 8 threads, each its own answers",
	    mode_name);
}

/*
 * The maximum of calls under way to one server.  Servers are told apart by name,
 * here "test" (web) and "gated", which hangs as long as its gate is shut.
 */

#define MOST 4

static struct server gated;

static struct http_call
get_gated(struct arena *arena, const char *path)
{
	struct http_call call = get(arena, gated.port, path);

	call.server = "gated";
	return call;
}

static size_t
count_results(const struct http_call *calls, size_t n, enum http_result result)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		count += calls[i].result == result;
	return count;
}

/* Shut or open the gate, when nothing waits at it. */
static void
set_gate(bool shut)
{

	while (gated.open > 0)
		sleep_ms(5);
	gated.shut = shut;
}

static void
test_maximum(struct arena *arena)
{
	struct http_call calls[20];
	int64_t first_ms;
	size_t i;

	web.most_open = 0;
	for (i = 0; i < 20; i++)
		calls[i] = get(arena, web.port, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20,
	    "%s: a crowd at a healthy server: all are answered", mode_name);
	is_int(web.most_open, MOST, "%s: so many at once", mode_name);
	for (i = MOST; i < 20 && calls[i].elapsed_ms >= calls[i - MOST].elapsed_ms; i++)
		continue;
	is_int(i, 20, "%s: in the order they came", mode_name);

	/* The last ten calls go to another server. */
	set_gate(true);
	gated.most_open = 0;
	for (i = 0; i < 20; i++)
		calls[i] = i < 10 ? get_gated(arena, "/gate") :
		    get(arena, web.port, "/slow");
	run(arena, calls, 20, 2500);
	is_int(count_results(calls, 10, HTTP_TIMEOUT), MOST,
	    "%s: a server that hangs: what was sent", mode_name);
	is_int(count_results(calls, 10, HTTP_BUSY), 10 - MOST,
	    "%s: a server that hangs: what was not", mode_name);
	expect(&calls[9], HTTP_BUSY, false, "it answers none", "busy");
	ok(calls[9].elapsed_ms < calls[0].elapsed_ms,
	    "%s: busy after %lld ms, a timeout after %lld ms", mode_name,
	    (long long)calls[9].elapsed_ms, (long long)calls[0].elapsed_ms);
	is_int(count_results(calls + 10, 10, HTTP_ANSWERED), 10,
	    "%s: another server is called meanwhile", mode_name);
	is_int(gated.most_open, MOST, "%s: not more at the one that hangs", mode_name);

	/* It hung until a moment ago: those beyond the maximum do not wait again. */
	first_ms = calls[9].elapsed_ms;
	for (i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 1500);
	is_int(count_results(calls, 10, HTTP_BUSY), 10 - MOST,
	    "%s: known to hang", mode_name);
	ok(calls[9].elapsed_ms < first_ms, "%s: busy at once: %lld ms, %lld ms before",
	    mode_name, (long long)calls[9].elapsed_ms, (long long)first_ms);
	calls[0] = get_gated(arena, "/echo");
	run(arena, calls, 1, 5000);
	expect(&calls[0], HTTP_ANSWERED, true, NULL, "a sign of life");
	set_gate(false);
	for (i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "%s: well again", mode_name);
}

static void
test_waiting_ends(struct arena *arena)
{
	struct http_call calls[10];
	struct enough enough = {.thread = pthread_self()};
	struct http_batch batch = {.calls = calls, .n = 10, .timeout_ms = 20000,
	    .enough = is_enough, .context = &enough};
	size_t i;

	set_gate(true);
	for (i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 300);
	is_int(count_results(calls, 10, HTTP_TIMEOUT), MOST, "%s: the deadline", mode_name);
	expect(&calls[9], HTTP_BUSY, false, "no turn within 300 ms",
	    "deadline while waiting");
	/* Patience has not ended yet, but nothing was answered in all that time. */
	run(arena, calls, 10, 300);
	expect(&calls[9], HTTP_BUSY, false, "it answers none", "after a timeout");

	calls[0] = get_gated(arena, "/echo");
	run(arena, calls, 1, 5000);
	for (i = 0; i < 9; i++)
		calls[i] = get_gated(arena, "/gate");
	calls[9] = get(arena, web.port, "/slow");
	http->run(http, arena, &batch);
	expect(&calls[9], HTTP_ANSWERED, true, NULL, "enough");
	is_int(count_results(calls, 9, HTTP_ABANDONED), 9,
	    "%s: abandoned while waiting", mode_name);
	expect(&calls[0], HTTP_ABANDONED, true, "enough", "abandoned under way");
	expect(&calls[8], HTTP_ABANDONED, false, "enough", "abandoned while waiting");

	set_gate(false);
	for (i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 20000);
	is_int(count_results(calls, 10, HTTP_ANSWERED), 10,
	    "%s: no place was lost by that", mode_name);
}

/* Some calls to the gate, run by a thread of their own. */
struct at_gate {
	pthread_t thread;
	struct arena *arena;
	struct http_call calls[MOST + 1];
	size_t n;
	int64_t timeout_ms;
	bool until_enough;       /* given up after 900 ms */
};

static void *
at_gate_main(void *context)
{
	struct at_gate *at_gate = context;
	struct enough enough = {.thread = pthread_self()};
	struct http_batch batch = {.calls = at_gate->calls, .n = at_gate->n,
	    .timeout_ms = at_gate->timeout_ms};

	if (at_gate->until_enough) {
		batch.calls[batch.n++] = get(at_gate->arena, web.port, "/slower");
		batch.enough = is_enough;
		batch.context = &enough;
	}
	http->run(http, at_gate->arena, &batch);
	return NULL;
}

/* Shut the gate and send calls there, which are under way on return. */
static void
at_gate_start(struct at_gate *at_gate, size_t n, int64_t timeout_ms, bool until_enough)
{
	size_t i;

	set_gate(true);
	*at_gate = (struct at_gate){.arena = arena_new(), .n = n, .timeout_ms = timeout_ms,
	    .until_enough = until_enough};
	for (i = 0; i < n; i++)
		at_gate->calls[i] = get_gated(at_gate->arena, "/gate");
	pthread_create(&at_gate->thread, NULL, at_gate_main, at_gate);
	while (gated.open < (int)n)
		sleep_ms(5);
}

/* Wait until the calls are done; returns how many have that result. */
static size_t
at_gate_end(struct at_gate *at_gate, enum http_result result)
{
	size_t count;

	pthread_join(at_gate->thread, NULL);
	count = count_results(at_gate->calls, at_gate->n, result);
	arena_free(at_gate->arena);
	return count;
}

/* What one caller's calls do to another's. */
static void
test_crowd(struct arena *arena)
{
	struct http_call calls[20];
	struct at_gate at_gate;
	int64_t first_ms;
	size_t i;

	/* No call of its own, and no timeout, tells the second caller. */
	at_gate_start(&at_gate, MOST, 60000, false);
	for (i = 0; i < 3; i++)
		calls[i] = get_gated(arena, "/echo");
	run(arena, calls, 3, 50000);
	is_int(count_results(calls, 3, HTTP_BUSY), 3, "all places taken: busy");
	first_ms = calls[2].elapsed_ms;
	run(arena, calls, 3, 50000);
	is_int(count_results(calls, 3, HTTP_BUSY), 3, "still busy");
	ok(calls[0].elapsed_ms < first_ms, "at once: %lld ms, and %lld ms before",
	    (long long)calls[0].elapsed_ms, (long long)first_ms);
	gated.shut = false;
	is_int(at_gate_end(&at_gate, HTTP_ANSWERED), MOST, "the gate opens");
	for (i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "after that nobody is busy");

	/* One call that takes long, a create perhaps, then a crowd. */
	at_gate_start(&at_gate, 1, 60000, false);
	sleep_ms(1200);
	for (i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd after a slow call");
	gated.shut = false;
	is_int(at_gate_end(&at_gate, HTTP_ANSWERED), 1, "the slow call");

	/* One call that times out while others are answered. */
	at_gate_start(&at_gate, 1, 500, false);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd beside a timeout");
	is_int(at_gate_end(&at_gate, HTTP_TIMEOUT), 1, "the timeout");

	/* Calls that were given up had no chance to be answered. */
	at_gate_start(&at_gate, MOST, 60000, true);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd behind a search");
	is_int(at_gate_end(&at_gate, HTTP_ABANDONED), MOST, "which finds elsewhere");

	/* Nor had one without any time. */
	run(arena, calls, 1, 0);
	expect(&calls[0], HTTP_TIMEOUT, false, "within 0 ms", "no time");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd after that");

	/* A timeout, then silence: what was known is out of date. */
	at_gate_start(&at_gate, 1, 100, false);
	is_int(at_gate_end(&at_gate, HTTP_TIMEOUT), 1, "a timeout");
	sleep_ms(1200);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd later on");
	set_gate(false);
}

static void
test_places(struct arena *arena, enum http_curl_mode mode)
{
	/* A long time to connect, or its end would wake the loop at the right time. */
	struct http_curl_options options = {mode, 20000, NULL, "tinyscale/test", MOST};
	struct http *without = http;

	http = http_curl_open(&options);
	test_maximum(arena);
	test_waiting_ends(arena);
	if (mode == HTTP_CURL_THREAD)
		test_crowd(arena);
	http->close(http);
	http = without;
}

/* Run a program and wait for it, or, with pid, leave it running. */
static bool
spawn(const char *const *argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char *args[32];
	int status, i;
	pid_t child;
	bool done;

	for (i = 0; argv[i]; i++)
		args[i] = strdup(argv[i]);
	args[i] = NULL;
	posix_spawn_file_actions_init(&actions);
	for (i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
	done = posix_spawnp(&child, args[0], &actions, NULL, args, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	for (i = 0; args[i]; i++)
		free(args[i]);
	if (done && pid)
		*pid = child;
	else if (done)
		done = waitpid(child, &status, 0) == child && status == 0;
	return done;
}

static void
test_certificate(struct arena *arena, enum http_curl_mode mode)
{
	char dir[] = "/tmp/test_http_curl.XXXXXX";
	struct http_curl_options options = {mode, 5000, NULL, "tinyscale/test", 0};
	struct http *all = http;
	struct http_call call;
	const char *key, *certificate, *port_text;
	int port, fd, try;
	pid_t pid = 0;

	if (!mkdtemp(dir))
		return;
	key = str_printf(arena, "%s/key", dir);
	certificate = str_printf(arena, "%s/certificate", dir);
	fd = bound_socket(&port);
	close(fd);
	port_text = str_printf(arena, "127.0.0.1:%d", port);
	const char *const make[] = {"openssl", "req", "-x509", "-newkey",
	    "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj",
	    "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", NULL};
	const char *const serve_tls[] = {"openssl", "s_server", "-accept",
	    port_text, "-key", key, "-cert", certificate, "-www", "-quiet", NULL};
	if (!spawn(make, NULL) || !spawn(serve_tls, &pid)) {
		skip("openssl(1) is not there");
		goto remove;
	}
	call = get(arena, port, "/");
	call.url = str_printf(arena, "https://127.0.0.1:%d/?secret=1", port);
	for (try = 0; try < 100; try++) {
		http->run(http, arena, &(struct http_batch){.calls = &call,
		    .n = 1, .timeout_ms = 10000});
		if (!strstr(call.problem, "refused"))
			break;
		sleep_ms(50);
	}
	expect(&call, HTTP_UNREACHABLE, false, "certificate not accepted: ",
	    "strange certificate");
	options.ca_file = certificate;
	http = http_curl_open(&options);
	run(arena, &call, 1, 10000);
	expect(&call, HTTP_ANSWERED, true, NULL, "certificate in ca_file");
	call.url = str_printf(arena, "https://localhost:%d/?secret=1", port);
	run(arena, &call, 1, 10000);
	expect(&call, HTTP_UNREACHABLE, false, "certificate not accepted: ",
	    "certificate of another host");
	http->close(http);
	http = all;
	kill(pid, SIGKILL); /* it inherited the mask: SIGTERM is blocked */
	waitpid(pid, NULL, 0);
remove:
	unlink(key);
	unlink(certificate);
	rmdir(dir);
}

static int
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int
main(void)
{
	static const struct http_curl_options options[] = {
		{HTTP_CURL_THREAD, 1000, NULL, "tinyscale/test", 0},
		{HTTP_CURL_INLINE, 1000, NULL, "tinyscale/test", 0},
	};
	static const char *const proxies[] = {"http_proxy", "https_proxy",
	    "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	struct arena *arena = arena_new();
	int dead, dead_port, files, threads, try;
	char proxy[64];
	sigset_t all;
	size_t i;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	dead = bound_socket(&dead_port);
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", dead_port);
	for (i = 0; i < sizeof proxies / sizeof *proxies; i++)
		setenv(proxies[i], proxy, 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	server_start(&web);
	server_start(&gated);

	for (i = 0; i < sizeof options / sizeof *options; i++) {
		mode_name = options[i].mode == HTTP_CURL_THREAD ?
		    "thread" : "inline";
		files = count_entries("/proc/self/fd");
		threads = count_entries("/proc/self/task");
		http = http_curl_open(&options[i]);
		if (!ok(http != NULL, "%s: open", mode_name))
			continue;
		test_request(arena);
		test_answers(arena);
		test_failures(arena);
		test_public_only(arena);
		test_connect_timeout(arena);
		test_connections(arena);
		test_batches(arena);
		test_callers();
		test_places(arena, options[i].mode);
		test_certificate(arena, options[i].mode);
		arena_reset(arena);
		http->close(http);
		for (try = 0; try < 200 && (web.live > 0 || gated.live > 0 ||
		    count_entries("/proc/self/fd") != files ||
		    count_entries("/proc/self/task") != threads); try++)
			sleep_ms(10);
		is_int(count_entries("/proc/self/fd"), files,
		    "%s: no file left open", mode_name);
		is_int(count_entries("/proc/self/task"), threads,
		    "%s: no thread left", mode_name);

		http = http_curl_open(&options[i]);
		http->close(http);
		ok(true, "%s: opened and closed unused", mode_name);
	}
	server_stop(&web);
	server_stop(&gated);
	close(dead);
	arena_free(arena);
	return done_testing();
}
