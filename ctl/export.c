/*
 * export nginx-cluster-proxy: the location blocks that let browsers load the client of all
 * servers from one host name, so that they ask for the microphone once (BigBlueButton's
 * docs/administration/cluster-proxy.md).
 */
#include <string.h>

#include "base/arena.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"
#include "formats/url.h"
#include "text.h"

/* The first label of a host name: "bbb-01" of "bbb-01.example.org". */
static struct str
label_of(struct str authority)
{
	size_t len = 0;

	while (len < authority.len && authority.data[len] != '.' && authority.data[len] != ':')
		len++;
	return str_part(authority, 0, len);
}

/* Has an earlier server this label? */
static bool
is_taken(const struct config *config, size_t at, struct str label)
{
	for (size_t i = 0; i < at; i++) {
		struct url url;

		if (!url_parse(str_from(config->servers[i].base), &url) &&
		    str_equal(label_of(str_from(url.authority)), label))
			return true;
	}
	return false;
}

static bool
write_location(const struct config *config, size_t at, struct buf *out)
{
	const struct server *server = &config->servers[at];
	struct url url;

	if (url_parse(str_from(server->base), &url))
		return false;
	struct str authority = str_from(url.authority), label = label_of(authority);
	/* An address has no label, and an IPv6 one has brackets. */
	if (strspn(url.authority, "0123456789.:") == authority.len || url.authority[0] == '[' ||
	    is_taken(config, at, label)) {
		ctl_complain(
		    "%s is left out: the path is made of the first part of a host name, "
		    "and another server has that, or it is an address",
		    server->name);
		return false;
	}
	buf_printf(out,
	    "location /%.*s/html5client/ {\n"
	    "    proxy_pass %s://%.*s/%.*s/html5client/;\n"
	    "    proxy_http_version 1.1;\n"
	    "    proxy_set_header Upgrade $http_upgrade;\n"
	    "    proxy_set_header Connection \"Upgrade\";\n"
	    "}\n",
	    STR_ARG(label), url.scheme, STR_ARG(authority), STR_ARG(label));
	return true;
}

int
command_export(struct ctl *ctl)
{
	bool is_whole = true;
	struct buf out;

	if (strcmp(ctl->words[0], "nginx-cluster-proxy") != 0) {
		ctl_complain("what can be exported is nginx-cluster-proxy");
		return CTL_USAGE;
	}
	if (!ctl_open_config(ctl))
		return CTL_WRONG;
	ctl_begin(&out);
	buf_text(&out,
	    "# For the server block of the cluster proxy. Each server must know its path:\n"
	    "# https://docs.bigbluebutton.org/administration/cluster-proxy\n");
	for (size_t i = 0; i < ctl->api.config->n_servers; i++)
		is_whole = write_location(ctl->api.config, i, &out) && is_whole;
	ctl_write(&out);
	return is_whole ? CTL_GOOD : CTL_WRONG;
}
