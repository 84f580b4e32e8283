#include "config_section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "run.h"

struct settings {
	struct {
		char name[16];
		const char *more; /* members of its own, or NULL */
		bool is_left_out;
	} servers[8];
	bool has_secret;
};
#define N_SERVERS \
	(sizeof((struct settings *)0)->servers / sizeof(*((struct settings *)0)->servers))

/* "NAME [MEMBERS]": of a server there is, or of one more. */
static void
read_server(struct settings *settings, const char *value, bool is_left_out)
{
	const size_t n = strcspn(value, " ");

	for (size_t i = 0; i < N_SERVERS; i++) {
		char *name = settings->servers[i].name;

		if (*name == '\0')
			snprintf(name, sizeof(settings->servers[i].name), "%.*s", (int)n,
			    value);
		if (strlen(name) != n || strncmp(name, value, n) != 0)
			continue;
		settings->servers[i].is_left_out = is_left_out;
		if (value[n] == ' ')
			settings->servers[i].more = value + n + 1;
		break;
	}
}

/* Read the section; lines that are members of the whole are written at once. */
static void
read_settings(struct run *run, const struct section *section, struct settings *settings,
    struct buf *json)
{
	struct lines lines = run_lines(run, section);
	char *line, *value;

	while ((line = case_next(&lines)) != NULL) {
		if (*line == '\0')
			continue;
		if ((value = case_after(line, "no server ")) != NULL) {
			read_server(settings, value, true);
		} else if ((value = case_after(line, "server ")) != NULL) {
			read_server(settings, value, false);
		} else {
			buf_printf(json, ",\n%s", line);
			settings->has_secret |= case_after(line, "\"secret") != NULL;
		}
	}
}

static void
write_servers(const struct settings *settings, struct buf *json)
{
	buf_text(json, ",\n\"servers\": [");
	bool first = true;
	for (size_t i = 0; i < N_SERVERS; i++) {
		const char *name = settings->servers[i].name, *more = settings->servers[i].more;

		if (*name == '\0' || settings->servers[i].is_left_out)
			continue;
		buf_printf(json, "%s\n{\"name\": \"%s\"", first ? "" : ",", name);
		if (!more || !strstr(more, "\"secrets\""))
			buf_printf(json, ", \"secret\": \"secret-%s\"", name);
		if (!more || !strstr(more, "\"host\""))
			buf_printf(json, ", \"host\": \"http://%s.test\"", name);
		if (more)
			buf_printf(json, ", %s", more);
		buf_char(json, '}');
		first = false;
	}
	buf_text(json, "]}\n");
}

void
config_section_load(struct run *run, const struct section *section)
{
	char path[40];
	struct buf json, complaints;
	const int fd = memfd_create("case", MFD_CLOEXEC);

	buf_init(&json, CASE_TEXT_MAX);
	buf_init(&complaints, CASE_TEXT_MAX);
	buf_text(&json, "{\"state\": \"none\"");
	struct settings settings = {
		.servers = { { .name = "a" }, { .name = "b" }, { .name = "c" } },
	};
	if (section)
		read_settings(run, section, &settings, &json);
	if (!settings.has_secret)
		buf_text(&json, ",\n\"secret\": \"gateway-secret\"");
	write_servers(&settings, &json);
	if (fd < 0 || write(fd, json.data, json.len) != (ssize_t)json.len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	run->config = config_load(path, &complaints);
	close(fd);
	if (!run->config)
		run_mistake(run, section, "the configuration is bad:\n%s", complaints.data);
	buf_free(&json);
	buf_free(&complaints);
}
