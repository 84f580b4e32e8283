#include "base/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/byte_lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/owned_file.h"

#define MAGIC "tinyscm1"

/* How often the file is opened again that another process makes, or moves, meanwhile. */
#define TRIES 4

#define COPY_BYTES 4096

static struct {
	pthread_mutex_t mutex; /* guards all but the memory itself */
	struct metrics_shared *memory;
	char *path; /* NULL: nothing is shared */
	uint64_t layout;
	int fd; /* of the file that is mapped, or -1 */
	dev_t device;
	ino_t inode;
	int slot;       /* ours, or -1 */
	bool was_tried; /* to open it */
	bool is_told;   /* that it cannot be used */
} file = { .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .slot = -1 };

/* A page of the file cannot be had: it was cut, or the disk fails.  Written by a handler. */
static atomic_bool is_lost;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Map the file, or with -1 memory of this process's own. */
static bool
map(int fd)
{
	int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	/* Over what is there, in one step: others go on counting meanwhile. */
	return mmap(file.memory, sizeof(*file.memory), PROT_READ | PROT_WRITE,
	           flags | MAP_FIXED, fd, 0) != MAP_FAILED;
}

/* Somebody cut the file that we have mapped, or it cannot be read.  That is worth no
 * process: what is counted from now on is this process's, until the file is looked at. */
static void
take_bus_error(int signal_number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr, from = (uintptr_t)file.memory;

	(void)context;
	if (at - from < sizeof(*file.memory) && map(-1)) {
		atomic_store(&is_lost, true);
		return;
	}
	/* Another's: it comes again, and ends the process as it would have. */
	signal(signal_number, SIG_DFL);
}

static void
init(void)
{
	struct sigaction action = { .sa_sigaction = take_bus_error, .sa_flags = SA_SIGINFO };

	file.memory = mmap(NULL, sizeof(*file.memory), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file.memory == MAP_FAILED)
		mem_die();
	sigaction(SIGBUS, &action, NULL);
}

struct metrics_shared *
metrics_file_memory(void)
{
	pthread_once(&once, init);
	return file.memory;
}

/* ---- Slots ----------------------------------------------------------------------- */

/* A slot is its holder's while that has the lock on a byte of the file (byte_lock.h), which
 * ends with the process, however it ends. */
static void
take_slot(void)
{
	for (int i = 0; i < METRICS_SLOTS && file.slot < 0; i++) {
		/* Those that begin at once do not all try the same. */
		int slot = (int)((getpid() + i) % METRICS_SLOTS);
		enum byte_lock lock = byte_lock_take(file.fd, slot);

		if (lock == BYTE_LOCK_FAILED)
			return;
		if (lock == BYTE_LOCK_TAKEN)
			file.slot = slot;
	}
	if (file.slot < 0)
		return;
	/* What its last holder left. */
	struct metrics_slot *slot = &file.memory->slots[file.slot];
	for (int i = 0; i < METRICS_GAUGES; i++)
		atomic_store(&slot->gauges[i], 0);
	for (int i = 0; i < METRICS_SERVERS; i++)
		if (atomic_load(&slot->in_flight[i]) != 0)
			atomic_store(&slot->in_flight[i], 0);
}

void
metrics_file_lock(void)
{
	metrics_file_memory();
	pthread_mutex_lock(&file.mutex);
}

void
metrics_file_unlock(void)
{
	pthread_mutex_unlock(&file.mutex);
}

struct metrics_slot *
metrics_file_slot(void)
{
	return file.slot < 0 ? NULL : &file.memory->slots[file.slot];
}

int
metrics_file_next_slot(int from)
{
	return file.fd < 0 ? -1 : (int)byte_lock_find(file.fd, from, METRICS_SLOTS);
}

/* ---- Making and opening ---------------------------------------------------------- */

/* Give the file the rights of the state that it lies beside, whose name is the path without
 * "-metrics": who may write the one may count in the other.  Where there is none, those that
 * a state would have. */
static void
copy_rights(int fd)
{
	char *state = mem_strdup(file.path), *end = strrchr(state, '-');
	struct stat rights;

	if (end)
		*end = '\0';
	if (!end || stat(state, &rights) != 0)
		owned_file_give(fd, file.path);
	/* What cannot be done is no harm: then others count by themselves. */
	else if ((geteuid() == 0 && fchown(fd, rights.st_uid, rights.st_gid) != 0) ||
	    fchmod(fd, rights.st_mode & 0660) != 0)
		log_debug("the metrics' file has rights of its own", "file", file.path);
	free(state);
}

/* Write a new file, of zeros behind its header; all of it, since a hole that cannot be
 * filled shows when it is too late. */
static bool
write_new(int fd)
{
	static const char zeros[COPY_BYTES];
	const struct metrics_header header = {
		.magic = { 't', 'i', 'n', 'y', 's', 'c', 'm', '1' },
		.layout = file.layout,
		.bytes = sizeof(struct metrics_shared),
	};

	for (size_t at = 0; at < sizeof(struct metrics_shared);) {
		size_t left = sizeof(struct metrics_shared) - at;
		ssize_t n = write(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros));

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return pwrite(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header);
}

/* Make a new file: in place of what is there, or where there is nothing.  True also when
 * another was faster. */
static bool
make(bool in_place)
{
	char temporary[4096];

	if (snprintf(temporary, sizeof(temporary), "%s.%ld", file.path, (long)getpid()) >=
	    (int)sizeof(temporary))
		return false;
	unlink(temporary); /* of one that was killed */
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	copy_rights(fd);
	bool done = write_new(fd);
	close(fd);
	if (done)
		done = in_place ?
		    rename(temporary, file.path) == 0 :
		    link(temporary, file.path) == 0 || errno == EEXIST;
	int error = errno;
	unlink(temporary);
	errno = error;
	return done;
}

enum fitness { FITS, OTHER_VERSION, UNFIT, NOT_OURS };

/* Is it a file of ours, whole, and of this layout?  One that is damaged was ours if it has
 * its beginning, its size, or nothing in it. */
static enum fitness
judge(int fd, struct stat *status)
{
	struct metrics_header header = { 0 };

	if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode))
		return NOT_OURS;
	ssize_t n = pread(fd, &header, sizeof(header), 0);
	bool is_magic = memcmp(header.magic, MAGIC, sizeof(header.magic)) == 0;
	if (!is_magic && status->st_size != 0 &&
	    status->st_size != (off_t)sizeof(struct metrics_shared))
		return NOT_OURS;
	if (n != (ssize_t)sizeof(header) || !is_magic || (off_t)header.bytes != status->st_size)
		return UNFIT;
	return header.layout == file.layout && header.bytes == sizeof(struct metrics_shared) ?
	    FITS :
	    OTHER_VERSION;
}

/* Open the file, and make one where there is none that can be used.  -1, with errno, when
 * that is impossible. */
static int
open_file(struct stat *status)
{
	bool may_replace = !file.was_tried;

	file.was_tried = true;
	for (int tries = 0; tries < TRIES; tries++) {
		int fd = open(file.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd < 0 && errno == ENOENT && make(false))
			continue;
		if (fd < 0)
			return -1;
		enum fitness fitness = owned_file_is_strangers(file.path) ?
		    NOT_OURS :
		    judge(fd, status);
		if (fitness == FITS) {
			owned_file_restrict(file.path);
			return fd;
		}
		close(fd);
		errno = EEXIST;
		/* Two versions would replace each other's file for ever. */
		if (fitness == NOT_OURS || (fitness == OTHER_VERSION && !may_replace) ||
		    !make(true))
			return -1;
		log_info("the metrics begin anew: their file was damaged, or another version's",
		    "file", file.path);
	}
	return -1;
}

static bool
is_in_place(void)
{
	struct stat there;

	return !atomic_load(&is_lost) && stat(file.path, &there) == 0 &&
	    there.st_dev == file.device && there.st_ino == file.inode &&
	    there.st_size == (off_t)sizeof(struct metrics_shared);
}

/* Let go of the file. */
static void
leave(void)
{
	map(-1);
	if (file.fd >= 0)
		close(file.fd);
	file.fd = file.slot = -1;
	atomic_store(&is_lost, false);
}

/* Take the file that is there now, or make one. */
static void
enter(void)
{
	struct stat status = { 0 };

	file.fd = open_file(&status);
	if (file.fd >= 0 && map(file.fd)) {
		file.device = status.st_dev;
		file.inode = status.st_ino;
		file.is_told = false;
		take_slot();
		return;
	}
	const char *reason = strerror(errno);
	leave();
	if (!file.is_told)
		log_warn("the metrics are of this process alone", "file", file.path, "reason",
		    reason);
	file.is_told = true;
}

void
metrics_file_set(const char *path, uint64_t layout)
{
	metrics_file_lock();
	leave();
	free(file.path);
	file.path = mem_strdup(path);
	file.layout = layout;
	file.was_tried = file.is_told = false;
	metrics_file_unlock();
}

bool
metrics_file_map(bool is_check)
{
	metrics_file_lock();
	if (file.path && file.fd >= 0 && is_check && !is_in_place())
		leave();
	if (file.path && file.fd < 0 && (is_check || !file.was_tried))
		enter();
	bool is_shared = file.fd >= 0;
	metrics_file_unlock();
	return is_shared;
}
