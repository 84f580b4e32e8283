/*
 * fcgi-client: a small FastCGI client for the tests, in the place of a web
 * server.  It can send what no web server sends on demand: records split
 * anywhere, requests that stop half-way, connections kept open, management
 * records.  FastCGI Specification 1.0,
 * https://fastcgi-archives.github.io/FastCGI_Specification.html
 *
 * A request's bytes are built whole and then written while the answer is being
 * read, so neither side can block the other for good.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: fcgi-client [OPTION...] ADDRESS [NAME=VALUE...] [--next [OPTION...] "
    "[NAME=VALUE...]]...\n"
    "\n"
    "Sends FastCGI requests over one connection and prints the answers, as a CGI\n"
    "program would have printed them. ADDRESS is unix:/path or tcp:HOST:PORT. Each\n"
    "--next begins another request, sent when the one before has been answered.\n"
    "\n"
    "For one request:\n"
    "  --body FILE        the request's body (-: standard input); CONTENT_LENGTH is\n"
    "                     for the caller to give\n"
    "  --out FILE         write the answer there (default: standard output)\n"
    "  --half PART        stop half-way through PART, params or stdin; or nothing:\n"
    "                     connect and send not a byte\n"
    "  --no-stdin-end     leave out the empty STDIN record\n"
    "  --get-values       send FCGI_GET_VALUES first and print what comes back\n"
    "                     (\"NAME=VALUE\" lines on standard error)\n"
    "  --abort            send FCGI_ABORT_REQUEST after all else\n"
    "For the connection:\n"
    "  --keep             FCGI_KEEP_CONN in every request\n"
    "  --piece N          write N bytes at a time\n"
    "  --pause MS         and wait so long after each (default 0)\n"
    "  --hold SECONDS     after the last request, or the half one, keep the\n"
    "                     connection open for so long, or until the peer closes it\n"
    "  --timeout SECONDS  give up after so long (default 30)\n"
    "  --time             print on standard error how many microseconds each request\n"
    "                     took, from when it was connected to the answer's end\n"
    "\n"
    "Exit status: 0 every request was answered; 1 the connection was refused or\n"
    "closed without an answer; 2 wrong usage; 3 time ran out; 4 the peer broke the\n"
    "protocol. With --half: 0 once the time to hold is over, 1 if the peer closed\n"
    "the connection before. Between requests a connection that the peer closed\n"
    "after answering is opened anew, as web servers do, and that is said on standard\n"
    "error.\n";

enum {
	EXIT_ANSWERED = 0,
	EXIT_CLOSED = 1,
	EXIT_USAGE = 2,
	EXIT_TIMEOUT = 3,
	EXIT_PROTOCOL = 4
};

/* Section 8 of the specification. */
enum {
	FCGI_VERSION = 1,
	FCGI_BEGIN_REQUEST = 1,
	FCGI_ABORT_REQUEST = 2,
	FCGI_END_REQUEST = 3,
	FCGI_PARAMS = 4,
	FCGI_STDIN = 5,
	FCGI_STDOUT = 6,
	FCGI_STDERR = 7,
	FCGI_GET_VALUES = 9,
	FCGI_GET_VALUES_RESULT = 10,
	FCGI_RESPONDER = 1,
	FCGI_KEEP_CONN = 1,
	FCGI_HEADER_LENGTH = 8,
	FCGI_CONTENT_MAX = 65535,
};

enum { REQUESTS_MAX = 64 };

struct bytes {
	unsigned char *data;
	size_t length;
	size_t room;
};

struct request {
	char **params; /* pointers into argv */
	size_t param_count;
	const char *body;
	const char *out;
	bool nothing;
	bool half_params;
	bool half_stdin;
	bool no_stdin_end;
	bool get_values;
	bool abort;
};

struct options {
	const char *address;
	struct request requests[REQUESTS_MAX];
	size_t request_count;
	size_t piece;
	long pause_ms;
	long hold_ms;
	long timeout_ms;
	bool keep;
	bool time;
};

static long long deadline_ms;

static void
die(int status, const char *what)
{
	fprintf(stderr, "fcgi-client: %s\n", what);
	exit(status);
}

static void
die_errno(const char *what)
{
	fprintf(stderr, "fcgi-client: %s: %s\n", what, strerror(errno));
	exit(EXIT_CLOSED);
}

static long long
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long long
now_ms(void)
{
	return now_us() / 1000;
}

static void
bytes_add(struct bytes *bytes, const void *data, size_t length)
{
	if (length == 0)
		return;
	if (bytes->room - bytes->length < length) {
		bytes->room = (bytes->length + length) * 2;
		bytes->data = realloc(bytes->data, bytes->room);
		if (!bytes->data)
			die(EXIT_USAGE, "out of memory");
	}
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

static void
bytes_fini(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){ 0 };
}

/* Appends one record's header; the content is for the caller to append. */
static void
add_header(struct bytes *bytes, int type, uint16_t request_id, size_t length)
{
	const unsigned char header[FCGI_HEADER_LENGTH] = {
		FCGI_VERSION,
		(unsigned char)type,
		(unsigned char)(request_id >> 8),
		(unsigned char)(request_id & 0xff),
		(unsigned char)(length >> 8),
		(unsigned char)(length & 0xff),
		0,
		0,
	};

	bytes_add(bytes, header, sizeof(header));
}

/* Appends a stream's content in as many records as it takes. */
static void
add_stream(struct bytes *bytes, int type, const struct bytes *content)
{
	size_t at = 0;

	while (at < content->length) {
		size_t length = content->length - at;

		if (length > FCGI_CONTENT_MAX)
			length = FCGI_CONTENT_MAX;
		add_header(bytes, type, 1, length);
		bytes_add(bytes, content->data + at, length);
		at += length;
	}
}

/* Appends a length of section 3.4: one byte up to 127, four above. */
static void
add_length(struct bytes *bytes, size_t length)
{
	unsigned char encoded[4];

	if (length <= 127) {
		encoded[0] = (unsigned char)length;
		bytes_add(bytes, encoded, 1);
		return;
	}
	encoded[0] = (unsigned char)(0x80 | (length >> 24));
	encoded[1] = (unsigned char)((length >> 16) & 0xff);
	encoded[2] = (unsigned char)((length >> 8) & 0xff);
	encoded[3] = (unsigned char)(length & 0xff);
	bytes_add(bytes, encoded, sizeof(encoded));
}

static void
add_pair(struct bytes *bytes, const char *name, size_t name_length, const char *value)
{
	add_length(bytes, name_length);
	add_length(bytes, strlen(value));
	bytes_add(bytes, name, name_length);
	bytes_add(bytes, value, strlen(value));
}

static void
read_file(struct bytes *bytes, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (!file)
		die_errno(path);
	char block[65536];
	size_t length;
	while ((length = fread(block, 1, sizeof(block), file)) > 0)
		bytes_add(bytes, block, length);
	if (ferror(file))
		die_errno(path);
	if (file != stdin)
		fclose(file);
}

/* Builds all that is to be written for one request. */
static void
build(struct bytes *out, const struct request *request, bool keep)
{
	const unsigned char begin[8] = { 0, FCGI_RESPONDER, keep ? FCGI_KEEP_CONN : 0 };
	struct bytes params = { 0 };
	struct bytes body = { 0 };

	if (request->nothing)
		return;
	if (request->get_values) {
		struct bytes names = { 0 };

		add_pair(&names, "FCGI_MAX_CONNS", strlen("FCGI_MAX_CONNS"), "");
		add_pair(&names, "FCGI_MAX_REQS", strlen("FCGI_MAX_REQS"), "");
		add_pair(&names, "FCGI_MPXS_CONNS", strlen("FCGI_MPXS_CONNS"), "");
		add_header(out, FCGI_GET_VALUES, 0, names.length);
		bytes_add(out, names.data, names.length);
		bytes_fini(&names);
	}
	add_header(out, FCGI_BEGIN_REQUEST, 1, sizeof(begin));
	bytes_add(out, begin, sizeof(begin));

	for (size_t i = 0; i < request->param_count; i++) {
		const char *equals = strchr(request->params[i], '=');

		add_pair(&params, request->params[i], (size_t)(equals - request->params[i]),
		    equals + 1);
	}
	size_t start = out->length;
	add_stream(out, FCGI_PARAMS, &params);
	if (request->half_params) {
		out->length = start + (out->length - start) / 2;
		goto done;
	}
	add_header(out, FCGI_PARAMS, 1, 0);

	if (request->body)
		read_file(&body, request->body);
	start = out->length;
	add_stream(out, FCGI_STDIN, &body);
	if (request->half_stdin) {
		out->length = start + (out->length - start) / 2;
		goto done;
	}
	if (!request->no_stdin_end)
		add_header(out, FCGI_STDIN, 1, 0);
	if (request->abort)
		add_header(out, FCGI_ABORT_REQUEST, 1, 0);
done:
	bytes_fini(&params);
	bytes_fini(&body);
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die(EXIT_USAGE, "the socket's path is too long");
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		die_errno(path);
	return fd;
}

static int
connect_tcp(const char *host_and_port)
{
	const char *colon = strrchr(host_and_port, ':');
	char host[256];

	if (!colon || (size_t)(colon - host_and_port) >= sizeof(host))
		die(EXIT_USAGE, "the address must be tcp:HOST:PORT");
	memcpy(host, host_and_port, (size_t)(colon - host_and_port));
	host[colon - host_and_port] = '\0';
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		die(EXIT_CLOSED, "no such host or port");
	int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		die_errno(host_and_port);
	freeaddrinfo(found);
	return fd;
}

static int
open_connection(const char *address)
{
	int fd = -1;

	if (strncmp(address, "unix:", 5) == 0)
		fd = connect_unix(address + 5);
	else if (strncmp(address, "tcp:", 4) == 0)
		fd = connect_tcp(address + 4);
	else
		die(EXIT_USAGE, "the address must begin with unix: or tcp:");
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		die_errno("fcntl");
	return fd;
}

/* What has come back for one request. */
struct answer {
	struct bytes in; /* not yet cut into records */
	FILE *out;
	unsigned char protocol_status;
	bool ended;
	bool closed;
};

static void
print_values(const unsigned char *data, size_t length)
{
	size_t at = 0;

	/* All the names asked for are short, and so are their values. */
	while (at + 2 <= length && at + 2U + data[at] + data[at + 1] <= length) {
		const char *name = (const char *)data + at + 2;

		fprintf(stderr, "%.*s=%.*s\n", data[at], name, data[at + 1], name + data[at]);
		at += 2U + data[at] + data[at + 1];
	}
}

/* Takes all whole records out of answer->in. */
static void
take_records(struct answer *answer)
{
	struct bytes *in = &answer->in;
	size_t at = 0;

	while (in->length - at >= FCGI_HEADER_LENGTH) {
		const unsigned char *header = in->data + at;
		const unsigned char *content = header + FCGI_HEADER_LENGTH;
		const size_t length = (size_t)header[4] << 8 | header[5];
		const size_t whole = FCGI_HEADER_LENGTH + length + header[6];

		if (header[0] != FCGI_VERSION)
			die(EXIT_PROTOCOL, "a record of another version came back");
		if (in->length - at < whole)
			break;
		if (answer->ended)
			die(EXIT_PROTOCOL, "a record came after the end of the request");
		switch (header[1]) {
		case FCGI_STDOUT:
			fwrite(content, 1, length, answer->out);
			break;
		case FCGI_STDERR:
			fwrite(content, 1, length, stderr);
			break;
		case FCGI_GET_VALUES_RESULT:
			print_values(content, length);
			break;
		case FCGI_END_REQUEST:
			if (length < 8)
				die(EXIT_PROTOCOL, "a short FCGI_END_REQUEST came back");
			answer->protocol_status = content[4];
			answer->ended = true;
			break;
		default:
			die(EXIT_PROTOCOL, "a record of an unknown type came back");
		}
		at += whole;
	}
	if (at > 0) {
		memmove(in->data, in->data + at, in->length - at);
		in->length -= at;
	}
}

static void
read_some(int fd, struct answer *answer)
{
	unsigned char block[65536];
	ssize_t length = read(fd, block, sizeof(block));

	if (length > 0) {
		bytes_add(&answer->in, block, (size_t)length);
		take_records(answer);
	} else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
		answer->closed = true;
	}
}

static int
wait_ms(long long until_ms)
{
	long long left = until_ms - now_ms();

	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/*
 * Writes out and reads the answer until the request has ended, the peer has
 * closed, or, when no answer is wanted, all is written.
 */
static void
exchange(int fd, const struct bytes *out, const struct options *options, struct answer *answer,
    bool wants_answer)
{
	size_t written = 0;
	long long next_write_ms = 0;
	bool deaf = false; /* the peer takes nothing more */

	while (!answer->closed) {
		struct pollfd watch = { .fd = fd, .events = POLLIN };
		const bool has_more = written < out->length && !deaf;
		long long until_ms = deadline_ms;

		if (!has_more && (answer->ended || !wants_answer))
			break;
		if (has_more && now_ms() >= next_write_ms)
			watch.events |= POLLOUT;
		else if (has_more && next_write_ms < until_ms)
			until_ms = next_write_ms;
		if (now_ms() >= deadline_ms)
			die(EXIT_TIMEOUT, "time ran out");
		if (poll(&watch, 1, wait_ms(until_ms)) < 0 && errno != EINTR)
			die_errno("poll");
		if ((watch.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			read_some(fd, answer);
		if ((watch.revents & POLLOUT) == 0 || !has_more)
			continue;
		size_t piece = out->length - written;
		if (options->piece > 0 && piece > options->piece)
			piece = options->piece;
		ssize_t length = send(fd, out->data + written, piece, MSG_NOSIGNAL);
		if (length > 0) {
			written += (size_t)length;
			if (options->pause_ms > 0)
				next_write_ms = now_ms() + options->pause_ms;
		} else if (errno != EAGAIN && errno != EINTR) {
			/* What it has answered can still be read. */
			deaf = true;
		}
	}
}

/* Keeps the connection open. Returns false when the peer closed it first. */
static bool
hold(int fd, long ms)
{
	const long long until_ms = now_ms() + ms;
	struct answer answer = { .out = stdout };

	if (ms > 0)
		fprintf(stderr, "fcgi-client: holding the connection\n");
	bool is_open = true;
	while (is_open && now_ms() < until_ms && now_ms() < deadline_ms) {
		struct pollfd watch = { .fd = fd, .events = POLLIN };

		if (poll(&watch, 1, wait_ms(until_ms < deadline_ms ? until_ms : deadline_ms)) >
		    0)
			read_some(fd, &answer);
		is_open = !answer.closed;
	}
	bytes_fini(&answer.in);
	return is_open;
}

/* Looks whether the peer has closed a connection that is to be used again. */
static bool
is_closed(int fd)
{
	char byte;
	ssize_t length = recv(fd, &byte, 1, MSG_PEEK);

	return length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR);
}

static bool
is_half_request(const struct request *request)
{
	return request->nothing || request->half_params || request->half_stdin;
}

/* Sends one request and prints its answer. Returns an exit status. */
static int
run_request(int *fd, const struct options *options, const struct request *request)
{
	const bool is_half = is_half_request(request);
	struct answer answer = { .out = stdout };

	if (*fd >= 0 && is_closed(*fd)) {
		fprintf(stderr, "fcgi-client: the connection was closed; opening another\n");
		close(*fd);
		*fd = -1;
	}
	if (*fd < 0)
		*fd = open_connection(options->address);
	if (request->out && (answer.out = fopen(request->out, "wb")) == NULL)
		die_errno(request->out);
	struct bytes out = { 0 };
	build(&out, request, options->keep);
	long long begin_us = now_us();
	exchange(*fd, &out, options, &answer, !is_half);
	if (options->time)
		fprintf(stderr, "%lld\n", now_us() - begin_us);
	int status = EXIT_ANSWERED;
	if (is_half) {
		status = hold(*fd, options->hold_ms) ? EXIT_ANSWERED : EXIT_CLOSED;
	} else if (!answer.ended) {
		fprintf(stderr, "fcgi-client: the connection was closed without an answer\n");
		status = EXIT_CLOSED;
	} else if (answer.protocol_status != 0) {
		fprintf(stderr, "fcgi-client: refused with protocol status %d\n",
		    answer.protocol_status);
		status = EXIT_CLOSED;
	}
	if (answer.closed) {
		close(*fd);
		*fd = -1;
	}
	if ((answer.out == stdout ? fflush(stdout) : fclose(answer.out)) != 0)
		die_errno("writing the answer");
	bytes_fini(&answer.in);
	bytes_fini(&out);
	return status;
}

static long
read_number(const char *string, long most)
{
	errno = 0;
	char *end;
	long number = string ? strtol(string, &end, 10) : -1;
	if (number < 0 || number > most || errno != 0 || *end != '\0')
		die(EXIT_USAGE, "an option needs a whole number");
	return number;
}

static void
read_half(struct request *request, const char *part)
{
	if (part && strcmp(part, "params") == 0)
		request->half_params = true;
	else if (part && strcmp(part, "stdin") == 0)
		request->half_stdin = true;
	else if (part && strcmp(part, "nothing") == 0)
		request->nothing = true;
	else
		die(EXIT_USAGE, "--half needs params, stdin or nothing");
}

static void
read_options(struct options *options, char **argv)
{
	struct request *request = &options->requests[0];

	options->request_count = 1;
	for (char **at = argv + 1; *at; at++) {
		const char *word = *at;

		if (strcmp(word, "--help") == 0) {
			fputs(usage, stdout);
			exit(EXIT_ANSWERED);
		} else if (strcmp(word, "--keep") == 0) {
			options->keep = true;
		} else if (strcmp(word, "--time") == 0) {
			options->time = true;
		} else if (strcmp(word, "--no-stdin-end") == 0) {
			request->no_stdin_end = true;
		} else if (strcmp(word, "--get-values") == 0) {
			request->get_values = true;
		} else if (strcmp(word, "--abort") == 0) {
			request->abort = true;
		} else if (strcmp(word, "--next") == 0) {
			if (options->request_count == REQUESTS_MAX)
				die(EXIT_USAGE, "too many requests");
			request = &options->requests[options->request_count++];
		} else if (strncmp(word, "--", 2) == 0) {
			const char *value = *++at;

			if (!value)
				die(EXIT_USAGE, "an option needs a value; see --help");
			if (strcmp(word, "--body") == 0)
				request->body = value;
			else if (strcmp(word, "--out") == 0)
				request->out = value;
			else if (strcmp(word, "--half") == 0)
				read_half(request, value);
			else if (strcmp(word, "--piece") == 0)
				options->piece = (size_t)read_number(value, 1000000);
			else if (strcmp(word, "--pause") == 0)
				options->pause_ms = read_number(value, 60000);
			else if (strcmp(word, "--hold") == 0)
				options->hold_ms = read_number(value, 3600) * 1000;
			else if (strcmp(word, "--timeout") == 0)
				options->timeout_ms = read_number(value, 3600) * 1000;
			else
				die(EXIT_USAGE, "no such option; see --help");
		} else if (!options->address) {
			options->address = word;
		} else if (!strchr(word, '=')) {
			die(EXIT_USAGE, "a parameter must be NAME=VALUE");
		} else {
			if (!request->params)
				request->params = at;
			/* Options between parameters would break the run of pointers. */
			if (request->params + request->param_count != at)
				die(EXIT_USAGE,
				    "a request's parameters must follow each other");
			request->param_count++;
		}
	}
	if (!options->address) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
}

int
main(int argc, char **argv)
{
	static struct options options = { .timeout_ms = 30000 };

	(void)argc;
	read_options(&options, argv);
	signal(SIGPIPE, SIG_IGN);
	deadline_ms = now_ms() + options.timeout_ms;
	int status = EXIT_ANSWERED;
	int fd = -1;
	for (size_t i = 0; i < options.request_count && status == EXIT_ANSWERED; i++)
		status = run_request(&fd, &options, &options.requests[i]);
	if (fd >= 0) {
		if (options.hold_ms > 0 && status == EXIT_ANSWERED &&
		    !is_half_request(&options.requests[options.request_count - 1]))
			hold(fd, options.hold_ms);
		close(fd);
	}
	return status;
}
