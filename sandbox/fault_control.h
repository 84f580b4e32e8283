/*
 * Commands of the control port about what servers do wrong.
 */
#ifndef SANDBOX_FAULT_CONTROL_H
#define SANDBOX_FAULT_CONTROL_H

struct command;

/* /fault: what a server does wrong with all calls or with some. */
void fault_control_fault(struct command *command);

/* /raw: the request's body is what a call answers. */
void fault_control_raw(struct command *command);

/* /phantom: a meeting that the server lists and does not have. */
void fault_control_phantom(struct command *command);

/* /secret: the secrets that the server takes from now on. */
void fault_control_secret(struct command *command);

#endif
