/*
 * The thread that polls the BBB servers, beside the workers.
 */
#ifndef POLLER_H
#define POLLER_H

struct app;
struct poller;

/* Start polling.  Signals must be blocked.  NULL, with the reason logged, when no
 * thread can be had. */
struct poller *poller_open(struct app *app);

/* Finish the poll under way and free the poller. */
void poller_close(struct poller *poller);

#endif
