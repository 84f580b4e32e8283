/*
 * RFC 3875 in both directions: variables and a body to a request, a response
 * to a header block.
 */
#include "formats/cgi.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct variable {
	const char *name, *value;
};

/* A door with these variables, whose body comes in pieces of at most piece
 * bytes and breaks with an error instead of ending, if it is to. */
struct door {
	const struct variable *variables;
	const char *body;
	size_t len, at, piece;
	bool breaks;
};

static struct arena *arena;

static const char *
text_of(struct str s)
{
	return s.data ? str_copy(arena, s) : NULL;
}

static const char *
door_variable(void *context, const char *name)
{
	const struct door *door = context;

	for (const struct variable *v = door->variables; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v->value;
	return NULL;
}

static long
door_read(void *context, char *data, size_t size)
{
	struct door *door = context;
	size_t n = door->len - door->at;

	if (n == 0)
		return door->breaks ? -1 : 0;
	if (n > size)
		n = size;
	if (door->piece > 0 && n > door->piece)
		n = door->piece;
	memcpy(data, door->body + door->at, n);
	door->at += n;
	return (long)n;
}

static struct request
read_request(struct door *door, size_t max_body_bytes)
{
	struct cgi_stream source = { door_variable, door_read, NULL, NULL, door };
	struct request request;

	cgi_read_head(arena, &source, &request);
	if (request.body_length != 0)
		cgi_read_body(arena, &source, max_body_bytes, &request);
	return request;
}

static void
test_target(void)
{
	static const struct {
		struct variable variables[5];
		const char *path, *query;
		const char *what;
	} rows[] = {
		{ { { "REQUEST_URI", "/bigbluebutton/api/create?a=1" } },
		    "/bigbluebutton/api/create", "a=1", "REQUEST_URI" },
		{ { { "REQUEST_URI", "/api/create?a=%2f+b&c=%61" }, { "SCRIPT_NAME", "/x" },
		      { "PATH_INFO", "/y" }, { "QUERY_STRING", "a=%2F+b&c=a" } },
		    "/api/create", "a=%2f+b&c=%61", "REQUEST_URI wins, and is raw" },
		{ { { "REQUEST_URI", "/api//create/%41?" } }, "/api//create/%41", "",
		    "the path is raw too; an empty query" },
		{ { { "REQUEST_URI", "/api/create" }, { "QUERY_STRING", "a=1" } },
		    "/api/create", "", "no query in REQUEST_URI: there is none" },
		{ { { "REQUEST_URI", "/api/create?a=b?c=d" } }, "/api/create", "a=b?c=d",
		    "the first ? counts" },
		{ { { "REQUEST_URI", "/api/create?u=https://x/y" } }, "/api/create",
		    "u=https://x/y", "a URL in the query" },
		{ { { "REQUEST_URI", "http://gw.example.org/api/create?a=1" } }, "/api/create",
		    "a=1", "absolute form" },
		{ { { "REQUEST_URI", "https://gw:8443/api?a=http://x/y" } }, "/api",
		    "a=http://x/y", "absolute form with a port, a URL in the query" },
		{ { { "REQUEST_URI", "http://gw.example.org" } }, "", "",
		    "absolute form without a path" },
		{ { { "REQUEST_URI", "*" } }, "*", "", "asterisk form" },
		{ { { "REQUEST_URI", "/?&checksum=V" } }, "/", "&checksum=V",
		    "a leading & stays" },
		{ { { "SCRIPT_NAME", "/bigbluebutton/api" }, { "PATH_INFO", "/create" },
		      { "QUERY_STRING", "a=1" } },
		    "/bigbluebutton/api/create", "a=1",
		    "without REQUEST_URI: script, path and query" },
		{ { { "REQUEST_URI", "" }, { "SCRIPT_NAME", "/api" }, { "PATH_INFO", "/join" },
		      { "QUERY_STRING", "b=2" } },
		    "/api/join", "b=2", "REQUEST_URI set to nothing" },
		{ { { "SCRIPT_NAME", "/api/create" } }, "/api/create", "", "a script alone" },
		{ { { "PATH_INFO", "/api/create" }, { "QUERY_STRING", "" } }, "/api/create", "",
		    "a path alone" },
		{ { { NULL, NULL } }, "", "", "nothing" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct door door = { .variables = rows[i].variables };
		struct request request = read_request(&door, 1000);

		is_str(str_copy(arena, request.path), rows[i].path, "path: %s", rows[i].what);
		is_str(str_copy(arena, request.query), rows[i].query, "query: %s",
		    rows[i].what);
		is_int(request.problem, REQUEST_FINE, "… no problem");
	}
}

static void
test_target_limits(void)
{
	static const struct {
		size_t path, query;
		enum request_problem problem;
		const char *what;
	} rows[] = {
		{ LIMIT_PATH_BYTES, LIMIT_QUERY_BYTES, REQUEST_FINE, "as long as may be" },
		{ LIMIT_PATH_BYTES + 1, 1, REQUEST_LIMIT, "the path a byte longer" },
		{ 1, LIMIT_QUERY_BYTES + 1, REQUEST_LIMIT, "the query a byte longer" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf uri;
		buf_init(&uri, 1 << 20);
		buf_char(&uri, '/');
		while (uri.len < rows[i].path)
			buf_char(&uri, 'p');
		buf_char(&uri, '?');
		while (uri.len < rows[i].path + 1 + rows[i].query)
			buf_char(&uri, 'q');
		struct variable in_uri[] = { { "REQUEST_URI", uri.data }, { NULL, NULL } };
		struct door door = { .variables = in_uri };
		is_int(read_request(&door, 1000).problem, rows[i].problem, "limit: %s",
		    rows[i].what);

		char *path = str_copy(arena, str_part(buf_view(&uri), 0, rows[i].path));
		struct variable split[] = {
			{ "PATH_INFO", path },
			{ "QUERY_STRING", uri.data + rows[i].path + 1 },
			{ NULL, NULL },
		};
		door.variables = split;
		is_int(read_request(&door, 1000).problem, rows[i].problem,
		    "limit without REQUEST_URI: %s", rows[i].what);
		buf_free(&uri);
	}
}

static void
test_variables(void)
{
	static const struct variable all[] = {
		{ "REQUEST_METHOD", "HEAD" },
		{ "CONTENT_TYPE", "application/xml; charset=utf-8" },
		{ "REMOTE_ADDR", "2001:db8::1" },
		{ "HTTP_X_FORWARDED_FOR", "192.0.2.1, 10.0.0.1" },
		{ "HTTP_HOST", "gw.example.org:8443" },
		{ "HTTP_AUTHORIZATION", "Bearer x" },
		{ "REQUEST_URI", "/api" },
		{ NULL, NULL },
	};
	static const struct variable none[] = { { NULL, NULL } };
	struct door door = { .variables = all };
	struct request request = read_request(&door, 1000);

	is_str(request.method, "HEAD", "the method");
	is_str(text_of(request.content_type), "application/xml; charset=utf-8",
	    "the body's type");
	is_str(text_of(request.client), "2001:db8::1", "the client's address");
	is_str(text_of(request.forwarded_for), "192.0.2.1, 10.0.0.1", "X-Forwarded-For");
	is_str(text_of(request.host), "gw.example.org:8443", "the host");

	is_str(text_of(request.authorization), "Bearer x", "Authorization");

	door.variables = none;
	request = read_request(&door, 1000);
	is_str(request.method, "GET", "no method: GET");
	ok(!request.content_type.data && !request.forwarded_for.data && !request.host.data &&
	        !request.authorization.data,
	    "what is not there is absent");
	ok(request.body.len == 0 && !request.https && !request.unread,
	    "and nothing else is set");
}

static void
test_https(void)
{
	static const struct {
		const char *https, *scheme;
		bool is;
	} rows[] = {
		{ NULL, NULL, false },
		{ "on", NULL, true },
		{ "ON", NULL, true },
		{ "1", NULL, true },
		{ "", NULL, false },
		{ "off", NULL, false },
		{ "OFF", NULL, false },
		{ NULL, "https", true },
		{ NULL, "HTTPS", true },
		{ NULL, "http", false },
		{ NULL, "", false },
		{ "off", "https", true },
		{ "on", "http", true },
		{ "", "http", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct variable variables[] = {
			{ "REQUEST_URI", "/" },
			{ "HTTPS", rows[i].https },
			{ "REQUEST_SCHEME", rows[i].scheme },
			{ NULL, NULL },
		};
		struct door door = { .variables = variables };
		is_int(read_request(&door, 1000).https, rows[i].is,
		    "HTTPS=%s REQUEST_SCHEME=%s", rows[i].https ? rows[i].https : "(none)",
		    rows[i].scheme ? rows[i].scheme : "(none)");
	}
}

/* max_body_bytes is 10: up to 40 bytes more are dropped. */
static void
test_body(void)
{
	static const struct {
		const char *method, *length;
		size_t sent;
		bool breaks;
		enum request_problem problem;
		bool unread;
		size_t body, taken; /* bytes of the body; read from the door */
		const char *what;
	} rows[] = {
		{ "POST", "5", 5, false, REQUEST_FINE, false, 5, 5, "a length" },
		{ "POST", "5", 9, false, REQUEST_FINE, false, 5, 5,
		    "more than the length: not touched" },
		{ "POST", "0", 5, false, REQUEST_FINE, false, 0, 0, "length 0" },
		{ "POST", "10", 10, false, REQUEST_FINE, false, 10, 10, "as long as may be" },
		{ "POST", "005", 5, false, REQUEST_FINE, false, 5, 5, "leading zeros" },
		{ "PUT", "5", 5, false, REQUEST_FINE, false, 5, 5,
		    "another method with a length" },
		{ "GET", "5", 5, false, REQUEST_FINE, false, 5, 5, "a GET with a body" },
		{ "GET", NULL, 5, false, REQUEST_FINE, false, 0, 0, "a GET without a length" },
		{ "GET", "", 5, false, REQUEST_FINE, false, 0, 0,
		    "a GET with an empty length" },
		{ "HEAD", NULL, 5, true, REQUEST_FINE, false, 0, 0, "a HEAD" },
		{ NULL, NULL, 5, true, REQUEST_FINE, false, 0, 0, "no method" },
		{ "POST", NULL, 5, false, REQUEST_FINE, false, 5, 5, "no length: to the end" },
		{ "POST", "", 5, false, REQUEST_FINE, false, 5, 5,
		    "an empty length: to the end" },
		{ "POST", "-1", 5, false, REQUEST_FINE, false, 5, 5, "length -1: to the end" },
		{ "POST", NULL, 0, false, REQUEST_FINE, false, 0, 0, "no length and nothing" },
		{ "POST", NULL, 10, false, REQUEST_FINE, false, 10, 10,
		    "no length, as long as may be" },
		{ "POST", "-2", 5, false, REQUEST_LIMIT, true, 0, 0, "length -2" },
		{ "POST", "5x", 5, false, REQUEST_LIMIT, true, 0, 0, "length 5x" },
		{ "POST", "abc", 5, false, REQUEST_LIMIT, true, 0, 0, "length abc" },
		{ "POST", "+5", 5, false, REQUEST_LIMIT, true, 0, 0, "length +5" },
		{ "POST", " 5", 5, false, REQUEST_LIMIT, true, 0, 0, "length with a space" },
		{ "POST", "5, 5", 5, false, REQUEST_LIMIT, true, 0, 0, "two lengths" },
		{ "POST", "99999999999999999999", 5, false, REQUEST_LIMIT, true, 0, 0,
		    "a length beyond numbers" },
		{ "GET", "x", 5, false, REQUEST_LIMIT, true, 0, 0,
		    "a GET with a malformed length" },
		{ "POST", "11", 11, false, REQUEST_TOO_LARGE, false, 0, 11,
		    "one byte too long" },
		{ "POST", "40", 40, false, REQUEST_TOO_LARGE, false, 0, 40,
		    "four times: dropped" },
		{ "POST", "41", 41, false, REQUEST_TOO_LARGE, true, 0, 0, "more: left unread" },
		{ "POST", "9223372036854775807", 41, false, REQUEST_TOO_LARGE, true, 0, 0,
		    "the largest length" },
		{ "POST", "20", 15, false, REQUEST_TOO_LARGE, true, 0, 15,
		    "too long, and cut" },
		{ "POST", "20", 15, true, REQUEST_TOO_LARGE, true, 0, 15,
		    "too long, and broken" },
		{ "POST", NULL, 11, false, REQUEST_TOO_LARGE, false, 0, 11,
		    "no length, one byte too long" },
		{ "POST", NULL, 45, false, REQUEST_TOO_LARGE, false, 0, 45,
		    "no length, dropped to its end" },
		{ "POST", NULL, 1000, false, REQUEST_TOO_LARGE, true, 0, 51,
		    "no length and no end: left unread" },
		{ "POST", NULL, 30, true, REQUEST_TOO_LARGE, true, 0, 30,
		    "no length, too long, broken" },
		{ "POST", "5", 4, false, REQUEST_BODY_CUT, true, 0, 4, "a byte is missing" },
		{ "POST", "5", 0, false, REQUEST_BODY_CUT, true, 0, 0, "all is missing" },
		{ "POST", "5", 4, true, REQUEST_BODY_CUT, true, 0, 4, "broken" },
		{ "POST", NULL, 4, true, REQUEST_BODY_CUT, true, 0, 4, "no length, broken" },
	};
	char bytes[1000];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < COUNT(rows); i++) {
		/* All at once; byte by byte; and two by two. */
		for (size_t piece = 0; piece < 3; piece++) {
			struct variable variables[] = {
				{ "REQUEST_URI", "/api/create" },
				{ "CONTENT_LENGTH", rows[i].length },
				{ "REQUEST_METHOD", rows[i].method },
				{ NULL, NULL },
			};
			struct door door = { .variables = variables,
				.body = bytes,
				.len = rows[i].sent,
				.piece = piece,
				.breaks = rows[i].breaks };
			struct request request = read_request(&door, 10);

			is_int(request.problem, rows[i].problem, "body: %s%s", rows[i].what,
			    piece == 2     ? ", two by two" :
			        piece == 1 ? ", byte by byte" :
			                     "");
			is_int(request.unread, rows[i].unread, "… is some of it unread");
			ok(str_equal(request.body, (struct str){ bytes, rows[i].body }),
			    "… what the core sees");
			is_int(door.at, rows[i].taken, "… how much is read");
		}
	}

	/* Bytes of every value, and more than one read's worth. */
	struct variable variables[] = {
		{ "REQUEST_METHOD", "POST" },
		{ "CONTENT_LENGTH", "100000" },
		{ "REQUEST_URI", "/" },
		{ NULL, NULL },
	};
	char *big = malloc(100000);
	for (size_t i = 0; i < 100000; i++)
		big[i] = (char)(i * 7);
	struct door door = { .variables = variables, .body = big, .len = 100000 };
	struct request request = read_request(&door, 100000);
	ok(request.problem == REQUEST_FINE &&
	        str_equal(request.body, (struct str){ big, 100000 }),
	    "body: 100,000 bytes of every value");
	free(big);
}

static void
test_allowance(void)
{
	static const struct {
		int64_t received, allowed_ms;
	} rows[] = {
		{ 0, 20000 },
		{ 1, 20000 },
		{ 620, 20151 },
		{ 4096, 21000 },
		{ 1 << 20, 276000 },
		{ 2 << 20, 300000 },
		{ INT64_C(1) << 40, 300000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(cgi_body_allowance_ms(rows[i].received), rows[i].allowed_ms,
		    "a body of which %lld bytes have come may take so long",
		    (long long)rows[i].received);
}

/* A problem with the body is told even where the path is too long, too. */
static void
test_two_problems(void)
{
	char *uri = str_printf(arena, "/%0*d", LIMIT_PATH_BYTES + 5, 0);
	struct variable variables[] = {
		{ "REQUEST_METHOD", "POST" },
		{ "CONTENT_LENGTH", "20" },
		{ "REQUEST_URI", uri },
		{ NULL, NULL },
	};
	struct door door = { .variables = variables,
		.body = "12345678901234567890",
		.len = 20 };
	struct request request = read_request(&door, 10);

	is_int(request.problem, REQUEST_TOO_LARGE, "two problems: the body's is told");
}

/* What each answer has. */
#define OURS "X-Content-Type-Options: nosniff\r\nX-Request-Id: 0000000000fedcba\r\n"

static void
test_header(void)
{
	const struct request request = { .nonce = 0xfedcba };
	static const struct {
		struct response response;
		const char *header;
		const char *what;
	} rows[] = {
		{ { .status = 200,
		      .content_type = "text/xml; charset=utf-8",
		      .body = STR("<response/>") },
		    "Status: 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 11\r\n\r\n",
		    "an answer" },
		{ { .status = 302,
		      .content_type = "text/xml",
		      .location = "https://b/api/join?a=%20b",
		      .no_store = true },
		    "Status: 302 Found\r\nLocation: https://b/api/join?a=%20b\r\n"
		    "Content-Type: text/xml\r\n" OURS
		    "Cache-Control: no-store\r\nContent-Length: 0\r\n"
		    "\r\n",
		    "a redirect" },
		{ { .status = 200,
		      .content_type = "text/html",
		      .no_store = true,
		      .policy = "default-src 'none'" },
		    "Status: 200 OK\r\nContent-Type: text/html\r\n" OURS
		    "Content-Security-Policy: default-src 'none'\r\n"
		    "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\n"
		    "Content-Length: 0\r\n\r\n",
		    "a page" },
		{ { .status = 413, .content_type = "text/xml", .body = STR("x\0y") },
		    "Status: 413 Content Too Large\r\nContent-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 3\r\n\r\n",
		    "413, a NUL in the body" },
		{ { .status = 401, .content_type = "text/xml" },
		    "Status: 401 Unauthorized\r\nContent-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "401" },
		{ { .status = 503, .content_type = "text/plain" },
		    "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "503" },
		{ { .status = 200,
		      .content_type = "text/xml",
		      .set_cookie = STR("JSESSIONID=a; Path=/") },
		    "Status: 200 OK\r\nSet-Cookie: JSESSIONID=a; Path=/\r\n"
		    "Content-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "a cookie" },
		{ { .status = 200,
		      .content_type = "text/xml",
		      .set_cookie = STR("a=1\nb=2\n") },
		    "Status: 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
		    "Content-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "two cookies" },
		{ { .status = 200,
		      .content_type = "text/xml",
		      .set_cookie = STR("\n\na=1\n\n") },
		    "Status: 200 OK\r\nSet-Cookie: a=1\r\nContent-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "empty lines are no cookies" },
		{ { .status = 200,
		      .content_type = "text/xml",
		      .set_cookie = STR("a=1\rX-Bad: 1\nb=\0002\nc=3\x7f\nd=4") },
		    "Status: 200 OK\r\nSet-Cookie: d=4\r\nContent-Type: text/xml\r\n" OURS
		    "Cache-Control: no-cache\r\nContent-Length: 0\r\n\r\n",
		    "cookies with controls are left out" },
	};
	static const char *const locations[] = { "https://b/\r\nX-Bad: 1",
		"https://b/\nX-Bad: 1", "https://b/\rX-Bad: 1", "https://b/\r\n\r\n<script>",
		"\thttps://b/", "https://b/\x7f" };
	struct buf out;

	buf_init(&out, 10000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		cgi_write_header(&request, &rows[i].response, &out);
		is_str(buf_view(&out).data, rows[i].header, "header: %s", rows[i].what);
		buf_free(&out);
	}
	for (size_t i = 0; i < COUNT(locations); i++) {
		struct response response = {
			.status = 302,
			.content_type = "text/xml",
			.location = locations[i],
			.set_cookie = STR("a=1"),
			.body = STR("body"),
		};

		cgi_write_header(&request, &response, &out);
		const char *header = buf_view(&out).data;
		ok(strncmp(header, "Status: 500 ", 12) == 0,
		    "header: bad location %zu is a 500", i);
		ok(!strstr(header, "Location:") && !strstr(header, "X-Bad") &&
		        !strstr(header, "script"),
		    "… without a location");
		ok(strstr(header, "\r\nX-Request-Id: 0000000000fedcba\r\n") != NULL,
		    "… with the request's id");
		size_t len = strlen(header);
		ok(len > 4 && strcmp(header + len - 4, "\r\n\r\n") == 0,
		    "… and ends in an empty line");
		buf_free(&out);
	}

	/* The type may have come from a server. */
	struct response response = { .status = 200, .content_type = "text/xml\r\nX-Bad: 1" };
	cgi_write_header(&request, &response, &out);
	ok(!strstr(buf_view(&out).data, "X-Bad"),
	    "header: a type with a line break writes no header");
	buf_free(&out);

	buf_text(&out, "before|");
	struct response appended = { .status = 200, .content_type = "text/xml" };
	cgi_write_header(&request, &appended, &out);
	ok(strncmp(out.data, "before|Status: 200 OK\r\n", 23) == 0, "header: it is appended");
	buf_free(&out);
}

static void
collect(void *context, struct str bytes)
{
	buf_str(context, bytes);
}

/* A header for which there is no room is no empty one with a body behind it. */
static void
test_long_header(void)
{
	const size_t lens[] = { LIMIT_LOCATION_BYTES, LIMIT_LOCATION_BYTES * 2 };
	const struct request request = { .method = "GET", .nonce = 0xfedcba };
	char *location = arena_alloc(arena, lens[1] + 1);
	struct buf out;

	for (size_t i = 0; i < COUNT(lens); i++) {
		const struct cgi_stream stream = { .write = collect, .context = &out };

		memset(location, 'x', lens[i]);
		location[lens[i]] = '\0';
		const struct response response = {
			.status = 302,
			.content_type = "text/xml",
			.location = location,
			.body = STR("body"),
		};

		buf_init(&out, lens[1] * 2);
		cgi_write_response(&stream, &request, &response);
		const char *answer = buf_view(&out).data;
		bool is_whole = strncmp(answer, "Status: 302 ", 12) == 0 &&
		    strstr(answer, location) && strstr(answer, "\r\n\r\nbody");
		bool is_failure = strncmp(answer, "Status: 500 ", 12) == 0 &&
		    strstr(answer, "X-Request-Id: 0000000000fedcba\r\n") &&
		    strstr(answer, "\r\nContent-Length: 0\r\n\r\n") && !strstr(answer, "body");
		ok(i == 0 ? is_whole : is_failure, "a location of %zu bytes: %s", lens[i],
		    i == 0 ? "all of it" : "500, and no body");
		buf_free(&out);
	}
}

int
main(void)
{
	arena = arena_new();
	test_target();
	test_target_limits();
	test_variables();
	test_https();
	test_body();
	test_allowance();
	test_two_problems();
	test_header();
	test_long_header();
	arena_free(arena);
	return done_testing();
}
