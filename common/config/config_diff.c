#include "config/config_diff.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "config/config.h"
#include "config/config_parts.h"
#include "formats/state_url.h"

/* ---- Values as text ------------------------------------------------------------- */

#define MEMBER(type) (*(__typeof__(type) const *)((const char *)base + key->offset))

static void
show_number(struct buf *out, const struct config_key *key, const void *base)
{
	buf_printf(out, "%" PRId64, MEMBER(int64_t));
}

static void
show_limit(struct buf *out, const struct config_key *key, const void *base)
{
	if (MEMBER(long) < 0)
		buf_text(out, "none");
	else
		buf_printf(out, "%ld", MEMBER(long));
}

static void
show_status(struct buf *out, const struct config_key *key, const void *base)
{
	buf_printf(out, "%d", MEMBER(int));
}

static void
show_weight(struct buf *out, const struct config_key *key, const void *base)
{
	buf_printf(out, "%.6g", MEMBER(double));
}

static void
show_boolean(struct buf *out, const struct config_key *key, const void *base)
{
	buf_text(out, MEMBER(bool) ? "true" : "false");
}

static void
show_word(struct buf *out, const struct config_key *key, const void *base)
{
	/* As config_values_word has put it there. */
	int value = key->type->is_flag ? MEMBER(bool) : (int)MEMBER(unsigned);

	for (const struct config_word *word = key->type->words; word->word; word++)
		if (word->value == value)
			buf_text(out, word->word);
}

static void
show_algorithm(struct buf *out, const struct config_key *key, const void *base)
{
	buf_text(out, checksum_algorithm_name(MEMBER(enum checksum_algorithm)));
}

static void
show_algorithms(struct buf *out, const struct config_key *key, const void *base)
{
	for (unsigned i = 0; i < CHECKSUM_ALGORITHMS; i++)
		if (MEMBER(unsigned) & (1u << i))
			buf_printf(out, "%s%s", out->len > 0 ? "," : "",
			    checksum_algorithm_name((enum checksum_algorithm)i));
}

static void
show_text(struct buf *out, const struct config_key *key, const void *base)
{
	buf_text(out, MEMBER(const char *) ?: "none");
}

static void
show_state(struct buf *out, const struct config_key *key, const void *base)
{
	const struct config *config = base;

	(void)key;
	buf_text(out, config->state_text);
}

/* What state_text leaves out. */
static void
hide_state(struct buf *out, const struct config_key *key, const void *base)
{
	const struct state_url *url = ((const struct config *)base)->state_url;

	(void)key;
	if (url)
		buf_printf(out, "%s\n%s", url->user ?: "", url->password ?: "");
}

static void
show_list(struct buf *out, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i > 0 ? "," : "", list[i]);
}

static void
show_tags(struct buf *out, const struct config_key *key, const void *base)
{
	const struct server *server = base;

	(void)key;
	if (server->n_tags == 0)
		buf_text(out, "none");
	show_list(out, server->tags, server->n_tags);
}

static void
hide_client_secrets(struct buf *out, const struct config_key *key, const void *base)
{
	const struct config *config = base;

	(void)key;
	show_list(out, (const char *const *)config->secrets, config->n_secrets);
}

static void
hide_server_secrets(struct buf *out, const struct config_key *key, const void *base)
{
	const struct server *server = base;

	(void)key;
	show_list(out, server->secrets, server->n_secrets);
}

static void
hide_parameters(struct buf *out, const struct config_key *key, const void *base)
{
	const struct parameters *parameters = &MEMBER(struct parameters);

	for (size_t i = 0; i < parameters->n; i++) {
		buf_text(out, parameters->list[i].name);
		/* No value can look like one that is removed. */
		buf_printf(out, parameters->list[i].value ? "=%s\n" : "\n",
		    parameters->list[i].value);
	}
}

typedef void writer(struct buf *out, const struct config_key *key, const void *base);

/* How a value is shown is told by what reads it. */
static const struct shower {
	config_reader *read;
	writer *show; /* what may be shown, or NULL */
	writer *hide; /* what is compared only, or NULL */
} showers[] = {
	{ config_values_number, show_number, NULL },
	{ config_values_limit, show_limit, NULL },
	{ config_values_status, show_status, NULL },
	{ config_values_weight, show_weight, NULL },
	{ config_values_boolean, show_boolean, NULL },
	{ config_values_word, show_word, NULL },
	{ config_values_algorithm, show_algorithm, NULL },
	{ config_values_algorithms, show_algorithms, NULL },
	{ config_values_secret, NULL, show_text },
	{ config_values_client_secret, NULL, hide_client_secrets },
	{ config_values_server_secret, NULL, hide_server_secrets },
	{ config_values_state, show_state, hide_state },
	{ config_values_prefix, show_text, NULL },
	{ config_values_ca_file, show_text, NULL },
	{ config_values_tags, show_tags, NULL },
	{ config_values_parameters, NULL, hide_parameters },
	{ config_values_host, show_text, NULL },
	{ config_values_public_url, show_text, NULL },
	{ config_values_name, show_text, NULL },
};

/* NULL for what is told elsewhere: "secrets" is "secret", and the list of servers. */
static const struct shower *
shower_of(const struct config_key *key)
{
	for (size_t i = 0; i < sizeof(showers) / sizeof(*showers); i++)
		if (showers[i].read == key->type->read)
			return &showers[i];
	return NULL;
}

/* ---- Comparing --------------------------------------------------------------------- */

struct comparison {
	struct arena *arena;
	struct config_difference *list;
	size_t n, capacity;
};

static void
add(struct comparison *comparison, const struct config_difference *difference)
{
	comparison->list = arena_room(comparison->arena, comparison->list,
	    sizeof(*comparison->list), comparison->n, 1, &comparison->capacity);
	comparison->list[comparison->n++] = *difference;
}

/* What it writes, or nothing where it is NULL. */
static const char *
written(struct arena *arena, writer *write, const struct config_key *key, const void *base)
{
	struct buf text;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (write)
		write(&text, key, base);
	return buf_take(&text, arena).data;
}

/* Compare two configurations, or two servers, by their keys. */
static void
compare(struct comparison *comparison, const struct config_keys *keys, const char *server,
    const void *before, const void *after)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct config_key *key = &keys->list[i];
		const struct shower *shower = shower_of(key);

		if (!shower)
			continue;
		struct arena *arena = comparison->arena;
		const char *was = written(arena, shower->show, key, before);
		const char *is = written(arena, shower->show, key, after);
		bool is_hidden = strcmp(was, is) == 0;
		if (is_hidden &&
		    strcmp(written(arena, shower->hide, key, before),
		        written(arena, shower->hide, key, after)) == 0)
			continue;
		add(comparison,
		    &(struct config_difference){
		        .change = CONFIG_CHANGED,
		        .server = server,
		        .key = key->key,
		        .before = is_hidden ? NULL : was,
		        .after = is_hidden ? NULL : is,
		    });
	}
}

size_t
config_diff(const struct config *before, const struct config *after, struct arena *arena,
    struct config_difference **list)
{
	struct comparison comparison = { .arena = arena };

	compare(&comparison, &config_keys_top, NULL, before, after);
	for (size_t i = 0; i < before->n_servers; i++) {
		const struct server *was = &before->servers[i];
		const struct server *is = config_server_find(after, was->name);

		if (is)
			compare(&comparison, &config_keys_server, was->name, was, is);
		else
			add(&comparison,
			    &(struct config_difference){
			        .change = CONFIG_REMOVED,
			        .server = was->name,
			        .before = was->base,
			    });
	}
	for (size_t i = 0; i < after->n_servers; i++) {
		const struct server *is = &after->servers[i];

		if (!config_server_find(before, is->name))
			add(&comparison,
			    &(struct config_difference){
			        .change = CONFIG_ADDED,
			        .server = is->name,
			        .after = is->base,
			    });
	}
	*list = comparison.list;
	return comparison.n;
}
