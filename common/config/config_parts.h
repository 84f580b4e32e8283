/*
 * What the parts of the configuration share; nobody else includes this.
 *
 * config.c reads the file and walks its tree.  Each key that it meets is looked up
 * in the tables of config_keys.c; the key's type names a reader of config_values.c,
 * which puts the value into struct config or struct server.  Whatever is wrong is
 * told to config_complain.c.  json-c is seen in these files only.
 */
#ifndef CONFIG_PARTS_H
#define CONFIG_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct config;
struct json_object;

/* More than any key has, so that a longer one has no nearest. */
#define CONFIG_KEY_BYTES 40

/* A key with an index behind it, "checksum_algorithms[1000]". */
#define CONFIG_ITEM_SIZE (CONFIG_KEY_BYTES + 24)

/* A server's name. */
#define CONFIG_NAME_BYTES 100

/* The algorithms, as the complaints and the manual name them. */
#define CONFIG_ALGORITHM_NAMES "sha1, sha256, sha384 or sha512"

/* A name from the file in a complaint, with its NUL. */
#define CONFIG_SHOWN_SIZE 65

/* One reading of a file. */
struct config_reading {
	const char *path;
	struct json_object *tree; /* all of the file, to know its secrets by */
	struct arena *arena;      /* the configuration's */
	struct config *config;
	bool has_redis; /* may the state be in such an engine? */
	struct buf *problems;
	size_t n_problems; /* in all … */
	size_t n_left_out; /* … and of these not in the buffer */
	char where[32];    /* what stands before each key: "servers[1].", or empty */
};

struct config_key;

/*
 * Reads one value into base, the struct config or struct server, at the key's offset.
 * A value that is refused is told by config_complain() and leaves the member as it is,
 * or in any state that can be freed: there will be no configuration then.
 */
typedef void config_reader(struct config_reading *reading, const struct config_key *key,
    struct json_object *value, void *base);

/* A word of the file and what it stands for. */
struct config_word {
	const char *word; /* NULL ends a list */
	int value;
};

/* What a value must be, and how it gets into the configuration. */
struct config_type {
	const char *expected; /* what it must be, "a path"; NULL where numbers or words
	                         tell: config_keys_describe() */
	enum {
		CONFIG_DEFAULT_TOLD, /* the key's default is for people to read */
		CONFIG_DEFAULT_WORD, /* it is the text of a JSON string */
		CONFIG_DEFAULT_JSON  /* it is JSON */
	} form;
	config_reader *read;
	const struct config_word *words; /* of config_values_word, else NULL */
	bool is_flag;                    /* the words' values go into a bool, else
	                                    into an enum */
};

struct config_key {
	const char *key;
	const struct config_type *type;
	size_t offset;    /* in struct config, or in struct server */
	int64_t min, max; /* of numbers; of others as their reader says */
	const char *def;  /* the default, in the type's form */
	const char *help; /* one line, no full stop */
};

/* ---- config.c: the file ----------------------------------------------------- */

/* As config_load; has_redis says whether this build can use an engine, without which one is
 * refused. */
struct config *config_read(const char *path, struct buf *problems, bool has_redis);

/* ---- config_keys.c: the tables -------------------------------------------- */

struct config_keys {
	const struct config_key *list; /* in the manual's order */
	size_t n;
};

/* The keys of the file's object, and of each server in it. */
extern const struct config_keys config_keys_top;
extern const struct config_keys config_keys_server;

/* The key of that name, or NULL. */
const struct config_key *config_keys_find(const struct config_keys *keys, const char *name);

/* Write what the key's value must be, as the manual says it: "a whole number from 1
 * to 10", "text or json".  A text of 80 bytes has room for any. */
void config_keys_describe(const struct config_key *key, char *text, size_t size);

/* ---- config_complain.c: what is wrong -------------------------------------- */

/*
 * Add a line to the problems: the file, the place of the key unless it is NULL, and
 * what is wrong.  The caller repeats no value: it may be a secret, or one that got
 * into the wrong place; config_complain_value() knows which it may.
 */
void config_complain(struct config_reading *reading, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Complain that the value is of another type than expected says. */
void config_complain_type(struct config_reading *reading, const char *key, const char *expected,
    struct json_object *value);

/*
 * Complain that the value is none of those that expected says, and name it: a number, or
 * a string that looks like a word and is none of the secrets that the file or the
 * environment has.
 */
void config_complain_value(struct config_reading *reading, const char *key,
    const char *expected, struct json_object *value);

/* Complain of a key that is none of these, naming the nearest that is one. */
void config_complain_unknown(struct config_reading *reading, const struct config_keys *keys,
    const char *unknown);

/* A name from the file, cut and fit for a line of text.  Returns text. */
const char *config_complain_shown(const char *name, char text[CONFIG_SHOWN_SIZE]);

/* ---- config_values.c: the readers ------------------------------------------ */

config_reader config_values_number;         /* int64_t, from min to max */
config_reader config_values_limit;          /* long; -1 by leaving the key out */
config_reader config_values_status;         /* int, either min or max */
config_reader config_values_weight;         /* double, up to max */
config_reader config_values_boolean;        /* bool */
config_reader config_values_word;           /* what the type says */
config_reader config_values_algorithm;      /* enum checksum_algorithm */
config_reader config_values_algorithms;     /* unsigned, a set of bits */
config_reader config_values_secret;         /* const char *, trimmed */
config_reader config_values_client_secret;  /* the configuration's secrets: one */
config_reader config_values_client_secrets; /* … several */
config_reader config_values_server_secret;  /* the server's secrets: one */
config_reader config_values_server_secrets; /* … several */
config_reader config_values_state;          /* the configuration's state or state_url */
config_reader config_values_prefix;         /* const char * */
config_reader config_values_ca_file;        /* const char * of a file that is there */
config_reader config_values_tags;           /* the server's tags */
config_reader config_values_parameters;     /* parameters; max not 0: null may remove */
config_reader config_values_host;           /* the server's base */
config_reader config_values_public_url;     /* const char * */
config_reader config_values_name;           /* const char * */
config_reader config_read_servers;          /* config.c: the list of servers */

/* Set the one secret of the gateway, which is in the configuration's arena. */
void config_values_set_client_secret(struct config_reading *reading, const char *secret);

/* Set what keeps the state: a path, a URL or "none".  key is what a complaint names. */
void config_values_set_state(struct config_reading *reading, const char *key, struct str text);

/* All that follows from what keeps the state, when that is set.  The password is the
 * engine's in place of its URL's, unless it is empty; without an engine it is ignored. */
void config_values_end_state(struct config_reading *reading, struct str password);

#endif
