#include "config/config_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/built.h"
#include "config/config.h"
#include "formats/checksum.h"
#include "formats/state_url.h"
#include "formats/url.h"

/* Where the value goes. */
static void *
member(const struct config_key *key, void *base)
{
	return (char *)base + key->offset;
}

/* The text of a JSON string, borrowed.  NUL is refused: all that follows works with
 * C strings. */
static int
read_text(struct config_reading *reading, const char *key, const char *expected,
    struct json_object *value, struct str *text)
{
	if (!json_object_is_type(value, json_type_string)) {
		config_complain_type(reading, key, expected, value);
		return -1;
	}
	text->data = json_object_get_string(value);
	text->len = (size_t)json_object_get_string_len(value);
	if (memchr(text->data, '\0', text->len)) {
		config_complain(reading, key, "contains the character \\u0000");
		return -1;
	}
	return 0;
}

/* The value as a list; false after a complaint. */
static bool
read_list(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, size_t *n)
{
	if (!json_object_is_type(value, json_type_array)) {
		config_complain_type(reading, key->key, key->type->expected, value);
		return false;
	}
	*n = json_object_array_length(value);
	return true;
}

/* What the complaints call an item of a list. */
static const char *
item_name(const struct config_key *key, size_t i, char name[CONFIG_ITEM_SIZE])
{
	snprintf(name, CONFIG_ITEM_SIZE, "%s[%zu]", key->key, i);
	return name;
}

/* ---- Numbers and words ------------------------------------------------------- */

static int
read_number(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, int64_t *number)
{
	char expected[80];
	config_keys_describe(key, expected, sizeof(expected));
	if (!json_object_is_type(value, json_type_int)) {
		config_complain_type(reading, key->key, expected, value);
		return -1;
	}
	/* Too large for 64 bits becomes the largest, which is out of range. */
	*number = json_object_get_int64(value);
	if (*number >= key->min && *number <= key->max)
		return 0;
	config_complain_value(reading, key->key, expected, value);
	return -1;
}

void
config_values_number(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	int64_t number;
	if (read_number(reading, key, value, &number) == 0)
		*(int64_t *)member(key, base) = number;
}

void
config_values_limit(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	int64_t number;
	if (read_number(reading, key, value, &number) == 0)
		*(long *)member(key, base) = (long)number;
}

void
config_values_status(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	int64_t number = json_object_is_type(value, json_type_int) ?
	    json_object_get_int64(value) :
	    0;
	if (number != key->min && number != key->max)
		config_complain_value(reading, key->key, key->type->expected, value);
	else
		*(int *)member(key, base) = (int)number;
}

void
config_values_weight(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double)) {
		config_complain_type(reading, key->key, key->type->expected, value);
		return;
	}
	/* A floor, for the rotation adds up 1 / weight.  NaN fails both. */
	double weight = json_object_get_double(value);
	if (!(weight >= 0.001 && weight <= (double)key->max))
		config_complain_value(reading, key->key, key->type->expected, value);
	else
		*(double *)member(key, base) = weight;
}

void
config_values_boolean(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	if (!json_object_is_type(value, json_type_boolean))
		config_complain_type(reading, key->key, key->type->expected, value);
	else
		*(bool *)member(key, base) = json_object_get_boolean(value);
}

void
config_values_word(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	char expected[80];
	config_keys_describe(key, expected, sizeof(expected));
	struct str text;
	if (read_text(reading, key->key, expected, value, &text))
		return;
	const struct config_word *known = key->type->words;
	while (known->word && !str_is(text, known->word))
		known++;
	if (!known->word)
		config_complain_value(reading, key->key, expected, value);
	else if (key->type->is_flag)
		*(bool *)member(key, base) = known->value;
	else
		*(unsigned *)member(key, base) = (unsigned)known->value;
}

void
config_values_algorithm(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct str text;
	if (read_text(reading, key->key, key->type->expected, value, &text) == 0 &&
	    checksum_algorithm_find(text, member(key, base)))
		config_complain_value(reading, key->key, key->type->expected, value);
}

void
config_values_algorithms(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	static const char one[] = CONFIG_ALGORITHM_NAMES;
	size_t n;
	if (!read_list(reading, key, value, &n))
		return;
	unsigned found = 0;
	for (size_t i = 0; i < n; i++) {
		char item[CONFIG_ITEM_SIZE];
		struct str text;
		struct json_object *word = json_object_array_get_idx(value, i);
		if (read_text(reading, item_name(key, i, item), one, word, &text))
			continue;
		enum checksum_algorithm algorithm;
		if (checksum_algorithm_find(text, &algorithm))
			config_complain_value(reading, item, one, word);
		else
			found |= 1u << algorithm;
	}
	if (n == 0)
		config_complain(reading, key->key, "is empty: no client could sign a call");
	*(unsigned *)member(key, base) = found;
}

/* ---- Secrets ------------------------------------------------------------------ */

/* The trimmed copy of a secret, or NULL after a complaint. */
static const char *
read_secret(struct config_reading *reading, const char *key, struct json_object *value)
{
	struct str text;
	if (read_text(reading, key, "a string", value, &text))
		return NULL;
	text = str_trim(text);
	if (text.len > 0)
		return str_copy(reading->arena, text);
	config_complain(reading, key, "is empty");
	return NULL;
}

void
config_values_secret(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	*(const char **)member(key, base) = read_secret(reading, key->key, value);
}

void
config_values_set_client_secret(struct config_reading *reading, const char *secret)
{
	struct config *config = reading->config;
	config->secrets = arena_alloc(reading->arena, sizeof(*config->secrets));
	config->secrets[0] = secret;
	config->n_secrets = 1;
}

void
config_values_client_secret(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	(void)base;
	const char *secret = read_secret(reading, key->key, value);
	if (secret)
		config_values_set_client_secret(reading, secret);
}

/* Read the list into a new one, *secrets, of *n; neither is set after a complaint that
 * it is no list. */
static void
read_secrets(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, const char ***secrets, size_t *n)
{
	size_t n_given;
	if (!read_list(reading, key, value, &n_given))
		return;
	if (n_given == 0)
		config_complain(reading, key->key, "is empty");
	*secrets = arena_alloc(reading->arena, n_given * sizeof(**secrets));
	*n = 0;
	for (size_t i = 0; i < n_given; i++) {
		char item[CONFIG_ITEM_SIZE];
		const char *secret = read_secret(reading, item_name(key, i, item),
		    json_object_array_get_idx(value, i));
		if (secret)
			(*secrets)[(*n)++] = secret;
	}
}

void
config_values_client_secrets(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct config *config = base;
	read_secrets(reading, key, value, &config->secrets, &config->n_secrets);
}

void
config_values_server_secret(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct server *server = base;
	const char **secrets = arena_alloc(reading->arena, sizeof(*secrets));
	secrets[0] = read_secret(reading, key->key, value);
	if (!secrets[0])
		return;
	server->secrets = secrets;
	server->n_secrets = 1;
}

void
config_values_server_secrets(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct server *server = base;
	const char **secrets = NULL;
	size_t n = 0;
	read_secrets(reading, key, value, &secrets, &n);
	if (n > LIMIT_SERVER_SECRETS)
		config_complain(reading, key->key, "more than %d secrets",
		    LIMIT_SERVER_SECRETS);
	server->secrets = secrets;
	server->n_secrets = n;
}

/* ---- Paths --------------------------------------------------------------------- */

/* A path.  Whether the file is there is not looked at: the state is made when it is
 * missing. */
static void
read_path(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, const char **path)
{
	struct str text;
	if (read_text(reading, key->key, key->type->expected, value, &text))
		return;
	if (text.len == 0)
		config_complain(reading, key->key,
		    "is empty; leave the key out for the default");
	else
		*path = str_copy(reading->arena, text);
}

void
config_values_ca_file(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	const char **file = member(key, base);
	read_path(reading, key, value, file);
	/* Seen later, every https server would look broken. */
	if (*file && access(*file, R_OK))
		config_complain(reading, key->key, "%s cannot be read: %m", *file);
}

/* ---- The state ----------------------------------------------------------------- */

static bool
is_same_file(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	    one.st_ino == other.st_ino;
}

void
config_values_set_state(struct config_reading *reading, const char *key, struct str text)
{
	struct config *config = reading->config;
	config->state = NULL;
	config->state_url = NULL;
	if (str_is(text, "none"))
		return;
	if (!state_url_is(text)) {
		config->state = str_copy(reading->arena, text);
		if (is_same_file(config->state, reading->path))
			config_complain(reading, key,
			    "is this file, which holds the configuration");
		return;
	}
	struct state_url *url = arena_alloc(reading->arena, sizeof(*url));
	const char *wrong = state_url_parse(reading->arena, text, url);
	if (wrong)
		config_complain(reading, key, "%s", wrong);
	else
		config->state_url = url;
}

void
config_values_state(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	(void)base;
	const char *text = NULL;
	read_path(reading, key, value, &text);
	if (text)
		config_values_set_state(reading, key->key, str_from(text));
}

void
config_values_prefix(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct str text;
	if (read_text(reading, key->key, key->type->expected, value, &text))
		return;
	if (text.len == 0 || text.len > (size_t)key->max ||
	    strspn(text.data, allowed) != text.len)
		config_complain_value(reading, key->key, key->type->expected, value);
	else
		*(const char **)member(key, base) = str_copy(reading->arena, text);
}

void
config_values_end_state(struct config_reading *reading, struct str password)
{
	struct config *config = reading->config;
	config->state_text = config->state ?: "none";
	config->state_files = config->state;
	if (!config->state_url)
		return;
	if (!reading->has_redis)
		config_complain(reading, "state",
		    "this build has no Redis support: configure --with-redis");
	struct state_url *url = arena_alloc(reading->arena, sizeof(*url));
	*url = *config->state_url;
	if (password.len > 0)
		url->password = str_copy(reading->arena, password);
	config->state_url = url;
	config->state_text = state_url_text(reading->arena, url);
	/* Another gateway on this host may have another prefix. */
	const char *prefix = config_keys_find(&config_keys_top, "state_prefix")->def;
	config->state_files = strcmp(config->state_prefix, prefix) == 0 ?
	    BUILT_STATE :
	    str_printf(reading->arena, "%s-%s", BUILT_STATE, config->state_prefix);
}

/* ---- Tags and parameters -------------------------------------------------------- */

/* Check a tag; "a;b", "a,b", "a!" and "none" mean something else in meta_server-tag, so
 * such a tag could never be asked for. */
static void
check_tag(struct config_reading *reading, const char *item, struct str tag)
{
	if (tag.len == 0)
		config_complain(reading, item, "is empty");
	else if (memchr(tag.data, ';', tag.len) || memchr(tag.data, ',', tag.len) ||
	    memchr(tag.data, '!', tag.len))
		config_complain(reading, item, "a tag has no \";\", no \",\" and no \"!\"");
	else if (str_is(tag, "none"))
		config_complain(reading, item, "\"none\" stands for servers without tags");
}

void
config_values_tags(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct server *server = base;
	size_t n;
	if (!read_list(reading, key, value, &n))
		return;
	const char **tags = arena_alloc(reading->arena, n * sizeof(*tags));
	for (size_t i = 0; i < n; i++) {
		char item[CONFIG_ITEM_SIZE];
		struct str text;
		if (read_text(reading, item_name(key, i, item), "a string",
		        json_object_array_get_idx(value, i), &text))
			continue;
		text = str_trim(text);
		check_tag(reading, item, text);
		tags[i] = str_copy(reading->arena, text);
	}
	server->tags = tags;
	server->n_tags = n;
}

/* Read the value of one parameter, NULL for null; false after a complaint. */
static bool
read_parameter(struct config_reading *reading, const char *where, bool may_remove,
    struct json_object *value, const char **parameter)
{
	enum json_type type = json_object_get_type(value);
	*parameter = NULL;
	if (type == json_type_null && may_remove)
		return true;
	if (type == json_type_null) {
		config_complain(reading, where,
		    "null removes a parameter, which only the "
		    "overrides can do; expected a string, a number, true or false");
		return false;
	}
	if (type == json_type_object || type == json_type_array ||
	    (type == json_type_double && !isfinite(json_object_get_double(value)))) {
		config_complain(reading, where, "expected a string, a number, true or false%s",
		    may_remove ? ", or null" : "");
		return false;
	}
	struct str text = str_from(json_object_get_string(value));
	if (type == json_type_string && read_text(reading, where, "a string", value, &text))
		return false;
	*parameter = str_copy(reading->arena, text);
	return true;
}

void
config_values_parameters(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct parameters *parameters = member(key, base);
	if (!json_object_is_type(value, json_type_object)) {
		config_complain_type(reading, key->key, key->type->expected, value);
		return;
	}
	parameters->n = 0;
	parameters->list = arena_alloc(reading->arena,
	    (size_t)json_object_object_length(value) * sizeof(*parameters->list));
	json_object_object_foreach(value, name, item) {
		char where[CONFIG_KEY_BYTES + 1 + CONFIG_SHOWN_SIZE], clean[CONFIG_SHOWN_SIZE];
		struct parameter *parameter = &parameters->list[parameters->n];

		snprintf(where, sizeof(where), "%s.%s", key->key,
		    config_complain_shown(name, clean));
		if (!name[0]) {
			config_complain(reading, key->key, "a parameter without a name");
			continue;
		}
		/* The one is made for each request, by the other a meeting is found. */
		if (strcmp(name, "checksum") == 0 || strcmp(name, "meetingID") == 0) {
			config_complain(reading, where, "cannot be set here");
			continue;
		}
		if (!read_parameter(reading, where, key->max != 0, item, &parameter->value))
			continue;
		parameter->name = str_copy(reading->arena, str_from(name));
		parameters->n++;
	}
}

/* ---- Addresses and names ---------------------------------------------------------- */

/* The forms in which people write a BigBlueButton's URL. */
static bool
is_usual_path(struct str path)
{
	if (path.len && path.data[path.len - 1] == '/')
		path.len--;
	return path.len == 0 || str_is(path, "/bigbluebutton") ||
	    str_is(path, "/bigbluebutton/api");
}

/* Without its scheme, is it a host name?  A secret in the wrong place must not
 * be repeated; it has no dot. */
static bool
lacks_scheme(struct arena *arena, struct str text)
{
	struct url url;
	struct str whole = str_from(str_printf(arena, "https://%.*s", STR_ARG(text)));
	return str_find(text, STR("://"), 0) == SIZE_MAX && !url_parse(whole, &url) &&
	    is_usual_path(url.path) &&
	    (strchr(url.authority, '.') || str_starts(text, "localhost"));
}

static int
read_url(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, struct url *url)
{
	struct str text;
	if (read_text(reading, key->key, key->type->expected, value, &text))
		return -1;
	const char *wrong = url_parse(text, url);
	if (!wrong)
		return 0;
	if (lacks_scheme(reading->arena, text))
		config_complain(reading, key->key,
		    "https:// is missing; did you mean \"https://%.*s\"?", STR_ARG(text));
	else
		config_complain(reading, key->key, "%s", wrong);
	return -1;
}

void
config_values_host(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct url url;
	if (read_url(reading, key, value, &url))
		return;
	if (!is_usual_path(url.path))
		config_complain(reading, key->key,
		    "expected no path or /bigbluebutton/api after the host name");
	else
		*(const char **)member(key, base) = str_printf(reading->arena,
		    "%s://%s/bigbluebutton/api", url.scheme, url.authority);
}

void
config_values_public_url(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct url url;
	if (read_url(reading, key, value, &url))
		return;
	struct str path = url.path;
	while (path.len && path.data[path.len - 1] == '/')
		path.len--;
	if (is_usual_path(path))
		path = STR("/bigbluebutton/api");
	else if (path.len < 4 || !str_is(str_part(path, path.len - 4, 4), "/api")) {
		/* The call's name is what follows the last /api/. */
		config_complain(reading, key->key,
		    "expected a path that ends in /api, or none");
		return;
	}
	*(const char **)member(key, base) = str_printf(reading->arena, "%s://%s%.*s",
	    url.scheme, url.authority, STR_ARG(path));
}

void
config_values_name(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct str text;
	if (read_text(reading, key->key, key->type->expected, value, &text))
		return;
	bool is_good = text.len > 0 && text.len <= CONFIG_NAME_BYTES;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			is_good = false;
	if (!is_good)
		config_complain(reading, key->key, "expected %s", key->type->expected);
	else
		*(const char **)member(key, base) = str_copy(reading->arena, text);
}
