/*
 * BBB's checksum, written from BBB's own sources and shared with nobody, so
 * that a mistake in the code under test cannot cancel itself out here:
 * bbb-common-web/src/main/java/org/bigbluebutton/api/model/shared/
 * {Checksum,GetChecksum}.java and .../model/validator/GetChecksumValidator.java.
 */
#ifndef SANDBOX_CHECKSUM_H
#define SANDBOX_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

/* Room for the longest digest in hex and its NUL. */
#define CHECKSUM_HEX_MAX 129

/*
 * Writes the lower-case hex digest of length bytes into hex, by the algorithm
 * whose digest has hex_length digits: 40 SHA-1, 64 SHA-256, 96 SHA-384, 128
 * SHA-512.  Returns 0, or -1 for any other length.
 */
int checksum_write_digest(const void *data, size_t length, size_t hex_length,
    char hex[CHECKSUM_HEX_MAX]);

/*
 * Tells whether value signs call and query.  query is the raw text behind the
 * '?', "" when there is none; value is the decoded, trimmed parameter.  The
 * signed text is call + query without the checksum + secret, where the
 * checksum is cut by three literal replacements of all occurrences, in this
 * order: "&checksum=V", "checksum=V&", "checksum=V".  Case of the hex digits
 * does not matter.
 */
bool checksum_is_valid(const char *call, const char *query, const char *value,
    const char *secret);

/*
 * The same for bbb-webhooks, whose rule is another (its src/out/webhooks/
 * utils.js): only the first checksum is cut, by three regular expressions,
 * "&checksum=[^&]*", "checksum=[^&]*&", "checksum=[^&]*$", and the case of the
 * hex digits matters.
 */
bool checksum_is_valid_hook(const char *call, const char *query, const char *value,
    const char *secret);

/*
 * Returns a JSON Web Token (RFC 7515, compact) of header and payload, which
 * are JSON, with an HMAC by SHA-256 or, with bits 512, by SHA-512.  The caller
 * frees it.
 */
char *checksum_make_jwt(const char *header, const char *payload, unsigned bits,
    const char *secret);

#endif
