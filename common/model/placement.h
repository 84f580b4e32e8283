/*
 * Choose the server for a new meeting: pure, no I/O, no clock of its own.
 *
 * The choice gets the whole list with what is known of each server and what was
 * already tried, and leaves for each candidate a score and the reason it was
 * or was not taken.
 *
 * least-loaded  the lowest (users + reserved seats) / weight, the new meeting's
 *               seats counted along: a lecture is no small part of a small server,
 *               even of an empty one.  Ties rotate.  The reservations of a server
 *               that was just added or came back weigh more (load_slow_start), so
 *               that it is filled gently; but only beside servers that are in use
 *               for longer.
 * round-robin   the servers in turn, in proportion to their weights.
 * hash          weighted rendezvous hash of the meetingID: no state needed, and
 *               a server that leaves moves only its own meetings.
 *
 * Turns are stride scheduling: each choice puts the chosen server's turn
 * 1 / weight behind the turn it was chosen at, and the lowest turn is next.  A
 * server that was away does not catch up: its turn is lifted to the present.
 *
 * Tags narrow the list down first.  A create may ask for tags (meta_server-tag, the
 * parameter that Scalelite introduced): "a;b" or "a,b" is served by any server that
 * has one of them; "none" stands for servers without tags.  With "!" at the end
 * nothing else will do; without, servers without tags are the second choice.  Who
 * asks for nothing gets a server without tags, and one with tags only where all have
 * some.
 *
 * Servers that are suspect, or held back since creates fail there, are the last resort:
 * one of them is chosen only where nothing else is left.
 */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/server.h"

enum placement_policy { PLACEMENT_LEAST_LOADED, PLACEMENT_ROUND_ROBIN, PLACEMENT_HASH };

enum placement_reason {
	PLACEMENT_CHOSEN,
	PLACEMENT_BUSIER, /* eligible, but another scored better */
	PLACEMENT_NOT_ENABLED,
	PLACEMENT_NOT_UP,
	PLACEMENT_HELD,    /* creates fail there (server_create) */
	PLACEMENT_TRIED,   /* did not answer a moment ago */
	PLACEMENT_FULL,    /* max_meetings reached */
	PLACEMENT_CROWDED, /* max_users reached, with the seats reserved */
	PLACEMENT_TAGS     /* its tags do not fit */
};

struct placement_candidate {
	const struct server *server;
	struct server_facts facts;
	bool tried;
	/* Out. */
	double score; /* lower is better; 0 when not eligible */
	enum placement_reason reason;
};

struct placement {
	enum placement_policy policy;
	struct server_rules rules;
	struct str meeting_id;
	struct placement_candidate *candidates;
	size_t n;
	int64_t now_ms;
	struct str tags;  /* meta_server-tag's value, or absent */
	long seats_asked; /* maxParticipants, or 0 */
	long seats;       /* of the new meeting (load_seats); a claim fills it in */
};

/*
 * Fill in scores and reasons and return the chosen candidate, its facts.turn
 * moved on for the next choice, or NULL when no server can take the meeting.  One that
 * is on trial (server_create) is held back again until that create has ended well.
 */
struct placement_candidate *placement_choose(struct placement *placement);

/* Does the create insist on its tags ("a!")? */
bool placement_insists(const struct placement *placement);

/* "least-loaded", "round-robin", "hash". */
const char *placement_policy_name(enum placement_policy policy);

/* The reason in words, for logs. */
const char *placement_reason_text(enum placement_reason reason);

#endif
