#include "formats/jwt.h"

#include <dlfcn.h>
#include <jwt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bounds.h"
#include "base/built.h"
#include "base/dynlib.h"
#include "base/log.h"

/* Every function used, without its "jwt_". */
#define JWT_FUNCTIONS(X)   \
	X(new)             \
	X(free)            \
	X(decode)          \
	X(get_alg)         \
	X(get_grants_json) \
	X(add_grants_json) \
	X(set_alg)         \
	X(encode_str)

static struct {
#define JWT_FUNCTION_MEMBER(name) __typeof__(jwt_##name) *name;
	JWT_FUNCTIONS(JWT_FUNCTION_MEMBER)
#undef JWT_FUNCTION_MEMBER
} functions;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const jwt_alg_t algorithms[] = {
	[JWT_HS256] = JWT_ALG_HS256,
	[JWT_HS512] = JWT_ALG_HS512,
};

static void
load_once(void)
{
	void *library = dlopen(BUILT_LIBJWT, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		log_error("libjwt cannot be loaded", "reason", dlerror());
		return;
	}
#define JWT_FUNCTION_FIND(name)                                                 \
	if (!dynlib_find(library, "jwt_" #name, &functions.name)) {             \
		log_error("libjwt lacks a function", "function", "jwt_" #name); \
		dlclose(library);                                               \
		return;                                                         \
	}
	JWT_FUNCTIONS(JWT_FUNCTION_FIND)
#undef JWT_FUNCTION_FIND
	loaded = true;
}

/* libjwt leaves the expiry to its caller.  A date that cannot be read is past. */
static bool
is_expired(jwt_t *jwt, int64_t now_ms)
{
	char *text = functions.get_grants_json(jwt, "exp");

	if (!text)
		return false;
	char *end;
	double seconds = strtod(text, &end);
	bool expired = end == text || *end != '\0' || !(seconds * 1000 > (double)now_ms);
	free(text);
	return expired;
}

/* Make a token of claims, which are a JSON object; the caller frees it with free().
 * NULL when libjwt refuses or is out of memory. */
static char *
sign(jwt_alg_t algorithm, const char *claims, struct str secret)
{
	jwt_t *jwt;

	if (functions.new(&jwt) != 0)
		return NULL;
	char *text = NULL;
	if (functions.add_grants_json(jwt, claims) == 0 &&
	    functions.set_alg(jwt, algorithm, (const unsigned char *)secret.data,
	        (int)secret.len) == 0)
		text = functions.encode_str(jwt);
	functions.free(jwt);
	return text;
}

enum jwt_result
jwt_sign_anew(struct arena *arena, enum jwt_algorithm algorithm, struct str token,
    struct str secret, enum jwt_algorithm new_algorithm, struct str new_secret, int64_t now_ms,
    struct str *anew)
{
	enum jwt_result result = JWT_INVALID;
	char *claims = NULL, *text = NULL;
	jwt_t *jwt = NULL;

	/* Without a key libjwt would verify nothing. */
	if (token.len == 0 || token.len > LIMIT_TOKEN_BYTES || secret.len == 0 ||
	    new_secret.len == 0)
		return JWT_INVALID;
	pthread_once(&once, load_once);
	if (!loaded)
		return JWT_UNAVAILABLE;
	/* libjwt verifies by the algorithm that the token names: only the expected
	 * one will do. */
	if (functions.decode(&jwt, str_copy(arena, token), (const unsigned char *)secret.data,
	        (int)secret.len) != 0)
		return JWT_INVALID;
	if (functions.get_alg(jwt) != algorithms[algorithm])
		goto out;
	if (is_expired(jwt, now_ms)) {
		result = JWT_EXPIRED;
		goto out;
	}
	claims = functions.get_grants_json(jwt, NULL);
	if (!claims || claims[0] != '{')
		goto out;
	text = sign(algorithms[new_algorithm], claims, new_secret);
	if (!text)
		goto out;
	*anew = str_from(str_copy(arena, str_from(text)));
	result = JWT_FINE;
out:
	free(text);
	free(claims);
	functions.free(jwt);
	return result;
}
