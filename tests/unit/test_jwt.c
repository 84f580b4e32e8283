/*
 * JSON Web Tokens: good ones, and every way to be fooled by a bad one.
 *
 * The tokens were made with Python's hmac and base64, the first as ruby-jwt makes
 * them: without "typ".
 */
#include "formats/jwt.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "tap.h"

#define NOW_MS INT64_C(1700000000000)

static const struct {
	enum jwt_algorithm algorithm;
	enum jwt_result result;
	const char *what;
	const char *token; /* signed with "key" */
} tokens[] = {
	/* {"alg":"HS256"} {"record_id":"r","meeting_id":"m"} */
	{ JWT_HS256, JWT_FINE, "a token without typ",
	    "eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ.Gn"
	    "kecqebl86z3xVfeWFZTQnLzeU9oI7kG6Kwpd3VvKI" },
	/* {"typ":"JWT","alg":"HS256"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_FINE, "a token with typ",
	    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJtZWV0aW5nX2lkIjoibSJ9.QFCMR5pH"
	    "CvaJvUsZEpjrc6qb-ti2jfbcfyU4uIu25nY" },
	/* {"alg":"HS512"} {"exp":1700000001} */
	{ JWT_HS512, JWT_FINE, "HS512",
	    "eyJhbGciOiJIUzUxMiJ9.eyJleHAiOjE3MDAwMDAwMDF9.NvRqiZWgg6EsCgM5fRRrdnp3"
	    "Zwqmg3MO7zz3UKlUHJAdth8HuQYkER6i4aHBHxtqBFV2Beb8OTEv7gogjPwYUA" },
	/* {"alg":"HS256"} {"exp":1700000000.5} */
	{ JWT_HS256, JWT_FINE, "a fraction in exp",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDAuNX0.o8IrBEQgtAYpeg7V--whP"
	    "8vGyO4zo9ceZBpA1PFq3fc" },
	/* {"alg":"HS256"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "another secret",
	    "eyJhbGciOiJIUzI1NiJ9.eyJtZWV0aW5nX2lkIjoibSJ9.CFiYhFvcUstWHeYzlOPqAU_j"
	    "x-7FK7nlHfNiXFVoKFc" },
	/* {"alg":"HS512"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "HS512 in place of HS256",
	    "eyJhbGciOiJIUzUxMiJ9.eyJtZWV0aW5nX2lkIjoibSJ9.OQOOiflm0K-od27Nnj_Wxeho"
	    "hMKCedGMKJdFNlFsbIpufTBTLYYz6FUIXIFyvYnr0wET8U4bXUnnEurcdsF6mQ" },
	/* {"alg":"HS256"} {"exp":1700000001} */
	{ JWT_HS512, JWT_INVALID, "HS256 in place of HS512",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDF9.zt_JBq6ZXgMZxh0nw2lGJAab"
	    "GxFl5rjeADexb_nyc5Q" },
	/* {"alg":"HS384"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "HS384",
	    "eyJhbGciOiJIUzM4NCJ9.eyJtZWV0aW5nX2lkIjoibSJ9.fwjZ26CYuvmLR65WdmhA-UJ6"
	    "5u7ErfhoQTJqzwwJ2DdkjZFZrLi1HzUAtPd9lbK9" },
	/* {"alg":"none"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "no algorithm: none",
	    "eyJhbGciOiJub25lIn0.eyJtZWV0aW5nX2lkIjoibSJ9." },
	/* {"alg":"NONE"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "no algorithm: NONE",
	    "eyJhbGciOiJOT05FIn0.eyJtZWV0aW5nX2lkIjoibSJ9." },
	/* {"typ":"JWT"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "no algorithm at all",
	    "eyJ0eXAiOiJKV1QifQ.eyJtZWV0aW5nX2lkIjoibSJ9." },
	/* {"alg":"RS256"} {"meeting_id":"m"} */
	{ JWT_HS256, JWT_INVALID, "the secret as a public key: RS256",
	    "eyJhbGciOiJSUzI1NiJ9.eyJtZWV0aW5nX2lkIjoibSJ9.NUw0hOFno6VfZoF6wnypi7Jq"
	    "-LBbyC6yB_tz4yAiLV4" },
	/* {"alg":"HS256"} ["m"] */
	{ JWT_HS256, JWT_INVALID, "claims that are no object",
	    "eyJhbGciOiJIUzI1NiJ9.WyJtIl0.hPiIo8qprzEbDkkq0jHUU8lgVv8rkEqI6zh7bTBaQ"
	    "Co" },
	/* {"alg":"HS256"} {"m */
	{ JWT_HS256, JWT_INVALID, "claims that are no JSON",
	    "eyJhbGciOiJIUzI1NiJ9.eyJt.wz3-92F64JyHfbHX2AH-PukdzkEsw8NJcozyYrqizEM" },
	/* {"alg":"HS256"} {"exp":1700000000} */
	{ JWT_HS256, JWT_EXPIRED, "exp of this second",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDB9.pbMXbnsWwGeR2560ztnSRRDO"
	    "c8xkfHbzLwn093jmI2o" },
	/* {"alg":"HS256"} {"exp":0} */
	{ JWT_HS256, JWT_EXPIRED, "exp of long ago",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjB9.LtEsObI8wlZhL8robt9jFBfMS4giz9htAJz7"
	    "p9T4rb0" },
	/* {"alg":"HS256"} {"exp":"2100-01-01"} */
	{ JWT_HS256, JWT_EXPIRED, "exp that is no number",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOiIyMTAwLTAxLTAxIn0.GEVQFhJQwsAmmcWXPwb59"
	    "eV7t4p0O6W5kg88dT8yM28" },
	/* {"alg":"HS256"} {"exp":null} */
	{ JWT_HS256, JWT_EXPIRED, "exp that is null",
	    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOm51bGx9.k3CJy6laahX8WVJR1ba9gT43kU4FzDuD"
	    "5rs8LhqJw_Q" },
};

/* Texts that are no tokens, or damaged ones. */
static const char *const broken[] = {
	"",
	".",
	"..",
	"...",
	"x",
	"x.y.z",
	"$$$.$$$.$$$",
	"e30.e30.",
	"e30.e30.e30",
	/* A good one without its signature, its dot, its last byte; with more. */
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ.",
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ",
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ."
	"Gnkecqebl86z3xVfeWFZTQnLzeU9oI7kG6Kwpd3VvK",
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ."
	"Gnkecqebl86z3xVfeWFZTQnLzeU9oI7kG6Kwpd3VvKIA",
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ."
	"Gnkecqebl86z3xVfeWFZTQnLzeU9oI7kG6Kwpd3VvKI=",
	"eyJhbGciOiJIUzI1NiJ9.eyJyZWNvcmRfaWQiOiJyIiwibWVldGluZ19pZCI6Im0ifQ."
	"Gnkecqebl86z3xVfeWFZTQnLzeU9oI7kG6Kwpd3VvKI.x",
};

static enum jwt_result
anew(struct arena *arena, enum jwt_algorithm algorithm, const char *token, const char *secret,
    const char *new_secret, struct str *out)
{
	*out = (struct str){ NULL, 0 };
	return jwt_sign_anew(arena, algorithm, str_from(token), str_from(secret), algorithm,
	    str_from(new_secret), NOW_MS, out);
}

static void
test_tokens(struct arena *arena)
{
	struct str out;

	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		is_int(anew(arena, tokens[i].algorithm, tokens[i].token, "key", "new", &out),
		    tokens[i].result, "%s", tokens[i].what);
		if (tokens[i].result != JWT_FINE)
			continue;
		struct str again;
		is_int(anew(arena, tokens[i].algorithm, out.data, "key", "key", &again),
		    JWT_INVALID, "%s: the old secret no longer verifies it", tokens[i].what);
		is_int(anew(arena, tokens[i].algorithm, out.data, "new", "new", &again),
		    JWT_FINE, "%s: the new one does", tokens[i].what);
		is_str(again.data, out.data, "%s: and the same again is the same",
		    tokens[i].what);
	}
	/* {"alg":"hs256"} {"meeting_id":"m"}: libjwt before 1.17 takes that for the same. */
	enum jwt_result result = anew(arena, JWT_HS256,
	    "eyJhbGciOiJoczI1NiJ9.eyJtZWV0aW5nX2lkIjoibSJ9._-Qd5AcvRMIgNE569GYAb155"
	    "6gRbN0aI6OqbT3azp7c",
	    "key", "new", &out);
	struct str again;
	ok(result == JWT_INVALID ||
	        (result == JWT_FINE &&
	            anew(arena, JWT_HS256, out.data, "new", "new", &again) == JWT_FINE),
	    "a name in lower case is refused, or taken for the same and signed anew");
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		is_int(anew(arena, JWT_HS256, broken[i], "key", "new", &out), JWT_INVALID,
		    "broken: \"%.40s\"", broken[i]);
}

static void
test_claims(struct arena *arena)
{
	struct str out;

	anew(arena, JWT_HS256, tokens[0].token, "key", "new", &out);
	/* {"alg":"HS256","typ":"JWT"} and {"meeting_id":"m","record_id":"r"} */
	is_str(out.data,
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJtZWV0aW5nX2lkIjoibSIsInJlY29yZ"
	    "F9pZCI6InIifQ.Q67gKcnBmxOKp_x9HT7d0X5VRBg0heNzioQ9lfDmALI",
	    "the claims are the same under the new secret");
}

static void
test_other_algorithm(struct arena *arena)
{
	struct str out, again;

	is_int(jwt_sign_anew(arena, JWT_HS256, str_from(tokens[0].token), STR("key"), JWT_HS512,
	           STR("new"), NOW_MS, &out),
	    JWT_FINE, "from HS256 to HS512");
	is_int(anew(arena, JWT_HS512, out.data, "new", "new", &again), JWT_FINE,
	    "HS512 verifies it");
	is_int(anew(arena, JWT_HS256, out.data, "new", "new", &again), JWT_INVALID,
	    "HS256 no longer does");
}

static void
test_bounds(struct arena *arena)
{
	char *huge = arena_alloc(arena, LIMIT_TOKEN_BYTES + 2);
	struct str out;

	is_int(anew(arena, JWT_HS256, tokens[0].token, "", "new", &out), JWT_INVALID,
	    "an empty secret verifies nothing");
	is_int(anew(arena, JWT_HS256, tokens[0].token, "key", "", &out), JWT_INVALID,
	    "and signs nothing");
	memset(huge, 'a', LIMIT_TOKEN_BYTES + 1);
	is_int(anew(arena, JWT_HS256, huge, "key", "new", &out), JWT_INVALID,
	    "a token that is too long");
	huge[LIMIT_TOKEN_BYTES] = '\0';
	is_int(anew(arena, JWT_HS256, huge, "key", "new", &out), JWT_INVALID,
	    "letters without end are no token");
}

/* Every byte of a good token changed, in turn, to some others. */
static void
test_changed_bytes(struct arena *arena)
{
	char *token = str_copy(arena, str_from(tokens[0].token));
	int taken = 0;

	for (size_t i = 0; token[i] != '\0'; i++)
		for (const char *c = "A.z_\1\xff"; *c != '\0'; c++) {
			char old = token[i];

			if (old == *c)
				continue;
			token[i] = *c;
			struct str out;
			taken += anew(arena, JWT_HS256, token, "key", "new", &out) == JWT_FINE;
			token[i] = old;
		}
	is_int(taken, 0, "no token with a byte changed is taken");
}

int
main(void)
{
	struct arena *arena = arena_new();

	test_tokens(arena);
	test_claims(arena);
	test_other_algorithm(arena);
	test_bounds(arena);
	test_changed_bytes(arena);
	arena_free(arena);
	return done_testing();
}
