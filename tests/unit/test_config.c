/*
 * The configuration: every key and its default, the environment, and the file.  (What
 * is refused is in test_config_problems.c, the forms of a host in test_config_hosts.c.)
 *
 * "test_config --keys" prints the key table, for test_config_man.sh.
 */
#include "test_config.h"

#include "formats/state_url.h"

static void
test_defaults(void)
{
	struct config *c = load_good(TOP(""));
	is_int(c->n_secrets, 1, "one secret");
	is_str(c->secrets[0], SECRET, "the secret");
	is_str(c->admin_secret, NULL, "no admin secret");
	is_int(c->checksum_algorithms, CHECKSUM_ALL, "all algorithms");
	ok(c->state && strstr(c->state, "/tinyscale/state.db"), "state");
	ok(!c->state_url, "no engine");
	is_str(c->state_prefix, "tinyscale", "state_prefix");
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
	is_int(c->create_defaults.n + c->create_overrides.n + c->join_defaults.n +
	        c->join_overrides.n,
	    0, "no parameters");
	is_int(c->max_meeting_duration_minutes, 0, "max_meeting_duration_minutes");
	ok(!c->log_json, "log_format");
	is_int(c->log_client, LOG_CLIENT_FULL, "log_client");
	if (is_int(c->n_servers, 1, "one server")) {
		const struct server *s = &c->servers[0];
		is_str(s->name, "bbb1.example.org", "name");
		is_str(s->base, "https://bbb1.example.org/bigbluebutton/api", "base");
		if (is_int(s->n_secrets, 1, "one secret"))
			is_str(s->secrets[0], SECRET "1", "secret");
		is_int(s->algorithm, CHECKSUM_SHA256, "checksum_algorithm");
		ok(s->weight >= 1.0 && s->weight <= 1.0, "weight");
		is_int(s->state, SERVER_ENABLED, "state");
		is_int(s->n_tags, 0, "tags");
		is_int(s->max_meetings, -1, "max_meetings");
		is_int(s->max_users, -1, "max_users");
		is_int(s->max_joins_per_second, 0, "max_joins_per_second");
		is_int(s->create_defaults.n + s->create_overrides.n + s->join_defaults.n +
		        s->join_overrides.n,
		    0, "no parameters");
	}
	ok(config_server_find(c, "bbb1.example.org") == &c->servers[0], "found by its name");
	ok(!config_server_find(c, "bbb1"), "not found by another");
	config_free(c);
	config_free(NULL);
}

static void
test_server_secrets(void)
{
	struct config *c = load_good(
	    "{\"secret\": \"" SECRET
	    "\", \"servers\": ["
	    "{\"host\": \"http://a.test\", "
	    "\"secrets\": [\" " SECRET "1\\n\", \"" SECRET "2\", \"" SECRET
	    "3\"]}, "
	    "{\"host\": \"http://b.test\", \"secrets\": [\"" SECRET "4\"]}]}");
	const struct server *a = &c->servers[0], *b = &c->servers[1];
	if (is_int(a->n_secrets, 3, "three secrets")) {
		is_str(a->secrets[0], SECRET "1", "the first, trimmed");
		is_str(a->secrets[1], SECRET "2", "the second");
		is_str(a->secrets[2], SECRET "3", "the third");
	}
	if (is_int(b->n_secrets, 1, "a list of one"))
		is_str(b->secrets[0], SECRET "4", "which is the server's");
	ok(atomic_load(&c->runtime->secret_at[0]) == 0 &&
	        atomic_load(&c->runtime->secret_at[1]) == 0,
	    "each server begins with the first");
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
	snprintf(text, sizeof(text),
	    "{"
	    "\"secrets\": [\" " SECRET "A\\n\", \"" SECRET
	    "B\"], "
	    "\"admin_secret\": \"" SECRET
	    "C \", "
	    "\"checksum_algorithms\": [\"sha256\", \"SHA-512\"], "
	    "\"state\": \"/tmp/other.db\", \"state_prefix\": \"Az09._-\", "
	    "\"placement\": \"hash\", "
	    "\"forward\": \"redirect\", \"checksum_error_status\": 401, "
	    "\"connect_timeout_ms\": 11, \"probe_timeout_ms\": 12, "
	    "\"call_timeout_ms\": 13, \"create_timeout_ms\": 14, "
	    "\"poll_interval_ms\": 15, \"down_after\": 16, \"up_after\": 17, "
	    "\"lookups_per_second\": 18, \"negative_ttl_ms\": 0, \"max_body_bytes\": 19, "
	    "\"ca_file\": \"%s\", "
	    "\"max_calls_per_server\": 20, \"public_url\": \"https://bbb.example.org/\", "
	    "\"callbacks\": \"pass\", \"allow_private_callbacks\": true, "
	    "\"create_defaults\": {\"record\": true, \"logo\": \"\", \"maxParticipants\": 25}, "
	    "\"create_overrides\": {\"welcome\": null, \"x\": 1.50}, "
	    "\"join_defaults\": {\"a\": \"b\"}, \"join_overrides\": {\"c\": null}, "
	    "\"max_meeting_duration_minutes\": 90, \"log_format\": \"json\", "
	    "\"log_client\": \"none\", "
	    "\"servers\": [{\"host\": \"http://a.example\", \"secret\": \"\\t" SECRET
	    "D\", "
	    "\"name\": \"gr\xc3\xb6\xc3\237e\", \"checksum_algorithm\": \"sha1\", "
	    "\"weight\": 2.5, \"state\": \"cordoned\", \"tags\": [\"eu\", \" gpu \"], "
	    "\"max_meetings\": 30, \"max_users\": 400, \"max_joins_per_second\": 20, "
	    "\"create_defaults\": {\"d\": \"e\"}, \"create_overrides\": {\"f\": null}, "
	    "\"join_defaults\": {\"g\": 1, \"h\": true}, "
	    "\"join_overrides\": {\"i\": null, \"j\": \"\"}}]}\n \n",
	    path);
	struct config *c = load_good(text);
	if (is_int(c->n_secrets, 2, "two secrets")) {
		is_str(c->secrets[0], SECRET "A", "the first, trimmed");
		is_str(c->secrets[1], SECRET "B", "the second");
	}
	is_str(c->admin_secret, SECRET "C", "admin_secret, trimmed");
	is_int(c->checksum_algorithms, 1u << CHECKSUM_SHA256 | 1u << CHECKSUM_SHA512,
	    "checksum_algorithms");
	is_str(c->state, "/tmp/other.db", "state");
	is_str(c->state_prefix, "Az09._-", "state_prefix");
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
	is_int(c->log_client, LOG_CLIENT_NONE, "log_client");
	if (is_int(c->n_servers, 1, "servers")) {
		const struct server *s = &c->servers[0];
		is_str(s->name, "gr\xc3\xb6\xc3\237e", "name");
		if (is_int(s->n_secrets, 1, "one secret of the server's"))
			is_str(s->secrets[0], SECRET "D", "secret, trimmed");
		is_int(s->algorithm, CHECKSUM_SHA1, "checksum_algorithm");
		ok(s->weight >= 2.5 && s->weight <= 2.5, "weight");
		is_int(s->state, SERVER_CORDONED, "state");
		if (is_int(s->n_tags, 2, "tags")) {
			is_str(s->tags[0], "eu", "a tag");
			is_str(s->tags[1], "gpu", "a trimmed tag");
		}
		is_int(s->max_meetings, 30, "max_meetings");
		is_int(s->max_users, 400, "max_users");
		is_int(s->max_joins_per_second, 20, "max_joins_per_second");
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

static void
test_environment(void)
{
	setenv("TINYSCALE_SECRET", " " SECRET "E\n", 1);
	struct config *c = load_good("[" SERVER_OF("") ", " SERVER_OF(
	    ", \"host\": "
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

#define STATE(state) TOP(", \"state\": \"" state "\"")
#define BUILT_FILE "/tinyscale/state.db"

/* What keeps the state: by the file, TINYSCALE_STATE and TINYSCALE_STATE_PASSWORD. */
static const struct {
	const char *of_file, *of_environment, *password_given;
	const char *state, *text, *files; /* of the last the end, or NULL */
	const char *user, *password;
	bool is_engine, is_overruled;
} states[] = {
	{ STATE("/tmp/a.db"), "", "", "/tmp/a.db", "/tmp/a.db", "/tmp/a.db", NULL, NULL, false,
	    false },
	{ STATE("/tmp/a.db"), "", SECRET, "/tmp/a.db", "/tmp/a.db", "/tmp/a.db", NULL, NULL,
	    false, false },
	{ STATE("none"), "", SECRET, NULL, "none", NULL, NULL, NULL, false, false },
	{ STATE("redis://host"), "", "", NULL, "redis://host:6379/0", BUILT_FILE, NULL, NULL,
	    true, false },
	{ STATE("redis://u:" SECRET "@host:1/2"), "", "", NULL, "redis://host:1/2", BUILT_FILE,
	    "u", SECRET, true, false },
	{ STATE("redis+unix:/r"), "", "", NULL, "redis+unix:/r?db=0", BUILT_FILE, NULL, NULL,
	    true, false },
	{ STATE("redis://host\", \"state_prefix\": \"tinyscale"), "", "", NULL,
	    "redis://host:6379/0", BUILT_FILE, NULL, NULL, true, false },
	{ STATE("redis://host\", \"state_prefix\": \"other"), "", "", NULL,
	    "redis://host:6379/0", BUILT_FILE "-other", NULL, NULL, true, false },
	{ STATE("/tmp/a.db\", \"state_prefix\": \"other"), "", "", "/tmp/a.db", "/tmp/a.db",
	    "/tmp/a.db", NULL, NULL, false, false },
	{ STATE("redis+sentinel://:" SECRET "@a,b/x"), "", "", NULL,
	    "redis+sentinel://a:26379,b:26379/x/0", BUILT_FILE, NULL, SECRET, true, false },
	{ STATE("redis://u:" SECRET "@host"), "", " " SECRET "2\n", NULL, "redis://host:6379/0",
	    BUILT_FILE, "u", SECRET "2", true, false },
	{ STATE("redis://u@host"), "", SECRET "/@:%", NULL, "redis://host:6379/0", BUILT_FILE,
	    "u", SECRET "/@:%", true, false },
	{ STATE("redis://:" SECRET "@host"), "", " ", NULL, "redis://host:6379/0", BUILT_FILE,
	    NULL, SECRET, true, false },
	{ STATE("/tmp/a.db"), " redis://:" SECRET "@host\n", "", NULL, "redis://host:6379/0",
	    BUILT_FILE, NULL, SECRET, true, false },
	{ STATE("redis://:" SECRET "@host"), "redis://other", "", NULL, "redis://other:6379/0",
	    BUILT_FILE, NULL, NULL, true, false },
	{ STATE("redis://:" SECRET "@host"), "/tmp/b.db", "", "/tmp/b.db", "/tmp/b.db",
	    "/tmp/b.db", NULL, NULL, false, true },
	{ STATE("redis://:" SECRET "@host"), "none", SECRET, NULL, "none", NULL, NULL, NULL,
	    false, true },
};

static void
test_states(void)
{
	for (size_t i = 0; i < COUNT(states); i++) {
		setenv("TINYSCALE_STATE", states[i].of_environment, 1);
		setenv("TINYSCALE_STATE_PASSWORD", states[i].password_given, 1);
		struct config *c = load_good(states[i].of_file);
		const struct state_url *url = c->state_url;
		ok(!url == !states[i].is_engine, "  is there an engine");
		ok(config_has_state(c) == (states[i].state || states[i].is_engine),
		    "  is there a state");
		is_str(c->state, states[i].state, "  the path");
		is_str(c->state_text, states[i].text, "  how it is called");
		const char *at = states[i].files && c->state_files ?
		    strstr(c->state_files, states[i].files) :
		    NULL;
		if (states[i].files)
			is_str(at, states[i].files, "  files beside that path");
		else
			is_str(c->state_files, NULL, "  no files");
		is_str(url ? url->user : NULL, states[i].user, "  the user");
		is_str(url ? url->password : NULL, states[i].password, "  the password");
		is_int(c->is_engine_overruled, states[i].is_overruled, "  overruled");
		config_free(c);
	}
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
}

/* Without the library every engine is refused, and nothing else is. */
static void
test_no_redis(void)
{
	static const char *const files[] = { STATE("redis://:" SECRET "@host"),
		STATE("redis+unix:/r"), STATE("redis+sentinel://a/x") };
	char want[200];
	snprintf(want, sizeof(want),
	    "%s: state: this build has no Redis support: configure --with-redis\n", path);
	for (size_t i = 0; i < COUNT(files); i++) {
		write_file(files[i], strlen(files[i]));
		struct buf told;
		buf_init(&told, sizeof(problems));
		ok(!config_read(path, &told, false), "no engine without its library");
		is_str(told.data, want, "  and what to do");
		buf_free(&told);
		/* As this build is. */
		struct config *c = config_load(path, &told);
		ok(c || (told.data && strcmp(told.data, want) == 0), "  taken, or told");
		config_free(c);
		buf_free(&told);
	}

	setenv("TINYSCALE_STATE", "/tmp/b.db", 1);
	struct buf told;
	buf_init(&told, sizeof(problems));
	struct config *c = config_read(path, &told, false);
	ok(c && told.len == 0, "one that TINYSCALE_STATE overrules is not refused");
	config_free(c);
	buf_free(&told);
	unsetenv("TINYSCALE_STATE");
}

static void
test_files(void)
{
	ok(!load("/nowhere/servers.json"), "no file, no configuration");
	is_str(problems,
	    "/nowhere/servers.json: no such file; write it as "
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
		ok(strstr(problems, "cannot be read: Permission denied; the user"),
		    "unreadable");
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

	/* Of backslashes, which would take hours if each counted those before it. */
	memset(large, '\\', len);
	memcpy(large, "{\"a", 3);
	memcpy(large + len - 6, "\":1}\n", 6);
	c = load_bytes(large, len - 1);
	ok(!c && strstr(problems, "unknown key"), "4 MiB of backslashes are read");
	config_free(c);
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
	begin();
	test_defaults();
	test_every_key();
	test_environment();
	test_states();
	test_no_redis();
	test_files();
	return end();
}
