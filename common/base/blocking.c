#include "base/blocking.h"

#include <errno.h>
#include <stddef.h>

static void (*listener)(bool begins);

/* How many waits the calling thread is in. */
static _Thread_local unsigned depth;

void
blocking_listen(void (*told)(bool begins))
{
	listener = told;
}

void
blocking_begin(void)
{
	if (depth++ == 0 && listener)
		listener(true);
}

void
blocking_end(void)
{
	int error = errno;

	if (--depth == 0 && listener)
		listener(false);
	errno = error;
}
