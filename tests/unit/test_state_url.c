/*
 * The URLs of engines: all that is in a good one, what is wrong with a bad one, and nothing
 * of a bad one in the complaint.
 */
#include "formats/state_url.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each URL below that has a password has this one in it; no complaint has. */
#define PASSWORD "S3cr3t"

#define PATH_50 "/2345678901234567890123456789012345678901234567890"
#define PATH_100 PATH_50 PATH_50

static const struct {
	const char *text;
	enum state_url_kind kind;
	const char *user, *password;
	const char *host; /* the first */
	int port;
	size_t n_hosts;
	const char *path, *name;
	int db;
	const char *shown;
} good[] = {
	/* TCP */
	{ "redis://host", STATE_URL_TCP, NULL, NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "redis://host/", STATE_URL_TCP, NULL, NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "REDIS://Redis.Example.ORG:0006380/15", STATE_URL_TCP, NULL, NULL,
	    "redis.example.org", 6380, 1, NULL, NULL, 15, "redis://redis.example.org:6380/15" },
	{ "redis://:" PASSWORD "@10.0.0.1:1/1000000", STATE_URL_TCP, NULL, PASSWORD, "10.0.0.1",
	    1, 1, NULL, NULL, 1000000, "redis://10.0.0.1:1/1000000" },
	{ "redis://tiny:" PASSWORD "@host_1:65535", STATE_URL_TCP, "tiny", PASSWORD, "host_1",
	    65535, 1, NULL, NULL, 0, "redis://host_1:65535/0" },
	{ "redis://tiny@host", STATE_URL_TCP, "tiny", NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "redis://tiny:@host", STATE_URL_TCP, "tiny", NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "redis://@host", STATE_URL_TCP, NULL, NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "redis://:@host", STATE_URL_TCP, NULL, NULL, "host", 6379, 1, NULL, NULL, 0,
	    "redis://host:6379/0" },
	{ "redis://a%3ab%40:" PASSWORD "%2f%2F%25:%c3%a4%0A@host", STATE_URL_TCP, "a:b@",
	    PASSWORD "//%:\xc3\xa4\n", "host", 6379, 1, NULL, NULL, 0, "redis://host:6379/0" },
	{ "redis://:\xc3\xa4,[+&=@host", STATE_URL_TCP, NULL, "\xc3\xa4,[+&=", "host", 6379, 1,
	    NULL, NULL, 0, "redis://host:6379/0" },
	{ "redis://[2001:DB8::0:1]", STATE_URL_TCP, NULL, NULL, "2001:db8::1", 6379, 1, NULL,
	    NULL, 0, "redis://[2001:db8::1]:6379/0" },
	{ "redis://u:" PASSWORD "@[::1]:6380/3", STATE_URL_TCP, "u", PASSWORD, "::1", 6380, 1,
	    NULL, NULL, 3, "redis://[::1]:6380/3" },

	/* A socket. */
	{ "redis+unix:/run/redis/redis.sock", STATE_URL_UNIX, NULL, NULL, NULL, 0, 0,
	    "/run/redis/redis.sock", NULL, 0, "redis+unix:/run/redis/redis.sock?db=0" },
	{ "redis+unix:///r?db=7", STATE_URL_UNIX, NULL, NULL, NULL, 0, 0, "/r", NULL, 7,
	    "redis+unix:/r?db=7" },
	{ "Redis+Unix://u:" PASSWORD "@/a%20b@c%3F?db=0", STATE_URL_UNIX, "u", PASSWORD, NULL,
	    0, 0, "/a b@c?", NULL, 0, "redis+unix:/a b@c??db=0" },
	{ "redis+unix://:" PASSWORD "@/r", STATE_URL_UNIX, NULL, PASSWORD, NULL, 0, 0, "/r",
	    NULL, 0, "redis+unix:/r?db=0" },
	{ "redis+unix:" PATH_100 "1234567", STATE_URL_UNIX, NULL, NULL, NULL, 0, 0,
	    PATH_100 "1234567", NULL, 0, "redis+unix:" PATH_100 "1234567?db=0" },

	/* Sentinels. */
	{ "redis+sentinel://a/primary", STATE_URL_SENTINEL, NULL, NULL, "a", 26379, 1, NULL,
	    "primary", 0, "redis+sentinel://a:26379/primary/0" },
	{ "redis+sentinel://u:" PASSWORD "@a:1,[::1],b.example:3/my%20one/2",
	    STATE_URL_SENTINEL, "u", PASSWORD, "a", 1, 3, NULL, "my one", 2,
	    "redis+sentinel://a:1,[::1]:26379,b.example:3/my one/2" },
	{ "redis+sentinel://[::2]:5,a,a/x/", STATE_URL_SENTINEL, NULL, NULL, "::2", 5, 3, NULL,
	    "x", 0, "redis+sentinel://[::2]:5,a:26379,a:26379/x/0" },
};

static void
test_good(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct state_url url;
		const char *wrong = state_url_parse(arena, str_from(good[i].text), &url);
		if (!is_str(wrong, NULL, "good: %s", good[i].text))
			continue;
		ok(state_url_is(str_from(good[i].text)), "  and it names an engine");
		is_int(url.kind, good[i].kind, "  kind");
		is_str(url.user, good[i].user, "  user");
		is_str(url.password, good[i].password, "  password");
		is_int(url.n_hosts, good[i].n_hosts, "  n_hosts");
		is_str(url.n_hosts > 0 ? url.hosts[0].name : NULL, good[i].host, "  host");
		is_int(url.n_hosts > 0 ? url.hosts[0].port : 0, good[i].port, "  port");
		is_str(url.path, good[i].path, "  path");
		is_str(url.name, good[i].name, "  name");
		is_int(url.db, good[i].db, "  db");
		is_str(state_url_text(arena, &url), good[i].shown, "  how it is shown");
	}
}

#define NO_SCHEME                                                   \
	"expected a URL that begins with redis://, redis+unix: or " \
	"redis+sentinel://"
#define NO_TLS                                                                         \
	"rediss:// is TLS, which is not spoken here: use redis:// through a VPN or a " \
	"tunnel such as stunnel, or redis+unix: for a socket"
#define NO_SLASHES "expected \"//\" and a host after the scheme"
#define NO_HOST "the host name is missing"
#define NO_PORT "the port must be a number from 1 to 65535"
#define NO_IPV6 "not an IPv6 address in the brackets"
#define NO_DB "the database must be a number from 0 to 1000000"
#define NO_PATH "expected the socket's path, from its first slash: redis+unix:/path"
#define NO_QUERY "expected \"?db=\" and a number, or nothing, after the socket's path"
#define NO_NAME                                                                   \
	"the primary's name is missing: what the sentinels call it stands after " \
	"the hosts, \"/NAME\""
#define ENCODING "a \"%\" without two hexadecimal digits behind it; as itself it is written %25"
#define CONTROL "has a control character in it"
#define SPACE "has a space or control character in it"
#define LATE_AT "an \"@\" after a slash; in the user or password a slash is written %2F"
#define QUESTION                                                                         \
	"a \"?\" has no place here: the database follows the host, \"/0\"; in the user " \
	"or password it is written %3F"

static const struct {
	struct str text;
	const char *wrong;
} bad[] = {
	{ { NULL, 0 }, NO_SCHEME },
	{ STR(""), NO_SCHEME },
	{ STR("redis"), NO_SCHEME },
	{ STR("://host"), NO_SCHEME },
	{ STR("/redis://host"), NO_SCHEME },
	{ STR("reddis://:" PASSWORD "@host"), NO_SCHEME },
	{ STR("redis+tls://:" PASSWORD "@host"), NO_SCHEME },
	{ STR("rediss://tiny:" PASSWORD "@host"), NO_TLS },
	{ STR("RedisS://:" PASSWORD "@host:x"), NO_TLS },
	{ STR("rediss:host"), NO_TLS },
	{ STR("redis:"), NO_SLASHES },
	{ STR("redis:/host"), NO_SLASHES },
	{ STR("redis:" PASSWORD "@host"), NO_SLASHES },
	{ STR("redis+sentinel:a/x"), NO_SLASHES },
	{ STR("redis://"), NO_HOST },
	{ STR("redis:///0"), NO_HOST },
	{ STR("redis://@/"), NO_HOST },
	{ STR("redis://:" PASSWORD "@"), NO_HOST },
	{ STR("redis://:" PASSWORD "@:6379"), NO_HOST },
	{ STR("redis://a..b"), "a dot too many in the host name" },
	{ STR("redis://h%6fst"), "a character that no host name has" },
	{ STR("redis://h\xc3\xb6st"),
	    "a host name with other than ASCII letters is written in its xn-- form" },
	{ STR("redis://host:"), NO_PORT },
	{ STR("redis://host:0"), NO_PORT },
	{ STR("redis://host:65536"), NO_PORT },
	{ STR("redis://host:-1"), NO_PORT },
	{ STR("redis://host:+1"), NO_PORT },
	{ STR("redis://host:6379x"), NO_PORT },
	{ STR("redis://host:99999999999999999999"), NO_PORT },
	{ STR("redis://tiny:" PASSWORD), NO_PORT },
	{ STR("redis://2001:db8::1"),
	    "two colons after the host name; an IPv6 address stands in brackets" },
	{ STR("redis://[]"), NO_IPV6 },
	{ STR("redis://[::1"), NO_IPV6 },
	{ STR("redis://[::1]x:1"), NO_IPV6 },
	{ STR("redis://[10.0.0.1]"), NO_IPV6 },
	{ STR("redis://[fe80::1%25eth0]"), NO_IPV6 },
	{ STR("redis://host/a"), NO_DB },
	{ STR("redis://host/-0"), NO_DB },
	{ STR("redis://host/1000001"), NO_DB },
	{ STR("redis://host/1/"), NO_DB },
	{ STR("redis://host//"), NO_DB },
	{ STR("redis://host/%30"), NO_DB },
	{ STR("redis://a,b"),
	    "one host only; several sentinels are named by redis+sentinel://" },
	{ STR("redis://host?db=1"), QUESTION },
	{ STR("redis://:" PASSWORD "?@host"), QUESTION },
	{ STR("redis://:" PASSWORD "#@host"),
	    "a \"#\" has no place here; in the user or password it is written %23" },
	{ STR("redis://:" PASSWORD "/1@host"), LATE_AT },
	{ STR("redis://:" PASSWORD "@1@host"),
	    "a second \"@\"; in the user or password it is written %40" },
	{ STR("redis://:" PASSWORD "%@host"), ENCODING },
	{ STR("redis://%:" PASSWORD "@host"), ENCODING },
	{ STR("redis://:" PASSWORD "%4@host"), ENCODING },
	{ STR("redis://:" PASSWORD "%0g@host"), ENCODING },
	{ STR("redis://:" PASSWORD "%00@host"), "has a NUL (%00) in it" },
	{ STR("redis://:" PASSWORD " @host"), SPACE },
	{ STR("redis://host\n"), SPACE },
	{ STR("redis://host\x7f"), SPACE },
	{ STR("redis://ho\0st"), SPACE },
	{ STR("redis://host\0"), SPACE },
	{ STR("%"), NO_SCHEME },
	{ STR("redis://%"), "a character that no host name has" },

	{ STR("redis+unix:"), NO_PATH },
	{ STR("redis+unix:/"), NO_PATH },
	{ STR("redis+unix:r"), NO_PATH },
	{ STR("redis+unix://"), NO_PATH },
	{ STR("redis+unix:?db=1"), NO_PATH },
	{ STR("redis+unix://:" PASSWORD "@"), NO_PATH },
	{ STR("redis+unix://run/redis.sock"),
	    "a host name has no place before a socket's path" },
	{ STR("redis+unix://:" PASSWORD "@host/r"),
	    "a host name has no place before a socket's path" },
	{ STR("redis+unix:/r%"), ENCODING },
	{ STR("redis+unix:/r%00"), "has a NUL (%00) in it" },
	{ STR("redis+unix:/r%1b"), CONTROL },
	{ STR("redis+unix:/r?"), NO_QUERY },
	{ STR("redis+unix:/r?DB=1"), NO_QUERY },
	{ STR("redis+unix:/r?password=" PASSWORD), NO_QUERY },
	{ STR("redis+unix:/r?db="), NO_DB },
	{ STR("redis+unix:/r?db=1&db=2"), NO_DB },
	{ STR("redis+unix:" PATH_100 "12345678"),
	    "the socket's path is longer than 107 bytes" },

	{ STR("redis+sentinel://a"), NO_NAME },
	{ STR("redis+sentinel://a/"), NO_NAME },
	{ STR("redis+sentinel://a//0"), NO_NAME },
	{ STR("redis+sentinel:///x"), NO_HOST },
	{ STR("redis+sentinel://a,,b/x"), NO_HOST },
	{ STR("redis+sentinel://,a/x"), NO_HOST },
	{ STR("redis+sentinel://a,/x"), NO_HOST },
	{ STR("redis+sentinel://a,b:0/x"), NO_PORT },
	{ STR("redis+sentinel://a/x/y"), NO_DB },
	{ STR("redis+sentinel://a/x/0/1"), NO_DB },
	{ STR("redis+sentinel://a/x%7f"), CONTROL },
	{ STR("redis+sentinel://a,b:1@c"), NO_NAME },
};

static void
test_bad(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct state_url url;
		const char *wrong = state_url_parse(arena, bad[i].text, &url);
		is_str(wrong, bad[i].wrong, "bad: %.*s", STR_ARG(bad[i].text));
		ok(!wrong || !strstr(wrong, PASSWORD), "  and no password is told");
	}
}

/* So many of that byte, between the two texts. */
static struct str
flood(struct arena *arena, const char *before, char byte, size_t n, const char *behind)
{
	size_t first = strlen(before), last = strlen(behind);
	char *text = arena_alloc(arena, first + n + last);
	memcpy(text, before, first);
	memset(text + first, byte, n);
	memcpy(text + first + n, behind, last);
	return (struct str){ text, first + n + last };
}

static void
test_floods(struct arena *arena)
{
	static const char *const before[] = { "", "redis://", "redis://:", "redis+unix:/",
		"redis+sentinel://", "redis+sentinel://a/" };
	static const char *const behind[] = { "", "@host", "/x", "?db=1" };
	struct state_url url;
	size_t refused = 0, tried = 0;

	for (size_t i = 0; i < COUNT(before); i++)
		for (size_t k = 0; k < COUNT(behind); k++)
			for (int byte = 0; byte < 256; byte++) {
				struct str text = flood(arena, before[i], (char)byte, 100000,
				    behind[k]);
				tried++;
				refused += state_url_parse(arena, text, &url) ? 1 : 0;
				arena_reset(arena);
			}
	is_int(refused, tried, "100 kB are refused, whatever they are");

	size_t room = LIMIT_STATE_URL_BYTES - strlen("redis://:@host");
	is_str(state_url_parse(arena, flood(arena, "redis://:", 'p', room, "@host"), &url),
	    NULL, "a long password");
	is_int(strlen(url.password), room, "  of which nothing is lost");
	is_str(state_url_parse(arena, flood(arena, "redis://:", 'p', room + 1, "@host"), &url),
	    "longer than 8192 bytes", "one that is too long");
	is_str(state_url_parse(arena, flood(arena, "redis://", 'h', 254, ""), &url),
	    "the host name is too long", "a host name that is too long");
}

static void
test_sentinels(struct arena *arena)
{
	char text[2000] = "redis+sentinel://h0";
	for (int i = 1; i < LIMIT_STATE_HOSTS; i++)
		sprintf(text + strlen(text), ",h%d:%d", i, i);
	struct state_url url;
	size_t len = strlen(text);
	strcat(text, "/x");
	is_str(state_url_parse(arena, str_from(text), &url), NULL, "as many as may be");
	if (is_int(url.n_hosts, LIMIT_STATE_HOSTS, "  all are there")) {
		is_str(url.hosts[31].name, "h31", "  the last one's name");
		is_int(url.hosts[31].port, 31, "  and port");
	}
	strcpy(text + len, ",h/x");
	is_str(state_url_parse(arena, str_from(text), &url), "more than 32 sentinels",
	    "one more than may be");
}

/* Every text that is near a good one can be parsed, cut anywhere and with any byte in the place
 * of another; what is good can be shown, and that is as good and says the same. */
static void
test_near(struct arena *arena)
{
	size_t differs = 0, n_good = 0;
	for (size_t i = 0; i < COUNT(good); i++) {
		size_t len = strlen(good[i].text);
		for (size_t at = 0; at < len; at++)
			for (int byte = -1; byte < 256; byte++) {
				char *text = str_copy(arena, str_from(good[i].text));
				if (byte >= 0)
					text[at] = (char)byte;
				struct str whole = { text, byte < 0 ? at : len };
				struct state_url url, again;
				if (!state_url_parse(arena, whole, &url) &&
				    url.kind == STATE_URL_TCP) {
					const char *shown = state_url_text(arena, &url);
					n_good++;
					differs += state_url_parse(arena, str_from(shown),
					               &again) ||
					    strcmp(shown, state_url_text(arena, &again)) != 0;
				}
				arena_reset(arena);
			}
	}
	ok(n_good > 1000, "%zu texts near a good one are good", n_good);
	is_int(differs, 0, "what is shown says the same");
}

static const struct {
	struct str text;
	bool is;
} texts[] = {
	{ STR("redis:"), true },
	{ STR("redis:/x"), true },
	{ STR("Rediss:x"), true },
	{ STR("redis+unix:/x"), true },
	{ STR("redis+sentinel:"), true },
	{ STR("reddis://host"), true },
	{ STR("file:///var/lib"), true },
	{ STR("://"), true },
	{ { NULL, 0 }, false },
	{ STR("none"), false },
	{ STR("redis"), false },
	{ STR("/redis:"), false },
	{ STR("redis+unix"), false },
	{ STR("state.db"), false },
	{ STR("./redis:6379"), false },
	{ STR("redis.db:/x"), false },
	{ STR("/var/lib/tinyscale/state.db"), false },
};

int
main(void)
{
	struct arena *arena = arena_new();

	test_good(arena);
	test_bad(arena);
	test_floods(arena);
	test_sentinels(arena);
	test_near(arena);
	for (size_t i = 0; i < COUNT(texts); i++)
		ok(state_url_is(texts[i].text) == texts[i].is, "%s: %.*s",
		    texts[i].is ? "an engine" : "a file", STR_ARG(texts[i].text));
	arena_free(arena);
	return done_testing();
}
