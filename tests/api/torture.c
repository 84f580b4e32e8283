#include "torture.h"

#include "kept.h"
#include "run.h"

/* A sanitizer makes runs slow: of the blocks of a long case not each is refused there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BLOCK_STEP 4
#else
#define BLOCK_STEP 1
#endif
#define ALL_BLOCKS 40

/* Http results, and answers that are none. */
const char *const torture_failures[] = { "unreachable", "timeout", "waited", "stood-still",
	"broken", "too-large", "busy", "shortage", "lost",
	"status 500\nContent-Type: text/html\n\n<html>secret-a checksum=abc</html>",
	"status 200\n\n<response><returncode>SUCC", "status 200\n\n", "FAILED checksumError",
	NULL };

struct torture {
	const struct section *sections;
	size_t n;
	struct run *run;
	int verbs, calls; /* the most that there were in any run */
	int runs;
};

/* Run the case anew; *how tells what fails. */
static void
run_anew(struct torture *torture, const struct run *how)
{
	struct run *run = torture->run;

	buf_free(&run->problems);
	*run = *how;
	run->torture = true;
	run_case(run, torture->sections, torture->n);
	torture->verbs = run->verbs > torture->verbs ? run->verbs : torture->verbs;
	torture->calls = run->calls > torture->calls ? run->calls : torture->calls;
	torture->runs++;
}

/* A failure may bring forth more verbs and calls, which fail too. */
static void
fail_verbs(struct torture *torture)
{
	struct run *run = torture->run;

	for (int k = 1; k <= torture->verbs && run->problems.len == 0; k++) {
		run_anew(torture, &(struct run){ .failing_verb = k });
		if (run->problems.len > 0)
			buf_printf(&run->problems, "with store verb %d failing\n", k);
	}
}

static void
fail_calls(struct torture *torture, const char *failure)
{
	struct run *run = torture->run;

	for (int k = 1; k <= torture->calls && run->problems.len == 0; k++) {
		run_anew(torture, &(struct run){ .failing_call = k, .failure = failure });
		if (run->problems.len > 0)
			buf_printf(&run->problems, "with call %d %s\n", k, failure);
	}
}

int
torture_case(struct run *run, const struct section *sections, size_t n)
{
	struct torture torture = { .sections = sections, .n = n, .run = run };

	run_anew(&torture, &(struct run){ .torture = true });
	fail_verbs(&torture);
	for (size_t i = 0; torture_failures[i]; i++)
		fail_calls(&torture, torture_failures[i]);
	return torture.runs - 1;
}

int
torture_memory(struct run *run, const struct section *sections, size_t n)
{
	struct torture torture = { .sections = sections, .n = n, .run = run };
	struct kept *kept = kept_new();

	run_anew(&torture, &(struct run){ .kept = kept });
	int k = 1;
	for (;; k += k < ALL_BLOCKS ? 1 : BLOCK_STEP) {
		run_anew(&torture, &(struct run){ .kept = kept, .failing_block = k });
		if (run->problems.len > 0)
			buf_printf(&run->problems, "without memory for large block %d\n", k);
		if (run->blocks < k || run->problems.len > 0)
			break;
	}
	kept_free(kept);
	return torture.runs - 2; /* but for the first, and the last, which had them all */
}
