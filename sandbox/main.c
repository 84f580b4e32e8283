/*
 * bbb-sandbox: several BigBlueButton servers in one process, for the demo and
 * the end-to-end tests.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "control.h"
#include "outgoing.h"
#include "sandbox.h"
#include "server.h"

/* Ids of hooks begin with the number of their server. */
#define HOOK_IDS_PER_SERVER 1000

static const char usage[] =
    "usage: bbb-sandbox --control PORT [--address 127.0.0.1] [--tls CERT.pem:KEY.pem]\n"
    "                   --server PORT:SECRET [--server PORT:SECRET ...]\n"
    "\n"
    "Stands in for BigBlueButton servers, numbered from 1 in the order given. Prints\n"
    "\"ready\" when all ports listen; ends on SIGTERM or SIGINT.\n"
    "\n"
    "  --control PORT        the control port, always plain http\n"
    "  --server PORT:SECRET  one BigBlueButton server and its shared secret\n"
    "  --address ADDRESS     the IPv4 address to listen on (127.0.0.1)\n"
    "  --tls CERT:KEY        PEM files; the servers then speak https\n"
    "  --help                this text\n"
    "\n"
    "On the control port, by GET or POST:\n"
    "  /fault?server=N[&call=NAME,...]&kind=KIND[&times=N][&for_ms=MS][&NAME=VALUE...]\n"
    "      what goes wrong, with so many calls, or for so long, or for good; see below;\n"
    "      server=0: with all of them\n"
    "  /calls?server=N[&call=NAME][&count=1]   calls received; server=0: of all\n"
    "  /users?server=N&meetingID=ID&users=K    the meeting has exactly K users\n"
    "  /raw?server=N&call=NAME                 answer NAME with the request's body\n"
    "  /meetings?server=N   /servers   /reset\n"
    "  /history?server=N                       what became of meetings, a line each:\n"
    "      milliseconds since 1970, \"created\" or \"ended\", meetingID\n"
    "  /phantom?server=N&meetingID=ID[&users=K][&remove=1]   getMeetings lists a meeting\n"
    "      with K people that the server does not have\n"
    "  /secret?server=N&secret=TEXT[&secret=TEXT...]   the secrets that are right from\n"
    "      now on; the first signs what the server sends of its own accord\n"
    "  /record?server=N&meetingID=ID[&recordID=ID][&name=TEXT][&state=STATE]\n"
    "      [&startTime=MS][&formats=A,B][&meta_KEY=VALUE][&n=COUNT[&step=MS]]\n"
    "      makes a recording, of a meeting that was there if no startTime is given;\n"
    "      with n of the meetings ID-1 to ID-COUNT; server=0: in turn on all of them\n"
    "  /recordings?server=N                    id, state, start and meeting of each\n"
    "  /copy_recording?server=N&recordID=ID&to=M   another server has it, too\n"
    "  /tracks?server=N&recordID=ID            kind, lang, size, SHA-256, file, label\n"
    "  /paging?server=N&kind=KIND[&all=refuse] KIND: total, block (2.7), none (2.5)\n"
    "  /callback?server=N&kind=KIND&meetingID=ID[&secret=TEXT]   KIND: recording-ready,\n"
    "      analytics, end; the server calls the URLs the meeting was created with\n"
    "  /event?server=N&event=NAME&meetingID=ID[&algorithm=sha1|sha256|sha384|sha512]\n"
    "      the server tells its hooks; a body is sent as the event, which is JSON\n"
    "  /hook?server=N&callbackURL=URL[&permanent=1]   makes a hook\n"
    "  /forget_hooks?server=N                  as if bbb-webhooks had been built anew\n"
    "  /receiver/NAME...                       takes any request, as a client's URL\n"
    "  /receiver?name=NAME[&status=N,N][&ms=MS]   what it answers, the last one for good\n"
    "  /received?name=NAME[&number=N][&part=target|headers|body]   what it was sent\n"
    "\n"
    "The version document's call is named \"index\".  A fault of a named call wins over one\n"
    "of all calls.  With status, redirect, failed, long_query, wrong_secret nothing is\n"
    "carried out; with all others the call has its effect.  refuse with for_ms, at most\n"
    "10000, is answered when it is over.  KIND, with the names of what it takes, and\n"
    "what these are unless they are given:\n"
    "\n";

static void
print_help(void)
{
	struct text kinds = { 0 };

	faults_add_help(&kinds);
	printf("%s%s", usage, kinds.data);
	text_fini(&kinds);
}

/* Reads a port number that ends at end. Returns 0 if it is none. */
static uint16_t
read_port(const char *string, char end)
{
	size_t digits = strspn(string, "0123456789");

	if (digits == 0 || digits > 5 || string[digits] != end)
		return 0;
	long port = strtol(string, NULL, 10);
	return port > 65535 ? 0 : (uint16_t)port;
}

/* Returns the content of a file as a string, or NULL with errno set. */
static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return NULL;
	struct text content = { 0 };
	text_add(&content, "", 0);
	char block[4096];
	size_t length;
	while ((length = fread(block, 1, sizeof(block), file)) > 0)
		text_add(&content, block, length);
	if (ferror(file)) {
		text_fini(&content);
		errno = EIO;
	}
	fclose(file);
	return content.data;
}

static int
open_port(struct http_port *port)
{
	if (http_port_bind(port) == 0 && http_port_start(port) == 0)
		return 0;
	fprintf(stderr, "bbb-sandbox: cannot listen on %s port %u: %s\n", port->address,
	    (unsigned)port->number, errno != 0 ? strerror(errno) : "libmicrohttpd refused");
	return -1;
}

/* Each server takes some descriptors, and so does each connection to it. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int
init_locks(struct sandbox *sandbox)
{
	pthread_condattr_t attributes;

	if (pthread_condattr_init(&attributes) != 0)
		return -1;
	int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&sandbox->changed, &attributes) != 0 ||
	    pthread_mutex_init(&sandbox->lock, NULL) != 0 ||
	    pthread_mutex_init(&sandbox->listening, NULL) != 0;
	pthread_condattr_destroy(&attributes);
	return failed ? -1 : 0;
}

static int
run(struct sandbox *sandbox)
{
	sigset_t signals;
	int result = 1;

	/* Blocked in every thread, so that only sigwait() below takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	errno = 0;
	for (unsigned i = 0; i < sandbox->server_count; i++)
		if (open_port(&sandbox->servers[i].port) != 0)
			goto out;
	if (open_port(&sandbox->control) != 0)
		goto out;
	puts("ready");
	fflush(stdout);
	int received;
	result = sigwait(&signals, &received) == 0 ? 0 : 1;
out:
	/* First the port whose requests start and stop the others. */
	http_port_stop(&sandbox->control);
	for (unsigned i = 0; i < sandbox->server_count; i++)
		server_fini(&sandbox->servers[i]);
	receivers_clear(&sandbox->receivers);
	return result;
}

/* Takes "PORT:SECRET".  Returns 0, or -1 after a complaint. */
static int
add_server(struct sandbox *sandbox, const char *option)
{
	const char *colon = strchr(option, ':');

	sandbox->servers = text_resize(sandbox->servers,
	    (sandbox->server_count + 1) * sizeof(struct server));
	struct server *server = &sandbox->servers[sandbox->server_count++];
	*server = (struct server){ .number = sandbox->server_count };
	server->port.number = read_port(option, ':');
	server->port.socket = -1;
	server->hooks.first_id = server->number * HOOK_IDS_PER_SERVER + 1;
	server->first_secret = colon ? colon + 1 : "";
	server_set_secrets(server, &server->first_secret, 1);
	if (server->port.number != 0 && server->first_secret[0] != '\0')
		return 0;
	fprintf(stderr, "bbb-sandbox: --server needs PORT:SECRET\n");
	return -1;
}

/* What the command line says, beside the servers, which are in the sandbox. */
struct arguments {
	char *certificate;
	char *key;
};

/* Takes "CERT.pem:KEY.pem".  Returns 0, or -1 after a complaint. */
static int
read_tls(struct arguments *arguments, char *option)
{
	char *colon = strchr(option, ':');

	free(arguments->certificate);
	free(arguments->key);
	arguments->certificate = arguments->key = NULL;
	if (colon) {
		*colon = '\0';
		arguments->certificate = read_file(option);
		arguments->key = read_file(colon + 1);
	}
	if (arguments->certificate && arguments->key)
		return 0;
	fprintf(stderr, "bbb-sandbox: --tls needs two readable files, CERT.pem:KEY.pem\n");
	return -1;
}

/* Returns 0 to go on, or -1 with *result set to what the program ends with. */
static int
read_arguments(struct sandbox *sandbox, struct arguments *arguments, int count, char **words,
    int *result)
{
	static const struct option options[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "address", required_argument, NULL, 'a' },
		{ "tls", required_argument, NULL, 't' },
		{ "server", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*result = 1;
	while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			sandbox->control.number = read_port(optarg, '\0');
			break;
		case 'a':
			sandbox->control.address = optarg;
			break;
		case 't':
			if (read_tls(arguments, optarg) != 0)
				return -1;
			break;
		case 's':
			if (add_server(sandbox, optarg) != 0)
				return -1;
			break;
		case 'h':
			print_help();
			*result = 0;
			return -1;
		default:
			fputs(usage, stderr);
			return -1;
		}
	}
	if (optind == count && sandbox->server_count > 0 && sandbox->control.number != 0)
		return 0;
	fputs(usage, stderr);
	return -1;
}

/* Ties all parts together, now that they stay where they are. */
static void
connect_parts(struct sandbox *sandbox, const struct arguments *arguments)
{
	sandbox->control.handle = control_handle;
	sandbox->control.argument = sandbox;
	for (unsigned i = 0; i < sandbox->server_count; i++) {
		struct server *server = &sandbox->servers[i];

		server->sandbox = sandbox;
		server->port.address = sandbox->control.address;
		server->port.certificate = arguments->certificate;
		server->port.key = arguments->key;
		server->port.handle = server_handle;
		server->port.argument = server;
	}
}

int
main(int count, char **words)
{
	struct sandbox sandbox = { .control = { .socket = -1, .address = "127.0.0.1" } };
	struct arguments arguments = { 0 };
	int result;

	if (read_arguments(&sandbox, &arguments, count, words, &result) != 0)
		goto out;
	connect_parts(&sandbox, &arguments);
	result = 1;
	raise_descriptor_limit();
	if (init_locks(&sandbox) != 0) {
		fprintf(stderr, "bbb-sandbox: cannot make locks\n");
		goto out;
	}
	if (outgoing_init() != 0) {
		fprintf(stderr, "bbb-sandbox: libcurl does not start\n");
		goto out;
	}
	result = run(&sandbox);
	outgoing_fini();
out:
	for (unsigned i = 0; i < sandbox.server_count; i++)
		server_set_secrets(&sandbox.servers[i], NULL, 0);
	free(sandbox.servers);
	free(arguments.certificate);
	free(arguments.key);
	return result;
}
