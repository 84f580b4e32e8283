#include "base/owned_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* How often a file is looked for again that another process makes, or deletes, meanwhile. */
#define TRIES 4

/* The rights of everybody who is neither the owner nor in the group. */
#define OTHERS (S_IRWXO | S_IXUSR | S_IXGRP)

static bool
stat_directory(const char *path, struct stat *directory)
{
	char *copy = mem_strdup(path);
	bool is_there = stat(dirname(copy), directory) == 0;

	free(copy);
	return is_there;
}

static bool
is_shared(const struct stat *directory)
{
	return directory->st_mode & S_IWGRP && !(directory->st_mode & S_IWOTH);
}

void
owned_file_give(int fd, const char *path)
{
	struct stat directory, file;

	if (!stat_directory(path, &directory) || fstat(fd, &file) != 0)
		return;
	if (geteuid() == 0 && fchown(fd, directory.st_uid, directory.st_gid) != 0)
		log_warn("cannot give the state to its directory's owner", "file", path,
		    "reason", strerror(errno));
	if (!is_shared(&directory))
		return;
	/* To the directory's group, or to nobody: another is not who shares it. */
	if (file.st_gid != directory.st_gid && geteuid() != 0 &&
	    fchown(fd, (uid_t)-1, directory.st_gid) != 0)
		log_debug("the file is not of its directory's group", "file", path);
	else if (fchmod(fd, 0660) != 0)
		log_debug("the file is not for its group", "file", path);
}

static int
make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		owned_file_give(fd, path);
	return fd;
}

void
owned_file_make(const char *path)
{
	int fd = make(path);

	if (fd >= 0)
		close(fd);
}

static bool
is_strangers(const char *path, const struct stat *file)
{
	struct stat directory;

	if (file->st_uid == geteuid() || file->st_uid == 0)
		return false;
	return S_ISLNK(file->st_mode) || !stat_directory(path, &directory) ||
	    directory.st_mode & S_IWOTH;
}

bool
owned_file_is_strangers(const char *path)
{
	struct stat file;

	return lstat(path, &file) == 0 && is_strangers(path, &file);
}

/* Open what is there, if it is a file that may be used. */
static int
open_there(const char *path)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	struct stat file;
	if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || is_strangers(path, &file)) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	if (file.st_mode & OTHERS && file.st_uid == geteuid() &&
	    fchmod(fd, file.st_mode & 07777 & ~(mode_t)OTHERS) != 0)
		log_debug("the file's rights stay as they are", "file", path);
	return fd;
}

int
owned_file_open(const char *path)
{
	int fd = -1;

	for (int tries = 0; fd < 0 && tries < TRIES; tries++) {
		fd = open_there(path);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		fd = make(path);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return fd;
}

void
owned_file_restrict(const char *path)
{
	struct stat file, directory;

	/* One that has several names may be somebody's whose file it is. */
	if (lstat(path, &file) != 0 || !S_ISREG(file.st_mode) || file.st_nlink != 1 ||
	    !(file.st_mode & OTHERS))
		return;
	if (file.st_uid != geteuid() &&
	    (geteuid() != 0 || !stat_directory(path, &directory) ||
	        file.st_uid != directory.st_uid))
		return;
	if (fchmodat(AT_FDCWD, path, file.st_mode & 07777 & ~(mode_t)OTHERS,
	        AT_SYMLINK_NOFOLLOW) != 0)
		log_debug("the file's rights stay as they are", "file", path);
}
