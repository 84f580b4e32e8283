/*
 * A configuration for the targets that need one: three servers, whose secrets clients do
 * not know, and no state.
 */
#ifndef SOME_CONFIG_H
#define SOME_CONFIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/config.h"

#define SOME_SECRET "gateway-secret"

/* The caller frees it with config_free(). */
static inline struct config *
some_config(void)
{
	static const char json[] =
	    "{\"secrets\": [\"" SOME_SECRET
	    "\", \"another-secret\"], \"state\": \"none\","
	    "\"servers\": ["
	    "{\"name\": \"a\", \"host\": \"http://a.test\", \"secret\": \"secret-a\"},"
	    "{\"name\": \"b\", \"host\": \"http://b.test\", \"secret\": \"secret-b\"},"
	    "{\"name\": \"c\", \"host\": \"http://c.test\", \"secret\": \"secret-c\"}]}";
	const int file = memfd_create("config", MFD_CLOEXEC);
	char path[40];
	struct buf problems;

	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	if (file < 0 || write(file, json, strlen(json)) != (ssize_t)strlen(json))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	buf_init(&problems, 10000);
	struct config *config = config_load(path, &problems);
	if (!config)
		abort();
	buf_free(&problems);
	close(file);
	return config;
}

#endif
