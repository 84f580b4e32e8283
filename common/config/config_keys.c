/*
 * Every key of the configuration, with its type, where it goes, its range, its
 * default and its help.  A test compares them with tinyscale-servers.json(5).
 */
#include "config/config_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/built.h"
#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Words ------------------------------------------------------------------ */

static const struct config_word forward_words[] = {
	{ "proxy", false },
	{ "redirect", true },
	{ NULL, 0 },
};

static const struct config_word callbacks_words[] = {
	{ "resign", false },
	{ "pass", true },
	{ NULL, 0 },
};

static const struct config_word log_format_words[] = {
	{ "text", false },
	{ "json", true },
	{ NULL, 0 },
};

static const struct config_word log_client_words[] = {
	{ "full", LOG_CLIENT_FULL },
	{ "prefix", LOG_CLIENT_PREFIX },
	{ "none", LOG_CLIENT_NONE },
	{ NULL, 0 },
};

static const struct config_word placement_words[] = {
	{ "least-loaded", PLACEMENT_LEAST_LOADED },
	{ "round-robin", PLACEMENT_ROUND_ROBIN },
	{ "hash", PLACEMENT_HASH },
	{ NULL, 0 },
};

static const struct config_word server_state_words[] = {
	{ "enabled", SERVER_ENABLED },
	{ "cordoned", SERVER_CORDONED },
	{ "disabled", SERVER_DISABLED },
	{ NULL, 0 },
};

/* ---- Types ------------------------------------------------------------------ */

#define TOLD(expected, reader)                                                     \
	{                                                                          \
		expected, CONFIG_DEFAULT_TOLD, config_values_##reader, NULL, false \
	}
#define WORD(expected, reader)                                                     \
	{                                                                          \
		expected, CONFIG_DEFAULT_WORD, config_values_##reader, NULL, false \
	}
#define JSON(expected, reader)                                                     \
	{                                                                          \
		expected, CONFIG_DEFAULT_JSON, config_values_##reader, NULL, false \
	}
#define FLAG(words)                                                        \
	{                                                                  \
		NULL, CONFIG_DEFAULT_WORD, config_values_word, words, true \
	}
#define ENUM(words)                                                         \
	{                                                                   \
		NULL, CONFIG_DEFAULT_WORD, config_values_word, words, false \
	}

static const struct config_type
    type_number = JSON(NULL, number),
    type_limit = TOLD(NULL, limit), type_status = JSON("200 or 401", status),
    type_weight = JSON("a number from 0.001 to 1000", weight),
    type_boolean = JSON("true or false", boolean), type_forward = FLAG(forward_words),
    type_callbacks = FLAG(callbacks_words), type_log_format = FLAG(log_format_words),
    type_log_client = ENUM(log_client_words), type_placement = ENUM(placement_words),
    type_server_state = ENUM(server_state_words),
    type_algorithm = WORD(CONFIG_ALGORITHM_NAMES, algorithm),
    type_algorithms = JSON("a list of " CONFIG_ALGORITHM_NAMES, algorithms),
    type_secret = TOLD("a string", secret),
    type_client_secret = TOLD("a string", client_secret),
    type_client_secrets = TOLD("a list of strings", client_secrets),
    type_server_secret = TOLD("a string", server_secret),
    type_server_secrets = TOLD("a list of strings", server_secrets),
    type_state = WORD("a path, a URL of Redis, or none", state),
    type_prefix = WORD("1 to 64 letters, digits, dots, underscores or hyphens", prefix),
    type_ca_file = TOLD("a path", ca_file), type_public_url = TOLD("a URL", public_url),
    type_parameters = JSON("an object of parameters and their values", parameters),
    type_tags = JSON("a list of strings", tags), type_host = TOLD("a URL", host),
    type_name = TOLD("a name of 1 to 100 bytes without spaces", name),
    type_servers = { "a list of servers", CONFIG_DEFAULT_TOLD, config_read_servers, NULL,
	    false };

/* ---- Keys ------------------------------------------------------------------- */

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)

#define AT(member) offsetof(struct config, member)
static const struct config_key top_keys[] = {
	{ "secret", &type_client_secret, AT(secrets), 0, 0, "none",
	    "the secret clients sign their calls with; TINYSCALE_SECRET wins" },
	{ "secrets", &type_client_secrets, AT(secrets), 0, 0, "none",
	    "several such secrets, all accepted, to change from one to the next" },
	{ "admin_secret", &type_secret, AT(admin_secret), 0, 0, "none",
	    "signs tinyscale/status and tinyscale/metrics; without it they are off" },
	{ "checksum_algorithms", &type_algorithms, AT(checksum_algorithms), 0, 0,
	    "[\"sha1\", \"sha256\", \"sha384\", \"sha512\"]", "what clients may sign with" },
	{ "state", &type_state, AT(state), 0, 0, BUILT_STATE,
	    "where it is kept which server has which meeting; TINYSCALE_STATE wins" },
	{ "state_prefix", &type_prefix, AT(state_prefix), 1, 64, "tinyscale",
	    "what the names of all keys in Redis begin with" },
	{ "placement", &type_placement, AT(placement), 0, 0, "least-loaded",
	    "how the server for a new meeting is chosen" },
	{ "forward", &type_forward, AT(forward_redirect), 0, 0, "proxy",
	    "answer calls other than join for the server, or redirect the client" },
	{ "checksum_error_status", &type_status, AT(checksum_error_status), 200, 401, "200",
	    "HTTP status of the answer to a wrong checksum" },
	{ "connect_timeout_ms", &type_number, AT(connect_timeout_ms), 1, 10 * MINUTE_MS, "2000",
	    "to connect to one server" },
	{ "probe_timeout_ms", &type_number, AT(probe_timeout_ms), 1, 10 * MINUTE_MS, "3000",
	    "for a question to all servers together" },
	{ "call_timeout_ms", &type_number, AT(call_timeout_ms), 1, 10 * MINUTE_MS, "4500",
	    "for one call to one server" },
	{ "create_timeout_ms", &type_number, AT(create_timeout_ms), 1, HOUR_MS, "60000",
	    "for create, and for a call with a body: the server fetches slides first" },
	{ "poll_interval_ms", &type_number, AT(poll_interval_ms), 10, 24 * HOUR_MS, "10000",
	    "how often each server is asked for its health and load" },
	{ "down_after", &type_number, AT(down_after), 1, 100, "2",
	    "failed contacts in a row until a server is down" },
	{ "up_after", &type_number, AT(up_after), 1, 100, "1",
	    "good contacts in a row until it is up again" },
	{ "lookups_per_second", &type_number, AT(lookups_per_second), 0, 1000000, "500",
	    "questions that look-ups of unknown meetings may cost a process each second" },
	{ "negative_ttl_ms", &type_number, AT(negative_ttl_ms), 0, HOUR_MS, "1000",
	    "how long it is believed that no server has a meeting" },
	{ "max_body_bytes", &type_number, AT(max_body_bytes), 1, INT64_C(1) << 30, "33554432",
	    "a larger request body is refused with HTTP 413" },
	{ "ca_file", &type_ca_file, AT(ca_file), 0, 0, "the system's",
	    "certificates of the authorities that https servers are checked against" },
	{ "max_calls_per_server", &type_number, AT(max_calls_per_server), 0, 10000, "0",
	    "calls under way to one server per process; 0: a quarter of the threads" },
	{ "public_url", &type_public_url, AT(public_url), 0, 0, "from the request",
	    "the URL under which clients and servers reach tinyscale" },
	{ "callbacks", &type_callbacks, AT(callbacks_pass), 0, 0, "resign",
	    "sign the servers' callbacks anew with the secret clients know, or not" },
	{ "allow_private_callbacks", &type_boolean, AT(allow_private_callbacks), 0, 0, "false",
	    "allow callback URLs with loopback, link-local and private addresses" },
	{ "create_defaults", &type_parameters, AT(create_defaults), 0, 0, "{}",
	    "parameters that create gets when the client leaves them out" },
	/* 1: null is allowed, it removes the parameter. */
	{ "create_overrides", &type_parameters, AT(create_overrides), 0, 1, "{}",
	    "parameters that create always gets; null removes one" },
	{ "join_defaults", &type_parameters, AT(join_defaults), 0, 0, "{}",
	    "parameters that join gets when the client leaves them out" },
	{ "join_overrides", &type_parameters, AT(join_overrides), 0, 1, "{}",
	    "parameters that join always gets; null removes one" },
	{ "max_meeting_duration_minutes", &type_number, AT(max_meeting_duration_minutes), 0,
	    525600, "0", "the longest duration a create may ask for; 0: any" },
	{ "log_format", &type_log_format, AT(log_json), 0, 0, "text",
	    "how each line of the log is written" },
	{ "log_client", &type_log_client, AT(log_client), 0, 0, "full",
	    "what the log tells of clients' addresses" },
	{ "servers", &type_servers, AT(servers), 0, 0, "required",
	    "the BigBlueButton servers" },
};
#undef AT

#define AT(member) offsetof(struct server, member)
static const struct config_key server_keys[] = {
	{ "host", &type_host, AT(base), 0, 0, "required",
	    "the server's URL, https://bbb1.example.org" },
	{ "secret", &type_server_secret, AT(secrets), 0, 0, "none",
	    "the server's secret, as bbb-conf --secret prints it there" },
	{ "secrets", &type_server_secrets, AT(secrets), 0, 0, "none",
	    "several instead, tried in order, to change from one to the next" },
	{ "name", &type_name, AT(name), 0, 0, "the host name and port",
	    "what the logs call it" },
	{ "checksum_algorithm", &type_algorithm, AT(algorithm), 0, 0, "sha256",
	    "what calls to it are signed with" },
	{ "weight", &type_weight, AT(weight), 0, 1000, "1.0",
	    "its capacity relative to the others" },
	{ "state", &type_server_state, AT(state), 0, 0, "enabled",
	    "cordoned: no new meetings; disabled: nothing is sent there" },
	{ "tags", &type_tags, AT(tags), 0, 0, "[]",
	    "what a meeting can ask for with meta_server-tag" },
	{ "max_meetings", &type_limit, AT(max_meetings), 1, 1000000, "none",
	    "no new meeting when it has this many" },
	{ "max_users", &type_limit, AT(max_users), 1, 1000000, "none",
	    "no new meeting when it has this many users" },
	{ "max_joins_per_second", &type_number, AT(max_joins_per_second), 0, 1000, "0",
	    "of more joins the others wait a little; 0: none waits" },
	{ "create_defaults", &type_parameters, AT(create_defaults), 0, 0, "{}",
	    "the same as for all servers, after those, for this one" },
	{ "create_overrides", &type_parameters, AT(create_overrides), 0, 1, "{}",
	    "the same as for all servers, after those, for this one" },
	{ "join_defaults", &type_parameters, AT(join_defaults), 0, 0, "{}",
	    "the same as for all servers, after those, for this one" },
	{ "join_overrides", &type_parameters, AT(join_overrides), 0, 1, "{}",
	    "the same as for all servers, after those, for this one" },
};
#undef AT

const struct config_keys config_keys_top = { top_keys, COUNT(top_keys) };
const struct config_keys config_keys_server = { server_keys, COUNT(server_keys) };

const struct config_key *
config_keys_find(const struct config_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->list[i].key, name) == 0)
			return &keys->list[i];
	return NULL;
}

/* "a or b", "a, b or c". */
static void
describe_words(const struct config_word *words, char *text, size_t size)
{
	text[0] = '\0';
	size_t len = 0;
	for (size_t i = 0; words[i].word && len < size; i++) {
		const char *between = i == 0 ? "" : words[i + 1].word ? ", " : " or ";
		len += (size_t)snprintf(text + len, size - len, "%s%s", between, words[i].word);
	}
}

void
config_keys_describe(const struct config_key *key, char *text, size_t size)
{
	if (key->type->expected)
		snprintf(text, size, "%s", key->type->expected);
	else if (key->type->words)
		describe_words(key->type->words, text, size);
	else
		snprintf(text, size, "a whole number from %" PRId64 " to %" PRId64, key->min,
		    key->max);
}
