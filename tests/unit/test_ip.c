/* Which addresses a callback may go to. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/arena.h"
#include "formats/ip.h"
#include "tap.h"

static const struct {
	const char *text;
	bool is_public;
} addresses[] = {
	/* clang-format off */
	/* The edges of each network. */
	{ "0.0.0.0", false }, { "0.255.255.255", false }, { "1.0.0.0", true },
	{ "9.255.255.255", true }, { "10.0.0.0", false }, { "10.255.255.255", false },
	{ "11.0.0.0", true },
	{ "100.63.255.255", true }, { "100.64.0.0", false }, { "100.127.255.255", false },
	{ "100.128.0.0", true },
	{ "126.255.255.255", true }, { "127.0.0.1", false }, { "127.255.255.254", false },
	{ "128.0.0.0", true },
	{ "169.253.255.255", true }, { "169.254.169.254", false }, { "169.255.0.0", true },
	{ "172.15.255.255", true }, { "172.16.0.0", false }, { "172.31.255.255", false },
	{ "172.32.0.0", true },
	{ "192.0.0.1", false }, { "192.0.1.1", true }, { "192.0.2.1", false },
	{ "192.167.255.255", true }, { "192.168.0.0", false }, { "192.168.255.255", false },
	{ "192.169.0.0", true },
	{ "198.17.255.255", true }, { "198.18.0.0", false }, { "198.19.255.255", false },
	{ "198.20.0.0", true }, { "198.51.100.1", false }, { "203.0.113.1", false },
	{ "223.255.255.255", true }, { "224.0.0.1", false }, { "239.255.255.255", false },
	{ "240.0.0.1", false }, { "255.255.255.255", false }, { "8.8.8.8", true },

	{ "::", false }, { "::1", false }, { "fe80::1", false }, { "fec0::1", false },
	{ "fc00::1", false }, { "fdff::1", false }, { "ff02::1", false }, { "100::1", false },
	{ "1fff::1", false }, { "2000::1", true }, { "2a00:1450::1", true },
	{ "3ffe::1", true },
	{ "3fff::1", false }, { "3fff:1000::1", true }, { "4000::1", false },
	{ "2001::1", false }, { "2001:1ff::1", false }, { "2001:200::1", true },
	{ "2001:db8::1", false }, { "2001:db9::1", true },
	/* IPv4 addresses in disguise. */
	{ "::ffff:127.0.0.1", false }, { "::ffff:10.0.0.1", false }, { "::ffff:8.8.8.8", true },
	{ "::127.0.0.1", false }, { "::8.8.8.8", false },
	{ "64:ff9b::127.0.0.1", false }, { "64:ff9b::192.168.0.1", false },
	{ "64:ff9b::8.8.8.8", true }, { "64:ff9b:1::8.8.8.8", false },
	{ "2002:7f00:1::1", false }, { "2002:c0a8:1::1", false }, { "2002:808:808::1", true },
	/* clang-format on */
};

static const struct {
	const char *text, *prefix;
} prefixes[] = {
	{ "203.0.113.77", "203.0.113.0/24" },
	{ "255.254.253.252", "255.254.253.0/24" },
	{ "::ffff:203.0.113.77", "203.0.113.0/24" },
	{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48" },
	{ "2001:db8:1:ffff::", "2001:db8:1::/48" },
	{ "::1", "::/48" },
	{ "fe80::1%eth0", "fe80::/48" },
	{ "", NULL },
	{ "unix:", NULL },
	{ "203.0.113", NULL },
	{ "203.0.113.7 ", NULL },
	{ "localhost", NULL },
};

static void
test_prefix(void)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		is_str(ip_prefix(arena, str_from(prefixes[i].text)), prefixes[i].prefix,
		    "the network of \"%s\"", prefixes[i].text);
	arena_free(arena);
}

static const struct {
	const char *text;
	size_t n;
	unsigned char bytes[IP_CLIENT_BYTES];
} clients[] = {
	{ "203.0.113.77", 4, { 203, 0, 113, 77 } },
	{ "::ffff:203.0.113.77", 4, { 203, 0, 113, 77 } },
	{ "2001:db8:1:2:3:4:5:6", 8, { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2 } },
	{ "::1", 8, { 0 } },
	{ "fe80::1%eth0", 8, { 0xfe, 0x80 } },
	{ "2001:0db8:0001:0002:0003:0004:255.255.255.255", 8,
	    { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2 } },
	{ "", 0, { 0 } },
	{ "%", 0, { 0 } },
	{ "unix:", 0, { 0 } },
	{ "203.0.113", 0, { 0 } },
	{ "2001:0db8:0001:0002:0003:0004:255.255.255.255.", 0, { 0 } },
};

static void
test_client(void)
{
	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
		unsigned char bytes[IP_CLIENT_BYTES];
		size_t n = ip_client(str_from(clients[i].text), bytes);

		is_int(n, clients[i].n, "bytes of the client \"%s\"", clients[i].text);
		ok(memcmp(bytes, clients[i].bytes, n) == 0, "which they are");
	}
}

int
main(void)
{
	test_prefix();
	test_client();
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		bool is6 = strchr(addresses[i].text, ':') != NULL;

		if (inet_pton(is6 ? AF_INET6 : AF_INET, addresses[i].text,
		        is6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) != 1) {
			ok(false, "%s is no address", addresses[i].text);
			continue;
		}
		ok(ip_is_public(is6 ? (void *)&in6 : (void *)&in) == addresses[i].is_public,
		    "%s is %spublic", addresses[i].text, addresses[i].is_public ? "" : "not ");
	}
	struct sockaddr_un other = { .sun_family = AF_UNIX };
	ok(!ip_is_public((struct sockaddr *)&other), "a Unix socket is not public");
	return done_testing();
}
