#include "peers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

/* Put an IPv4 address into IPv6 (RFC 4291, section 2.5.5.2). */
static struct in6_addr
mapped(const struct in_addr *address)
{
	struct in6_addr in6 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(in6.s6_addr + 12, address, sizeof(*address));
	return in6;
}

static bool
read_address(const char *text, struct in6_addr *address)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) == 1) {
		*address = mapped(&in);
		return true;
	}
	return inet_pton(AF_INET6, text, address) == 1;
}

int
peers_read(struct peers *peers, const char *text, const char **wrong)
{
	peers->n = 0;
	if (!text)
		return 0;
	while (*(text += strspn(text, " \t")) != '\0') {
		size_t len = strcspn(text, ", \t");
		char one[INET6_ADDRSTRLEN];

		*wrong = text;
		if (len >= sizeof(one) || peers->n == PEERS_MOST)
			return -1;
		memcpy(one, text, len);
		one[len] = '\0';
		if (!read_address(one, &peers->addresses[peers->n]))
			return -1;
		peers->n++;
		text += len;
		text += strspn(text, " \t");
		if (*text == ',')
			text++;
		else if (*text != '\0')
			return -1;
	}
	return 0;
}

bool
peers_allow(const struct peers *peers, const struct sockaddr *address)
{
	struct in6_addr in6;

	if (peers->n == 0)
		return true;
	if (address->sa_family == AF_INET)
		in6 = mapped(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		in6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	else
		return true;
	for (size_t i = 0; i < peers->n; i++)
		if (memcmp(&peers->addresses[i], &in6, sizeof(in6)) == 0)
			return true;
	return false;
}
