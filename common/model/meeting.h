/*
 * Where a meeting lives: the record that maps a meetingID to its server.
 */
#ifndef MEETING_H
#define MEETING_H

#include <stdint.h>

#include "base/str.h"
#include "model/server.h"

struct meeting {
	const char *server;        /* the server's name, in the arena */
	int64_t claimed_ms;        /* when the record was made */
	struct server_facts facts; /* that server's health and operator's state;
	                              its meetings and turn are not filled in */
};

/*
 * Is the record too young to be doubted?  A create may still be under way:
 * the server need not know the meeting yet.
 */
bool meeting_is_fresh(const struct meeting *meeting, int64_t now_ms, int64_t create_timeout_ms);

/* Read a number of people as BBB writes it: from 1000 on it may read "1,234", or have
 * another separator (get-meetings.ftlx).  What is no number counts as none. */
long meeting_number(struct str text);

#endif
