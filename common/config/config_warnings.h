/*
 * What is allowed in the configuration, and yet unwise.
 */
#ifndef CONFIG_WARNINGS_H
#define CONFIG_WARNINGS_H

#include <stdbool.h>

struct buf;
struct config;

/* What is unwise, with the key it is about, and what to do; both are gone afterwards.  is_mode
 * says that it is about who may read or write the file. */
typedef void config_warning(void *context, const char *what, const char *advice, bool is_mode);

/* Tell each.  path is that of the file which was loaded; its mode is looked at, since it holds
 * secrets.  No value of a secret is repeated. */
void config_warnings_find(const struct config *config, const char *path,
    config_warning *warning, void *context);

/*
 * Append to out a line for each: the file, "warning", the key, what is unwise and what to
 * do.  16 KiB are plenty; what does not fit any more is left out.
 */
void config_warnings_add(const struct config *config, const char *path, struct buf *out);

#endif
