/*
 * Who asks, as far as the log may tell.
 */
#ifndef CLIENT_H
#define CLIENT_H

struct arena;
struct config;
struct request;

/*
 * The client's address for the log, as log_client of the configuration wants it: the
 * whole, its network, or NULL, so that the pair is left out.  "-" stands for one that is
 * not known or, where its network is asked for, is no IP address.  In the arena.
 */
const char *client_for_log(struct arena *arena, const struct config *config,
    const struct request *request);

#endif
