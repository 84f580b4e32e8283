/*
 * The control port: telling the servers what to do, reading what they
 * received.  Its calls are listed in control.c and by `--help`;
 * those that are not about faults and meetings have files of their own.
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "http.h"
#include "params.h"
#include "text.h"

struct sandbox;
struct server;

/* One request to the control port; the commands append to text. */
struct command {
	struct sandbox *sandbox;
	struct http_request *request;
	/* Of the query, then of the body unless it is the command's own. */
	struct params params;
	struct text text;
	unsigned status;
};

/* Handles one request; argument is the struct sandbox (see struct http_port). */
enum MHD_Result control_handle(void *argument, struct http_request *request);

/* The rest is for the files that carry commands out. */

/* Answers 400 with that sentence. */
void control_refuse(struct command *command, const char *sentence);

/*
 * Reads a whole number from least to most.  Returns 0 and leaves *number as
 * it is when the parameter is absent; -1 after refusing.
 */
int control_read_number(struct command *command, const char *name, long long least,
    long long most, long long *number);

/* Returns the server named by the request, or NULL after refusing. */
struct server *control_read_server(struct command *command);

/* Returns the value of a parameter, borrowed, or NULL when it is absent or empty. */
const char *control_read_filled(const struct command *command, const char *name);

#endif
