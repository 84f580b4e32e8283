/*
 * init: the first servers.json, from what "bbb-conf --secret" prints on each server.
 *
 * The configuration is tried before it is anywhere on the disk: it is loaded from memory,
 * as the gateway would load it, and its servers are asked as by check.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"
#include "formats/url.h"
#include "probe.h"
#include "text.h"

/* Bytes of the gateway's secret. */
#define SECRET_BYTES 32

#define PROBLEMS_BYTES ((size_t)64 << 10)

/* What is typed ahead for no longer is one paste. */
#define PASTE_MS 200

#define API_PATH "/bigbluebutton/api"

struct offered {
	const char *url, *secret;
	const char *base; /* of the URL: "https://bbb1.example.org:8443" */
	bool is_tried, is_failed;
};

struct init {
	struct ctl *ctl;
	struct arena *arena;
	const char *path; /* to be written */
	const char *secret;
	const char *public_url; /* or NULL */
	struct offered *list;
	size_t n, capacity;
	bool is_asking; /* is there somebody to ask? */
	bool is_wrong;  /* was something given that is no server? */
	/* A paste is read line by line. */
	const char *url; /* that waits for its secret, or NULL */
	char *line;      /* getline's */
	size_t line_size;
};

/* ---- The configuration ------------------------- */

/* Append the configuration with the servers from that one on. */
static void
write_config(const struct init *init, size_t from, struct buf *out)
{
	buf_printf(out, "{\n    \"secret\": \"%s\",\n", init->secret);
	if (init->public_url) {
		buf_text(out, "    \"public_url\": ");
		text_json(out, str_from(init->public_url));
		buf_text(out, ",\n");
	}
	buf_text(out, "    \"servers\": [");
	for (size_t i = from; i < init->n; i++) {
		buf_printf(out, "%s\n        {\"host\": ", i > from ? "," : "");
		text_json(out, str_from(init->list[i].url));
		buf_text(out, ", \"secret\": ");
		text_json(out, str_from(init->list[i].secret));
		buf_char(out, '}');
	}
	buf_text(out, "\n    ]\n}\n");
}

static bool
write_all(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.data, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = str_part(text, (size_t)n, SIZE_MAX);
	}
	return true;
}

/* Each problem without the name of the file, which is none that anybody knows. */
static void
write_problems(struct str problems, const char *path)
{
	while (problems.len > 0) {
		size_t end = str_find(problems, STR("\n"), 0);
		struct str line = str_part(problems, 0, end);

		if (str_starts(line, path))
			line = str_trim(str_part(line, strlen(path) + 1, SIZE_MAX));
		ctl_complain("%.*s", STR_ARG(line));
		problems = end == SIZE_MAX ? STR("") : str_part(problems, end + 1, SIZE_MAX);
	}
}

/* The configuration with the servers from that one on, in ctl, as the gateway reads it.
 * False, which was written, where it would not. */
static bool
load(struct init *init, size_t from)
{
	struct buf text, problems;
	char path[40];
	int fd = memfd_create("servers.json", MFD_CLOEXEC);

	ctl_close(init->ctl);
	ctl_begin(&text);
	buf_init(&problems, PROBLEMS_BYTES);
	write_config(init, from, &text);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || buf_failed(&text) || !write_all(fd, buf_view(&text)))
		ctl_complain("there is no memory to try the configuration in: %m");
	else if (!(init->ctl->api.config = config_load(path, &problems)))
		write_problems(buf_view(&problems), path);
	if (fd >= 0)
		close(fd);
	buf_free(&problems);
	buf_free(&text);
	return init->ctl->api.config;
}

static bool
make_secret(struct init *init)
{
	unsigned char bytes[SECRET_BYTES];
	char *hex = arena_alloc(init->arena, 2 * sizeof(bytes) + 1);

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		ctl_complain("no random bytes for a secret: %m");
		return false;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	init->secret = hex;
	return true;
}

/* ---- Servers ------------------------- */

/* Add a server that is still to be tried.  One that is there already is taken out: a
 * second paste is a correction. */
static void
offer(struct init *init, struct str url_text, struct str secret)
{
	struct url url;
	const char *problem = url_parse(url_text, &url);

	if (problem || secret.len == 0) {
		ctl_complain("%s: %s", problem ? "a URL is not good" : "no secret for a server",
		    problem ?: ctl_plain(init->ctl, url_text));
		init->is_wrong = true;
		return;
	}
	const char *base = str_printf(init->arena, "%s://%s", url.scheme, url.authority);
	for (size_t i = 0; i < init->n; i++)
		if (strcmp(init->list[i].base, base) == 0) {
			ctl_complain("%s was given before; what is given last counts", base);
			memmove(&init->list[i], &init->list[i + 1],
			    (--init->n - i) * sizeof(*init->list));
			break;
		}
	init->list = arena_room(init->arena, init->list, sizeof(*init->list), init->n, 1,
	    &init->capacity);
	init->list[init->n++] = (struct offered){
		.url = str_copy(init->arena, url_text),
		.secret = str_copy(init->arena, secret),
		.base = base,
	};
}

/* "URL,SECRET" */
static bool
offer_pair(struct init *init, struct str pair)
{
	size_t comma = str_find(pair, STR(","), 0);

	if (comma == SIZE_MAX)
		return false;
	offer(init, str_trim(str_part(pair, 0, comma)),
	    str_trim(str_part(pair, comma + 1, SIZE_MAX)));
	return true;
}

/* The first server that was not tried. */
static size_t
first_untried(const struct init *init)
{
	size_t i = 0;

	while (i < init->n && init->list[i].is_tried)
		i++;
	return i;
}

static bool confirm(struct init *init, const char *name);

/* Ask those that were not tried, and say how they are.  Of those that fail only what
 * somebody wants to keep is kept; where there is nobody to ask, all. */
static void
try_servers(struct init *init)
{
	size_t first = first_untried(init);
	struct table table;
	struct buf out;

	if (first == init->n)
		return;
	if (!load(init, first) || !ctl_open_http(init->ctl)) {
		init->n = first;
		init->is_wrong = true;
		return;
	}
	struct probe probe = {
		.ctl = init->ctl,
		.config = init->ctl->api.config,
		.n = init->n - first,
		.servers = arena_alloc(init->arena, (init->n - first) * sizeof(*probe.servers)),
	};
	for (size_t i = 0; i < probe.n; i++)
		probe.servers[i].server = &probe.config->servers[i];
	probe_servers(&probe);
	ctl_begin(&out);
	probe_fill(&probe, &table);
	table_write(&table, &out, probe.ctl->in_colour);
	probe_write_findings(&probe, &out);
	buf_char(&out, '\n');
	ctl_write(&out);
	size_t n = first;
	for (size_t i = 0; i < probe.n; i++) {
		struct offered *offered = &init->list[first + i];

		offered->is_tried = true;
		offered->is_failed = !probe.servers[i].is_good;
		if (offered->is_failed && init->is_asking &&
		    !confirm(init, probe.servers[i].server->name))
			continue;
		init->list[n++] = *offered;
	}
	init->n = n;
}

/* ---- What is pasted, and asked ------------------------- */

/* The next line of standard input, without blanks around it, until the line after it is
 * read; absent at its end. */
static struct str
read_line(struct init *init)
{
	ssize_t len = getline(&init->line, &init->line_size, stdin);

	return len < 0 ? (struct str){ 0 } : str_trim((struct str){ init->line, (size_t)len });
}

/* Ask what is not part of the answer, but for people: on standard error. */
static void __attribute__((format(printf, 1, 2))) prompt(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

static bool
confirm(struct init *init, const char *name)
{
	prompt("Keep %s all the same? [y/N] ", name);
	struct str answer = read_line(init);
	return str_is_nocase(answer, "y") || str_is_nocase(answer, "yes");
}

/* Is a line of a paste there, or the end? */
static bool
is_more_there(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, PASTE_MS) > 0;
}

/* The URL waits for a secret no longer. */
static void
drop_url(struct init *init)
{
	if (init->url) {
		ctl_complain("no secret came for %s",
		    ctl_plain(init->ctl, str_from(init->url)));
		init->is_wrong = true;
	}
	init->url = NULL;
}

/* A line that "bbb-conf --secret" printed, or that was typed.  No line is repeated in a
 * complaint, as it may be a secret. */
static void
take_line(struct init *init, struct str line)
{
	bool is_url = str_starts(line, "https://") || str_starts(line, "http://");

	/* The link to the API-Mate has the URL and the secret, too. */
	if (line.len == 0 || line.data[line.len - 1] == ':' ||
	    str_find(line, STR("#server="), 0) != SIZE_MAX)
		return;
	if (str_starts(line, "URL:") || (is_url && str_find(line, STR(","), 0) == SIZE_MAX)) {
		drop_url(init);
		init->url = str_copy(init->arena,
		    is_url ? line : str_trim(str_part(line, strlen("URL:"), SIZE_MAX)));
	} else if (is_url) {
		drop_url(init);
		offer_pair(init, line);
	} else if (init->url &&
	    (str_starts(line, "Secret:") || str_find(line, STR(" "), 0) == SIZE_MAX)) {
		offer(init, str_from(init->url),
		    str_starts(line, "Secret:") ?
		        str_trim(str_part(line, strlen("Secret:"), SIZE_MAX)) :
		        line);
		init->url = NULL;
	} else {
		ctl_complain("a line is passed over that is neither a URL nor its secret");
	}
}

/* Read servers until the end of the input or, where somebody is asked, an empty line
 * that comes alone.  Empty lines of a paste are a part of it. */
static void
read_servers(struct init *init)
{
	if (init->is_asking)
		prompt(
		    "For each BigBlueButton server, paste what \"bbb-conf --secret\" prints "
		    "there,\nor its URL and then its secret.  An empty line ends.\n\n");
	for (;;) {
		bool is_asked = init->is_asking && !is_more_there();

		if (is_asked && !init->url)
			try_servers(init);
		if (is_asked)
			prompt("%s: ",
			    init->url       ? "Secret" :
			        init->n > 0 ? "Another server, or an empty line" :
			                      "URL");
		struct str line = read_line(init);
		if (!line.data)
			break;
		/* A paste begins with an empty line, too. */
		bool is_empty_answer = is_asked && line.len == 0 && !is_more_there();
		if (is_empty_answer && !init->url)
			break;
		if (is_empty_answer)
			drop_url(init);
		else
			take_line(init, line);
	}
	drop_url(init);
}

/* This host's own name in full, if it has one that can be called. */
static const char *
guess_address(struct init *init)
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct url url;
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		return NULL;
	if (getaddrinfo(host, NULL, &hints, &list) == 0 && list->ai_canonname)
		snprintf(host, sizeof(host), "%s", list->ai_canonname);
	if (list)
		freeaddrinfo(list);
	const char *address = str_printf(init->arena, "https://%s%s", host, API_PATH);
	return url_parse(str_from(address), &url) ? NULL : address;
}

/* Ask for the gateway's address until there is one that the gateway takes. */
static void
ask_address(struct init *init)
{
	const char *guess = guess_address(init) ?: "";

	do {
		prompt("\nThe gateway's address, as clients will call it\n[%s]: ", guess);
		struct str line = read_line(init);
		if (!line.data) {
			init->public_url = NULL;
			prompt("\n");
			return;
		}
		init->public_url = line.len > 0 ? str_copy(init->arena, line) : guess;
	} while (!load(init, 0));
	prompt("\n");
}

/* ---- The file ------------------------- */

static const char *
directory_of(struct init *init)
{
	const char *slash = strrchr(init->path, '/');

	return slash == init->path ?
	    "/" :
	    slash ?
	    str_copy(init->arena, (struct str){ init->path, (size_t)(slash - init->path) }) :
	    ".";
}

/* Can the file be written, as far as is known before?  What cannot is told. */
static bool
is_writable(struct init *init)
{
	const char *directory = directory_of(init);
	struct stat facts;

	if (!ctl_has(init->ctl, OPTION_FORCE) && lstat(init->path, &facts) == 0) {
		ctl_complain(
		    "%s is there already; edit it, or replace it by --force, which "
		    "makes a new secret: all clients need it then",
		    init->path);
		return false;
	}
	if (stat(directory, &facts) != 0)
		ctl_complain("%s is not there; \"mkdir -p %s\" makes it", directory, directory);
	else if (access(directory, W_OK | X_OK) != 0)
		ctl_complain("%s cannot be written to: %m; be root, or name a file with -c",
		    directory);
	else
		return true;
	return false;
}

/* Let the group that the directory has read the file, or the one that could before. */
static bool
give(struct init *init, int fd)
{
	struct stat facts;

	if (geteuid() != 0)
		return true;
	if (stat(init->path, &facts) == 0)
		return fchown(fd, facts.st_uid, facts.st_gid) == 0;
	return stat(directory_of(init), &facts) != 0 ||
	    fchown(fd, (uid_t)-1, facts.st_gid) == 0;
}

/* Write the file whole or not at all.  A link fails where a file has come to be. */
static bool
store(struct init *init)
{
	bool is_forced = ctl_has(init->ctl, OPTION_FORCE);
	char *temporary = str_printf(init->arena, "%s.XXXXXX", init->path);
	struct buf text;

	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		ctl_complain("%s cannot be written: %m", temporary);
		return false;
	}
	ctl_begin(&text);
	write_config(init, 0, &text);
	bool is_stored = give(init, fd) && fchmod(fd, 0640) == 0 && !buf_failed(&text) &&
	    write_all(fd, buf_view(&text)) && fsync(fd) == 0 &&
	    (is_forced ? rename(temporary, init->path) : link(temporary, init->path)) == 0;
	if (!is_stored)
		ctl_complain("%s cannot be written: %m", init->path);
	if (!is_stored || !is_forced)
		unlink(temporary);
	close(fd);
	buf_free(&text);
	return is_stored;
}

/* ---- What comes next ------------------------- */

static void
write_clients(struct init *init, struct buf *out)
{
	/* TINYSCALE_SECRET wins. */
	const char *secret = init->ctl->api.config->secrets[0];
	const char *base = init->ctl->api.config->public_url;
	bool is_guess = !base;

	if (is_guess)
		base = guess_address(init) ?: "https://bbb.example.org" API_PATH;
	/* Moodle adds "api" itself (mod_bigbluebuttonbn, proxy_base::sanitized_url). */
	buf_printf(out,
	    "Moodle (Site administration, Plugins, BigBlueButton):\n"
	    "  BigBlueButton server URL:\n"
	    "    %.*s\n"
	    "  BigBlueButton shared secret:\n"
	    "    %s\n\n"
	    "Greenlight (.env):\n"
	    "  BIGBLUEBUTTON_ENDPOINT=%s\n"
	    "  BIGBLUEBUTTON_SECRET=%s\n\n",
	    (int)(strlen(base) - strlen("api")), base, secret, base, secret);
	if (is_guess)
		buf_text(out,
		    "That address is a guess: --base, or \"public_url\" in the file, tells\n"
		    "the one that clients will call.\n");
}

static void
write_next(struct init *init, struct buf *out)
{
	struct stat facts;
	const char *path = ctl_plain(init->ctl, str_from(init->path));

	buf_printf(out, "%s is written, with %zu server%s.\n\n", path, init->n,
	    init->n == 1 ? "" : "s");
	write_clients(init, out);
	if (stat(init->path, &facts) == 0 && facts.st_uid == 0 && facts.st_gid == 0)
		buf_printf(out,
		    "The gateway's group has to read the file: \"chgrp tinyscale %s\",\n"
		    "or www-data, if the web server starts the gateway.\n",
		    path);
	buf_text(out,
	    "Then start the gateway, or reload it; \"tinyscalectl check\" tells if all is "
	    "well.\n");
}

/* ---- The command ------------------------- */

/* What the line's --server say.  False where one is none. */
static bool
take_options(struct init *init)
{
	for (size_t i = 0; i < init->ctl->n_given; i++)
		if (init->ctl->given[i].option == OPTION_SERVER &&
		    !offer_pair(init, str_from(init->ctl->given[i].value))) {
			ctl_complain(
			    "--server takes the URL and the secret with a comma "
			    "between: https://bbb1.example.org,SECRET");
			return false;
		}
	return true;
}

/* Try what is left to be, and have the whole as it will be written.  False where there is
 * nothing to write, which was told. */
static bool
settle(struct init *init)
{
	if (init->is_asking || !init->is_wrong)
		try_servers(init);
	if (init->is_wrong && !init->is_asking) {
		ctl_complain("nothing was written");
		return false;
	}
	if (init->n == 0) {
		ctl_complain("no server was given, so nothing was written");
		return false;
	}
	/* Where somebody can correct it, a bad address is no reason to refuse servers. */
	if (init->is_asking)
		init->public_url = ctl_option(init->ctl, OPTION_BASE);
	if (init->is_asking && (!init->public_url || !load(init, 0)))
		ask_address(init);
	return load(init, 0);
}

static int
run(struct init *init)
{
	struct buf out;
	size_t n_failed = 0;

	if (!is_writable(init) || !make_secret(init))
		return CTL_WRONG;
	if (!init->is_asking)
		init->public_url = ctl_option(init->ctl, OPTION_BASE);
	if (!ctl_has(init->ctl, OPTION_SERVER))
		read_servers(init);
	else if (!take_options(init))
		return CTL_USAGE;
	if (!settle(init) || !store(init))
		return CTL_WRONG;
	ctl_begin(&out);
	write_next(init, &out);
	ctl_write(&out);
	for (size_t i = 0; i < init->n; i++)
		n_failed += init->list[i].is_failed;
	if (n_failed > 0) {
		fflush(stdout);
		ctl_complain("%zu of the servers failed and %s kept: see above what to do",
		    n_failed, n_failed == 1 ? "is" : "are");
	}
	return n_failed > 0 ? CTL_WRONG : CTL_GOOD;
}

int
command_init(struct ctl *ctl)
{
	struct init init = {
		.ctl = ctl,
		.arena = ctl->arena,
		.path = config_path(ctl->config_path),
		.is_asking = !ctl_has(ctl, OPTION_SERVER) && isatty(STDIN_FILENO),
	};

	/* What is there of a paste must be seen by poll(2). */
	setvbuf(stdin, NULL, _IONBF, 0);
	int status = run(&init);
	free(init.line);
	return status;
}
