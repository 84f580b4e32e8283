/*
 * TAP, the Test Anything Protocol, for the test programs: one line a check,
 * the plan at the end, failures explained in "#" lines.
 *
 *	ok(n == 3, "three servers, got %zu", n);
 *	is_int(n, 3, "servers");
 *	is_str(name, "a", "the first server");
 *	return done_testing();
 *
 * Every check returns whether it passed, so that what depends on it can be
 * left out.  is_str takes NULL on both sides.  One program is one file: the
 * counters are static.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is the program built with a sanitizer that takes memory in its own way, and time? */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static int tap_run, tap_failed;

#define ok(cond, ...) tap_ok(__FILE__, __LINE__, (cond) ? true : false, __VA_ARGS__)
/* One check of thousands: it has a line only where it fails. */
#define ok_in_run(cond, ...) ((cond) ? true : tap_ok(__FILE__, __LINE__, false, __VA_ARGS__))
#define is_int(got, want, ...) \
	tap_is_int(__FILE__, __LINE__, (long long)(got), (long long)(want), __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str(__FILE__, __LINE__, (got), (want), __VA_ARGS__)

/* Print a text as TAP diagnostics: each line gets "# ". */
static inline void
tap_comment(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
	fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void
diag(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char text[4096];
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_comment(text);
}

static inline bool tap_line(const char *file, int line, bool passed, const char *format,
    va_list args) __attribute__((format(printf, 4, 0)));

static inline bool
tap_line(const char *file, int line, bool passed, const char *format, va_list args)
{
	char name[1024];

	vsnprintf(name, sizeof(name), format, args);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '#' || *c == '\n')
			*c = ' '; /* "#" would begin a directive */
	printf("%s %d - %s\n", passed ? "ok" : "not ok", ++tap_run, name);
	fflush(stdout);
	if (!passed) {
		tap_failed++;
		diag("  at %s:%d", file, line);
	}
	return passed;
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(const char *file, int line, bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line(file, line, passed, format, args);
	va_end(args);
	return passed;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_int(const char *file, int line, long long got, long long want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line(file, line, got == want, format, args);
	va_end(args);
	if (got != want)
		diag("  got %lld, want %lld", got, want);
	return got == want;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_str(const char *file, int line, const char *got, const char *want, const char *format,
    ...)
{
	bool passed = got && want ? strcmp(got, want) == 0 : got == want;
	va_list args;

	va_start(args, format);
	tap_line(file, line, passed, format, args);
	va_end(args);
	if (!passed) {
		diag("   got: %s", got ? got : "(null)");
		diag("  want: %s", want ? want : "(null)");
	}
	return passed;
}

/* A check that cannot be made here; counts as passed. */
__attribute__((format(printf, 1, 2))) static inline void
skip(const char *reason, ...)
{
	printf("ok %d # SKIP ", ++tap_run);
	va_list args;
	va_start(args, reason);
	vprintf(reason, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

/* Print the plan; the program's exit status. */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	if (tap_failed > 0)
		diag("%d of %d failed", tap_failed, tap_run);
	fflush(stdout);
	return tap_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
