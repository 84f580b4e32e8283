#include "base/byte_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef F_OFD_SETLK

static struct flock
lock_of(int64_t from, int64_t end)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)from,
		.l_len = (off_t)(end - from),
	};
}

enum byte_lock
byte_lock_take(int file, int64_t at)
{
	struct flock lock = lock_of(at, at + 1);

	if (fcntl(file, F_OFD_SETLK, &lock) == 0)
		return BYTE_LOCK_TAKEN;
	return errno == EAGAIN || errno == EACCES || errno == EINTR ?
	    BYTE_LOCK_BUSY :
	    BYTE_LOCK_FAILED;
}

int64_t
byte_lock_find(int file, int64_t from, int64_t end)
{
	int64_t found = -1;

	/* Any of the locks in the range is told, so look before it for another. */
	while (from < end) {
		struct flock lock = lock_of(from, end);

		if (fcntl(file, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			break;
		/* It may begin before the range. */
		found = end = lock.l_start > from ? (int64_t)lock.l_start : from;
	}
	return found;
}

#else

enum byte_lock
byte_lock_take(int file, int64_t at)
{
	(void)file, (void)at;
	errno = ENOTSUP;
	return BYTE_LOCK_FAILED;
}

int64_t
byte_lock_find(int file, int64_t from, int64_t end)
{
	(void)file, (void)from, (void)end;
	return -1;
}

#endif
