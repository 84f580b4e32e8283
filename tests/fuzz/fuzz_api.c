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
#include "base/buf.h"
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

/* ---- How a case is changed ------------------------------------------------------ */

/* libFuzzer's own way to change an input, in place; not there without it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

/* libFuzzer calls this instead, with a number to choose by. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* The next number of a sequence (Steele, Lea, Flood: splitmix64). */
static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A mask with few bits, among the first of a case: it has no more verbs and calls. */
static uint64_t
few_bits(uint64_t *state)
{
	uint64_t mask = 0;

	for (uint64_t n = next(state) % 4; n > 0; n--)
		mask |= UINT64_C(2) << next(state) % 16;
	return next(state) % 8 == 0 ? next(state) : mask;
}

/* A whole line somewhere in the text, with its newline. */
static struct str
any_line(struct str text, uint64_t *state)
{
	size_t from = (size_t)(next(state) % (text.len + 1));

	while (from > 0 && text.data[from - 1] != '\n')
		from--;
	const size_t end = str_find(text, STR("\n"), from);
	return str_part(text, from, end == SIZE_MAX ? SIZE_MAX : end + 1 - from);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	uint64_t state = seed;
	struct buf out;

	buf_init(&out, 2 * max + 1000);
	switch (next(&state) % 4) {
	case 0: /* other failures */
		if (str_starts(text, "fail "))
			fuzz_line(arena, &text);
		buf_printf(&out, "fail %llx %llx %u\n", (unsigned long long)few_bits(&state),
		    (unsigned long long)few_bits(&state), (unsigned)(next(&state) % 11));
		buf_str(&out, text);
		break;
	case 1: { /* a line that is not there, or is somewhere else, or twice */
		const struct str line = any_line(text, &state), at = any_line(text, &state);
		const size_t to = (size_t)(at.data - text.data);
		const bool goes = next(&state) % 2 == 0;

		buf_str(&out, str_part(text, 0, to));
		if (!goes || next(&state) % 2 == 0)
			buf_str(&out, line);
		buf_str(&out, str_part(text, goes ? to + at.len : to, SIZE_MAX));
		break;
	}
	default:
		break;
	}
	if (out.len > 0 && out.len <= max) {
		memcpy(data, out.data, out.len);
		size = out.len;
	} else if (LLVMFuzzerMutate) {
		size = LLVMFuzzerMutate(data, size, max);
	}
	buf_free(&out);
	arena_free(arena);
	return size;
}
