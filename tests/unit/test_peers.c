/*
 * Which web servers may connect.
 */
#include "peers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tap.h"

static bool
allows(const struct peers *peers, const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return peers_allow(peers, (struct sockaddr *)&in);
	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return peers_allow(peers, (struct sockaddr *)&in6);
}

int
main(void)
{
	static const char *const nobody[] = { NULL, "", "  " };
	static const struct {
		const char *list, *allowed, *refused;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1", "127.0.0.2" },
		{ "127.0.0.1", "::ffff:127.0.0.1", "::1" },
		{ "10.0.0.1,10.0.0.2", "10.0.0.2", "10.0.0.3" },
		{ " 10.0.0.1 ,\t10.0.0.2 ", "10.0.0.1", "10.0.0.12" },
		{ "10.0.0.1,", "10.0.0.1", "0.0.0.0" },
		{ "::1,192.0.2.7", "::1", "::2" },
		{ "2001:db8::a:b", "2001:db8:0:0::a:b", "2001:db8::a" },
		{ "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8" },
	};
	static const struct {
		const char *list;
		size_t at;
	} wrong[] = {
		{ "localhost", 0 },
		{ "127.0.0.1,localhost", 10 },
		{ "127.0.0.1 127.0.0.2", 0 },
		{ "127.0.0.0/8", 0 },
		{ ",", 0 },
		{ "127.0.0.1,,::1", 10 },
		{ "127.0.0.1:9000", 0 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", 0 },
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct peers peers;
	const char *at;

	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		is_int(peers_read(&peers, nobody[i], &at), 0, "no list");
		ok(allows(&peers, "192.0.2.1") && allows(&peers, "2001:db8::1"), "allows all");
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_int(peers_read(&peers, rows[i].list, &at), 0, "\"%s\"", rows[i].list);
		ok(allows(&peers, rows[i].allowed), "… allows %s", rows[i].allowed);
		ok(!allows(&peers, rows[i].refused), "… and not %s", rows[i].refused);
		ok(peers_allow(&peers, (struct sockaddr *)&un), "… and a unix socket");
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		is_int(peers_read(&peers, wrong[i].list, &at), -1, "\"%s\" is refused",
		    wrong[i].list);
		is_int(at - wrong[i].list, wrong[i].at, "… at \"%s\"", at);
	}

	char many[(PEERS_MOST + 1) * 10 + 1] = "";
	for (size_t i = 0; i < PEERS_MOST; i++)
		strcat(many, "10.0.0.10,");
	is_int(peers_read(&peers, many, &at), 0, "as many as there is room for");
	strcat(many, "10.0.0.11");
	is_int(peers_read(&peers, many, &at), -1, "and one more");
	return done_testing();
}
