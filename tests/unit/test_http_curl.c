/*
 * The libcurl transport, in both modes: what is sent, what is answered, connections and
 * batches.  (Its failures are in test_http_curl_failures.c, the maximum of calls to one
 * server in test_http_curl_places.c.)
 */
#include "test_http_curl.h"

static void
test_request(struct arena *arena)
{
	struct http_call call = run_one(arena, "/echo/../x?b=%20&a=1", 5000);

	expect(&call, HTTP_ANSWERED, true, NULL, "GET");
	is_int(call.status, 200, "status");
	ok(call.answer.data[call.answer.len] == '\0', "answer ends in NUL");
	is_str(call.answer.data,
	    str_printf(arena,
	        "GET /echo/../x?b=%%20&a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	        "User-Agent: tinyscale/test\r\nAccept: */*\r\n\r\n",
	        web.port),
	    "%s: exactly these bytes were sent", mode_name);
	ok(str_is(call.answer_type, "text/plain"), "Content-Type");
	ok(!call.location.data && !call.set_cookie.data, "absent headers");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "POST without a body");
	ok(strstr(call.answer.data, "\r\nContent-Length: 0\r\n") != NULL, "Content-Length: 0");
	ok(!strcasestr(call.answer.data, "Content-Type"), "no Content-Type");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	call.body = (struct str){ "a\0b=\r\n", 6 };
	call.content_type = STR("application/xml");
	call.forwarded_for = STR("192.0.2.7\r\nX-Evil: 1");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "POST");
	ok(strstr(call.answer.data, "\r\nContent-Length: 6\r\n") &&
	        strstr(call.answer.data, "\r\nContent-Type: application/xml\r\n"),
	    "length and type");
	ok(strstr(call.answer.data, "\r\nX-Forwarded-For: 192.0.2.7  X-Evil: 1\r\n") != NULL,
	    "X-Forwarded-For adds no header");
	ok(call.answer.len > 6 &&
	        memcmp(call.answer.data + call.answer.len - 6, "a\0b=\r\n", 6) == 0,
	    "the body, byte by byte");

	call = get(arena, web.port, "/echo");
	call.method = "POST";
	call.body = (struct str){ memset(arena_alloc(arena, 200000), 'x', 200000), 200000 };
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "a large POST");
	ok(call.answer.len > 200000 && call.answer.data[call.answer.len - 1] == 'x',
	    "all of it arrived");
	is_int(web.continued, 0, "no Expect: 100-continue");
}

static void
test_answers(struct arena *arena)
{
	struct http_call call = run_one(arena, "/redirect", 5000);

	expect(&call, HTTP_ANSWERED, true, NULL, "redirect");
	is_int(call.status, 302, "not followed");
	ok(str_is(call.location, "https://elsewhere.example/join?x=1"), "Location");
	ok(str_is(call.set_cookie, "a=1; Path=/\nb=2"), "Set-Cookie");
	ok(str_is(call.answer_type, "text/html;charset=utf-8"), "Content-Type");
	ok(call.answer.data && call.answer.len == 0, "empty answer");

	call = run_one(arena, "/echo", 5000);
	ok(call.answer.data && !strcasestr(call.answer.data, "Cookie"), "no cookie kept");

	call = run_one(arena, "/interim", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "interim answer");
	is_int(call.status, 200, "the final status");
	ok(!call.location.data && !call.set_cookie.data, "interim headers forgotten");
	ok(str_is(call.answer, "<r/>"), "the final answer");

	call = run_one(arena, "/chunked", 5000);
	ok(str_is(call.answer, "hello") && !call.location.data,
	    "chunks joined, trailer ignored");

	call = run_one(arena, "/error", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "status 500 is an answer");
	is_int(call.status, 500, "status 500");

	call = run_one(arena, "/bytes", 5000);
	is_int(call.answer.len, BIG, "%s: length of a binary answer", mode_name);
	size_t wrong = 0;
	for (size_t i = 0; i < call.answer.len; i++)
		wrong += call.answer.data[i] != (char)(i * 7 + i / 256);
	is_int(wrong, 0, "each byte is right");

	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = BIG;
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "the very maximum");
}

static void
test_connections(struct arena *arena)
{
	struct http_call call = run_one(arena, "/connection", 5000);
	struct http_call last = run_one(arena, "/connection", 5000);
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

	struct server vanishing = { 0 };
	server_start(&vanishing);
	call = get(arena, vanishing.port, "/then-vanish");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "before it vanishes");
	pthread_join(vanishing.thread, NULL);
	close(vanishing.fd);
	call = get(arena, vanishing.port, "/echo");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_BROKEN, true, NULL, "sent on a dead connection, then refused");
	while (vanishing.live > 0)
		sleep_ms(5);
}

/* A server may close each kept connection in the moment in which it is used. */
static void
test_dead_connections(struct arena *arena)
{
	int n_answered = 0;

	for (int i = 0; i < 20; i++)
		n_answered += run_one(arena, "/then-close", 5000).result == HTTP_ANSWERED;
	is_int(n_answered, 20, "%s: dead kept connections do not add up", mode_name);
}

static void
test_batches(struct arena *arena)
{
	struct http_call calls[20];
	struct enough enough = { .thread = pthread_self() };
	struct http_batch batch = {
		.calls = calls,
		.n = 4,
		.timeout_ms = 20000,
		.enough = is_enough,
		.context = &enough,
	};

	run(arena, calls, 0, 1000);
	ok(true, "%s: an empty batch", mode_name);

	int64_t start = clock_ms(CLOCK_MONOTONIC);
	calls[0] = run_one(arena, "/slow", 20000);
	int64_t one = clock_ms(CLOCK_MONOTONIC) - start;
	for (size_t i = 0; i < 20; i++)
		calls[i] = get(arena, web.port, "/slow");
	start = clock_ms(CLOCK_MONOTONIC);
	run(arena, calls, 20, 20000);
	int64_t all = clock_ms(CLOCK_MONOTONIC) - start;
	size_t answered = 0;
	for (size_t i = 0; i < 20; i++)
		answered += calls[i].result == HTTP_ANSWERED;
	is_int(answered, 20, "%s: 20 calls", mode_name);
	ok(all < 5 * one, "%s: 20 in %lld ms, one in %lld ms", mode_name, (long long)all,
	    (long long)one);

	calls[0] = get(arena, web.port, "/hang");
	calls[1] = get(arena, web.port, "/error");
	calls[2] = get(arena, web.port, "/slow");
	calls[3] = get(arena, web.port, "/hang");
	start = clock_ms(CLOCK_MONOTONIC);
	http->run(http, arena, &batch);
	ok(clock_ms(CLOCK_MONOTONIC) - start < batch.timeout_ms, "%s: did not wait", mode_name);
	expect(&calls[0], HTTP_ABANDONED, true, "enough", "abandoned");
	expect(&calls[3], HTTP_ABANDONED, true, "enough", "abandoned too");
	is_int(calls[1].status, 500, "asked, not enough");
	expect(&calls[2], HTTP_ANSWERED, true, NULL, "enough");
	is_int(enough.asked, 2, "asked once a call");
	ok(!enough.wrong, "in the caller's thread, with the answer");

	for (size_t i = 0; i < 3; i++)
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

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 5; i++)
			calls[i] = get(arena, web.port, str_printf(arena, "/%zu/%d", i, round));
		run(arena, calls, 5, 20000);
		for (size_t i = 0; i < 5; i++)
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

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, caller_main, &right);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	is_int(right, 8 * 20 * 5, "%s: 8 threads, each its own answers", mode_name);
}

/* Nothing is loaded or begun before the first batch. */
static void
test_unused(enum http_curl_mode mode)
{
	const struct http_curl_options options = { mode, 1000, NULL, "tinyscale/test", 0, 1 };
	struct http *unused = http_curl_open(&options);

	unused->close(unused);
	ok(true, "%s: opened and closed unused", mode_name);
}

static void
tests(struct arena *arena, enum http_curl_mode mode)
{
	test_request(arena);
	test_answers(arena);
	test_connections(arena);
	test_dead_connections(arena);
	test_batches(arena);
	test_callers();
	test_unused(mode);
}

int
main(void)
{
	return test_modes(tests);
}
