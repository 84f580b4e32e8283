/*
 * The web servers that may connect to a TCP port: the addresses in FCGI_WEB_SERVER_ADDRS
 * (FastCGI specification 1.0, section 3.2).
 */
#ifndef PEERS_H
#define PEERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

#define PEERS_MOST 64

struct peers {
	struct in6_addr addresses[PEERS_MOST]; /* those of IPv4 mapped into IPv6 */
	size_t n;                              /* 0: whoever can */
};

/*
 * Read a list of IPv4 and IPv6 addresses with commas between them; NULL and an empty one allow
 * all.  Returns 0; or -1, and *wrong is where in the text something else begins.
 */
int peers_read(struct peers *peers, const char *text, const char **wrong);

/* May that address connect?  One of a unix socket may: its file has its own rights. */
bool peers_allow(const struct peers *peers, const struct sockaddr *address);

#endif
