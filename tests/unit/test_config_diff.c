/*
 * Comparing two configurations: every kind of value, and no secret shown.
 */
#include "config/config_diff.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "config/config.h"
#include "config/config_parts.h"
#include "tap.h"

static struct config *
load(const char *text)
{
	char path[] = "/tmp/tinyscale-diff-XXXXXX";
	int fd = mkstemp(path);
	struct buf problems;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);
	close(fd);
	buf_init(&problems, 10000);
	struct config *config = config_read(path, &problems, true);
	if (!config)
		diag("%s", problems.data ? problems.data : "?");
	buf_free(&problems);
	unlink(path);
	return config;
}

#define SERVER(more) "{\"host\": \"https://a.example\", \"secret\": \"x\"" more "}"

/* The members of the whole, and of the one server, after the change; what is told. */
static const struct row {
	const char *what, *top, *server;
	const char *told; /* "server.key: before -> after", a line each */
} rows[] = {
	{ "nothing", "", "", "" },
	{ "a default that is written out", "\"down_after\": 2,", ", \"weight\": 1", "" },
	{ "a number", "\"down_after\": 3,", "", "down_after: 2 -> 3\n" },
	{ "a word", "\"placement\": \"hash\",", "", "placement: least-loaded -> hash\n" },
	{ "a flag", "\"forward\": \"redirect\",", "", "forward: proxy -> redirect\n" },
	{ "a status", "\"checksum_error_status\": 401,", "",
	    "checksum_error_status: 200 -> 401\n" },
	{ "true or false", "\"allow_private_callbacks\": true,", "",
	    "allow_private_callbacks: false -> true\n" },
	{ "algorithms", "\"checksum_algorithms\": [\"sha256\"],", "",
	    "checksum_algorithms: sha1,sha256,sha384,sha512 -> sha256\n" },
	{ "a path", "\"state\": \"none\",", "", "state: /x -> none\n" },
	{ "an engine", "\"state\": \"redis://u:S3cr3t@h/1\",", "",
	    "state: /x -> redis://h:6379/1\n" },
	{ "its prefix", "\"state_prefix\": \"p\",", "", "state_prefix: tinyscale -> p\n" },
	{ "a URL", "\"public_url\": \"https://g.example/bigbluebutton/api\",", "",
	    "public_url: none -> https://g.example/bigbluebutton/api\n" },
	{ "a secret", "\"admin_secret\": \"y\",", "", "admin_secret: (hidden)\n" },
	{ "parameters", "\"create_overrides\": {\"a\": null},", "",
	    "create_overrides: (hidden)\n" },
	{ "a server's weight", "", ", \"weight\": 2.5", "a.example.weight: 1 -> 2.5\n" },
	{ "a server's tags", "", ", \"tags\": [\"b\", \"c\"]",
	    "a.example.tags: none -> b,c\n" },
	{ "a server's limit", "", ", \"max_users\": 9", "a.example.max_users: none -> 9\n" },
	{ "a server's state", "", ", \"state\": \"cordoned\"",
	    "a.example.state: enabled -> cordoned\n" },
	{ "a server's algorithm", "", ", \"checksum_algorithm\": \"sha1\"",
	    "a.example.checksum_algorithm: sha256 -> sha1\n" },
	{ "another server", "", "}, {\"host\": \"https://b.example\", \"secret\": \"z\"",
	    "b.example: added https://b.example/bigbluebutton/api\n" },
	{ "another name", "", ", \"name\": \"n\"",
	    "a.example: removed https://a.example/bigbluebutton/api\n"
	    "n: added https://a.example/bigbluebutton/api\n" },
};

static const char *
told(struct arena *arena, const struct config *before, const struct config *after)
{
	struct config_difference *list;
	size_t n = config_diff(before, after, arena, &list);
	struct buf out;

	buf_init(&out, 10000);
	for (size_t i = 0; i < n; i++) {
		const struct config_difference *one = &list[i];

		buf_printf(&out, "%s%s%s: ", one->server ? one->server : "",
		    one->server && one->key ? "." : "", one->key ? one->key : "");
		if (one->change == CONFIG_ADDED)
			buf_printf(&out, "added %s\n", one->after);
		else if (one->change == CONFIG_REMOVED)
			buf_printf(&out, "removed %s\n", one->before);
		else if (!one->before)
			buf_text(&out, "(hidden)\n");
		else
			buf_printf(&out, "%s -> %s\n", one->before, one->after);
	}
	return buf_take(&out, arena).data;
}

/* Two engines, and what is told of the change. */
static const struct {
	const char *before, *after, *told;
} engines[] = {
	{ "redis://u:S3cr3t@h", "redis://u:S3cr3t@H:6379/0", "" },
	{ "redis://u:S3cr3t@h", "redis://u:S3cr3t2@h", "state: (hidden)\n" },
	{ "redis://u:S3cr3t@h", "redis://v:S3cr3t@h", "state: (hidden)\n" },
	{ "redis://u:S3cr3t@h", "redis://h", "state: (hidden)\n" },
	{ "redis://u:S3cr3t@h", "redis://v:S3cr3t2@h/1",
	    "state: redis://h:6379/0 -> redis://h:6379/1\n" },
	{ "redis://u:S3cr3t@h", "redis+sentinel://u:S3cr3t@h/n",
	    "state: redis://h:6379/0 -> redis+sentinel://h:26379/n/0\n" },
	{ "redis://u:S3cr3t@h", "none", "state: redis://h:6379/0 -> none\n" },
};

static struct config *
load_state(struct arena *arena, const char *state)
{
	return load(str_printf(arena,
	    "{\"secret\": \"s\", \"state\": \"%s\", \"servers\": [" SERVER("") "]}", state));
}

static void
test_engines(struct arena *arena)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		struct config *before = load_state(arena, engines[i].before);
		struct config *after = load_state(arena, engines[i].after);

		if (ok(before && after, "engines: they load"))
			is_str(told(arena, before, after), engines[i].told, "%s, then %s",
			    engines[i].before, engines[i].after);
		config_free(before);
		config_free(after);
	}
}

int
main(void)
{
	struct arena *arena = arena_new();
	struct config *plain = load(
	    "{\"secret\": \"s\", \"state\": \"/x\", \"servers\": [" SERVER("") "]}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && plain; i++) {
		const struct row *row = &rows[i];
		struct config *config = load(str_printf(arena,
		    "{\"secret\": \"s\", %s %s \"servers\": [" SERVER("%s") "]}", row->top,
		    strstr(row->top, "\"state\"") ? "" : "\"state\": \"/x\",", row->server));

		if (ok(config, "%s: it loads", row->what))
			is_str(told(arena, plain, config), row->told, "%s", row->what);
		config_free(config);
	}
	struct config *secret = load(
	    "{\"secrets\": [\"s\", \"t\"], \"state\": \"/x\", \"servers\": ["
	    "{\"host\": \"https://a.example\", \"secrets\": [\"x\", \"w\"]}]}");
	is_str(told(arena, plain, secret), "secret: (hidden)\na.example.secret: (hidden)\n",
	    "several secrets in place of one");
	config_free(secret);
	config_free(plain);
	test_engines(arena);
	arena_free(arena);
	return done_testing();
}
