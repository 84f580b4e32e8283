#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>
#include <json-c/json_visit.h>
#include <json-c/printbuf.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/built.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config_parts.h"

/* ---- The tree ----------------------------------------------------------------- */

static bool
has(struct json_object *object, const char *key)
{
	return json_object_object_get_ex(object, key, NULL);
}

static void
set_defaults(struct config_reading *reading, const struct config_keys *keys, void *base)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct config_key *key = &keys->list[i];
		if (key->type->form == CONFIG_DEFAULT_TOLD)
			continue;
		struct json_object *value = key->type->form == CONFIG_DEFAULT_WORD ?
		    json_object_new_string(key->def) :
		    json_tokener_parse(key->def);
		key->type->read(reading, key, value, base);
		json_object_put(value);
	}
}

static void
read_object(struct config_reading *reading, const struct config_keys *keys,
    struct json_object *object, void *base)
{
	json_object_object_foreach(object, given, value) {
		const struct config_key *key = config_keys_find(keys, given);
		if (key)
			key->type->read(reading, key, value, base);
		else
			config_complain_unknown(reading, keys, given);
	}
}

/* A server without a name has that of its host, with the port. */
static void
set_default_name(struct config_reading *reading, struct server *server)
{
	struct str authority = str_from(strstr(server->base, "://") + 3);
	authority.len = str_find(authority, STR("/"), 0);
	if (authority.len <= CONFIG_NAME_BYTES) {
		server->name = str_copy(reading->arena, authority);
		return;
	}
	char expected[80];
	config_keys_describe(config_keys_find(&config_keys_server, "name"), expected,
	    sizeof(expected));
	config_complain(reading, "name",
	    "missing, and the host name is too long for one; "
	    "expected %s",
	    expected);
}

static void
read_server(struct config_reading *reading, struct json_object *object, struct server *server)
{
	server->max_meetings = server->max_users = -1;
	set_defaults(reading, &config_keys_server, server);
	read_object(reading, &config_keys_server, object, server);
	if (!has(object, "host"))
		config_complain(reading, "host",
		    "missing: the server's URL, such as https://bbb1.example.org");
	if (has(object, "secret") && has(object, "secrets"))
		config_complain(reading, "secrets",
		    "\"secret\" is there too; leave one of them out");
	if (!has(object, "secret") && !has(object, "secrets"))
		config_complain(reading, "secret",
		    "missing: \"bbb-conf --secret\" prints it on the server");
	/* A host that was refused is no reason to talk of the name too. */
	if (server->base && !has(object, "name"))
		set_default_name(reading, server);
}

/* Was the server's name not given but made? */
static bool
has_default_name(struct json_object *list, size_t i)
{
	return !has(json_object_array_get_idx(list, i), "name");
}

static bool
is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Listed twice, a server would get twice its share and all its meetings would
 * be there twice. */
static void
check_twice(struct config_reading *reading, struct json_object *list, size_t i)
{
	const struct server *all = reading->config->servers, *server = &all[i];
	for (size_t j = 0; j < i; j++) {
		bool same_name = is_same(server->name, all[j].name);
		if (is_same(server->base, all[j].base))
			config_complain(reading, "host", "same server as servers[%zu]", j);
		else if (same_name && has_default_name(list, i) && has_default_name(list, j))
			config_complain(reading, "host",
			    "same server as servers[%zu]; "
			    "if it is another one, give it a \"name\"",
			    j);
		else if (same_name)
			config_complain(reading, "name", "servers[%zu] has this name", j);
		else
			continue;
		return;
	}
}

void
config_read_servers(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base)
{
	struct config *config = base;
	if (!json_object_is_type(value, json_type_array)) {
		config_complain_type(reading, key->key, key->type->expected, value);
		return;
	}
	size_t n = json_object_array_length(value);
	if (n == 0)
		config_complain(reading, key->key, "at least one server is needed");
	else if (n > LIMIT_SERVERS)
		config_complain(reading, key->key, "more than %d servers", LIMIT_SERVERS);
	if (n == 0 || n > LIMIT_SERVERS)
		return;
	config->servers = arena_alloc(reading->arena, n * sizeof(*config->servers));
	config->n_servers = n;
	for (size_t i = 0; i < n; i++) {
		struct json_object *object = json_object_array_get_idx(value, i);
		if (!json_object_is_type(object, json_type_object)) {
			char item[CONFIG_ITEM_SIZE];
			snprintf(item, sizeof(item), "servers[%zu]", i);
			config_complain_type(reading, item,
			    "an object with \"host\" and \"secret\"", object);
			continue;
		}
		snprintf(reading->where, sizeof(reading->where), "servers[%zu].", i);
		read_server(reading, object, &config->servers[i]);
		check_twice(reading, value, i);
		reading->where[0] = '\0';
	}
}

/* ---- The file and the environment ------------------------------------------- */

/* What the environment says, trimmed; absent if it says nothing. */
static struct str
environment(const char *variable)
{
	struct str text = str_trim(str_from(getenv(variable)));
	return text.len ? text : (struct str){ NULL, 0 };
}

/* Open the file, or complain and return -1. */
static int
open_file(struct config_reading *reading)
{
	int fd = open(reading->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		config_complain(reading, NULL,
		    "no such file; write it as "
		    "tinyscale-servers.json(5) shows, or name another with -c or "
		    "TINYSCALE_CONFIG");
	else if (errno == EACCES)
		config_complain(reading, NULL,
		    "cannot be read: %m; the user with the number "
		    "%ld must be able to read it and to enter its directories",
		    (long)geteuid());
	else
		config_complain(reading, NULL, "cannot be read: %m");
	return -1;
}

/* Read the file whole into text. */
static int
read_file(struct config_reading *reading, struct buf *text)
{
	int fd = open_file(reading), result = -1;
	if (fd < 0)
		return -1;
	struct stat facts = { 0 };
	char piece[16384];
	if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
		config_complain(reading, NULL, "is a directory; name the file in it");
		goto out;
	}
	/* It holds secrets, and is not to be moved. */
	if (S_ISREG(facts.st_mode) && facts.st_size < (off_t)LIMIT_CONFIG_BYTES)
		buf_reserve(text, (size_t)facts.st_size);
	while (!buf_failed(text)) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			config_complain(reading, NULL, "cannot be read: %m");
			goto out;
		}
		if (n == 0)
			break;
		buf_add(text, piece, (size_t)n);
	}
	if (buf_failed(text))
		config_complain(reading, NULL, "larger than %zu bytes", LIMIT_CONFIG_BYTES);
	else
		result = 0;
out:
	explicit_bzero(piece, sizeof(piece));
	close(fd);
	return result;
}

/* A problem with the text at an offset.  The text itself is not shown: secrets
 * are in it. */
static void
complain_at(struct config_reading *reading, struct str text, size_t offset, const char *problem)
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
	config_complain(reading, NULL, "line %zu, column %zu: %s", line, column, problem);
}

/*
 * Where a comma is wrong json-c tells the place of what follows, which may be lines below:
 * complain of the comma itself, and return true.
 */
static bool
is_comma_wrong(struct config_reading *reading, struct str text, size_t end,
    enum json_tokener_error error)
{
	size_t behind = end;
	while (behind > 0 && strchr(" \t\r\n", text.data[behind - 1]))
		behind--;
	char found = text.data[end];
	if (behind == 0)
		return false;
	if (text.data[behind - 1] == ',' && (found == '}' || found == ']'))
		complain_at(reading, text, behind - 1,
		    "a comma that nothing follows; take it out");
	else if (error == json_tokener_error_parse_array ||
	    error == json_tokener_error_parse_object_value_sep)
		complain_at(reading, text, behind, "a comma is missing here");
	else
		return false;
	return true;
}

/* Where the first byte is that begins no character of UTF-8; the text's length if none. */
static size_t
find_bad_utf8(struct str text)
{
	size_t at = 0;
	while (at < text.len) {
		size_t len = 1;
		while (len <= 4 && !str_is_utf8(str_part(text, at, len)))
			len++;
		if (len > 4)
			break;
		at += len;
	}
	return at;
}

/* How many bytes the character at that offset of sound UTF-8 has. */
static size_t
char_bytes(struct str text, size_t at)
{
	unsigned char first = (unsigned char)text.data[at];
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/*
 * Append the character at that offset as JSON escapes what is not ASCII (RFC 8259, 7). One
 * behind a backslash stays as it is, for the parser to refuse.
 */
static void
add_escaped(struct buf *out, struct str text, size_t at)
{
	size_t len = char_bytes(text, at), backslashes = 0;
	/* Only before those: or each of many backslashes would count all before it. */
	while (len > 1 && backslashes < at && text.data[at - 1 - backslashes] == '\\')
		backslashes++;
	if (len == 1 || backslashes % 2 == 1) {
		buf_add(out, text.data + at, len);
		return;
	}
	unsigned code = (unsigned char)text.data[at] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text.data[at + i] & 0x3fu);
	if (code < 0x10000)
		buf_printf(out, "\\u%04x", code);
	else
		buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
		    0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* Escape all of the text into out, or as much as it takes to get to the length until.
 * Returns how far into the text that is. */
static size_t
escape(struct str text, struct buf *out, size_t until)
{
	size_t at = 0;
	while (at < text.len && out->len < until) {
		add_escaped(out, text, at);
		at += char_bytes(text, at);
	}
	return at;
}

static int
wipe_string(json_object *value, int flags, json_object *parent, const char *key, size_t *index,
    void *context)
{
	(void)flags;
	(void)parent;
	(void)key;
	(void)index;
	(void)context;
	if (json_object_is_type(value, json_type_string))
		explicit_bzero((char *)(uintptr_t)json_object_get_string(value),
		    (size_t)json_object_get_string_len(value));
	return JSON_C_VISIT_RETURN_CONTINUE;
}

static void
wipe(struct json_object *tree)
{
	if (tree)
		json_c_visit(tree, 0, wipe_string, NULL);
}

/* Give up the tree, and leave none of its strings in memory. */
static void
put(struct json_object *tree)
{
	wipe(tree);
	json_object_put(tree);
}

/* The same of a parser, and of what it has not finished. */
static void
free_tokener(struct json_tokener *tokener, bool is_finished)
{
	for (int i = 0; i <= tokener->depth && !is_finished; i++)
		wipe(tokener->stack[i].current);
	explicit_bzero(tokener->pb->buf, (size_t)tokener->pb->size);
	json_tokener_free(tokener);
}

/*
 * Parse sound UTF-8; *end is where in the text the parser stopped. It is given ASCII, since
 * json-c 0.18, which Debian 13 has, is strict about all else: it takes the bytes, which are
 * negative, for control characters.
 */
static enum json_tokener_error
parse_text(struct str text, struct json_object **tree, size_t *end)
{
	struct buf ascii, again;
	buf_init(&ascii, 6 * LIMIT_CONFIG_BYTES);
	buf_init(&again, 6 * LIMIT_CONFIG_BYTES);
	/* Whatever holds secrets has its room beforehand and is overwritten, as nothing that
	 * grows leaves none behind. */
	buf_reserve(&ascii, 6 * text.len);
	buf_reserve(&again, 6 * text.len);
	escape(text, &ascii, SIZE_MAX);

	struct json_tokener *tokener = json_tokener_new_ex(JSON_TOKENER_DEFAULT_DEPTH);
	if (!tokener || printbuf_memset(tokener->pb, -1, 0, (int)ascii.len) != 0)
		mem_die();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* With the NUL that ends the buffer, or a number would never end. */
	*tree = json_tokener_parse_ex(tokener, ascii.data, (int)ascii.len + 1);
	enum json_tokener_error error = json_tokener_get_error(tokener);
	*end = escape(text, &again, json_tokener_get_parse_end(tokener));
	free_tokener(tokener, error == json_tokener_success);
	buf_wipe(&ascii);
	buf_wipe(&again);
	return error;
}

/* Parse the whole text; the caller puts the tree. */
static int
parse(struct config_reading *reading, struct str text, struct json_object **tree)
{
	/* Windows' editors put a byte order mark in front. */
	if (str_starts(text, "\xef\xbb\xbf"))
		text = str_part(text, 3, SIZE_MAX);
	if (str_trim(text).len == 0) {
		config_complain(reading, NULL,
		    "is empty; expected what tinyscale-servers.json(5) shows");
		return -1;
	}
	/* A NUL would end the text for json-c. */
	const char *nul = memchr(text.data, '\0', text.len);
	if (nul) {
		complain_at(reading, text, (size_t)(nul - text.data),
		    "a NUL byte: this is no text");
		return -1;
	}

	size_t bad = find_bad_utf8(text);
	if (bad < text.len) {
		complain_at(reading, text, bad, "invalid utf-8 string");
		return -1;
	}

	size_t end;
	enum json_tokener_error error = parse_text(text, tree, &end);
	if (error == json_tokener_success && str_trim(str_part(text, end, SIZE_MAX)).len == 0)
		return 0;
	if (error == json_tokener_success)
		complain_at(reading, text, end, "something follows the end");
	else if (error == json_tokener_continue || error == json_tokener_error_parse_eof ||
	    end >= text.len)
		complain_at(reading, text, text.len,
		    "the file ends too early: a quote or bracket is open");
	else if (!is_comma_wrong(reading, text, end, error))
		complain_at(reading, text, end, json_tokener_error_desc(error));
	return -1;
}

/* Read what is an object; is there another secret than those in it? */
static void
read_top(struct config_reading *reading, struct json_object *tree, bool has_other_secret)
{
	bool one = has(tree, "secret"), several = has(tree, "secrets");
	read_object(reading, &config_keys_top, tree, reading->config);
	if (one && several)
		config_complain(reading, "secrets",
		    "\"secret\" is there too; leave one of them out");
	if (!has(tree, "servers"))
		config_complain(reading, "servers", "at least one server is needed");
	if (!one && !several && !has_other_secret)
		config_complain(reading, NULL,
		    "no secret: set \"secret\" in %s or TINYSCALE_SECRET", reading->path);
}

static void
read_tree(struct config_reading *reading, struct json_object *tree)
{
	struct config *config = reading->config;
	reading->tree = tree;
	struct str secret_given = environment("TINYSCALE_SECRET");
	struct str state_given = environment("TINYSCALE_STATE");
	struct str password_given = environment("TINYSCALE_STATE_PASSWORD");

	set_defaults(reading, &config_keys_top, config);
	if (json_object_is_type(tree, json_type_array)) {
		config_read_servers(reading, config_keys_find(&config_keys_top, "servers"),
		    tree, config);
		if (!secret_given.len)
			config_complain(reading, NULL,
			    "no secret: set TINYSCALE_SECRET, "
			    "or in %s write {\"secret\": ..., \"servers\": [...]}",
			    reading->path);
	} else if (json_object_is_type(tree, json_type_object)) {
		read_top(reading, tree, secret_given.len > 0);
	} else {
		config_complain_type(reading, "the file", "an object or a list of servers",
		    tree);
		return;
	}
	if (secret_given.len)
		config_values_set_client_secret(reading,
		    str_copy(reading->arena, secret_given));
	bool names_engine = config->state_url;
	if (state_given.len)
		config_values_set_state(reading, "TINYSCALE_STATE", state_given);
	config->is_engine_overruled = names_engine && !config->state_url;
	config_values_end_state(reading, password_given);
}

const char *
config_path(const char *path)
{
	const char *given = getenv("TINYSCALE_CONFIG");
	if (path)
		return path;
	return given && given[0] ? given : BUILT_CONFIG;
}

static void
set_runtime(struct config *config)
{
	struct config_runtime *runtime = arena_alloc(config->arena, sizeof(*runtime));
	runtime->secret_at = arena_alloc(config->arena,
	    config->n_servers * sizeof(*runtime->secret_at));
	for (size_t i = 0; i < config->n_servers; i++)
		atomic_init(&runtime->secret_at[i], 0);
	runtime->known_lists = arena_alloc(config->arena,
	    config->n_servers * sizeof(*runtime->known_lists));
	bucket_init(&runtime->lookups);
	shortage_init(&runtime->shortage);
	atomic_init(&runtime->callbacks, 0);
	for (size_t i = 0; i < CALLBACK_RECEIVERS; i++)
		atomic_init(&runtime->callbacks_to[i], 0);
	crowd_init(&runtime->claims);
	crowds_init(&runtime->questions);
	crowds_init(&runtime->meeting_questions);
	config->runtime = runtime;
}

struct config *
config_load(const char *path, struct buf *problems)
{
#if HAVE_REDIS
	return config_read(path, problems, true);
#else
	return config_read(path, problems, false);
#endif
}

struct config *
config_read(const char *path, struct buf *problems, bool has_redis)
{
	struct arena *arena = arena_new();
	struct config_reading reading = {
		.path = config_path(path),
		.arena = arena,
		.config = arena_alloc(arena, sizeof(struct config)),
		.has_redis = has_redis,
		.problems = problems,
	};
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	reading.config->arena = arena;

	struct json_object *tree = NULL;
	if (read_file(&reading, &text) == 0 && parse(&reading, buf_view(&text), &tree) == 0)
		read_tree(&reading, tree);
	if (reading.n_left_out)
		buf_printf(problems, "%s: and %zu more\n", reading.path, reading.n_left_out);

	put(tree);
	buf_wipe(&text);
	mem_wipe_stack();
	if (reading.n_problems == 0) {
		set_runtime(reading.config);
		return reading.config;
	}
	config_free(reading.config);
	return NULL;
}

/* Is a list of servers in the tree, and one that is not empty?  What is no list at all is
 * a problem for config_load. */
static bool
lists_servers(struct json_object *tree)
{
	struct json_object *servers = tree;
	if (json_object_is_type(tree, json_type_object) &&
	    !json_object_object_get_ex(tree, "servers", &servers))
		return false;
	return !json_object_is_type(servers, json_type_array) ||
	    json_object_array_length(servers) > 0;
}

bool
config_names_servers(const char *path)
{
	struct buf text, problems;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	buf_init(&problems, LIMIT_CONFIG_BYTES);
	struct config_reading reading = { .path = config_path(path), .problems = &problems };
	struct json_object *tree = NULL;
	bool names = true;
	if (access(reading.path, F_OK) != 0 && errno == ENOENT)
		names = false;
	else if (read_file(&reading, &text) == 0 &&
	    parse(&reading, buf_view(&text), &tree) == 0)
		names = lists_servers(tree);
	put(tree);
	buf_free(&problems);
	buf_wipe(&text);
	mem_wipe_stack();
	return names;
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; config->runtime && i < config->n_servers; i++)
		known_list_forget(&config->runtime->known_lists[i]);
	arena_wipe(config->arena); /* config is in it, and so are secrets */
}

bool
config_has_state(const struct config *config)
{
	return config->state || config->state_url;
}

const struct server *
config_server_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_servers; i++)
		if (strcmp(config->servers[i].name, name) == 0)
			return &config->servers[i];
	return NULL;
}
