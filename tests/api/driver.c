/*
 * Runs case files over the whole core: a request goes in through cgi.h, the
 * servers are a list of expected calls with canned answers, and the response,
 * every outgoing call, the mappings and the log are compared.  No port, no
 * sleep; the clock is a number.  case.h tells what may stand in a case.
 *
 *	driver CASE... | DIRECTORY     one TAP line a case
 *	driver --torture ...           every case again with each store verb and
 *	                               each call failing in turn: only the
 *	                               invariants of any answer are checked
 *	short_driver --short ...       every case again with each large block of
 *	                               memory refused in turn, alone and with others
 *	                               after it, likewise
 *	driver --loud ...              the log goes to stderr, unchecked
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "captured_log.h"
#include "case.h"
#include "run.h"
#include "second_parser.h"
#include "tap.h"
#include "torture.h"

enum mode { PLAIN, TORTURE, SHORT };

/* How many runs of all cases had a failure in them. */
static int n_tortured;

/* The file's text in the arena, or the absent span when it cannot be read. */
static struct str
read_file(struct arena *arena, const char *path)
{
	const int fd = open(path, O_RDONLY);
	struct stat status;
	struct str text = { NULL, 0 };

	if (fd >= 0 && fstat(fd, &status) == 0) {
		char *data = arena_alloc(arena, (size_t)status.st_size + 1);

		if (read(fd, data, (size_t)status.st_size) == status.st_size)
			text = (struct str){ data, (size_t)status.st_size };
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static void
do_file(const char *path, enum mode mode)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct arena *arena = arena_new();
	const struct str text = read_file(arena, path);

	if (!text.data) {
		ok(false, "%s cannot be read", path);
		arena_free(arena);
		return;
	}
	struct section sections[200];
	const char *prose;
	const size_t n = case_read(arena, text, sections, sizeof(sections) / sizeof(*sections),
	    &prose);
	struct run run = { .n_seen = 0 };
	char note[40] = "";
	int ways = 0;
	if (mode == PLAIN)
		run_case(&run, sections, n);
	else
		ways = mode == SHORT ?
		    torture_memory(&run, sections, n) :
		    torture_case(&run, sections, n);
	n_tortured += ways;
	if (mode != PLAIN)
		snprintf(note, sizeof(note),
		    mode == SHORT ? " [%d times refused]" : " [%d ways to fail]", ways);
	ok(run.problems.len == 0 && *prose != '\0' && n > 0, "%.*s: %s%s",
	    (int)strcspn(name, "."), name, prose, note);
	if (run.problems.len > 0)
		tap_comment(run.problems.data);
	buf_free(&run.problems);
	arena_free(arena);
}

static int
is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".case") == 0;
}

/* All cases of a directory, or one. */
static void
do_path(const char *path, enum mode mode)
{
	struct dirent **entries;
	const int n = scandir(path, &entries, is_case, alphasort);

	if (n < 0) {
		do_file(path, mode);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *file;

		if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		do_file(file, mode);
		free(file);
		free(entries[i]);
	}
	free(entries);
}

/* Does the second parser see what it is there for? */
static void
check_second_parser(void)
{
	static const struct {
		const char *name, *document;
		bool is_fine;
	} texts[] = {
		{ "a list",
		    "<response><m xmlns:x='http://x.test/'><x:y>\u00e4&#10;</x:y></m>"
		    "</response>",
		    true },
		{ "two lists, one cut", "<response><m><n></m><m><n/></m></response>", false },
		{ "an unbound prefix", "<response><x:y/></response>", false },
		{ "an attribute's unbound prefix", "<response x:y='1'/>", false },
		{ "a control character", "<response>\b</response>", false },
		{ "U+FFFE", "<response>\xef\xbf\xbe</response>", false },
		{ "half a letter", "<response>\xc3</response>", false },
		{ "an unknown entity", "<response>&nbsp;</response>", false },
		{ "a document type", "<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>", false },
		{ "two roots", "<response/><response/>", false },
		{ "nothing", "", false },
	};
	const char *required = getenv("E2E_REQUIRED");
	struct arena *arena = arena_new();

	if (!second_parser_is_there()) {
		if (required && strcmp(required, "1") == 0)
			ok(false, "libxml2 (libxml2-dev) was not there when configure was run");
		else
			skip("no second parser: libxml2 was not there when configure was run");
		arena_free(arena);
		return;
	}
	bool fine = true;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *complaint = second_parser_complaint(arena,
		    str_from(texts[i].document));

		if ((complaint == NULL) == texts[i].is_fine)
			continue;
		diag("%s: %s", texts[i].name, complaint ? complaint : "taken");
		fine = false;
	}
	ok(fine, "the second parser refuses what is ill-formed");
	arena_free(arena);
}

int
main(int argc, char **argv)
{
	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	enum mode mode = PLAIN;
	bool loud = false;
	for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
		if (strcmp(argv[1], "--torture") == 0)
			mode = TORTURE;
		if (strcmp(argv[1], "--short") == 0)
			mode = SHORT;
		loud |= strcmp(argv[1], "--loud") == 0;
	}
	captured_log_open(loud);
	check_second_parser();
	for (int i = 1; i < argc; i++)
		do_path(argv[i], mode);
	second_parser_close();
	if (mode != PLAIN)
		ok(n_tortured > 0, "%d runs with a failure", n_tortured);
	return done_testing();
}
