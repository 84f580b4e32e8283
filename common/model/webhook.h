/*
 * A webhook: a URL to which bbb-webhooks on the servers posts events, as the client
 * registered it with hooks/create.
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* 36 characters and the NUL. */
#define WEBHOOK_ID_SIZE 37

struct webhook {
	char id[WEBHOOK_ID_SIZE];
	struct str url;        /* the client's callbackURL */
	struct str meeting_id; /* empty: of all meetings */
	struct str event_id;   /* the events wanted, empty: all */
	bool raw;              /* events as they are inside BBB? */
	struct str base;       /* the gateway's URL as it was registered through
	                          (callback_base), or empty */
	bool is_dropped;       /* to be taken off servers that have it */
	int64_t changed_ms;    /* when it was put or dropped */
};

/*
 * The hookID of a callbackURL.  bbb-webhooks gives each hook a UUID of its own, and
 * knows one hook by URL; the gateway's is the same on all servers and at all times:
 * the UUID made from the URL by RFC 9562, section 5.5 (SHA-1, the name space of
 * URLs).
 */
void webhook_id(struct str url, char id[WEBHOOK_ID_SIZE]);

#endif
