/*
 * Callbacks that verify: URLs of the gateway's own, given to a server in place of a
 * client's.
 *
 * A server signs what it calls back with its own secret, and clients verify it
 * with the one they know, the gateway's.  Where the two differ, the server is
 * given a URL of the gateway that carries the client's within it:
 *
 *   BASE/tinyscale/callback?kind=recording&server=b&url=https%3A%2F%2F…&mac=…
 *
 * The gateway verifies what comes there with that server's secrets, signs it with
 * its own, and posts it on (calls/callback.c).  mac is made with the gateway's
 * secret, so nothing need be remembered, every host of the gateway can serve it,
 * and nobody else can make the gateway post anything anywhere.
 *
 * A webhook's URL is also read where a server lists it, when the state has lost its base
 * (upkeep/webhooks.c).  So there the mac covers BASE, too: else a server could move the
 * webhooks of all others to where it likes.
 */
#ifndef CALLBACK_H
#define CALLBACK_H

#include <stdbool.h>

#include "base/str.h"
#include "config/config.h"
#include "formats/query.h"
#include "formats/request.h"
#include "model/server.h"

struct arena;

/* What stands between the gateway's base and the parameters in such a URL. */
#define CALLBACK_PATH "/tinyscale/callback?"

enum callback_kind {
	CALLBACK_RECORDING, /* a recording is ready: a form with a token, HS256 by BBB */
	CALLBACK_ANALYTICS, /* learning analytics: JSON, with a token, HS512 */
	CALLBACK_WEBHOOK,   /* an event of bbb-webhooks: a form, with a checksum */
	CALLBACK_KINDS      /* how many there are */
};

struct callback {
	enum callback_kind kind;
	struct str server;  /* the name of the server that will sign it */
	struct str url;     /* the client's own URL, http or https */
	const char *secret; /* the gateway's secret that its client knows */
	struct str base;    /* of a webhook's URL; of another's it is not looked at */
};

/* Must what this server signs be signed anew?  Not when clients know its secret, nor with
 * "callbacks": "pass".  Of several secrets clients must know all: which one the server
 * will sign with, days later, cannot be told now. */
bool callback_is_needed(const struct config *config, const struct server *server);

/*
 * The URL below which a server reaches the gateway's calls, without a slash at its
 * end: public_url, else made of the request's scheme and Host and of mount, the
 * path before its call's name.  X-Forwarded-Proto is not looked at, since anyone
 * may send it: behind a proxy that ends TLS, public_url must be set.  The absent
 * span when there is none.
 */
struct str callback_base(struct arena *arena, const struct config *config,
    const struct request *request, struct str mount);

/* Can this be called back: an http or https URL of at most LIMIT_CALLBACK_URL_BYTES,
 * UTF-8 without spaces and controls?  It need not be ASCII: neither bbb-webhooks nor
 * browsers insist on that (URL standard, section 4.5). */
bool callback_is_url(struct str url);

/* The URL as it is called: what is not ASCII behind its host stands as %XX.  The host
 * is left to libcurl, which knows its ASCII form.  NUL-terminated, in the arena. */
const char *callback_target(struct arena *arena, struct str url);

/* Which of CALLBACK_RECEIVERS a URL's host counts as, whatever its port, and in any case. */
size_t callback_receiver(struct str url);

/* The gateway's URL for that callback below base, its mac made with callback->secret.
 * callback->base is not looked at.  Equal arguments give equal URLs. */
struct str callback_url(struct arena *arena, struct str base, const struct callback *callback);

/*
 * Read such a URL's parameters, decoded, of a URL below base, and verify its mac with every
 * secret of the gateway; callback->secret is the one it was made with.  Returns 0, or -1
 * when it is none of this gateway's.
 */
int callback_read(struct arena *arena, const struct config *config, struct str base,
    const struct query *parameters, struct callback *callback);

/*
 * The query, or form, of a create as that server shall get it, whose client knows the
 * gateway's secret that is given: the values of
 * meta_bbb-recording-ready-url, meta_bn-recording-ready-url,
 * meta_canvas-recording-ready-url and meta_analytics-callback-url (in any case,
 * as BBB reads them) are replaced by the gateway's URLs.  Every other byte stays.
 * So do values that are no http or https URL.  meta_endCallbackUrl and
 * meetingEndedURL are not signed and need none of this.
 */
struct str callback_rewrite(struct arena *arena, const struct config *config,
    const char *secret, struct str base, const struct server *server, struct str text);

/*
 * The XML answer of a server as a client shall get it: each URL of the gateway's that
 * stands there in place of a client's, known by its form and its mac, is the client's own
 * again, escaped as it was.  Every other byte stays; without such a URL it is the same
 * span.  Where no server's callbacks are signed anew nothing is looked at, nor is what
 * comes after LIMIT_CALLBACKS_SHOWN.
 */
struct str callback_restore(struct arena *arena, const struct config *config, struct str xml);

#endif
