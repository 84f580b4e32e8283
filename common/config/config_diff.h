/*
 * What differs between two configurations.
 */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include <stddef.h>

struct arena;
struct config;

enum config_change {
	CONFIG_CHANGED, /* a key has another value */
	CONFIG_ADDED,   /* a server is new … */
	CONFIG_REMOVED  /* … or gone */
};

struct config_difference {
	enum config_change change;
	const char *server; /* its name, or NULL: a key of the whole */
	const char *key;    /* NULL of a server as a whole */
	/* The values, for people; both NULL where they are not to be shown: secrets, the
	 * user and password of the state's engine, and parameters, among which may be
	 * passwords.  Of a server that is new or gone, its URL. */
	const char *before, *after;
};

/*
 * Compare what two configurations say, defaults included, so that a key that is written as
 * its default makes no difference.  Servers are known by their names, as in the state.
 * Returns how many differences there are; *list is in the arena, and borrows the names from
 * the configurations.
 */
size_t config_diff(const struct config *before, const struct config *after, struct arena *arena,
    struct config_difference **list);

#endif
