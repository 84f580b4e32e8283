/*
 * The URL of an engine that keeps the state for several hosts, Redis or Valkey, taken apart:
 *
 *	redis://[USER:PASSWORD@]HOST[:PORT][/DB]
 *	redis+unix:[//[USER:PASSWORD@]]/PATH[?db=DB]    a socket of this host
 *	redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/NAME[/DB]
 *
 * The syntax is that of RFC 3986; redis is registered at IANA (Provisional URI schemes), the
 * others are our own.  So is rediss, which is TLS: it is refused, as no adapter speaks TLS, and
 * a password would go in the clear.  The scheme's case does not matter.  In USER, PASSWORD,
 * PATH and NAME %xx is a byte, and "/", "?", "#", "@" and "%" in a USER or PASSWORD must be
 * written so.  Either of the two may be missing: ":PASSWORD@" is the password of the user
 * "default", "USER@" leaves the password to whoever else knows it.  An IPv6 address stands in
 * brackets.  DB is a number up to 1000000, else 0.
 */
#ifndef STATE_URL_H
#define STATE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct state_host {
	const char *name; /* in lower case; an IPv6 address in its shortest form, without
	                     the brackets */
	int port;         /* 6379 of an engine, 26379 of a sentinel, unless the URL says */
};

enum state_url_kind { STATE_URL_TCP, STATE_URL_UNIX, STATE_URL_SENTINEL };

struct state_url {
	enum state_url_kind kind;
	const char *user, *password; /* of the engine; NULL: none, also where the text is
	                                empty */
	struct state_host *hosts; /* of TCP the one; the sentinels, in the URL's order; … */
	size_t n_hosts;           /* … of UNIX none */
	const char *path;         /* of UNIX, from its "/"; fits into sun_path */
	const char *name;         /* of SENTINEL: which primary; never empty */
	int db;
};

/*
 * Does the text name an engine rather than a file?  It does when it begins with one of the
 * schemes above, or rediss, and its colon, and when "://" is in it: so a misspelt scheme is an
 * error and not the name of a file.
 */
bool state_url_is(struct str text);

/*
 * Take the text apart; all that url then points to is in the arena, and is UTF-8 or not as the
 * text has it.  Spaces, control characters, and NUL however it is written, are refused; so is
 * what is longer, or names more sentinels, than bounds.h allows.  Returns NULL, or what is
 * wrong and what to do, for people to read: a constant text, so nothing of the URL is in it.
 */
const char *state_url_parse(struct arena *arena, struct str text, struct state_url *url);

/*
 * How the engine is called in logs and complaints: the URL in one form, without user and
 * password, with every port and DB: "redis://host:6379/0", "redis+unix:/run/redis.sock?db=0",
 * "redis+sentinel://a:26379,b:26379/name/0".  In the arena.
 */
const char *state_url_text(struct arena *arena, const struct state_url *url);

#endif
