/*
 * The configuration's file (config.h): the input is one.
 */
#include <ctype.h>
#include <json-c/json.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/buf.h"
#include "config/config.h"
#include "config/config_diff.h"
#include "config/config_parts.h"
#include "fuzz.h"

/* A word that no complaint would use by itself. */
#define SECRET_LEAST 12

static bool
is_odd_word(struct str text)
{
	bool has_digit = false;

	for (size_t i = 0; i < text.len; i++) {
		if (!isalnum((unsigned char)text.data[i]))
			return false;
		has_digit |= isdigit((unsigned char)text.data[i]) != 0;
	}
	return has_digit && text.len >= SECRET_LEAST;
}

/* A secret that stands in the file once, and in no other's place, is in no complaint. */
static void
check_secret(struct str file, struct str problems, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return;
	const struct str secret = { json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
	const size_t at = str_find(file, secret, 0);
	if (!is_odd_word(secret) || at == SIZE_MAX ||
	    str_find(file, secret, at + 1) != SIZE_MAX)
		return;
	fuzz_must(str_find(problems, secret, 0) == SIZE_MAX);
}

/* Each value of a key that is meant for a secret, at whatever level. */
static void
check_secrets(struct str file, struct str problems, struct json_object *tree)
{
	if (json_object_is_type(tree, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(tree); i++)
			check_secrets(file, problems, json_object_array_get_idx(tree, i));
		return;
	}
	if (!json_object_is_type(tree, json_type_object))
		return;
	json_object_object_foreach(tree, key, value) {
		check_secrets(file, problems, value);
		if (strcmp(key, "secret") == 0 || strcmp(key, "admin_secret") == 0)
			check_secret(file, problems, value);
		for (size_t i = 0; strcmp(key, "secrets") == 0 &&
		     json_object_is_type(value, json_type_array) &&
		     i < json_object_array_length(value);
		     i++)
			check_secret(file, problems, json_object_array_get_idx(value, i));
	}
}

/* A line for each problem, which names the file, and no other control in it. */
static void
check_problems(const char *path, struct str file, struct str problems)
{
	fuzz_must(problems.len > 0 && problems.data[problems.len - 1] == '\n');
	fuzz_must(str_is_utf8(problems));
	for (size_t at = 0; at < problems.len;) {
		const size_t end = str_find(problems, STR("\n"), at);

		fuzz_must(str_starts(str_part(problems, at, end - at), path));
		for (; at < end; at++)
			fuzz_must((unsigned char)problems.data[at] >= 0x20);
		at++;
	}
	struct json_object *tree = json_tokener_parse(str_is_utf8(file) ? file.data : "");
	check_secrets(file, problems, tree);
	json_object_put(tree);
}

/* What was taken is within its bounds, and the same when it is read anew. */
static void
check_config(struct arena *arena, const struct config *config, const char *path)
{
	struct buf problems;
	struct config_difference *differences;

	fuzz_must(config->n_servers > 0 && config->n_servers <= LIMIT_SERVERS);
	fuzz_must(config->n_secrets > 0 && config_names_servers(path));
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];

		fuzz_must(server->name[0] != '\0' && server->n_secrets > 0);
		fuzz_must(server->n_secrets <= LIMIT_SERVER_SECRETS);
		fuzz_must(config_server_find(config, server->name) == server);
		fuzz_must(strncmp(server->base, "http", 4) == 0);
	}
	fuzz_must(config_has_state(config) == (config->state_files != NULL));
	buf_init(&problems, LIMIT_CONFIG_BYTES);
	struct config *again = config_load(path, &problems);
	fuzz_must(again && problems.len == 0);
	fuzz_must(config_diff(config, again, arena, &differences) == 0);
	config_free(again);
	buf_free(&problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int file = memfd_create("fuzz", MFD_CLOEXEC);
	struct arena *arena = arena_new();
	struct buf problems;

	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	const char *path = str_printf(arena, "/proc/self/fd/%d", file);
	buf_init(&problems, LIMIT_CONFIG_BYTES);
	struct config *config = config_read(path, &problems, size % 8 != 0);
	fuzz_must((config == NULL) == (problems.len > 0));
	if (config)
		check_config(arena, config, path);
	else
		check_problems(path, str_from(str_copy(arena, fuzz_text(arena, data, size))),
		    buf_view(&problems));
	config_free(config);
	buf_free(&problems);
	arena_free(arena);
	close(file);
	return 0;
}
