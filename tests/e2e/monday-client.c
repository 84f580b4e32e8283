/*
 * monday-client: the clients of an ordinary Monday, for story-monday.sh.
 *
 * At a fixed rate it creates meetings (some of them by several clients at the same
 * moment, many of them again while they run, as Moodle does before each join), joins
 * them as a browser does, asks about them and ends them.  What it asks about
 * a meeting is only ever asked while it believes that the meeting runs: after a
 * create was answered well, and before an end is sent.  One thread decides what is
 * due, many send it, so a request that hangs holds up no other; what a request took
 * is counted from when it was due (see bench/paced-client.c for the reason).
 *
 * The log has a line for each request, with tabs between:
 *
 *     DUE SENT DONE CALL MEETINGID STATUS RESULT END
 *
 * DUE, SENT, DONE, END are milliseconds since 1970; END is later than DONE for a join
 * that was followed.  RESULT is what the client makes of
 * the answer: "ok", a messageKey, "true" or "false" of isMeetingRunning; "none" if no
 * whole answer came, "odd" if it is none of BBB's or has bytes that XML forbids.  A
 * join that is redirected is followed to its server; it is "joined" or the server's
 * messageKey, or "lost" if the server gave no answer to speak of.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define WORKERS 256
#define MEETINGS_MAX 10000
#define JOBS_MAX 65536
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)
#define ANSWER_SECONDS 90
#define PATH_MAX_LENGTH 2048
#define BURST 4

/* So long after its end a meeting is not created again, unless MONDAY_REST_MS says. */
#define REST_MS 3000

static const char usage[] =
    "usage: monday-client PORT SECRET PASSWORDS RATE SECONDS MEETINGS LOG [SEED]\n"
    "\n"
    "Asks 127.0.0.1:PORT, RATE requests a second, about so many meetings. PASSWORDS\n"
    "is a part of create's query. The same SEED decides the same.\n";

enum call { CREATE, JOIN, INFO, RUNNING, LIST, END };

static const char *const call_names[] = {
	[CREATE] = "create",
	[JOIN] = "join",
	[INFO] = "getMeetingInfo",
	[RUNNING] = "isMeetingRunning",
	[LIST] = "getMeetings",
	[END] = "end",
};

struct job {
	enum call call;
	int meeting;
	int64_t due_us; /* by the monotonic clock */
};

/* What the client believes of a meeting. */
struct meeting {
	bool runs;
	bool is_wanted; /* a create is under way */
	int64_t ended_us;
};

static uint16_t gateway_port;
static const char *secret, *passwords;
static FILE *log_file;
static struct meeting meetings[MEETINGS_MAX];
static int meeting_count;
static int64_t rest_us = REST_MS * 1000LL;

/* The queue; all of it and the meetings are guarded by the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct job jobs[JOBS_MAX];
static size_t first_job, job_end;
static bool is_over;

/* Writes the signed path of a call; query may be empty. */
static void
sign(char path[PATH_MAX_LENGTH], const char *call, const char *query)
{
	char text[PATH_MAX_LENGTH], hex[65];
	unsigned char digest[32];
	int length = snprintf(text, sizeof(text), "%s%s%s", call, query, secret);

	EVP_Digest(text, (size_t)length, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(path, PATH_MAX_LENGTH, "/bigbluebutton/api/%s?%s%schecksum=%s", call, query,
	    query[0] != '\0' ? "&" : "", hex);
}

/*
 * Sends one GET and reads the answer to its end into answer, which has room for
 * ANSWER_MAX bytes and a NUL.  Returns the length, 0 where there was no whole one.
 */
static size_t
ask(uint16_t port, const char *path, char *answer)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval limit = { ANSWER_SECONDS, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[PATH_MAX_LENGTH + 128];
	int size = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "Accept: */*\r\nConnection: close\r\n\r\n",
	    path, (unsigned)port);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	size_t length = 0;
	ssize_t n = -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, request, (size_t)size, MSG_NOSIGNAL) == size)
		while ((n = recv(fd, answer + length, ANSWER_MAX - length, 0)) > 0)
			length += (size_t)n;
	close(fd);
	answer[length] = '\0';
	return n == 0 && strstr(answer, "\r\n\r\n") ? length : 0;
}

/* Copies what stands between tag and the next '<', or "". */
static void
copy_element(const char *answer, const char *tag, char *out, size_t room)
{
	const char *begin = strstr(answer, tag);
	size_t length = 0;

	if (begin) {
		begin += strlen(tag);
		length = strcspn(begin, "<");
	}
	snprintf(out, room, "%.*s", (int)(length < 60 ? length : 60), length > 0 ? begin : "");
}

/* Judges a document. */
static void
judge_document(enum call call, const char *answer, size_t length, char *result, size_t room)
{
	const char *body = strstr(answer, "\r\n\r\n") + 4;
	char code[64], key[64], running[64];

	copy_element(body, "<returncode>", code, sizeof(code));
	copy_element(body, "<messageKey>", key, sizeof(key));
	copy_element(body, "<running>", running, sizeof(running));
	snprintf(result, room, "odd");
	for (const char *c = body; c < answer + length; c++)
		if ((unsigned char)*c < 0x20 && !strchr("\t\r\n", *c))
			return;
	if (strncmp(answer + 9, "200", 3) != 0 || !strstr(body, "</response>"))
		return;
	if (strcmp(code, "SUCCESS") == 0)
		snprintf(result, room, "%s", call == RUNNING ? running : "ok");
	else if (strcmp(code, "FAILED") == 0 && key[0] != '\0')
		snprintf(result, room, "%s", key);
}

/* Follows a join to its server, as a browser does. */
static void
follow(const char *answer, char *buffer, char *result, size_t room)
{
	static const char start[] = "http://127.0.0.1:";
	const char *location = strcasestr(answer, "\r\nLocation: ");

	snprintf(result, room, "odd");
	if (!location || strncmp(location + 12, start, strlen(start)) != 0)
		return;
	location += 12 + strlen(start);
	char target[PATH_MAX_LENGTH];
	snprintf(target, sizeof(target), "%.*s", (int)strcspn(location, "\r\n"), location);
	char *path;
	uint16_t port = (uint16_t)strtol(target, &path, 10);

	snprintf(result, room, "lost");
	if (ask(port, path, buffer) == 0)
		return;
	if (strstr(buffer, "/html5client/join?sessionToken="))
		snprintf(result, room, "joined");
	else if (strstr(buffer, "invalidMeetingIdentifier"))
		snprintf(result, room, "invalidMeetingIdentifier");
	else if (strstr(buffer, "checksumError"))
		snprintf(result, room, "checksumError");
}

/* Writes a call's path. */
static void
write_path(const struct job *job, char path[PATH_MAX_LENGTH])
{
	char query[PATH_MAX_LENGTH / 2] = "";
	char id[16];

	snprintf(id, sizeof(id), "monday-%d", job->meeting);
	if (job->call == CREATE)
		snprintf(query, sizeof(query), "name=%s&meetingID=%s&%s", id, id, passwords);
	else if (job->call == JOIN)
		snprintf(query, sizeof(query), "fullName=Ann&meetingID=%s&role=viewer", id);
	else if (job->call != LIST)
		snprintf(query, sizeof(query), "meetingID=%s", id);
	sign(path, call_names[job->call], query);
}

static void
note(const struct job *job, const char *result)
{
	struct meeting *meeting = &meetings[job->meeting];

	if (job->call != CREATE)
		return;
	pthread_mutex_lock(&lock);
	meeting->is_wanted = false;
	/* An end may have been sent meanwhile; then one does not know. */
	if (strcmp(result, "ok") == 0 && job->due_us > meeting->ended_us)
		meeting->runs = true;
	pthread_mutex_unlock(&lock);
}

static void
run_job(const struct job *job, char *answer, char *buffer)
{
	char path[PATH_MAX_LENGTH];

	write_path(job, path);
	/* By the clock of the servers' history, read at the moment itself. */
	int64_t sent_us = clock_us(CLOCK_REALTIME);
	size_t length = ask(gateway_port, path, answer);
	int64_t done_us = clock_us(CLOCK_REALTIME);
	int64_t due_us = done_us - (clock_us(CLOCK_MONOTONIC) - job->due_us);
	char result[64] = "none", status[4] = "-";
	if (length > 12) {
		memcpy(status, answer + 9, 3);
		if (job->call == JOIN && strcmp(status, "302") == 0)
			follow(answer, buffer, result, sizeof(result));
		else
			judge_document(job->call, answer, length, result, sizeof(result));
	}
	int64_t end_us = clock_us(CLOCK_REALTIME);
	note(job, result);
	pthread_mutex_lock(&lock);
	fprintf(log_file, "%lld\t%lld\t%lld\t%s\tmonday-%d\t%s\t%s\t%lld\n",
	    (long long)due_us / 1000, (long long)sent_us / 1000, (long long)done_us / 1000,
	    call_names[job->call], job->meeting, status, result, (long long)end_us / 1000);
	pthread_mutex_unlock(&lock);
}

static void *
worker_main(void *argument)
{
	char *answer = malloc(ANSWER_MAX + 1);
	char *buffer = malloc(ANSWER_MAX + 1);

	(void)argument;
	for (;;) {
		pthread_mutex_lock(&lock);
		while (first_job == job_end && !is_over)
			pthread_cond_wait(&changed, &lock);
		if (first_job == job_end)
			break;
		struct job job = jobs[first_job++ % JOBS_MAX];
		pthread_mutex_unlock(&lock);
		run_job(&job, answer, buffer);
	}
	pthread_mutex_unlock(&lock);
	free(answer);
	free(buffer);
	return NULL;
}

/* Returns a meeting that runs, or that can be created, or -1.  The lock is held. */
static int
find_meeting(unsigned *seed, bool runs, int64_t now_us)
{
	int begin = (int)((unsigned)rand_r(seed) % (unsigned)meeting_count);

	for (int i = 0; i < meeting_count; i++) {
		int at = (begin + i) % meeting_count;
		const struct meeting *one = &meetings[at];

		if (runs ? one->runs :
		           !one->runs && !one->is_wanted && now_us > one->ended_us + rest_us)
			return at;
	}
	return -1;
}

/* Decides what is due now and queues it.  The lock is held. */
static void
add_job(unsigned *seed, int64_t due_us)
{
	static const struct {
		enum call call;
		unsigned percent;
		bool is_new;
	} mix[] = {
		{ CREATE, 12, true },
		{ CREATE, 10, false },
		{ JOIN, 33, false },
		{ INFO, 20, false },
		{ RUNNING, 15, false },
		{ LIST, 4, false },
		{ END, 6, false },
	};
	unsigned dice = (unsigned)rand_r(seed) % 100;
	struct job job = { .due_us = due_us };
	size_t at = 0;

	while (dice >= mix[at].percent)
		dice -= mix[at++].percent;
	job.call = mix[at].call;
	job.meeting = find_meeting(seed, !mix[at].is_new, due_us);
	if (job.meeting < 0) {
		/* All of them run, or none. */
		job.call = CREATE;
		job.meeting = find_meeting(seed, mix[at].is_new, due_us);
		if (job.meeting < 0)
			return;
	}
	struct meeting *meeting = &meetings[job.meeting];
	int times = 1;
	if (job.call == CREATE && !meeting->runs) {
		meeting->is_wanted = true;
		if (rand_r(seed) % 3 == 0)
			times = BURST;
	}
	if (job.call == END) {
		meeting->runs = false;
		meeting->ended_us = due_us;
	}
	for (int i = 0; i < times && job_end - first_job < JOBS_MAX; i++)
		jobs[job_end++ % JOBS_MAX] = job;
	pthread_cond_broadcast(&changed);
}

int
main(int argc, char **argv)
{
	static pthread_t threads[WORKERS];
	double rate, seconds;

	if (argc < 8 || argc > 9 || (rate = atof(argv[4])) <= 0 ||
	    (seconds = atof(argv[5])) <= 0 || (meeting_count = atoi(argv[6])) < 1 ||
	    meeting_count > MEETINGS_MAX) {
		fputs(usage, stderr);
		return 2;
	}
	gateway_port = (uint16_t)atoi(argv[1]);
	secret = argv[2];
	passwords = argv[3];
	unsigned seed = argc == 9 ? (unsigned)atoi(argv[8]) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	const char *rest = getenv("MONDAY_REST_MS");
	if (rest)
		rest_us = atoll(rest) * 1000;
	log_file = fopen(argv[7], "we");
	if (!log_file) {
		perror("monday-client");
		return 1;
	}
	for (size_t i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, worker_main, NULL);

	const int64_t begin_us = clock_us(CLOCK_MONOTONIC);
	for (int i = 0; i < meeting_count; i++)
		meetings[i].ended_us = begin_us - 2 * rest_us;
	for (long k = 0; (double)k < rate * seconds; k++) {
		int64_t due_us = begin_us + (int64_t)((double)k * 1e6 / rate);

		clock_sleep_until_us(due_us);
		pthread_mutex_lock(&lock);
		add_job(&seed, due_us);
		pthread_mutex_unlock(&lock);
	}
	pthread_mutex_lock(&lock);
	is_over = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	return fclose(log_file) == 0 ? 0 : 1;
}
