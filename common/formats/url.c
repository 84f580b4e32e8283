#include "formats/url.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Read the host name or literal.  Returns what is wrong, or NULL. */
static const char *
parse_host(struct str host, char *out, size_t size)
{
	if (host.len == 0)
		return "the host name is missing";
	if (host.data[0] == '[') {
		char literal[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN];
		if (host.len < 3 || host.len - 2 >= sizeof(literal))
			return "not an IPv6 address in the brackets";
		memcpy(literal, host.data + 1, host.len - 2);
		literal[host.len - 2] = '\0';
		struct in6_addr number;
		/* To a number and back: one address, one spelling. */
		if (inet_pton(AF_INET6, literal, &number) != 1 ||
		    !inet_ntop(AF_INET6, &number, text, sizeof(text)))
			return "not an IPv6 address in the brackets";
		snprintf(out, size, "[%s]", text);
		return NULL;
	}
	if (host.len > URL_HOST_BYTES)
		return "the host name is too long";
	for (size_t i = 0; i < host.len; i++) {
		char c = host.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((unsigned char)c >= 0x80)
			return "a host name with other than ASCII letters is written in "
			       "its xn-- form";
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '.' && c != '_')
			return "a character that no host name has";
		if (c == '.' && (i == 0 || i + 1 == host.len || host.data[i - 1] == '.'))
			return "a dot too many in the host name";
		out[i] = c;
	}
	out[host.len] = '\0';
	return NULL;
}

/* Split host and port at the port's colon, which is the one after the brackets; *port is
 * absent where there is none.  Returns what is wrong, or NULL. */
static const char *
split_authority(struct str authority, struct str *host, struct str *port)
{
	size_t bracket = 0;
	if (str_starts(authority, "[")) {
		bracket = str_find(authority, STR("]"), 0);
		if (bracket == SIZE_MAX)
			return "not an IPv6 address in the brackets";
	}
	size_t colon = str_find(authority, STR(":"), bracket);
	*host = str_part(authority, 0, colon);
	*port = colon == SIZE_MAX ?
	    (struct str){ NULL, 0 } :
	    str_part(authority, colon + 1, SIZE_MAX);
	if (bracket && host->len != bracket + 1)
		return "not an IPv6 address in the brackets";
	return NULL;
}

const char *
url_parse_host(struct str text, char host[URL_HOST_SIZE], int *port)
{
	struct str name, digits;
	const char *wrong = split_authority(text, &name, &digits);
	if (!wrong)
		wrong = parse_host(name, host, URL_HOST_SIZE);
	if (wrong || !digits.data)
		return wrong;

	int64_t number;
	if (digits.len == 0 || digits.data[0] == '-' || str_to_int(digits, 1, 65535, &number))
		return "the port must be a number from 1 to 65535";
	*port = (int)number;
	return NULL;
}

/* Read host and port into url->authority.  Returns what is wrong, or NULL. */
static const char *
parse_authority(struct str authority, struct url *url)
{
	if (str_find(authority, STR("@"), 0) != SIZE_MAX)
		return "a user name or password (\"@\") has no place here";
	const int own_port = strcmp(url->scheme, "https") == 0 ? 443 : 80;
	int port = own_port;
	const char *wrong = url_parse_host(authority, url->authority, &port);
	if (!wrong && port != own_port) {
		size_t len = strlen(url->authority);
		snprintf(url->authority + len, sizeof(url->authority) - len, ":%d", port);
	}
	return wrong;
}

const char *
url_parse(struct str text, struct url *url)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			return "has a space or control character in it";
	size_t colon = str_find(text, STR("://"), 0);
	if (colon == SIZE_MAX)
		return "expected a URL such as https://bbb1.example.org";

	struct str scheme = str_part(text, 0, colon);
	if (str_is_nocase(scheme, "https"))
		url->scheme = "https";
	else if (str_is_nocase(scheme, "http"))
		url->scheme = "http";
	else
		return "the URL must begin with https:// or http://";

	struct str rest = str_part(text, colon + 3, SIZE_MAX);
	if (str_find(rest, STR("?"), 0) != SIZE_MAX)
		return "a query (\"?\") has no place here";
	if (str_find(rest, STR("#"), 0) != SIZE_MAX)
		return "a fragment (\"#\") has no place here";
	size_t slash = str_find(rest, STR("/"), 0);
	url->path = slash == SIZE_MAX ? STR("") : str_part(rest, slash, SIZE_MAX);
	return parse_authority(str_part(rest, 0, slash), url);
}
