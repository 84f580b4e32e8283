/*
 * The main() of a fuzz target that is built without a fuzzer: it runs the files that are
 * named, or those of its corpus, tests/fuzz/corpus/NAME below the environment's srcdir.
 * TAP; the last file that is named in a comment is the one at fault.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "tap.h"

/* Run one file.  False when it cannot be read. */
static bool
replay_file(const char *path)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	bool is_read = false;

	if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
		const size_t size = (size_t)status.st_size;
		/* Of its own size: an overrun of the input is one of the block. */
		uint8_t *data = malloc(size > 0 ? size : 1);

		is_read = data && read(file, data, size) == (ssize_t)size;
		diag("%s", path);
		if (is_read)
			LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	if (file >= 0)
		close(file);
	return is_read;
}

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Run each file of the folder; how many there were, or -1. */
static int
replay_folder(const char *folder)
{
	struct dirent **entries;
	const int n = scandir(folder, &entries, is_shown, alphasort);
	int n_run = 0;

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		n_run += replay_file(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n < 0 ? -1 : n_run;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '_'), *top = getenv("srcdir");
	char corpus[4096];

	for (int i = 1; i < argc; i++) {
		const int n = replay_folder(argv[i]);

		if (n < 0)
			ok(replay_file(argv[i]), "%s", argv[i]);
		else
			ok(n > 0, "%s: %d files", argv[i], n);
	}
	if (argc == 1) {
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top ? top : ".",
		    name ? name + 1 : "");
		const int n = replay_folder(corpus);
		ok(n > 0, "%s: %d files", corpus, n);
	}
	return done_testing();
}
