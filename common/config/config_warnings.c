#include "config/config_warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "config/config.h"
#include "formats/state_url.h"

/* Of fewer characters a secret can be guessed, or found out from one checksum. */
#define SHORT_SECRET 16

static void __attribute__((format(printf, 3, 4)))
warn(struct buf *out, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char text[512];
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (out->max - out->len > strlen(path) + strlen(text) + 16)
		buf_printf(out, "%s: warning: %s\n", path, text);
}

static void
warn_of_mode(const char *path, struct buf *out)
{
	struct stat file;
	if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
		return;
	if (file.st_mode & S_IWOTH)
		warn(out, path, "every user of this machine may write to it: chmod 0640");
	else if (file.st_mode & S_IROTH)
		warn(out, path,
		    "every user of this machine may read it, and it holds secrets: chmod 0640");
}

static bool
is_short(const char *secret)
{
	return secret && strlen(secret) < SHORT_SECRET;
}

/* How the file names one of several secrets. */
static const char *
name_secret(size_t i, size_t n, char name[32])
{
	if (n == 1)
		return "secret";
	snprintf(name, 32, "secrets[%zu]", i);
	return name;
}

void
config_warnings_add(const struct config *config, const char *path, struct buf *out)
{
	static const char advice[] = "\"openssl rand -hex 32\" makes a good one";
	char name[32];

	warn_of_mode(path, out);
	for (size_t i = 0; i < config->n_secrets; i++)
		if (is_short(config->secrets[i]))
			warn(out, path, "%s: shorter than %d characters; %s",
			    name_secret(i, config->n_secrets, name), SHORT_SECRET, advice);
	if (is_short(config->admin_secret))
		warn(out, path, "admin_secret: shorter than %d characters; %s", SHORT_SECRET,
		    advice);
	for (size_t i = 0; config->admin_secret && i < config->n_secrets; i++)
		if (strcmp(config->admin_secret, config->secrets[i]) == 0)
			warn(out, path,
			    "admin_secret: the same as %s, so each client may do what an "
			    "administrator may; %s",
			    name_secret(i, config->n_secrets, name), advice);
	if (config->is_engine_overruled)
		warn(out, path,
		    "state: TINYSCALE_STATE wins, so hosts of the gateway share no state by "
		    "it; take the variable out of the environment");
	if (config->state_url && is_short(config->state_url->password))
		warn(out, path, "state: its password is shorter than %d characters; %s",
		    SHORT_SECRET, advice);
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];
		for (size_t j = 0; j < server->n_secrets; j++)
			if (is_short(server->secrets[j]))
				warn(out, path,
				    "servers[%zu].%s: shorter than %d characters; set another "
				    "there by \"bbb-conf --setsecret\"",
				    i, name_secret(j, server->n_secrets, name), SHORT_SECRET);
	}
}
