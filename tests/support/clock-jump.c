/*
 * clock-jump: preloaded (LD_PRELOAD), it moves the time of day of one program by
 * so many seconds as the file CLOCK_JUMP_FILE says, for as long as it says so.
 *
 * The file holds at least sixteen bytes, a decimal number and spaces, and is
 * mapped: who writes into it without making it shorter moves the clock of a
 * program that runs.  The monotonic clock stays as it is, and so does the
 * kernel's time of day: a wait for a moment of the latter is wrong under a moved
 * clock, as it is when a clock is set.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define FILE_SIZE 16

static const char *mapped;

__attribute__((constructor)) static void
open_file(void)
{
	const char *path = getenv("CLOCK_JUMP_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *found = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (found != MAP_FAILED)
		mapped = found;
	close(fd);
}

static long
offset_s(void)
{
	char copy[FILE_SIZE + 1] = "";

	if (mapped)
		memcpy(copy, mapped, FILE_SIZE);
	return strtol(copy, NULL, 10);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	long result = syscall(SYS_clock_gettime, clock, now);

	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += offset_s();
	return (int)result;
}

int
gettimeofday(struct timeval *now, void *zone)
{
	(void)zone;
	struct timespec precise;
	if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
		return -1;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
