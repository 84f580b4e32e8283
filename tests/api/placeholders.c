#include "placeholders.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "case.h"
#include "formats/query.h"
#include "formats/xml.h"
#include "model/webhook.h"

/*
 * The words of a placeholder, and what is put in its place.  detail tells kinds of
 * one placeholder apart.
 */
typedef void fill(struct arena *arena, struct buf *out, char *words, int detail);

#define BAD "(a bad placeholder)"

/* The unpadded base64url of bytes (RFC 4648, section 5). */
static char *
base64url(struct arena *arena, const void *bytes, size_t n)
{
	char *text = arena_alloc(arena, n * 2 + 8);

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
	for (char *c = text; *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
	return text;
}

static char *
encode(struct arena *arena, const char *text)
{
	struct buf out;

	buf_init(&out, CASE_TEXT_MAX);
	query_encode(&out, str_from(text));
	return str_copy(arena, buf_take(&out, arena));
}

/* The words' first one, cut off; returns the others. */
static char *
cut_word(char *words)
{
	char *space = words + strcspn(words, " ");

	if (*space != '\0')
		*space++ = '\0';
	return space;
}

/* What the mac of a webhook's URL covers beside the others' (callback.h).  A request names
 * no scheme and host. */
static const char *
mac_base(struct arena *arena, const char *kind, const char *base)
{
	if (strcmp(kind, "hook") != 0)
		return "";
	return str_printf(arena, "\n%s%s", base[0] == '/' ? "http://gateway.test" : "", base);
}

/* KIND SERVER URL [BASE [SECRET [MAC-BASE]]]; detail: 1, to be encoded; 2, to be a text of
 * XML. */
static void
fill_callback(struct arena *arena, struct buf *out, char *words, int detail)
{
	const char *kind = strtok(words, " "), *server = strtok(NULL, " ");
	const char *url = strtok(NULL, " "), *base = strtok(NULL, " ");
	const char *secret = strtok(NULL, " "), *covered = strtok(NULL, " ");

	if (!url) {
		buf_text(out, BAD);
		return;
	}
	if (!base)
		base = "http://gateway.test/bigbluebutton/api";
	char hex[CHECKSUM_HEX_SIZE];
	checksum_hmac(str_from(secret ? secret : "gateway-secret"),
	    str_from(str_printf(arena, "tinyscale/callback\n%s\n%s\n%s%s", kind, server, url,
	        mac_base(arena, kind, covered ? covered : base))),
	    hex);
	const char *text = str_printf(arena,
	    "%s/tinyscale/callback?kind=%s&server=%s&url=%s&mac=%s", base, kind,
	    encode(arena, server), encode(arena, url), hex);
	if (detail == 2)
		xml_text(out, str_from(text));
	else
		buf_text(out, detail == 1 ? encode(arena, text) : text);
}

/* SECRET CLAIMS; detail: the number of HMAC's bits. */
static void
fill_token(struct arena *arena, struct buf *out, char *words, int detail)
{
	const char *claims = cut_word(words), *secret = words;
	const char *head = str_printf(arena, "{\"alg\":\"HS%d\",\"typ\":\"JWT\"}", detail);
	const char *text = str_printf(arena, "%s.%s", base64url(arena, head, strlen(head)),
	    base64url(arena, claims, strlen(claims)));
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	HMAC(detail == 256 ? EVP_sha256() : EVP_sha512(), secret, (int)strlen(secret),
	    (const unsigned char *)text, strlen(text), mac, &n);
	buf_printf(out, "%s.%s", text, base64url(arena, mac, n));
}

/* URL */
static void
fill_hook(struct arena *arena, struct buf *out, char *words, int detail)
{
	(void)arena;
	(void)detail;
	char id[WEBHOOK_ID_SIZE];
	webhook_id(str_from(words), id);
	buf_text(out, id);
}

/* SECRET TEXT; detail: the algorithm. */
static void
fill_hash(struct arena *arena, struct buf *out, char *words, int detail)
{
	const char *text = cut_word(words);

	(void)arena;
	char hex[CHECKSUM_HEX_SIZE];
	checksum_make((enum checksum_algorithm)detail, str_from(text), STR(""), str_from(words),
	    hex);
	buf_text(out, hex);
}

/* Bytes in hexadecimal, with or without spaces between them. */
static void
fill_bytes(struct arena *arena, struct buf *out, char *words, int detail)
{
	(void)arena;
	(void)detail;
	while (*words != '\0') {
		unsigned byte;
		int n = 0;

		if (sscanf(words, " %2x%n", &byte, &n) != 1) {
			buf_text(out, BAD);
			return;
		}
		buf_char(out, (char)byte);
		words += n;
	}
}

/* N TEXT */
static void
fill_times(struct arena *arena, struct buf *out, char *words, int detail)
{
	const char *text = cut_word(words);

	(void)arena;
	(void)detail;
	for (long n = strtol(words, NULL, 10); n > 0; n--)
		buf_text(out, text);
}

static const struct {
	const char *mark;
	fill *fill;
	int detail;
} placeholders[] = {
	{ "%callback{", fill_callback, 0 },
	{ "%callback-encoded{", fill_callback, 1 },
	{ "%callback-xml{", fill_callback, 2 },
	{ "%token256{", fill_token, 256 },
	{ "%token512{", fill_token, 512 },
	{ "%hook{", fill_hook, 0 },
	{ "%hash1{", fill_hash, CHECKSUM_SHA1 },
	{ "%hash256{", fill_hash, CHECKSUM_SHA256 },
	{ "%hash384{", fill_hash, CHECKSUM_SHA384 },
	{ "%hash512{", fill_hash, CHECKSUM_SHA512 },
	{ "%bytes{", fill_bytes, 0 },
	{ "%times{", fill_times, 0 },
};
#define N_PLACEHOLDERS (sizeof(placeholders) / sizeof(*placeholders))

/* The place of the brace that closes what begins at from, or the text's end. */
static size_t
closing_brace(struct str text, size_t from)
{
	int depth = 0;

	for (; from < text.len && (text.data[from] != '}' || depth > 0); from++)
		depth += text.data[from] == '{' ? 1 : text.data[from] == '}' ? -1 : 0;
	return from;
}

struct str
placeholders_fill(struct arena *arena, struct str text)
{
	struct buf out;

	buf_init(&out, CASE_TEXT_MAX);
	for (size_t at = 0; at < text.len;) {
		/* All of them begin so. */
		const size_t mark = str_find(text, STR("%"), at);
		buf_str(&out, str_part(text, at, mark - at));
		if (mark == SIZE_MAX)
			break;
		at = mark;
		const struct str rest = str_part(text, at, SIZE_MAX);
		size_t i = 0;

		while (i < N_PLACEHOLDERS && !str_starts(rest, placeholders[i].mark))
			i++;
		if (i == N_PLACEHOLDERS) {
			buf_char(&out, text.data[at++]);
			continue;
		}
		const size_t from = strlen(placeholders[i].mark);
		const size_t end = closing_brace(rest, from);
		char *words = str_copy(arena,
		    placeholders_fill(arena, str_part(rest, from, end - from)));
		placeholders[i].fill(arena, &out, words, placeholders[i].detail);
		at += end < rest.len ? end + 1 : end;
	}
	return buf_take(&out, arena);
}

/*
 * Checksums.
 */

/* The text with all of what replaced by with, again and again. */
static struct str
replace(struct arena *arena, struct str text, struct str what, const char *with)
{
	size_t at;

	while ((at = str_find(text, what, 0)) != SIZE_MAX) {
		struct buf out;

		buf_init(&out, CASE_TEXT_MAX);
		buf_str(&out, str_part(text, 0, at));
		buf_text(&out, with);
		buf_str(&out, str_part(text, at + what.len, SIZE_MAX));
		text = buf_take(&out, arena);
	}
	return text;
}

char *
placeholders_call_name(struct arena *arena, const char *target)
{
	struct str path = replace(arena, (struct str){ target, strcspn(target, "?") },
	    STR("//"), "/");
	struct str name = { "", 0 };
	size_t at;

	while ((at = str_find(path, STR("/api/"), 0)) != SIZE_MAX)
		name = path = str_part(path, at + strlen("/api/"), SIZE_MAX);
	name.len -= name.len > 0 && name.data[name.len - 1] == '/';
	return str_copy(arena, name);
}

struct str
placeholders_sign(struct arena *arena, struct str text, const char *target, const char *mark,
    enum checksum_algorithm algorithm, const char *secret)
{
	const char *question = strchr(target, '?');
	const struct str pair = str_from(str_printf(arena, "&checksum=%s&", mark));
	struct str query = str_from(question ? question + 1 : "");

	if (str_find(text, str_from(mark), 0) == SIZE_MAX)
		return text;
	/* In the middle or at the end, at the beginning, alone. */
	query = replace(arena, query, str_part(pair, 0, pair.len - 1), "");
	query = replace(arena, query, str_part(pair, 1, SIZE_MAX), "");
	query = replace(arena, query, str_part(pair, 1, pair.len - 2), "");
	char hex[CHECKSUM_HEX_SIZE];
	checksum_make(algorithm, str_from(placeholders_call_name(arena, target)), query,
	    str_from(secret), hex);
	if (strcmp(mark, "%SIGN") == 0)
		for (char *c = hex; *c != '\0'; c++)
			*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c);
	return replace(arena, text, str_from(mark), hex);
}

struct str
placeholders_sign_request(struct arena *arena, struct str text, const char *target,
    const char *secret)
{
	/* %sign last, which the others begin with. */
	static const struct {
		const char *mark;
		enum checksum_algorithm algorithm;
	} marks[] = {
		{ "%sign256", CHECKSUM_SHA256 },
		{ "%sign384", CHECKSUM_SHA384 },
		{ "%sign512", CHECKSUM_SHA512 },
		{ "%sign1", CHECKSUM_SHA1 },
		{ "%SIGN", CHECKSUM_SHA1 },
		{ "%sign", CHECKSUM_SHA1 },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		text = placeholders_sign(arena, text, target, marks[i].mark, marks[i].algorithm,
		    secret);
	return text;
}
