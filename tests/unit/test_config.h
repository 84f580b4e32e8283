/*
 * What the tests of the configuration share: a file for it, which is good or has just
 * one problem.
 */
#ifndef TEST_CONFIG_H
#define TEST_CONFIG_H

#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config/config_parts.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every secret of these tests begins so, and no problem may contain it. */
#define SECRET "S3cr3t"

#define SERVER_OF(more)                             \
	"{\"host\": \"https://bbb1.example.org\", " \
	"\"secret\": \"" SECRET "1\"" more "}"
#define SERVERS "\"servers\": [" SERVER_OF("") "]"
#define TOP(more) "{\"secret\": \"" SECRET "\", " SERVERS more "}"
#define SERVER(more) "{\"secret\": \"" SECRET "\", \"servers\": [" SERVER_OF(more) "]}"

#define SERVER_SECRETS(list)     \
	"{\"secret\": \"" SECRET \
	"\", \"servers\": ["     \
	"{\"host\": \"http://a.test\", \"secrets\": [" list "]}]}"
#define FIVE_SECRETS                                                   \
	"\"" SECRET "1\", \"" SECRET "2\", \"" SECRET "3\", \"" SECRET \
	"4\", "                                                        \
	"\"" SECRET "5\""
#define TEN_SECRETS FIVE_SECRETS ", " FIVE_SECRETS

static char path[64];
static char problems[65536];

static inline void
write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	if (!file || fwrite(text, 1, len, file) != len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static inline struct config *
load(const char *name)
{
	struct buf buf;
	buf_init(&buf, sizeof(problems) - 1);
	/* As a build with all it can have. */
	struct config *config = config_read(name, &buf, true);
	snprintf(problems, sizeof(problems), "%s", buf.data ? buf.data : "");
	buf_free(&buf);
	return config;
}

static inline struct config *
load_bytes(const char *text, size_t len)
{
	write_file(text, len);
	return load(path);
}

static inline struct config *
load_text(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* A configuration that is good, or an end of the test. */
static inline struct config *
load_good(const char *text)
{
	struct config *config = load_text(text);
	if (!ok(config && problems[0] == '\0', "good: %s", text)) {
		diag("%s", problems);
		exit(done_testing());
	}
	return config;
}

/* A configuration with just this problem, its line without the file's name. */
static inline void
bad_bytes(const char *text, size_t len, const char *problem)
{
	char want[2048];
	struct config *config = load_bytes(text, len);
	snprintf(want, sizeof(want), "%s: %s\n", path, problem);
	is_str(problems, want, "%s", problem);
	ok(!config, "  and no configuration");
	ok(!strstr(problems, SECRET), "  and no secret in it");
	config_free(config);
}

static inline void
bad(const char *text, const char *problem)
{
	bad_bytes(text, strlen(text), problem);
}

/* Before all tests: nothing from the environment, and a file of our own. */
static inline void
begin(void)
{
	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	unsetenv("TINYSCALE_CONFIG");
	snprintf(path, sizeof(path), "/tmp/test_config.XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* After them; the program's exit status. */
static inline int
end(void)
{
	unlink(path);
	return done_testing();
}

#endif
