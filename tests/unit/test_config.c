/*
 * The configuration: every key well and badly set, the forms of a host, all
 * problems at once, and no secret in any of them.
 *
 * "test_config --keys" prints the key table, for test_config_man.sh.
 */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../tap.h"
#include "config_parts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every secret of these tests begins so, and no problem may contain it. */
#define SECRET "S3cr3t"

#define SERVER_OF(more) "{\"host\": \"https://bbb1.example.org\", " \
	"\"secret\": \"" SECRET "1\"" more "}"
#define SERVERS "\"servers\": [" SERVER_OF("") "]"
#define TOP(more) "{\"secret\": \"" SECRET "\", " SERVERS more "}"
#define SERVER(more) "{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF(more) "]}"

#define SERVER_SECRETS(list) "{\"secret\": \"" SECRET "\", \"servers\": [" \
	"{\"host\": \"http://a.test\", \"secrets\": [" list "]}]}"
#define FIVE_SECRETS "\"" SECRET "1\", \"" SECRET "2\", \"" SECRET "3\", \"" SECRET "4\", " \
	"\"" SECRET "5\""
#define TEN_SECRETS FIVE_SECRETS ", " FIVE_SECRETS

static char path[64];
static char problems[65536];

static void
write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	if (!file || fwrite(text, 1, len, file) != len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static struct config *
load(const char *name)
{
	struct buf buf;
	buf_init(&buf, sizeof(problems) - 1);
	struct config *config = config_load(name, &buf);
	snprintf(problems, sizeof(problems), "%s", buf.data ? buf.data : "");
	buf_free(&buf);
	return config;
}

static struct config *
load_bytes(const char *text, size_t len)
{
	write_file(text, len);
	return load(path);
}

static struct config *
load_text(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* A configuration that is good, or an end of the test. */
static struct config *
load_good(const char *text)
{
	struct config *config = load_text(text);
	if (!ok(config && problems[0] == '\0', "good: %s", text)) {
		diag("%s", problems);
		exit(done_testing());
	}
	return config;
}

/* A configuration with just this problem, its line without the file's name. */
static void
bad_bytes(const char *text, size_t len, const char *problem)
{
	char want[2048];
	struct config *config = load_bytes(text, len);
	snprintf(want, sizeof(want), "%s: %s\n", path, problem);
	is_str(problems, want, "%s", problem);
	ok(!config, "  and no configuration");
	ok(!strstr(problems, SECRET), "  and no secret in it");
	config_free(config);
}

static void
bad(const char *text, const char *problem)
{
	bad_bytes(text, strlen(text), problem);
}

static void
test_defaults(void)
{
	struct config *c = load_good(TOP(""));
	is_int(c->n_secrets, 1, "one secret");
	is_str(c->secrets[0], SECRET, "the secret");
	is_str(c->admin_secret, NULL, "no admin secret");
	is_int(c->checksum_algorithms, CHECKSUM_ALL, "all algorithms");
	ok(c->state && strstr(c->state, "/tinyscale/state.db"), "state");
	is_int(c->placement, PLACEMENT_LEAST_LOADED, "placement");
	ok(!c->forward_redirect, "forward");
	is_int(c->checksum_error_status, 200, "checksum_error_status");
	is_int(c->connect_timeout_ms, 2000, "connect_timeout_ms");
	is_int(c->probe_timeout_ms, 3000, "probe_timeout_ms");
	is_int(c->call_timeout_ms, 4500, "call_timeout_ms");
	is_int(c->create_timeout_ms, 60000, "create_timeout_ms");
	is_int(c->poll_interval_ms, 10000, "poll_interval_ms");
	is_int(c->down_after, 2, "down_after");
	is_int(c->up_after, 1, "up_after");
	is_int(c->lookups_per_second, 500, "lookups_per_second");
	is_int(c->negative_ttl_ms, 1000, "negative_ttl_ms");
	is_int(c->max_body_bytes, 33554432, "max_body_bytes");
	is_str(c->ca_file, NULL, "ca_file");
	is_int(c->max_calls_per_server, 0, "max_calls_per_server");
	is_str(c->public_url, NULL, "public_url");
	ok(!c->callbacks_pass, "callbacks");
	ok(!c->allow_private_callbacks, "allow_private_callbacks");
	is_int(c->create_defaults.n + c->create_overrides.n + c->join_defaults.n
		+ c->join_overrides.n, 0, "no parameters");
	is_int(c->max_meeting_duration_minutes, 0, "max_meeting_duration_minutes");
	ok(!c->log_json, "log_format");
	if (is_int(c->n_servers, 1, "one server")) {
		const struct server *s = &c->servers[0];
		is_str(s->name, "bbb1.example.org", "name");
		is_str(s->base, "https://bbb1.example.org/bigbluebutton/api", "base");
		is_str(s->secret, SECRET "1", "secret");
		if (is_int(s->n_secrets, 1, "one secret"))
			is_str(s->secrets[0], SECRET "1", "which is that");
		is_int(s->algorithm, CHECKSUM_SHA256, "checksum_algorithm");
		ok(s->weight >= 1.0 && s->weight <= 1.0, "weight");
		is_int(s->state, SERVER_ENABLED, "state");
		is_int(s->n_tags, 0, "tags");
		is_int(s->max_meetings, -1, "max_meetings");
		is_int(s->max_users, -1, "max_users");
		is_int(s->create_defaults.n + s->create_overrides.n + s->join_defaults.n
			+ s->join_overrides.n, 0, "no parameters");
	}
	ok(config_server_find(c, "bbb1.example.org") == &c->servers[0], "found by its name");
	ok(!config_server_find(c, "bbb1"), "not found by another");
	config_free(c);
	config_free(NULL);
}

static void
test_server_secrets(void)
{
	struct config *c = load_good("{\"secret\": \"" SECRET "\", \"servers\": ["
		"{\"host\": \"http://a.test\", "
		"\"secrets\": [\" " SECRET "1\\n\", \"" SECRET "2\", \"" SECRET "3\"]}, "
		"{\"host\": \"http://b.test\", \"secrets\": [\"" SECRET "4\"]}]}");
	const struct server *a = &c->servers[0], *b = &c->servers[1];
	if (is_int(a->n_secrets, 3, "three secrets")) {
		is_str(a->secrets[0], SECRET "1", "the first, trimmed");
		is_str(a->secrets[1], SECRET "2", "the second");
		is_str(a->secrets[2], SECRET "3", "the third");
	}
	is_str(a->secret, SECRET "1", "the first is the server's");
	is_int(b->n_secrets, 1, "a list of one");
	is_str(b->secret, SECRET "4", "which is the server's");
	ok(atomic_load(&c->runtime->secret_at[0]) == 0
		&& atomic_load(&c->runtime->secret_at[1]) == 0, "each server begins with the first");
	config_free(c);

	c = load_good(SERVER_SECRETS(TEN_SECRETS));
	is_int(c->servers[0].n_secrets, 10, "ten secrets");
	config_free(c);
	bad(SERVER_SECRETS(TEN_SECRETS ", \"" SECRET "\""),
		"servers[0].secrets: more than 10 secrets");
}

/* Every key, set to what is not its default. */
static void
test_every_key(void)
{
	char text[4096];
	snprintf(text, sizeof(text), "{"
		"\"secrets\": [\" " SECRET "A\\n\", \"" SECRET "B\"], "
		"\"admin_secret\": \"" SECRET "C \", "
		"\"checksum_algorithms\": [\"sha256\", \"SHA-512\"], "
		"\"state\": \"/tmp/other.db\", \"placement\": \"hash\", "
		"\"forward\": \"redirect\", \"checksum_error_status\": 401, "
		"\"connect_timeout_ms\": 11, \"probe_timeout_ms\": 12, "
		"\"call_timeout_ms\": 13, \"create_timeout_ms\": 14, "
		"\"poll_interval_ms\": 15, \"down_after\": 16, \"up_after\": 17, "
		"\"lookups_per_second\": 18, \"negative_ttl_ms\": 0, \"max_body_bytes\": 19, \"ca_file\": \"%s\", "
		"\"max_calls_per_server\": 20, \"public_url\": \"https://bbb.example.org/\", "
		"\"callbacks\": \"pass\", \"allow_private_callbacks\": true, "
		"\"create_defaults\": {\"record\": true, \"logo\": \"\", \"maxParticipants\": 25}, "
		"\"create_overrides\": {\"welcome\": null, \"x\": 1.50}, "
		"\"join_defaults\": {\"a\": \"b\"}, \"join_overrides\": {\"c\": null}, "
		"\"max_meeting_duration_minutes\": 90, \"log_format\": \"json\", "
		"\"servers\": [{\"host\": \"http://a.example\", \"secret\": \"\\t" SECRET "D\", "
		"\"name\": \"gr\xc3\xb6\xc3\x9f""e\", \"checksum_algorithm\": \"sha1\", "
		"\"weight\": 2.5, \"state\": \"cordoned\", \"tags\": [\"eu\", \" gpu \"], "
		"\"max_meetings\": 30, \"max_users\": 400, "
		"\"create_defaults\": {\"d\": \"e\"}, \"create_overrides\": {\"f\": null}, "
		"\"join_defaults\": {\"g\": 1, \"h\": true}, "
		"\"join_overrides\": {\"i\": null, \"j\": \"\"}}]}\n \n", path);
	struct config *c = load_good(text);
	if (is_int(c->n_secrets, 2, "two secrets")) {
		is_str(c->secrets[0], SECRET "A", "the first, trimmed");
		is_str(c->secrets[1], SECRET "B", "the second");
	}
	is_str(c->admin_secret, SECRET "C", "admin_secret, trimmed");
	is_int(c->checksum_algorithms, 1u << CHECKSUM_SHA256 | 1u << CHECKSUM_SHA512,
		"checksum_algorithms");
	is_str(c->state, "/tmp/other.db", "state");
	is_int(c->placement, PLACEMENT_HASH, "placement");
	ok(c->forward_redirect, "forward");
	is_int(c->checksum_error_status, 401, "checksum_error_status");
	is_int(c->connect_timeout_ms, 11, "connect_timeout_ms");
	is_int(c->probe_timeout_ms, 12, "probe_timeout_ms");
	is_int(c->call_timeout_ms, 13, "call_timeout_ms");
	is_int(c->create_timeout_ms, 14, "create_timeout_ms");
	is_int(c->poll_interval_ms, 15, "poll_interval_ms");
	is_int(c->down_after, 16, "down_after");
	is_int(c->up_after, 17, "up_after");
	is_int(c->lookups_per_second, 18, "lookups_per_second");
	is_int(c->negative_ttl_ms, 0, "negative_ttl_ms");
	is_int(c->max_body_bytes, 19, "max_body_bytes");
	is_str(c->ca_file, path, "ca_file");
	is_int(c->max_calls_per_server, 20, "max_calls_per_server");
	is_str(c->public_url, "https://bbb.example.org/bigbluebutton/api", "public_url");
	ok(c->callbacks_pass, "callbacks");
	ok(c->allow_private_callbacks, "allow_private_callbacks");
	if (is_int(c->create_defaults.n, 3, "create_defaults")) {
		is_str(c->create_defaults.list[0].name, "record", "a name");
		is_str(c->create_defaults.list[0].value, "true", "a boolean's text");
		is_str(c->create_defaults.list[1].value, "", "an empty text");
		is_str(c->create_defaults.list[2].value, "25", "a number's text");
	}
	if (is_int(c->create_overrides.n, 2, "create_overrides")) {
		is_str(c->create_overrides.list[0].name, "welcome", "to be removed");
		is_str(c->create_overrides.list[0].value, NULL, "null removes");
		is_str(c->create_overrides.list[1].value, "1.50", "a fraction as written");
	}
	if (is_int(c->join_defaults.n, 1, "join_defaults"))
		is_str(c->join_defaults.list[0].value, "b", "a text");
	if (is_int(c->join_overrides.n, 1, "join_overrides"))
		is_str(c->join_overrides.list[0].value, NULL, "null removes");
	is_int(c->max_meeting_duration_minutes, 90, "max_meeting_duration_minutes");
	ok(c->log_json, "log_format");
	if (is_int(c->n_servers, 1, "servers")) {
		const struct server *s = &c->servers[0];
		is_str(s->name, "gr\xc3\xb6\xc3\x9f""e", "name");
		is_str(s->secret, SECRET "D", "secret, trimmed");
		is_int(s->algorithm, CHECKSUM_SHA1, "checksum_algorithm");
		ok(s->weight >= 2.5 && s->weight <= 2.5, "weight");
		is_int(s->state, SERVER_CORDONED, "state");
		if (is_int(s->n_tags, 2, "tags")) {
			is_str(s->tags[0], "eu", "a tag");
			is_str(s->tags[1], "gpu", "a trimmed tag");
		}
		is_int(s->max_meetings, 30, "max_meetings");
		is_int(s->max_users, 400, "max_users");
		if (is_int(s->create_defaults.n, 1, "create_defaults"))
			is_str(s->create_defaults.list[0].value, "e", "a text");
		if (is_int(s->create_overrides.n, 1, "create_overrides"))
			is_str(s->create_overrides.list[0].value, NULL, "null removes");
		if (is_int(s->join_defaults.n, 2, "join_defaults"))
			is_str(s->join_defaults.list[1].name, "h", "a name");
		if (is_int(s->join_overrides.n, 2, "join_overrides"))
			is_str(s->join_overrides.list[1].value, "", "an empty text");
	}
	config_free(c);
	test_server_secrets();

	c = load_good(TOP(", \"state\": \"none\", \"placement\": \"round-robin\""));
	is_str(c->state, NULL, "no state");
	is_int(c->placement, PLACEMENT_ROUND_ROBIN, "placement");
	config_free(c);
	c = load_good(SERVER(", \"weight\": 3, \"state\": \"disabled\""));
	ok(c->servers[0].weight >= 3 && c->servers[0].weight <= 3, "a whole weight");
	is_int(c->servers[0].state, SERVER_DISABLED, "disabled");
	config_free(c);
	c = load_good(TOP(", \"down_after\": 3, \"down_after\": 4"));
	is_int(c->down_after, 4, "the last of two counts");
	config_free(c);
	c = load_good("\xef\xbb\xbf" TOP(""));
	ok(c, "a byte order mark is no problem");
	config_free(c);
}

static const struct {
	const char *text, *problem;
} bad_texts[] = {
	/* The file as a whole. */
	{"", "is empty; expected what tinyscale-servers.json(5) shows"},
	{" \n", "is empty; expected what tinyscale-servers.json(5) shows"},
	{"7", "the file: expected an object or a list of servers, not a number"},
	{"null", "the file: expected an object or a list of servers, not null"},
	{"\"" SECRET "\"", "the file: expected an object or a list of servers, not a string"},
	{"{\n\t\"secret\": \"" SECRET "\"\n\t\"servers\": []}",
		"line 3, column 2: object value separator ',' expected"},
	{"{\"secret\": \"" SECRET,
		"line 1, column 19: the file ends too early: a quote or bracket is open"},
	{"{\"secret\": '" SECRET "'}", "line 1, column 12: unexpected character"},
	{"{\"secret\": \"\xff" SECRET "\"}", "line 1, column 13: invalid utf-8 string"},
	{TOP(",") "\n", "line 1, column 93: unexpected character"},
	{TOP("") "\n\n" SECRET, "line 3, column 1: unexpected character"},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 1, column 33: nesting too deep"},

	/* Unknown keys. */
	{TOP(", \"placment\": \"hash\""), "placment: unknown key; did you mean \"placement\"?"},
	{TOP(", \"maxBodyBytes\": 1"),
		"maxBodyBytes: unknown key; did you mean \"max_body_bytes\"?"},
	{TOP(", \"redis_url\": \"" SECRET "\""), "redis_url: unknown key"},
	{TOP(", \"a\\tb\\u0001\": 1"), "a?b?: unknown key"},
	{TOP(", \"weight\": 1"), "weight: unknown key here: it belongs to one of the servers"},
	{TOP(", \"0123456789012345678901234567890123456789012345678901234567890123456789\": 1"),
		"0123456789012345678901234567890123456789012345678901234567890123: unknown key"},
	{SERVER(", \"wieght\": 1"), "servers[0].wieght: unknown key; did you mean \"weight\"?"},
	{SERVER(", \"placement\": \"hash\""),
		"servers[0].placement: unknown key here: it belongs beside \"servers\""},

	/* Secrets. */
	{"{" SERVERS "}", "no secret: set \"secret\" in PATH or TINYSCALE_SECRET"},
	{"[" SERVER_OF("") "]", "no secret: set TINYSCALE_SECRET, or in PATH write "
		"{\"secret\": ..., \"servers\": [...]}"},
	{"{\"secret\": \" \\n\", " SERVERS "}", "secret: is empty"},
	{"{\"secret\": [\"" SECRET "\"], " SERVERS "}", "secret: expected a string, not a list"},
	{"{\"secret\": {\"" SECRET "\": 1}, " SERVERS "}",
		"secret: expected a string, not an object"},
	{"{\"secret\": \"" SECRET "\\u0000\", " SERVERS "}",
		"secret: contains the character \\u0000"},
	{"{\"secrets\": \"" SECRET "\", " SERVERS "}",
		"secrets: expected a list of strings, not a string"},
	{"{\"secrets\": [], " SERVERS "}", "secrets: is empty"},
	{"{\"secrets\": [\"" SECRET "\", \"\"], " SERVERS "}", "secrets[1]: is empty"},
	{"{\"secrets\": [\"" SECRET "\", 3], " SERVERS "}",
		"secrets[1]: expected a string, not a number"},
	{TOP(", \"secrets\": [\"" SECRET "\"]"),
		"secrets: \"secret\" is there too; leave one of them out"},
	{TOP(", \"admin_secret\": \"\""), "admin_secret: is empty"},
	{TOP(", \"admin_secret\": null"), "admin_secret: expected a string, not null"},

	/* The other keys at the top. */
	{TOP(", \"checksum_algorithms\": \"sha1\""), "checksum_algorithms: expected a list of "
		"sha1, sha256, sha384 or sha512, not a string"},
	{TOP(", \"checksum_algorithms\": [\"sha1\", \"md5\"]"),
		"checksum_algorithms[1]: expected sha1, sha256, sha384 or sha512"},
	{TOP(", \"checksum_algorithms\": [1]"),
		"checksum_algorithms[0]: expected sha1, sha256, sha384 or sha512, not a number"},
	{TOP(", \"checksum_algorithms\": []"),
		"checksum_algorithms: is empty: no client could sign a call"},
	{TOP(", \"state\": \"\""), "state: is empty; leave the key out for the default"},
	{TOP(", \"state\": false"), "state: expected a path, or none, not false"},
	{TOP(", \"placement\": \"random\""),
		"placement: expected least-loaded, round-robin or hash"},
	{TOP(", \"placement\": \"HASH\""),
		"placement: expected least-loaded, round-robin or hash"},
	{TOP(", \"placement\": \"least_loaded\""),
		"placement: expected least-loaded, round-robin or hash"},
	{TOP(", \"placement\": \"\""),
		"placement: expected least-loaded, round-robin or hash"},
	{TOP(", \"placement\": 1"),
		"placement: expected least-loaded, round-robin or hash, not a number"},
	{TOP(", \"forward\": \"Proxy\""), "forward: expected proxy or redirect"},
	{TOP(", \"checksum_error_status\": 403"), "checksum_error_status: expected 200 or 401"},
	{TOP(", \"checksum_error_status\": \"200\""), "checksum_error_status: expected 200 or 401"},
	{TOP(", \"connect_timeout_ms\": 0"),
		"connect_timeout_ms: expected a whole number from 1 to 600000"},
	{TOP(", \"probe_timeout_ms\": \"3000\""),
		"probe_timeout_ms: expected a whole number from 1 to 600000, not a string"},
	{TOP(", \"call_timeout_ms\": 4500.0"), "call_timeout_ms: expected a whole number from 1 "
		"to 600000, not a number with a fraction"},
	{TOP(", \"call_timeout_ms\": NaN"), "call_timeout_ms: expected a whole number from 1 "
		"to 600000, not a number with a fraction"},
	{TOP(", \"create_timeout_ms\": 99999999999999999999999"),
		"create_timeout_ms: expected a whole number from 1 to 3600000"},
	{TOP(", \"poll_interval_ms\": -99999999999999999999999"),
		"poll_interval_ms: expected a whole number from 10 to 86400000"},
	{TOP(", \"down_after\": 0"), "down_after: expected a whole number from 1 to 100"},
	{TOP(", \"up_after\": 101"), "up_after: expected a whole number from 1 to 100"},
	{TOP(", \"negative_ttl_ms\": -1"),
		"negative_ttl_ms: expected a whole number from 0 to 3600000"},
	{TOP(", \"max_body_bytes\": 0"),
		"max_body_bytes: expected a whole number from 1 to 1073741824"},
	{TOP(", \"ca_file\": \"/nowhere/ca.pem\""),
		"ca_file: /nowhere/ca.pem cannot be read: No such file or directory"},
	{TOP(", \"ca_file\": \"\""), "ca_file: is empty; leave the key out for the default"},
	{TOP(", \"max_calls_per_server\": true"),
		"max_calls_per_server: expected a whole number from 0 to 10000, not true"},
	{TOP(", \"public_url\": \"bbb.example.org\""),
		"public_url: https:// is missing; did you mean \"https://bbb.example.org\"?"},
	{TOP(", \"public_url\": \"https://bbb.example.org/x\""),
		"public_url: expected a path that ends in /api, or none"},
	{TOP(", \"callbacks\": \"sign\""), "callbacks: expected resign or pass"},
	{TOP(", \"allow_private_callbacks\": \"true\""),
		"allow_private_callbacks: expected true or false, not a string"},
	{TOP(", \"create_defaults\": []"), "create_defaults: expected an object of parameters "
		"and their values, not a list"},
	{TOP(", \"create_defaults\": {\"moderatorPW\": [\"" SECRET "\"]}"),
		"create_defaults.moderatorPW: expected a string, a number, true or false"},
	{TOP(", \"create_defaults\": {\"record\": null}"), "create_defaults.record: null removes "
		"a parameter, which only the overrides can do; expected a string, a number, true "
		"or false"},
	{TOP(", \"join_defaults\": {\"\": 1}"), "join_defaults: a parameter without a name"},
	{TOP(", \"join_overrides\": {\"x\": {}}"),
		"join_overrides.x: expected a string, a number, true or false, or null"},
	{TOP(", \"join_overrides\": {\"x\": Infinity}"),
		"join_overrides.x: expected a string, a number, true or false, or null"},
	{TOP(", \"create_overrides\": {\"meetingID\": \"a\"}"),
		"create_overrides.meetingID: cannot be set here"},
	{TOP(", \"max_meeting_duration_minutes\": -1"),
		"max_meeting_duration_minutes: expected a whole number from 0 to 525600"},
	{TOP(", \"lookups_per_second\": -1"),
		"lookups_per_second: expected a whole number from 0 to 1000000"},
	{TOP(", \"lookups_per_second\": 1000001"),
		"lookups_per_second: expected a whole number from 0 to 1000000"},
	{TOP(", \"lookups_per_second\": 0.5"),
		"lookups_per_second: expected a whole number from 0 to 1000000, not a number with "
		"a fraction"},
	{SERVER(", \"lookups_per_second\": 1"),
		"servers[0].lookups_per_second: unknown key here: it belongs beside \"servers\""},
	{TOP(", \"log_format\": \"xml\""), "log_format: expected text or json"},

	/* Servers. */
	{"{\"secret\": \"" SECRET "\"}", "servers: at least one server is needed"},
	{"{\"secret\": \"" SECRET "\", \"servers\": []}", "servers: at least one server is needed"},
	{"{\"secret\": \"" SECRET "\", \"servers\": {}}",
		"servers: expected a list of servers, not an object"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [\"" SECRET "\"]}",
		"servers[0]: expected an object with \"host\" and \"secret\", not a string"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [{\"host\": \"http://a\"}]}",
		"servers[0].secret: missing: \"bbb-conf --secret\" prints it on the server"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [{\"secret\": \"" SECRET "\"}]}",
		"servers[0].host: missing: the server's URL, such as https://bbb1.example.org"},
	{SERVER(", \"secret\": \"\""), "servers[0].secret: is empty"},
	{SERVER(", \"secret\": 12"), "servers[0].secret: expected a string, not a number"},
	{SERVER(", \"secrets\": [\"" SECRET "2\"]"),
		"servers[0].secrets: \"secret\" is there too; leave one of them out"},
	{SERVER_SECRETS(""), "servers[0].secrets: is empty"},
	{SERVER_SECRETS("\"" SECRET "\", \" \\t\""), "servers[0].secrets[1]: is empty"},
	{SERVER_SECRETS("\"" SECRET "\", 7"),
		"servers[0].secrets[1]: expected a string, not a number"},
	{SERVER_SECRETS("\"" SECRET "\", \"" SECRET "\\u0000\""),
		"servers[0].secrets[1]: contains the character \\u0000"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [{\"host\": \"http://a.test\", "
		"\"secrets\": \"" SECRET "\"}]}",
		"servers[0].secrets: expected a list of strings, not a string"},
	{SERVER(", \"create_defaults\": {\"x\": null}"),
		"servers[0].create_defaults.x: null removes a parameter, which only the overrides "
		"can do; expected a string, a number, true or false"},
	{SERVER(", \"create_overrides\": {\"meetingID\": \"x\"}"),
		"servers[0].create_overrides.meetingID: cannot be set here"},
	{SERVER(", \"join_defaults\": {\"x\": [1]}"),
		"servers[0].join_defaults.x: expected a string, a number, true or false"},
	{SERVER(", \"join_overrides\": [\"x\"]"),
		"servers[0].join_overrides: expected an object of parameters and their values, "
		"not a list"},
	{SERVER(", \"name\": \"\""),
		"servers[0].name: expected a name of 1 to 100 bytes without spaces"},
	{SERVER(", \"name\": \"a b\""),
		"servers[0].name: expected a name of 1 to 100 bytes without spaces"},
	{SERVER(", \"name\": \"a\\u007f\""),
		"servers[0].name: expected a name of 1 to 100 bytes without spaces"},
	{SERVER(", \"name\": \"0123456789012345678901234567890123456789012345678901234567890123"
		"4567890123456789012345678901234567890\""),
		"servers[0].name: expected a name of 1 to 100 bytes without spaces"},
	{SERVER(", \"checksum_algorithm\": \"md5\""),
		"servers[0].checksum_algorithm: expected sha1, sha256, sha384 or sha512"},
	{SERVER(", \"weight\": 0"), "servers[0].weight: expected a number from 0.001 to 1000"},
	{SERVER(", \"weight\": -1.5"), "servers[0].weight: expected a number from 0.001 to 1000"},
	{SERVER(", \"weight\": 1000.5"), "servers[0].weight: expected a number from 0.001 to 1000"},
	{SERVER(", \"weight\": NaN"), "servers[0].weight: expected a number from 0.001 to 1000"},
	{SERVER(", \"weight\": Infinity"),
		"servers[0].weight: expected a number from 0.001 to 1000"},
	{SERVER(", \"weight\": \"1\""),
		"servers[0].weight: expected a number from 0.001 to 1000, not a string"},
	{SERVER(", \"state\": \"off\""),
		"servers[0].state: expected enabled, cordoned or disabled"},
	{SERVER(", \"tags\": \"eu\""), "servers[0].tags: expected a list of strings, not a string"},
	{SERVER(", \"tags\": [\"eu\", 1]"),
		"servers[0].tags[1]: expected a string, not a number"},
	{SERVER(", \"tags\": [\"\"]"), "servers[0].tags[0]: is empty"},
	{SERVER(", \"tags\": [\"a;b\"]"),
		"servers[0].tags[0]: a tag has no \";\", no \",\" and no \"!\""},
	{SERVER(", \"tags\": [\"a,b\"]"),
		"servers[0].tags[0]: a tag has no \";\", no \",\" and no \"!\""},
	{SERVER(", \"tags\": [\"a\", \"b!\"]"),
		"servers[0].tags[1]: a tag has no \";\", no \",\" and no \"!\""},
	{SERVER(", \"tags\": [\" none \"]"),
		"servers[0].tags[0]: \"none\" stands for servers without tags"},
	{SERVER(", \"max_meetings\": 0"),
		"servers[0].max_meetings: expected a whole number from 1 to 1000000"},
	{SERVER(", \"max_users\": null"),
		"servers[0].max_users: expected a whole number from 1 to 1000000, not null"},

	/* Two that are one. */
	{"{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF("") ", "
		SERVER_OF(", \"host\": \"https://BBB1.example.org:443/bigbluebutton/\"") "]}",
		"servers[1].host: same server as servers[0]"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF("") ", "
		SERVER_OF(", \"name\": \"other\"") "]}",
		"servers[1].host: same server as servers[0]"},
	{"{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF("") ", "
		SERVER_OF(", \"host\": \"http://bbb1.example.org\"") "]}",
		"servers[1].host: same server as servers[0]; if it is another one, give it a "
		"\"name\""},
	{"{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF(", \"name\": \"a\"") ", "
		SERVER_OF(", \"host\": \"http://b\", \"name\": \"a\"") "]}",
		"servers[1].name: servers[0] has this name"},
};

static void
test_bad_texts(void)
{
	for (size_t i = 0; i < COUNT(bad_texts); i++) {
		char problem[1024];
		const char *at = strstr(bad_texts[i].problem, "PATH");
		if (at)
			snprintf(problem, sizeof(problem), "%.*s%s%s",
				(int)(at - bad_texts[i].problem), bad_texts[i].problem, path,
				at + 4);
		else
			snprintf(problem, sizeof(problem), "%s", bad_texts[i].problem);
		bad(bad_texts[i].text, problem);
	}
	bad_bytes("{\n\0}", 4, "line 2, column 1: a NUL byte: this is no text");

	/* Truncated anywhere, a good file is a bad one. */
	char text[] = TOP(", \"create_defaults\": {\"a\": [1, true, null, -1.5e3]}");
	size_t good = 0, told = 0;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct config *config = load_bytes(text, n);
		good += config ? 1 : 0;
		told += strstr(problems, SECRET) ? 1 : 0;
		config_free(config);
	}
	is_int(good, 0, "no part of a file is good");
	is_int(told, 0, "no secret is told of a part of a file");
}

static const struct {
	const char *host, *base, *name;
} hosts[] = {
	/* The six forms. */
	{"https://bbb1.example.org", "https://bbb1.example.org", "bbb1.example.org"},
	{"https://bbb1.example.org/", "https://bbb1.example.org", "bbb1.example.org"},
	{"https://bbb1.example.org/bigbluebutton", "https://bbb1.example.org",
		"bbb1.example.org"},
	{"https://bbb1.example.org/bigbluebutton/", "https://bbb1.example.org",
		"bbb1.example.org"},
	{"https://bbb1.example.org/bigbluebutton/api", "https://bbb1.example.org",
		"bbb1.example.org"},
	{"https://bbb1.example.org/bigbluebutton/api/", "https://bbb1.example.org",
		"bbb1.example.org"},

	{"HTTPS://BBB1.Example.ORG/", "https://bbb1.example.org", "bbb1.example.org"},
	{"http://bbb1:8090/bigbluebutton", "http://bbb1:8090", "bbb1:8090"},
	{"https://bbb1.example.org:443", "https://bbb1.example.org", "bbb1.example.org"},
	{"http://bbb1.example.org:80/", "http://bbb1.example.org", "bbb1.example.org"},
	{"http://bbb1.example.org:443", "http://bbb1.example.org:443", "bbb1.example.org:443"},
	{"https://bbb1.example.org:08443", "https://bbb1.example.org:8443",
		"bbb1.example.org:8443"},
	{"http://127.0.0.1:65535", "http://127.0.0.1:65535", "127.0.0.1:65535"},
	{"http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080", "[2001:db8::1]:8080"},
	{"https://[::1]:443", "https://[::1]", "[::1]"},
};

#define WRONG_PATH "expected no path or /bigbluebutton/api after the host name"
#define WRONG_PORT "the port must be a number from 1 to 65535"
#define WRONG_LITERAL "not an IPv6 address in the brackets"
#define NO_URL "expected a URL such as https://bbb1.example.org"
#define SPACE "has a space or control character in it"

static const struct {
	const char *host, *problem;
} bad_hosts[] = {
	{"", NO_URL},
	{SECRET, NO_URL},
	{"https:/bbb1.example.org", NO_URL},
	{"bbb1.example.org",
		"https:// is missing; did you mean \"https://bbb1.example.org\"?"},
	{"bbb1.example.org:8443/bigbluebutton/api", "https:// is missing; did you mean "
		"\"https://bbb1.example.org:8443/bigbluebutton/api\"?"},
	{"//bbb1.example.org", NO_URL},
	{"user:" SECRET "@bbb1.example.org", NO_URL},
	{"ftp://bbb1.example.org", "the URL must begin with https:// or http://"},
	{"://bbb1.example.org", "the URL must begin with https:// or http://"},
	{"https://", "the host name is missing"},
	{"https:///bigbluebutton/api", "the host name is missing"},
	{"https://:443/", "the host name is missing"},
	{"https://user:" SECRET "@bbb1.example.org/",
		"a user name or password (\"@\") has no place here"},
	{"https://bbb1.example.org/api", WRONG_PATH},
	{"https://bbb1.example.org//", WRONG_PATH},
	{"https://bbb1.example.org/bigbluebutton/api/create", WRONG_PATH},
	{"https://bbb1.example.org/bigbluebutton/api//", WRONG_PATH},
	{"https://bbb1.example.org/x/bigbluebutton/api", WRONG_PATH},
	{"https://bbb1.example.org/BigBlueButton/api", WRONG_PATH},
	{"https://bbb1.example.org/?checksum=" SECRET,
		"a query (\"?\") has no place here"},
	{"https://bbb1.example.org#a", "a fragment (\"#\") has no place here"},
	{" https://bbb1.example.org", SPACE},
	{"https://bbb1.example.org ", SPACE},
	{"https://bbb 1.example.org", SPACE},
	{"https://bbb1.example.org:", WRONG_PORT},
	{"https://bbb1.example.org:0", WRONG_PORT},
	{"https://bbb1.example.org:65536", WRONG_PORT},
	{"https://bbb1.example.org:-1", WRONG_PORT},
	{"https://bbb1.example.org:+1", WRONG_PORT},
	{"https://bbb1.example.org:80a", WRONG_PORT},
	{"https://bbb1.example.org:80:80", WRONG_PORT},
	{"https://bbb1_example%2eorg", "a character that no host name has"},
	{"https://bbb1\\\\example", "a character that no host name has"},
	{"https://b\xc3\xbc""cher.example",
		"a host name with other than ASCII letters is written in its xn-- form"},
	{"https://.example.org", "a dot too many in the host name"},
	{"https://bbb1..example.org", "a dot too many in the host name"},
	{"https://bbb1.example.org.", "a dot too many in the host name"},
	{"https://[::1", WRONG_LITERAL},
	{"https://[]", WRONG_LITERAL},
	{"https://[::1]a", WRONG_LITERAL},
	{"https://[::1]a:80", WRONG_LITERAL},
	{"https://[fe80::1%25eth0]", WRONG_LITERAL},
	{"https://[127.0.0.1]", WRONG_LITERAL},
	{"https://[1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9]", WRONG_LITERAL},
};

static void
test_hosts(void)
{
	char text[2048], want[1024];
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(text, sizeof(text), SERVER(", \"host\": \"%s\""), hosts[i].host);
		struct config *c = load_good(text);
		snprintf(want, sizeof(want), "%s/bigbluebutton/api", hosts[i].base);
		is_str(c->servers[0].base, want, "base of %s", hosts[i].host);
		is_str(c->servers[0].name, hosts[i].name, "name of %s", hosts[i].host);
		config_free(c);
	}
	for (size_t i = 0; i < COUNT(bad_hosts); i++) {
		snprintf(text, sizeof(text), SERVER(", \"host\": \"%s\""), bad_hosts[i].host);
		snprintf(want, sizeof(want), "servers[0].host: %s", bad_hosts[i].problem);
		bad(text, want);
	}

	/* Long names: one that is no host's, and one that is too long for ours. */
	char label[300];
	memset(label, 'a', sizeof(label));
	snprintf(text, sizeof(text), SERVER(", \"host\": \"http://%.254s\""), label);
	bad(text, "servers[0].host: the host name is too long");
	snprintf(text, sizeof(text), SERVER(", \"host\": \"http://%.253s:65535\""), label);
	bad(text, "servers[0].name: missing, and the host name is too long for one; expected a "
		"name of 1 to 100 bytes without spaces");
	snprintf(text, sizeof(text), SERVER(", \"host\": \"http://%.253s:65535\", "
		"\"name\": \"a\""), label);
	config_free(load_good(text));

	/* The gateway's own URL may have another path, as long as calls can follow. */
	struct config *c = load_good(TOP(", \"public_url\": \"http://X:81/b/api/\""));
	is_str(c->public_url, "http://x:81/b/api", "public_url");
	config_free(c);
}

static void
test_all_at_once(void)
{
	char want[2048];
	struct config *c = load_text("{\"secret\": 1, \"placment\": 2, \"down_after\": 0, "
		"\"servers\": [{\"host\": \"http://a\", \"secret\": \"" SECRET "\"}, "
		"{\"host\": \"b.example\", \"wieght\": 1, \"tags\": [3]}, 4, "
		"{\"host\": \"http://A/\", \"secret\": \" \"}]}");
	ok(!c, "no configuration");
	snprintf(want, sizeof(want),
		"%s: secret: expected a string, not a number\n"
		"%s: placment: unknown key; did you mean \"placement\"?\n"
		"%s: down_after: expected a whole number from 1 to 100\n"
		"%s: servers[1].host: https:// is missing; did you mean \"https://b.example\"?\n"
		"%s: servers[1].wieght: unknown key; did you mean \"weight\"?\n"
		"%s: servers[1].tags[0]: expected a string, not a number\n"
		"%s: servers[1].secret: missing: \"bbb-conf --secret\" prints it on the server\n"
		"%s: servers[2]: expected an object with \"host\" and \"secret\", not a number\n"
		"%s: servers[3].secret: is empty\n"
		"%s: servers[3].host: same server as servers[0]\n",
		path, path, path, path, path, path, path, path, path, path);
	is_str(problems, want, "all problems, in the file's order");
	config_free(c);

	/* So many that some are only counted. */
	char text[65536] = "[";
	size_t len = 1;
	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s{}", i ? "," : "");
	snprintf(text + len, sizeof(text) - len, "]");
	c = load_text(text);
	ok(!c && strstr(problems, ": and 351 more\n"), "351 of 401 problems are left out");
	config_free(c);

	/* And into a buffer that is too small for them. */
	struct buf small;
	buf_init(&small, 512);
	c = config_load(path, &small);
	ok(!c && !buf_failed(&small) && strstr(small.data, "servers[0].host: missing")
		&& strstr(small.data, " more\n"), "the first problems are in a small buffer");
	buf_free(&small);
	config_free(c);
}

static void
test_environment(void)
{
	setenv("TINYSCALE_SECRET", " " SECRET "E\n", 1);
	struct config *c = load_good("[" SERVER_OF("") ", " SERVER_OF(", \"host\": "
		"\"https://bbb2.example.org/bigbluebutton/api\"") "]");
	is_int(c->n_servers, 2, "the plain array");
	is_str(c->servers[1].name, "bbb2.example.org", "its second server");
	is_int(c->n_secrets, 1, "one secret");
	is_str(c->secrets[0], SECRET "E", "the environment's, trimmed");
	config_free(c);

	c = load_good("{\"secrets\": [\"" SECRET "A\", \"" SECRET "B\"], " SERVERS "}");
	is_int(c->n_secrets, 1, "one secret wins over two");
	is_str(c->secrets[0], SECRET "E", "the environment's");
	config_free(c);
	c = load_good("{" SERVERS "}");
	is_str(c->secrets[0], SECRET "E", "none in the file is no problem then");
	config_free(c);
	bad("{\"secret\": \"\", " SERVERS "}", "secret: is empty");
	bad("[]", "servers: at least one server is needed");
	bad("[{\"hots\": \"http://a\", \"host\": \"http://a\", \"secret\": \"" SECRET "\"}]",
		"servers[0].hots: unknown key; did you mean \"host\"?");

	setenv("TINYSCALE_SECRET", " ", 1);
	c = load_good(TOP(""));
	is_str(c->secrets[0], SECRET, "a variable set to nothing is none");
	config_free(c);
	c = load_text("{" SERVERS "}");
	ok(!c && strstr(problems, ": no secret: "), "nor is it a secret");
	config_free(c);
	unsetenv("TINYSCALE_SECRET");

	setenv("TINYSCALE_STATE", "/tmp/env.db", 1);
	c = load_good(TOP(", \"state\": \"/tmp/file.db\""));
	is_str(c->state, "/tmp/env.db", "TINYSCALE_STATE wins");
	config_free(c);
	setenv("TINYSCALE_STATE", "none", 1);
	c = load_good(TOP(""));
	is_str(c->state, NULL, "TINYSCALE_STATE=none");
	config_free(c);
	setenv("TINYSCALE_STATE", "", 1);
	c = load_good(TOP(", \"state\": \"/tmp/file.db\""));
	is_str(c->state, "/tmp/file.db", "TINYSCALE_STATE set to nothing");
	config_free(c);
	unsetenv("TINYSCALE_STATE");

	ok(strstr(config_path(NULL), "/tinyscale/servers.json"), "the built-in path");
	setenv("TINYSCALE_CONFIG", path, 1);
	is_str(config_path(NULL), path, "TINYSCALE_CONFIG");
	is_str(config_path("x"), "x", "a given path wins");
	c = load(NULL);
	ok(c, "loaded from TINYSCALE_CONFIG");
	config_free(c);
	unsetenv("TINYSCALE_CONFIG");
}

static void
test_files(void)
{
	ok(!load("/nowhere/servers.json"), "no file, no configuration");
	is_str(problems, "/nowhere/servers.json: no such file; write it as "
		"tinyscale-servers.json(5) shows, or name another with -c or TINYSCALE_CONFIG\n",
		"no file");
	ok(!load("/"), "a directory is no configuration");
	is_str(problems, "/: is a directory; name the file in it\n", "a directory");

	write_file(TOP(""), strlen(TOP("")));
	chmod(path, 0);
	if (access(path, R_OK) == 0) {
		skip("root reads everything");
	} else {
		ok(!load(path), "unreadable, no configuration");
		ok(strstr(problems, "cannot be read: Permission denied; the user"), "unreadable");
	}
	chmod(path, 0600);

	size_t len = ((size_t)4 << 20) + 1;
	char *large = malloc(len);
	memset(large, ' ', len);
	memcpy(large, TOP(""), strlen(TOP("")));
	struct config *c = load_bytes(large, len - 1);
	ok(c, "4 MiB are read");
	config_free(c);
	bad_bytes(large, len, "larger than 4194304 bytes");
	free(large);
}

static void
print_keys(const char *prefix, const struct config_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		char expected[80];
		config_keys_describe(&keys->list[i], expected, sizeof(expected));
		printf("%s%s\t%s\t%s\t%s\n", prefix, keys->list[i].key, expected,
			keys->list[i].def, keys->list[i].help);
	}
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--keys") == 0) {
		print_keys("", &config_keys_top);
		print_keys("servers[].", &config_keys_server);
		return 0;
	}
	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_CONFIG");
	snprintf(path, sizeof(path), "/tmp/test_config.XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	close(fd);

	test_defaults();
	test_every_key();
	test_bad_texts();
	test_hosts();
	test_all_at_once();
	test_environment();
	test_files();
	unlink(path);
	return done_testing();
}
