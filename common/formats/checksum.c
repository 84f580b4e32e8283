#include "formats/checksum.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const struct {
	const char *name;
	const char *dashed;
	const EVP_MD *(*digest)(void);
	size_t hex_len;
} algorithms[CHECKSUM_ALGORITHMS] = {
	[CHECKSUM_SHA1] = { "sha1", "sha-1", EVP_sha1, 40 },
	[CHECKSUM_SHA256] = { "sha256", "sha-256", EVP_sha256, 64 },
	[CHECKSUM_SHA384] = { "sha384", "sha-384", EVP_sha384, 96 },
	[CHECKSUM_SHA512] = { "sha512", "sha-512", EVP_sha512, 128 },
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
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || EVP_DigestInit_ex(context, algorithms[algorithm].digest(), NULL) != 1 ||
	    EVP_DigestUpdate(context, call_name.data, call_name.len) != 1 ||
	    EVP_DigestUpdate(context, query.data, query.len) != 1 ||
	    EVP_DigestUpdate(context, secret.data, secret.len) != 1 ||
	    EVP_DigestFinal_ex(context, digest, &len) != 1) {
		/* Only without memory, or in a crypto library that has no SHA. */
		log_error("the crypto library cannot compute a checksum", "algorithm",
		    algorithms[algorithm].name);
		abort();
	}
	EVP_MD_CTX_free(context);
	write_hex(digest, len, hex);
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
	if (EVP_Digest(text.data ? text.data : "", text.len, hash, NULL, EVP_sha256(), NULL) !=
	    1) {
		log_error("the crypto library cannot compute a hash");
		abort();
	}
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
