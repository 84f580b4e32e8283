/*
 * The name of a call, as a request's path has it: "create", "hooks/list".
 */
#ifndef CALL_NAME_H
#define CALL_NAME_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

/* What follows the last "/api/"; the empty span when the path ends in "/api"; the last segment
 * where there is neither.  *mount gets what stands before it, "/api" included, or is absent. */
struct str call_name_take(struct arena *arena, struct str path, struct str *mount);

/* Is it one: letters, digits and single inner slashes, which can be sent on to a server as
 * part of a URL? */
bool call_name_is_one(struct str name);

#endif
