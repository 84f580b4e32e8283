/*
 * What is allowed in the configuration, and yet unwise.
 */
#ifndef CONFIG_WARNINGS_H
#define CONFIG_WARNINGS_H

struct buf;
struct config;

/*
 * Append to out a line for each: the file, "warning", the key, what is unwise and what to
 * do.  path is that of the file which was loaded; its mode is looked at, since it holds
 * secrets.  No value of a secret is repeated.  16 KiB are plenty; what does not fit any more
 * is left out.
 */
void config_warnings_add(const struct config *config, const char *path, struct buf *out);

#endif
