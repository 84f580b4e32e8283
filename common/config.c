#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "checksum.h"
#include "bounds.h"
#include "mem.h"
#include "str.h"

#ifndef TINYSCALE_DEFAULT_CONFIG
#define TINYSCALE_DEFAULT_CONFIG "/etc/tinyscale/servers.json"
#endif
#ifndef TINYSCALE_DEFAULT_STATE
#define TINYSCALE_DEFAULT_STATE "/var/lib/tinyscale/state.db"
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Nobody reads more; and the caller's buffer loses all when it overflows. */
#define PROBLEMS_SHOWN 50

#define NAME_BYTES 100
#define HOST_BYTES 253 /* RFC 1035, 2.3.4, as text */

/* More than any key, so that a longer one has no nearest. */
#define KEY_BYTES 40

/* One loading. */
struct load {
	const char *path;
	struct arena *arena; /* the configuration's */
	struct config *config;
	struct buf *problems;
	size_t n_problems, n_left_out;
	char where[32]; /* before each key: "servers[1].", or empty */
};

/* What a value must be, and how it gets into the configuration. */
struct key;
struct type {
	const char *expected; /* NULL: a whole number from min to max */
	enum {
		DEFAULT_TOLD,  /* the key's default is for people to read */
		DEFAULT_WORD,  /* it is the text of a JSON string */
		DEFAULT_JSON   /* it is JSON */
	} form;
	void (*read)(struct load *load, const struct key *key,
		struct json_object *value, void *base);
};

struct key {
	const char *key;
	const struct type *type;
	size_t offset; /* in struct config, or in struct server */
	int64_t min, max;
	const char *def;
	const char *help;
};

/*
 * Problems.
 */

/* One line: the file, the key unless it is NULL, and what is wrong. */
__attribute__((format(printf, 3, 4)))
static void
complain(struct load *load, const char *key, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	struct buf *out = load->problems;
	size_t need = strlen(load->path) + sizeof(load->where) + (key ? strlen(key) : 0)
		+ strlen(text);
	load->n_problems++;
	/* The line for those that are left out needs room too. */
	if (load->n_problems > PROBLEMS_SHOWN
			|| out->max - out->len < need + strlen(load->path) + 64) {
		load->n_left_out++;
		return;
	}
	if (key)
		buf_printf(out, "%s: %s%s: %s\n", load->path, load->where, key, text);
	else
		buf_printf(out, "%s: %s\n", load->path, text);
}

static const char *
kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return json_object_get_boolean(value) ? "true" : "false";
	case json_type_double:
		return "a number with a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "a list";
	case json_type_string:
		break;
	}
	return "a string";
}

/* The value is of another type.  It is not repeated: it may be a secret that
 * got into the wrong place. */
static void
complain_type(struct load *load, const char *key, const char *expected,
	struct json_object *value)
{
	complain(load, key, "expected %s, not %s", expected, kind_of(value));
}

static void
describe(const struct key *key, char *text, size_t size)
{
	if (key->type->expected)
		snprintf(text, size, "%s", key->type->expected);
	else
		snprintf(text, size, "a whole number from %" PRId64 " to %" PRId64,
			key->min, key->max);
}

/* A name from the file, fit for a line of text. */
static const char *
shown(const char *name, char text[65])
{
	size_t i = 0;
	for (; name[i] && i < 64; i++)
		text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
	text[i] = '\0';
	return text;
}

/*
 * The values of single keys.
 */

static void *
field(const struct key *key, void *base)
{
	return (char *)base + key->offset;
}

/* The text of a JSON string, borrowed.  NUL is refused, for all that follows
 * works with C strings. */
static int
read_text(struct load *load, const char *key, const char *expected,
	struct json_object *value, struct str *text)
{
	if (!json_object_is_type(value, json_type_string)) {
		complain_type(load, key, expected, value);
		return -1;
	}
	text->data = json_object_get_string(value);
	text->len = (size_t)json_object_get_string_len(value);
	if (memchr(text->data, '\0', text->len)) {
		complain(load, key, "contains the character \\u0000");
		return -1;
	}
	return 0;
}

static void
read_number(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	char expected[80];
	describe(key, expected, sizeof(expected));
	if (!json_object_is_type(value, json_type_int)) {
		complain_type(load, key->key, expected, value);
		return;
	}
	/* Too large for 64 bits becomes the largest, which is out of range. */
	int64_t number = json_object_get_int64(value);
	if (number < key->min || number > key->max)
		complain(load, key->key, "expected %s", expected);
	else
		*(int64_t *)field(key, base) = number;
}

/* max_meetings, max_users: "none" is said by leaving the key out. */
static void
read_limit(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct key plain = *key;
	int64_t number = -1;
	plain.offset = 0;
	read_number(load, &plain, value, &number);
	*(long *)field(key, base) = (long)number;
}

static void
read_status(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	int64_t number = json_object_is_type(value, json_type_int)
		? json_object_get_int64(value) : 0;
	if (number != key->min && number != key->max)
		complain(load, key->key, "expected %s", key->type->expected);
	else
		*(int *)field(key, base) = (int)number;
}

static void
read_weight(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	if (!json_object_is_type(value, json_type_int)
			&& !json_object_is_type(value, json_type_double)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	/* A floor, for the rotation adds up 1 / weight.  NaN fails both. */
	double weight = json_object_get_double(value);
	if (!(weight >= 0.001 && weight <= (double)key->max))
		complain(load, key->key, "expected %s", key->type->expected);
	else
		*(double *)field(key, base) = weight;
}

static void
read_boolean(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	if (!json_object_is_type(value, json_type_boolean))
		complain_type(load, key->key, key->type->expected, value);
	else
		*(bool *)field(key, base) = json_object_get_boolean(value);
}

/* One of two words; the second is true. */
static void
read_switch(struct load *load, const struct key *key,
	struct json_object *value, void *base, const char *off, const char *on)
{
	struct str word;
	if (read_text(load, key->key, key->type->expected, value, &word))
		return;
	if (!str_is(word, off) && !str_is(word, on))
		complain(load, key->key, "expected %s", key->type->expected);
	else
		*(bool *)field(key, base) = str_is(word, on);
}

static void
read_forward(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	read_switch(load, key, value, base, "proxy", "redirect");
}

static void
read_callbacks(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	read_switch(load, key, value, base, "resign", "pass");
}

static void
read_placement(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct str word;
	if (read_text(load, key->key, key->type->expected, value, &word) == 0
			&& placement_policy_find(word, field(key, base)))
		complain(load, key->key, "expected %s", key->type->expected);
}

static void
read_server_state(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct str word;
	if (read_text(load, key->key, key->type->expected, value, &word) == 0
			&& server_state_find(word, field(key, base)))
		complain(load, key->key, "expected %s", key->type->expected);
}

static void
read_log_format(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	read_switch(load, key, value, base, "text", "json");
}

static void
read_algorithm(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct str word;
	if (read_text(load, key->key, key->type->expected, value, &word) == 0
			&& checksum_algorithm_find(word, field(key, base)))
		complain(load, key->key, "expected %s", key->type->expected);
}

static void
read_algorithms(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	unsigned found = 0;
	if (!json_object_is_type(value, json_type_array)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		static const char one[] = "sha1, sha256, sha384 or sha512";
		char item[KEY_BYTES + 24];
		struct str word;
		enum checksum_algorithm algorithm;
		snprintf(item, sizeof(item), "%s[%zu]", key->key, i);
		if (read_text(load, item, one, json_object_array_get_idx(value, i), &word))
			continue;
		if (checksum_algorithm_find(word, &algorithm))
			complain(load, item, "expected %s", one);
		else
			found |= 1u << algorithm;
	}
	if (json_object_array_length(value) == 0)
		complain(load, key->key, "is empty: no client could sign a call");
	*(unsigned *)field(key, base) = found;
}

/* The trimmed copy of a secret, or NULL after a complaint. */
static const char *
take_secret(struct load *load, const char *key,
	struct json_object *value)
{
	struct str text;
	if (read_text(load, key, "a string", value, &text))
		return NULL;
	text = str_trim(text);
	if (text.len == 0) {
		complain(load, key, "is empty");
		return NULL;
	}
	return str_copy(load->arena, text);
}

static void
read_secret(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	*(const char **)field(key, base) = take_secret(load, key->key, value);
}

static void
set_client_secret(struct load *load, const char *secret)
{
	load->config->secrets = arena_alloc(load->arena, sizeof(*load->config->secrets));
	load->config->secrets[0] = secret;
	load->config->n_secrets = 1;
}

static void
read_client_secret(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	(void)base;
	const char *secret = take_secret(load, key->key, value);
	if (secret)
		set_client_secret(load, secret);
}

static void
read_client_secrets(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct config *config = base;
	if (!json_object_is_type(value, json_type_array)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	size_t n = json_object_array_length(value);
	if (n == 0)
		complain(load, key->key, "is empty");
	config->secrets = arena_alloc(load->arena, n * sizeof(*config->secrets));
	config->n_secrets = 0;
	for (size_t i = 0; i < n; i++) {
		char item[KEY_BYTES + 24];
		snprintf(item, sizeof(item), "%s[%zu]", key->key, i);
		const char *secret = take_secret(load, item,
			json_object_array_get_idx(value, i));
		if (secret)
			config->secrets[config->n_secrets++] = secret;
	}
}

/* A path.  Existence is the user's of the path to see: the state is made when
 * it is missing. */
static void
read_path(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct str text;
	if (read_text(load, key->key, key->type->expected, value, &text))
		return;
	if (text.len == 0)
		complain(load, key->key, "is empty; leave the key out for the default");
	else
		*(const char **)field(key, base) = str_copy(load->arena, text);
}

static void
read_ca_file(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	const char **file = field(key, base);
	read_path(load, key, value, base);
	/* Seen later, every https server would look broken. */
	if (*file && access(*file, R_OK))
		complain(load, key->key, "%s cannot be read: %m", *file);
}

static void
set_state(struct load *load, struct str path)
{
	load->config->state = str_is(path, "none") ? NULL : str_copy(load->arena, path);
}

static void
read_state(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	const char **state = field(key, base);
	read_path(load, key, value, base);
	if (*state)
		set_state(load, str_from(*state));
}

static void
read_tags(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct server *server = base;
	if (!json_object_is_type(value, json_type_array)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	size_t n = json_object_array_length(value);
	const char **tags = arena_alloc(load->arena, n * sizeof(*tags));
	for (size_t i = 0; i < n; i++) {
		char item[KEY_BYTES + 24];
		struct str text;
		snprintf(item, sizeof(item), "%s[%zu]", key->key, i);
		if (read_text(load, item, "a string", json_object_array_get_idx(value, i),
				&text))
			continue;
		text = str_trim(text);
		/* "a;b", "a,b", "a!" and "none" mean something else in
		 * meta_server-tag, so such a tag could never be asked for. */
		if (text.len == 0)
			complain(load, item, "is empty");
		else if (memchr(text.data, ';', text.len) ||
		    memchr(text.data, ',', text.len) || memchr(text.data, '!', text.len))
			complain(load, item, "a tag has no \";\", no \",\" and no \"!\"");
		else if (str_is(text, "none"))
			complain(load, item, "\"none\" stands for servers without tags");
		tags[i] = str_copy(load->arena, text);
	}
	server->tags = tags;
	server->n_tags = n;
}

static void
read_parameters(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct config_parameters *parameters = field(key, base);
	bool may_remove = key->max != 0;
	if (!json_object_is_type(value, json_type_object)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	parameters->n = 0;
	parameters->list = arena_alloc(load->arena,
		(size_t)json_object_object_length(value) * sizeof(*parameters->list));
	json_object_object_foreach(value, name, item) {
		char where[KEY_BYTES + 1 + 65], clean[65];
		enum json_type type = json_object_get_type(item);
		struct config_parameter *parameter = &parameters->list[parameters->n];

		snprintf(where, sizeof(where), "%s.%s", key->key, shown(name, clean));
		if (!name[0]) {
			complain(load, key->key, "a parameter without a name");
			continue;
		}
		/* The one is made for each request, by the other a meeting is found. */
		if (strcmp(name, "checksum") == 0 || strcmp(name, "meetingID") == 0) {
			complain(load, where, "cannot be set here");
			continue;
		}
		if (type == json_type_null && !may_remove) {
			complain(load, where, "null removes a parameter, which only the "
				"overrides can do; expected a string, a number, true or false");
			continue;
		}
		if (type == json_type_object || type == json_type_array
				|| (type == json_type_double
					&& !isfinite(json_object_get_double(item)))) {
			complain(load, where, "expected a string, a number, true or false%s",
				may_remove ? ", or null" : "");
			continue;
		}
		struct str text = {0};
		if (type == json_type_string) {
			if (read_text(load, where, "a string", item, &text))
				continue;
		} else if (type != json_type_null) {
			text = str_from(json_object_get_string(item));
		}
		parameter->name = str_copy(load->arena, str_from(name));
		parameter->value = type == json_type_null ? NULL
			: str_copy(load->arena, text);
		parameters->n++;
	}
}

/*
 * Addresses.
 */

struct address {
	const char *scheme;                 /* "http" or "https" */
	char authority[HOST_BYTES + 10];    /* lower case, no default port */
	struct str path;                    /* what follows, with its "/" */
};

/* Read the host name or literal.  Returns what is wrong, or NULL. */
static const char *
parse_host(struct str host, char *out, size_t size)
{
	if (host.len == 0)
		return "the host name is missing";
	if (host.data[0] == '[') {
		char literal[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN];
		struct in6_addr number;
		if (host.len < 3 || host.len - 2 >= sizeof(literal))
			return "not an IPv6 address in the brackets";
		memcpy(literal, host.data + 1, host.len - 2);
		literal[host.len - 2] = '\0';
		/* To a number and back: one address, one spelling. */
		if (inet_pton(AF_INET6, literal, &number) != 1
				|| !inet_ntop(AF_INET6, &number, text, sizeof(text)))
			return "not an IPv6 address in the brackets";
		snprintf(out, size, "[%s]", text);
		return NULL;
	}
	if (host.len > HOST_BYTES)
		return "the host name is too long";
	for (size_t i = 0; i < host.len; i++) {
		char c = host.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((unsigned char)c >= 0x80)
			return "a host name with other than ASCII letters is written in "
				"its xn-- form";
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-'
				&& c != '.' && c != '_')
			return "a character that no host name has";
		if (c == '.' && (i == 0 || i + 1 == host.len || host.data[i - 1] == '.'))
			return "a dot too many in the host name";
		out[i] = c;
	}
	out[host.len] = '\0';
	return NULL;
}

/* Take "http[s]://host[:port]" apart and normalise it; the path is the
 * caller's.  Returns what is wrong, or NULL. */
static const char *
parse_address(struct str text, struct address *address)
{
	size_t colon = str_find(text, STR("://"), 0);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			return "has a space or control character in it";
	if (colon == SIZE_MAX)
		return "expected a URL such as https://bbb1.example.org";

	struct str scheme = str_part(text, 0, colon);
	if (str_is_nocase(scheme, "https"))
		address->scheme = "https";
	else if (str_is_nocase(scheme, "http"))
		address->scheme = "http";
	else
		return "the URL must begin with https:// or http://";

	struct str rest = str_part(text, colon + 3, SIZE_MAX);
	if (rest.len && memchr(rest.data, '?', rest.len))
		return "a query (\"?\") has no place here";
	if (rest.len && memchr(rest.data, '#', rest.len))
		return "a fragment (\"#\") has no place here";
	size_t slash = str_find(rest, STR("/"), 0);
	struct str authority = slash == SIZE_MAX ? rest : str_part(rest, 0, slash);
	address->path = slash == SIZE_MAX ? (struct str){"", 0}
		: str_part(rest, slash, SIZE_MAX);
	if (authority.len && memchr(authority.data, '@', authority.len))
		return "a user name or password (\"@\") has no place here";

	/* The port's colon is the one after the brackets. */
	size_t bracket = 0;
	if (str_starts(authority, "[")) {
		bracket = str_find(authority, STR("]"), 0);
		if (bracket == SIZE_MAX)
			return "not an IPv6 address in the brackets";
	}
	colon = str_find(authority, STR(":"), bracket);
	struct str host = colon == SIZE_MAX ? authority : str_part(authority, 0, colon);
	if (bracket && host.len != bracket + 1)
		return "not an IPv6 address in the brackets";
	const char *wrong = parse_host(host, address->authority, sizeof(address->authority));
	if (wrong || colon == SIZE_MAX)
		return wrong;

	struct str digits = str_part(authority, colon + 1, SIZE_MAX);
	int64_t port;
	if (digits.len == 0 || digits.data[0] == '-' || str_to_int(digits, 1, 65535, &port))
		return "the port must be a number from 1 to 65535";
	if (port != (strcmp(address->scheme, "https") == 0 ? 443 : 80)) {
		size_t len = strlen(address->authority);
		snprintf(address->authority + len, sizeof(address->authority) - len,
			":%d", (int)port);
	}
	return NULL;
}

/* The forms in which people write a BigBlueButton's URL. */
static bool
is_usual_path(struct str path)
{
	if (path.len && path.data[path.len - 1] == '/')
		path.len--;
	return path.len == 0 || str_is(path, "/bigbluebutton")
		|| str_is(path, "/bigbluebutton/api");
}

/* Without its scheme, is it a host name?  A secret in the wrong place must not
 * be repeated; it has no dot. */
static bool
lacks_scheme(struct arena *arena, struct str text)
{
	struct address address;
	struct str whole;
	whole.data = str_printf(arena, "https://%.*s", STR_ARG(text));
	whole.len = strlen(whole.data);
	return str_find(text, STR("://"), 0) == SIZE_MAX
		&& !parse_address(whole, &address) && is_usual_path(address.path)
		&& (strchr(address.authority, '.') || str_starts(text, "localhost"));
}

static int
read_address(struct load *load, const struct key *key,
	struct json_object *value, struct address *address)
{
	struct str text;
	if (read_text(load, key->key, key->type->expected, value, &text))
		return -1;
	const char *wrong = parse_address(text, address);
	if (!wrong)
		return 0;
	if (lacks_scheme(load->arena, text))
		complain(load, key->key, "https:// is missing; did you mean \"https://%.*s\"?",
			STR_ARG(text));
	else
		complain(load, key->key, "%s", wrong);
	return -1;
}

static void
read_host(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct server *server = base;
	struct address address;
	if (read_address(load, key, value, &address))
		return;
	if (!is_usual_path(address.path)) {
		complain(load, key->key, "expected no path or /bigbluebutton/api after the host "
			"name");
		return;
	}
	server->base = str_printf(load->arena, "%s://%s/bigbluebutton/api",
		address.scheme, address.authority);
}

static void
read_public_url(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct address address;
	if (read_address(load, key, value, &address))
		return;
	struct str path = address.path;
	while (path.len && path.data[path.len - 1] == '/')
		path.len--;
	if (is_usual_path(path))
		path = STR("/bigbluebutton/api");
	else if (path.len < 4 || !str_is(str_part(path, path.len - 4, 4), "/api")) {
		/* The call's name is what follows the last /api/. */
		complain(load, key->key, "expected a path that ends in /api, or none");
		return;
	}
	*(const char **)field(key, base) = str_printf(load->arena, "%s://%s%.*s",
		address.scheme, address.authority, STR_ARG(path));
}

static void
read_name(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct str text;
	if (read_text(load, key->key, key->type->expected, value, &text))
		return;
	bool good = text.len > 0 && text.len <= NAME_BYTES;
	for (size_t i = 0; i < text.len; i++)
		good = good && (unsigned char)text.data[i] > 0x20 && text.data[i] != 0x7f;
	if (!good)
		complain(load, key->key, "expected %s", key->type->expected);
	else
		*(const char **)field(key, base) = str_copy(load->arena, text);
}

/*
 * The tables.
 */

static void read_servers(struct load *load, const struct key *key,
	struct json_object *value, void *base);

#define ALGORITHM_NAMES "sha1, sha256, sha384 or sha512"

static const struct type type_number = {NULL, DEFAULT_JSON, read_number};
static const struct type type_limit = {NULL, DEFAULT_TOLD, read_limit};
static const struct type type_status = {"200 or 401", DEFAULT_JSON, read_status};
static const struct type type_weight = {"a number from 0.001 to 1000", DEFAULT_JSON, read_weight};
static const struct type type_boolean = {"true or false", DEFAULT_JSON, read_boolean};
static const struct type type_forward = {"proxy or redirect", DEFAULT_WORD, read_forward};
static const struct type type_callbacks = {"resign or pass", DEFAULT_WORD, read_callbacks};
static const struct type type_placement = {"least-loaded, round-robin or hash", DEFAULT_WORD,
	read_placement};
static const struct type type_server_state = {"enabled, cordoned or disabled", DEFAULT_WORD,
	read_server_state};
static const struct type type_log_format = {"text or json", DEFAULT_WORD, read_log_format};
static const struct type type_algorithm = {ALGORITHM_NAMES, DEFAULT_WORD, read_algorithm};
static const struct type type_algorithms = {"a list of " ALGORITHM_NAMES, DEFAULT_JSON,
	read_algorithms};
static const struct type type_secret = {"a string", DEFAULT_TOLD, read_secret};
static const struct type type_client_secret = {"a string", DEFAULT_TOLD, read_client_secret};
static const struct type type_client_secrets = {"a list of strings", DEFAULT_TOLD,
	read_client_secrets};
static const struct type type_state_path = {"a path, or none", DEFAULT_WORD, read_state};
static const struct type type_ca_file = {"a path", DEFAULT_TOLD, read_ca_file};
static const struct type type_public_url = {"a URL", DEFAULT_TOLD, read_public_url};
static const struct type type_parameters = {"an object of parameters and their values",
	DEFAULT_JSON, read_parameters};
static const struct type type_tags = {"a list of strings", DEFAULT_JSON, read_tags};
static const struct type type_host = {"a URL", DEFAULT_TOLD, read_host};
static const struct type type_name = {"a name of 1 to 100 bytes without spaces", DEFAULT_TOLD,
	read_name};
static const struct type type_servers = {"a list of servers", DEFAULT_TOLD, read_servers};

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)

#define AT(member) offsetof(struct config, member)
static const struct key top_keys[] = {
	{"secret", &type_client_secret, AT(secrets), 0, 0, "none",
		"the secret clients sign their calls with; TINYSCALE_SECRET wins"},
	{"secrets", &type_client_secrets, AT(secrets), 0, 0, "none",
		"several such secrets, all accepted, to change from one to the next"},
	{"admin_secret", &type_secret, AT(admin_secret), 0, 0, "none",
		"signs tinyscale/status and tinyscale/metrics; without it they are off"},
	{"checksum_algorithms", &type_algorithms, AT(checksum_algorithms), 0, 0,
		"[\"sha1\", \"sha256\", \"sha384\", \"sha512\"]",
		"what clients may sign with"},
	{"state", &type_state_path, AT(state), 0, 0, TINYSCALE_DEFAULT_STATE,
		"where it is kept which server has which meeting; TINYSCALE_STATE wins"},
	{"placement", &type_placement, AT(placement), 0, 0, "least-loaded",
		"how the server for a new meeting is chosen"},
	{"forward", &type_forward, AT(forward_redirect), 0, 0, "proxy",
		"answer calls other than join for the server, or redirect the client"},
	{"checksum_error_status", &type_status, AT(checksum_error_status), 200, 401, "200",
		"HTTP status of the answer to a wrong checksum"},
	{"connect_timeout_ms", &type_number, AT(connect_timeout_ms), 1, 10 * MINUTE_MS, "2000",
		"to connect to one server"},
	{"probe_timeout_ms", &type_number, AT(probe_timeout_ms), 1, 10 * MINUTE_MS, "3000",
		"for a question to all servers together"},
	{"call_timeout_ms", &type_number, AT(call_timeout_ms), 1, 10 * MINUTE_MS, "4500",
		"for one call to one server"},
	{"create_timeout_ms", &type_number, AT(create_timeout_ms), 1, HOUR_MS, "60000",
		"for create, and for a call with a body: the server fetches slides first"},
	{"poll_interval_ms", &type_number, AT(poll_interval_ms), 10, 24 * HOUR_MS, "10000",
		"how often each server is asked for its health and load"},
	{"down_after", &type_number, AT(down_after), 1, 100, "2",
		"failed contacts in a row until a server is down"},
	{"up_after", &type_number, AT(up_after), 1, 100, "1",
		"good contacts in a row until it is up again"},
	{"negative_ttl_ms", &type_number, AT(negative_ttl_ms), 0, HOUR_MS, "1000",
		"how long it is believed that no server has a meeting"},
	{"max_body_bytes", &type_number, AT(max_body_bytes), 1, INT64_C(1) << 30, "33554432",
		"a larger request body is refused with HTTP 413"},
	{"ca_file", &type_ca_file, AT(ca_file), 0, 0, "the system's",
		"certificates of the authorities that https servers are checked against"},
	{"max_calls_per_server", &type_number, AT(max_calls_per_server), 0, 10000, "0",
		"calls under way to one server per process; 0: a quarter of the threads"},
	{"public_url", &type_public_url, AT(public_url), 0, 0, "from the request",
		"the URL under which clients and servers reach tinyscale"},
	{"callbacks", &type_callbacks, AT(callbacks_pass), 0, 0, "resign",
		"sign the servers' callbacks anew with the secret clients know, or not"},
	{"allow_private_callbacks", &type_boolean, AT(allow_private_callbacks), 0, 0, "false",
		"allow callback URLs with loopback, link-local and private addresses"},
	{"create_defaults", &type_parameters, AT(create_defaults), 0, 0, "{}",
		"parameters that create gets when the client leaves them out"},
	/* 1: null is allowed, it removes the parameter. */
	{"create_overrides", &type_parameters, AT(create_overrides), 0, 1, "{}",
		"parameters that create always gets; null removes one"},
	{"join_defaults", &type_parameters, AT(join_defaults), 0, 0, "{}",
		"parameters that join gets when the client leaves them out"},
	{"join_overrides", &type_parameters, AT(join_overrides), 0, 1, "{}",
		"parameters that join always gets; null removes one"},
	{"max_meeting_duration_minutes", &type_number, AT(max_meeting_duration_minutes),
		0, 525600, "0", "the longest duration a create may ask for; 0: any"},
	{"log_format", &type_log_format, AT(log_json), 0, 0, "text",
		"how each line of the log is written"},
	{"servers", &type_servers, AT(servers), 0, 0, "required",
		"the BigBlueButton servers"},
};
#undef AT

#define AT(member) offsetof(struct server, member)
static const struct key server_keys[] = {
	{"host", &type_host, AT(base), 0, 0, "required",
		"the server's URL, https://bbb1.example.org"},
	{"secret", &type_secret, AT(secret), 0, 0, "required",
		"the server's secret, as bbb-conf --secret prints it there"},
	{"name", &type_name, AT(name), 0, 0, "the host name and port",
		"what the logs call it"},
	{"checksum_algorithm", &type_algorithm, AT(algorithm), 0, 0, "sha256",
		"what calls to it are signed with"},
	{"weight", &type_weight, AT(weight), 0, 1000, "1.0",
		"its capacity relative to the others"},
	{"state", &type_server_state, AT(state), 0, 0, "enabled",
		"cordoned: no new meetings; disabled: nothing is sent there"},
	{"tags", &type_tags, AT(tags), 0, 0, "[]",
		"what a meeting can ask for with meta_server-tag"},
	{"max_meetings", &type_limit, AT(max_meetings), 1, 1000000, "none",
		"no new meeting when it has this many"},
	{"max_users", &type_limit, AT(max_users), 1, 1000000, "none",
		"no new meeting when it has this many users"},
};
#undef AT

/*
 * Objects.
 */

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters to add, drop, change or swap with the next to get from a to
 * b.  Neither is longer than KEY_BYTES. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][KEY_BYTES + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t len = strlen(b);
	for (size_t j = 0; j <= len; j++)
		last[j] = before[j] = j;
	for (size_t i = 0; a[i]; i++) {
		now[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			now[j + 1] = smaller(smaller(now[j], last[j + 1]) + 1,
				last[j] + (a[i] != b[j]));
			if (i && j && a[i] == b[j - 1] && a[i - 1] == b[j])
				now[j + 1] = smaller(now[j + 1], before[j - 1] + 1);
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[len];
}

static const struct key *
find_key(const struct key *keys, size_t n, const char *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].key, wanted) == 0)
			return &keys[i];
	return NULL;
}

static void
complain_unknown(struct load *load, const struct key *keys, size_t n,
	const char *unknown)
{
	char clean[65];
	size_t len = strlen(unknown), near = len / 3 > 2 ? len / 3 : 2;
	const char *nearest = NULL;
	for (size_t i = 0; len <= KEY_BYTES && i < n; i++) {
		size_t far = distance(unknown, keys[i].key);
		if (far < near || (far == near && !nearest)) {
			near = far;
			nearest = keys[i].key;
		}
	}
	shown(unknown, clean);
	if (keys == top_keys && find_key(server_keys, COUNT(server_keys), unknown))
		complain(load, clean, "unknown key here: it belongs to one of the servers");
	else if (keys == server_keys && find_key(top_keys, COUNT(top_keys), unknown))
		complain(load, clean, "unknown key here: it belongs beside \"servers\"");
	else if (nearest)
		complain(load, clean, "unknown key; did you mean \"%s\"?", nearest);
	else
		complain(load, clean, "unknown key");
}

static void
set_defaults(struct load *load, const struct key *keys, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i].type->form == DEFAULT_TOLD)
			continue;
		struct json_object *value = keys[i].type->form == DEFAULT_WORD
			? json_object_new_string(keys[i].def)
			: json_tokener_parse(keys[i].def);
		keys[i].type->read(load, &keys[i], value, base);
		json_object_put(value);
	}
}

static void
read_object(struct load *load, const struct key *keys, size_t n,
	struct json_object *object, void *base)
{
	json_object_object_foreach(object, given, value) {
		const struct key *key = find_key(keys, n, given);
		if (key)
			key->type->read(load, key, value, base);
		else
			complain_unknown(load, keys, n, given);
	}
}

static void
read_server(struct load *load, struct json_object *object, struct server *server)
{
	struct json_object *value;
	server->max_meetings = server->max_users = -1;
	set_defaults(load, server_keys, COUNT(server_keys), server);
	read_object(load, server_keys, COUNT(server_keys), object, server);
	if (!json_object_object_get_ex(object, "host", &value))
		complain(load, "host", "missing: the server's URL, such as "
			"https://bbb1.example.org");
	if (!json_object_object_get_ex(object, "secret", &value))
		complain(load, "secret", "missing: \"bbb-conf --secret\" prints it on the server");

	/* A name that was refused is no reason to talk of this one too. */
	if (!server->base || json_object_object_get_ex(object, "name", &value))
		return;
	struct str authority = str_from(strstr(server->base, "://") + 3);
	authority.len = str_find(authority, STR("/"), 0);
	if (authority.len > NAME_BYTES)
		complain(load, "name", "missing, and the host name is too long for one; "
			"expected %s", type_name.expected);
	else
		server->name = str_copy(load->arena, authority);
}

/* Was the server's name not given but made? */
static bool
has_default_name(struct json_object *list, size_t i)
{
	struct json_object *value;
	return !json_object_object_get_ex(json_object_array_get_idx(list, i), "name", &value);
}

static void
set_where(struct load *load, size_t i)
{
	snprintf(load->where, sizeof(load->where), "servers[%zu].", i);
}

/* Listed twice, a server would get twice its share and all its meetings would
 * be there twice. */
static void
check_twice(struct load *load, struct json_object *list, size_t i)
{
	const struct server *all = load->config->servers, *server = &all[i];
	for (size_t j = 0; j < i; j++) {
		bool same_name = server->name && all[j].name
			&& strcmp(server->name, all[j].name) == 0;
		if (server->base && all[j].base && strcmp(server->base, all[j].base) == 0)
			complain(load, "host", "same server as servers[%zu]", j);
		else if (same_name && has_default_name(list, i) && has_default_name(list, j))
			complain(load, "host", "same server as servers[%zu]; if it is another "
				"one, give it a \"name\"", j);
		else if (same_name)
			complain(load, "name", "servers[%zu] has this name", j);
		else
			continue;
		return;
	}
}

static void
read_servers(struct load *load, const struct key *key,
	struct json_object *value, void *base)
{
	struct config *config = base;
	if (!json_object_is_type(value, json_type_array)) {
		complain_type(load, key->key, key->type->expected, value);
		return;
	}
	size_t n = json_object_array_length(value);
	if (n == 0)
		complain(load, key->key, "at least one server is needed");
	else if (n > LIMIT_SERVERS)
		complain(load, key->key, "more than %d servers", LIMIT_SERVERS);
	if (n == 0 || n > LIMIT_SERVERS)
		return;
	config->servers = arena_alloc(load->arena, n * sizeof(*config->servers));
	config->n_servers = n;
	for (size_t i = 0; i < n; i++) {
		struct json_object *object = json_object_array_get_idx(value, i);
		if (!json_object_is_type(object, json_type_object)) {
			char item[KEY_BYTES];
			snprintf(item, sizeof(item), "servers[%zu]", i);
			complain_type(load, item, "an object with \"host\" and \"secret\"", object);
			continue;
		}
		set_where(load, i);
		read_server(load, object, &config->servers[i]);
		check_twice(load, value, i);
		load->where[0] = '\0';
	}
}

/*
 * The file and the environment.
 */

/* What the environment says, trimmed; absent if it says nothing. */
static struct str
environment(const char *variable)
{
	struct str text = str_trim(str_from(getenv(variable)));
	return text.len ? text : (struct str){NULL, 0};
}

/* Read the file whole into text. */
static int
read_file(struct load *load, struct buf *text)
{
	int result = -1;
	struct stat facts;
	char piece[16384];
	int fd = open(load->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		complain(load, NULL, "no such file; write it as tinyscale-servers.json(5) shows, "
			"or name another with -c or TINYSCALE_CONFIG");
		return -1;
	}
	if (fd < 0 && errno == EACCES) {
		complain(load, NULL, "cannot be read: %m; the user with the number %ld must be "
			"able to read it and to enter its directories", (long)geteuid());
		return -1;
	}
	if (fd < 0) {
		complain(load, NULL, "cannot be read: %m");
		return -1;
	}
	if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
		complain(load, NULL, "is a directory; name the file in it");
		goto out;
	}
	while (!buf_failed(text)) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			complain(load, NULL, "cannot be read: %m");
			goto out;
		}
		if (n == 0)
			break;
		buf_add(text, piece, (size_t)n);
	}
	if (buf_failed(text)) {
		complain(load, NULL, "larger than %zu bytes", LIMIT_CONFIG_BYTES);
		goto out;
	}
	result = 0;
out:
	close(fd);
	return result;
}

/* A problem with the text at an offset.  The text itself is not shown: secrets
 * are in it. */
static void
complain_at(struct load *load, struct str text, size_t offset,
	const char *problem)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.data[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
			column++; /* characters, not bytes of UTF-8 */
		}
	}
	complain(load, NULL, "line %zu, column %zu: %s", line, column, problem);
}

/* Parse the whole text; the caller puts the tree. */
static int
parse(struct load *load, struct str text, struct json_object **tree)
{
	/* Windows' editors put a byte order mark in front. */
	if (str_starts(text, "\xef\xbb\xbf"))
		text = str_part(text, 3, SIZE_MAX);
	if (str_trim(text).len == 0) {
		complain(load, NULL, "is empty; expected what tinyscale-servers.json(5) shows");
		return -1;
	}
	/* A NUL would end the text for json-c. */
	const char *nul = memchr(text.data, '\0', text.len);
	if (nul) {
		complain_at(load, text, (size_t)(nul - text.data), "a NUL byte: this is no text");
		return -1;
	}

	struct json_tokener *tokener = json_tokener_new_ex(JSON_TOKENER_DEFAULT_DEPTH);
	if (!tokener)
		abort(); /* as mem.h does */
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL that ends the buffer, or a number would never end. */
	*tree = json_tokener_parse_ex(tokener, text.data, (int)text.len + 1);
	enum json_tokener_error error = json_tokener_get_error(tokener);
	size_t end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);

	if (error == json_tokener_success && str_trim(str_part(text, end, SIZE_MAX)).len == 0)
		return 0;
	if (error == json_tokener_success)
		complain_at(load, text, end, "something follows the end");
	else if (error == json_tokener_continue || error == json_tokener_error_parse_eof
			|| end >= text.len)
		complain_at(load, text, text.len, "the file ends too early: a quote or bracket "
			"is open");
	else
		complain_at(load, text, end, json_tokener_error_desc(error));
	return -1;
}

static void
read_tree(struct load *load, struct json_object *tree)
{
	struct config *config = load->config;
	struct json_object *value;
	struct str secret_given = environment("TINYSCALE_SECRET");
	struct str state_given = environment("TINYSCALE_STATE");
	bool is_list = json_object_is_type(tree, json_type_array);

	set_defaults(load, top_keys, COUNT(top_keys), config);
	if (is_list) {
		read_servers(load, find_key(top_keys, COUNT(top_keys), "servers"), tree, config);
	} else if (json_object_is_type(tree, json_type_object)) {
		bool one = json_object_object_get_ex(tree, "secret", &value);
		bool several = json_object_object_get_ex(tree, "secrets", &value);
		read_object(load, top_keys, COUNT(top_keys), tree, config);
		if (one && several)
			complain(load, "secrets", "\"secret\" is there too; leave one of them out");
		if (!json_object_object_get_ex(tree, "servers", &value))
			complain(load, "servers", "at least one server is needed");
		if (!one && !several && !secret_given.len)
			complain(load, NULL, "no secret: set \"secret\" in %s or TINYSCALE_SECRET",
				load->path);
	} else {
		complain_type(load, "the file", "an object or a list of servers", tree);
		return;
	}
	if (is_list && !secret_given.len)
		complain(load, NULL, "no secret: set TINYSCALE_SECRET, or in %s write "
			"{\"secret\": ..., \"servers\": [...]}", load->path);
	if (secret_given.len)
		set_client_secret(load, str_copy(load->arena, secret_given));
	if (state_given.len)
		set_state(load, state_given);
}

const char *
config_path(const char *path)
{
	const char *given = getenv("TINYSCALE_CONFIG");
	if (path)
		return path;
	return given && given[0] ? given : TINYSCALE_DEFAULT_CONFIG;
}

struct config *
config_load(const char *path, struct buf *problems)
{
	struct arena *arena = arena_new();
	struct load load = {
		.path = config_path(path),
		.arena = arena,
		.config = arena_alloc(arena, sizeof(struct config)),
		.problems = problems,
	};
	struct json_object *tree = NULL;
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	load.config->arena = arena;

	if (read_file(&load, &text) == 0 && parse(&load, buf_view(&text), &tree) == 0)
		read_tree(&load, tree);
	if (load.n_left_out)
		buf_printf(problems, "%s: and %zu more\n", load.path, load.n_left_out);

	json_object_put(tree);
	buf_free(&text);
	if (load.n_problems == 0)
		return load.config;
	config_free(load.config);
	return NULL;
}

void
config_free(struct config *config)
{
	if (config)
		arena_free(config->arena); /* config is in it */
}

const struct server *
config_server_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_servers; i++)
		if (strcmp(config->servers[i].name, name) == 0)
			return &config->servers[i];
	return NULL;
}

static void
print_keys(FILE *out, const char *prefix, const struct key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char expected[80];
		describe(&keys[i], expected, sizeof(expected));
		fprintf(out, "%s%s\t%s\t%s\t%s\n", prefix, keys[i].key, expected, keys[i].def,
			keys[i].help);
	}
}

void
config_print_keys(FILE *out)
{
	print_keys(out, "", top_keys, COUNT(top_keys));
	print_keys(out, "servers[].", server_keys, COUNT(server_keys));
}
