#include "base/processors.h"

#include <sched.h>
#include <unistd.h>

unsigned
processors_count(void)
{
	cpu_set_t set;
	long n;

	/* A set of this size fails where there are more than 1,024. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}
