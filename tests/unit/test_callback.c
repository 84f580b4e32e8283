/*
 * The gateway's callback URLs: made, read, refused when a byte differs, and put
 * into a create's query.
 */
#include "core/callback.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "base/mem.h"
#include "formats/checksum.h"
#include "formats/xml.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;
static const char *secrets[] = { "new", "old" };
static const char *const server_secrets[] = { "server-secret", "old", "new" };
static const struct server server = {
	.name = "bbb 1/ä",
	.secrets = server_secrets,
	.n_secrets = 1,
};

static struct config
config_of(size_t n_secrets)
{
	return (struct config){ .secrets = secrets, .n_secrets = n_secrets };
}

static void
test_needed(void)
{
	struct config config = config_of(2);
	struct server same = { .name = "a", .secrets = server_secrets + 1, .n_secrets = 1 };
	struct server both = { .name = "a", .secrets = server_secrets + 1, .n_secrets = 2 };
	struct server one_of_two = { .name = "a", .secrets = server_secrets, .n_secrets = 2 };

	ok(callback_is_needed(&config, &server), "a secret of the server's own");
	ok(!callback_is_needed(&config, &same), "one of the gateway's secrets");
	ok(!callback_is_needed(&config, &both), "two of the gateway's secrets");
	ok(callback_is_needed(&config, &one_of_two), "two, and one is the server's own");
	config.callbacks_pass = true;
	ok(!callback_is_needed(&config, &server), "\"callbacks\": \"pass\"");
	config = config_of(0);
	ok(!callback_is_needed(&config, &server), "a gateway without a secret");
}

static void
test_base(void)
{
	static const struct {
		const char *host, *mount;
		bool https;
		const char *base;
	} rows[] = {
		{ "gw.test", "/bigbluebutton/api", false, "http://gw.test/bigbluebutton/api" },
		{ "gw.test:81", "/api", true, "https://gw.test:81/api" },
		{ "[::1]:81", "/api", true, "https://[::1]:81/api" },
		{ "gw.test", "/a \"<x>\x01/api", true,
		    "https://gw.test/a%20%22%3Cx%3E%01/api" },
		{ "gw.test", NULL, true, NULL },
		{ NULL, "/api", true, NULL },
		{ "", "/api", true, NULL },
		{ "gw.test/x", "/api", true, NULL },
		{ "gw.test?x", "/api", true, NULL },
		{ "u@gw.test", "/api", true, NULL },
		{ "gw.test#", "/api", true, NULL },
		{ "gw test", "/api", true, NULL },
		{ "gw\ntest", "/api", true, NULL },
		{ "g\xc3\xa4.test", "/api", true, NULL },
	};
	struct config config = config_of(1);
	struct request request = { 0 };
	char *longest = arena_alloc(arena, 300);

	for (size_t i = 0; i < COUNT(rows); i++) {
		request.host = str_from(rows[i].host);
		request.https = rows[i].https;
		is_str(callback_base(arena, &config, &request, str_from(rows[i].mount)).data,
		    rows[i].base, "the base of row %zu", i);
	}
	memset(longest, 'a', 299);
	request.host = str_from(longest);
	is_str(callback_base(arena, &config, &request, STR("/api")).data, NULL, "a long host");
	config.public_url = "https://public.test/api";
	is_str(callback_base(arena, &config, &request, STR("/x")).data,
	    "https://public.test/api", "public_url wins");
}

static void
test_is_url(void)
{
	static const struct {
		const char *url;
		bool is;
	} rows[] = {
		{ "http://a", true },
		{ "https://a/b?c=d#e", true },
		{ "HTTP://a", true },
		{ "", false },
		{ "http", false },
		{ "http:/a", false },
		{ "://a", false },
		{ "ftp://a", false },
		{ "file:///etc/passwd", false },
		{ "gopher://a", false },
		{ "javascript:alert(1)//http://", false },
		{ " http://a", false },
		{ "http://a b", false },
		{ "http://a\n", false },
		{ "http://a\r\nX: y", false },
		{ "http://\xc3\xa4", true },
		{ "http://a\x7f", false },
		{ "http://a/\xe6\x97\xa5?\xc3\xa4", true },
		{ "http://a/\xc3", false },
	};
	char *text = arena_alloc(arena, LIMIT_CALLBACK_URL_BYTES + 2);

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(callback_is_url(str_from(rows[i].url)), rows[i].is, "URL %zu", i);
	memset(text, 'a', LIMIT_CALLBACK_URL_BYTES + 1);
	memcpy(text, "http://", 7);
	ok(!callback_is_url(str_from(text)), "a byte too long");
	text[LIMIT_CALLBACK_URL_BYTES] = '\0';
	ok(callback_is_url(str_from(text)), "the very maximum");
}

static void
test_target(void)
{
	static const struct {
		const char *url, *target;
	} rows[] = {
		{ "http://a", "http://a" },
		{ "https://a/b?c=%d#{e}", "https://a/b?c=%d#{e}" },
		{ "http://\xc3\xa4.test:80/\xc3\xa4", "http://\xc3\xa4.test:80/%C3%A4" },
		{ "http://\xc3\xa4?\xc3\xa4", "http://\xc3\xa4?%C3%A4" },
		{ "http://\xc3\xa4#\xc3\xa4", "http://\xc3\xa4#%C3%A4" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_str(callback_target(arena, str_from(rows[i].url)), rows[i].target,
		    "called: %s", rows[i].url);
}

static void
test_receiver(void)
{
	static const char *const same[] = { "http://lms.test", "https://LMS.test:8443/x?y#z",
		"http://user:pass@lms.test/@other.test", "HTTP://lms.test?@x",
		"http://lms.test#:1", "http://a:b@c@lms.test", "http://a@@lms.test:1/",
		"https://[::1]@lms.test?@[::1]" };
	static const char *const others[] = { "http://other.test", "http://lms.tes",
		"http://[::1]/", "http://[::2]:80/", "http://127.0.0.1/", "http://localhost/" };
	size_t receiver = callback_receiver(str_from(same[0]));

	for (size_t i = 0; i < COUNT(same); i++)
		is_int(callback_receiver(str_from(same[i])), receiver, "the host of %s",
		    same[i]);
	for (size_t i = 0; i < COUNT(others); i++) {
		ok(callback_receiver(str_from(others[i])) < CALLBACK_RECEIVERS,
		    "a receiver: %s", others[i]);
		for (size_t k = 0; k < i; k++)
			ok(callback_receiver(str_from(others[i])) !=
			        callback_receiver(str_from(others[k])),
			    "… another than %s", others[k]);
	}
	/* Of many hosts no receiver has too many. */
	int hosts[CALLBACK_RECEIVERS] = { 0 }, most = 0;
	for (int i = 0; i < 64 * CALLBACK_RECEIVERS; i++) {
		const char *url = str_printf(arena, "https://lms-%d.example.org/hook", i);
		int n = ++hosts[callback_receiver(str_from(url))];

		most = n > most ? n : most;
	}
	ok(most < 3 * 64, "of %d hosts %d count as one at most", 64 * CALLBACK_RECEIVERS, most);
}

/* Read what follows the first "?". */
static int
read_url(const struct config *config, const char *url, struct callback *callback)
{
	struct query query;

	query_parse(arena, str_from(strchr(url, '?') + 1), &query);
	return callback_read(arena, config,
	    str_part(str_from(url), 0, str_find(str_from(url), STR(CALLBACK_PATH), 0)), &query,
	    callback);
}

/* A server that lists a webhook may not say where the gateway is; what else is called back
 * is not asked for that. */
static void
test_base_of_webhook(const struct config *config)
{
	static const char *const bases[] = { "https://gw.test", "https://gw.test/ap",
		"http://gw.test/api", "https://gw.test/api/", "https://evil.test/api", "",
		"https://gw.test/api\nx" };
	struct callback read;

	for (int kind = 0; kind < CALLBACK_KINDS; kind++) {
		struct callback callback = { (enum callback_kind)kind, str_from(server.name),
			STR("https://lms.test/"), config->secrets[0], STR("") };
		struct str url = callback_url(arena, STR("https://gw.test/api"), &callback);
		const char *rest = url.data + strlen("https://gw.test/api");

		is_int(read_url(config, url.data, &read), 0, "kind %d is read", kind);
		ok(str_is(read.base, "https://gw.test/api"), "… with its base");
		for (size_t i = 0; i < COUNT(bases); i++)
			is_int(read_url(config, str_printf(arena, "%s%s", bases[i], rest),
			           &read),
			    kind == CALLBACK_WEBHOOK || strchr(bases[i], '\n') ? -1 : 0,
			    "… below %s", bases[i]);
	}
}

static void
test_round_trip(void)
{
	struct config config = config_of(2), one = config_of(1);
	static const char *const others[] = { "other" };
	struct callback callback = { CALLBACK_ANALYTICS, str_from(server.name),
		STR("https://lms.test/x?a=%20b&c#d"), config.secrets[0], STR("") };
	char *url = str_copy(arena, callback_url(arena, STR("https://gw.test/api"), &callback));

	/* The mac was computed with Python's hmac. */
	is_str(url,
	    "https://gw.test/api/tinyscale/callback?kind=analytics&server=bbb%201%2F%C3%A4"
	    "&url=https%3A%2F%2Flms.test%2Fx%3Fa%3D%2520b%26c%23d&mac="
	    "b4dfd38d26699c32f46456dc7365cc656981cce70cbc32356e4b99050e64c377",
	    "the URL");
	struct callback read;
	is_int(read_url(&config, url, &read), 0, "it is read again");
	ok(read.kind == callback.kind && str_equal(read.server, callback.server) &&
	        str_equal(read.url, callback.url),
	    "and tells the same");
	is_int(read_url(&one, url, &read), 0, "the first secret made it");
	is_str(read.secret, one.secrets[0], "which it tells");
	one.secrets = secrets + 1;
	is_int(read_url(&one, url, &read), -1, "the second did not");
	callback.secret = one.secrets[0];
	url = str_copy(arena, callback_url(arena, STR(""), &callback));
	is_int(read_url(&config, url, &read), 0, "but one made with the second is taken");
	is_str(read.secret, secrets[1], "which it tells");
	struct config other = config;
	other.secrets = (const char **)(uintptr_t)others;
	other.n_secrets = 1;
	is_int(read_url(&other, url, &read), -1, "not by another gateway");
	int taken = 0;
	for (char *c = strchr(url, '?') + 1; *c != '\0'; c++)
		for (const char *to = "0aA%&=+\n\x80"; *to != '\0'; to++) {
			char old = *c;

			/* Escapes may be written in either case. */
			if (old == *to || (old == 'A' && *to == 'a'))
				continue;
			*c = *to;
			taken += read_url(&config, url, &read) == 0;
			*c = old;
		}
	is_int(taken, 0, "no URL with a byte changed is taken");
	test_base_of_webhook(&config);
	callback.kind = CALLBACK_RECORDING;
	callback.url = STR("ftp://lms.test/");
	is_int(read_url(&config, callback_url(arena, STR(""), &callback).data, &read), -1,
	    "nor one for something else than http");
	callback.url = STR("https://lms.test/");
	callback.server = STR("a\nhttps://x");
	is_int(read_url(&config, callback_url(arena, STR(""), &callback).data, &read), -1,
	    "nor one with a server that could be two parts");
}

static void
test_rewrite(void)
{
	/* What must come out as it went in. */
	static const char *const same[] = { "", "&", "a=1", "&&a=%zz&&",
		"meta_bbb-recording-ready-url",
		"meta_bbb-recording-ready-url=", "meta_bbb-recording-ready-url=%zz",
		"META_bbb-recording-ready-url=http://a", "meta_endCallbackUrl=http://a" };
	struct config config = config_of(1);
	struct callback callback = { CALLBACK_RECORDING, str_from(server.name), STR("http://a"),
		secrets[0], STR("") };

	for (size_t i = 0; i < COUNT(same); i++) {
		struct str text = callback_rewrite(arena, &config, secrets[0],
		    STR("http://gw/api"), &server, str_from(same[i]));
		is_str(text.data, same[i], "untouched: %s", same[i]);
	}
	struct buf want;
	buf_init(&want, 4096);
	for (int i = 0; i < 2; i++) {
		buf_text(&want,
		    i == 0 ? "&&x=%zz&meta_bn-recording-ready-url=" :
		             "&&meta_bn-recording-ready-url=");
		query_encode(&want, callback_url(arena, STR("http://gw/api"), &callback));
	}
	buf_text(&want, "&y");
	struct str text = callback_rewrite(arena, &config, secrets[0], STR("http://gw/api"),
	    &server,
	    STR("&&x=%zz&meta_bn-recording-ready-url=http://a&&"
	        "meta_bn-recording-ready%2Durl=%20http%3A//a&y"));
	is_str(text.data, want.data, "each is replaced, all else stays");
	buf_free(&want);
}

static void
test_restore(void)
{
	struct config config = config_of(1);
	struct server servers[] = { server };
	struct callback callback = { CALLBACK_RECORDING, STR("b"), STR("http://a/?x&y"),
		secrets[0], STR("") };
	struct str url = callback_url(arena, STR("http://gw/api"), &callback);

	config.servers = servers;
	config.n_servers = 1;
	struct buf xml;
	buf_init(&xml, LIMIT_MERGED_BYTES);
	buf_text(&xml, "<a>");
	xml_text(&xml, url);
	buf_text(&xml, "</a>");
	struct str text = buf_take(&xml, arena);
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		/* A copy of just that size, for sanitizers. */
		char *part = mem_alloc(i + 1);

		memcpy(part, text.data, i);
		struct str got = callback_restore(arena, &config, (struct str){ part, i });
		n += got.data != part || got.len != i;
		free(part);
	}
	is_int(n, strlen("</a>"), "restored: only when it is whole");
	is_str(callback_restore(arena, &config, text).data, "<a>http://a/?x&amp;y</a>",
	    "restored: the client's own");
	for (size_t i = 0; i <= LIMIT_CALLBACKS_SHOWN; i++)
		buf_str(&xml, text);
	struct str got = callback_restore(arena, &config, buf_view(&xml));
	size_t from = 0;
	for (n = 0; (from = str_find(got, STR("<a>http://a/?x&amp;y</a>"), from)) != SIZE_MAX;
	     n++)
		from++;
	is_int(n, LIMIT_CALLBACKS_SHOWN, "restored: so many at the most");
	buf_free(&xml);
}

/* The mac of a hook's URL is also over where the gateway is. */
static void
test_restore_base(void)
{
	static const char *const bases[] = { "http://gw/api", "http://gw/a&b/api",
		"https://gw/a&amp;b/api", "http://gw/&/&amp;amp;/", "http://gw/&mac=1" };
	struct config config = config_of(1);
	struct server servers[] = { server };
	struct callback callback = { CALLBACK_WEBHOOK, STR("b"), STR("http://a/?x&y"),
		secrets[0], STR("") };

	config.servers = servers;
	config.n_servers = 1;
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct buf xml;

		buf_init(&xml, LIMIT_MERGED_BYTES);
		xml_text(&xml, callback_url(arena, str_from(bases[i]), &callback));
		is_str(callback_restore(arena, &config, buf_view(&xml)).data,
		    "http://a/?x&amp;y", "restored: behind %s", bases[i]);
		buf_free(&xml);
	}
}

int
main(void)
{
	arena = arena_new();
	test_needed();
	test_base();
	test_is_url();
	test_target();
	test_receiver();
	test_round_trip();
	test_rewrite();
	test_restore();
	test_restore_base();
	arena_free(arena);
	return done_testing();
}
