/*
 * What libcurl waits for: its sockets and its timer, and a bell for other threads.
 *
 * libcurl tells which sockets it waits for, and is told which of them are ready
 * (curl_multi_socket_action(3)); an epoll set keeps them between turns.  So a turn of the loop
 * looks at the calls for which something came, and not at all that are under way: with five
 * hundred calls that is the difference between a list and a walk of five hundred for each
 * answer.
 *
 *	sockets_open(&sockets, curl, multi, true, unwatched, context);
 *	for (;;) {
 *		...                        add and remove handles
 *		sockets_act(&sockets);     libcurl works; then look for what it finished
 *		sockets_wait(&sockets, sleep_us);
 *	}
 *	curl->multi_cleanup(multi);
 *	sockets_close(&sockets);
 *
 * All of it is the loop's, but for sockets_ring().
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "adapters/curl/functions.h"

/* So many ready sockets are looked at in one turn; others are in the next. */
#define SOCKETS_A_TURN 64

struct sockets {
	/* Private. */
	const struct curl_functions *curl;
	CURLM *multi;
	int set;          /* of epoll; -1: none */
	int bell;         /* an eventfd, or -1 */
	int64_t timer_us; /* when libcurl wants to be called, by CLOCK_MONOTONIC */
	struct epoll_event ready[SOCKETS_A_TURN];
	int n_ready;
	CURLMcode problem;
	void (*unwatched)(CURL *easy, void *context);
	void *context;
};

/*
 * Begin, for a multi handle that has no transfers yet; with a bell where has_bell.  The handle
 * is borrowed until it is cleaned up, and then sockets_close() is called.  Where a socket
 * cannot be watched, for want of memory or watches, unwatched is called with the transfer, in
 * the midst of libcurl's work, so it only notes that; nothing else would ever wake it.  Returns
 * false when descriptors or memory are short; then nothing is to be closed.
 */
bool sockets_open(struct sockets *sockets, const struct curl_functions *curl, CURLM *multi,
    bool has_bell, void (*unwatched)(CURL *easy, void *context), void *context);

/* End. */
void sockets_close(struct sockets *sockets);

/* Let libcurl do all there is to do now.  Returns its complaint, CURLM_OK for none. */
CURLMcode sockets_act(struct sockets *sockets);

/* Sleep until a socket is ready, libcurl's timer, the bell, or so many microseconds, rounded up
 * to milliseconds. */
void sockets_wait(struct sockets *sockets, int64_t sleep_us);

/* From any thread: end the sleep under way, or the next one. */
void sockets_ring(const struct sockets *sockets);

#endif
