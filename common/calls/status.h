/*
 * What tinyscale/status tells: read once, then written as a page or as JSON.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "model/event.h"
#include "model/placement.h"
#include "model/server.h"
#include "model/trend.h"

/* How much a server needs somebody to look at it. */
enum status_level {
	STATUS_GOOD,
	STATUS_WANTED, /* it is out of use, as an operator or the configuration wants it */
	STATUS_DOUBT,  /* it is not used as the others are, and nobody wanted that */
	STATUS_BAD     /* it is down */
};

struct status_server {
	const struct server *server;
	const struct server_facts *facts;
	enum status_level level;
	enum server_state state;
	const char *health; /* "up", "suspect", "down", or "unknown": nobody polls it */
	double expected;    /* seats that are reserved now */
	double load;        /* people and those seats, by weight */
	int64_t contact_ms; /* when it last answered a poll; 0: never, or long ago */
	enum placement_reason reason; /* what a create without wishes would make of it now */
	bool takes_meetings;
	const char *problem; /* why it is not used as the others are, or NULL */
	const struct trend *trend;
};

struct status {
	struct call *call;
	int64_t now_ms;
	bool has_state;                /* can the state be read and written? */
	struct status_server *servers; /* in the configuration's order */
	size_t n;
	size_t n_used; /* of these: not disabled … */
	size_t n_up;   /* … and up */
	size_t n_taking;
	bool is_good;
	long meetings, users; /* on the servers that are used */
	double expected;
	const char *summary;  /* a sentence or two: what is wrong, if anything is */
	struct trend trend;   /* of those that are used, together */
	struct event *events; /* the last first */
	size_t n_events;
};

/* Answer with the page. */
void call_status_page(const struct status *status);

/* A length of time as people say it: "now", "12 s", "5 min", "2 h", "4 days". */
const char *call_status_age(const struct status *status, int64_t then_ms);

#endif
