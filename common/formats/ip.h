/*
 * What is to be known of an IP address: whether it belongs to the public Internet, and
 * which network it is in.
 *
 * A callback's URL comes from a client, and the gateway stands inside a network
 * that the client may not see.  What is connected to is therefore looked at
 * here, after the name was resolved.
 */
#ifndef IP_H
#define IP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct sockaddr;

/*
 * Is it an IPv4 or IPv6 address that the registries of RFC 6890 call globally
 * reachable?  Not so are this host (0.0.0.0, ::), loopback, link-local, private
 * (RFC 1918, RFC 4193), shared (100.64.0.0/10), multicast, reserved, benchmark and
 * documentation addresses, whichever way an IPv4 address is wrapped into an
 * IPv6 one (mapped, NAT64, 6to4), nor Teredo, nor any other family.
 */
bool ip_is_public(const struct sockaddr *address);

/*
 * The network that an address, given as text, belongs to: "203.0.113.0/24" of an IPv4
 * address, also of one that is mapped into IPv6, else the first 48 bits, which are what
 * one site gets (RFC 6177), "2001:db8:1::/48".  A zone ("%eth0") is left out.  In the
 * arena; NULL when the text is no address.
 */
const char *ip_prefix(struct arena *arena, struct str text);

#define IP_CLIENT_BYTES 8

/*
 * What of an address, given as text, tells one client from another: the four bytes of an IPv4
 * address, also of one that is mapped into IPv6, else the first 64 bits, since the rest is the
 * client's own choice (RFC 4291, section 2.5.4).  A zone is left out.  Returns how many bytes
 * were written; 0 when the text is no address.
 */
size_t ip_client(struct str text, unsigned char bytes[IP_CLIENT_BYTES]);

#endif
