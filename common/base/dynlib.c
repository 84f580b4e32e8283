#include "base/dynlib.h"

#include <dlfcn.h>
#include <string.h>

bool
dynlib_find(void *library, const char *name, void *dest)
{
	void *symbol = dlsym(library, name);

	if (!symbol)
		return false;
	/* ISO C has no cast from an object's to a function's pointer; POSIX
	 * says they look alike (dlsym, RATIONALE). */
	memcpy(dest, &symbol, sizeof(symbol));
	return true;
}
