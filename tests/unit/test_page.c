/*
 * Pages for people: each situation in each language, what their headers say, and how the
 * pauses between tries grow.
 */
#include "core/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/reply.h"
#include "formats/checksum.h"
#include "formats/request.h"
#include "formats/response.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BROWSER "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

static const char *const tags[] = { "en", "de", "fr", "es", "pt", "it" };

/* The answer to a browser's join. */
static struct response
page(struct arena *arena, const struct request *request, enum reply_error error)
{
	struct response response = { .call = STR("join") };

	reply_error(&response, arena, error);
	page_instead(arena, request, &response);
	return response;
}

static struct request
browser(const char *language, const char *cookies)
{
	return (struct request){
		.method = "GET",
		.accept = STR(BROWSER),
		.accept_language = str_from(language),
		.cookies = str_from(cookies),
		.nonce = 0x0123456789abcdef,
	};
}

/* What stands between two texts, in the arena; "" where they do not. */
static const char *
between(struct arena *arena, struct str text, const char *before, const char *after)
{
	size_t from = str_find(text, str_from(before), 0);

	if (from == SIZE_MAX)
		return "";
	from += strlen(before);
	size_t to = str_find(text, str_from(after), from);
	return to == SIZE_MAX ? "" : str_copy(arena, str_part(text, from, to - from));
}

/* Base64 (RFC 4648) of 32 bytes given in hexadecimal. */
static void
base64_of_hex(const char *hex, char out[48])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char bytes[33] = { 0 };

	for (size_t i = 0; i < 32; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1] };
		bytes[i] = (unsigned char)strtoul(byte, NULL, 16);
	}
	for (size_t i = 0; i < 11; i++) {
		unsigned long three = (unsigned long)bytes[3 * i] << 16 |
		    (unsigned long)bytes[3 * i + 1] << 8 | bytes[3 * i + 2];
		for (size_t k = 0; k < 4; k++)
			*out++ = digits[three >> (18 - 6 * k) & 63];
	}
	out[-1] = '=';
	*out = '\0';
}

static void
test_texts(struct arena *arena)
{
	static const struct {
		enum reply_error error;
		const char *cookies;
	} situations[] = { { REPLY_JOIN_NOT_FOUND, NULL }, { REPLY_UNAVAILABLE, NULL },
		{ REPLY_JOIN_NOT_FOUND, "tinyscale-tries=125" }, { REPLY_CHECKSUM, NULL } };
	const char *seen[COUNT(situations) * COUNT(tags)];
	size_t n_seen = 0;

	for (size_t s = 0; s < COUNT(situations); s++) {
		for (size_t l = 0; l < COUNT(tags); l++) {
			struct request request = browser(tags[l], situations[s].cookies);
			struct response response = page(arena, &request, situations[s].error);
			const char *heading = between(arena, response.body, "<h1>", "</h1>");

			is_str(between(arena, response.body, "<html lang=\"", "\""), tags[l],
			    "situation %zu in %s: its language", s, tags[l]);
			is_str(between(arena, response.body, "<html lang=\"", ">") + 2,
			    "\" dir=\"ltr\"", "… its direction");
			is_str(between(arena, response.body, "<title>", "</title>"), heading,
			    "… its title is its heading");
			ok(str_is_utf8(response.body), "… UTF-8");
			bool is_new = *heading != '\0';
			for (size_t i = 0; i < n_seen; i++)
				is_new = is_new && strcmp(seen[i], heading) != 0;
			ok(is_new, "… which no other has: %s", heading);
			seen[n_seen++] = heading;
			size_t paragraphs = 0;
			for (size_t at = 0;
			     (at = str_find(response.body, STR("<p>"), at)) != SIZE_MAX; at++)
				paragraphs++;
			is_int(paragraphs, situations[s].error == REPLY_CHECKSUM ? 3 : 4,
			    "… its paragraphs");
		}
	}
}

/* The queue, in each language. */
static void
test_queue(struct arena *arena)
{
	for (size_t l = 0; l < COUNT(tags); l++) {
		struct request request = browser(tags[l], NULL);
		struct response response = { .call = STR("join") };
		struct response other = page(arena, &request, REPLY_JOIN_NOT_FOUND);
		page_of_queue(arena, &request, &response, 250, 17);
		is_str(between(arena, response.body, "<html lang=\"", "\""), tags[l],
		    "the queue in %s", tags[l]);
		ok(str_find(response.body, STR(" 250 "), 0) != SIZE_MAX, "… tells how many");
		ok(str_find(response.body, STR("#"), str_find(response.body, STR("<h1>"), 0)) ==
		        SIZE_MAX,
		    "… and no more of it is left");
		ok(strcmp(between(arena, response.body, "<h1>", "</h1>"),
		       between(arena, other.body, "<h1>", "</h1>")) != 0,
		    "… has a heading of its own");
		ok(str_is_utf8(response.body), "… UTF-8");
		ok(str_find(response.body, STR("<a"), 0) == SIZE_MAX,
		    "… and nothing to press, which would not help");
		is_int(response.refresh_s, 17, "… comes back");
		is_int(response.status, 200, "… is no error");
		is_str(response.result, "queued", "… as the log tells");
		is_str(response.policy, other.policy, "… has the policy of all pages");
		ok(response.no_store, "… is not kept");
	}
}

static void
test_headers(struct arena *arena)
{
	struct request request = browser("de", NULL);
	struct response response = page(arena, &request, REPLY_CHECKSUM);
	char hex[CHECKSUM_HEX_SIZE], hash[48];

	checksum_make(CHECKSUM_SHA256, STR(""),
	    str_from(between(arena, response.body, "<style>", "</style>")), STR(""), hex);
	base64_of_hex(hex, hash);
	is_str(response.policy,
	    str_printf(arena,
	        "default-src 'none'; base-uri 'none'; form-action 'none'; "
	        "style-src 'sha256-%s'",
	        hash),
	    "the policy allows the page's style and nothing else");
	is_str(response.content_type, "text/html; charset=utf-8", "its type");
	ok(response.no_store, "it is not kept");
	is_str(response.result, "checksumError", "the log's result stays");
	is_int(response.refresh_s, 0, "a wrong link is not tried again");
	is_int(response.set_cookie.len, 0, "… and needs no cookie");
	ok(str_find(response.body, STR("0123456789abcdef"), 0) != SIZE_MAX,
	    "the request's id is told");
	ok(str_find(response.body, STR("src="), 0) == SIZE_MAX &&
	        str_find(response.body, STR("http"), 0) == SIZE_MAX &&
	        str_find(response.body, STR("script"), 0) == SIZE_MAX,
	    "nothing is loaded");
	is_int(page(arena, &request, REPLY_TOO_LARGE).status, 413, "the status stays");
}

/* Who gets none. */
static void
test_not_wanted(struct arena *arena)
{
	static const struct {
		const char *accept, *query, *call;
		bool is_page;
		const char *what;
	} rows[] = {
		{ BROWSER, "", "join", true, "a browser" },
		{ BROWSER, "redirect=true&a=b", "join", true, "… with redirect=true" },
		{ BROWSER, "a=b&redirect=false", "join", false, "redirect=false" },
		{ BROWSER, "redirect=+FALSE", "join", false, "… in capitals" },
		{ BROWSER, "%zz&redirect=false", "join", false, "… behind what is malformed" },
		{ BROWSER, "", "create", false, "another call" },
		{ BROWSER, "", "", false, "the index" },
		{ BROWSER, "", "joinx", false, "a longer name" },
		{ "*/*", "", "join", false, "a program" },
		{ NULL, "", "join", false, "no Accept" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct request request = browser("de", NULL);
		struct response response = { .call = str_from(rows[i].call) };

		request.accept = str_from(rows[i].accept);
		request.query = str_from(rows[i].query);
		reply_error(&response, arena, REPLY_JOIN_NOT_FOUND);
		page_instead(arena, &request, &response);
		is_int(response.policy != NULL, rows[i].is_page, "a page? %s", rows[i].what);
		ok(rows[i].is_page || str_starts(response.body, "<response>"),
		    "… else the document");
	}
	struct request request = browser("de", NULL);
	struct response response = { .call = STR("join") };
	reply_redirect(&response, "https://bbb.test/join");
	page_instead(arena, &request, &response);
	ok(!response.policy && response.body.len == 0, "a join that works is left alone");
}

static void
test_pauses(struct arena *arena)
{
	/* What the pauses of a try must lie between, in seconds. */
	static const struct {
		const char *cookies;
		int least, most;
		const char *next; /* NULL: the page tries no more */
	} rows[] = {
		{ NULL, 2, 7, "1" },
		{ "tinyscale-tries=0", 2, 7, "1" },
		{ "tinyscale-tries=1", 3, 11, "2" },
		{ "a=b; tinyscale-tries=3;c=d", 8, 25, "4" },
		{ "tinyscale-tries=6", 28, 85, "7" },
		{ "tinyscale-tries=7", 30, 89, "8" },
		{ "tinyscale-tries=124", 30, 89, "125" },
		{ "tinyscale-tries=125", 0, 0, NULL },
		/* What we did not set. */
		{ "tinyscale-tries=126", 2, 7, "1" },
		{ "tinyscale-tries=-1", 2, 7, "1" },
		{ "tinyscale-tries=99999999999999999999", 2, 7, "1" },
		{ "tinyscale-tries=", 2, 7, "1" },
		{ "tinyscale-tries=\"><b>", 2, 7, "1" },
		{ "xtinyscale-tries=5", 2, 7, "1" },
		{ ";;=;tinyscale-tries", 2, 7, "1" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].cookies ? rows[i].cookies : "(no cookie)";
		int least = 1000, most = 0;

		for (uint64_t k = 0; k < 2000; k++) {
			struct request request = browser("en", rows[i].cookies);
			request.nonce = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
			struct response response = page(arena, &request, REPLY_UNAVAILABLE);
			if (response.refresh_s < least)
				least = response.refresh_s;
			if (response.refresh_s > most)
				most = response.refresh_s;
			if (k > 0)
				continue;
			is_str(between(arena, response.set_cookie, "tinyscale-tries=", ";"),
			    rows[i].next ? rows[i].next : "", "%s: the next try", name);
			if (!rows[i].next)
				continue;
			is_str(between(arena, response.set_cookie, "Max-Age=", ";"),
			    str_printf(arena, "%d", response.refresh_s + 120),
			    "… is forgotten when it does not come");
			ok(str_find(response.set_cookie, STR("; HttpOnly; SameSite=Lax"), 0) !=
			        SIZE_MAX,
			    "… and goes to nobody else");
		}
		is_int(least, rows[i].least, "%s: the shortest pause", name);
		is_int(most, rows[i].most, "… and the longest");
		arena_reset(arena);
	}
	struct request request = browser("en", NULL);
	request.https = true;
	struct response response = page(arena, &request, REPLY_UNAVAILABLE);
	ok(str_find(response.set_cookie, STR("; HttpOnly; Secure; SameSite=None; Partitioned"),
	       0) != SIZE_MAX,
	    "by https the cookie is kept in a frame, too");
}

int
main(void)
{
	struct arena *arena = arena_new();

	test_texts(arena);
	test_queue(arena);
	test_headers(arena);
	test_not_wanted(arena);
	test_pauses(arena);
	arena_free(arena);
	return done_testing();
}
