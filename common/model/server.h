/*
 * One BigBlueButton server.
 *
 * struct server is what the configuration says of it and never changes while
 * that configuration lives; struct server_facts is what was learnt about it
 * and lives in the store.  An operator's state and health are separate facts:
 * neither changes the other.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "formats/checksum.h"
#include "model/parameters.h"

enum server_state {
	SERVER_ENABLED,
	SERVER_CORDONED, /* no new meetings, all else works */
	SERVER_DISABLED  /* nothing is sent there */
};

enum server_health {
	SERVER_UP,
	SERVER_SUSPECT, /* the last contact failed: no new meetings */
	SERVER_DOWN     /* its meetings count as unknown */
};

struct server {
	const char *name;
	const char *base;                  /* "https://bbb1.example.org/bigbluebutton/api", no
	                                      slash at the end */
	const char *secret;                /* the first of secrets */
	const char *const *secrets;        /* in the order in which they are tried */
	size_t n_secrets;                  /* at least one */
	enum checksum_algorithm algorithm; /* to sign what is sent there */
	double weight;                     /* capacity relative to the others, above 0 */
	enum server_state state;
	const char *const *tags;
	size_t n_tags;
	long max_meetings;                                   /* -1: no limit */
	long max_users;                                      /* -1: no limit */
	struct parameters create_defaults, create_overrides; /* applied after those */
	struct parameters join_defaults, join_overrides;     /* of all servers */
};

struct server_facts {
	enum server_health health;
	bool has_operator_state;
	enum server_state operator_state; /* with has_operator_state: wins over
	                                     the configuration's */
	int failures;         /* failed polls in a row, no good contact in between */
	int64_t failing_ms;   /* when the first of them was */
	int successes;        /* good polls in a row while it is not up */
	int64_t next_poll_ms; /* when it is to be polled next */
	int64_t since_ms;     /* since when it is in use: added, or back from being down;
	                         0: it was never polled */
	long users;           /* in all its meetings and breakout rooms, at the last poll */
	long voice;           /* of these, with a microphone */
	long videos;          /* cameras */
	long meetings;        /* meetings mapped to it */
	double reserved;      /* seats kept for people to come (load.h); filled in where a
	                         server is chosen, else 0 */
	double turn;          /* its place in the rotation, see placement.h */
};

/* The state that counts: the operator's, else the configuration's. */
enum server_state server_state_of(const struct server *server,
    const struct server_facts *facts);

/* By what rules a server's health moves; from the configuration. */
struct server_rules {
	int64_t down_after; /* failed polls in a row that make it down */
	int64_t up_after;   /* good ones in a row that make it up again */
	int64_t poll_interval_ms;
};

/*
 * What a contact with a server was.  Good: it answered with a BBB document; of a poll,
 * with one that says SUCCESS.  Failed: no connection, no answer in time, or an answer
 * that is none of BBB's.  What says nothing of the server (a call that was given up, or
 * never sent) is no contact, and is not told.
 */
enum contact { CONTACT_CALL_GOOD, CONTACT_CALL_FAILED, CONTACT_POLL_GOOD, CONTACT_POLL_FAILED };

/*
 * What one contact does to a server's health.
 *
 * Any failure makes a server that is up suspect, and lets the next poll come after a
 * quarter of the interval.  Only polls do more: down_after failed polls in a row make
 * it down, when the first and the last of them are at least (down_after - 1) intervals
 * apart; up_after good polls in a row make it up again.  So neither a burst of failed
 * calls nor a web server's reload takes a server down.  A good call between failed
 * polls shows that the server lives: the row begins anew.
 *
 * After each further failed poll the next one comes twice as late, up to six
 * intervals, spread by a tenth either way by nonce, so that a server that comes back is
 * soon noticed and one that is gone is not pestered; but never later than when the row
 * is long enough to decide.
 *
 * A row that began in the future began before the clock was set back, and begins now.
 * A server that was down and is up is in use since now.  Pure; the operator's state is
 * not touched.
 */
void server_contact(struct server_facts *facts, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce);

/* May anything be sent there?  (Not disabled and not down.) */
bool server_is_usable(const struct server *server, const struct server_facts *facts);

/* May a new meeting be placed there?  (Enabled and up.) */
bool server_takes_meetings(const struct server *server, const struct server_facts *facts);

/* "up", "suspect", "down". */
const char *server_health_name(enum server_health health);

/* "enabled", "cordoned", "disabled". */
const char *server_state_name(enum server_state state);
int server_state_find(struct str name, enum server_state *state);

#endif
