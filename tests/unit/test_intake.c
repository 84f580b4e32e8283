/*
 * What comes on a FastCGI connection: which heads libfcgi is given, and how a body is read.
 */
#include "intake.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, IN = 5, GET_VALUES = 9 };

#define RESPONDER "\0\1\1\0\0\0\0\0"

static struct intake intake;
static int ends[2]; /* the web server's, and the program's */
static struct buf sent;

static void
reopen(void)
{
	const struct timeval soon = { .tv_usec = 200000 };

	close(ends[0]);
	close(ends[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		_exit(1);
	setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	sent.len = 0;
}

static void
add(int version, int type, int id, const void *content, size_t len, size_t padding)
{
	const unsigned char header[8] = { (unsigned char)version, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(len >> 8),
		(unsigned char)len, (unsigned char)padding };

	buf_add(&sent, header, sizeof(header));
	buf_add(&sent, content, len);
	while (padding-- > 0)
		buf_char(&sent, 'p');
}

static void
record(int type, const void *content, size_t len)
{
	add(1, type, 1, content, len, 0);
}

#define RECORD(type, literal) record(type, literal, sizeof(literal) - 1)

/* Send what was added. */
static void
flush(void)
{
	if (write(ends[0], sent.data, sent.len) != (ssize_t)sent.len)
		_exit(1);
	sent.len = 0;
}

static void
add_head(void)
{
	RECORD(BEGIN, RESPONDER);
	RECORD(PARAMS, "\1\2Ayz");
	RECORD(PARAMS, "");
}

static enum intake_result
head(struct str *bytes)
{
	return intake_head(&intake, ends[1], bytes);
}

static void
is_body(const char *wanted, const char *what)
{
	char data[4096];
	size_t len = 0;
	long got;

	while ((got = intake_body(&intake, data + len, 3)) > 0)
		len += (size_t)got;
	data[len] = '\0';
	if (wanted)
		is_str(got == 0 ? data : "broken", wanted, "%s", what);
	else
		is_int(got, -1, "%s", what);
}

static void
test_heads(void)
{
	struct str bytes;

	reopen();
	is_int(head(&bytes), INTAKE_NOTHING, "nothing has come");
	add_head();
	struct buf whole;
	buf_init(&whole, 65536);
	buf_str(&whole, buf_view(&sent));
	RECORD(IN, "");
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "a head");
	ok(str_equal(bytes, buf_view(&whole)), "… as it came");
	is_body("", "… without a body");
	ok(intake_is_done(&intake), "… the connection can go on");

	/* The end of a body that nobody read, and records of requests that have ended. */
	add(1, IN, 1, "", 0, 0);
	add(1, ABORT, 7, "", 0, 3);
	add_head();
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "a head after what came late");
	ok(str_equal(bytes, buf_view(&whole)), "… which is left out");
	ok(intake_is_done(&intake), "… the end of a body may come later");

	/* libfcgi would take what pads a beginning for records. */
	add(1, BEGIN, 1, RESPONDER, 8, 255);
	add(1, PARAMS, 1, "\1\2Ayz", 5, 3);
	add(1, PARAMS, 1, "", 0, 7);
	RECORD(IN, "");
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "a head with padding");
	ok(str_equal(bytes, buf_view(&whole)), "… which is left out");
	is_body("", "… and no part of the body");
	ok(intake_is_done(&intake), "… the connection can go on");

	/* A management record alone. */
	add(1, GET_VALUES, 0, "\17\0FCGI_MPXS_CONNS\16\0FCGI_MAX_CONNS", 33, 0);
	flush();
	is_int(head(&bytes), INTAKE_NOTHING, "a web server that asks for values");
	char answer[100];
	is_int(recv(ends[0], answer, sizeof(answer), MSG_DONTWAIT), 26, "… has an answer");
	ok(memcmp(answer, "\1\12\0\0\0\22\0\0\17\1FCGI_MPXS_CONNS0", 26) == 0,
	    "… as it should");
	add(1, 77, 0, "", 0, 0);
	add_head();
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "one that sends what nobody knows");
	ok(str_equal(bytes, buf_view(&whole)), "… and a head");
	is_int(recv(ends[0], answer, sizeof(answer), MSG_DONTWAIT), 16, "… has an answer");
	ok(memcmp(answer, "\1\13\0\0\0\10\0\0\115", 9) == 0, "… as it should");

	/* Half a head. */
	add_head();
	sent.len -= 3;
	flush();
	is_int(head(&bytes), INTAKE_ENDED, "a head of which the rest does not come");
	reopen();
	close(ends[0]);
	is_int(head(&bytes), INTAKE_ENDED, "a connection that ended");
	buf_free(&whole);
}

static void
is_refused(const char *problem, const char *what)
{
	struct str bytes;

	flush();
	enum intake_result result = head(&bytes);
	is_str(result == INTAKE_UNSOUND ? intake.problem : "taken", problem, "%s", what);
	reopen();
}

static void
test_unsound(void)
{
	static const char long_one[] = "\1\2Ayz";
	static const char within[] = "the parameters end within one";

	reopen();
	add(2, BEGIN, 1, RESPONDER, 8, 0);
	is_refused("no FastCGI of version 1", "another version");
	buf_text(&sent, "GET / HTTP/1.0\r\n\r\n");
	is_refused("no FastCGI of version 1", "another protocol");
	RECORD(BEGIN, "\0\4\0\0\0\0\0\0");
	is_refused("there is no such role", "an unknown role");
	RECORD(BEGIN, "\1\1\0\0\0\0\0\0");
	is_refused("there is no such role", "a role that is one in eight bits");
	RECORD(BEGIN, "\0\1\0\0\0\0\0");
	is_refused("the beginning of a request has another length", "a short beginning");
	RECORD(BEGIN, "");
	is_refused("the beginning of a request has another length", "an empty beginning");
	RECORD(BEGIN, RESPONDER "\0");
	is_refused("the beginning of a request has another length", "a long beginning");

	static const struct {
		const char *pairs, *problem;
		size_t len;
	} rows[] = {
#define ROW(pairs, problem) { pairs, problem, sizeof(pairs) - 1 }
		ROW("\300\0\0\0\300\0\0\0", "a parameter is too long"),
		ROW("\377\377\377\377\377\377\377\377", "a parameter is too long"),
		ROW("\1\377\377\377\377A", "a parameter is too long"),
		ROW("\200\4\0\1\0", "a parameter is too long"),
		ROW("\200\0\0", within),
		ROW("\1", within),
		ROW("\1\200", within),
		ROW("\1\2Ay", within),
		ROW("\1\2Ayz\5", within),
		ROW("\200\0\0\1\2Ay", within),
		ROW("\200\3\377\377\0A", within),
		/* As long as one may be, by its name and by its value, and one more. */
		ROW("\200\4\0\0\0A", within),
		ROW("\0\200\4\0\0", within),
		ROW("\0\200\4\0\1", "a parameter is too long"),
		ROW("\1\2Ayz\177\377\377\377\377", "a parameter is too long"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		RECORD(BEGIN, RESPONDER);
		record(PARAMS, rows[i].pairs, rows[i].len);
		RECORD(PARAMS, "");
		is_refused(rows[i].problem, "lengths that are not so");
		/* The same in records of one byte. */
		RECORD(BEGIN, RESPONDER);
		for (size_t at = 0; at < rows[i].len; at++)
			record(PARAMS, rows[i].pairs + at, 1);
		RECORD(PARAMS, "");
		is_refused(rows[i].problem, "… byte by byte");
	}
	RECORD(BEGIN, RESPONDER);
	add(1, GET_VALUES, 0, "\300\0\0\0\300\0\0\0", 8, 0);
	is_refused("another record among the parameters", "a management record");
	RECORD(BEGIN, RESPONDER);
	RECORD(BEGIN, RESPONDER);
	is_refused("another record among the parameters", "a beginning in a beginning");
	RECORD(BEGIN, RESPONDER);
	add(1, PARAMS, 2, long_one, 5, 0);
	is_refused("another record among the parameters", "another request's parameters");
	RECORD(BEGIN, RESPONDER);
	RECORD(IN, "");
	is_refused("another record among the parameters", "a body before its parameters end");
}

/* As much as a head may be, and more. */
static void
test_lengths(void)
{
	static char many[65535];
	struct str bytes;
	int n = 0;

	memset(many, 'v', sizeof(many));
	memcpy(many, "\1\200\0\377\371A", 6); /* 65535 bytes in all */
	for (int records = 3; records <= 4; records++) {
		reopen();
		RECORD(BEGIN, RESPONDER);
		for (int i = 0; i < records; i++)
			record(PARAMS, many, sizeof(many));
		RECORD(PARAMS, "");
		pid_t writer = fork();
		if (writer == 0) {
			close(ends[1]);
			flush();
			_exit(0);
		}
		poll(&(struct pollfd){ .fd = ends[1], .events = POLLIN }, 1, -1);
		enum intake_result result = head(&bytes);
		n += result == INTAKE_WHOLE;
		if (records == 3)
			ok(result == INTAKE_WHOLE && str_equal(bytes, buf_view(&sent)),
			    "a head of 192 KiB");
		else
			is_str(result == INTAKE_UNSOUND ? intake.problem : "taken",
			    "the parameters are too long", "a longer one is refused");
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
	is_int(n, 1, "one of both");
	reopen();
	intake_fini(&intake);
	is_int(intake.room, 0, "gives its room back");
	add_head();
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "a short one after that");
	is_int(intake.room, 8192, "has the usual room");
}

static void
test_bodies(void)
{
	struct str bytes;

	reopen();
	add_head();
	add(1, IN, 1, "hello ", 6, 0);
	add(1, IN, 1, "world", 5, 7);
	RECORD(IN, "");
	flush();
	head(&bytes);
	is_body("hello world", "a body in two records");
	ok(intake_is_done(&intake), "… and the next request may come");

	add_head();
	add(1, IN, 1, "hello", 5, 255);
	flush();
	head(&bytes);
	add(1, IN, 1, "!", 1, 1);
	add(1, IN, 1, "", 0, 4);
	flush();
	is_body("hello!", "a body with padding");
	ok(intake_is_done(&intake), "… and the next request may come");

	add_head();
	add(1, IN, 1, "hello", 5, 3);
	flush();
	head(&bytes);
	char data[5];
	is_int(intake_body(&intake, data, 5), 5, "a body of which the end is to come");
	ok(intake_is_done(&intake), "… the next request may come");
	add(1, IN, 1, "", 0, 0);
	add_head();
	flush();
	is_int(head(&bytes), INTAKE_WHOLE, "… and comes");

	RECORD(IN, "hello");
	flush();
	is_int(intake_body(&intake, data, 2), 2, "a body that is not read to its end");
	ok(!intake_is_done(&intake), "… after which nothing may come");

	static const struct {
		int version, type, id;
		const char *what;
	} rows[] = {
		{ 1, ABORT, 1, "a request that is aborted" },
		{ 1, GET_VALUES, 0, "a management record in a body" },
		{ 1, IN, 2, "another request's body" },
		{ 1, BEGIN, 2, "another request within one" },
		{ 3, IN, 1, "another version" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reopen();
		add_head();
		RECORD(IN, "hello");
		add(rows[i].version, rows[i].type, rows[i].id, "\300\0\0\0\300\0\0\0", 8, 0);
		flush();
		head(&bytes);
		is_body(NULL, rows[i].what);
		ok(!intake_is_done(&intake), "… after which nothing may come");
	}
	reopen();
	add_head();
	RECORD(IN, "hello");
	sent.len -= 2;
	flush();
	head(&bytes);
	is_body(NULL, "a body that does not come");
	reopen();
	add_head();
	RECORD(IN, "");
	add_head();
	flush();
	head(&bytes);
	is_body("", "no body");
	ok(!intake_is_done(&intake), "two requests at once are too many");
}

int
main(void)
{
	ends[0] = ends[1] = -1;
	buf_init(&sent, 1 << 20);
	intake_init(&intake);
	test_heads();
	test_unsound();
	test_lengths();
	test_bodies();
	intake_fini(&intake);
	buf_free(&sent);
	return done_testing();
}
