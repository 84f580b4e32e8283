/*
 * BigBlueButton's request signature.
 *
 * checksum = lower-case hex of hash(callName + query + secret), over the raw
 * bytes of the query without its checksum parameter.  The algorithm is told by
 * the length alone: 40 SHA-1, 64 SHA-256, 96 SHA-384, 128 SHA-512 hex digits
 * (bigbluebutton: GetChecksum.java, GetChecksumValidator.java).
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum checksum_algorithm {
	CHECKSUM_SHA1,
	CHECKSUM_SHA256,
	CHECKSUM_SHA384,
	CHECKSUM_SHA512,
	CHECKSUM_ALGORITHMS /* how many there are */
};

#define CHECKSUM_ALL ((1u << CHECKSUM_ALGORITHMS) - 1)

/* 128 hex digits and the NUL. */
#define CHECKSUM_HEX_SIZE 129

/* "sha1", "sha256", "sha384", "sha512". */
const char *checksum_algorithm_name(enum checksum_algorithm algorithm);

/* The algorithm of that name (any case, "SHA-256" too).  0, or -1. */
int checksum_algorithm_find(struct str name, enum checksum_algorithm *algorithm);

/* Write the signature as NUL-terminated lower-case hex. */
void checksum_make(enum checksum_algorithm algorithm, struct str call_name, struct str query,
    struct str secret, char hex[CHECKSUM_HEX_SIZE]);

/*
 * Is given the signature of call_name + query under secret, by an algorithm
 * whose bit (1 << algorithm) is set in allowed?  Either case of hex digits is
 * taken, as BBB 3.0 does.  The comparison takes the same time wherever the
 * first difference is.  An empty secret verifies nothing.
 */
bool checksum_verify(unsigned allowed, struct str call_name, struct str query,
    struct str secret, struct str given);

/*
 * Write HMAC-SHA256 (RFC 2104) of text under secret as NUL-terminated lower-case
 * hex: what the gateway itself signs with its secret.  It has nothing in common
 * with a checksum, so that none can be taken for the other.
 */
void checksum_hmac(struct str secret, struct str text, char hex[CHECKSUM_HEX_SIZE]);

/* Is given that?  Compared in constant time; an empty secret verifies nothing. */
bool checksum_hmac_verify(struct str secret, struct str text, struct str given);

/* How long a hash of checksum_hash is. */
#define CHECKSUM_HASH_BYTES 32

/* Write the text's SHA-256: two texts of one hash are the same. */
void checksum_hash(struct str text, unsigned char hash[CHECKSUM_HASH_BYTES]);

/* "sha256-", 44 digits and the NUL. */
#define CHECKSUM_SOURCE_SIZE 52

/* Write the text's hash as a source of a Content-Security-Policy, NUL-terminated: a browser
 * takes a script or a style that is that text (CSP Level 3, section 6.7.3). */
void checksum_source(struct str text, char source[CHECKSUM_SOURCE_SIZE]);

/* The same bytes?  Takes the same time wherever they differ; for comparing with a
 * secret.  Empty spans never are. */
bool checksum_same(struct str a, struct str b);

#endif
