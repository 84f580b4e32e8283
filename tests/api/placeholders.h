/*
 * Placeholders in case files: texts that are made by cryptography or are no
 * letters, and the checksums of BigBlueButton's calls.  case.h lists them.
 */
#ifndef PLACEHOLDERS_H
#define PLACEHOLDERS_H

#include "formats/checksum.h"
#include "base/str.h"

struct arena;

/* The text with its %word{...} replaced; braces within are counted, and what
 * stands between them is filled in first.  NUL-terminated, in the arena. */
struct str placeholders_fill(struct arena *arena, struct str text);

/* The call's name in a target: what follows the last "/api/", without doubled
 * slashes and one at the end. */
char *placeholders_call_name(struct arena *arena, const char *target);

/*
 * The text with all of mark, such as "%sign-a", replaced by the checksum of the
 * target, over its query without the parameter that mark is the value of.
 */
struct str placeholders_sign(struct arena *arena, struct str text, const char *target,
    const char *mark, enum checksum_algorithm algorithm, const char *secret);

/* The same for all that a request may hold: %sign, %sign1, ... %SIGN. */
struct str placeholders_sign_request(struct arena *arena, struct str text, const char *target,
    const char *secret);

#endif
