#include "http_curl.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "address.h"
#include "buf.h"
#include "curl_functions.h"
#include "bounds.h"
#include "log.h"
#include "mem.h"

/* Connections kept open, of all servers together. */
#define CONNECTIONS_MAX 256L

/* A kept connection older than this is not used again: below the 60 or 75
 * seconds after which web servers close theirs. */
#define CONNECTION_IDLE_SECONDS 50L

/* Easy handles kept for the next calls. */
#define POOL_MAX 64

/* libcurl and OpenSSL stay far below; the resolver has threads of its own. */
#define STACK_BYTES ((size_t)256 << 10)

/* The longest sleep of an idle transfer thread. */
#define IDLE_US (INT64_C(600) * 1000000)

/* The loop's own deadline decides; libcurl's is a net below it. */
#define NET_MS 250

/* How long a server whose calls are all under way may answer none of them, until
 * those that wait for it wait no more. */
#define PATIENCE_US (INT64_C(1) * 1000000)

/* Slots of the table of servers; more servers than that share slots. */
#define LANES 256

/* One server: what is under way to it, and what waits for that to end. */
struct lane {
	struct lane *next;         /* of the same slot */
	struct lane *next_crowded;
	bool is_crowded;           /* in the list of those where calls wait */
	unsigned under_way;
	struct transfer *first, **end; /* those that wait */
	int64_t full_us;           /* when under_way reached the maximum */
	int64_t answered_us;       /* the last answer */
	int64_t idle_us;           /* since when nothing is under way */
	bool is_stuck;
	char *name;
};

/* One call on its way.  The loop writes all of it until finished is set under
 * the lock, then it is the caller's. */
struct transfer {
	struct job *job;
	const struct http_call *call;
	CURL *easy;                /* NULL when not with libcurl */
	bool added;                /* is easy in the multi handle? */
	struct curl_slist *headers;
	struct buf body, type, location, set_cookie;
	size_t header_bytes;
	bool in_header;
	bool header_too_large;
	char error[CURL_ERROR_SIZE];
	struct lane *lane;         /* NULL when neither waiting nor under way */
	struct transfer *next_waiting, **link; /* link: NULL when not waiting */
	bool waited;
	bool late;                 /* time was up, and it was under way */
	bool refused;              /* an address that is not public was met */

	bool finished;
	bool judged;               /* the caller's: taken over into the call */
	enum http_result result;
	bool sent;
	int status;
	int64_t elapsed_ms;
	char problem[320];         /* holds CURL_ERROR_SIZE and some words */
};

/* One run().  It lives until n_finished reaches n: whoever publishes the last
 * transfer must not look at it again. */
struct job {
	struct job *next;
	struct transfer *transfers;
	size_t n;
	int64_t start_us, deadline_us, timeout_ms;
	size_t left;               /* the loop's */
	size_t n_finished;         /* under the lock */
	bool abandon;              /* under the lock */
	pthread_cond_t changed;    /* n_finished grew */
};

struct http_curl {
	struct http http;
	enum http_curl_mode mode;
	long connect_timeout_ms;
	char *ca_file;
	char *agent;
	unsigned max_calls_per_server;

	pthread_t thread;
	pthread_mutex_t lock;      /* incoming, stop, and what job says */
	pthread_mutex_t inline_lock; /* one INLINE run at a time */
	struct job *incoming, **incoming_end;
	bool stop;

	/* The loop's alone. */
	const struct curl_functions *curl;
	CURLM *multi;
	struct job *jobs;
	CURL *pool[POOL_MAX];
	size_t n_pool;
	bool has_ca_file;          /* given, or compiled into libcurl */
	struct lane *lanes[LANES];
	struct lane *crowded;
};

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * What libcurl calls back
 */

static size_t
on_body(char *data, size_t size, size_t n, void *context)
{
	struct transfer *transfer = context;

	buf_add(&transfer->body, data, size * n);
	/* Anything but the size ends the transfer (CURLOPT_WRITEFUNCTION(3));
	 * an empty piece never comes here with a failed buffer. */
	return buf_failed(&transfer->body) ? 0 : size * n;
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
	struct str line = {data, size * n}, value;

	/* Counted over all interim answers (RFC 9110, 15.2) and trailers, so
	 * that these cannot go on for ever either. */
	transfer->header_bytes += line.len;
	if (transfer->header_bytes > LIMIT_HEADER_BYTES) {
		transfer->header_too_large = true;
		return 0;
	}
	if (!transfer->in_header && str_starts(line, "HTTP/")) {
		/* The status line; what an interim answer said is void. */
		buf_free(&transfer->type);
		buf_free(&transfer->location);
		buf_free(&transfer->set_cookie);
		transfer->in_header = true;
	} else if (!transfer->in_header) {
		/* A trailer: what it says comes too late to be believed. */
	} else if (str_trim(line).len == 0) {
		transfer->in_header = false;
	} else if (header_is(line, "Content-Type", &value)) {
		buf_free(&transfer->type);
		buf_str(&transfer->type, value);
	} else if (header_is(line, "Location", &value)) {
		buf_free(&transfer->location);
		buf_str(&transfer->location, value);
	} else if (header_is(line, "Set-Cookie", &value)) {
		if (transfer->set_cookie.len > 0)
			buf_char(&transfer->set_cookie, '\n');
		buf_str(&transfer->set_cookie, value);
	}
	return line.len;
}

/* Make a socket to a public address, or none at all.  The address is the one that
 * will be connected to, so no name can change its mind after it was looked at. */
static curl_socket_t
on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = context;

	(void)purpose;
	if (!address_is_public(&address->addr)) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * Starting a transfer
 */

static bool
set_long(const struct http_curl *self, const struct transfer *transfer,
    CURLoption option, long value)
{

	return self->curl->easy_setopt(transfer->easy, option, value) == CURLE_OK;
}

static bool
set_size(const struct http_curl *self, const struct transfer *transfer,
    CURLoption option, size_t value)
{

	return self->curl->easy_setopt(transfer->easy, option,
	    (curl_off_t)value) == CURLE_OK;
}

static bool
set_pointer(const struct http_curl *self, const struct transfer *transfer,
    CURLoption option, const void *value)
{

	return self->curl->easy_setopt(transfer->easy, option, value) == CURLE_OK;
}

/* Add the header "name: value", or "name:", which keeps libcurl from sending
 * its own, when there is no value. */
static bool
add_header(const struct http_curl *self, struct transfer *transfer,
    const char *name, struct str value)
{
	struct curl_slist *headers;
	struct buf line;
	size_t i;

	buf_init(&line, strlen(name) + value.len + 2);
	buf_text(&line, name);
	buf_text(&line, value.len > 0 ? ": " : ":");
	/* RFC 9110, 5.5: CR, LF and NUL become spaces, or a value could add
	 * headers of its own. */
	for (i = 0; i < value.len; i++)
		buf_char(&line, (unsigned char)value.data[i] < 0x20 ?
		    ' ' : value.data[i]);
	headers = self->curl->slist_append(transfer->headers, line.data);
	if (headers)
		transfer->headers = headers;
	buf_free(&line);
	return headers != NULL;
}

static bool
set_method(const struct http_curl *self, struct transfer *transfer)
{
	const struct http_call *call = transfer->call;
	bool post = strcmp(call->method, "POST") == 0;
	bool body = call->body.data != NULL;

	if (!post && !body)
		return set_long(self, transfer, CURLOPT_HTTPGET, 1L);
	/* The body is borrowed by libcurl as by us.  The size goes first, and
	 * NULL would make libcurl read stdin (CURLOPT_POSTFIELDS(3)).  The
	 * empty Content-Type stops the one libcurl makes up. */
	return set_long(self, transfer, CURLOPT_POST, 1L) &&
	    set_size(self, transfer, CURLOPT_POSTFIELDSIZE_LARGE,
	        call->body.len) &&
	    set_pointer(self, transfer, CURLOPT_POSTFIELDS,
	        body ? call->body.data : "") &&
	    (post || set_pointer(self, transfer, CURLOPT_CUSTOMREQUEST,
	        call->method)) &&
	    add_header(self, transfer, "Content-Type",
	        body ? call->content_type : STR(""));
}

static bool
set_public_only(const struct http_curl *self, struct transfer *transfer)
{
	curl_socket_t (*open_socket)(void *, curlsocktype, struct curl_sockaddr *) = on_socket;

	return self->curl->easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION,
	        open_socket) == CURLE_OK &&
	    set_pointer(self, transfer, CURLOPT_OPENSOCKETDATA, transfer);
}

static bool
set_options(const struct http_curl *self, struct transfer *transfer,
    int64_t left_ms)
{
	const struct http_call *call = transfer->call;
	size_t (*body)(char *, size_t, size_t, void *) = on_body;
	size_t (*header)(char *, size_t, size_t, void *) = on_header;
	CURL *easy = transfer->easy;

	if (self->curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, body) ||
	    self->curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, header) ||
	    !set_pointer(self, transfer, CURLOPT_WRITEDATA, transfer) ||
	    !set_pointer(self, transfer, CURLOPT_HEADERDATA, transfer) ||
	    !set_pointer(self, transfer, CURLOPT_PRIVATE, transfer) ||
	    !set_pointer(self, transfer, CURLOPT_ERRORBUFFER, transfer->error))
		return false;

	/* No signals, no proxy of the environment, no redirect, no file://,
	 * and the path as it was signed. */
	if (!set_long(self, transfer, CURLOPT_NOSIGNAL, 1L) ||
	    !set_pointer(self, transfer, CURLOPT_PROXY, "") ||
	    !set_pointer(self, transfer, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    !set_long(self, transfer, CURLOPT_FOLLOWLOCATION, 0L) ||
	    !set_long(self, transfer, CURLOPT_PATH_AS_IS, 1L) ||
	    !set_long(self, transfer, CURLOPT_HTTP_VERSION,
	        (long)CURL_HTTP_VERSION_1_1) ||
	    !set_pointer(self, transfer, CURLOPT_USERAGENT, self->agent) ||
	    !set_pointer(self, transfer, CURLOPT_URL, call->url))
		return false;

	/* QUICK_EXIT: a look-up still under way when its call ends is left to
	 * its detached thread.  Otherwise one server's dead DNS would hold up
	 * the calls to all. */
	if (!set_long(self, transfer, CURLOPT_CONNECTTIMEOUT_MS,
	        self->connect_timeout_ms) ||
	    !set_long(self, transfer, CURLOPT_TIMEOUT_MS,
	        (long)left_ms + NET_MS) ||
	    !set_long(self, transfer, CURLOPT_QUICK_EXIT, 1L) ||
	    !set_long(self, transfer, CURLOPT_MAXAGE_CONN,
	        CONNECTION_IDLE_SECONDS) ||
	    !set_long(self, transfer, CURLOPT_FRESH_CONNECT,
	        call->once || call->public_only ? 1L : 0L))
		return false;
	if (call->public_only && !set_public_only(self, transfer))
		return false;

	/* The parsed CA file is kept between connections only if there is no
	 * CA directory (CURLOPT_CA_CACHE_TIMEOUT(3)); parsing the system's
	 * costs 20 ms a connection. */
	if ((self->ca_file && !set_pointer(self, transfer, CURLOPT_CAINFO,
	        self->ca_file)) ||
	    (self->has_ca_file && !set_pointer(self, transfer, CURLOPT_CAPATH,
	        NULL)))
		return false;

	/* An answer that tells its length is refused before it is read; 0
	 * would mean no maximum. */
	if (call->max_answer_bytes > 0 && !set_size(self, transfer,
	        CURLOPT_MAXFILESIZE_LARGE, call->max_answer_bytes))
		return false;

	return set_method(self, transfer) &&
	    add_header(self, transfer, "Expect", STR("")) &&
	    (!call->forwarded_for.data || add_header(self, transfer,
	        "X-Forwarded-For", call->forwarded_for)) &&
	    (!call->authorization.data || add_header(self, transfer,
	        "Authorization", call->authorization)) &&
	    set_pointer(self, transfer, CURLOPT_HTTPHEADER, transfer->headers);
}

/*
 * The maximum of calls under way to one server
 */

/* The lane of that server, made when it is first called. */
static struct lane *
lane_of(struct http_curl *self, const char *server)
{
	struct lane **link, *lane;
	unsigned hash = 5381;
	const char *c;

	for (c = server; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (link = &self->lanes[hash % LANES]; (lane = *link); link = &lane->next)
		if (strcmp(lane->name, server) == 0)
			return lane;
	lane = mem_alloc(sizeof(*lane));
	lane->name = mem_strdup(server);
	lane->end = &lane->first;
	*link = lane;
	return lane;
}

static bool
is_full(const struct http_curl *self, const struct lane *lane)
{

	return lane->under_way >= self->max_calls_per_server;
}

/* When the patience with a server whose calls are all under way is over.  A call
 * alone that takes long says nothing: it counts from when the last place was
 * taken. */
static int64_t
patience_end_us(const struct lane *lane)
{
	int64_t since_us = lane->full_us;

	if (lane->answered_us > since_us)
		since_us = lane->answered_us;
	return since_us + PATIENCE_US;
}

/* Take a place in the lane.  Returns false when there is none. */
static bool
enter(struct http_curl *self, struct transfer *transfer, struct lane *lane)
{
	int64_t now = now_us();

	/* Who was here first goes first. */
	if (lane->first || is_full(self, lane))
		return false;
	/* What is known of the server is old, and it may be well again. */
	if (lane->under_way == 0 && now - lane->idle_us >= PATIENCE_US)
		lane->is_stuck = false;
	lane->under_way++;
	if (is_full(self, lane))
		lane->full_us = now;
	transfer->lane = lane;
	return true;
}

static void
begin_waiting(struct http_curl *self, struct transfer *transfer, struct lane *lane)
{

	transfer->lane = lane;
	transfer->waited = true;
	transfer->link = lane->end;
	*lane->end = transfer;
	lane->end = &transfer->next_waiting;
	if (!lane->is_crowded) {
		lane->is_crowded = true;
		lane->next_crowded = self->crowded;
		self->crowded = lane;
	}
}

static void
end_waiting(struct transfer *transfer)
{

	*transfer->link = transfer->next_waiting;
	if (transfer->next_waiting)
		transfer->next_waiting->link = transfer->link;
	else
		transfer->lane->end = transfer->link;
	transfer->next_waiting = NULL;
	transfer->link = NULL;
}

/* Leave the lane, at the end of the transfer.  Who comes next is let in by
 * serve_waiting() alone, and not in the midst of whatever ends transfers. */
static void
leave(struct transfer *transfer)
{
	struct lane *lane = transfer->lane;

	if (!lane)
		return;
	if (transfer->link) {
		end_waiting(transfer);
		return;
	}
	if (--lane->under_way == 0)
		lane->idle_us = now_us();
	if (transfer->result == HTTP_ANSWERED || transfer->result == HTTP_TOO_LARGE) {
		lane->answered_us = now_us();
		lane->is_stuck = false;
	} else if (transfer->result == HTTP_ABANDONED) {
		/* It had no chance to answer; neither had who comes next. */
		lane->full_us = now_us();
	} else if (transfer->late && lane->answered_us < transfer->job->start_us) {
		/* Only if no other was answered meanwhile: a create may be slow
		 * by itself. */
		lane->is_stuck = true;
	}
}

/*
 * Ending a transfer
 */

/* Take the transfer back from libcurl, which knows nothing of it after. */
static void
let_go(struct http_curl *self, struct transfer *transfer)
{

	if (!transfer->easy)
		return;
	if (transfer->added)
		self->curl->multi_remove_handle(self->multi, transfer->easy);
	if (self->n_pool < POOL_MAX) {
		self->curl->easy_reset(transfer->easy);
		self->pool[self->n_pool++] = transfer->easy;
	} else {
		self->curl->easy_cleanup(transfer->easy);
	}
	self->curl->slist_free_all(transfer->headers);
	transfer->easy = NULL;
	transfer->headers = NULL;
	transfer->added = false;
}

/* Hand the finished transfer to its caller.  When it was the job's last, the
 * job is gone on return. */
static void
publish(struct http_curl *self, struct transfer *transfer)
{
	struct job *job = transfer->job, **link;

	leave(transfer);
	transfer->elapsed_ms = (now_us() - job->start_us) / 1000;
	if (--job->left == 0) {
		for (link = &self->jobs; *link != job; link = &(*link)->next)
			continue;
		*link = job->next;
	}
	pthread_mutex_lock(&self->lock);
	transfer->finished = true;
	job->n_finished++;
	/* Under the lock, since the caller destroys the condition as soon as
	 * it has the lock. */
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&self->lock);
}

/* May a byte of the request have left?  libcurl counts the bytes it wrote, and
 * says when it was about to.  A handle of the pool that was not added yet
 * still tells of its last call. */
static bool
was_sent(const struct http_curl *self, const struct transfer *transfer)
{
	curl_off_t pretransfer_us = 0;
	long bytes = 0;

	if (!transfer->added)
		return false;
	self->curl->easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
	self->curl->easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T,
	    &pretransfer_us);
	return bytes > 0 || pretransfer_us > 0;
}

/* End a transfer for a reason of our own. */
static void
give_up(struct http_curl *self, struct transfer *transfer,
    enum http_result result, const char *problem)
{

	transfer->result = result;
	transfer->sent = was_sent(self, transfer);
	snprintf(transfer->problem, sizeof(transfer->problem), "%s", problem);
	let_go(self, transfer);
	publish(self, transfer);
}

static void
give_up_late(struct http_curl *self, struct transfer *transfer)
{
	char problem[80];

	transfer->late = transfer->added;
	if (transfer->waited && !transfer->added) {
		snprintf(problem, sizeof(problem),
		    "too many calls to it are under way: no turn within %lld ms",
		    (long long)transfer->job->timeout_ms);
		give_up(self, transfer, HTTP_BUSY, problem);
		return;
	}
	snprintf(problem, sizeof(problem), "no %s within %lld ms",
	    was_sent(self, transfer) ? "answer" : "connection",
	    (long long)transfer->job->timeout_ms);
	give_up(self, transfer, HTTP_TIMEOUT, problem);
}

/* Say in a few words why libcurl failed.  Its own messages may hold the URL;
 * only the one on certificates, which holds no more than the host, is used. */
static void
describe(const struct http_curl *self, struct transfer *transfer,
    CURLcode code)
{
	static const char certificate[] = "SSL certificate problem: ";
	const char *text = transfer->error;
	char buffer[80], *c;
	long error = 0;

	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		if (strncmp(text, certificate, sizeof(certificate) - 1) == 0)
			text += sizeof(certificate) - 1;
		snprintf(transfer->problem, sizeof(transfer->problem),
		    "certificate not accepted: %.120s",
		    *text ? text : self->curl->easy_strerror(code));
		for (c = transfer->problem; *c; c++)
			if ((unsigned char)*c < 0x20)
				*c = ' ';
		return;
	}

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		text = "name not found";
		break;
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		self->curl->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO,
		    &error);
		/* First, since the error may be that of a call before. */
		if (transfer->refused)
			text = "address is not public";
		else if (error == ECONNREFUSED)
			text = "connection refused";
		else if (error == ECONNRESET || error == EPIPE)
			text = "connection reset";
		else if (error != 0)
			text = strerror_r((int)error, buffer, sizeof(buffer));
		else if (code == CURLE_COULDNT_CONNECT)
			text = "no connection";
		else
			text = "connection broken";
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
		text = was_sent(self, transfer) ?
		    "answer is no HTTP" : "URL is not http or https";
		break;
	default:
		text = self->curl->easy_strerror(code);
		break;
	}
	snprintf(transfer->problem, sizeof(transfer->problem), "%s", text);
}

/* End a transfer as libcurl did. */
static void
conclude(struct http_curl *self, struct transfer *transfer, CURLcode code)
{
	long status = 0;

	transfer->sent = was_sent(self, transfer);
	self->curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->status = (int)status;
	if (code == CURLE_OK) {
		transfer->result = HTTP_ANSWERED;
	} else if (transfer->header_too_large) {
		transfer->result = HTTP_TOO_LARGE;
		snprintf(transfer->problem, sizeof(transfer->problem),
		    "answer's header is larger than %d bytes",
		    LIMIT_HEADER_BYTES);
	} else if (buf_failed(&transfer->body) ||
	    code == CURLE_FILESIZE_EXCEEDED) {
		transfer->result = HTTP_TOO_LARGE;
		snprintf(transfer->problem, sizeof(transfer->problem),
		    "answer is larger than %zu bytes",
		    transfer->call->max_answer_bytes);
	} else if (code == CURLE_OPERATION_TIMEDOUT &&
	    (transfer->sent || now_us() >= transfer->job->deadline_us)) {
		give_up_late(self, transfer);
		return;
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		transfer->late = true;
		transfer->result = HTTP_UNREACHABLE;
		snprintf(transfer->problem, sizeof(transfer->problem),
		    "no connection within %ld ms", self->connect_timeout_ms);
	} else {
		transfer->result = transfer->sent ?
		    HTTP_BROKEN : HTTP_UNREACHABLE;
		describe(self, transfer, code);
	}
	let_go(self, transfer);
	publish(self, transfer);
}

static void
give_up_busy(struct http_curl *self, struct transfer *transfer)
{

	give_up(self, transfer, HTTP_BUSY,
	    "too many calls to it are under way, and it answers none");
}

/* Hand the transfer to libcurl. */
static void
launch(struct http_curl *self, struct transfer *transfer)
{
	int64_t left_us = transfer->job->deadline_us - now_us();

	if (left_us <= 0) {
		give_up_late(self, transfer);
		return;
	}
	if (self->n_pool > 0)
		transfer->easy = self->pool[--self->n_pool];
	else
		transfer->easy = self->curl->easy_init();
	if (transfer->easy &&
	    set_options(self, transfer, (left_us + 999) / 1000) &&
	    self->curl->multi_add_handle(self->multi, transfer->easy) ==
	    CURLM_OK)
		transfer->added = true;
	else
		give_up(self, transfer, HTTP_UNREACHABLE,
		    "libcurl refused the call");
}

/* Launch the transfer, or let it wait for its turn. */
static void
start(struct http_curl *self, struct transfer *transfer)
{
	struct lane *lane;

	if (self->max_calls_per_server > 0) {
		lane = lane_of(self, transfer->call->server);
		if (!enter(self, transfer, lane)) {
			begin_waiting(self, transfer, lane);
			return;
		}
	}
	launch(self, transfer);
}

/* Launch those that wait and whose turn it is; refuse those that wait for a
 * server that is stuck. */
static void
serve_waiting(struct http_curl *self)
{
	struct lane **link = &self->crowded, *lane;
	struct transfer *transfer;

	while ((lane = *link)) {
		while ((transfer = lane->first) && !is_full(self, lane)) {
			end_waiting(transfer);
			lane->under_way++;
			launch(self, transfer);
		}
		if (lane->first && patience_end_us(lane) <= now_us())
			lane->is_stuck = true;
		while (lane->first && lane->is_stuck)
			give_up_busy(self, lane->first);
		if (lane->first) {
			link = &lane->next_crowded;
		} else {
			*link = lane->next_crowded;
			lane->is_crowded = false;
		}
	}
}

/*
 * The loop
 */

/* End all transfers of a job; the job is gone on return. */
static void
end_job(struct http_curl *self, struct job *job, bool abandoned)
{
	size_t left = job->left;
	struct transfer *transfer;

	for (transfer = job->transfers; left > 0; transfer++) {
		if (transfer->finished)
			continue;
		left--;
		if (abandoned)
			give_up(self, transfer, HTTP_ABANDONED,
			    "another answer was enough");
		else
			give_up_late(self, transfer);
	}
}

/* Start what came in.  Returns false when it is time to stop. */
static bool
take_in(struct http_curl *self)
{
	struct job *job, *incoming;
	size_t i, n;
	bool stop;

	pthread_mutex_lock(&self->lock);
	incoming = self->incoming;
	self->incoming = NULL;
	self->incoming_end = &self->incoming;
	stop = self->stop;
	pthread_mutex_unlock(&self->lock);

	while ((job = incoming)) {
		incoming = job->next;
		job->next = self->jobs;
		self->jobs = job;
		for (i = 0, n = job->n; i < n; i++)
			start(self, &job->transfers[i]);
	}
	return !stop;
}

/* End the jobs that are late, or whose caller has had enough. */
static void
end_jobs(struct http_curl *self)
{
	struct job *job, *next;
	int64_t now = now_us();
	bool abandon;

	for (job = self->jobs; job; job = next) {
		next = job->next;
		pthread_mutex_lock(&self->lock);
		abandon = job->abandon;
		pthread_mutex_unlock(&self->lock);
		if (abandon || job->deadline_us <= now)
			end_job(self, job, abandon);
	}
}

/* Do all there is to do now, without waiting.  Returns false when it is time
 * to stop. */
static bool
turn(struct http_curl *self)
{
	struct transfer *transfer;
	CURLMsg *message;
	CURLMcode code;
	CURLcode result;
	CURL *easy;
	bool go_on;
	int n;

	go_on = take_in(self);
	code = self->curl->multi_perform(self->multi, &n);
	if (code != CURLM_OK)
		log_error("libcurl cannot go on", "reason",
		    self->curl->multi_strerror(code));
	while ((message = self->curl->multi_info_read(self->multi, &n))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		/* The message dies with the handle's removal. */
		easy = message->easy_handle;
		result = message->data.result;
		if (self->curl->easy_getinfo(easy, CURLINFO_PRIVATE, &transfer)
		    == CURLE_OK)
			conclude(self, transfer, result);
	}
	end_jobs(self);
	/* After all answers that are there were taken, however late that is. */
	serve_waiting(self);
	return go_on;
}

/* Sleep until a socket, a timer of libcurl, a deadline, the end of the patience
 * with a server, or a caller calls. */
static void
wait_for_work(struct http_curl *self)
{
	static const struct timespec pause = {.tv_nsec = 10000000};
	int64_t now = now_us(), until = now + IDLE_US;
	const struct lane *lane;
	const struct job *job;

	for (job = self->jobs; job; job = job->next)
		if (job->deadline_us < until)
			until = job->deadline_us;
	for (lane = self->crowded; lane; lane = lane->next_crowded)
		if (patience_end_us(lane) < until)
			until = patience_end_us(lane);
	if (until < now)
		until = now;
	/* Rounded up, or the last millisecond would be spun away.  A failure
	 * returns at once, so it must not be spun away either. */
	if (self->curl->multi_poll(self->multi, NULL, 0,
	        (int)((until - now + 999) / 1000), NULL) != CURLM_OK)
		nanosleep(&pause, NULL);
}

static void *
transfer_thread(void *context)
{
	struct http_curl *self = context;

	while (turn(self))
		wait_for_work(self);
	return NULL;
}

/* Load libcurl and make the loop's part, if not yet done. */
static int
loop_init(struct http_curl *self)
{
	const char *ca_file = NULL;
	CURL *easy;

	if (self->multi)
		return 0;
	self->curl = curl_functions_load();
	if (!self->curl)
		return -1;
	easy = self->curl->easy_init();
	if (!easy)
		goto fail;
	self->multi = self->curl->multi_init();
	if (!self->multi)
		goto fail_easy;
	self->curl->easy_getinfo(easy, CURLINFO_CAINFO, &ca_file);
	self->has_ca_file = self->ca_file || ca_file;
	self->curl->multi_setopt(self->multi, CURLMOPT_MAXCONNECTS,
	    CONNECTIONS_MAX);
	self->pool[self->n_pool++] = easy;
	return 0;

fail_easy:
	self->curl->easy_cleanup(easy);
fail:
	log_error("libcurl does not start", "reason", "out of memory");
	return -1;
}

/*
 * The caller's side
 */

static struct str
take_header(struct buf *value, struct arena *arena)
{

	/* Sized like the whole header, these cannot have failed. */
	assert(!buf_failed(value));
	return value->data ? buf_take(value, arena) : (struct str){NULL, 0};
}

/* Take a finished transfer over into its call.  Returns whether that was
 * enough. */
static bool
judge(struct transfer *transfer, struct http_call *call,
    const struct http_batch *batch, struct arena *arena)
{

	transfer->judged = true;
	call->result = transfer->result;
	call->sent = transfer->sent;
	call->elapsed_ms = transfer->elapsed_ms;
	if (transfer->result == HTTP_TOO_LARGE)
		call->status = transfer->status;
	if (transfer->result != HTTP_ANSWERED) {
		call->problem = str_copy(arena, str_from(transfer->problem));
		return false;
	}
	call->status = transfer->status;
	call->answer = buf_take(&transfer->body, arena);
	call->answer_type = take_header(&transfer->type, arena);
	call->location = take_header(&transfer->location, arena);
	call->set_cookie = take_header(&transfer->set_cookie, arena);
	return batch->enough && batch->enough(call, batch->context);
}

/* Judge what finished since the last time.  The lock is held, but not while
 * judging. */
static bool
judge_finished(struct http_curl *self, struct job *job,
    const struct http_batch *batch, struct arena *arena)
{
	bool enough = false;
	size_t i;

	for (i = 0; i < job->n; i++) {
		if (!job->transfers[i].finished || job->transfers[i].judged)
			continue;
		pthread_mutex_unlock(&self->lock);
		if (judge(&job->transfers[i], &batch->calls[i], batch, arena))
			enough = true;
		pthread_mutex_lock(&self->lock);
	}
	return enough;
}

/* Be the loop until the job is done, or wait for the thread that is. */
static void
see_through(struct http_curl *self, struct job *job,
    const struct http_batch *batch, struct arena *arena)
{
	size_t seen = 0;

	pthread_mutex_lock(&self->lock);
	*self->incoming_end = job;
	self->incoming_end = &job->next;
	if (self->mode == HTTP_CURL_THREAD)
		self->curl->multi_wakeup(self->multi);
	while (seen < job->n) {
		if (self->mode == HTTP_CURL_INLINE) {
			pthread_mutex_unlock(&self->lock);
			turn(self);
			if (job->n_finished == seen)
				wait_for_work(self);
			pthread_mutex_lock(&self->lock);
		} else {
			while (job->n_finished == seen)
				pthread_cond_wait(&job->changed, &self->lock);
		}
		seen = job->n_finished;
		if (judge_finished(self, job, batch, arena) && !job->abandon) {
			job->abandon = true;
			if (self->mode == HTTP_CURL_THREAD)
				self->curl->multi_wakeup(self->multi);
		}
	}
	pthread_mutex_unlock(&self->lock);
}

static void
http_curl_run(struct http *http, struct arena *arena, struct http_batch *batch)
{
	struct http_curl *self = (struct http_curl *)http;
	struct job job = {.n = batch->n, .left = batch->n,
	    .timeout_ms = batch->timeout_ms, .start_us = now_us()};
	struct transfer *transfer;
	struct http_call *call;
	bool ready = true;
	size_t i;

	/* A timeout that is none of this world must not overflow. */
	if (job.timeout_ms < 0)
		job.timeout_ms = 0;
	else if (job.timeout_ms > INT32_MAX / 2)
		job.timeout_ms = INT32_MAX / 2;
	job.deadline_us = job.start_us + job.timeout_ms * 1000;

	if (self->mode == HTTP_CURL_INLINE) {
		pthread_mutex_lock(&self->inline_lock);
		ready = loop_init(self) == 0;
	}
	for (i = 0; i < batch->n; i++) {
		call = &batch->calls[i];
		call->result = HTTP_UNREACHABLE;
		call->sent = false;
		call->status = 0;
		call->answer = call->answer_type = call->location =
		    call->set_cookie = (struct str){NULL, 0};
		call->elapsed_ms = 0;
		call->problem = ready ? NULL : "libcurl cannot be loaded";
	}
	if (!ready || batch->n == 0)
		goto unlock;

	job.transfers = mem_alloc(batch->n * sizeof(*job.transfers));
	pthread_cond_init(&job.changed, NULL);
	for (i = 0; i < batch->n; i++) {
		transfer = &job.transfers[i];
		transfer->job = &job;
		transfer->call = &batch->calls[i];
		buf_init(&transfer->body, transfer->call->max_answer_bytes);
		buf_init(&transfer->type, LIMIT_HEADER_BYTES);
		buf_init(&transfer->location, LIMIT_HEADER_BYTES);
		buf_init(&transfer->set_cookie, LIMIT_HEADER_BYTES);
	}
	see_through(self, &job, batch, arena);
	for (i = 0; i < batch->n; i++) {
		transfer = &job.transfers[i];
		buf_free(&transfer->body);
		buf_free(&transfer->type);
		buf_free(&transfer->location);
		buf_free(&transfer->set_cookie);
	}
	pthread_cond_destroy(&job.changed);
	free(job.transfers);
unlock:
	if (self->mode == HTTP_CURL_INLINE)
		pthread_mutex_unlock(&self->inline_lock);
}

static void
lanes_free(struct http_curl *self)
{
	struct lane *lane;
	size_t i;

	for (i = 0; i < LANES; i++) {
		while ((lane = self->lanes[i])) {
			self->lanes[i] = lane->next;
			free(lane->name);
			free(lane);
		}
	}
}

static void
http_curl_free(struct http_curl *self)
{

	/* The handles first, then the connections they may own. */
	while (self->n_pool > 0)
		self->curl->easy_cleanup(self->pool[--self->n_pool]);
	if (self->multi)
		self->curl->multi_cleanup(self->multi);
	pthread_mutex_destroy(&self->inline_lock);
	pthread_mutex_destroy(&self->lock);
	lanes_free(self);
	free(self->agent);
	free(self->ca_file);
	free(self);
}

static void
http_curl_close(struct http *http)
{
	struct http_curl *self = (struct http_curl *)http;

	if (self->mode == HTTP_CURL_THREAD) {
		pthread_mutex_lock(&self->lock);
		self->stop = true;
		pthread_mutex_unlock(&self->lock);
		self->curl->multi_wakeup(self->multi);
		pthread_join(self->thread, NULL);
	}
	http_curl_free(self);
}

static int
start_thread(struct http_curl *self)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	error = pthread_create(&self->thread, &attributes, transfer_thread,
	    self);
	pthread_attr_destroy(&attributes);
	if (error == 0)
		return 0;
	log_error("the transfer thread cannot be made", "reason",
	    strerrordesc_np(error));
	return -1;
}

struct http *
http_curl_open(const struct http_curl_options *options)
{
	struct http_curl *self = mem_alloc(sizeof(*self));
	int64_t connect_timeout_ms = options->connect_timeout_ms;

	/* 0 would mean libcurl's own 300 s (CURLOPT_CONNECTTIMEOUT_MS(3)). */
	if (connect_timeout_ms < 1)
		connect_timeout_ms = 1;
	else if (connect_timeout_ms > INT32_MAX / 2)
		connect_timeout_ms = INT32_MAX / 2;

	self->http.run = http_curl_run;
	self->http.close = http_curl_close;
	self->mode = options->mode;
	self->connect_timeout_ms = (long)connect_timeout_ms;
	self->ca_file = mem_strdup(options->ca_file);
	self->agent = mem_strdup(options->agent);
	self->max_calls_per_server = options->max_calls_per_server;
	self->incoming_end = &self->incoming;
	pthread_mutex_init(&self->lock, NULL);
	pthread_mutex_init(&self->inline_lock, NULL);
	if (self->mode == HTTP_CURL_THREAD &&
	    (loop_init(self) == -1 || start_thread(self) == -1)) {
		http_curl_free(self);
		return NULL;
	}
	return &self->http;
}
