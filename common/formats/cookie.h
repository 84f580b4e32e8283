/*
 * Cookies (RFC 6265) that the gateway's own pages set: one by one, found in a browser's
 * header, and written.
 */
#ifndef COOKIE_H
#define COOKIE_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

/* The value of the cookie of that name in a Cookie header, or absent.  The last counts. */
struct str cookie_find(struct str cookies, const char *name);

/*
 * A Set-Cookie value, in the arena.  The cookie goes to the calls beside the one that sets
 * it only (section 5.1.4), for max_age_s; 0 removes it.  The page of a course may show ours
 * in a frame, where a browser keeps a cookie that says None and Partitioned, which needs
 * https.
 */
struct str cookie_make(struct arena *arena, bool https, const char *name, const char *value,
    int max_age_s);

#endif
