/*
 * What is known of the servers: read once a request, and told what each contact was.
 */
#ifndef HEALTH_H
#define HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "model/server.h"

/* The configuration's rules for a server's health. */
struct server_rules health_rules(const struct config *config);

/*
 * What is known of all servers of the configuration, in its order: read from the state at
 * the first call, then the same for the whole request.  What is too old is not believed
 * (server_believe).  Where the state cannot be read, the facts are those of healthy
 * servers.
 */
struct server_facts *health_facts(struct call *call);

/* Read them anew, when what was read turned out to be stale. */
struct server_facts *health_read_anew(struct call *call);

/* Read them anew, with what earlier meetings tell of these meetingIDs: OK or FAILED. */
enum store_result health_read_picture(struct call *call, const struct str *meeting_ids,
    struct store_history *histories, size_t n);

/*
 * Is the picture complete: was each server that is not down polled well within the last
 * two intervals, and is the state whole since then?  Then a meeting that is not mapped
 * runs nowhere.
 */
bool health_is_complete(struct call *call);

/* A write of one server's facts, and what came of it. */
struct health_write {
	const struct server *server; /* one of the configuration's */
	bool is_done;
	struct server_facts before, after; /* if it is done */
};

/* Change the facts that writes[i] is about, as the context tells; false: they are to be left
 * as they are. */
typedef bool health_apply(const struct call *call, const void *context, size_t i,
    struct server_facts *facts);

/*
 * Change the facts of n servers by compare and set: all are read, and those that apply changes
 * are written, at once.  Where others were faster that is done again, a few times; so apply is
 * called for a server more than once, each time with the facts as they are by then.  An event
 * is remembered with a change that an operator would want to know of (event_find).
 */
void health_write(struct call *call, struct health_write *writes, size_t n, health_apply *apply,
    const void *context);

/*
 * A contact with a server.  call_name and problem (NULL: none) say in the log what led to
 * a change.  What changes nothing, as nearly all contacts, costs no access to the state
 * where the request has read the server's facts already.
 */
void health_contact(struct call *call, const struct server *server, enum contact contact,
    const char *call_name, const char *problem);

/* How the create of a meeting ended on a server (server_create). */
void health_create(struct call *call, const struct server *server, bool good);

/* Which of the server's secrets it took last, as the request has read it from the state: its
 * place in server->secrets, 0 where nothing is known.  And: remember it there. */
size_t health_secret(const struct call *call, const struct server *server);
void health_remember_secret(struct call *call, const struct server *server, size_t at);

/* Log a change of a server's health; nothing where there is none. */
void health_log(const struct server *server, const struct server_facts *before,
    const struct server_facts *after, const char *call_name, const char *problem,
    int64_t now_ms);

#endif
