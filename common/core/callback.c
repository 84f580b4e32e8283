#include "core/callback.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "formats/checksum.h"
#include "formats/xml.h"

/* Hexadecimal digits of the mac, which is the last of the parameters. */
#define MAC_DIGITS 64

/* No Host is longer: a name of 253 bytes and a port. */
#define HOST_BYTES 260

static const char *const kinds[CALLBACK_KINDS] = {
	[CALLBACK_RECORDING] = "recording",
	[CALLBACK_ANALYTICS] = "analytics",
	[CALLBACK_WEBHOOK] = "hook",
};

/* Parameters of create whose values are callbacks that BBB signs. */
static const struct {
	const char *name;
	enum callback_kind kind;
} signed_callbacks[] = {
	{ "meta_bbb-recording-ready-url", CALLBACK_RECORDING },
	{ "meta_bn-recording-ready-url", CALLBACK_RECORDING },
	{ "meta_canvas-recording-ready-url", CALLBACK_RECORDING },
	{ "meta_analytics-callback-url", CALLBACK_ANALYTICS },
};

static bool
is_known_to_clients(const struct config *config, const char *secret)
{
	for (size_t i = 0; i < config->n_secrets; i++)
		if (strcmp(config->secrets[i], secret) == 0)
			return true;
	return false;
}

bool
callback_is_needed(const struct config *config, const struct server *server)
{
	if (config->callbacks_pass || config->n_secrets == 0)
		return false;
	for (size_t i = 0; i < server->n_secrets; i++)
		if (!is_known_to_clients(config, server->secrets[i]))
			return true;
	return false;
}

/* A name, an IPv4 or a bracketed IPv6 address, with or without a port. */
static bool
is_host(struct str host)
{
	static const char allowed[] =
	    "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]";

	for (size_t i = 0; i < host.len; i++)
		if (!memchr(allowed, host.data[i], sizeof(allowed) - 1))
			return false;
	return host.len > 0 && host.len <= HOST_BYTES;
}

struct str
callback_base(struct arena *arena, const struct config *config, const struct request *request,
    struct str mount)
{
	if (config->public_url)
		return str_from(config->public_url);
	if (!is_host(request->host) || !mount.data)
		return (struct str){ NULL, 0 };
	struct buf base;
	buf_init(&base, 16 + HOST_BYTES + 3 * LIMIT_PATH_BYTES);
	buf_text(&base, request->https ? "https://" : "http://");
	buf_str(&base, request->host);
	query_encode_for_browser(&base, mount);
	if (buf_failed(&base))
		return (struct str){ NULL, 0 };
	return buf_take(&base, arena);
}

bool
callback_is_url(struct str url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.data[i] <= 0x20 || url.data[i] == 0x7f)
			return false;
	size_t authority = str_find(url, STR("://"), 0);
	return url.len <= LIMIT_CALLBACK_URL_BYTES && str_is_utf8(url) &&
	    authority != SIZE_MAX &&
	    (str_is_nocase(str_part(url, 0, authority), "http") ||
	        str_is_nocase(str_part(url, 0, authority), "https"));
}

const char *
callback_target(struct arena *arena, struct str url)
{
	size_t at = str_find(url, STR("://"), 0);

	at = at == SIZE_MAX ? 0 : at + 3;
	while (at < url.len && !memchr("/?#", url.data[at], 3))
		at++;
	struct buf target;
	buf_init(&target, LIMIT_ANSWER_BYTES);
	buf_str(&target, str_part(url, 0, at));
	for (; at < url.len; at++) {
		struct str byte = str_part(url, at, 1);

		if ((unsigned char)url.data[at] >= 0x80)
			query_encode(&target, byte);
		else
			buf_str(&target, byte);
	}
	return buf_take(&target, arena).data;
}

size_t
callback_receiver(struct str url)
{
	size_t at = str_find(url, STR("://"), 0);
	struct str host = str_part(url, at == SIZE_MAX ? 0 : at + 3, SIZE_MAX);
	uint64_t hash = 0;

	/* What stands before the last '@' names a user. */
	size_t begin = 0;
	for (size_t i = 0; i < host.len && !memchr("/?#", host.data[i], 3); i++)
		if (host.data[i] == '@')
			begin = i + 1;
	host = str_part(host, begin, SIZE_MAX);
	char end = str_starts(host, "[") ? ']' : ':';
	for (size_t i = 0;
	     i < host.len && !memchr("/?#", host.data[i], 3) && host.data[i] != end; i++)
		hash = hash * 31 + (unsigned char)tolower((unsigned char)host.data[i]);
	return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % CALLBACK_RECEIVERS;
}

/* What the mac is made over.  None of the parts holds a line break, nor does a
 * token's or a checksum's text. */
static struct str
mac_text(struct arena *arena, const struct callback *callback)
{
	const char *text = str_printf(arena, "tinyscale/callback\n%s\n%.*s\n%.*s",
	    kinds[callback->kind], STR_ARG(callback->server), STR_ARG(callback->url));

	if (callback->kind == CALLBACK_WEBHOOK)
		text = str_printf(arena, "%s\n%.*s", text, STR_ARG(callback->base));
	return str_from(text);
}

struct str
callback_url(struct arena *arena, struct str base, const struct callback *callback)
{
	struct callback placed = *callback;
	char mac[CHECKSUM_HEX_SIZE];

	placed.base = base;
	checksum_hmac(str_from(callback->secret), mac_text(arena, &placed), mac);
	struct buf url;
	buf_init(&url, LIMIT_ANSWER_BYTES);
	buf_str(&url, base);
	buf_printf(&url, CALLBACK_PATH "kind=%s&server=", kinds[callback->kind]);
	query_encode(&url, callback->server);
	buf_text(&url, "&url=");
	query_encode(&url, callback->url);
	buf_printf(&url, "&mac=%s", mac);
	return buf_take(&url, arena);
}

int
callback_read(struct arena *arena, const struct config *config, struct str base,
    const struct query *parameters, struct callback *callback)
{
	struct str kind = query_find(parameters, "kind");
	struct str mac = query_find(parameters, "mac");

	*callback = (struct callback){
		.kind = CALLBACK_KINDS,
		.server = query_find(parameters, "server"),
		.url = query_find(parameters, "url"),
		.base = base,
	};
	for (size_t i = 0; i < CALLBACK_KINDS; i++)
		if (str_is(kind, kinds[i]))
			callback->kind = (enum callback_kind)i;
	if (callback->kind == CALLBACK_KINDS || !callback_is_url(callback->url) ||
	    str_find(callback->server, STR("\n"), 0) != SIZE_MAX ||
	    str_find(base, STR("\n"), 0) != SIZE_MAX)
		return -1;
	struct str text = mac_text(arena, callback);
	for (size_t i = 0; i < config->n_secrets; i++)
		if (checksum_hmac_verify(str_from(config->secrets[i]), text, mac))
			callback->secret = config->secrets[i];
	return callback->secret ? 0 : -1;
}

/* The kind of callback that a parameter of create holds, or CALLBACK_KINDS. */
static enum callback_kind
kind_of(struct str name)
{
	/* "meta_" is matched as it is, what follows in any case
	 * (ParamsProcessorUtil.java, processMetaParam). */
	if (str_starts(name, "meta_"))
		for (size_t i = 0; i < sizeof(signed_callbacks) / sizeof(*signed_callbacks);
		     i++)
			if (str_is_nocase(name, signed_callbacks[i].name))
				return signed_callbacks[i].kind;
	return CALLBACK_KINDS;
}

struct str
callback_rewrite(struct arena *arena, const struct config *config, const char *secret,
    struct str base, const struct server *server, struct str text)
{
	struct callback callback = { .server = str_from(server->name), .secret = secret };

	if (!callback_is_needed(config, server))
		return text;
	struct query parameters;
	query_parse(arena, text, &parameters);
	struct buf out;
	buf_init(&out, LIMIT_ANSWER_BYTES);
	size_t at = 0;
	for (size_t i = 0; i < parameters.n; i++) {
		const struct query_parameter *parameter = &parameters.list[i];

		callback.kind = kind_of(parameter->name);
		callback.url = str_trim(parameter->value);
		if (callback.kind == CALLBACK_KINDS || callback.url.len == 0)
			continue;
		if (base.len == 0 || !callback_is_url(callback.url)) {
			log_warn("callback left as it is: its client cannot verify it",
			    "server", server->name, "reason",
			    base.len == 0 ? "public_url is not configured" :
			                    "no URL, or too long");
			continue;
		}
		size_t from = (size_t)(parameter->raw.data - text.data);
		buf_str(&out, str_part(text, at, from - at));
		query_encode(&out, parameter->name);
		buf_char(&out, '=');
		query_encode(&out, callback_url(arena, base, &callback));
		at = from + parameter->raw.len;
	}
	buf_str(&out, str_part(text, at, SIZE_MAX));
	return buf_take(&out, arena);
}

/* One of the gateway's URLs in an XML text, around CALLBACK_PATH. */
struct placed {
	size_t before, after; /* how many of its bytes stand on either side of that */
	bool is_escaped;      /* or is it in a CDATA section? */
	struct callback callback;
};

/* How many bytes at the end of the text, which stands before CALLBACK_PATH, are the URL's;
 * 0 when it is none. */
static size_t
url_before(struct str text)
{
	for (size_t at = text.len; at-- > 0;) {
		char c = text.data[at];

		if (c == '<' || c == '>' || c == '"' || c == '\'' || (unsigned char)c <= 0x20)
			return 0;
		if (c == 'h' &&
		    (str_starts(str_part(text, at, 7), "http://") ||
		        str_starts(str_part(text, at, 8), "https://")))
			return text.len - at;
	}
	return 0;
}

/* A URL has no other of XML's escapes: what they stand for is encoded in it. */
static struct str
without_escapes(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t at = 0; at < text.len; at++) {
		out[n++] = text.data[at];
		if (str_starts(str_part(text, at, 5), "&amp;"))
			at += 4;
	}
	return (struct str){ out, n };
}

/* The parameters with which the text begins, without XML's escapes; *len gets their length
 * in it.  The absent span when no mac ends them. */
static struct str
url_parameters(struct arena *arena, struct str text, bool is_escaped, size_t *len)
{
	struct str mac = is_escaped ? STR("&amp;mac=") : STR("&mac=");
	size_t at = str_find(text, mac, 0);

	if (at == SIZE_MAX || text.len - at - mac.len < MAC_DIGITS)
		return (struct str){ NULL, 0 };
	*len = at + mac.len + MAC_DIGITS;
	struct str parameters = str_part(text, 0, *len);
	return is_escaped ? without_escapes(arena, parameters) : parameters;
}

/* Read the URL around a CALLBACK_PATH between these two; false when it is none that this
 * gateway made. */
static bool
read_placed(struct arena *arena, const struct config *config, struct str before,
    struct str after, struct placed *placed)
{
	size_t amp = str_find(after, STR("&"), 0);

	placed->before = url_before(before);
	if (placed->before == 0 || amp == SIZE_MAX)
		return false;
	placed->is_escaped = str_starts(str_part(after, amp, 5), "&amp;");
	struct str parameters = url_parameters(arena, after, placed->is_escaped,
	    &placed->after);
	struct query query;
	if (!parameters.data || query_parse(arena, parameters, &query) != QUERY_FINE)
		return false;
	struct str base = str_part(before, before.len - placed->before, SIZE_MAX);
	if (placed->is_escaped)
		base = without_escapes(arena, base);
	if (callback_read(arena, config, base, &query, &placed->callback) != 0)
		return false;
	/* A CDATA section cannot hold its own end. */
	return placed->is_escaped || str_find(placed->callback.url, STR("]]>"), 0) == SIZE_MAX;
}

struct str
callback_restore(struct arena *arena, const struct config *config, struct str xml)
{
	const size_t path = strlen(CALLBACK_PATH);
	bool is_needed = false;

	for (size_t i = 0; i < config->n_servers && !is_needed; i++)
		is_needed = callback_is_needed(config, &config->servers[i]);
	if (!is_needed)
		return xml;
	struct buf out;
	buf_init_large(&out, LIMIT_MERGED_BYTES);
	size_t least = 0, done = 0, n = 0;
	size_t next;
	/* Between two of them each byte is looked at for one before and one behind it. */
	for (size_t at = str_find(xml, STR(CALLBACK_PATH), 0);
	     at != SIZE_MAX && n < LIMIT_CALLBACKS_SHOWN; at = next, n++) {
		next = str_find(xml, STR(CALLBACK_PATH), at + path);
		struct placed placed;
		if (read_placed(arena, config, str_part(xml, least, at - least),
		        str_part(xml, at + path, next - at - path), &placed)) {
			buf_str(&out, str_part(xml, done, at - placed.before - done));
			if (placed.is_escaped)
				xml_text(&out, placed.callback.url);
			else
				buf_str(&out, placed.callback.url);
			done = at + path + placed.after;
		}
		least = done > at ? done : at + path;
	}
	if (done == 0)
		return xml;
	buf_str(&out, str_part(xml, done, SIZE_MAX));
	return buf_failed(&out) ? xml : buf_take(&out, arena);
}
