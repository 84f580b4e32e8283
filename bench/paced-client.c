/*
 * paced-client: GET requests at a fixed rate over kept connections, and how long
 * each took, for the benchmarks of this folder.
 *
 * Request k is due at a moment that is known beforehand, somewhere in its share of
 * the time: evenly spaced requests of two clients would meet always, or never.  What
 * it took is counted from that moment, also when its connection was still waiting
 * for the answer before.  A client that starts its clock when it comes to send would
 * leave out exactly the requests that a stall held up ("coordinated omission").
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define PATHS_MAX 1000
#define ANSWER_MAX 65536
#define ANSWER_SECONDS 60

static const char usage[] =
    "usage: paced-client PORT PATHS CONNECTIONS RATE SECONDS LATENCIES [skip]\n"
    "\n"
    "Asks 127.0.0.1:PORT for the paths, one a line of the file PATHS, in turn: RATE\n"
    "requests a second in all, over so many connections. The file LATENCIES gets a\n"
    "line for each request: microseconds, \"good\" or \"bad\" (no answer, a status other\n"
    "than 200 and 302, or a FAILED document), and when it was due, in milliseconds\n"
    "since 1970.\n"
    "\n"
    "skip: a request that is due while its connection still waits for an answer is\n"
    "left out, as by somebody who waits for a page before asking for the next.\n";

struct asked {
	int64_t due_us, took_us;
	bool is_good;
};

struct connection {
	pthread_t thread;
	int number;
	int fd;
	struct asked *asked;
	size_t n;
};

static struct sockaddr_in address;
static char *paths[PATHS_MAX];
static size_t n_paths;
static int n_connections;
static double rate, seconds;
static bool skip;
static int64_t begin_us;

static int
open_connection(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct timeval limit = { ANSWER_SECONDS, 0 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The body's length if the header is whole and tells it; -1 for a chunked body,
 * whose last chunk is looked for instead. */
static long
body_length(const char *answer)
{
	const char *length = strcasestr(answer, "\r\nContent-Length:");

	return length ? strtol(length + 17, NULL, 10) : -1;
}

static bool
is_whole(const char *answer, size_t len)
{
	const char *body = strstr(answer, "\r\n\r\n");

	if (!body)
		return false;
	body += 4;
	long length = body_length(answer);
	if (length >= 0)
		return len - (size_t)(body - answer) >= (size_t)length;
	return len >= 5 && strcmp(answer + len - 5, "0\r\n\r\n") == 0;
}

/* Ask once.  Returns whether the answer was good. */
static bool
ask(struct connection *c, const char *path, char *answer)
{
	char request[4096];
	size_t len = 0;
	ssize_t n;
	int size = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: gateway.example\r\n\r\n", path);

	if (c->fd < 0)
		c->fd = open_connection();
	if (c->fd < 0 || send(c->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
		goto broken;
	answer[0] = '\0';
	while (!is_whole(answer, len)) {
		n = len < ANSWER_MAX - 1 ?
		    recv(c->fd, answer + len, ANSWER_MAX - 1 - len, 0) :
		    0;
		if (n <= 0)
			goto broken;
		len += (size_t)n;
		answer[len] = '\0';
	}
	if (strcasestr(answer, "\r\nConnection: close")) {
		close(c->fd);
		c->fd = -1;
	}
	return (strncmp(answer + 9, "200", 3) == 0 || strncmp(answer + 9, "302", 3) == 0) &&
	    !strstr(answer, "<returncode>FAILED<");

broken:
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return false;
}

static void *
connection_main(void *argument)
{
	struct connection *c = argument;
	char *answer = malloc(ANSWER_MAX);
	unsigned seed = (unsigned)begin_us + (unsigned)c->number;

	for (size_t k = (size_t)c->number;; k += (size_t)n_connections) {
		int64_t due_us = begin_us +
		    (int64_t)(((double)k + (double)rand_r(&seed) / RAND_MAX) * 1e6 / rate);
		if (due_us >= begin_us + (int64_t)(seconds * 1e6))
			break;
		int64_t now = clock_us(CLOCK_MONOTONIC);
		if (skip && now > due_us && c->n > 0)
			continue;
		if (now < due_us)
			clock_sleep_until_us(due_us);
		struct asked *asked = &c->asked[c->n++];
		asked->due_us = due_us;
		asked->is_good = ask(c, paths[k % n_paths], answer);
		asked->took_us = clock_us(CLOCK_MONOTONIC) - due_us;
	}
	if (c->fd >= 0)
		close(c->fd);
	free(answer);
	return NULL;
}

static bool
read_paths(const char *name)
{
	FILE *file = fopen(name, "re");

	if (!file)
		return false;
	char *line = NULL;
	size_t size = 0;
	while (n_paths < PATHS_MAX && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		paths[n_paths++] = strdup(line);
	}
	free(line);
	fclose(file);
	return n_paths > 0;
}

int
main(int argc, char **argv)
{
	if (argc < 7 || argc > 8 || (argc == 8 && strcmp(argv[7], "skip") != 0) ||
	    (n_connections = atoi(argv[3])) < 1 || n_connections > 1000 ||
	    (rate = atof(argv[4])) <= 0 || (seconds = atof(argv[5])) <= 0) {
		fputs(usage, stderr);
		return 2;
	}
	skip = argc == 8;
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	FILE *file;
	if (!read_paths(argv[2]) || !(file = fopen(argv[6], "we"))) {
		perror("paced-client");
		return 1;
	}

	struct connection *connections = calloc((size_t)n_connections, sizeof(*connections));
	begin_us = clock_us(CLOCK_MONOTONIC) + 100000;
	for (int i = 0; i < n_connections; i++) {
		connections[i].number = i;
		connections[i].fd = -1;
		connections[i].asked = calloc((size_t)(rate * seconds) + 1,
		    sizeof(*connections[i].asked));
		pthread_create(&connections[i].thread, NULL, connection_main, &connections[i]);
	}
	int64_t epoch_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	for (int i = 0; i < n_connections; i++) {
		pthread_join(connections[i].thread, NULL);
		for (size_t k = 0; k < connections[i].n; k++) {
			const struct asked *asked = &connections[i].asked[k];

			fprintf(file, "%lld %s %lld\n", (long long)asked->took_us,
			    asked->is_good ? "good" : "bad",
			    (long long)(asked->due_us + epoch_us) / 1000);
		}
		free(connections[i].asked);
	}
	free(connections);
	for (size_t k = 0; k < n_paths; k++)
		free(paths[k]);
	return fclose(file) == 0 ? 0 : 1;
}
