#include "config/config_warnings.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "config/config.h"
#include "formats/state_url.h"

/* Of fewer characters a secret can be guessed, or found out from one checksum. */
#define SHORT_SECRET 16

/* Nor is one much better that has so few different ones, such as "xxxxxxxxxxxxxxxx". */
#define FEW_CHARACTERS 5

#define MAKE_ANOTHER "\"openssl rand -hex 32\" makes a good one"
#define SET_ANOTHER "set another there by \"bbb-conf --setsecret\""

/* What stands in the examples where a secret belongs. */
static const char *const of_examples[] = {
	"choose a long one, for Moodle and the others",
	"secret of bbb1",
	"secret of bbb2",
};

struct finding {
	config_warning *warning;
	void *context;
};

static void __attribute__((format(printf, 3, 4)))
find(const struct finding *finding, const char *advice, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char text[512];
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding->warning(finding->context, text, advice, false);
}

static void
find_mode(const char *path, const struct finding *finding)
{
	struct stat file, directory;
	if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
		return;
	if (file.st_mode & S_IWOTH)
		finding->warning(finding->context, "every user of this machine may write to it",
		    "chmod 0640", true);
	else if (file.st_mode & S_IROTH)
		finding->warning(finding->context,
		    "every user of this machine may read it, and it holds secrets",
		    "chmod 0640", true);
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = !slash ? 1 : slash == path ? 1 : (int)(slash - path);
	snprintf(parent, sizeof(parent), "%.*s", len, slash ? path : ".");
	if (stat(parent, &directory) == 0 && directory.st_mode & S_IWOTH &&
	    !(directory.st_mode & S_ISVTX))
		finding->warning(finding->context,
		    "every user of this machine may put another in its place",
		    "take the right to write to its directory from others: chmod o-w", true);
}

static bool
is_short(const char *secret)
{
	return strlen(secret) < SHORT_SECRET;
}

static bool
is_uniform(const char *secret)
{
	bool seen[UCHAR_MAX + 1] = { false };
	int n = 0;
	for (; *secret != '\0'; secret++) {
		n += !seen[(unsigned char)*secret];
		seen[(unsigned char)*secret] = true;
	}
	return n <= FEW_CHARACTERS;
}

static bool
is_of_example(const char *secret)
{
	for (size_t i = 0; i < sizeof(of_examples) / sizeof(*of_examples); i++)
		if (strcmp(secret, of_examples[i]) == 0)
			return true;
	return false;
}

/* What is unwise about one secret, which may be NULL; name is the key that it is under. */
static void
find_weak(const struct finding *finding, const char *name, const char *secret,
    const char *advice)
{
	if (!secret)
		return;
	if (is_of_example(secret))
		find(finding, advice, "%s: an example's", name);
	else if (is_short(secret))
		find(finding, advice, "%s: shorter than %d characters", name, SHORT_SECRET);
	else if (is_uniform(secret))
		find(finding, advice, "%s: no more than %d different characters", name,
		    FEW_CHARACTERS);
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

static void
find_of_servers(const struct config *config, const struct finding *finding)
{
	char name[32], key[80];
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];
		for (size_t j = 0; j < server->n_secrets; j++) {
			snprintf(key, sizeof(key), "servers[%zu].%s", i,
			    name_secret(j, server->n_secrets, name));
			find_weak(finding, key, server->secrets[j], SET_ANOTHER);
			if (config->admin_secret &&
			    strcmp(config->admin_secret, server->secrets[j]) == 0)
				find(finding, MAKE_ANOTHER,
				    "admin_secret: the same as %s, so that server may do what "
				    "an administrator may",
				    key);
		}
	}
}

void
config_warnings_find(const struct config *config, const char *path, config_warning *warning,
    void *context)
{
	const struct finding finding = { warning, context };
	char name[32];

	find_mode(path, &finding);
	for (size_t i = 0; i < config->n_secrets; i++)
		find_weak(&finding, name_secret(i, config->n_secrets, name), config->secrets[i],
		    MAKE_ANOTHER);
	find_weak(&finding, "admin_secret", config->admin_secret, MAKE_ANOTHER);
	for (size_t i = 0; config->admin_secret && i < config->n_secrets; i++)
		if (strcmp(config->admin_secret, config->secrets[i]) == 0)
			find(&finding, MAKE_ANOTHER,
			    "admin_secret: the same as %s, so each client may do what an "
			    "administrator may",
			    name_secret(i, config->n_secrets, name));
	if (config->is_engine_overruled)
		find(&finding, "take the variable out of the environment",
		    "state: TINYSCALE_STATE wins, so hosts of the gateway share no state by "
		    "it");
	if (config->state_url && config->state_url->password &&
	    is_short(config->state_url->password))
		find(&finding, MAKE_ANOTHER,
		    "state: its password is shorter than %d characters", SHORT_SECRET);
	find_of_servers(config, &finding);
}

struct lines {
	const char *path;
	struct buf *out;
};

static void
add_line(void *context, const char *what, const char *advice, bool is_mode)
{
	const struct lines *lines = context;
	struct buf *out = lines->out;
	const size_t len = strlen(lines->path) + strlen(what) + strlen(advice) + 16;
	if (out->max - out->len > len)
		buf_printf(out, "%s: warning: %s%s %s\n", lines->path, what,
		    is_mode ? ":" : ";", advice);
}

void
config_warnings_add(const struct config *config, const char *path, struct buf *out)
{
	struct lines lines = { path, out };

	config_warnings_find(config, path, add_line, &lines);
}
