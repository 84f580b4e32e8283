/*
 * import: a servers.json from another balancer's list of servers.
 *
 * Three forms are taken.  What Scalelite's "rake servers:yaml" prints, and what its
 * servers:sync and servers:addAll read (server_sync.rb, servers.rake): a map or a list
 * under "servers".  A list of servers as the original tinyscale has it, which is JSON,
 * and so YAML as well.  And what "rake servers" prints for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#ifdef HAVE_LIBYAML
#include <yaml.h>
#endif

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "ctl.h"
#include "formats/url.h"
#include "text.h"

/* A server's weight in the configuration. */
#define WEIGHT_LEAST 0.001
#define WEIGHT_MOST 1000

/* Bytes of a secret that is made here. */
#define SECRET_BYTES 32

struct imported {
	struct str id, url, secret;
	struct str multiplier; /* Scalelite's: what a meeting there weighs */
	const char *state;     /* in the configuration's words, or NULL */
};

struct import {
	struct arena *arena;
	struct imported *list;
	size_t n, capacity;
	size_t n_left_out; /* keys that were not carried over */
};

static struct imported *
add(struct import *import)
{
	import->list = arena_room(import->arena, import->list, sizeof(*import->list), import->n,
	    1, &import->capacity);
	import->list[import->n] = (struct imported){ 0 };
	return &import->list[import->n++];
}

/* Take one key of a server; Ruby writes its symbols with a colon in front. */
static void
take_key(struct import *import, struct imported *server, struct str key, struct str value)
{
	if (key.len > 0 && key.data[0] == ':')
		key = str_part(key, 1, SIZE_MAX);
	if (str_is(key, "id"))
		server->id = value;
	else if (str_is(key, "url") || str_is(key, "host"))
		server->url = value;
	else if (str_is(key, "secret"))
		server->secret = value;
	else if (str_is(key, "load_multiplier") || str_is(key, "load multiplier"))
		server->multiplier = value;
	else if (str_is(key, "state") && str_is(value, "enabled"))
		server->state = server->state ?: "enabled";
	else if (str_is(key, "state") &&
	    (str_is(value, "cordoned") || str_is(value, "disabled")))
		server->state = str_copy(import->arena, value);
	else if (str_is(key, "enabled") && (str_is(value, "false") || str_is(value, "no")))
		/* servers:sync lets meetings that run there go on. */
		server->state = server->state && strcmp(server->state, "disabled") == 0 ?
		    "disabled" :
		    "cordoned";
	else if (!str_is(key, "enabled") && !str_is(key, "load") && !str_is(key, "online")) {
		import->n_left_out++;
		ctl_complain("not carried over: %.*s of server %zu", STR_ARG(key), import->n);
	}
}

/* ---- "rake servers" ------------------------- */

/* Does the text look like that?  "id: …", a line's end, a tab. */
static bool
is_listing(struct str text)
{
	return str_starts(str_trim(text), "id: ") &&
	    str_find(text, STR("\n\turl: "), 0) != SIZE_MAX;
}

static void
read_listing(struct import *import, struct str text)
{
	struct imported *server = NULL;

	while (text.len > 0) {
		size_t end = str_find(text, STR("\n"), 0);
		struct str line = str_trim(str_part(text, 0, end));
		size_t colon = str_find(line, STR(": "), 0);

		text = end == SIZE_MAX ? STR("") : str_part(text, end + 1, SIZE_MAX);
		if (str_starts(line, "id: "))
			server = add(import);
		if (!server || line.len == 0)
			continue;
		if (colon != SIZE_MAX)
			take_key(import, server, str_part(line, 0, colon),
			    str_trim(str_part(line, colon + 2, SIZE_MAX)));
		else if (str_is(line, "disabled") || str_is(line, "cordoned"))
			take_key(import, server, STR("state"), line);
	}
}

/* ---- YAML ------------------------- */

#ifdef HAVE_LIBYAML

/* The scalar's text, borrowed from the document; absent for anything else. */
static struct str
scalar(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return (struct str){ 0 };
	return (struct str){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

static void
take_server(struct import *import, yaml_document_t *document, struct str id,
    const yaml_node_t *node)
{
	struct imported *server = add(import);

	server->id = id;
	if (!node || node->type != YAML_MAPPING_NODE)
		return;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++)
		take_key(import, server, scalar(yaml_document_get_node(document, pair->key)),
		    scalar(yaml_document_get_node(document, pair->value)));
}

/* A list of servers, or a map of them by their ids. */
static void
take_servers(struct import *import, yaml_document_t *document, const yaml_node_t *node)
{
	if (node && node->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *item = node->data.sequence.items.start;
		     item < node->data.sequence.items.top && import->n < LIMIT_SERVERS; item++)
			take_server(import, document, (struct str){ 0 },
			    yaml_document_get_node(document, *item));
	} else if (node && node->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		     pair < node->data.mapping.pairs.top && import->n < LIMIT_SERVERS; pair++)
			take_server(import, document,
			    scalar(yaml_document_get_node(document, pair->key)),
			    yaml_document_get_node(document, pair->value));
	}
}

/* The value of "servers" in a map, or the node itself. */
static const yaml_node_t *
find_servers(yaml_document_t *document, const yaml_node_t *root)
{
	if (!root || root->type != YAML_MAPPING_NODE)
		return root;
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		struct str key = scalar(yaml_document_get_node(document, pair->key));

		if (str_is(key, "servers") || str_is(key, ":servers"))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

/* Texts of the list are copied: the document ends here. */
static void
keep(struct import *import)
{
	for (size_t i = 0; i < import->n; i++) {
		struct str *texts[] = { &import->list[i].id, &import->list[i].url,
			&import->list[i].secret, &import->list[i].multiplier };

		for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++)
			if (texts[k]->data)
				texts[k]->data = str_copy(import->arena, *texts[k]);
	}
}

static bool
read_yaml(struct import *import, struct str text)
{
	yaml_document_t document;
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
	bool is_read = yaml_parser_load(&parser, &document);
	if (is_read) {
		take_servers(import, &document,
		    find_servers(&document, yaml_document_get_root_node(&document)));
		keep(import);
		yaml_document_delete(&document);
	} else {
		ctl_complain("line %zu: %s", parser.problem_mark.line + 1,
		    parser.problem ?: "this is no YAML");
	}
	yaml_parser_delete(&parser);
	return is_read;
}

#else

static bool
read_yaml(struct import *import, struct str text)
{
	(void)import;
	(void)text;
	ctl_complain(
	    "this tinyscalectl was built without libyaml; it reads what \"rake "
	    "servers\" prints");
	return false;
}

#endif

/* ---- The configuration ------------------------- */

/* Ruby writes numbers of Scalelite's as "18:0.1e1" (BigDecimal).  The weight of a server
 * whose meetings weigh that much; 1 where it is no number. */
static double
weight_of(struct arena *arena, struct str multiplier)
{
	size_t colon = str_find(multiplier, STR(":"), 0);
	struct str number = colon == SIZE_MAX ?
	    multiplier :
	    str_part(multiplier, colon + 1, SIZE_MAX);
	double value = strtod(str_copy(arena, number), NULL);

	if (!(value > 0))
		return 1;
	value = 1 / value;
	return value < WEIGHT_LEAST ? WEIGHT_LEAST : value > WEIGHT_MOST ? WEIGHT_MOST : value;
}

/* Ids that Scalelite made say nothing to people: "8e3a…-…", 36 characters. */
static bool
is_made_up(struct str id)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (id.len != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (shape[i] == '-' ?
		        id.data[i] != '-' :
		        !strchr("0123456789abcdefABCDEF", id.data[i]))
			return false;
	return true;
}

/* Is there a server to make of it?  What is wrong is written. */
static bool
is_whole(struct import *import, struct imported *server, size_t at)
{
	struct url url;

	if (server->url.len == 0 && server->id.len > 0)
		server->url = str_from(str_printf(import->arena,
		    "https://%.*s/bigbluebutton/api", STR_ARG(server->id)));
	const char *problem = server->url.len == 0 ?
	    "it has no URL" :
	    server->secret.len == 0 ?
	    "it has no secret" :
	    url_parse(server->url, &url);
	if (problem)
		ctl_complain("server %zu is left out: %s", at + 1, problem);
	return !problem;
}

static void
write_server(struct import *import, const struct imported *server, struct buf *out)
{
	double weight = weight_of(import->arena, server->multiplier);

	buf_text(out, "        {\"host\": ");
	text_json(out, server->url);
	buf_text(out, ", \"secret\": ");
	text_json(out, server->secret);
	if (server->id.len > 0 && !is_made_up(server->id)) {
		buf_text(out, ", \"name\": ");
		text_json(out, server->id);
	}
	if (weight < 1 || weight > 1)
		buf_printf(out, ", \"weight\": %.4g", weight);
	if (server->state && strcmp(server->state, "enabled") != 0)
		buf_printf(out, ", \"state\": \"%s\"", server->state);
	buf_char(out, '}');
}

static int
write_config(struct import *import)
{
	unsigned char secret[SECRET_BYTES];
	size_t n = 0;
	struct buf out;

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
		ctl_complain("no random bytes for a secret: %m");
		return CTL_WRONG;
	}
	ctl_begin(&out);
	buf_text(&out, "{\n    \"secret\": \"");
	for (size_t i = 0; i < sizeof(secret); i++)
		buf_printf(&out, "%02x", secret[i]);
	buf_text(&out, "\",\n    \"servers\": [\n");
	for (size_t i = 0; i < import->n; i++) {
		if (!is_whole(import, &import->list[i], i))
			continue;
		buf_text(&out, n++ > 0 ? ",\n" : "");
		write_server(import, &import->list[i], &out);
	}
	buf_text(&out, "\n    ]\n}\n");
	if (n == 0) {
		buf_free(&out);
		ctl_complain(
		    "there is no server in that file; \"tinyscalectl help import\" tells "
		    "what is read");
		return CTL_WRONG;
	}
	ctl_write(&out);
	ctl_complain(
	    "%zu server%s; \"secret\" is new: put the old balancer's there "
	    "(Scalelite's LOADBALANCER_SECRET), and no client needs another",
	    n, n == 1 ? "" : "s");
	return n == import->n && import->n_left_out == 0 ? CTL_GOOD : CTL_WRONG;
}

/* ---- The command ------------------------- */

/* The whole file, "-" being stdin; false, which was written, where it cannot be read. */
static bool
read_file(const char *path, struct buf *text)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char piece[16384];
	size_t n;

	if (!file) {
		ctl_complain("%s cannot be read: %m", path);
		return false;
	}
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_add(text, piece, n);
	bool is_good = !ferror(file) && !buf_failed(text);
	if (!is_good)
		ctl_complain("%s cannot be read, or is larger than %zu bytes", path, text->max);
	if (file != stdin)
		fclose(file);
	return is_good;
}

int
command_import(struct ctl *ctl)
{
	struct import import = { .arena = ctl->arena };
	struct buf text;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (!read_file(ctl->words[0], &text)) {
		buf_free(&text);
		return CTL_WRONG;
	}
	struct str whole = buf_take(&text, ctl->arena);
	if (is_listing(whole))
		read_listing(&import, whole);
	else if (!read_yaml(&import, whole))
		return CTL_WRONG;
	return write_config(&import);
}
