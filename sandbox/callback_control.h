/*
 * The commands of the control port about what servers send of their own
 * accord, and the receivers of it.
 */
#ifndef SANDBOX_CALLBACK_CONTROL_H
#define SANDBOX_CALLBACK_CONTROL_H

#include "http.h"

/* How the path of a receiver begins. */
#define CALLBACK_CONTROL_RECEIVER "/receiver/"

struct command;
struct sandbox;

/*
 * Makes a server call back the URLs of a meeting, which runs, or has ended, or
 * is known by a recording of it; prints what outgoing_add_report() makes.
 */
void callback_control_callback(struct command *command);

/*
 * Makes a server tell its hooks of an event, each once and without another try;
 * prints what outgoing_add_report() makes.
 */
void callback_control_event(struct command *command);

/* Makes a hook on a server, also a permanent one, as its configuration would. */
void callback_control_hook(struct command *command);

/* Removes all hooks of a server, the permanent ones as well. */
void callback_control_forget_hooks(struct command *command);

/* Sets what a receiver answers, and makes it forget what it was sent. */
void callback_control_receiver(struct command *command);

/*
 * Prints what a receiver was sent: "NUMBER METHOD TARGET STATUS TYPE LENGTH
 * SHA256", with tabs between, of each request, or one part of one of them.
 */
void callback_control_received(struct command *command);

/*
 * Takes a request to /receiver/NAME, where more path may follow the name.
 * Its body is anything, so no command is read from it.
 */
enum MHD_Result callback_control_receive(struct sandbox *sandbox, struct http_request *request);

#endif
