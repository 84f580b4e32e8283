#include "captured_log.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"

/* What is written to stderr goes there; and what stderr was. */
static int file = -1, before = -1;

/* Where sanitizers report to; there only in such builds. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

void
captured_log_open(bool loud)
{
	if (!loud) {
		before = dup(STDERR_FILENO);
		if (__sanitizer_set_report_fd)
			__sanitizer_set_report_fd((void *)(intptr_t)before);
		file = memfd_create("log", MFD_CLOEXEC);
		if (file < 0 || dup2(file, STDERR_FILENO) < 0 ||
		    fcntl(STDERR_FILENO, F_SETFL, O_APPEND) != 0)
			abort();
	}
	log_open("driver", "debug");
}

void
captured_log_pause(void)
{
	if (file >= 0 && dup2(before, STDERR_FILENO) < 0)
		abort();
}

void
captured_log_resume(void)
{
	if (file >= 0 && dup2(file, STDERR_FILENO) < 0)
		abort();
}

bool
captured_log_is_kept(void)
{
	return file >= 0;
}

char *
captured_log_take(struct arena *arena)
{
	const off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;
	char *text = arena_alloc(arena, (size_t)size + 1);

	if (size > 0 && (pread(file, text, (size_t)size, 0) != size || ftruncate(file, 0) != 0))
		abort();
	return text;
}
