/*
 * The configuration: what is wrong with a bad one, all of it at once, and no secret in
 * any of it.
 */
#include "test_config.h"

#define PREFIX "expected 1 to 64 letters, digits, dots, underscores or hyphens"
#define LETTERS_32 "abcdefghijklmnopqrstuvwxyzabcdef"
#define E "\xc3\xa9" /* a letter of two bytes */
#define E8 E E E E E E E E
#define E64 E8 E8 E8 E8 E8 E8 E8 E8

static const struct {
	const char *text, *problem;
} bad_texts[] = {
	/* The file as a whole. */
	{ "", "is empty; expected what tinyscale-servers.json(5) shows" },
	{ " \n", "is empty; expected what tinyscale-servers.json(5) shows" },
	{ "7", "the file: expected an object or a list of servers, not a number" },
	{ "null", "the file: expected an object or a list of servers, not null" },
	{ "\"" SECRET "\"", "the file: expected an object or a list of servers, not a string" },
	{ "{\n\t\"secret\": \"" SECRET "\"\n\t\"servers\": []}",
	    "line 2, column 20: a comma is missing here" },
	{ "{\"secret\": \"" SECRET "\",\n\"servers\": [{\"host\": \"http://a\"}\n\n{}]}",
	    "line 2, column 33: a comma is missing here" },
	{ "{\"secret\": \"" SECRET "\",\n\"state\": \"none\",\n\n}",
	    "line 2, column 16: a comma that nothing follows; take it out" },
	{ "[\n{\"host\": \"http://a\",\n\"secret\": \"" SECRET "\"},\n]",
	    "line 3, column 20: a comma that nothing follows; take it out" },
	{ "{\"secret\": \"" SECRET "\",,}",
	    "line 1, column 21: quoted object property name expected" },
	{ "{\"secret\": \"" SECRET,
	    "line 1, column 19: the file ends too early: a quote or bracket is open" },
	{ "{\"secret\": '" SECRET "'}", "line 1, column 12: unexpected character" },
	{ "{\"secret\": \"\xff" SECRET "\"}", "line 1, column 13: invalid utf-8 string" },
	{ "{\"secret\": \"\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80\xc3(\"}",
	    "line 1, column 16: invalid utf-8 string" },
	{ "{\"secret\": \"" SECRET "\"}\xc3", "line 1, column 21: invalid utf-8 string" },
	{ "{\"secret\": \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\", x}",
	    "line 1, column 19: quoted object property name expected" },
	{ "{\"secret\": \"" SECRET "\\\xc3\xa4\"}",
	    "line 1, column 20: invalid string sequence" },
	{ TOP(",") "\n", "line 1, column 92: a comma that nothing follows; take it out" },
	{ TOP("") "\n\n" SECRET, "line 3, column 1: unexpected character" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 1, column 33: nesting too deep" },

	/* Unknown keys. */
	{ TOP(", \"placment\": \"hash\""),
	    "placment: unknown key; did you mean \"placement\"?" },
	{ TOP(", \"maxBodyBytes\": 1"),
	    "maxBodyBytes: unknown key; did you mean \"max_body_bytes\"?" },
	{ TOP(", \"redis_url\": \"" SECRET "\""), "redis_url: unknown key" },
	{ TOP(", \"a\\tb\\u0001\": 1"), "a?b?: unknown key" },
	{ TOP(", \"" LETTERS_32 "abcdefghijklmnopqrstuvwxyz-----" E "\": 1"),
	    LETTERS_32 "abcdefghijklmnopqrstuvwxyz-----: unknown key" },
	{ TOP(", \"weight\": 1"),
	    "weight: unknown key here: it belongs to one of the servers" },
	{ TOP(", \"0123456789012345678901234567890123456789012345678901234567890123456789\": "
	      "1"),
	    "0123456789012345678901234567890123456789012345678901234567890123: unknown key" },
	{ SERVER(", \"wieght\": 1"),
	    "servers[0].wieght: unknown key; did you mean \"weight\"?" },
	{ SERVER(", \"placement\": \"hash\""),
	    "servers[0].placement: unknown key here: it belongs beside \"servers\"" },

	/* Secrets. */
	{ "{" SERVERS "}", "no secret: set \"secret\" in PATH or TINYSCALE_SECRET" },
	{ "[" SERVER_OF("") "]",
	    "no secret: set TINYSCALE_SECRET, or in PATH write "
	    "{\"secret\": ..., \"servers\": [...]}" },
	{ "{\"secret\": \" \\n\", " SERVERS "}", "secret: is empty" },
	{ "{\"secret\": [\"" SECRET "\"], " SERVERS "}",
	    "secret: expected a string, not a list" },
	{ "{\"secret\": {\"" SECRET "\": 1}, " SERVERS "}",
	    "secret: expected a string, not an object" },
	{ "{\"secret\": \"" SECRET "\\u0000\", " SERVERS "}",
	    "secret: contains the character \\u0000" },
	{ "{\"secrets\": \"" SECRET "\", " SERVERS "}",
	    "secrets: expected a list of strings, not a string" },
	{ "{\"secrets\": [], " SERVERS "}", "secrets: is empty" },
	{ "{\"secrets\": [\"" SECRET "\", \"\"], " SERVERS "}", "secrets[1]: is empty" },
	{ "{\"secrets\": [\"" SECRET "\", 3], " SERVERS "}",
	    "secrets[1]: expected a string, not a number" },
	{ TOP(", \"secrets\": [\"" SECRET "\"]"),
	    "secrets: \"secret\" is there too; leave one of them out" },
	{ TOP(", \"admin_secret\": \"\""), "admin_secret: is empty" },
	{ TOP(", \"admin_secret\": null"), "admin_secret: expected a string, not null" },

	/* The other keys at the top. */
	{ TOP(", \"checksum_algorithms\": \"sha1\""),
	    "checksum_algorithms: expected a list of "
	    "sha1, sha256, sha384 or sha512, not a string" },
	{ TOP(", \"checksum_algorithms\": [\"sha1\", \"md5\"]"),
	    "checksum_algorithms[1]: expected sha1, sha256, sha384 or sha512, not \"md5\"" },
	{ TOP(", \"checksum_algorithms\": [1]"),
	    "checksum_algorithms[0]: expected sha1, sha256, sha384 or sha512, not a number" },
	{ TOP(", \"checksum_algorithms\": []"),
	    "checksum_algorithms: is empty: no client could sign a call" },
	{ TOP(", \"state\": \"\""), "state: is empty; leave the key out for the default" },
	{ TOP(", \"state\": false"),
	    "state: expected a path, a URL of Redis, or none, not false" },
	{ TOP(", \"placement\": \"random\""),
	    "placement: expected least-loaded, round-robin or hash, not \"random\"" },
	{ TOP(", \"placement\": \"HASH\""),
	    "placement: expected least-loaded, round-robin or hash, not \"HASH\"" },
	{ TOP(", \"placement\": \"least_loaded\""),
	    "placement: expected least-loaded, round-robin or hash, not \"least_loaded\"" },
	{ TOP(", \"placement\": \"\""),
	    "placement: expected least-loaded, round-robin or hash, not \"\"" },
	{ TOP(", \"placement\": 1"),
	    "placement: expected least-loaded, round-robin or hash, not a number" },
	{ TOP(", \"placement\": \"" SECRET "\""),
	    "placement: expected least-loaded, round-robin or hash" },

	/* What keeps the state. */
	{ TOP(", \"state\": \"reddis://:" SECRET "@host\""),
	    "state: expected a URL that begins with redis://, redis+unix: or "
	    "redis+sentinel://" },
	{ TOP(", \"state\": \"rediss://:" SECRET "@host\""),
	    "state: rediss:// is TLS, which is not spoken here: use redis:// through a VPN or "
	    "a tunnel such as stunnel, or redis+unix: for a socket" },
	{ TOP(", \"state\": \"redis:" SECRET "@host\""),
	    "state: expected \"//\" and a host after the scheme" },
	{ TOP(", \"state\": \"redis://:" SECRET "/@host\""),
	    "state: an \"@\" after a slash; in the user or password a slash is written %2F" },
	{ TOP(", \"state\": \"redis://:" SECRET " @host\""),
	    "state: has a space or control character in it" },
	{ TOP(", \"state\": \"redis://host:0\""),
	    "state: the port must be a number from 1 to 65535" },
	{ TOP(", \"state\": \"redis://:" SECRET "9@host\", \"placement\": \"" SECRET "9\""),
	    "placement: expected least-loaded, round-robin or hash" },
	{ TOP(", \"state_prefix\": \"\""), "state_prefix: " PREFIX ", not \"\"" },
	{ TOP(", \"state_prefix\": \"a b\""), "state_prefix: " PREFIX },
	{ TOP(", \"state_prefix\": \"{a}\""), "state_prefix: " PREFIX },
	{ TOP(", \"state_prefix\": \"a:\""), "state_prefix: " PREFIX },
	{ TOP(", \"state_prefix\": \"\xc3\xa4\""), "state_prefix: " PREFIX },
	{ TOP(", \"state_prefix\": \"" LETTERS_32 LETTERS_32 "a\""), "state_prefix: " PREFIX },
	{ TOP(", \"state_prefix\": 1"), "state_prefix: " PREFIX ", not a number" },

	{ SERVER(", \"state\": \" " SECRET "1\""),
	    "servers[0].state: expected enabled, cordoned or disabled" },
	{ SERVER(", \"state\": \"" SECRET "1\""),
	    "servers[0].state: expected enabled, cordoned or disabled" },
	{ "{\"secrets\": [\"a-long-one-of-the-two\", \"" SECRET
	  "9\"], \"log_format\": \"" SECRET "9\", " SERVERS "}",
	    "log_format: expected text or json" },
	{ SERVER(", \"state\": \"asleep-for-a-long-time\""),
	    "servers[0].state: expected enabled, cordoned or disabled" },
	{ SERVER(", \"state\": \"asleep\""),
	    "servers[0].state: expected enabled, cordoned or disabled, not \"asleep\"" },
	{ TOP(", \"forward\": \"Proxy\""),
	    "forward: expected proxy or redirect, not \"Proxy\"" },
	{ TOP(", \"checksum_error_status\": 403"),
	    "checksum_error_status: expected 200 or 401, not 403" },
	{ TOP(", \"checksum_error_status\": \"200\""),
	    "checksum_error_status: expected 200 or 401, not \"200\"" },
	{ TOP(", \"connect_timeout_ms\": 0"),
	    "connect_timeout_ms: expected a whole number from 1 to 600000, not 0" },
	{ TOP(", \"probe_timeout_ms\": \"3000\""),
	    "probe_timeout_ms: expected a whole number from 1 to 600000, not a string" },
	{ TOP(", \"call_timeout_ms\": 4500.0"),
	    "call_timeout_ms: expected a whole number from 1 "
	    "to 600000, not a number with a fraction" },
	{ TOP(", \"call_timeout_ms\": NaN"),
	    "call_timeout_ms: expected a whole number from 1 "
	    "to 600000, not a number with a fraction" },
	{ TOP(", \"create_timeout_ms\": 18446744073709551615"),
	    "create_timeout_ms: expected a whole number from 1 to 3600000" },
	{ TOP(", \"poll_interval_ms\": -9223372036854775808"),
	    "poll_interval_ms: expected a whole number from 10 to 86400000" },
	{ TOP(", \"down_after\": 0"),
	    "down_after: expected a whole number from 1 to 100, not 0" },
	{ TOP(", \"up_after\": 101"),
	    "up_after: expected a whole number from 1 to 100, not 101" },
	{ TOP(", \"negative_ttl_ms\": -1"),
	    "negative_ttl_ms: expected a whole number from 0 to 3600000, not -1" },
	{ TOP(", \"max_body_bytes\": 0"),
	    "max_body_bytes: expected a whole number from 1 to 1073741824, not 0" },
	{ TOP(", \"ca_file\": \"/nowhere/ca.pem\""),
	    "ca_file: /nowhere/ca.pem cannot be read: No such file or directory" },
	{ TOP(", \"ca_file\": \"/nowhere/a\\u0013b\\nc\\u007f\""),
	    "ca_file: /nowhere/a?b?c? cannot be read: No such file or directory" },
	{ TOP(", \"ca_file\": \"/nowhere/\\u009b31m\\u0085\""),
	    "ca_file: /nowhere/\?\?31m\?\? cannot be read: No such file or directory" },
	{ TOP(", \"ca_file\": \"/n" E64 E64 E64 E64 E64 "\""),
	    "ca_file: /n" E64 E64 E64 E8 E8 E8 E8 E8 E8 E8 E E E E E E },
	{ TOP(", \"ca_file\": \"\""), "ca_file: is empty; leave the key out for the default" },
	{ TOP(", \"max_calls_per_server\": true"),
	    "max_calls_per_server: expected a whole number from 0 to 10000, not true" },
	{ TOP(", \"public_url\": \"bbb.example.org\""),
	    "public_url: https:// is missing; did you mean \"https://bbb.example.org\"?" },
	{ TOP(", \"public_url\": \"https://bbb.example.org/x\""),
	    "public_url: expected a path that ends in /api, or none" },
	{ TOP(", \"callbacks\": \"sign\""),
	    "callbacks: expected resign or pass, not \"sign\"" },
	{ TOP(", \"allow_private_callbacks\": \"true\""),
	    "allow_private_callbacks: expected true or false, not a string" },
	{ TOP(", \"create_defaults\": []"),
	    "create_defaults: expected an object of parameters "
	    "and their values, not a list" },
	{ TOP(", \"create_defaults\": {\"moderatorPW\": [\"" SECRET "\"]}"),
	    "create_defaults.moderatorPW: expected a string, a number, true or false" },
	{ TOP(", \"create_defaults\": {\"record\": null}"),
	    "create_defaults.record: null removes "
	    "a parameter, which only the overrides can do; expected a string, a number, true "
	    "or false" },
	{ TOP(", \"join_defaults\": {\"\": 1}"), "join_defaults: a parameter without a name" },
	{ TOP(", \"join_overrides\": {\"x\": {}}"),
	    "join_overrides.x: expected a string, a number, true or false, or null" },
	{ TOP(", \"join_overrides\": {\"x\": Infinity}"),
	    "join_overrides.x: expected a string, a number, true or false, or null" },
	{ TOP(", \"create_overrides\": {\"meetingID\": \"a\"}"),
	    "create_overrides.meetingID: cannot be set here" },
	{ TOP(", \"max_meeting_duration_minutes\": -1"),
	    "max_meeting_duration_minutes: expected a whole number from 0 to 525600, not -1" },
	{ TOP(", \"lookups_per_second\": -1"),
	    "lookups_per_second: expected a whole number from 0 to 1000000, not -1" },
	{ TOP(", \"lookups_per_second\": 1000001"),
	    "lookups_per_second: expected a whole number from 0 to 1000000, not 1000001" },
	{ TOP(", \"lookups_per_second\": 0.5"),
	    "lookups_per_second: expected a whole number from 0 to 1000000, not a number with "
	    "a fraction" },
	{ SERVER(", \"lookups_per_second\": 1"),
	    "servers[0].lookups_per_second: unknown key here: it belongs beside \"servers\"" },
	{ TOP(", \"log_client\": \"some\""),
	    "log_client: expected full, prefix or none, not \"some\"" },
	{ TOP(", \"log_format\": \"xml\""), "log_format: expected text or json, not \"xml\"" },

	/* Servers. */
	{ "{\"secret\": \"" SECRET "\"}", "servers: at least one server is needed" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": []}",
	    "servers: at least one server is needed" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": {}}",
	    "servers: expected a list of servers, not an object" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [\"" SECRET "\"]}",
	    "servers[0]: expected an object with \"host\" and \"secret\", not a string" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [{\"host\": \"http://a\"}]}",
	    "servers[0].secret: missing: \"bbb-conf --secret\" prints it on the server" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [{\"secret\": \"" SECRET "\"}]}",
	    "servers[0].host: missing: the server's URL, such as https://bbb1.example.org" },
	{ SERVER(", \"secret\": \"\""), "servers[0].secret: is empty" },
	{ SERVER(", \"secret\": 12"), "servers[0].secret: expected a string, not a number" },
	{ SERVER(", \"secrets\": [\"" SECRET "2\"]"),
	    "servers[0].secrets: \"secret\" is there too; leave one of them out" },
	{ SERVER_SECRETS(""), "servers[0].secrets: is empty" },
	{ SERVER_SECRETS("\"" SECRET "\", \" \\t\""), "servers[0].secrets[1]: is empty" },
	{ SERVER_SECRETS("\"" SECRET "\", 7"),
	    "servers[0].secrets[1]: expected a string, not a number" },
	{ SERVER_SECRETS("\"" SECRET "\", \"" SECRET "\\u0000\""),
	    "servers[0].secrets[1]: contains the character \\u0000" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [{\"host\": \"http://a.test\", "
	  "\"secrets\": \"" SECRET "\"}]}",
	    "servers[0].secrets: expected a list of strings, not a string" },
	{ SERVER(", \"create_defaults\": {\"x\": null}"),
	    "servers[0].create_defaults.x: null removes a parameter, which only the overrides "
	    "can do; expected a string, a number, true or false" },
	{ SERVER(", \"create_overrides\": {\"meetingID\": \"x\"}"),
	    "servers[0].create_overrides.meetingID: cannot be set here" },
	{ SERVER(", \"join_defaults\": {\"x\": [1]}"),
	    "servers[0].join_defaults.x: expected a string, a number, true or false" },
	{ SERVER(", \"join_overrides\": [\"x\"]"),
	    "servers[0].join_overrides: expected an object of parameters and their values, "
	    "not a list" },
	{ SERVER(", \"name\": \"\""),
	    "servers[0].name: expected a name of 1 to 100 bytes without spaces" },
	{ SERVER(", \"name\": \"a b\""),
	    "servers[0].name: expected a name of 1 to 100 bytes without spaces" },
	{ SERVER(", \"name\": \"a\\u007f\""),
	    "servers[0].name: expected a name of 1 to 100 bytes without spaces" },
	{ SERVER(
	      ", \"name\": \"0123456789012345678901234567890123456789012345678901234567890123"
	      "4567890123456789012345678901234567890\""),
	    "servers[0].name: expected a name of 1 to 100 bytes without spaces" },
	{ SERVER(", \"checksum_algorithm\": \"md5\""),
	    "servers[0].checksum_algorithm: expected sha1, sha256, sha384 or sha512, not "
	    "\"md5\"" },
	{ SERVER(", \"weight\": 0"),
	    "servers[0].weight: expected a number from 0.001 to 1000, not 0" },
	{ SERVER(", \"weight\": -1.5"),
	    "servers[0].weight: expected a number from 0.001 to 1000, not -1.5" },
	{ SERVER(", \"weight\": 1000.5"),
	    "servers[0].weight: expected a number from 0.001 to 1000, not 1000.5" },
	{ SERVER(", \"weight\": NaN"),
	    "servers[0].weight: expected a number from 0.001 to 1000, not nan" },
	{ SERVER(", \"weight\": Infinity"),
	    "servers[0].weight: expected a number from 0.001 to 1000, not inf" },
	{ SERVER(", \"weight\": \"1\""),
	    "servers[0].weight: expected a number from 0.001 to 1000, not a string" },
	{ SERVER(", \"state\": \"off\""),
	    "servers[0].state: expected enabled, cordoned or disabled, not \"off\"" },
	{ SERVER(", \"tags\": \"eu\""),
	    "servers[0].tags: expected a list of strings, not a string" },
	{ SERVER(", \"tags\": [\"eu\", 1]"),
	    "servers[0].tags[1]: expected a string, not a number" },
	{ SERVER(", \"tags\": [\"\"]"), "servers[0].tags[0]: is empty" },
	{ SERVER(", \"tags\": [\"a;b\"]"),
	    "servers[0].tags[0]: a tag has no \";\", no \",\" and no \"!\"" },
	{ SERVER(", \"tags\": [\"a,b\"]"),
	    "servers[0].tags[0]: a tag has no \";\", no \",\" and no \"!\"" },
	{ SERVER(", \"tags\": [\"a\", \"b!\"]"),
	    "servers[0].tags[1]: a tag has no \";\", no \",\" and no \"!\"" },
	{ SERVER(", \"tags\": [\" none \"]"),
	    "servers[0].tags[0]: \"none\" stands for servers without tags" },
	{ SERVER(", \"max_meetings\": 0"),
	    "servers[0].max_meetings: expected a whole number from 1 to 1000000, not 0" },
	{ SERVER(", \"max_users\": null"),
	    "servers[0].max_users: expected a whole number from 1 to 1000000, not null" },
	{ SERVER(", \"max_joins_per_second\": 1001"),
	    "servers[0].max_joins_per_second: expected a whole number from 0 to 1000, "
	    "not 1001" },
	{ SERVER(", \"max_joins_per_second\": 0.5"),
	    "servers[0].max_joins_per_second: expected a whole number from 0 to 1000, "
	    "not a number with a fraction" },

	/* Two that are one. */
	{ "{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF("") ", " SERVER_OF(
	      ", \"host\": \"https://BBB1.example.org:443/bigbluebutton/\"") "]}",
	    "servers[1].host: same server as servers[0]" },
	{ "{\"secret\": \"" SECRET
	  "\", \"servers\": [" SERVER_OF("") ", " SERVER_OF(", \"name\": \"other\"") "]}",
	    "servers[1].host: same server as servers[0]" },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF("") ", " SERVER_OF(
	      ", \"host\": \"http://bbb1.example.org\"") "]}",
	    "servers[1].host: same server as servers[0]; if it is another one, give it a "
	    "\"name\"" },
	{ "{\"secret\": \"" SECRET
	  "\", \"servers\": [" SERVER_OF(", \"name\": \"a\"") ", " SERVER_OF(
	      ", \"host\": \"http://b\", \"name\": \"a\"") "]}",
	    "servers[1].name: servers[0] has this name" },
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

static void
test_all_at_once(void)
{
	struct config *c = load_text(
	    "{\"secret\": 1, \"placment\": 2, \"down_after\": 0, "
	    "\"servers\": [{\"host\": \"http://a\", \"secret\": \"" SECRET
	    "\"}, "
	    "{\"host\": \"b.example\", \"wieght\": 1, \"tags\": [3]}, 4, "
	    "{\"host\": \"http://A/\", \"secret\": \" \"}]}");
	ok(!c, "no configuration");
	char want[2048];
	snprintf(want, sizeof(want),
	    "%s: secret: expected a string, not a number\n"
	    "%s: placment: unknown key; did you mean \"placement\"?\n"
	    "%s: down_after: expected a whole number from 1 to 100, not 0\n"
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
	ok(!c && !buf_failed(&small) && strstr(small.data, "servers[0].host: missing") &&
	        strstr(small.data, " more\n"),
	    "the first problems are in a small buffer");
	buf_free(&small);
	config_free(c);
}

static const struct {
	const char *text;
	bool names;
} files[] = {
	{ "{\"secret\": \"" SECRET "\", \"servers\": []}", false },
	{ "{\"secret\": \"" SECRET "\"}", false },
	{ "[]", false },
	{ TOP(""), true },
	{ "[" SERVER_OF("") "]", true },
	/* Its problems are told when it is loaded. */
	{ "", true },
	{ "7", true },
	{ "{\"secret\": \"" SECRET "\", \"servers\": {}}", true },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [}", true },
	{ "{\"secret\": \"" SECRET "\", \"servers\": [{}]}", true },
};

static void
test_names_servers(void)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		write_file(files[i].text, strlen(files[i].text));
		ok(config_names_servers(path) == files[i].names, "%s a server is named: %s",
		    files[i].names ? "perhaps" : "not", files[i].text);
	}
	ok(!config_names_servers("/nonexistent/servers.json"), "no file names no server");
	ok(config_names_servers("/"), "a directory is a problem to be told");
}

/* What the environment says of the state is told by the variable's name. */
static void
test_environment(void)
{
	setenv("TINYSCALE_STATE", "redis://:" SECRET "@host:0", 1);
	bad(TOP(""), "TINYSCALE_STATE: the port must be a number from 1 to 65535");
	setenv("TINYSCALE_STATE", "redis://:" SECRET "9@host", 1);
	bad(TOP(", \"forward\": \"" SECRET "9\""), "forward: expected proxy or redirect");
	unsetenv("TINYSCALE_STATE");
	setenv("TINYSCALE_STATE_PASSWORD", " " SECRET "9", 1);
	bad(TOP(", \"forward\": \"" SECRET "9\""), "forward: expected proxy or redirect");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	/* The configuration itself, by any name. */
	setenv("TINYSCALE_STATE", path, 1);
	bad(TOP(""), "TINYSCALE_STATE: is this file, which holds the configuration");
	char link[sizeof(path) + 8];
	snprintf(link, sizeof(link), "%s.link", path);
	if (symlink(path, link) != 0)
		exit(1);
	setenv("TINYSCALE_STATE", link, 1);
	bad(TOP(""), "TINYSCALE_STATE: is this file, which holds the configuration");
	unlink(link);
	unsetenv("TINYSCALE_STATE");
	char text[512];
	snprintf(text, sizeof(text), TOP(", \"state\": \"%s\""), path);
	bad(text, "state: is this file, which holds the configuration");
	struct config *c = load_good(TOP(", \"state_prefix\": \"" LETTERS_32 LETTERS_32 "\""));
	config_free(c);
}

int
main(void)
{
	begin();
	test_environment();
	test_names_servers();
	test_bad_texts();
	test_all_at_once();
	return end();
}
