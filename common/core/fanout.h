/*
 * One question to several servers at once: the calls are added, all run in
 * parallel under one deadline, and each answer is judged (relay.h).
 */
#ifndef FANOUT_H
#define FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/relay.h"
#include "ports/http.h"

struct fanout {
	struct call *call;
	const struct server **servers; /* who is asked, n of them … */
	struct http_call *calls;       /* … with what … */
	struct relay_answer *answers;  /* … and what they answered, after fanout_run */
	size_t n;
	enum relay_origin origin;    /* whose question it is: RELAY_OWN, unless the
	                                caller says otherwise before fanout_run */
	const struct xml_list *list; /* what to read from each answer, or NULL; each
	                                has its own copy in answers[i].list */
	/* Private. */
	const char *name;
	bool (*enough)(const struct relay_answer *answer, void *call);
	bool is_enough;
	bool *judged, *refused;  /* refused: to be signed and run again */
	struct http_call *round; /* the calls under way … */
	size_t *place;           /* … and where in calls each belongs */
};

/* Begin with nobody; at most `most` calls can be added. */
void fanout_init(struct fanout *fanout, struct call *call, size_t most);

/* Add a server.  The caller fills in the call that is returned. */
struct http_call *fanout_add(struct fanout *fanout, const struct server *server);

/* Add all servers of the configuration that are usable by their facts (health_facts),
 * asked what the client asks (relay_prepare). */
void fanout_add_usable(struct fanout *fanout, const struct server_facts *facts);

/*
 * Run the calls, which are questions of that name, for at most timeout_ms in all,
 * and judge each: while the slower servers still work, the answers of the quicker
 * ones are read.  enough is NULL, or as in http.h, but for an answer that is judged, and
 * with the call as its context.
 *
 * Calls whose checksum a server refuses are run again, in a further round, while it
 * has another secret and there is time.
 */
void fanout_run(struct fanout *fanout, const char *name, int64_t timeout_ms,
    bool (*enough)(const struct relay_answer *answer, void *call));

#endif
