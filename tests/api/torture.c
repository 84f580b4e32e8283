#include "torture.h"

#include <limits.h>

#include "kept.h"
#include "run.h"

/* How long memory is short: for one block, for some, or to the end of the case.  Of the blocks
 * that it begins with not each is tried behind the first ones. */
static const struct shortage_length {
	int blocks;
	const char *text;
	int first, step;
} lengths[] = {
/* A sanitizer makes runs slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	{ 1, "", 40, 4 },
	{ 3, " and two after it", 5, 9 },
	{ INT_MAX, " and all after it", 5, 9 },
#else
	{ 1, "", 40, 1 },
	{ 3, " and two after it", 40, 4 },
	{ INT_MAX, " and all after it", 40, 4 },
#endif
};

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
	int runs, refusals;
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

/* Let memory be short for so long, beginning with each block in turn. */
static void
fail_blocks(struct torture *torture, const struct shortage_length *length)
{
	struct run *run = torture->run;
	struct kept *kept = run->kept;

	for (int k = 1; run->problems.len == 0; k += k < length->first ? 1 : length->step) {
		run_anew(torture,
		    &(struct run){
		        .kept = kept,
		        .failing_block = k,
		        .failing_blocks = length->blocks,
		    });
		if (run->problems.len > 0)
			buf_printf(&run->problems, "without memory for large block %d%s\n", k,
			    length->text);
		if (run->blocks < k)
			break;
		torture->refusals++;
	}
}

int
torture_memory(struct run *run, const struct section *sections, size_t n)
{
	struct torture torture = { .sections = sections, .n = n, .run = run };
	struct kept *kept = kept_new();

	run_anew(&torture, &(struct run){ .kept = kept });
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		fail_blocks(&torture, &lengths[i]);
	kept_free(kept);
	return torture.refusals;
}
