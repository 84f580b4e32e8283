/*
 * crowd-client: many people, or programs, who join at once, for story-pacing.sh.
 *
 * Each is a thread that follows one link.  A person's browser asks for a page, keeps
 * cookies, comes back when the header Refresh says so, and follows a redirect to the
 * meeting's server.  A program asks for anything, and follows the redirect, too.
 *
 * The log has a line for each, in the order of the links, with tabs between:
 *
 *     NUMBER ASKED TOOK PAGES RESULT
 *
 * ASKED is when it began, in milliseconds since 1970; TOOK how long it took until it had the
 * server's answer; PAGES how often it was shown one that comes back; RESULT "in" when the
 * server redirected it into the meeting, else the status of the last answer, or "none".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define LINKS_MAX 1000
#define TEXT_MAX 65536
#define COOKIE_MAX 1024
#define STEPS_MAX 200
#define ANSWER_SECONDS 90

static const char usage[] =
    "usage: crowd-client PORT person|program SPREAD_MS LINKS LOG\n"
    "\n"
    "Asks 127.0.0.1:PORT for each path in the file LINKS, one after the other within\n"
    "SPREAD_MS milliseconds.\n";

struct joiner {
	pthread_t thread;
	char *path;
	int64_t due_ms, asked_ms, took_ms;
	int pages;
	char result[16];
	char cookies[COOKIE_MAX];
};

static uint16_t gateway_port;
static bool is_person;

/* Ask a port of this host; the whole answer goes to text.  False when there is none. */
static bool
ask(uint16_t port, const char *path, const char *cookies, char *text)
{
	const struct timeval timeout = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	char request[TEXT_MAX / 4];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	int len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nAccept: %s\r\n"
	    "%s%s%s\r\n",
	    path, port,
	    is_person ? "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" :
	                "*/*",
	    cookies[0] ? "Cookie: " : "", cookies, cookies[0] ? "\r\n" : "");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	size_t got = 0;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, request, (size_t)len, MSG_NOSIGNAL) == len) {
		ssize_t n;
		while (
		    got < TEXT_MAX - 1 && (n = recv(fd, text + got, TEXT_MAX - 1 - got, 0)) > 0)
			got += (size_t)n;
	}
	text[got] = '\0';
	if (fd >= 0)
		close(fd);
	return got > 0;
}

/* The value of the answer's header, copied; false when there is none. */
static bool
header(const char *text, const char *name, char *value, size_t size)
{
	const char *end = strstr(text, "\r\n\r\n");
	size_t len = strlen(name);

	for (const char *line = strstr(text, "\r\n"); line && line < end;
	     line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
			continue;
		const char *from = line + 2 + len + 1 + strspn(line + 2 + len + 1, " ");
		snprintf(value, size, "%.*s", (int)strcspn(from, "\r\n"), from);
		return true;
	}
	return false;
}

/* Keep the cookie that the answer sets in place of the one before. */
static void
keep_cookie(struct joiner *joiner, const char *text)
{
	char value[COOKIE_MAX];

	if (!is_person || !header(text, "Set-Cookie", value, sizeof(value)))
		return;
	value[strcspn(value, ";")] = '\0';
	snprintf(joiner->cookies, sizeof(joiner->cookies), "%s", value);
}

/* Follow a redirect to a server on this host.  Did it let us in? */
static bool
follow(const char *location, char *text)
{
	unsigned port;
	int at = 0;
	char value[TEXT_MAX / 4];

	return sscanf(location, "http://127.0.0.1:%u%n", &port, &at) == 1 && at > 0 &&
	    ask((uint16_t)port, location + at, "", text) &&
	    header(text, "Location", value, sizeof(value)) && strstr(value, "/html5client/");
}

static void *
join(void *argument)
{
	struct joiner *joiner = argument;
	char *text = malloc(TEXT_MAX), value[TEXT_MAX / 4];

	clock_sleep_ms(joiner->due_ms - clock_ms(CLOCK_MONOTONIC));
	joiner->asked_ms = clock_ms(CLOCK_REALTIME);
	strcpy(joiner->result, "none");
	for (int step = 0; step < STEPS_MAX; step++) {
		if (!ask(gateway_port, joiner->path, joiner->cookies, text))
			break;
		sscanf(text, "HTTP/%*s %15s", joiner->result);
		keep_cookie(joiner, text);
		if (header(text, "Refresh", value, sizeof(value))) {
			joiner->pages++;
			clock_sleep_ms(strtol(value, NULL, 10) * 1000);
			continue;
		}
		if (header(text, "Location", value, sizeof(value)) && follow(value, text))
			strcpy(joiner->result, "in");
		break;
	}
	joiner->took_ms = clock_ms(CLOCK_REALTIME) - joiner->asked_ms;
	free(text);
	return NULL;
}

/* Read the links; how many there are. */
static size_t
read_links(const char *name, struct joiner *joiners)
{
	FILE *file = fopen(name, "r");
	char line[TEXT_MAX / 8];
	size_t n = 0;

	while (file && n < LINKS_MAX && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		joiners[n++].path = strdup(line);
	}
	if (file)
		fclose(file);
	return n;
}

int
main(int argc, char **argv)
{
	static struct joiner joiners[LINKS_MAX];
	pthread_attr_t attributes;

	if (argc != 6) {
		fputs(usage, stderr);
		return 2;
	}
	gateway_port = (uint16_t)atoi(argv[1]);
	is_person = strcmp(argv[2], "person") == 0;
	size_t n = read_links(argv[4], joiners);
	FILE *log = fopen(argv[5], "w");
	if (n == 0 || !log) {
		perror("crowd-client");
		return 1;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 256 << 10);
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC) + 100;
	for (size_t i = 0; i < n; i++) {
		joiners[i].due_ms = begin_ms + (int64_t)i * atoi(argv[3]) / (int64_t)n;
		if (pthread_create(&joiners[i].thread, &attributes, join, &joiners[i]) != 0) {
			fputs("crowd-client: no thread\n", stderr);
			return 1;
		}
	}
	for (size_t i = 0; i < n; i++) {
		pthread_join(joiners[i].thread, NULL);
		fprintf(log, "%zu\t%lld\t%lld\t%d\t%s\n", i, (long long)joiners[i].asked_ms,
		    (long long)joiners[i].took_ms, joiners[i].pages, joiners[i].result);
		free(joiners[i].path);
	}
	pthread_attr_destroy(&attributes);
	return fclose(log) == 0 ? 0 : 1;
}
