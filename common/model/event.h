/*
 * What happened to a server: the changes of its state that an operator wants to know of
 * afterwards.  Pure.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/server.h"

/* How many are remembered, of all servers. */
#define EVENTS_MOST 20

/* In a state these are numbers: new ones come at the end. */
enum event_kind {
	EVENT_UP,
	EVENT_SUSPECT,
	EVENT_DOWN,
	EVENT_CREATES_FAIL, /* it is held back for that (server_create) */
	EVENT_CREATES_WORK, /* again */
	EVENT_ENABLED,      /* by an operator, as those below */
	EVENT_CORDONED,
	EVENT_DISABLED,
	EVENT_KINDS /* how many there are */
};

struct event {
	int64_t at_ms;
	const char *server; /* its name */
	enum event_kind kind;
};

/* Is what becomes of the server's facts an event?  Of several it is the first in the list
 * above.  server is borrowed. */
bool event_find(const struct server *server, const struct server_facts *before,
    const struct server_facts *after, const struct server_rules *rules, int64_t now_ms,
    struct event *event);

/* "up", "suspect", "down", "creates-fail", "creates-work", "enabled", "cordoned",
 * "disabled". */
const char *event_name(enum event_kind kind);

/* What follows the server's name in a sentence: "is down". */
const char *event_text(enum event_kind kind);

#endif
