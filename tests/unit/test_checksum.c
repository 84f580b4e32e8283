/*
 * Signatures: vectors, the algorithm by length, case, and refusals.
 *
 * The secret and the first vector are the example of BigBlueButton's
 * documentation (docs/docs/development/api.md, "Usage"); the others were
 * computed with sha1sum, sha256sum, sha384sum and sha512sum.
 */
#include "formats/checksum.h"

#include <ctype.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECRET "639259d4-9dd8-4b25-bf01-95f9567eaf4b"
#define PLUS "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444"
#define PERCENT "name=Test%20Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444"

static const struct {
	const char *call, *query;
	enum checksum_algorithm algorithm;
	const char *hex;
	const char *what;
} vectors[] = {
	{ "create", PLUS, CHECKSUM_SHA1, "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17",
	    "the documentation's example" },
	{ "create", PLUS, CHECKSUM_SHA256,
	    "da9185f7f333cfdfcd6eeac32dca3777510c4c436020d8b887ba5515bd1d189e",
	    "the same by SHA-256" },
	{ "create", PLUS, CHECKSUM_SHA384,
	    "891ac633df39d0a1b4f8d597f3e190833216c4b29c4fb51ea3ca72757eeb958d"
	    "6e7b49a845cf29f5c6019c7d29d029d1",
	    "the same by SHA-384" },
	{ "create", PLUS, CHECKSUM_SHA512,
	    "de73ad61d11a5c801b68d4bd6ec5248546085cefb0b25c85f3c46249ea93a3a4"
	    "b120f92c0a8a58d7512cb77821884951a3b01245f3435dbbef49fff3cc3988b4",
	    "the same by SHA-512" },
	{ "create", PERCENT, CHECKSUM_SHA1, "f1ae295e2cb9a9225152334d12c9db97d2bfee5b",
	    "%20 is not +" },
	{ "create", PERCENT, CHECKSUM_SHA256,
	    "99ef8fb30893e29923a002b11e48b0be4fecfd3d72b69fa7201808775d4f7059",
	    "nor by SHA-256" },
	{ "create", "", CHECKSUM_SHA1, "8a21c9b7e3b18541974c9e78c0d0bfa790c665eb",
	    "a form POST: an empty query" },
	{ "create", "", CHECKSUM_SHA256,
	    "272c9555258496a3f19c5ad8f599af2a4ebec031381ff1e37b34842c42c12284",
	    "the same by SHA-256" },
	{ "create", "attendeePW=ap&meetingID=m-1&name=A+b&welcome=Hi+there", CHECKSUM_SHA1,
	    "95df4f7a311696ad5cc75991e1ba377d4c5d92b9", "a form POST of BBB 2.4 to 2.6.17" },
	{ "getMeetings", "", CHECKSUM_SHA1, "2027baa7771026e9e93392f55031535d1444c41f",
	    "getMeetings" },
	{ "getMeetings", "", CHECKSUM_SHA256,
	    "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c",
	    "the same by SHA-256" },
	{ "getMeetings", "", CHECKSUM_SHA384,
	    "a2caf6ab7a9296f621a58d55f299b6dbd023afcf7ccf4ddfb4245a04eb87a0bc"
	    "7797ea193baa41f81346330145bd3199",
	    "the same by SHA-384" },
	{ "getMeetings", "", CHECKSUM_SHA512,
	    "456defa5035a4194b8590216805aa0f3b7a7508c2cb74a28bd750d4d2f43d851"
	    "467acd9b8961cb7f6ffdab0c27e4e83655be9108d4a20ad8702958d6b01a48f4",
	    "the same by SHA-512" },
	{ "isMeetingRunning", "meetingID=abc123", CHECKSUM_SHA1,
	    "8478733ccb8695b8aaaff48b3c1e281a75a6f046", "isMeetingRunning" },
	{ "isMeetingRunning", "meetingID=abc123", CHECKSUM_SHA256,
	    "0d7030d1b5af6624c3e8909540eb2747a33d993a4951fb3bde9462025e41dcdb",
	    "the same by SHA-256" },
	{ "join", "&fullName=A", CHECKSUM_SHA1, "f521e9e1fe986d0eb80cba46beec6ef7842fba2a",
	    "a leading & is signed" },
	{ "hooks/create", "callbackURL=https%3A%2F%2Fex.org%2Fcb", CHECKSUM_SHA1,
	    "1a0b0a41567c485c9fd98c8a8dd2477629e52399", "a call of two parts" },
};

static void
test_vectors(void)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct str call = str_from(vectors[i].call), query = str_from(vectors[i].query);
		char hex[CHECKSUM_HEX_SIZE];
		unsigned only = 1u << vectors[i].algorithm;

		checksum_make(vectors[i].algorithm, call, query, STR(SECRET), hex);
		is_str(hex, vectors[i].hex, "make: %s", vectors[i].what);
		ok(checksum_verify(CHECKSUM_ALL, call, query, STR(SECRET), str_from(hex)),
		    "verify: %s", vectors[i].what);
		ok(checksum_verify(only, call, query, STR(SECRET), str_from(hex)),
		    "… with this algorithm alone allowed");
		ok(!checksum_verify(CHECKSUM_ALL & ~only, call, query, STR(SECRET),
		       str_from(hex)),
		    "… but not with all others");

		char changed[CHECKSUM_HEX_SIZE];
		for (size_t k = 0; k <= strlen(hex); k++)
			changed[k] = (char)toupper((unsigned char)hex[k]);
		ok(checksum_verify(CHECKSUM_ALL, call, query, STR(SECRET), str_from(changed)),
		    "… in upper case too");

		bool refused = true;
		for (size_t k = 0; k < strlen(hex); k++) {
			memcpy(changed, hex, sizeof(hex));
			changed[k] = hex[k] == '0' ? '1' : '0';
			refused &= !checksum_verify(CHECKSUM_ALL, call, query, STR(SECRET),
			    str_from(changed));
		}
		ok(refused, "… and with no digit changed");
	}
}

static void
test_refusals(void)
{
	static const struct {
		struct str call, query, secret, given;
		bool good;
		const char *what;
	} rows[] = {
		{ STR("create"), STR(""), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), true, "a right one" },
		{ STR("create"), { NULL, 0 }, STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), true, "no query at all" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("8A21c9b7e3b18541974C9E78c0d0bfa790c665EB"), true, "mixed case" },
		{ STR("Create"), STR(""), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false,
		    "the call in another case" },
		{ STR("create"), STR("a=1"), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false, "another query" },
		{ STR("create"), STR(""), STR("x" SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false, "another secret" },
		{ STR("create"), STR(""), STR(SECRET), STR(""), false, "empty" },
		{ STR("create"), STR(""), STR(SECRET), { NULL, 0 }, false, "absent" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665e"), false, "39 digits" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb0"), false, "41 digits" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR(" 8a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false, "a space before" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("ga21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false, "not hex" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("\0a21c9b7e3b18541974c9e78c0d0bfa790c665eb"), false, "a NUL" },
		{ STR("create"), STR(""), STR(SECRET),
		    STR("8a21c9b7e3b18541974c9e78c0d0bfa790c665eb8a21c9b7e3b18541974c9e78"),
		    false, "SHA-1 digits in the length of SHA-256" },
		/* printf create | sha1sum */
		{ STR("create"), STR(""), STR(""),
		    STR("9b7c68a918b17eb053809b198d7c9abfc142f30a"), false, "an empty secret" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(checksum_verify(CHECKSUM_ALL, rows[i].call, rows[i].query,
		           rows[i].secret, rows[i].given),
		    rows[i].good, "verify: %s", rows[i].what);

	char hex[CHECKSUM_HEX_SIZE];
	for (int a = 0; a < CHECKSUM_ALGORITHMS; a++) {
		checksum_make((enum checksum_algorithm)a, STR("create"), STR(""), STR(""), hex);
		ok(!checksum_verify(CHECKSUM_ALL, STR("create"), STR(""), STR(""),
		       str_from(hex)),
		    "an empty secret verifies nothing: %s",
		    checksum_algorithm_name((enum checksum_algorithm)a));
	}
	checksum_make(CHECKSUM_SHA1, STR("create"), STR("a\0b"), STR(SECRET), hex);
	ok(!checksum_verify(CHECKSUM_ALL, STR("create"), STR("a\0c"), STR(SECRET),
	       str_from(hex)),
	    "what stands behind a NUL is signed");
	ok(!checksum_verify(0, STR("create"), STR("a\0b"), STR(SECRET), str_from(hex)),
	    "no algorithm allowed, none taken");
}

static void
test_names(void)
{
	static const struct {
		struct str name;
		int algorithm; /* -1: none */
		const char *what;
	} rows[] = {
		{ STR("sha1"), CHECKSUM_SHA1, "sha1" },
		{ STR("sha256"), CHECKSUM_SHA256, "sha256" },
		{ STR("sha384"), CHECKSUM_SHA384, "sha384" },
		{ STR("sha512"), CHECKSUM_SHA512, "sha512" },
		{ STR("SHA1"), CHECKSUM_SHA1, "upper case" },
		{ STR("SHA-256"), CHECKSUM_SHA256, "upper case and a dash" },
		{ STR("sha-512"), CHECKSUM_SHA512, "a dash" },
		{ STR("Sha-384"), CHECKSUM_SHA384, "mixed" },
		{ STR(""), -1, "empty" },
		{ { NULL, 0 }, -1, "absent" },
		{ STR("sha"), -1, "too short" },
		{ STR("sha2561"), -1, "too long" },
		{ STR("sha--1"), -1, "two dashes" },
		{ STR("sha224"), -1, "SHA-224" },
		{ STR("md5"), -1, "MD5" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum checksum_algorithm algorithm = CHECKSUM_ALGORITHMS;
		int result = checksum_algorithm_find(rows[i].name, &algorithm);
		is_int(result, rows[i].algorithm < 0 ? -1 : 0, "name: %s", rows[i].what);
		if (result == 0)
			is_int(algorithm, rows[i].algorithm, "… is the right one");
	}
	for (int a = 0; a < CHECKSUM_ALGORITHMS; a++) {
		enum checksum_algorithm back = CHECKSUM_ALGORITHMS;
		const char *name = checksum_algorithm_name((enum checksum_algorithm)a);
		ok(checksum_algorithm_find(str_from(name), &back) == 0 && (int)back == a,
		    "name: %s there and back", name);
	}
}

/* RFC 4231, test cases 1, 2 and 6. */
static void
test_hmac(void)
{
	char key[131], hex[CHECKSUM_HEX_SIZE];

	memset(key, 0x0b, 20);
	checksum_hmac((struct str){ key, 20 }, STR("Hi There"), hex);
	is_str(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	    "HMAC: case 1");
	memset(key, 0xaa, sizeof(key));
	checksum_hmac((struct str){ key, sizeof(key) },
	    STR("Test Using Larger Than Block-Size Key - Hash Key First"), hex);
	is_str(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	    "HMAC: case 6");
	struct str jefe = STR("Jefe"), text = STR("what do ya want for nothing?");
	checksum_hmac(jefe, text, hex);
	is_str(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "HMAC: case 2");
	ok(checksum_hmac_verify(jefe, text, str_from(hex)), "it verifies");
	ok(!checksum_hmac_verify(STR("jefe"), text, str_from(hex)), "not under another secret");
	ok(!checksum_hmac_verify(jefe, STR("what"), str_from(hex)), "nor over another text");
	ok(!checksum_hmac_verify(jefe, text, str_part(str_from(hex), 0, 63)), "nor in part");
	ok(!checksum_hmac_verify(jefe, text, (struct str){ 0 }), "nor when there is none");
	checksum_hmac(STR(""), text, hex);
	ok(!checksum_hmac_verify(STR(""), text, str_from(hex)),
	    "an empty secret verifies nothing");
	ok(checksum_same(STR("a"), STR("a")) && !checksum_same(STR("a"), STR("b")) &&
	        !checksum_same(STR("a"), STR("ab")) && !checksum_same(STR(""), STR("")),
	    "the same bytes, and not none");
}

/* RFC 6234 has the hash of "abc" in hexadecimal. */
static void
test_source(void)
{
	char source[CHECKSUM_SOURCE_SIZE];

	checksum_source(STR("abc"), source);
	is_str(source, "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
	    "a source of a Content-Security-Policy");
	checksum_source((struct str){ 0 }, source);
	is_str(source, "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "… of nothing");
}

int
main(void)
{
	test_vectors();
	test_refusals();
	test_names();
	test_hmac();
	test_source();
	return done_testing();
}
