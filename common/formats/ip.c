#include "formats/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* IPv4 networks that are not public (IANA's special-purpose registry, and
 * multicast). */
static const struct {
	uint8_t net[4];
	uint8_t bits;
} special4[] = {
	{ { 0, 0, 0, 0 }, 8 },
	{ { 10, 0, 0, 0 }, 8 },
	{ { 100, 64, 0, 0 }, 10 },
	{ { 127, 0, 0, 0 }, 8 },
	{ { 169, 254, 0, 0 }, 16 },
	{ { 172, 16, 0, 0 }, 12 },
	{ { 192, 0, 0, 0 }, 24 },
	{ { 192, 0, 2, 0 }, 24 },
	{ { 192, 168, 0, 0 }, 16 },
	{ { 198, 18, 0, 0 }, 15 },
	{ { 198, 51, 100, 0 }, 24 },
	{ { 203, 0, 113, 0 }, 24 },
	{ { 224, 0, 0, 0 }, 4 },
	/* with the broadcast address */
	{ { 240, 0, 0, 0 }, 4 },
};

/* What of 2000::/3, outside of which nothing is public, is not either. */
static const struct {
	uint8_t net[4];
	uint8_t bits;
} special6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* protocols, Teredo among them */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	/* documentation */
	{ { 0x3f, 0xff, 0x00, 0x00 }, 20 },
};

/* An IPv4 address in IPv6 (RFC 4291, 2.5.5.2) begins so. */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Are the first bits of both the same? */
static bool
is_within(const uint8_t *address, const uint8_t *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(address, net, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ net[whole]) >> (8 - rest) == 0;
}

static bool
is_public4(const uint8_t address[4])
{
	for (size_t i = 0; i < sizeof(special4) / sizeof(*special4); i++)
		if (is_within(address, special4[i].net, special4[i].bits))
			return false;
	return true;
}

static bool
is_public6(const uint8_t address[16])
{
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b }; /* RFC 6052 */
	static const uint8_t by_6to4[2] = { 0x20, 0x02 };            /* RFC 3056 */
	static const uint8_t global[1] = { 0x20 };

	if (memcmp(address, mapped, sizeof(mapped)) == 0 ||
	    memcmp(address, nat64, sizeof(nat64)) == 0)
		return is_public4(address + 12);
	if (memcmp(address, by_6to4, sizeof(by_6to4)) == 0)
		return is_public4(address + 2);
	for (size_t i = 0; i < sizeof(special6) / sizeof(*special6); i++)
		if (is_within(address, special6[i].net, special6[i].bits))
			return false;
	return is_within(address, global, 3);
}

bool
ip_is_public(const struct sockaddr *address)
{
	/* Copied, since what was given need not be aligned for them. */
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		return is_public4((const uint8_t *)&in.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		return is_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}

/* Read an address without its zone.  Returns how many bytes it has, 4 or 16; 0: it is none. */
static size_t
parse(struct str text, uint8_t bytes[16])
{
	char address[INET6_ADDRSTRLEN];

	text = str_part(text, 0, str_find(text, STR("%"), 0));
	if (text.len == 0 || text.len >= sizeof(address))
		return 0;
	memcpy(address, text.data, text.len);
	address[text.len] = '\0';
	if (inet_pton(AF_INET, address, bytes) == 1)
		return 4;
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return 0;
	if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
		return 16;
	memcpy(bytes, bytes + sizeof(mapped), 4);
	return 4;
}

const char *
ip_prefix(struct arena *arena, struct str text)
{
	uint8_t bytes[16];
	char net[INET6_ADDRSTRLEN];

	switch (parse(text, bytes)) {
	case 4:
		return str_printf(arena, "%u.%u.%u.0/24", bytes[0], bytes[1], bytes[2]);
	case 16:
		memset(bytes + 6, 0, sizeof(bytes) - 6);
		inet_ntop(AF_INET6, bytes, net, sizeof(net));
		return str_printf(arena, "%s/48", net);
	default:
		return NULL;
	}
}

size_t
ip_client(struct str text, unsigned char client[IP_CLIENT_BYTES])
{
	uint8_t bytes[16];
	size_t n = parse(text, bytes);

	if (n > IP_CLIENT_BYTES)
		n = IP_CLIENT_BYTES;
	memcpy(client, bytes, n);
	return n;
}
