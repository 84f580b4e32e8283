/*
 * JSON Web Tokens (jwt.h).  The input is a header and claims, a line each, of which a token
 * is made that is signed properly; or, where the first line is not empty and holds no brace,
 * that is the token.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "formats/jwt.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1700000000000)
#define SECRET STR("a-server's secret")
#define NEW_SECRET STR("the gateway's secret")

/* The unpadded base64url of bytes (RFC 4648, section 5). */
static const char *
base64url(struct arena *arena, const void *bytes, size_t n)
{
	char *text = arena_alloc(arena, n * 2 + 8);

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
	for (char *c = text; *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
	return text;
}

static struct str
signed_token(struct arena *arena, struct str header, struct str claims)
{
	const bool is_256 = str_find(header, STR("256"), 0) != SIZE_MAX;
	const char *text = str_printf(arena, "%s.%s", base64url(arena, header.data, header.len),
	    base64url(arena, claims.data, claims.len));
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	HMAC(is_256 ? EVP_sha256() : EVP_sha512(), SECRET.data, (int)SECRET.len,
	    (const unsigned char *)text, strlen(text), mac, &n);
	return str_from(str_printf(arena, "%s.%s", text, base64url(arena, mac, n)));
}

/* A token that was taken is one of the gateway's own then, and stays what it is. */
static void
check_fine(struct arena *arena, struct str token, enum jwt_algorithm algorithm,
    enum jwt_algorithm new_algorithm, struct str anew)
{
	struct str again, third;

	fuzz_must(anew.data && anew.len > 0 && strlen(anew.data) == anew.len);
	for (size_t i = 0; i < anew.len; i++)
		fuzz_must(
		    strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		           "0123456789-_.",
		        anew.data[i]));
	fuzz_must(jwt_sign_anew(arena, new_algorithm, anew, NEW_SECRET, new_algorithm,
	              NEW_SECRET, NOW_MS, &again) == JWT_FINE);
	fuzz_must(str_equal(anew, again));
	/* Nobody else's secret, nor the other algorithm, will do. */
	fuzz_must(jwt_sign_anew(arena, algorithm, token, NEW_SECRET, algorithm, NEW_SECRET,
	              NOW_MS, &third) == JWT_INVALID);
	fuzz_must(jwt_sign_anew(arena, algorithm == JWT_HS256 ? JWT_HS512 : JWT_HS256, token,
	              SECRET, new_algorithm, NEW_SECRET, NOW_MS, &third) == JWT_INVALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	struct str header = fuzz_line(arena, &text), token = header;
	const bool is_made = header.len == 0 || memchr(header.data, '{', header.len);

	if (is_made)
		token = signed_token(arena, header, text);
	for (int i = 0; i < 4; i++) {
		const enum jwt_algorithm from = i & 1 ? JWT_HS256 : JWT_HS512;
		const enum jwt_algorithm to = i & 2 ? JWT_HS256 : JWT_HS512;
		struct str anew = { 0 };
		const enum jwt_result result = jwt_sign_anew(arena, from, token, SECRET, to,
		    NEW_SECRET, NOW_MS, &anew);

		/* libjwt is part of what is tested. */
		fuzz_must(result != JWT_UNAVAILABLE);
		fuzz_must(is_made || result == JWT_INVALID);
		if (result == JWT_FINE)
			check_fine(arena, token, from, to, anew);
	}
	arena_free(arena);
	return 0;
}
