#include "adapters/curl/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/curl/memory.h"
#include "base/bounds.h"

/* What a look-up in getaddrinfo(3) may need at once: libcurl's pair of sockets to its
 * thread, a file, and a socket to the name server. */
#define LOOKUP_DESCRIPTORS 4

const char *
failure_shortage_of(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
		return "descriptors";
	case ENOMEM:
	case ENOBUFS:
		return "memory";
	default:
		return NULL;
	}
}

void
failure_set(struct transfer *transfer, enum http_result result, const char *format, ...)
{
	va_list args;

	transfer->result = result;
	va_start(args, format);
	vsnprintf(transfer->problem, sizeof(transfer->problem), format, args);
	va_end(args);
}

void
failure_set_shortage(struct transfer *transfer, const char *short_of)
{
	failure_set(transfer, HTTP_SHORTAGE, "short of %s here", short_of);
}

static void
describe_certificate(const struct transfer_setup *setup, struct transfer *transfer,
    CURLcode code)
{
	static const char begin[] = "SSL certificate problem: ";
	const char *text = transfer->error;

	if (strncmp(text, begin, sizeof(begin) - 1) == 0)
		text += sizeof(begin) - 1;
	snprintf(transfer->problem, sizeof(transfer->problem),
	    "certificate not accepted: %.120s",
	    *text ? text : setup->curl->easy_strerror(code));
	for (char *c = transfer->problem; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
}

/* Are so many descriptors left? */
static bool
has_descriptors(size_t n)
{
	int fds[LOOKUP_DESCRIPTORS];
	size_t had = 0;

	while (had < n && had < LOOKUP_DESCRIPTORS &&
	    (fds[had] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0)
		had++;
	for (size_t i = 0; i < had; i++)
		close(fds[i]);
	return had == n;
}

const char *
failure_shortage(const struct transfer_setup *setup, const struct transfer *transfer,
    CURLcode code)
{
	long error = 0;

	/* Whoever does not allocate by libcurl's functions has no reserve: OpenSSL, and the
	 * look-up of a name. */
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return "memory";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return memory_is_scarce() ? "memory" : NULL;
	case CURLE_FAILED_INIT:
		return "what libcurl needs to begin";
	case CURLE_COULDNT_CONNECT:
		/* Without a socket the error is that of a call before. */
		if (transfer->has_socket)
			setup->curl->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
		return error == EADDRNOTAVAIL ? "local ports" : failure_shortage_of((int)error);
	case CURLE_COULDNT_RESOLVE_HOST:
		if (!has_descriptors(LOOKUP_DESCRIPTORS))
			return "descriptors";
		if (memory_is_scarce())
			return "memory";
		/* Curl_resolver_getaddrinfo in libcurl's asyn-thread.c. */
		return strstr(transfer->error, "thread failed to start") ? "threads" : NULL;
	case CURLE_SSL_CACERT_BADFILE:
		/* The connection's own has been given back by now. */
		if (!has_descriptors(2))
			return "descriptors";
		return memory_is_scarce() ? "memory" : NULL;
	default:
		return NULL;
	}
}

/* The words for a connection that could not be had, or broke. */
static const char *
connection_problem(const struct transfer_setup *setup, const struct transfer *transfer,
    CURLcode code, char *buffer, size_t size)
{
	/* First, since without a socket the error is that of a call before. */
	if (transfer->refused)
		return "address is not public";
	long error = 0;
	if (!transfer->has_socket && transfer->socket_error != 0)
		error = transfer->socket_error;
	else
		setup->curl->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
	if (error == ECONNREFUSED)
		return "connection refused";
	if (error == ECONNRESET || error == EPIPE)
		return "connection reset";
	if (error != 0)
		return strerror_r((int)error, buffer, size);
	return code == CURLE_COULDNT_CONNECT ? "no connection" : "connection broken";
}

void
failure_describe(const struct transfer_setup *setup, struct transfer *transfer, CURLcode code)
{
	const char *text;
	char buffer[80];

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		describe_certificate(setup, transfer, code);
		return;
	case CURLE_COULDNT_RESOLVE_HOST:
		text = "name not found";
		break;
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		text = connection_problem(setup, transfer, code, buffer, sizeof(buffer));
		break;
	case CURLE_PARTIAL_FILE:
		text = "answer cut off";
		break;
	case CURLE_GOT_NOTHING:
		text = "connection closed without an answer";
		break;
	case CURLE_SSL_CONNECT_ERROR:
		text = "TLS handshake failed";
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		text = transfer_was_sent(transfer, setup) ?
		    "answer is no HTTP" :
		    "URL is not http or https";
		break;
	default:
		text = setup->curl->easy_strerror(code);
		break;
	}
	snprintf(transfer->problem, sizeof(transfer->problem), "%s", text);
}
