/*
 * Functions of a shared library that was opened with dlopen(3).
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>

/* Find a function; *dest, a pointer to such a function, gets it.  False when the library
 * has none of that name. */
bool library_find(void *library, const char *name, void *dest);

#endif
