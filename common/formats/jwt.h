/*
 * JSON Web Tokens (RFC 7519), as BBB signs callbacks with them: verify one with a
 * server's secret, and sign what it says anew with another.
 *
 * libjwt does both; it is seen in jwt.c only, and loaded with dlopen(3) when
 * first needed, since few requests are callbacks.
 */
#ifndef TINYSCALE_JWT_H
#define TINYSCALE_JWT_H

#include <stdint.h>

#include "base/str.h"

struct arena;

enum jwt_algorithm {
	JWT_HS256, /* recording-ready */
	JWT_HS512  /* analytics */
};

enum jwt_result {
	JWT_FINE,
	JWT_INVALID,    /* no token, another algorithm, or not signed with secret */
	JWT_EXPIRED,    /* its "exp" is not after now (RFC 7519, section 4.1.4) */
	JWT_UNAVAILABLE /* libjwt cannot be loaded; logged */
};

/*
 * Verify token, which must be signed with secret by exactly that algorithm: what
 * the token itself names as its algorithm decides nothing.  Then sign its claims,
 * "exp" among them, anew with new_secret by new_algorithm; *anew gets that token,
 * NUL-terminated, in the arena.  Order and spacing of the claims may change.  Longer tokens
 * than LIMIT_TOKEN_BYTES, and empty secrets, are JWT_INVALID.
 */
enum jwt_result jwt_sign_anew(struct arena *arena, enum jwt_algorithm algorithm,
    struct str token, struct str secret, enum jwt_algorithm new_algorithm,
    struct str new_secret, int64_t now_ms, struct str *anew);

#endif
