#include "formats/state_url.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "formats/url.h"

/* Redis has 16 databases unless redis.conf says otherwise ("databases"). */
#define DB_MOST 1000000

#define DB_TEXT "the database must be a number from 0 to 1000000"

static const struct scheme {
	const char *name;
	enum state_url_kind kind;
	bool is_tls;
	int port; /* of a host without one */
} schemes[] = {
	{ "redis", STATE_URL_TCP, false, 6379 },
	{ "rediss", STATE_URL_TCP, true, 6379 },
	{ "redis+unix", STATE_URL_UNIX, false, 0 },
	{ "redis+sentinel", STATE_URL_SENTINEL, false, 26379 },
};

/* The scheme that the text begins with, or NULL. */
static const struct scheme *
find_scheme(struct str text)
{
	struct str name = str_part(text, 0, str_find(text, STR(":"), 0));
	if (name.len == text.len)
		return NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_is_nocase(name, schemes[i].name))
			return &schemes[i];
	return NULL;
}

/* Split the text at the first such character, which is in neither part; without one all is
 * before it, and *behind is absent. */
static struct str
split(struct str text, const char *character, struct str *behind)
{
	size_t at = str_find(text, str_from(character), 0);
	*behind = at == SIZE_MAX ? (struct str){ NULL, 0 } : str_part(text, at + 1, SIZE_MAX);
	return str_part(text, 0, at);
}

/* ---- Parts --------------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode %xx into a text in the arena.  Returns what is wrong, or NULL. */
static const char *
decode(struct arena *arena, struct str raw, const char **decoded)
{
	char *text = arena_alloc(arena, raw.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		text[len] = raw.data[i];
		if (raw.data[i] == '%') {
			int high = i + 2 < raw.len ? hex_digit(raw.data[i + 1]) : -1;
			int low = i + 2 < raw.len ? hex_digit(raw.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return "a \"%\" without two hexadecimal digits behind it; as "
				       "itself it is written %25";
			text[len] = (char)(high << 4 | low);
			i += 2;
		}
		if (!text[len++])
			return "has a NUL (%00) in it";
	}
	*decoded = text;
	return NULL;
}

/* Decode what people are shown, too. */
static const char *
decode_shown(struct arena *arena, struct str raw, const char **decoded)
{
	const char *wrong = decode(arena, raw, decoded);
	for (const char *c = wrong ? "" : *decoded; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return "has a control character in it";
	return wrong;
}

static const char *
parse_db(struct str digits, int *db)
{
	int64_t number;
	if (digits.len == 0 || digits.data[0] == '-' || str_to_int(digits, 0, DB_MOST, &number))
		return DB_TEXT;
	*db = (int)number;
	return NULL;
}

/* Take "USER:PASSWORD@" off the authority. */
static const char *
parse_credentials(struct arena *arena, struct str *authority, struct state_url *url)
{
	struct str hosts;
	struct str credentials = split(*authority, "@", &hosts);
	if (!hosts.data)
		return NULL;
	if (str_find(hosts, STR("@"), 0) != SIZE_MAX)
		return "a second \"@\"; in the user or password it is written %40";
	*authority = hosts;

	struct str password;
	struct str user = split(credentials, ":", &password);
	const char *wrong = NULL;
	if (user.len > 0)
		wrong = decode(arena, user, &url->user);
	if (!wrong && password.len > 0)
		wrong = decode(arena, password, &url->password);
	return wrong;
}

static const char *
parse_host(struct arena *arena, struct str text, int port, struct state_host *host)
{
	char name[URL_HOST_SIZE];
	size_t colon = str_find(text, STR(":"), 0);
	if (!str_starts(text, "[") && colon != SIZE_MAX &&
	    str_find(text, STR(":"), colon + 1) != SIZE_MAX)
		return "two colons after the host name; an IPv6 address stands in brackets";
	host->port = port;
	const char *wrong = url_parse_host(text, name, &host->port);
	if (wrong)
		return wrong;
	struct str bare = str_from(name);
	if (bare.data[0] == '[')
		bare = str_part(bare, 1, bare.len - 2);
	host->name = str_copy(arena, bare);
	return NULL;
}

/* Take the list of hosts apart, which is of n. */
static const char *
parse_hosts(struct arena *arena, struct str list, size_t n, int port, struct state_url *url)
{
	url->hosts = arena_alloc(arena, n * sizeof(*url->hosts));
	const char *wrong = NULL;
	while (url->n_hosts < n && !wrong) {
		struct str rest;
		struct str one = split(list, ",", &rest);
		wrong = parse_host(arena, one, port, &url->hosts[url->n_hosts++]);
		list = rest;
	}
	return wrong;
}

/* ---- Kinds ---------------------------------------------------------------------- */

/* All kinds but a socket's: what follows "//", in two parts; path is absent or what is
 * behind the first slash. */
static const char *
parse_tcp(struct arena *arena, struct str authority, struct str path, int port,
    struct state_url *url)
{
	if (str_find(authority, STR(","), 0) != SIZE_MAX)
		return "one host only; several sentinels are named by redis+sentinel://";
	const char *wrong = parse_hosts(arena, authority, 1, port, url);
	return wrong || path.len == 0 ? wrong : parse_db(path, &url->db);
}

static const char *
parse_sentinel(struct arena *arena, struct str authority, struct str path, int port,
    struct state_url *url)
{
	size_t n = 1;
	for (size_t i = 0; i < authority.len; i++)
		n += authority.data[i] == ',';
	if (n > LIMIT_STATE_HOSTS)
		return "more than 32 sentinels";
	const char *wrong = parse_hosts(arena, authority, n, port, url);
	if (wrong)
		return wrong;
	struct str db;
	struct str name = split(path, "/", &db);
	if (name.len == 0)
		return "the primary's name is missing: what the sentinels call it stands "
		       "after the hosts, \"/NAME\"";
	wrong = decode_shown(arena, name, &url->name);
	return wrong || db.len == 0 ? wrong : parse_db(db, &url->db);
}

static const char *
parse_network(struct arena *arena, const struct scheme *scheme, struct str rest,
    struct state_url *url)
{
	if (!str_starts(rest, "//"))
		return "expected \"//\" and a host after the scheme";
	struct str path;
	struct str authority = split(str_part(rest, 2, SIZE_MAX), "/", &path);
	if (str_find(path, STR("@"), 0) != SIZE_MAX)
		return "an \"@\" after a slash; in the user or password a slash is written %2F";
	const char *wrong = parse_credentials(arena, &authority, url);
	if (wrong)
		return wrong;
	return scheme->kind == STATE_URL_TCP ?
	    parse_tcp(arena, authority, path, scheme->port, url) :
	    parse_sentinel(arena, authority, path, scheme->port, url);
}

static const char *
parse_unix(struct arena *arena, struct str rest, bool has_query, struct str query,
    struct state_url *url)
{
	const char *wrong = NULL;
	if (str_starts(rest, "//")) {
		size_t slash = str_find(rest, STR("/"), 2);
		struct str authority = str_part(rest, 2, slash == SIZE_MAX ? slash : slash - 2);
		wrong = parse_credentials(arena, &authority, url);
		if (!wrong && authority.len > 0)
			wrong = "a host name has no place before a socket's path";
		rest = str_part(rest, slash, SIZE_MAX);
	}
	if (wrong)
		return wrong;
	if (rest.len < 2 || rest.data[0] != '/')
		return "expected the socket's path, from its first slash: redis+unix:/path";
	if ((wrong = decode_shown(arena, rest, &url->path)))
		return wrong;
	if (strlen(url->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "the socket's path is longer than 107 bytes";
	if (!has_query)
		return NULL;
	if (!str_starts(query, "db="))
		return "expected \"?db=\" and a number, or nothing, after the socket's path";
	return parse_db(str_part(query, 3, SIZE_MAX), &url->db);
}

/* ---- The whole ------------------------------------------------------------------ */

bool
state_url_is(struct str text)
{
	return find_scheme(text) || str_find(text, STR("://"), 0) != SIZE_MAX;
}

const char *
state_url_parse(struct arena *arena, struct str text, struct state_url *url)
{
	*url = (struct state_url){ .kind = STATE_URL_TCP };
	if (text.len > LIMIT_STATE_URL_BYTES)
		return "longer than 8192 bytes";
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			return "has a space or control character in it";
	const struct scheme *scheme = find_scheme(text);
	if (!scheme)
		return "expected a URL that begins with redis://, redis+unix: or "
		       "redis+sentinel://";
	if (scheme->is_tls)
		return "rediss:// is TLS, which is not spoken here: use redis:// through a "
		       "VPN or a tunnel such as stunnel, or redis+unix: for a socket";
	url->kind = scheme->kind;

	struct str rest = str_part(text, strlen(scheme->name) + 1, SIZE_MAX);
	if (str_find(rest, STR("#"), 0) != SIZE_MAX)
		return "a \"#\" has no place here; in the user or password it is written %23";
	struct str query;
	rest = split(rest, "?", &query);
	if (scheme->kind == STATE_URL_UNIX)
		return parse_unix(arena, rest, query.data, query, url);
	if (query.data)
		return "a \"?\" has no place here: the database follows the host, \"/0\"; in "
		       "the user or password it is written %3F";
	return parse_network(arena, scheme, rest, url);
}

const char *
state_url_text(struct arena *arena, const struct state_url *url)
{
	struct buf out;
	buf_init(&out, 4 * LIMIT_STATE_URL_BYTES);
	if (url->kind == STATE_URL_UNIX) {
		buf_printf(&out, "redis+unix:%s?db=%d", url->path, url->db);
		return buf_take(&out, arena).data;
	}
	buf_text(&out, url->kind == STATE_URL_SENTINEL ? "redis+sentinel://" : "redis://");
	for (size_t i = 0; i < url->n_hosts; i++) {
		const struct state_host *host = &url->hosts[i];
		bool is_ipv6 = strchr(host->name, ':');
		buf_printf(&out, is_ipv6 ? "%s[%s]:%d" : "%s%s:%d", i > 0 ? "," : "",
		    host->name, host->port);
	}
	if (url->name)
		buf_printf(&out, "/%s", url->name);
	buf_printf(&out, "/%d", url->db);
	return buf_take(&out, arena).data;
}
