/*
 * Callback URLs (callback.h).  The input is four lines: a base, a server's name, a client's
 * URL, and a query; and a document of a server's, in which %u stands for the gateway's URL,
 * %x for the same escaped, and in the query %e for a client's URL encoded.
 */
#include "base/bounds.h"
#include "base/log.h"
#include "core/callback.h"
#include "formats/xml.h"
#include "fuzz.h"
#include "some_config.h"

/* The parts of the input. */
struct parts {
	struct str base;
	struct callback callback;
	struct str query, document;
};

/* The text with each mark, '%' and a letter, replaced. */
static struct str
filled(struct arena *arena, struct str text, char letter, struct str by)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_text(&out, "");
	for (size_t at = 0; at < text.len; at++)
		if (text.data[at] == '%' && at + 1 < text.len && text.data[at + 1] == letter) {
			buf_str(&out, by);
			at++;
		} else {
			buf_char(&out, text.data[at]);
		}
	return buf_take(&out, arena);
}

static struct str
escaped(struct arena *arena, struct str text)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_text(&out, "");
	xml_text(&out, text);
	return buf_take(&out, arena);
}

/* The gateway's URL is read as what it was made of, and every changed byte is seen. */
static struct str
check_url(struct arena *arena, const struct config *config, const struct parts *parts,
    size_t damaged)
{
	const struct callback *callback = &parts->callback;
	const struct str url = callback_url(arena, parts->base, callback);
	struct query query;
	struct callback read;
	const size_t mark = parts->base.len + strlen(CALLBACK_PATH);
	const struct str parameters = str_part(url, mark, SIZE_MAX);

	fuzz_must(query_parse(arena, parameters, &query) == QUERY_FINE);
	fuzz_must(callback_read(arena, config, parts->base, &query, &read) == 0);
	fuzz_must(read.kind == callback->kind && str_equal(read.url, callback->url));
	fuzz_must(str_equal(read.server, callback->server));
	fuzz_must(strcmp(read.secret, callback->secret) == 0);
	/* Whatever is changed, it is signed. */
	char *forged = str_copy(arena, parameters);
	damaged %= parameters.len;
	forged[damaged] = forged[damaged] == '-' ? '.' : '-';
	query_parse(arena, (struct str){ forged, parameters.len }, &query);
	fuzz_must(callback_read(arena, config, parts->base, &query, &read) != 0);
	callback_target(arena, callback->url);
	return url;
}

/* Of a create's parameters only callbacks change, and those come back as they were. */
static void
check_rewrite(struct arena *arena, const struct config *config, const struct parts *parts)
{
	const struct str text = filled(arena, parts->query, 'e',
	    str_from("https%3A%2F%2Fclient.test%2Fready%3Fa%3D1%26b"));
	const struct str base = STR("https://gateway.test/bigbluebutton/api");
	const struct str written = callback_rewrite(arena, config, SOME_SECRET, base,
	    &config->servers[0], text);
	struct query before, after;

	query_parse(arena, text, &before);
	query_parse(arena, written, &after);
	fuzz_must(before.n == after.n);
	for (size_t i = 0; i < before.n; i++) {
		const struct query_parameter *a = &before.list[i], *b = &after.list[i];

		if (str_equal(a->raw, b->raw))
			continue;
		fuzz_must(str_starts(a->name, "meta_") && str_equal(a->name, b->name));
		fuzz_must(str_starts(b->value, base.data));
		const struct str restored = callback_restore(arena, config,
		    escaped(arena, b->value));
		fuzz_must(str_equal(restored, escaped(arena, str_trim(a->value))));
	}
}

/* Can the gateway have that base?  Its path has no two slashes beside each other, and what a
 * browser would change is encoded in it (callback_base). */
static bool
is_base(struct str base)
{
	if (!str_starts(base, "https://gateway.test/"))
		return false;
	for (size_t i = strlen("https://"); i < base.len; i++)
		if (base.data[i] <= 0x20 || base.data[i] == 0x7f ||
		    strchr("\"#<>'?", base.data[i]) ||
		    (base.data[i] == '/' && base.data[i - 1] == '/' && i > strlen("https://")))
			return false;
	return true;
}

/* A document gets the client's URL wherever it has the gateway's, and no byte else. */
static void
check_restore(struct arena *arena, const struct config *config, const struct parts *parts,
    struct str url)
{
	const struct str document = filled(arena,
	    filled(arena, parts->document, 'x', escaped(arena, url)), 'u', url);
	const struct str restored = callback_restore(arena, config, document);

	if (str_find(document, STR(CALLBACK_PATH), 0) == SIZE_MAX)
		fuzz_must(restored.data == document.data && restored.len == document.len);
	if (is_base(parts->base))
		fuzz_must(str_equal(callback_restore(arena, config, escaped(arena, url)),
		    escaped(arena, parts->callback.url)));
	callback_restore(arena, config, parts->document);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	struct parts parts;

	if (!config) {
		log_open("fuzz", "error");
		config = some_config();
	}
	parts.base = fuzz_line(arena, &text);
	parts.callback = (struct callback){
		.kind = (enum callback_kind)(size % CALLBACK_KINDS),
		.server = str_from(fuzz_line_text(arena, &text)),
		.url = str_from(fuzz_line_text(arena, &text)),
		.secret = config->secrets[size % config->n_secrets],
	};
	parts.query = fuzz_line(arena, &text);
	parts.document = text;
	/* A server without a name there is none. */
	if (callback_is_url(parts.callback.url) && parts.callback.server.len > 0 &&
	    str_is_utf8(parts.callback.server)) {
		const struct str url = check_url(arena, config, &parts, size);

		check_restore(arena, config, &parts, url);
	}
	check_rewrite(arena, config, &parts);
	arena_free(arena);
	return 0;
}
