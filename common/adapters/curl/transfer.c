#include "adapters/curl/transfer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapters/curl/failure.h"
#include "adapters/curl/memory.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/mem.h"
#include "formats/ip.h"

/* A kept connection older than this is not used again: below the 60 or 75 seconds
 * after which web servers close theirs. */
#define CONNECTION_IDLE_SECONDS 50L

/* Connections kept open, of all servers together: some to each, which a poll leaves and
 * look-ups at the same time take, and some more; but never so many that others go short of
 * descriptors. */
#define CONNECTIONS_LEAST 256L
#define CONNECTIONS_A_SERVER 4L

/* What the long answers of this process hold, beyond the first bytes of each: of those under
 * way, and of those whose requests are not done. */
static atomic_size_t held_bytes;

/* Those bytes are held no more: the work of an arena's reset, which takes a pointer. */
static void
let_go_of(void *bytes)
{
	atomic_fetch_sub(&held_bytes, (uintptr_t)bytes);
}

static void
let_go_of_body(struct transfer *transfer)
{
	let_go_of((void *)(uintptr_t)transfer->held);
	transfer->held = 0;
}

long
transfer_connections_most(size_t n_servers, size_t n_loops)
{
	long most = CONNECTIONS_LEAST + CONNECTIONS_A_SERVER * (long)n_servers;
	struct rlimit limit;

	/* Each loop may have most of the servers, by chance. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur / 2 / n_loops < (rlim_t)most)
		most = (long)(limit.rlim_cur / 2 / n_loops);
	return most;
}

void
transfer_init(struct transfer *transfer, const struct http_call *call)
{
	*transfer = (struct transfer){ .call = call };
	buf_init_large(&transfer->body, call->max_answer_bytes);
	buf_init(&transfer->type, LIMIT_HEADER_BYTES);
	buf_init(&transfer->location, LIMIT_HEADER_BYTES);
	buf_init(&transfer->set_cookie, LIMIT_HEADER_BYTES);
	buf_init(&transfer->date, LIMIT_HEADER_BYTES);
}

void
transfer_free(struct transfer *transfer)
{
	buf_free(&transfer->body);
	buf_free(&transfer->type);
	buf_free(&transfer->location);
	buf_free(&transfer->set_cookie);
	buf_free(&transfer->date);
	let_go_of_body(transfer);
}

/*
 * What libcurl calls back
 */

/* Count the part of the body that is not counted yet; false when it is too much. */
static bool
hold(struct transfer *transfer, size_t more)
{
	size_t len = transfer->body.len + more;

	if (len > transfer->body.max)
		return true; /* the buffer will refuse it */
	if (len <= LIMIT_ANSWER_FREE_BYTES + transfer->held)
		return true;
	size_t wanted = len - LIMIT_ANSWER_FREE_BYTES - transfer->held;
	if (atomic_fetch_add(&held_bytes, wanted) + wanted > LIMIT_ANSWERS_BYTES) {
		atomic_fetch_sub(&held_bytes, wanted);
		return false;
	}
	transfer->held += wanted;
	return true;
}

static size_t
on_body(char *data, size_t size, size_t n, void *context)
{
	struct transfer *transfer = context;

	if (hold(transfer, size * n)) {
		buf_add(&transfer->body, data, size * n);
	} else {
		transfer->has_no_room = true;
		buf_free(&transfer->body);
	}
	if (!transfer->has_no_room && !buf_failed(&transfer->body))
		return size * n;
	let_go_of_body(transfer);
	/* Anything but the size ends the transfer (CURLOPT_WRITEFUNCTION(3)); an empty
	 * piece never comes here with a failed buffer. */
	return 0;
}

/* If line is the header called name, return true and its value. */
static bool
header_is(struct str line, const char *name, struct str *value)
{
	size_t len = strlen(name);

	if (line.len <= len || line.data[len] != ':' ||
	    !str_is_nocase(str_part(line, 0, len), name))
		return false;
	*value = str_trim(str_part(line, len + 1, line.len));
	return true;
}

static size_t
on_header(char *data, size_t size, size_t n, void *context)
{
	struct transfer *transfer = context;
	struct str line = { data, size * n };

	/* Counted over all interim answers (RFC 9110, 15.2) and trailers, so that these
	 * cannot go on for ever either. */
	transfer->header_bytes += line.len;
	if (transfer->header_bytes > LIMIT_HEADER_BYTES) {
		transfer->header_too_large = true;
		return 0;
	}
	struct str value;
	if (!transfer->is_in_header && str_starts(line, "HTTP/")) {
		/* The status line; what an interim answer said is void. */
		buf_free(&transfer->type);
		buf_free(&transfer->location);
		buf_free(&transfer->set_cookie);
		buf_free(&transfer->date);
		transfer->is_in_header = true;
	} else if (!transfer->is_in_header) {
		/* A trailer: what it says comes too late to be believed. */
	} else if (str_trim(line).len == 0) {
		transfer->is_in_header = false;
	} else if (header_is(line, "Content-Type", &value)) {
		buf_free(&transfer->type);
		buf_str(&transfer->type, value);
	} else if (header_is(line, "Location", &value)) {
		buf_free(&transfer->location);
		buf_str(&transfer->location, value);
	} else if (header_is(line, "Date", &value)) {
		buf_free(&transfer->date);
		buf_str(&transfer->date, value);
	} else if (header_is(line, "Set-Cookie", &value)) {
		if (transfer->set_cookie.len > 0)
			buf_char(&transfer->set_cookie, '\n');
		buf_str(&transfer->set_cookie, value);
	}
	return line.len;
}

/* Why this host has no address of its own to reach that one from, or 0.  A datagram
 * socket finds its own address when it is connected, and sends nothing. */
static int
source_error(const struct curl_sockaddr *address)
{
	int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	int error = 0;
	if (connect(fd, &address->addr, address->addrlen) != 0)
		error = errno;
	close(fd);
	return error;
}

/* Make a socket, since libcurl would not tell why it cannot be had.  A call that is for
 * public addresses only gets none to any other: the address is the one that will be
 * connected to, so no name can change its mind after it was looked at. */
static curl_socket_t
on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = context;

	(void)purpose;
	transfer->is_again |= transfer->has_begun;
	if (transfer->call->public_only && !ip_is_public(&address->addr)) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	/* Where IPv6 is off, connect(2) fails with EADDRNOTAVAIL, as it does when the
	 * local ports are used up. */
	transfer->socket_error = address->family == AF_INET6 ? source_error(address) : 0;
	int fd = CURL_SOCKET_BAD;
	if (transfer->socket_error == 0) {
		fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
		    address->protocol);
		transfer->socket_error = fd < 0 ? errno : 0;
	}
	if (fd >= 0)
		transfer->has_socket = true;
	else if (failure_shortage_of(transfer->socket_error))
		transfer->short_of = failure_shortage_of(transfer->socket_error);
	return fd;
}

/* The request is about to be sent over a connection. */
static int
on_begin(void *context, char *address, char *own_address, int port, int own_port)
{
	struct transfer *transfer = context;

	(void)address, (void)own_address, (void)port, (void)own_port;
	transfer->is_again |= transfer->has_begun;
	transfer->has_begun = true;
	return CURL_PREREQFUNC_OK;
}

/*
 * The options
 */

/* Each returns whether libcurl took it; if not, transfer->refusal says why. */

static bool
set_long(const struct transfer_setup *setup, struct transfer *transfer, CURLoption option,
    long value)
{
	transfer->refusal = setup->curl->easy_setopt(transfer->easy, option, value);
	return transfer->refusal == CURLE_OK;
}

static bool
set_size(const struct transfer_setup *setup, struct transfer *transfer, CURLoption option,
    size_t value)
{
	transfer->refusal = setup->curl->easy_setopt(transfer->easy, option, (curl_off_t)value);
	return transfer->refusal == CURLE_OK;
}

static bool
set_pointer(const struct transfer_setup *setup, struct transfer *transfer, CURLoption option,
    const void *value)
{
	transfer->refusal = setup->curl->easy_setopt(transfer->easy, option, value);
	return transfer->refusal == CURLE_OK;
}

/* Add the header "name: value", or "name:", which keeps libcurl from sending its own,
 * when there is no value. */
static bool
add_header(const struct transfer_setup *setup, struct transfer *transfer, const char *name,
    struct str value)
{
	struct buf line;

	buf_init(&line, strlen(name) + value.len + 2);
	buf_text(&line, name);
	buf_text(&line, value.len > 0 ? ": " : ":");
	/* RFC 9110, 5.5: CR, LF and NUL become spaces, or a value could add headers of
	 * its own. */
	for (size_t i = 0; i < value.len; i++)
		buf_char(&line, (unsigned char)value.data[i] < 0x20 ? ' ' : value.data[i]);
	struct curl_slist *headers = setup->curl->slist_append(transfer->headers, line.data);
	if (headers)
		transfer->headers = headers;
	else
		transfer->refusal = CURLE_OUT_OF_MEMORY;
	buf_free(&line);
	return headers != NULL;
}

/* What is called, and how: no signals, no proxy of the environment, no redirect, no file://,
 * and the path as it was signed.  The functions have exactly the types that libcurl calls.
 *
 * QUICK_EXIT: a look-up still under way when its call ends is left to its detached thread.
 * Otherwise one server's dead DNS would hold up the calls to all.
 *
 * The parsed CA file is kept between connections only if there is no CA directory
 * (CURLOPT_CA_CACHE_TIMEOUT(3)); parsing the system's costs 20 ms a connection. */
bool
transfer_set_up(const struct transfer_setup *setup, CURL *easy)
{
	size_t (*body)(char *, size_t, size_t, void *) = on_body;
	size_t (*header)(char *, size_t, size_t, void *) = on_header;
	curl_socket_t (*open_socket)(void *, curlsocktype, struct curl_sockaddr *) = on_socket;
	int (*begin)(void *, char *, char *, int, int) = on_begin;
	__typeof__(setup->curl->easy_setopt) set = setup->curl->easy_setopt;

	return set(easy, CURLOPT_WRITEFUNCTION, body) == CURLE_OK &&
	    set(easy, CURLOPT_HEADERFUNCTION, header) == CURLE_OK &&
	    set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	    set(easy, CURLOPT_PREREQFUNCTION, begin) == CURLE_OK &&
	    set(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    set(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	    set(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	    set(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	    set(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
	    set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	    set(easy, CURLOPT_USERAGENT, setup->agent) == CURLE_OK &&
	    set(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	    set(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_SECONDS) == CURLE_OK &&
	    (!setup->ca_file || set(easy, CURLOPT_CAINFO, setup->ca_file) == CURLE_OK) &&
	    (!setup->has_ca_file || set(easy, CURLOPT_CAPATH, (char *)NULL) == CURLE_OK);
}

/* Where libcurl finds the transfer, and where it puts what comes in. */
static bool
set_places(const struct transfer_setup *setup, struct transfer *transfer)
{
	return set_pointer(setup, transfer, CURLOPT_WRITEDATA, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_HEADERDATA, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_OPENSOCKETDATA, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_PREREQDATA, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_PRIVATE, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_ERRORBUFFER, transfer->error);
}

static bool
set_times(const struct transfer_setup *setup, struct transfer *transfer)
{
	return set_long(setup, transfer, CURLOPT_CONNECTTIMEOUT_MS,
	           transfer->connect_timeout_ms) &&
	    set_long(setup, transfer, CURLOPT_TIMEOUT_MS, transfer->timeout_ms);
}

static bool
set_limits(const struct transfer_setup *setup, struct transfer *transfer)
{
	const struct http_call *call = transfer->call;

	/* An answer that tells its length is refused before it is read; 0 means no limit. */
	return set_times(setup, transfer) &&
	    set_long(setup, transfer, CURLOPT_FRESH_CONNECT,
	        call->once || call->public_only || call->wants_certificate) &&
	    set_long(setup, transfer, CURLOPT_CERTINFO, call->wants_certificate) &&
	    set_size(setup, transfer, CURLOPT_MAXFILESIZE_LARGE, call->max_answer_bytes);
}

static bool
set_method(const struct transfer_setup *setup, struct transfer *transfer)
{
	const struct http_call *call = transfer->call;
	bool post = strcmp(call->method, "POST") == 0;
	bool body = call->body.data != NULL;

	/* The handle may have had a method of its own in its last call. */
	if (!set_pointer(setup, transfer, CURLOPT_CUSTOMREQUEST, NULL))
		return false;
	if (!post && !body)
		return set_long(setup, transfer, CURLOPT_HTTPGET, 1L);
	/* The body is borrowed by libcurl as by us.  The size goes first, and NULL would
	 * make libcurl read stdin (CURLOPT_POSTFIELDS(3)).  The empty Content-Type stops
	 * the one libcurl makes up. */
	return set_long(setup, transfer, CURLOPT_POST, 1L) &&
	    set_size(setup, transfer, CURLOPT_POSTFIELDSIZE_LARGE, call->body.len) &&
	    set_pointer(setup, transfer, CURLOPT_POSTFIELDS, body ? call->body.data : "") &&
	    (post || set_pointer(setup, transfer, CURLOPT_CUSTOMREQUEST, call->method)) &&
	    add_header(setup, transfer, "Content-Type", body ? call->content_type : STR(""));
}

static bool
set_headers(const struct transfer_setup *setup, struct transfer *transfer)
{
	const struct http_call *call = transfer->call;

	return add_header(setup, transfer, "Expect", STR("")) &&
	    (!call->forwarded_for.data ||
	        add_header(setup, transfer, "X-Forwarded-For", call->forwarded_for)) &&
	    (!call->authorization.data ||
	        add_header(setup, transfer, "Authorization", call->authorization)) &&
	    set_pointer(setup, transfer, CURLOPT_HTTPHEADER, transfer->headers);
}

bool
transfer_prepare(struct transfer *transfer, const struct transfer_setup *setup, CURL *easy,
    int64_t left_ms)
{
	transfer->easy = easy;
	transfer->refusal = CURLE_OK;
	transfer->timeout_ms = (long)left_ms + TRANSFER_NET_MS;
	transfer->connect_timeout_ms = setup->connect_timeout_ms;
	if (easy && set_places(setup, transfer) &&
	    set_pointer(setup, transfer, CURLOPT_URL, transfer->call->url) &&
	    set_limits(setup, transfer) && set_method(setup, transfer) &&
	    set_headers(setup, transfer))
		return true;
	if (!easy || transfer->refusal == CURLE_OUT_OF_MEMORY)
		failure_set_shortage(transfer, "memory");
	else
		failure_set(transfer, HTTP_UNREACHABLE, "libcurl refused the call");
	return false;
}

void
transfer_prolong(struct transfer *transfer, const struct transfer_setup *setup, int64_t more_ms)
{
	if (!transfer->is_added)
		return;
	transfer->timeout_ms += (long)more_ms;
	transfer->connect_timeout_ms += (long)more_ms;
	/* Curl_timeleft in libcurl's connect.c reads both each time it is called. */
	set_times(setup, transfer);
}

/*
 * The outcome
 */

void
transfer_begin_outcome(struct http_call *call, const char *problem)
{
	static const struct str absent = { NULL, 0 };

	call->result = HTTP_SHORTAGE;
	call->sent = call->waited = false;
	call->still_ms = call->elapsed_ms = call->status = 0;
	call->answer = call->answer_type = call->location = call->set_cookie = absent;
	call->problem = problem;
}

/* libcurl counts the bytes it wrote, and says when it was about to.  A handle of the pool
 * that was not added yet still tells of its last call. */
bool
transfer_was_sent(const struct transfer *transfer, const struct transfer_setup *setup)
{
	if (!transfer->is_added)
		return false;
	long bytes = 0;
	setup->curl->easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
	curl_off_t pretransfer_us = 0;
	setup->curl->easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
	return bytes > 0 || pretransfer_us > 0;
}

/* A time as HTTP or a certificate has it, in seconds since 1970; 0 for none. */
static int64_t
read_time(const struct transfer_setup *setup, const char *text)
{
	time_t seconds = setup->curl->getdate(text, NULL);

	return seconds > 0 ? (int64_t)seconds : 0;
}

/* Until when the server's own certificate holds, the first of the chain
 * (CURLINFO_CERTINFO(3)); 0 where there is none. */
static int64_t
certificate_end(const struct transfer_setup *setup, const struct transfer *transfer)
{
	static const char begin[] = "Expire date:";
	const struct curl_certinfo *chain = NULL;

	setup->curl->easy_getinfo(transfer->easy, CURLINFO_CERTINFO, &chain);
	if (!chain || chain->num_of_certs < 1)
		return 0;
	for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
		if (strncmp(line->data, begin, sizeof(begin) - 1) == 0)
			return read_time(setup, line->data + sizeof(begin) - 1);
	return 0;
}

/* Was there no memory for the answer? */
static bool
is_lost(const struct transfer *transfer, CURLcode code)
{
	bool may_be_memory = code == CURLE_OUT_OF_MEMORY || code == CURLE_SEND_ERROR ||
	    code == CURLE_RECV_ERROR; /* the latter two by OpenSSL, which has no reserve */

	return transfer->has_no_room || transfer->body.is_short ||
	    (transfer->sent && may_be_memory && memory_is_scarce());
}

/* CURLE_TOO_LARGE, since libcurl 8.6. */
#define CODE_TOO_LARGE 100

/* Is the header too large?  A line that is too long for libcurl has an error of its own, or,
 * before there was one, was out of memory to it (dynbuf.c). */
static bool
has_large_header(const struct transfer *transfer, CURLcode code)
{
	return transfer->header_too_large || (int)code == CODE_TOO_LARGE ||
	    (transfer->sent && code == CURLE_OUT_OF_MEMORY);
}

void
transfer_conclude(struct transfer *transfer, const struct transfer_setup *setup, CURLcode code)
{
	transfer->sent = transfer_was_sent(transfer, setup);
	long status = 0;
	setup->curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->status = (int)status;
	if (transfer->date.len > 0)
		transfer->date_s = read_time(setup, transfer->date.data);
	if (transfer->call->wants_certificate)
		transfer->certificate_s = certificate_end(setup, transfer);
	const char *short_of = NULL;
	if (!transfer->sent)
		short_of = transfer->short_of ?: failure_shortage(setup, transfer, code);
	/* libcurl 8 takes more for a status than there is (RFC 9110, section 15). */
	if (code == CURLE_OK && (status < 100 || status > 599))
		code = CURLE_WEIRD_SERVER_REPLY;
	if (code == CURLE_OK) {
		transfer->result = HTTP_ANSWERED;
	} else if (is_lost(transfer, code)) {
		failure_set_shortage(transfer, "memory");
	} else if (has_large_header(transfer, code)) {
		failure_set(transfer, HTTP_TOO_LARGE, "answer's header is larger than %d bytes",
		    LIMIT_HEADER_BYTES);
	} else if (buf_failed(&transfer->body) || code == CURLE_FILESIZE_EXCEEDED) {
		failure_set(transfer, HTTP_TOO_LARGE, "answer is larger than %zu bytes",
		    transfer->call->max_answer_bytes);
	} else if (short_of) {
		failure_set_shortage(transfer, short_of);
	} else if (code == CURLE_OPERATION_TIMEDOUT && !transfer->sent) {
		failure_set(transfer, HTTP_UNREACHABLE, "no connection within %ld ms",
		    setup->connect_timeout_ms);
	} else {
		transfer->result = transfer->sent ? HTTP_BROKEN : HTTP_UNREACHABLE;
		failure_describe(setup, transfer, code);
	}
}

void
transfer_give_up(struct transfer *transfer, const struct transfer_setup *setup,
    enum http_result result, const char *problem)
{
	failure_set(transfer, result, "%s", problem);
	transfer->sent = transfer_was_sent(transfer, setup);
	/* One of its addresses was never tried. */
	if (result == HTTP_TIMEOUT && !transfer->sent && transfer->short_of)
		failure_set_shortage(transfer, transfer->short_of);
}

void
transfer_note_standstill(struct transfer *transfer, int64_t still_us)
{
	transfer->still_ms = (still_us + 999) / 1000;
	if (still_us == 0 ||
	    (transfer->result != HTTP_UNREACHABLE && transfer->result != HTTP_TIMEOUT &&
	        transfer->result != HTTP_BROKEN))
		return;
	size_t len = strlen(transfer->problem);
	snprintf(transfer->problem + len, sizeof(transfer->problem) - len,
	    ", and this host stood still for %.1f s meanwhile", (double)still_us / 1e6);
}

bool
transfer_wore_out(const struct transfer *transfer)
{
	return transfer->is_again ||
	    (transfer->result != HTTP_ANSWERED && transfer->result != HTTP_ABANDONED);
}

CURL *
transfer_release(struct transfer *transfer, const struct transfer_setup *setup)
{
	CURL *easy = transfer->easy;

	transfer->easy = NULL;
	transfer->is_added = false;
	setup->curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, (char *)NULL);
	setup->curl->easy_setopt(easy, CURLOPT_PRIVATE, (void *)NULL);
	setup->curl->easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
	setup->curl->slist_free_all(transfer->headers);
	transfer->headers = NULL;
	return easy;
}

static struct str
take_header(struct buf *value, struct arena *arena)
{
	/* Sized like the whole header, these cannot have failed. */
	assert(!buf_failed(value));
	return value->data ? buf_take(value, arena) : (struct str){ NULL, 0 };
}

void
transfer_hand_over(struct transfer *transfer, struct http_call *call, struct arena *arena)
{
	call->result = transfer->result;
	call->sent = transfer->sent;
	call->waited = transfer->waited;
	call->still_ms = transfer->still_ms;
	call->elapsed_ms = transfer->elapsed_ms;
	call->date_s = transfer->date_s;
	call->certificate_s = transfer->certificate_s;
	if (transfer->result == HTTP_ANSWERED || transfer->result == HTTP_TOO_LARGE)
		call->status = transfer->status;
	if (transfer->result != HTTP_ANSWERED) {
		call->problem = str_copy(arena, str_from(transfer->problem));
		return;
	}
	call->answer = buf_take(&transfer->body, arena);
	if (transfer->held > 0)
		arena_at_reset(arena, let_go_of, (void *)(uintptr_t)transfer->held);
	transfer->held = 0;
	call->answer_type = take_header(&transfer->type, arena);
	call->location = take_header(&transfer->location, arena);
	call->set_cookie = take_header(&transfer->set_cookie, arena);
}
