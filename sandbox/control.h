/*
 * The control port: setting faults and meetings' users, reading what the
 * servers received.  Its calls are listed in control.c and by `--help`.
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "http.h"

/* Handles one request; argument is the struct sandbox (see struct http_port). */
enum MHD_Result control_handle(void *argument, struct http_request *request);

#endif
