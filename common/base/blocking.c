#include "base/blocking.h"

#include <stddef.h>

static void (*listener)(bool begins);

void
blocking_listen(void (*told)(bool begins))
{
	listener = told;
}

void
blocking_begin(void)
{
	if (listener)
		listener(true);
}

void
blocking_end(void)
{
	if (listener)
		listener(false);
}
