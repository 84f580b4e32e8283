/*
 * Sending the answer of a call, as it is or with a fault.
 */
#ifndef SANDBOX_REPLY_H
#define SANDBOX_REPLY_H

#include "answer.h"
#include "faults.h"
#include "http.h"

struct server;

/* Returns the monotonic clock in milliseconds, by which faults end. */
long long reply_now_ms(void);

/*
 * Sends the answer to the request of that call, wrong in the way fault tells;
 * it may be changed for that, and stays the caller's.  May wait, so the
 * sandbox's lock must not be held.  Returns what a handler of struct http_port
 * returns.
 */
enum MHD_Result reply_send(struct server *server, struct http_request *request,
    const char *call, struct answer *answer, const struct fault *fault);

#endif
