/*
 * The hooks of one server's bbb-webhooks, in memory (src/db/redis/hooks.js
 * there).  Nothing here locks: the caller holds the sandbox's lock.
 */
#ifndef SANDBOX_HOOKS_H
#define SANDBOX_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "outgoing.h"

struct hook {
	unsigned id;
	char *callback_url;
	char *meeting_id; /* NULL: of all meetings */
	char *event_ids;  /* "meeting-created,user-joined", lower-cased; NULL: all */
	bool is_permanent;
	bool is_raw;
	struct hook *next;
};

/* Starts as all zeroes, but for first_id; in the order of ids. */
struct hooks {
	struct hook *first;
	unsigned first_id; /* ids count from here, so that servers' differ */
	unsigned made;
};

/*
 * Adds a hook, or finds the one of the same URL, of which the other values
 * stay as they are; *is_duplicate tells which.  Strings are copied; meeting_id
 * and event_ids may be NULL.  Returns it, borrowed.
 */
struct hook *hooks_add(struct hooks *hooks, const char *callback_url, const char *meeting_id,
    const char *event_ids, bool is_raw, bool *is_duplicate);

/* Finds the hook of that id, or NULL. */
struct hook *hooks_find(const struct hooks *hooks, unsigned id);

/* Removes a hook. */
void hooks_remove(struct hooks *hooks, struct hook *hook);

/* Removes all hooks.  No id is given a second time. */
void hooks_clear(struct hooks *hooks);

/* Something that happened.  All borrowed. */
struct hooks_event {
	const char *id; /* "meeting-created" */
	const char *meeting_id;
	const char *internal_meeting_id;
	const char *body; /* the event as JSON instead of a made one, or NULL */
};

/*
 * Appends a request for each hook that wants the event, as bbb-webhooks'
 * src/out/webhooks/callback-emitter.js sends it: a form of domain, event and
 * timestamp, with a checksum of hex_length digits over callbackURL + form +
 * secret in the query.  A raw hook gets the event in the shape of BBB's own
 * messages, and no event at all if it asked for some by name.
 */
void hooks_add_event(struct outgoing **list, const struct hooks *hooks,
    const struct hooks_event *event, const char *domain, const char *secret, size_t hex_length);

#endif
