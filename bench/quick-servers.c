/*
 * quick-servers: many servers for benchmarks, which cost next to nothing.
 *
 * The sandbox (sandbox/) behaves as BigBlueButton does, and takes its time for it.  These
 * servers know a dozen answers by heart: one thread gives some hundred thousand of them a
 * second, each after the same delay, so that what is measured is the gateway.
 *
 * Checksums are not looked at.  A server's meetings are m-SERVER-0, m-SERVER-1 and so on, and
 * those of no other; whatever is created is there as far as its create is concerned, and any
 * other meetingID is nowhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: quick-servers [-d MS] [-m MEETINGS] [-a ATTENDEES] [-r RECORDINGS] PORT COUNT\n"
    "\n"
    "COUNT servers on 127.0.0.1, from PORT on, each with so many meetings (20) of so many\n"
    "people (0), and so many recordings (0), that answer after MS milliseconds (0). GET\n"
    "/count on any of them tells how many requests there were of each, how many connections,\n"
    "and the most requests that were in flight at one of them: a line of three numbers.\n";

#define REQUEST_BYTES 16384
#define EVENTS 256

enum { MEETINGS, RECORDINGS, RUNNING, NOT_RUNNING, INFO, NOT_FOUND, VERSION, TEXTS };

struct text {
	char *data;
	size_t len;
};

struct server {
	int fd;
	int number;
	unsigned in_flight;
	struct text answers[TEXTS]; /* whole HTTP answers */
};

/* A connection; what it is answered is due at a time, or is being written. */
struct client {
	struct server *server;
	struct client *next; /* of those that wait */
	int fd;
	int64_t due_ns;   /* 0: it does not wait */
	bool is_gone;     /* it went while it waited */
	const char *data; /* what is still to be written */
	size_t left;
	char *own; /* an answer of its own, to be freed, or NULL */
	size_t read;
	char request[REQUEST_BYTES];
};

static struct server *servers;
static int n_servers, epoll_fd, timer_fd;
static int64_t delay_ns;
static struct client *first,
    **last = &first; /* the delay is the same: the first is due first */
static unsigned long n_requests, n_connections, most_in_flight;

static void
die(const char *what)
{
	fprintf(stderr, "quick-servers: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- Answers --------------------------------------------------------------------- */

static struct text
http_answer(const char *type, const char *body, size_t len)
{
	struct text text = { .data = malloc(len + 256) };

	if (!text.data)
		die("memory");
	int head = snprintf(text.data, 256,
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, len);
	memcpy(text.data + head, body, len);
	text.len = (size_t)head + len;
	return text;
}

static struct text
document(const char *body)
{
	char whole[1024];
	int len = snprintf(whole, sizeof(whole), "<response>%s</response>", body);

	return http_answer("text/xml;charset=utf-8", whole, (size_t)len);
}

/* The answer that an item's writer makes of so many items in a list of that name. */
static struct text
list(const struct server *server, const char *name, long n,
    void write_item(FILE *out, const struct server *server, long i))
{
	struct text body;
	FILE *out = open_memstream(&body.data, &body.len);

	if (!out)
		die("memory");
	fprintf(out, "<response><returncode>SUCCESS</returncode><%s>", name);
	for (long i = 0; i < n; i++)
		write_item(out, server, i);
	fprintf(out, "</%s></response>", name);
	fclose(out);
	struct text answer = http_answer("text/xml;charset=utf-8", body.data, body.len);
	free(body.data);
	return answer;
}

static long n_attendees;

static void
write_meeting(FILE *out, const struct server *server, long i)
{
	fprintf(out,
	    "<meeting><meetingName>Meeting %ld</meetingName><meetingID>m-%d-%ld</meetingID>"
	    "<internalMeetingID>%040d-%ld</internalMeetingID><createTime>1700000000000"
	    "</createTime><attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW>"
	    "<running>true</running><duration>0</duration><hasUserJoined>true</hasUserJoined>"
	    "<recording>false</recording><hasBeenForciblyEnded>false</hasBeenForciblyEnded>"
	    "<startTime>1700000000100</startTime><endTime>0</endTime><participantCount>%ld"
	    "</participantCount><listenerCount>0</listenerCount><voiceParticipantCount>0"
	    "</voiceParticipantCount><videoCount>0</videoCount><maxUsers>0</maxUsers>"
	    "<moderatorCount>1</moderatorCount><attendees>",
	    i, server->number, i, server->number, i, n_attendees);
	for (long k = 0; k < n_attendees; k++)
		fprintf(out,
		    "<attendee><userID>w_%010ld</userID><fullName>Student %ld</fullName>"
		    "<role>VIEWER</role><isPresenter>false</isPresenter><isListeningOnly>true"
		    "</isListeningOnly><hasJoinedVoice>false</hasJoinedVoice><hasVideo>false"
		    "</hasVideo><clientType>HTML5</clientType></attendee>",
		    k, k);
	fprintf(out,
	    "</attendees><metadata><bbb-origin>bench</bbb-origin></metadata>"
	    "<isBreakout>false</isBreakout></meeting>");
}

static void
write_recording(FILE *out, const struct server *server, long i)
{
	fprintf(out,
	    "<recording><recordID>%032d%08ld-%013ld</recordID><meetingID>m-%d-%ld</meetingID>"
	    "<internalMeetingID>%032d%08ld-%013ld</internalMeetingID><name>Lecture %ld</name>"
	    "<isBreakout>false</isBreakout><published>true</published><state>published</state>"
	    "<startTime>%ld</startTime><endTime>%ld</endTime><participants>20</participants>"
	    "<metadata><meetingName>Lecture %ld</meetingName><bbb-origin>bench</bbb-origin>"
	    "</metadata><playback><format><type>presentation</type><url>https://bbb-%d.example"
	    "/playback/presentation/2.3/%032d%08ld</url><processingTime>10</processingTime>"
	    "<length>45</length></format></playback></recording>",
	    server->number, i, 1700000000000 + i, server->number, i, server->number, i,
	    1700000000000 + i, i, 1700000000000 + i, 1700000100000 + i, i, server->number,
	    server->number, i);
}

static void
make_answers(struct server *server, long n_meetings, long n_recordings)
{
	struct text *answers = server->answers;

	answers[MEETINGS] = list(server, "meetings", n_meetings, write_meeting);
	answers[RECORDINGS] = list(server, "recordings", n_recordings, write_recording);
	answers[RUNNING] = document("<returncode>SUCCESS</returncode><running>true</running>");
	answers[NOT_RUNNING] = document(
	    "<returncode>SUCCESS</returncode><running>false</running>");
	answers[INFO] = document(
	    "<returncode>SUCCESS</returncode><meetingName>M</meetingName>"
	    "<running>true</running>");
	answers[NOT_FOUND] = document(
	    "<returncode>FAILED</returncode><messageKey>notFound</messageKey>"
	    "<message>A meeting with that ID does not exist</message>");
	answers[VERSION] = document("<returncode>SUCCESS</returncode><version>2.0</version>");
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The value of the parameter in the request line, up to its end. */
static const char *
parameter(const char *query, const char *name)
{
	const char *found = strstr(query, name);

	return found ? found + strlen(name) : "";
}

static void
answer_of_its_own(struct client *client, struct text text)
{
	client->own = text.data;
	client->data = text.data;
	client->left = text.len;
}

static void
choose_answer(struct client *client)
{
	struct server *server = client->server;
	char *line = client->request, mine[32];
	enum { MOST = 512 };
	char body[MOST];

	line[strcspn(line, "\r\n")] = '\0';
	char *path = strchr(line, ' ');
	char *query = path ? strchr(path, '?') : NULL;
	const char *call = path ? path + 1 : "";
	for (const char *at = call; *at != '\0' && *at != '?' && *at != ' '; at++)
		if (*at == '/')
			call = at + 1;
	const char *id = parameter(query ? query : "", "meetingID=");
	snprintf(mine, sizeof(mine), "m-%d-", server->number);
	bool is_mine = begins(id, mine);
	int which = VERSION;
	if (begins(call, "getMeetings"))
		which = MEETINGS;
	else if (begins(call, "getRecordings"))
		which = RECORDINGS;
	else if (begins(call, "isMeetingRunning"))
		which = is_mine ? RUNNING : NOT_RUNNING;
	else if (begins(call, "getMeetingInfo"))
		which = is_mine ? INFO : NOT_FOUND;
	client->data = server->answers[which].data;
	client->left = server->answers[which].len;
	if (begins(call, "count")) {
		int len = snprintf(body, sizeof(body), "%lu %lu %lu\n", n_requests,
		    n_connections, most_in_flight);
		answer_of_its_own(client, http_answer("text/plain", body, (size_t)len));
	} else if (begins(call, "create")) {
		int len = (int)strcspn(id, "& ");
		snprintf(body, sizeof(body),
		    "<returncode>SUCCESS</returncode><meetingID>%.*s</meetingID>"
		    "<internalMeetingID>i-%.*s</internalMeetingID><createTime>1700000000000"
		    "</createTime><hasBeenForciblyEnded>false</hasBeenForciblyEnded>",
		    len, id, len, id);
		answer_of_its_own(client, document(body));
	}
}

/* ---- Connections ------------------------------------------------------------------ */

static void
close_client(struct client *client)
{
	close(client->fd);
	free(client->own);
	free(client);
}

static void
watch(struct client *client, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* Write what is left.  False: the connection is gone. */
static bool
write_answer(struct client *client)
{
	while (client->left > 0) {
		ssize_t n = send(client->fd, client->data, client->left, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch(client, EPOLLOUT);
			return true;
		}
		if (n < 0) {
			client->server->in_flight--;
			close_client(client);
			return false;
		}
		client->data += n;
		client->left -= (size_t)n;
	}
	free(client->own);
	client->own = NULL;
	client->server->in_flight--;
	return true;
}

static void
set_timer(int64_t at_ns)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 },
	};

	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* A request is whole: answer it, or let it wait.  False: the connection is gone. */
static bool
take_request(struct client *client)
{
	struct server *server = client->server;

	n_requests++;
	if (++server->in_flight > most_in_flight)
		most_in_flight = server->in_flight;
	choose_answer(client);
	client->read = 0;
	if (delay_ns == 0)
		return write_answer(client);
	client->due_ns = now_ns() + delay_ns;
	client->next = NULL;
	*last = client;
	last = &client->next;
	if (first == client)
		set_timer(client->due_ns);
	return true;
}

static void
read_request(struct client *client)
{
	/* Who waits has nothing to say but that it goes. */
	if (client->due_ns > 0) {
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
		client->is_gone = true;
		return;
	}
	for (;;) {
		ssize_t n = recv(client->fd, client->request + client->read,
		    sizeof(client->request) - 1 - client->read, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_client(client);
			return;
		}
		client->read += (size_t)n;
		client->request[client->read] = '\0';
		if (!strstr(client->request, "\r\n\r\n")) {
			if (client->read < sizeof(client->request) - 1)
				continue;
			close_client(client);
			return;
		}
		/* One request at a time, as the gateway sends them; none has a body. */
		take_request(client);
		return;
	}
}

static void
answer_who_is_due(void)
{
	uint64_t n;
	int64_t now = now_ns();

	if (read(timer_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		die("timer");
	while (first && first->due_ns <= now) {
		struct client *client = first;

		first = client->next;
		if (!first)
			last = &first;
		client->due_ns = 0;
		if (client->is_gone) {
			client->server->in_flight--;
			close_client(client);
		} else {
			write_answer(client);
		}
	}
	if (first)
		set_timer(first->due_ns);
}

static void
take_connections(struct server *server)
{
	int fd, on = 1;

	while ((fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *client = calloc(1, sizeof(*client));
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

		if (!client)
			die("memory");
		client->server = server;
		client->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll");
		n_connections++;
	}
}

static void
listen_on(struct server *server, int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port),
	};
	int on = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = server };

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (server->fd < 0 ||
	    bind(server->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(server->fd, 1024) != 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, server->fd, &event) != 0)
		die("listen");
}

static bool
is_server(const void *what)
{
	return (uintptr_t)what >= (uintptr_t)servers &&
	    (uintptr_t)what < (uintptr_t)(servers + n_servers);
}

static void
serve(void)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		if (n < 0 && errno != EINTR)
			die("epoll");
		/* At the end, since it may free who has another event here. */
		bool is_due = false;
		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;

			if (what == &timer_fd) {
				is_due = true;
			} else if (is_server(what)) {
				take_connections(what);
			} else if (events[i].events & EPOLLOUT) {
				watch(what, EPOLLIN);
				write_answer(what);
			} else {
				read_request(what);
			}
		}
		if (is_due)
			answer_who_is_due();
	}
}

static void
raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	long n_meetings = 20, n_recordings = 0;
	int option;

	while ((option = getopt(argc, argv, "d:m:a:r:")) != -1)
		switch (option) {
		case 'd':
			delay_ns = strtol(optarg, NULL, 10) * 1000000;
			break;
		case 'm':
			n_meetings = strtol(optarg, NULL, 10);
			break;
		case 'a':
			n_attendees = strtol(optarg, NULL, 10);
			break;
		case 'r':
			n_recordings = strtol(optarg, NULL, 10);
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	if (argc - optind != 2) {
		fputs(usage, stderr);
		return 2;
	}
	int port = (int)strtol(argv[optind], NULL, 10);
	n_servers = (int)strtol(argv[optind + 1], NULL, 10);
	raise_limit();
	servers = calloc((size_t)n_servers + 1, sizeof(*servers));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &timer_fd };
	if (!servers || epoll_fd < 0 || timer_fd < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) != 0)
		die("start");
	for (int i = 0; i < n_servers; i++) {
		servers[i].number = i + 1;
		make_answers(&servers[i], n_meetings, n_recordings);
		listen_on(&servers[i], port + i);
	}
	puts("ready");
	fflush(stdout);
	serve();
}
