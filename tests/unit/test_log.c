/*
 * The log: one line an event, whatever is in it.  Descriptor 2 is a pipe while
 * an event is written, so that the very bytes are seen.
 */
#include "base/log.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "2026-11-21T07:50:00.123Z " */
#define STAMP "dddd-dd-ddTdd:dd:dd.dddZ"

static char captured[65536];
static int saved_stderr, reading_end;

static void
capture_begin(void)
{
	int fds[2];

	if (pipe(fds) != 0 || (saved_stderr = dup(STDERR_FILENO)) < 0) {
		perror("pipe");
		exit(1);
	}
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	reading_end = fds[0];
}

/* What was written since, as text in captured. */
static const char *
capture_end(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	size_t len = 0;
	ssize_t got;
	while ((got = read(reading_end, captured + len, sizeof(captured) - 1 - len)) > 0)
		len += (size_t)got;
	close(reading_end);
	captured[len] = '\0';
	return captured;
}

/* The text after the time and a space, or the whole if there is no such time. */
static const char *
after_time(const char *line)
{
	for (size_t i = 0; i < sizeof(STAMP) - 1; i++)
		if (STAMP[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != STAMP[i])
			return line;
	return line[sizeof(STAMP) - 1] == ' ' ? line + sizeof(STAMP) : line;
}

static void
test_values(void)
{
	static const struct {
		const char *value, *text, *json;
		const char *what;
	} rows[] = {
		{ "bbb1", "bbb1", "\"bbb1\"", "a word" },
		{ "https://bbb1/x?y", "https://bbb1/x?y", "\"https://bbb1/x?y\"",
		    "punctuation" },
		{ "", "\"\"", "\"\"", "empty" },
		{ "two words", "\"two words\"", "\"two words\"", "a space" },
		{ "a=b", "\"a=b\"", "\"a=b\"", "an equals sign" },
		{ "a\"b", "\"a\\\"b\"", "\"a\\\"b\"", "a quote" },
		{ "a\\b", "\"a\\\\b\"", "\"a\\\\b\"", "a backslash" },
		{ "a\nb", "\"a\\u000ab\"", "\"a\\u000ab\"", "a line feed" },
		{ "a\r\nerror fake", "\"a\\u000d\\u000aerror fake\"",
		    "\"a\\u000d\\u000aerror fake\"", "a forged line" },
		{ "\t", "\"\\u0009\"", "\"\\u0009\"", "a tab" },
		{ "\x1b[31m", "\"\\u001b[31m\"", "\"\\u001b[31m\"", "a terminal's escape" },
		{ "\x7f", "\"\\u007f\"", "\"\\u007f\"", "DEL" },
		{ "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac", "\"\xc3\xa4\xe2\x82\xac\"",
		    "UTF-8" },
		{ "%s%n", "%s%n", "\"%s%n\"", "a format" },
		/* The edges of what steers terminals and readers, and what lies beside. */
		{ "\xc2\x80", "\"\\u0080\"", "\"\\u0080\"", "the first C1 control" },
		{ "\xc2\x9b"
		  "31m",
		    "\"\\u009b31m\"", "\"\\u009b31m\"", "C1's escape" },
		{ "\xc2\x9f", "\"\\u009f\"", "\"\\u009f\"", "the last C1 control" },
		{ "\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\"", "no C1 control" },
		{ "\xd8\x9c", "\"\\u061c\"", "\"\\u061c\"", "an Arabic letter mark" },
		{ "\xe2\x80\x8d", "\xe2\x80\x8d", "\"\xe2\x80\x8d\"", "a joiner" },
		{ "\xe2\x80\x8e", "\"\\u200e\"", "\"\\u200e\"", "a left-to-right mark" },
		{ "\xe2\x80\x8f", "\"\\u200f\"", "\"\\u200f\"", "a right-to-left mark" },
		{ "\xe2\x80\x90", "\xe2\x80\x90", "\"\xe2\x80\x90\"", "a hyphen" },
		{ "a\xe2\x80\xa8"
		  "b",
		    "\"a\\u2028b\"", "\"a\\u2028b\"", "a line separator" },
		{ "a\xe2\x80\xa9"
		  "b",
		    "\"a\\u2029b\"", "\"a\\u2029b\"", "a paragraph separator" },
		{ "\xe2\x80\xae"
		  "fdp",
		    "\"\\u202efdp\"", "\"\\u202efdp\"", "an override" },
		{ "\xe2\x80\xaf", "\xe2\x80\xaf", "\"\xe2\x80\xaf\"", "a narrow space" },
		{ "\xe2\x81\xa5", "\xe2\x81\xa5", "\"\xe2\x81\xa5\"", "before isolates" },
		{ "\xe2\x81\xa6", "\"\\u2066\"", "\"\\u2066\"", "an isolate" },
		{ "\xe2\x81\xa9", "\"\\u2069\"", "\"\\u2069\"", "an isolate's end" },
		{ "\xe2\x81\xaa", "\xe2\x81\xaa", "\"\xe2\x81\xaa\"", "behind isolates" },
		{ "\x9b"
		  "31m",
		    "\"?31m\"", "\"?31m\"", "C1 as a byte" },
		{ "\xe2\x80", "\"??\"", "\"??\"", "half a character" },
		{ "\xed\xa0\x80", "\"???\"", "\"???\"", "a surrogate" },
		{ "\xc0\x8a", "\"??\"", "\"??\"", "a line feed in two bytes" },
		{ "\xf4\x90\x80\x80", "\"????\"", "\"????\"", "beyond all characters" },
		{ "\xe2\x80\xae\xff", "\"????\"", "\"????\"", "an override beside no UTF-8" },
		{ "a\xc2\x85 last=y", "\"a\\u0085 last=y\"", "\"a\\u0085 last=y\"",
		    "a line by C1, and a forged field" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		log_set_format(LOG_FORMAT_TEXT);
		capture_begin();
		log_warn("it happened", "key", rows[i].value, "last", "z");
		char want[256];
		snprintf(want, sizeof(want), "warn it happened key=%s last=z\n", rows[i].text);
		is_str(after_time(capture_end()), want, "text: %s", rows[i].what);

		log_set_format(LOG_FORMAT_JSON);
		capture_begin();
		log_warn("it happened", "key", rows[i].value, "last", "z");
		capture_end();
		snprintf(want, sizeof(want),
		    "\",\"level\":\"warn\",\"event\":\"it happened\","
		    "\"key\":%s,\"last\":\"z\"}\n",
		    rows[i].json);
		ok(strncmp(captured, "{\"time\":\"", 9) == 0, "JSON: the time comes first");
		is_str(strlen(captured) > 33 ? captured + 33 : captured, want, "JSON: %s",
		    rows[i].what);
	}
	log_set_format(LOG_FORMAT_TEXT);
}

static void
test_shape(void)
{
	capture_begin();
	log_info("started");
	is_str(after_time(capture_end()), "info started\n", "no pairs");
	ok(after_time(captured) != captured, "the time is UTC with milliseconds");

	capture_begin();
	const char *absent = NULL;
	log_info("request", "server", absent, "call", "join");
	is_str(after_time(capture_end()), "info request call=join\n",
	    "a pair without a value is left out");
	capture_begin();
	log_info("request", "server", absent);
	is_str(after_time(capture_end()), "info request\n", "the last one too");

	log_set_format(LOG_FORMAT_JSON);
	capture_begin();
	log_error("with \"quotes\"\n", "a b", absent);
	capture_end();
	is_str(strlen(captured) > 33 ? captured + 33 : captured,
	    "\",\"level\":\"error\",\"event\":\"with \\\"quotes\\\"\\u000a\"}\n",
	    "JSON: the event's text is quoted; no pairs are left");
	log_set_format(LOG_FORMAT_TEXT);
}

static void
test_levels(void)
{
	static const struct {
		const char *level;
		int result, lines;
	} rows[] = {
		{ "error", 0, 1 },
		{ "warn", 0, 2 },
		{ "info", 0, 3 },
		{ "debug", 0, 4 },
		{ NULL, 0, 3 },
		{ "", -1, 3 },
		{ "INFO", -1, 3 },
		{ "verbose", -1, 3 },
		{ "debugx", -1, 3 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].level ? rows[i].level : "(none)";

		capture_begin();
		int result = log_open("test_log", rows[i].level);
		log_error("one");
		log_warn("two");
		log_info("three");
		log_debug("four");
		int lines = 0;
		for (const char *c = capture_end(); *c != '\0'; c++)
			lines += *c == '\n';
		is_int(result, rows[i].result, "level \"%s\": the result", name);
		is_int(lines, rows[i].lines, "level \"%s\": how much is logged", name);
	}
	capture_begin();
	log_open("test_log", NULL);
	is_str(capture_end(), "", "opening the log says nothing");
}

static void
test_cut(void)
{
	char value[3001], want[4096];

	memset(value, 'v', sizeof(value));
	value[300] = '\0';
	capture_begin();
	log_info("long", "key", value);
	snprintf(want, sizeof(want), "info long key=%s\n", value);
	is_str(after_time(capture_end()), want, "300 bytes are whole");

	value[300] = 'v';
	value[301] = '\0';
	capture_begin();
	log_info("long", "key", value, "last", "z");
	snprintf(want, sizeof(want), "info long key=\"%.300s...\" last=z\n", value);
	is_str(after_time(capture_end()), want, "301 are cut, visibly");

	value[301] = 'v';
	value[3000] = '\0';
	log_set_format(LOG_FORMAT_JSON);
	capture_begin();
	log_info("long", "key", value);
	snprintf(want, sizeof(want), "\"key\":\"%.300s...\"}\n", value);
	capture_end();
	ok(strstr(captured, want) != NULL, "JSON: 3000 are cut, and the object is whole");

	/* RFC 8259, 8.1: JSON is UTF-8, so no character may be cut in two. */
	memset(value, 'v', 299);
	memcpy(value + 299, "\xc3\xa4 and more", 12);
	capture_begin();
	log_info("long", "key", value);
	ok(str_is_utf8(str_from(capture_end())), "JSON: the cut leaves UTF-8");
	log_set_format(LOG_FORMAT_TEXT);
}

/* More than a line holds: still one line with its end, and no overrun. */
static void
test_full_line(void)
{
	static char worst[301];

	memset(worst, '\n', 300);
	for (int format = 0; format < 2; format++) {
		log_set_format(format == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON);
		capture_begin();
		log_info("worst", "a", worst, "b", worst, "c", worst, "d", worst);
		capture_end();
		char *end = strchr(captured, '\n');
		ok(end && end[1] == '\0', "%s: too much for a line is one line",
		    format == 0 ? "text" : "JSON");
		ok(strlen(captured) <= 4096, "… of at most 4096 bytes");
		ok(strstr(captured, " b=\"\\u000a") || strstr(captured, ",\"b\":\"\\u000a"),
		    "… with what fits in");
		ok(!strstr(captured, " c=") && !strstr(captured, "\"c\""),
		    "… and without what does not");
		ok(end && end > captured && end[-1] == (format == 0 ? '"' : '}'),
		    "… and it ends as it should");
	}
	log_set_format(LOG_FORMAT_TEXT);
}

/* stderr is closed, or /dev/null: syslog is used, and nothing can be seen here
 * but that the process lives and writes to no descriptor that is not its. */
static void
test_no_stderr(void)
{
	for (int closed = 0; closed < 2; closed++) {
		int fds[2];

		if (pipe(fds) != 0) {
			perror("pipe");
			exit(1);
		}
		pid_t child = fork();
		if (child == 0) {
			int null = open("/dev/null", O_WRONLY);
			if (closed)
				close(STDERR_FILENO);
			else
				dup2(null, STDERR_FILENO);
			if (log_open("test_log", NULL) != 0)
				_exit(2);
			if (closed)
				dup2(fds[1], STDERR_FILENO); /* someone else's now */
			log_error("to syslog", "key", "value");
			_exit(0);
		}
		close(fds[1]);
		int status = -1;
		waitpid(child, &status, 0);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "stderr %s: the process lives", closed ? "closed" : "is /dev/null");
		char byte;
		is_int(read(fds[0], &byte, 1), 0, "… and writes nothing where stderr was");
		close(fds[0]);
	}
}

/* Lines of several processes come whole. */
static void
test_whole_lines(void)
{
	capture_begin();
	pid_t children[4];
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			for (int k = 0; k < 50; k++)
				log_info("whole", "who", "somebody", "what",
				    "something of many words");
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT(children); i++)
		waitpid(children[i], NULL, 0);
	capture_end();
	int lines = 0, bad = 0;
	for (char *line = captured; *line != '\0'; lines++) {
		char *end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		bad += strcmp(after_time(line),
		           "info whole who=somebody what=\"something of many words\"") != 0;
		line = end + 1;
	}
	is_int(lines, 200, "200 lines of four processes");
	is_int(bad, 0, "… each whole");
}

int
main(void)
{
	test_shape();
	test_values();
	test_levels();
	test_cut();
	test_full_line();
	test_whole_lines();
	test_no_stderr();
	return done_testing();
}
