/*
 * The configuration: the forms of a host, and of the gateway's own URL.
 */
#include "test_config.h"

static const struct {
	const char *host, *base, *name;
} hosts[] = {
	/* The six forms. */
	{ "https://bbb1.example.org", "https://bbb1.example.org", "bbb1.example.org" },
	{ "https://bbb1.example.org/", "https://bbb1.example.org", "bbb1.example.org" },
	{ "https://bbb1.example.org/bigbluebutton", "https://bbb1.example.org",
	    "bbb1.example.org" },
	{ "https://bbb1.example.org/bigbluebutton/", "https://bbb1.example.org",
	    "bbb1.example.org" },
	{ "https://bbb1.example.org/bigbluebutton/api", "https://bbb1.example.org",
	    "bbb1.example.org" },
	{ "https://bbb1.example.org/bigbluebutton/api/", "https://bbb1.example.org",
	    "bbb1.example.org" },

	{ "HTTPS://BBB1.Example.ORG/", "https://bbb1.example.org", "bbb1.example.org" },
	{ "http://bbb1:8090/bigbluebutton", "http://bbb1:8090", "bbb1:8090" },
	{ "https://bbb1.example.org:443", "https://bbb1.example.org", "bbb1.example.org" },
	{ "http://bbb1.example.org:80/", "http://bbb1.example.org", "bbb1.example.org" },
	{ "http://bbb1.example.org:443", "http://bbb1.example.org:443",
	    "bbb1.example.org:443" },
	{ "https://bbb1.example.org:08443", "https://bbb1.example.org:8443",
	    "bbb1.example.org:8443" },
	{ "http://127.0.0.1:65535", "http://127.0.0.1:65535", "127.0.0.1:65535" },
	{ "http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080", "[2001:db8::1]:8080" },
	{ "https://[::1]:443", "https://[::1]", "[::1]" },
};

#define WRONG_PATH "expected no path or /bigbluebutton/api after the host name"
#define WRONG_PORT "the port must be a number from 1 to 65535"
#define WRONG_LITERAL "not an IPv6 address in the brackets"
#define NO_URL "expected a URL such as https://bbb1.example.org"
#define SPACE "has a space or control character in it"

static const struct {
	const char *host, *problem;
} bad_hosts[] = {
	{ "", NO_URL },
	{ SECRET, NO_URL },
	{ "https:/bbb1.example.org", NO_URL },
	{ "bbb1.example.org",
	    "https:// is missing; did you mean \"https://bbb1.example.org\"?" },
	{ "bbb1.example.org:8443/bigbluebutton/api",
	    "https:// is missing; did you mean "
	    "\"https://bbb1.example.org:8443/bigbluebutton/api\"?" },
	{ "//bbb1.example.org", NO_URL },
	{ "user:" SECRET "@bbb1.example.org", NO_URL },
	{ "ftp://bbb1.example.org", "the URL must begin with https:// or http://" },
	{ "://bbb1.example.org", "the URL must begin with https:// or http://" },
	{ "https://", "the host name is missing" },
	{ "https:///bigbluebutton/api", "the host name is missing" },
	{ "https://:443/", "the host name is missing" },
	{ "https://user:" SECRET "@bbb1.example.org/",
	    "a user name or password (\"@\") has no place here" },
	{ "https://bbb1.example.org/api", WRONG_PATH },
	{ "https://bbb1.example.org//", WRONG_PATH },
	{ "https://bbb1.example.org/bigbluebutton/api/create", WRONG_PATH },
	{ "https://bbb1.example.org/bigbluebutton/api//", WRONG_PATH },
	{ "https://bbb1.example.org/x/bigbluebutton/api", WRONG_PATH },
	{ "https://bbb1.example.org/BigBlueButton/api", WRONG_PATH },
	{ "https://bbb1.example.org/?checksum=" SECRET, "a query (\"?\") has no place here" },
	{ "https://bbb1.example.org#a", "a fragment (\"#\") has no place here" },
	{ " https://bbb1.example.org", SPACE },
	{ "https://bbb1.example.org ", SPACE },
	{ "https://bbb 1.example.org", SPACE },
	{ "https://bbb1.example.org:", WRONG_PORT },
	{ "https://bbb1.example.org:0", WRONG_PORT },
	{ "https://bbb1.example.org:65536", WRONG_PORT },
	{ "https://bbb1.example.org:-1", WRONG_PORT },
	{ "https://bbb1.example.org:+1", WRONG_PORT },
	{ "https://bbb1.example.org:80a", WRONG_PORT },
	{ "https://bbb1.example.org:80:80", WRONG_PORT },
	{ "https://bbb1_example%2eorg", "a character that no host name has" },
	{ "https://bbb1\\\\example", "a character that no host name has" },
	{ "https://b\xc3\274cher.example",
	    "a host name with other than ASCII letters is written in its xn-- form" },
	{ "https://.example.org", "a dot too many in the host name" },
	{ "https://bbb1..example.org", "a dot too many in the host name" },
	{ "https://bbb1.example.org.", "a dot too many in the host name" },
	{ "https://[::1", WRONG_LITERAL },
	{ "https://[]", WRONG_LITERAL },
	{ "https://[::1]a", WRONG_LITERAL },
	{ "https://[::1]a:80", WRONG_LITERAL },
	{ "https://[fe80::1%25eth0]", WRONG_LITERAL },
	{ "https://[127.0.0.1]", WRONG_LITERAL },
	{ "https://[1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9]",
	    WRONG_LITERAL },
};

static void
test_hosts(void)
{
	char text[2048], want[1024];
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(text, sizeof(text), SERVER(", \"host\": \"%s\""), hosts[i].host);
		struct config *c = load_good(text);
		snprintf(want, sizeof(want), "%s/bigbluebutton/api", hosts[i].base);
		is_str(c->servers[0].base, want, "base of %s", hosts[i].host);
		is_str(c->servers[0].name, hosts[i].name, "name of %s", hosts[i].host);
		config_free(c);
	}
	for (size_t i = 0; i < COUNT(bad_hosts); i++) {
		snprintf(text, sizeof(text), SERVER(", \"host\": \"%s\""), bad_hosts[i].host);
		snprintf(want, sizeof(want), "servers[0].host: %s", bad_hosts[i].problem);
		bad(text, want);
	}

	/* Long names: one that is no host's, and one that is too long for ours. */
	char label[300];
	memset(label, 'a', sizeof(label));
	snprintf(text, sizeof(text), SERVER(", \"host\": \"http://%.254s\""), label);
	bad(text, "servers[0].host: the host name is too long");
	snprintf(text, sizeof(text), SERVER(", \"host\": \"http://%.253s:65535\""), label);
	bad(text,
	    "servers[0].name: missing, and the host name is too long for one; expected a "
	    "name of 1 to 100 bytes without spaces");
	snprintf(text, sizeof(text),
	    SERVER(", \"host\": \"http://%.253s:65535\", "
	           "\"name\": \"a\""),
	    label);
	config_free(load_good(text));

	/* The gateway's own URL may have another path, as long as calls can follow. */
	struct config *c = load_good(TOP(", \"public_url\": \"http://X:81/b/api/\""));
	is_str(c->public_url, "http://x:81/b/api", "public_url");
	config_free(c);
}

int
main(void)
{
	begin();
	test_hosts();
	return end();
}
