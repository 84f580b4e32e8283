/*
 * The libcurl transport, in both modes: answers of servers gone wild.  Headers and chunks
 * without end, lengths that lie, compressed bytes, a byte now and then, and more than this
 * process may hold.
 */
#include "test_http_curl.h"

#include "base/bounds.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define ENDLESS (-1)

/* An answer: the head, then the piece so often, then the connection ends. */
struct wild {
	const char *what, *head, *piece;
	int times, pause_ms;
	enum http_result result;
	const char *problem; /* or, of HTTP_ANSWERED, the answer */
};

static const struct wild wilds[] = {
	/* Headers. */
	{ "one header without end", OK "X: ", "and more and more", ENDLESS, 0, HTTP_TOO_LARGE,
	    "header" },
	{ "a status line without end", "HTTP/1.1 200 ", "OK and more ", ENDLESS, 0,
	    HTTP_TOO_LARGE, "header" },
	{ "a header's name without end", OK, "and-more-and-more", ENDLESS, 0, HTTP_TOO_LARGE,
	    "header" },
	{ "interim answers without end", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
	    ENDLESS, 0, HTTP_TOO_LARGE, "header" },
	{ "cookies without end", OK, "Set-Cookie: a=b; Path=/\r\n", ENDLESS, 0, HTTP_TOO_LARGE,
	    "header" },
	{ "folded lines without end", OK "X: a\r\n", " and more\r\n", ENDLESS, 0,
	    HTTP_TOO_LARGE, "header" },
	{ "trailers without end", CHUNKED "5\r\nhello\r\n0\r\n", "X-More: more\r\n", ENDLESS, 0,
	    HTTP_TOO_LARGE, "header" },
	{ "a NUL would be next", OK "X: \x01\x02\x7f\r\nContent-Length: 5\r\n\r\n", "hello", 1,
	    0, HTTP_ANSWERED, "hello" },
	/* Lengths. */
	{ "more than the length tells", OK "Content-Length: 5\r\n\r\n",
	    "hello<response/>HTTP/1.1 200 OK\r\n\r\n", 1, 0, HTTP_ANSWERED, "hello" },
	{ "far more", OK "Content-Length: 5\r\n\r\n", "hello", ENDLESS, 0, HTTP_ANSWERED,
	    "hello" },
	{ "a length of 0, and a body", OK "Content-Length: 0\r\n\r\n", "hello", 1, 0,
	    HTTP_ANSWERED, "" },
	{ "less than the length tells", OK "Content-Length: 500\r\n\r\n", "hello", 3, 0,
	    HTTP_BROKEN, "cut off" },
	{ "a length of a gigabyte", OK "Content-Length: 1073741824\r\n\r\n", "hello", ENDLESS,
	    0, HTTP_TOO_LARGE, "1048576" },
	{ "a length of 2^64 and more", OK "Content-Length: 99999999999999999999\r\n\r\n",
	    "hello", ENDLESS, 0, HTTP_TOO_LARGE, "" },
	{ "a length below 0", OK "Content-Length: -5\r\n\r\n", "hello", 1, 0, HTTP_BROKEN, "" },
	{ "a length that is no number", OK "Content-Length: five\r\n\r\n", "hello", 1, 0,
	    HTTP_BROKEN, "" },
	{ "a length beside chunks",
	    OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "5\r\nhello\r\n0\r\n\r\n", 1, 0, HTTP_ANSWERED, "hello" },
	/* Chunks. */
	{ "chunks without end", CHUNKED, "5\r\nhello\r\n", ENDLESS, 0, HTTP_TOO_LARGE,
	    "1048576" },
	{ "one chunk without end", CHUNKED "7fffffffffffffff\r\n", "hello", ENDLESS, 0,
	    HTTP_TOO_LARGE, "1048576" },
	{ "a chunk beyond all numbers", CHUNKED "fffffffffffffffffff\r\n", "hello", ENDLESS, 0,
	    HTTP_BROKEN, "" },
	{ "a chunk's size that is no number", CHUNKED "five\r\n", "hello", ENDLESS, 0,
	    HTTP_BROKEN, "" },
	{ "chunks of other sizes than they tell", CHUNKED, "3\r\nhello\r\n", 2, 0, HTTP_BROKEN,
	    "" },
	{ "a chunk's extension without end", CHUNKED "5;", "more;", ENDLESS, 0, HTTP_TIMEOUT,
	    "no answer" },
	/* A byte now and then. */
	{ "a byte of the status line now and then", "HTTP/", "1", ENDLESS, 100, HTTP_TIMEOUT,
	    "no answer" },
	{ "a header now and then", OK, "X: y\r\n", ENDLESS, 100, HTTP_TIMEOUT, "no answer" },
	{ "an empty line would be next", OK "X", "-", ENDLESS, 100, HTTP_TIMEOUT, "no answer" },
	{ "a chunk now and then", CHUNKED, "1\r\nx\r\n", ENDLESS, 100, HTTP_TIMEOUT,
	    "no answer" },
	{ "interim answers now and then", "", "HTTP/1.1 102 Processing\r\n\r\n", ENDLESS, 100,
	    HTTP_TIMEOUT, "no answer" },
	/* What is no HTTP. */
	{ "a status of its own", "HTTP/1.1 99999 OK\r\n\r\n", "hello", 1, 0, HTTP_BROKEN, "" },
	{ "another", "HTTP/1.1 999 OK\r\n\r\n", "hello", 1, 0, HTTP_BROKEN, "no HTTP" },
	{ "one below all", "HTTP/1.1 099 OK\r\n\r\n", "hello", 1, 0, HTTP_BROKEN, "" },
	{ "an old HTTP", "<response/>\r\n\r\n", "hello", 1, 0, HTTP_BROKEN, "no HTTP" },
	{ "another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "", 1, 0, HTTP_BROKEN, "no HTTP" },
};

/* Bytes that gzip(1) made of twenty times as many as an answer may have. */
static char *zipped;
static size_t zipped_len;

static void
make_zipped(void)
{
	FILE *gzip = popen("head -c 20971520 /dev/zero | gzip -9", "r");

	zipped = malloc(1 << 20);
	zipped_len = gzip ? fread(zipped, 1, 1 << 20, gzip) : 0;
	if (gzip)
		pclose(gzip);
}

static struct server den;

/* Answer by the path's number, or with zipped bytes under a header. */
static void
serve_wild(int fd, const char *request)
{
	const char *zip = strstr(request, "/zip/");

	if (zip) {
		char head[200];

		/* libcurl leaves an empty query's "?" away when it asks again on a new
		 * connection (7.88.1, curl_url_get). */
		snprintf(head, sizeof(head), OK "%.*s\r\nContent-Length: %zu\r\n\r\n",
		    (int)strcspn(zip + 5, "? "), zip + 5, zipped_len);
		for (char *c = head; *c; c++)
			if (*c == '+')
				*c = ' ';
		send_text(fd, head);
		send_all(fd, zipped, zipped_len);
		return;
	}
	if (path_is(request, "/fine")) {
		answer(fd, "200 OK", "fine", 4);
		return;
	}
	if (path_is(request, "/large")) {
		static const char large[4 << 20];

		answer(fd, "200 OK", large, sizeof(large));
		return;
	}
	const struct wild *wild = &wilds[strtoul(strchr(request, '/') + 1, NULL, 10)];
	bool goes_on = send_text(fd, wild->head);
	for (int i = 0; goes_on && (wild->times == ENDLESS || i < wild->times); i++) {
		goes_on = send_text(fd, wild->piece);
		if (wild->pause_ms > 0)
			sleep_ms(wild->pause_ms);
	}
}

static void *
serve_one(void *argument)
{
	char request[4096];
	int fd = (int)(intptr_t)argument;

	while (read_request(fd, request, sizeof(request)) > 0) {
		serve_wild(fd, request);
		if (!path_is(request, "/fine"))
			break;
	}
	shutdown(fd, SHUT_WR);
	wait_for_end(fd);
	close(fd);
	den.live--;
	return NULL;
}

static void *
serve_all(void *argument)
{
	int fd;

	(void)argument;
	while ((fd = accept(den.fd, NULL, NULL)) >= 0) {
		pthread_t thread;

		den.live++;
		pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return NULL;
}

static void
test_wilds(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(wilds); i++) {
		const struct wild *wild = &wilds[i];
		bool is_answer = wild->result == HTTP_ANSWERED;
		struct http_call call = get(arena, den.port, str_printf(arena, "/%zu?", i));

		run(arena, &call, 1, wild->result == HTTP_TIMEOUT ? 400 : 20000);
		expect(&call, wild->result, true, is_answer ? NULL : wild->problem, wild->what);
		if (is_answer)
			is_str(call.answer.data, wild->problem, "… the answer");
		/* What it says too much may come when its connection is used again: it spoils
		 * one more answer of its own at most. */
		int tries = 0;
		do {
			call = get(arena, den.port, "/fine");
			run(arena, &call, 1, 20000);
		} while (call.result != HTTP_ANSWERED && ++tries < 2);
		expect(&call, HTTP_ANSWERED, true, NULL, "… the next one");
		is_str(call.answer.data, "fine", "… is its own");
		arena_reset(arena);
	}
}

/* Nothing compressed is asked for.  What comes so all the same is not made large: it is left
 * as it is; or, where the transfer itself is said to be, ends at the maximum, or at once, as
 * with libcurl 8.14. */
static void
test_zipped(struct arena *arena)
{
	static const struct {
		const char *header;
		enum http_result result;
	} rows[] = {
		{ "Content-Encoding:+gzip", HTTP_ANSWERED },
		{ "Content-Encoding:+deflate", HTTP_ANSWERED },
		{ "Content-Encoding:+br,gzip", HTTP_ANSWERED },
		{ "Content-Type:+application/gzip", HTTP_ANSWERED },
		{ "Transfer-Encoding:+gzip", HTTP_TOO_LARGE },
		{ "Transfer-Encoding:+gzip,gzip", HTTP_BROKEN },
	};

	if (zipped_len == 0 || zipped_len == 1 << 20) {
		skip("gzip(1) is not there");
		return;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_call call = get(arena, den.port,
		    str_printf(arena, "/zip/%s?", rows[i].header));

		run(arena, &call, 1, 20000);
		ok(call.result == rows[i].result ||
		        (call.result == HTTP_BROKEN && rows[i].result == HTTP_TOO_LARGE),
		    "%s: %s (%s)", mode_name, rows[i].header,
		    call.problem ? call.problem : "answered");
		if (call.result == HTTP_ANSWERED)
			ok(call.answer.len == zipped_len &&
			        memcmp(call.answer.data, zipped, zipped_len) == 0,
			    "… %zu bytes, as they came", call.answer.len);
	}
}

/* All answers together have a maximum: one that is beyond it is lost, which is no fault of
 * its server.  Afterwards there is room again. */
static void
test_room(struct arena *arena)
{
	enum { N = 6 };
	struct http_call calls[N];
	size_t n_short = 0, n_large = 0;

	for (size_t i = 0; i < N; i++) {
		calls[i] = get(arena, web.port, "/endless");
		/* However unevenly they come in, no one reaches its own maximum first. */
		calls[i].max_answer_bytes = LIMIT_ANSWERS_BYTES;
	}
	run(arena, calls, N, 60000);
	for (size_t i = 0; i < N; i++) {
		n_large += calls[i].result == HTTP_TOO_LARGE;
		if (calls[i].result == HTTP_SHORTAGE && n_short++ == 0)
			expect(&calls[i], HTTP_SHORTAGE, true, "short of memory here",
			    "beyond");
	}
	is_int(n_short + n_large, N, "%s: all of six answers without end end", mode_name);
	ok(n_short > 0, "%s: not all of them have room: %zu", mode_name, n_short);
	struct http_call call = get(arena, web.port, "/endless");
	call.max_answer_bytes = LIMIT_ANSWERS_BYTES - (1 << 20);
	run(arena, &call, 1, 60000);
	expect(&call, HTTP_TOO_LARGE, true, "larger", "afterwards there is room");

	/* So it is while a request has its answer, and only then. */
	struct arena *mine = arena_new();
	call = get(mine, den.port, "/large");
	call.max_answer_bytes = LIMIT_ANSWERS_BYTES;
	run(mine, &call, 1, 60000);
	expect(&call, HTTP_ANSWERED, true, NULL, "a large answer");
	struct http_call other = get(arena, web.port, "/endless");
	other.max_answer_bytes = LIMIT_ANSWERS_BYTES - (1 << 20);
	run(arena, &other, 1, 60000);
	expect(&other, HTTP_SHORTAGE, true, "short of memory here", "beside another");
	other = get(arena, web.port, "/endless");
	run(arena, &other, 1, 60000);
	expect(&other, HTTP_TOO_LARGE, true, "1048576", "the first bytes are free");
	arena_free(mine);
	call.max_answer_bytes = LIMIT_ANSWERS_BYTES - (1 << 20);
	call.url = other.url;
	run(arena, &call, 1, 60000);
	expect(&call, HTTP_TOO_LARGE, true, "larger", "its request is done");
}

static void
tests(struct arena *arena, enum http_curl_mode mode)
{
	test_wilds(arena);
	test_zipped(arena);
	if (mode == HTTP_CURL_THREAD)
		test_room(arena);
}

int
main(void)
{
	make_zipped();
	den.fd = bound_socket(&den.port);
	listen(den.fd, 128);
	pthread_create(&den.thread, NULL, serve_all, NULL);
	int status = test_modes(tests);
	shutdown(den.fd, SHUT_RDWR);
	pthread_join(den.thread, NULL);
	close(den.fd);
	free(zipped);
	return status;
}
