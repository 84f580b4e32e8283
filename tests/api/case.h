/*
 * Case files: what may stand in one, and reading it.
 *
 * A case is a text file.  "#" lines say in prose what it is about; then come
 * sections, done in their order:
 *
 *	== config             first.  A line is one member of the JSON object
 *	                      ("forward": "redirect"); "server b MEMBERS" adds
 *	                      members to server b, or a server; "no server c"
 *	                      leaves one out.  Without: a, b, c at http://a.test,
 *	                      with the secrets secret-a, ...; the gateway's is
 *	                      gateway-secret.
 *	== store none         remember nothing
 *	== store lost         forget all that was remembered
 *	== facts a            "health up|suspect|down", "operator cordoned", "users N";
 *	                      "polled-by-another MS": so long ago;
 *	                      "secret N": which of its secrets it took last, from 1;
 *	                      "release TEXT": its version of BBB, asked for now;
 *	                      "polled MS", "failing MS", "back MS", "told MS": so long
 *	                      ago it was polled well, began to fail, came back from being
 *	                      down, and its health was told; one that is said to be polled
 *	                      is not due
 *	== meetings           "room-1 a [AGE_MS]": mappings; 600000 old by default
 *	== whole MS           the state is whole since so long ago: what was mapped before is
 *	                      in doubt
 *	== recordings         "RECORDID a": which server has a recording, as the
 *	                      state remembers it
 *	== hooks              "URL [MEETINGID|- [AGE_MS]]": webhooks in the state, their
 *	                      base as a request's; "dropped URL"
 *	== lists a CALL       then the XML server a last answered to that call
 *	== wait MS            let time pass; "-MS" sets the clock back
 *	== request            "METHOD TARGET"; "Name: value" headers, "NAME=value"
 *	                      RFC 3875 variables ("-": absent), "sign-with SECRET";
 *	                      the value (kept) is the first of the cookies that were set
 *	                      last;
 *	                      an empty line, the body.  %sign, %sign1, %sign256,
 *	                      %sign384, %sign512, %SIGN stand for the checksum.
 *	== poll [a,b]         instead of a request: poll the servers that are due.  Those
 *	                      named ("*": all) must be polled and, where no section says
 *	                      what one answers, answer as the lines of this one say, as
 *	                      those of a server's section do; without lines they have no
 *	                      meetings.
 *	== server a,b [optional|never] METHOD TARGET
 *	                      a call that must come ("*": to every server), without
 *	                      its checksum, which is checked.  "> body TEXT" ("> body
 *	                      =": the request's), "> X-Forwarded-For: ...", ">
 *	                      Content-Type: ...", "> Authorization: ...", "> once",
 *	                      "> at-once".  "> secret 2": signed with the server's
 *	                      second secret, else with the first.
 *	                      "meanwhile room-1 a": another process maps that before
 *	                      the answer, or, where it is mapped so, notes a create.
 *	                      "the state goes": from now on no verb of the store works.
 *	                      "stood-still MS": the gateway did, before the answer.
 *	                      The answer: "status N", "unreachable", "timeout", "waited"
 *	                      and "stood-still" (timeouts), "broken", "too-large",
 *	                      "busy", "shortage", "lost" (a shortage, after it was sent),
 *	                      headers, an empty line, the body; or "FAILED KEY".
 *	== receiver [optional] METHOD URL
 *	                      the same for a call to a client's own server
 *	== response           "status N" (200), headers that must be there, "no-header
 *	                      NAME", "key KEY" (a FAILED document), "contains TEXT",
 *	                      "lacks TEXT", "waited MS" (0): so long was the answer held
 *	                      back; an empty line, the exact body.  %sign-a
 *	                      in a header is the checksum for server a, %sign-a:2 the
 *	                      one with its second secret.
 *	== log                texts that must be in the log; "lacks TEXT", that must not
 *	== meetings after     the mappings now, exactly, or "(none)"
 *	== recordings after   "RECORDID a": what is remembered now of these; "-" for
 *	                      nothing
 *	== facts after        what is known of servers now: "a health down users 3", each name
 *	                      with its value: health; operator STATE, or "-"; users,
 *	                      meetings, reserved, failures, successes, creates-failed, secret;
 *	                      release TEXT, or "-"; next-poll MS
 *	                      (from now on), or "-".  What is not named is not compared.
 *	== hooks after        the webhooks now, "URL MEETINGID|-", "dropped HOOKID"
 *
 * A server's hooks/list that a poll asks for and no section expects is answered as
 * by a server without bbb-webhooks; the document at its API's root (the one that is not
 * signed), as by one that does not know it.
 *
 * A body ends before the newline that precedes the next section.
 *
 * Before all else, everywhere, these are replaced:
 *
 *	%callback{KIND SERVER URL [BASE [SECRET [MAC-BASE]]]}
 *	                      the gateway's URL in place of a client's (callback.h),
 *	                      made here as its header tells; MAC-BASE is for a webhook
 *	                      whose mac covers another base.  %callback-encoded{…} is
 *	                      the same as a parameter's value, %callback-xml{…} as a
 *	                      text of XML.
 *	%token256{SECRET CLAIMS}, %token512{…}
 *	                      a JSON Web Token as libjwt writes it
 *	%hook{URL}            the hookID of a callbackURL
 *	%hash1{SECRET TEXT}, %hash256{…}, %hash384{…}, %hash512{…}
 *	                      the hash of TEXT and SECRET
 *	%bytes{HEX}           bytes that are no text, such as %bytes{08}, %bytes{ef bf be}
 *	                      (U+FFFE) or half a letter, %bytes{c3}
 *	%times{N TEXT}        the text, so many times
 */
#ifndef CASE_H
#define CASE_H

#include <stddef.h>

#include "base/str.h"

struct arena;

#define CASE_TEXT_MAX ((size_t)128 << 20) /* for each buffer of the driver */

/* A piece of a case: its title, the lines below, and where the title stands. */
struct section {
	char *title;
	struct str text; /* without the newline at its end; NUL-terminated */
	int line;
};

/*
 * Cut the text of a case file into at most max sections, with their placeholders
 * filled in (placeholders.h); returns how many there are.  *prose gets the first
 * "#" line, or "" when there is none.  All of it lives in the arena.
 */
size_t case_read(struct arena *arena, struct str text, struct section *sections, size_t max,
    const char **prose);

/* The lines of a text, taken one after the other. */
struct lines {
	char *next;
	char *end;
};

/* The lines of a section or another text: a copy in the arena that may be cut up. */
struct lines case_lines(struct arena *arena, struct str text);

/* The next line, NUL-terminated and without its newline; NULL at the end. */
char *case_next(struct lines *lines);

/* What no line was taken of yet, such as the body behind an empty line. */
struct str case_rest(const struct lines *lines);

/* What follows the prefix in the line, or NULL when it begins otherwise. */
char *case_after(char *line, const char *prefix);

#endif
