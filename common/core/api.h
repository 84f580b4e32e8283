/*
 * The core: a request in, a response out.
 *
 * api_handle finds the call in its table, verifies the checksum, asks the
 * state and the servers as the call needs, and answers.  It has no return code,
 * since every outcome is a response.  Time and randomness come in as data.
 */
#ifndef API_H
#define API_H

#include <stdint.h>

struct arena;
struct cgi_stream;
struct config;
struct http;
struct request;
struct response;
struct store;

struct api {
	const struct config *config;
	struct store *store;
	struct http *http;
};

/*
 * Read the body of a request whose head was read (cgi.h), if it may have one: whoever does
 * not know a secret has no body read but a form of at most LIMIT_FORM_BYTES, which may bring
 * its checksum, and no more is read of the others than max_body_bytes.  What is not read
 * stays so (request->unread), and api_handle finds the reason to refuse it by itself.
 */
void api_read_body(const struct api *api, struct arena *arena, const struct cgi_stream *stream,
    struct request *request);

/*
 * Answer the request.  Whatever the response points to is static, or lives in
 * the arena or in the configuration.  May be called by many threads at once,
 * each with an arena of its own.  When the client has the answer, api_finish follows.
 */
void api_handle(const struct api *api, struct arena *arena, const struct request *request,
    struct response *response);

/*
 * Answer a request without a configuration: that the gateway is not set up properly.
 * Nothing is left to do for api_finish.
 */
void api_refuse(struct arena *arena, const struct request *request, struct response *response);

/*
 * Do what the request left for when its client has the answer: what was learnt is
 * remembered.  api, arena, request and response must still be what api_handle was given.
 * Nothing of the response changes that a client could see.
 */
void api_finish(struct response *response);

/*
 * Write the one log line of a request that was answered, unless the response is_unlogged: one
 * of many refusals of one client (refusals.h).  config NULL: there is none, so
 * nobody knows whether clients' addresses may be told.
 */
void api_log(const struct config *config, const struct request *request,
    const struct response *response, int64_t elapsed_ms);

/* Count a request that was answered (metrics.h). */
void api_count(const struct response *response, int64_t elapsed_us);

#endif
