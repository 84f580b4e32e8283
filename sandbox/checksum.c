#include "checksum.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

static const EVP_MD *
algorithm_of(size_t hex_length)
{
	switch (hex_length) {
	case 40:
		return EVP_sha1();
	case 64:
		return EVP_sha256();
	case 96:
		return EVP_sha384();
	case 128:
		return EVP_sha512();
	default:
		return NULL;
	}
}

int
checksum_write_digest(const void *data, size_t length, size_t hex_length,
    char hex[CHECKSUM_HEX_MAX])
{
	const EVP_MD *algorithm = algorithm_of(hex_length);

	if (!algorithm)
		return -1;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_length = 0;
	if (EVP_Digest(data, length, digest, &digest_length, algorithm, NULL) != 1)
		return -1;
	for (unsigned i = 0; i < digest_length; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	return 0;
}

/* Replaces text by a copy of itself without any occurrence of part. */
static void
delete_all(char **text, const char *part)
{
	struct text kept = { 0 };
	const char *at = *text;

	text_add(&kept, "", 0);
	const char *found;
	while ((found = strstr(at, part)) != NULL) {
		text_add(&kept, at, (size_t)(found - at));
		at = found + strlen(part);
	}
	text_add_string(&kept, at);
	free(*text);
	*text = kept.data;
}

bool
checksum_is_valid(const char *call, const char *query, const char *value, const char *secret)
{
	struct text part = { 0 };
	char *rest = text_duplicate(query);

	text_add_format(&part, "&checksum=%s&", value);
	part.data[part.length - 1] = '\0';
	delete_all(&rest, part.data);
	part.data[part.length - 1] = '&';
	delete_all(&rest, part.data + 1);
	part.data[part.length - 1] = '\0';
	delete_all(&rest, part.data + 1);

	struct text signed_text = { 0 };
	text_add_format(&signed_text, "%s%s%s", call, rest, secret);
	char hex[CHECKSUM_HEX_MAX];
	bool valid = checksum_write_digest(signed_text.data, signed_text.length, strlen(value),
	                 hex) == 0 &&
	    strcasecmp(hex, value) == 0;
	free(rest);
	text_fini(&part);
	text_fini(&signed_text);
	return valid;
}

/*
 * Cuts from text the first mark that is followed by characters other than '&'
 * and then by what end says: '&', which is cut as well, NUL, or 'x' for either,
 * with nothing more cut.
 */
static void
delete_first(char *text, const char *mark, char end)
{
	for (char *at = text; (at = strstr(at, mark)) != NULL; at++) {
		char *behind = at + strlen(mark);

		behind += strcspn(behind, "&");
		if (end != 'x' && *behind != end)
			continue;
		if (end == '&')
			behind++;
		memmove(at, behind, strlen(behind) + 1);
		return;
	}
}

bool
checksum_is_valid_hook(const char *call, const char *query, const char *value,
    const char *secret)
{
	char *rest = text_duplicate(query);

	delete_first(rest, "&checksum=", 'x');
	delete_first(rest, "checksum=", '&');
	delete_first(rest, "checksum=", '\0');
	struct text signed_text = { 0 };
	text_add_format(&signed_text, "%s%s%s", call, rest, secret);
	char hex[CHECKSUM_HEX_MAX];
	bool valid = checksum_write_digest(signed_text.data, signed_text.length, strlen(value),
	                 hex) == 0 &&
	    strcmp(hex, value) == 0;
	free(rest);
	text_fini(&signed_text);
	return valid;
}

/* Appends data in base64url without padding (RFC 7515, section 2). */
static void
add_base64url(struct text *text, const void *data, size_t length)
{
	unsigned char *encoded = text_new(4 * ((length + 2) / 3) + 1);

	EVP_EncodeBlock(encoded, data, (int)length);
	for (unsigned char *c = encoded; *c != '\0' && *c != '='; c++)
		text_add(text, *c == '+' ? "-" : *c == '/' ? "_" : (const char *)c, 1);
	free(encoded);
}

char *
checksum_make_jwt(const char *header, const char *payload, unsigned bits, const char *secret)
{
	struct text token = { 0 };

	add_base64url(&token, header, strlen(header));
	text_add_string(&token, ".");
	add_base64url(&token, payload, strlen(payload));
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	if (!HMAC(bits == 512 ? EVP_sha512() : EVP_sha256(), secret, (int)strlen(secret),
	        (const unsigned char *)token.data, token.length, digest, &length))
		abort();
	text_add_string(&token, ".");
	add_base64url(&token, digest, length);
	return token.data;
}
