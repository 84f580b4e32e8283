/*
 * SHA256_Init() and its kind are called deprecated in favour of EVP (SHA256_Init(3)).  But EVP
 * looks for each hash among providers, and sets them up when it is asked for the first: a
 * quarter of the time that a CGI took for a join.  So the macro asks for OpenSSL 1.1's
 * functions (openssl_user_macros(7)).  HMACs are EVP's: few requests need one.
 */
#define OPENSSL_API_COMPAT 10100

#include "formats/checksum.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* What is hashed, one part after the other. */
struct parts {
	struct str parts[3];
};

#define HASH_FUNCTION(name, context_type, sha)                                           \
	static void name(const struct parts *text, unsigned char *digest)                \
	{                                                                                \
		context_type context;                                                    \
                                                                                         \
		sha##_Init(&context);                                                    \
		for (size_t i = 0; i < sizeof(text->parts) / sizeof(*text->parts); i++)  \
			sha##_Update(&context, text->parts[i].data, text->parts[i].len); \
		sha##_Final(digest, &context);                                           \
		OPENSSL_cleanse(&context, sizeof(context));                              \
	}
HASH_FUNCTION(hash_sha1, SHA_CTX, SHA1)
HASH_FUNCTION(hash_sha256, SHA256_CTX, SHA256)
HASH_FUNCTION(hash_sha384, SHA512_CTX, SHA384)
HASH_FUNCTION(hash_sha512, SHA512_CTX, SHA512)
#undef HASH_FUNCTION

static const struct {
	const char *name;
	const char *dashed;
	void (*hash)(const struct parts *text, unsigned char *digest);
	size_t hex_len;
} algorithms[CHECKSUM_ALGORITHMS] = {
	[CHECKSUM_SHA1] = { "sha1", "sha-1", hash_sha1, 40 },
	[CHECKSUM_SHA256] = { "sha256", "sha-256", hash_sha256, 64 },
	[CHECKSUM_SHA384] = { "sha384", "sha-384", hash_sha384, 96 },
	[CHECKSUM_SHA512] = { "sha512", "sha-512", hash_sha512, 128 },
};

const char *
checksum_algorithm_name(enum checksum_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

int
checksum_algorithm_find(struct str name, enum checksum_algorithm *algorithm)
{
	for (int i = 0; i < CHECKSUM_ALGORITHMS; i++) {
		if (str_is_nocase(name, algorithms[i].name) ||
		    str_is_nocase(name, algorithms[i].dashed)) {
			*algorithm = (enum checksum_algorithm)i;
			return 0;
		}
	}
	return -1;
}

static void
write_hex(const unsigned char *bytes, size_t len, char hex[CHECKSUM_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
}

void
checksum_make(enum checksum_algorithm algorithm, struct str call_name, struct str query,
    struct str secret, char hex[CHECKSUM_HEX_SIZE])
{
	unsigned char digest[SHA512_DIGEST_LENGTH];

	algorithms[algorithm].hash(&(struct parts){ { call_name, query, secret } }, digest);
	write_hex(digest, algorithms[algorithm].hex_len / 2, hex);
}

bool
checksum_verify(unsigned allowed, struct str call_name, struct str query, struct str secret,
    struct str given)
{
	if (secret.len == 0)
		return false;
	int a;
	for (a = 0; a < CHECKSUM_ALGORITHMS; a++)
		if (algorithms[a].hex_len == given.len)
			break;
	if (a == CHECKSUM_ALGORITHMS || !(allowed & 1u << a))
		return false;
	char hex[CHECKSUM_HEX_SIZE], lower[CHECKSUM_HEX_SIZE];
	for (size_t i = 0; i < given.len; i++) {
		char c = given.data[i];

		lower[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
	}
	checksum_make((enum checksum_algorithm)a, call_name, query, secret, hex);
	return CRYPTO_memcmp(lower, hex, given.len) == 0;
}

void
checksum_hmac(struct str secret, struct str text, char hex[CHECKSUM_HEX_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!HMAC(EVP_sha256(), secret.data ? secret.data : "", (int)secret.len,
	        (const unsigned char *)(text.data ? text.data : ""), text.len, digest, &len)) {
		log_error("the crypto library cannot compute a HMAC");
		abort();
	}
	write_hex(digest, len, hex);
}

void
checksum_hash(struct str text, unsigned char hash[CHECKSUM_HASH_BYTES])
{
	hash_sha256(&(struct parts){ { text } }, hash);
}

void
checksum_source(struct str text, char source[CHECKSUM_SOURCE_SIZE])
{
	unsigned char hash[CHECKSUM_HASH_BYTES];

	checksum_hash(text, hash);
	static const char begin[] = "sha256-";
	const size_t begin_len = sizeof(begin) - 1;
	memcpy(source, begin, begin_len);
	EVP_EncodeBlock((unsigned char *)source + begin_len, hash, sizeof(hash));
}

bool
checksum_same(struct str a, struct str b)
{
	return a.len > 0 && a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

bool
checksum_hmac_verify(struct str secret, struct str text, struct str given)
{
	if (secret.len == 0)
		return false;
	char hex[CHECKSUM_HEX_SIZE];
	checksum_hmac(secret, text, hex);
	return checksum_same(str_from(hex), given);
}
