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
	SERVER_SUSPECT, /* a contact failed: no new meetings where another is up */
	SERVER_DOWN     /* its meetings count as unknown */
};

/* The longest version of BBB that is kept, the final NUL included. */
#define SERVER_RELEASE_BYTES 24

struct server {
	const char *name;
	const char *base;                  /* "https://bbb1.example.org/bigbluebutton/api", no
	                                      slash at the end */
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
	int64_t max_joins_per_second;                        /* 0: as many as come */
};

/*
 * What was learnt about a server.  The store keeps it as a whole and gives each change
 * another version, by which a writer notices that another was faster.
 */
struct server_facts {
	uint64_t version; /* the store's; 0: it knows nothing of the server */

	enum server_health health;
	bool has_operator_state;
	enum server_state operator_state; /* with has_operator_state: wins over
	                                     the configuration's */

	int failures;         /* failed polls in a row, no good contact in between */
	int64_t failing_ms;   /* when the first of them was */
	int successes;        /* good polls in a row while it is not up */
	int64_t told_ms;      /* when a poll or a failed call last told of its health */
	int64_t polled_ms;    /* when it was polled last; 0: never */
	int64_t good_ms;      /* when a poll last read all of its list; 0: never */
	int64_t next_poll_ms; /* when it is to be polled next */
	int64_t since_ms;     /* since when it is in use: added, or back from being down;
	                         0: it was never polled */
	int64_t back_ms;      /* when it came back from being down; 0: it never was */

	int create_failures;    /* creates of different meetings that failed in a row */
	uint64_t create_failed; /* the meeting of the last of them (server_create) */
	int64_t held_ms;        /* until when it gets no new meetings for that */

	long users;      /* in all its meetings and breakout rooms, at the last poll */
	long meetings;   /* mapped to it at the last poll, and since then */
	double reserved; /* seats kept for people to come, as of reserved_ms (load.h) */
	int64_t reserved_ms;
	double turn; /* its place in the rotation, see placement.h */

	int secret_at; /* which of its secrets it took last */

	char release[SERVER_RELEASE_BYTES]; /* its version of BBB, "3.0.21"; "": not known */
	int64_t release_ms;                 /* when it was asked for that last; 0: never */
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
 * After a good poll the next one comes after the interval; after each further failed one
 * twice as late, up to five intervals, spread by a tenth either way by nonce, so that a
 * server that comes back is soon noticed and one that is gone is not pestered; but never
 * later than when the row is long enough to decide.
 *
 * A row that began in the future began before the clock was set back, and begins now.
 * A server that was down and is up is in use since now.  Returns whether anything
 * changed.  Pure; load and the operator's state are not touched.
 */
bool server_contact(struct server_facts *facts, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce);

/*
 * What the end of a create does.  One that made its meeting ends the row of those that
 * failed.  down_after failed creates of different meetings in a row (meeting is a hash
 * of the meetingID) hold the server back: no new meeting is placed there for a poll
 * interval, whatever its polls say; then the next one is a trial.  Returns whether
 * anything changed.  Pure.
 */
bool server_create(struct server_facts *facts, bool good, uint64_t meeting,
    const struct server_rules *rules, int64_t now_ms);

/* Do creates fail there, so that it is held back, or on trial? */
bool server_fails_creates(const struct server_facts *facts, const struct server_rules *rules);

/*
 * Is the server to be polled now?  When its time has come, or when the last poll, or the
 * last failed call, was in the future: then the clock was set back.
 */
bool server_is_due(const struct server_facts *facts, int64_t now_ms);

/* Is the server to be asked for its version of BBB?  Once an hour, and when it is back from
 * being down, which is what it looks like when it was updated. */
bool server_release_is_due(const struct server_facts *facts, int64_t now_ms);

/* Keep that version.  What is none, since it is too long or has other characters than a
 * version has, is not known. */
void server_release_set(struct server_facts *facts, struct str release, int64_t now_ms);

/* How long the facts are kept of a server that is no longer in any configuration. */
#define SERVER_KEEP_MS (INT64_C(30) * 86400 * 1000)

/* May the facts be forgotten?  For SERVER_KEEP_MS nobody polled the server, or meant to, called
 * it in vain, or placed a meeting there, so it is in nobody's configuration, or disabled
 * there; and what an operator has set is never forgotten. */
bool server_is_forgotten(const struct server_facts *facts, int64_t now_ms);

/* Was the server polled within the last six intervals, so that some process has it in its
 * configuration? */
bool server_is_polled(const struct server_facts *facts, const struct server_rules *rules,
    int64_t now_ms);

/*
 * Take what is known of a server for what it is worth now: health that was told more
 * than six intervals ago is not believed.  It counts as up, and what comes then begins
 * rows of its own.  As a server that is down is polled more often, that happens only where
 * nobody polls, or where what the polls find cannot be written.
 */
void server_believe(struct server_facts *facts, const struct server_rules *rules,
    int64_t now_ms);

/* May anything be sent there?  (Not disabled and not down.) */
bool server_is_usable(const struct server *server, const struct server_facts *facts);

/* Can a new meeting be placed there?  (Enabled and not down: a suspect server is the last
 * resort, but one.) */
bool server_takes_meetings(const struct server *server, const struct server_facts *facts);

/* "up", "suspect", "down". */
const char *server_health_name(enum server_health health);

/* "enabled", "cordoned", "disabled". */
const char *server_state_name(enum server_state state);
int server_state_find(struct str name, enum server_state *state);

#endif
