/*
 * The adapter of http.h over libcurl.
 *
 * HTTP_CURL_THREAD: threads of its own, one for each processor and four at the most, run
 * all transfers of the process, each on one CURLM; callers hand them a batch and sleep.  A
 * server is one thread's.  So all workers share the kept connections to it, and nothing of
 * libcurl is shared between threads (libcurl-thread(3), CURLSHOPT_SHARE(3)).
 * HTTP_CURL_INLINE: the same loop in the calling thread, for a process that
 * serves one request.  The time that it takes to load libcurl counts for no deadline.
 *
 * libcurl is loaded at the first batch (INLINE) or by http_curl_open (THREAD),
 * not linked: a CGI process that contacts no server is spared the 33 shared
 * objects it brings.
 *
 * A server that hangs must not hold every worker of the process: each server
 * has a maximum of calls under way (the bulkhead pattern).  A call beyond it
 * waits its turn, first come, first served, as long as the server answers
 * others: a crowd that calls a healthy server is served; of a call that is alone in
 * its batch the time begins with its turn.  A server is stuck
 * once that many calls are under way and for one second none was answered,
 * or when a call got no answer until its deadline and no other did either.  Then
 * those that wait, and all that find the maximum reached, fail at once with
 * HTTP_BUSY, until it answers a call or was not called for a second.  The
 * places of calls that timed out go to the next calls, so it shows when the
 * server is back (lanes.h).
 *
 * The time for which this process, or the whole host, stood still counts for no deadline and
 * for no patience (loop_clock.h): a call may take that much longer, and tells how long that
 * was (still_ms).
 *
 * A call that waited and was then cut by its batch's deadline is told from one
 * that the server let wait all that time (waited), and what could not be sent for
 * want of something here (HTTP_SHORTAGE) from what the server did not take.
 */
#ifndef HTTP_CURL_H
#define HTTP_CURL_H

#include <stdint.h>

#include "ports/http.h"

enum http_curl_mode { HTTP_CURL_THREAD, HTTP_CURL_INLINE };

struct http_curl_options {
	enum http_curl_mode mode;
	int64_t connect_timeout_ms;
	const char *ca_file;           /* CA bundle, or NULL for the system's */
	const char *agent;             /* User-Agent */
	unsigned max_calls_per_server; /* under way at once; 0: no maximum */
	size_t n_servers;              /* how many there are: connections to all are kept */
};

/*
 * Open the adapter; the options are copied.  Signals must be blocked already:
 * the threads made here and by libcurl's resolver inherit the mask.  Call it
 * after the last fork.  Returns NULL, with the reason logged, when libcurl or
 * the thread cannot be had; with HTTP_CURL_INLINE that shows at the first
 * batch instead, whose calls become HTTP_SHORTAGE.
 */
struct http *http_curl_open(const struct http_curl_options *options);

#endif
