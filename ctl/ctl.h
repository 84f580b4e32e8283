/*
 * One run of tinyscalectl: what its line said, and what it has opened.
 *
 * It works on the configuration and the state that the gateway uses, while that runs.  A
 * command opens what it needs, writes its answer, and returns the status to exit with: 0,
 * or 1 when something is wrong with what was asked about.  Mistakes in the line are found
 * before, and are 2 (main.c).
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/api.h"
#include "core/call.h"
#include "table.h"

struct arena;
struct config;
struct server;
struct server_facts;

/* What may stand behind a command; commands.c has the table. */
enum option {
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_UNTIL,
	OPTION_NO_WAIT,
	OPTION_FOR,
	OPTION_BASE,
	OPTION_NAGIOS,
	OPTION_WARNING,
	OPTION_CRITICAL,
	OPTION_SERVER,
	OPTION_FORCE,
	OPTIONS /* how many there are */
};

struct option_given {
	enum option option;
	const char *value; /* "" of one that takes none */
};

enum ctl_status { CTL_GOOD, CTL_WRONG, CTL_USAGE };

struct ctl {
	const char *config_path; /* as it was given, or NULL */
	const char **words;      /* what followed the command, but for options */
	size_t n_words;
	struct option_given *given;
	size_t n_given;

	struct arena *arena; /* what one answer needs; reset between two of --watch */
	bool is_terminal;    /* is stdout one? */
	bool in_colour;      /* … and may it be coloured (NO_COLOR)? */

	struct api api; /* what was opened, else NULL */
};

/* ---- The line ------------------------------------------------------------------- */

bool ctl_has(const struct ctl *ctl, enum option option);

/* The option's last value, or NULL. */
const char *ctl_option(const struct ctl *ctl, enum option option);

/* ---- What is opened --------------------------------------------------------------- */

/* Load the configuration.  False where it is bad: then every problem was written. */
bool ctl_open_config(struct ctl *ctl);

/*
 * Open the state, and the configuration first.  False where there is none to work with,
 * which was written.  Root goes on as the owner of the state's file, or of its directory,
 * so that no file is left that the gateway cannot write to; with an engine, of where such a
 * file would be (state_files).
 */
bool ctl_open_state(struct ctl *ctl);

/* Why the state that is open could not be used last, and what to do. */
const char *ctl_state_reason(const struct ctl *ctl);
const char *ctl_state_advice(const struct ctl *ctl);

/* Complain of that state: what is not possible with it ("cannot be read"), why, and what to
 * do. */
void ctl_complain_of_state(const struct ctl *ctl, const char *what);

/* Open the transport, and what stands before it; false as above. */
bool ctl_open_http(struct ctl *ctl);

void ctl_close(struct ctl *ctl);

/* The path's owner as root is to become it: of the file, or of the directory where it
 * would be.  Nothing for others than root. */
void ctl_become_owner(const char *path);

/* ---- What the library is asked -------------------------------------------------------- */

/* A call of the gateway's own, as of now, with what is open.  Its query may be empty. */
struct call *ctl_call(struct ctl *ctl, const char *name, struct str query);

/* What is known of all servers, in the configuration's order; NULL, which was written,
 * where the state cannot be read.  *can_write, which may be NULL, is false where it is known
 * that it cannot be written. */
struct server_facts *ctl_facts(struct ctl *ctl, bool *can_write);

/* The server of that name; NULL, which was written, where there is none. */
const struct server *ctl_server(const struct ctl *ctl, const char *name);

/* The server that the line names first, with the state open; NULL where something is
 * wrong, which was written. */
const struct server *ctl_named_server(struct ctl *ctl);

int64_t ctl_now_ms(void);

/* ---- What is written ------------------------------------------------------------------ */

/* Begin an answer of any length. */
void ctl_begin(struct buf *out);

/* Write the answer to stdout, and free it. */
void ctl_write(struct buf *out);

/* Write "tinyscalectl: …" and a line's end to stderr: what is wrong, and what to do. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text of anybody's as a terminal can show it (text_plain), in the arena. */
const char *ctl_plain(const struct ctl *ctl, struct str text);

/*
 * Write the answer of show, which adds it to out and returns the status to exit with; and
 * with --watch again every two seconds, in its place on a terminal.
 */
int ctl_show(struct ctl *ctl, int (*show)(struct ctl *ctl, struct buf *out));

#endif
