/*
 * Parameters of create or join that the configuration sets, for all servers or for
 * one (call_apply_parameters).
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <stddef.h>

struct parameter {
	const char *name;
	const char *value; /* NULL: the parameter is removed */
};

struct parameters {
	struct parameter *list;
	size_t n;
};

#endif
