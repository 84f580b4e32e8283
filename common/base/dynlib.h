/*
 * Functions of a shared library that was opened with dlopen(3).
 */
#ifndef DYNLIB_H
#define DYNLIB_H

#include <stdbool.h>

/* Find a function; *dest, a pointer to such a function, gets it.  False when the library
 * has none of that name. */
bool dynlib_find(void *library, const char *name, void *dest);

#endif
