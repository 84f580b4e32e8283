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

void
owned_file_make(const char *path)
{
	if (geteuid() != 0)
		return;
	char *copy = mem_strdup(path);
	struct stat directory;
	if (stat(dirname(copy), &directory) == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0) {
			if (fchown(fd, directory.st_uid, directory.st_gid) != 0)
				log_warn("cannot give the state to its directory's owner",
				    "file", path, "reason", strerror(errno));
			close(fd);
		}
	}
	free(copy);
}
