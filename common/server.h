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

#include "checksum.h"
#include "str.h"

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
	const char *base;   /* "https://bbb1.example.org/bigbluebutton/api", no
	                       slash at the end */
	const char *secret;
	enum checksum_algorithm algorithm; /* to sign what is sent there */
	double weight;      /* capacity relative to the others, above 0 */
	enum server_state state;
	const char *const *tags;
	size_t n_tags;
	long max_meetings;  /* -1: no limit */
	long max_users;     /* -1: no limit */
};

struct server_facts {
	enum server_health health;
	bool has_operator_state;
	enum server_state operator_state; /* with has_operator_state: wins over
	                                     the configuration's */
	long meetings;  /* meetings mapped to it */
	double turn;    /* its place in the rotation, see placement.h */
};

/* The state that counts: the operator's, else the configuration's. */
enum server_state server_state_of(const struct server *server,
	const struct server_facts *facts);

/* May anything be sent there?  (Not disabled and not down.) */
bool server_is_usable(const struct server *server, const struct server_facts *facts);

/* May a new meeting be placed there?  (Enabled and up.) */
bool server_takes_meetings(const struct server *server, const struct server_facts *facts);

/* "enabled", "cordoned", "disabled". */
const char *server_state_name(enum server_state state);
int server_state_find(struct str name, enum server_state *state);

#endif
