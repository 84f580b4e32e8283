/*
 * url: a signed URL of the gateway.
 */
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"
#include "formats/checksum.h"
#include "formats/query.h"
#include "text.h"

/* What a client may send (LIMIT_QUERY_BYTES), without "&checksum=". */
#define QUERY_BYTES (LIMIT_QUERY_BYTES - 10 - CHECKSUM_HEX_SIZE)

/* Letters, digits and inner slashes, as the gateway takes them (api.c). */
static bool
is_call_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= LIMIT_CALL_NAME_BYTES && name[0] != '/' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/") ==
	    len;
}

/* The query that the line says.  False, which was written, where it cannot be one. */
static bool
read_parameters(const struct ctl *ctl, struct buf *query)
{
	for (size_t i = 1; i < ctl->n_words; i++) {
		struct str word = str_from(ctl->words[i]);
		size_t equals = str_find(word, STR("="), 0);

		if (equals == SIZE_MAX || equals == 0) {
			ctl_complain("a parameter is NAME=VALUE, not %s", ctl_plain(ctl, word));
			return false;
		}
		if (str_is(str_part(word, 0, equals), "checksum")) {
			ctl_complain("the checksum is what url makes");
			return false;
		}
		buf_text(query, query->len > 0 ? "&" : "");
		query_encode(query, str_part(word, 0, equals));
		buf_char(query, '=');
		query_encode(query, str_part(word, equals + 1, SIZE_MAX));
	}
	return true;
}

/* What clients sign with most, if the gateway takes it, else the longest it takes. */
static enum checksum_algorithm
choose_algorithm(unsigned allowed)
{
	static const enum checksum_algorithm order[] = { CHECKSUM_SHA256, CHECKSUM_SHA512,
		CHECKSUM_SHA384, CHECKSUM_SHA1 };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (allowed & (1u << order[i]))
			return order[i];
	return CHECKSUM_SHA256;
}

/* The secret that signs the call, or NULL, which was written. */
static const char *
choose_secret(const struct ctl *ctl, bool is_admin)
{
	const struct config *config = ctl->api.config;

	if (!is_admin)
		return config->secrets[0];
	if (!config->admin_secret)
		ctl_complain(
		    "these calls are signed with \"admin_secret\", which is not set in "
		    "%s; \"openssl rand -hex 32\" makes one",
		    config_path(ctl->config_path));
	return config->admin_secret;
}

int
command_url(struct ctl *ctl)
{
	const char *name = ctl->words[0], *lasting = ctl_option(ctl, OPTION_FOR);
	bool is_admin = strncmp(name, "tinyscale/", strlen("tinyscale/")) == 0;
	int64_t seconds = 0;
	struct buf query, out;

	if (!is_call_name(name)) {
		ctl_complain("CALL is the name of a call, such as getMeetings");
		return CTL_USAGE;
	}
	if (lasting && (!is_admin || text_read_duration(str_from(lasting), &seconds) != 0)) {
		ctl_complain(is_admin ?
		        "--for takes a length of time, such as 8h or 30min" :
		        "--for is for the calls tinyscale/... alone: no other "
		        "URL can be made to end");
		return CTL_USAGE;
	}
	buf_init(&query, QUERY_BYTES);
	if (!read_parameters(ctl, &query)) {
		buf_free(&query);
		return CTL_USAGE;
	}
	if (lasting)
		buf_printf(&query, "%suntil=%lld", query.len > 0 ? "&" : "",
		    (long long)ctl_now_ms() / 1000 + seconds);
	if (buf_failed(&query)) {
		ctl_complain("the query is larger than the gateway takes: %d bytes",
		    LIMIT_QUERY_BYTES);
		return CTL_USAGE;
	}
	struct str text = buf_take(&query, ctl->arena);
	if (!ctl_open_config(ctl))
		return CTL_WRONG;
	const struct config *config = ctl->api.config;
	const char *base = ctl_option(ctl, OPTION_BASE) ?: config->public_url;
	if (!base) {
		ctl_complain(
		    "the gateway's address is not known: set \"public_url\" in %s, or "
		    "say --base https://bbb.example.org/bigbluebutton/api",
		    config_path(ctl->config_path));
		return CTL_WRONG;
	}
	const char *secret = choose_secret(ctl, is_admin);
	if (!secret)
		return CTL_WRONG;
	char checksum[CHECKSUM_HEX_SIZE];
	checksum_make(choose_algorithm(config->checksum_algorithms), str_from(name), text,
	    str_from(secret), checksum);
	ctl_begin(&out);
	buf_printf(&out, "%s/%s?%.*s%schecksum=%s\n", base, name, STR_ARG(text),
	    text.len > 0 ? "&" : "", checksum);
	ctl_write(&out);
	return CTL_GOOD;
}
