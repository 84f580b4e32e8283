#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define LINE_BYTES 4096
#define VALUE_BYTES 300

/* What a line ends with, and one byte that tells that no more fitted. */
#define LINE_END_BYTES 4

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const int syslog_levels[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Set before threads start; see log_open. */
static enum log_level log_most = LOG_LEVEL_INFO;
static atomic_int log_format_now = LOG_FORMAT_TEXT; /* a reload may change it */
static bool log_to_syslog;

/* A line being built on the stack: the log must work when memory is short. */
struct line {
	char text[LINE_BYTES];
	size_t len;
};

static void
line_char(struct line *line, char c)
{
	if (line->len < sizeof(line->text) - 1)
		line->text[line->len++] = c;
}

static void
line_text(struct line *line, const char *text)
{
	while (*text)
		line_char(line, *text++);
}

/* Characters beyond ASCII that are escaped: C1 controls, which terminals may obey; line
 * separators, which readers of logs may break lines at; and what turns text around, so
 * that a line reads otherwise than it is written (Unicode, Bidi_Control). */
static const struct {
	uint32_t first, last;
} steering[] = {
	{ 0x0080, 0x009f },
	{ 0x061c, 0x061c },
	{ 0x200e, 0x200f },
	{ 0x2028, 0x2029 },
	{ 0x202a, 0x202e },
	{ 0x2066, 0x2069 },
};

/* The character, of two or three bytes of UTF-8, if it is one of those; else 0. */
static uint32_t
steering_char(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t point = 0;

	if (c[0] >= 0xc0 && c[0] < 0xe0)
		point = (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
	else if (c[0] >= 0xe0 && c[0] < 0xf0 && c[1] != '\0')
		point = (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
	for (size_t i = 0; i < sizeof(steering) / sizeof(*steering); i++)
		if (point >= steering[i].first && point <= steering[i].last)
			return point;
	return 0;
}

/* Is the value one bare word, so that it needs no quotes in a text line? */
static bool
is_word(const char *value)
{
	if (!*value || !str_is_utf8(str_from(value)))
		return false;
	for (; *value; value++)
		if ((unsigned char)*value <= 0x20 || *value == '"' || *value == '\\' ||
		    *value == '=' || *value == 0x7f || steering_char(value) != 0)
			return false;
	return true;
}

/* How many bytes of the value are written: a cut leaves characters whole. */
static size_t
shown_len(const char *value)
{
	size_t len = strnlen(value, VALUE_BYTES + 1);

	if (len <= VALUE_BYTES)
		return len;
	for (len = VALUE_BYTES; len > 0 && (value[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

/* The escape of one character (RFC 8259, section 7). */
static void
line_escape(struct line *line, uint32_t point)
{
	static const char hex[] = "0123456789abcdef";

	line_text(line, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		line_char(line, hex[point >> shift & 15]);
}

/* A JSON string; its escapes serve the text format too.  Bytes that are no UTF-8
 * become '?'. */
static void
line_quoted(struct line *line, const char *value)
{
	size_t len = shown_len(value);
	bool utf8 = str_is_utf8((struct str){ value, len });

	line_char(line, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		uint32_t point = utf8 ? steering_char(value + i) : 0;

		if (c == '"' || c == '\\') {
			line_char(line, '\\');
			line_char(line, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			line_escape(line, c);
		} else if (point != 0) {
			line_escape(line, point);
			i += point < 0x800 ? 1 : 2;
		} else {
			line_char(line, c >= 0x80 && !utf8 ? '?' : (char)c);
		}
	}
	if (value[len])
		line_text(line, "...");
	line_char(line, '"');
}

static void
line_add_pair(struct line *line, const char *key, const char *value)
{
	if (log_format_now == LOG_FORMAT_JSON) {
		line_char(line, ',');
		line_quoted(line, key);
		line_char(line, ':');
		line_quoted(line, value);
		return;
	}
	line_char(line, ' ');
	line_text(line, key);
	line_char(line, '=');
	if (is_word(value) && strlen(value) <= VALUE_BYTES)
		line_text(line, value);
	else
		line_quoted(line, value);
}

/* Add the pair, or, where it does not fit in whole, nothing: half a JSON object is none. */
static void
line_pair(struct line *line, const char *key, const char *value)
{
	size_t before = line->len;

	line_add_pair(line, key, value);
	if (line->len > sizeof(line->text) - LINE_END_BYTES)
		line->len = before;
}

static void
line_time(struct line *line)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	struct tm utc;
	gmtime_r(&now.tv_sec, &utc);
	char text[48];
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	line_text(line, text);
	snprintf(text, sizeof(text), ".%03ldZ", now.tv_nsec / 1000000);
	line_text(line, text);
}

int
log_open(const char *program, const char *level)
{
	struct stat err, null;

	log_to_syslog = fstat(STDERR_FILENO, &err) != 0 ||
	    (stat("/dev/null", &null) == 0 && S_ISCHR(err.st_mode) &&
	        err.st_rdev == null.st_rdev);
	if (log_to_syslog)
		openlog(program, LOG_PID, LOG_DAEMON);
	log_most = LOG_LEVEL_INFO;
	if (!level)
		return 0;
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
		if (strcmp(level, level_names[i]) == 0) {
			log_most = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

void
log_set_format(enum log_format format)
{
	log_format_now = format;
}

bool
log_is_on(enum log_level level)
{
	return level <= log_most;
}

void
log_event(enum log_level level, const char *event, ...)
{
	if (level > log_most)
		return;
	struct line line = { .len = 0 };
	if (log_format_now == LOG_FORMAT_JSON) {
		line_text(&line, "{\"time\":\"");
		line_time(&line);
		line_text(&line, "\",\"level\":\"");
		line_text(&line, level_names[level]);
		line_text(&line, "\",\"event\":");
		line_quoted(&line, event);
	} else {
		if (!log_to_syslog) {
			line_time(&line);
			line_char(&line, ' ');
		}
		line_text(&line, level_names[level]);
		line_char(&line, ' ');
		line_text(&line, event);
	}
	va_list args;
	va_start(args, event);
	const char *key;
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);
		if (value)
			line_pair(&line, key, value);
	}
	va_end(args);
	if (log_format_now == LOG_FORMAT_JSON)
		line_char(&line, '}');

	if (log_to_syslog) {
		line.text[line.len] = '\0';
		syslog(syslog_levels[level], "%s", line.text);
		return;
	}
	line.text[line.len++] = '\n';
	/* One write, so that lines of threads and processes stay whole. */
	if (write(STDERR_FILENO, line.text, line.len) < 0)
		return; /* nobody is left to tell */
}
