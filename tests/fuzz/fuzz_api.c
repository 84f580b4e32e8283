/*
 * The whole core by a case (tests/api/case.h): requests and polls, what servers answer, and
 * what the state knows.  Nothing is compared with what the case wants, but with what must
 * hold of any answer, any call to a server, and the log (verdict.h, scripted_http.h).
 *
 * The input is a case.  Before it may stand a line "fail VERBS CALLS WAY", which says what
 * fails: two masks, in hexadecimal, of the verbs of the store and of the calls (run.h), and
 * the number of a way in which calls fail (torture.h).
 */
#include <stdlib.h>

#include "api/captured_log.h"
#include "api/case.h"
#include "api/run.h"
#include "api/torture.h"
#include "fuzz.h"

#define SECTIONS 100

/* Read the first line, if it says what fails, and cut it off. */
static void
read_failures(struct arena *arena, struct str *text, struct run *run)
{
	if (!str_starts(*text, "fail "))
		return;
	char *at = fuzz_line_text(arena, text) + strlen("fail ");
	run->failing_verbs = strtoull(at, &at, 16);
	run->failing_calls = strtoull(at, &at, 16);
	size_t n = 0;
	while (torture_failures[n])
		n++;
	run->failure = torture_failures[strtoul(at, NULL, 10) % n];
}

/* Has the case itself a word in it that no answer and no log may have?  Signing a request
 * takes none. */
static bool
tells_secrets(struct str text)
{
	const struct str word = STR("hecksum");

	if (str_find(text, STR("ecret"), 0) != SIZE_MAX)
		return true;
	for (size_t at = 0; (at = str_find(text, word, at)) != SIZE_MAX;) {
		at += word.len;
		const struct str rest = str_part(text, at, SIZE_MAX);
		if (!str_starts(rest, "=%sign") && !str_starts(rest, "Error"))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_open;
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	struct section sections[SECTIONS];
	const char *prose;
	struct run run = { .torture = true, .is_fuzzed = true, .failure = "unreachable" };

	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	read_failures(arena, &text, &run);
	run.tells_secrets = tells_secrets(text);
	const size_t n = case_read(arena, text, sections, SECTIONS, &prose);
	if (is_open)
		captured_log_resume();
	else
		captured_log_open(false);
	is_open = true;
	run_case(&run, sections, n);
	captured_log_take(arena);
	captured_log_pause();
	if (run.problems.len > 0)
		fprintf(stderr, "%s", run.problems.data);
	fuzz_must(run.problems.len == 0);
	buf_free(&run.problems);
	arena_free(arena);
	return 0;
}
