#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define BACKLOG 1024

static const char *
unix_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 && address[5] ? address + 5 : NULL;
}

/* Does somebody answer at that socket file? */
static bool
is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	bool served = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	close(fd);
	return served;
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("the socket's path is too long", "path", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	struct stat file;
	bool is_there = stat(path, &file) == 0;
	if (is_there && !S_ISSOCK(file.st_mode)) {
		log_error(
		    "a file that is no socket is at the socket's path; remove it, "
		    "or choose another path",
		    "path", path);
		return -1;
	}
	if (is_there) {
		if (is_served(&address)) {
			log_error(
			    "another program listens on this socket already; stop it, "
			    "or choose another path",
			    "path", path);
			return -1;
		}
		unlink(path);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0117); /* 0660: the web server's group, and nobody else */
	int bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound != 0 || listen(fd, BACKLOG) != 0) {
		log_error("cannot listen on the socket", "path", path, "reason",
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Listen on one address.  Returns -1 with errno set. */
static int
listen_on(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Listen on the first address that this machine has.  One that it has and that is in use
 * is an error: the next would be another program's gateway. */
static int
listen_first(const struct addrinfo *found)
{
	int fd = -1;

	for (; found; found = found->ai_next) {
		fd = listen_on(found);
		if (fd >= 0 || (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT))
			break;
	}
	return fd;
}

static int
listen_tcp(const char *host, const char *port)
{
	int64_t number;

	/* getaddrinfo takes 80000 for 14464. */
	if (str_to_int(str_from(port), 1, 65535, &number) != 0) {
		log_error("the port in -s tcp:HOST:PORT must be from 1 to 65535", "port", port);
		return -1;
	}
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found = NULL;

	int error = getaddrinfo(host, port, &hints, &found);
	if (error != 0) {
		log_error("cannot find the address to listen on", "host", host, "port", port,
		    "reason", gai_strerror(error));
		return -1;
	}
	int fd = listen_first(found);
	if (fd < 0)
		log_error("cannot listen", "host", host, "port", port, "reason",
		    strerror(errno));
	freeaddrinfo(found);
	return fd;
}

int
listen_open(const char *address)
{
	if (unix_path(address))
		return listen_unix(unix_path(address));
	char *host = mem_strdup(address);
	char *port = strrchr(host, ':');
	int fd = -1;
	if (strncmp(host, "tcp:", 4) == 0 && port > host + 3 && port[1]) {
		*port = '\0';
		/* [::1] in brackets, as in a URL. */
		if (host[4] == '[' && port[-1] == ']') {
			port[-1] = '\0';
			fd = listen_tcp(host + 5, port + 1);
		} else {
			fd = listen_tcp(host + 4, port + 1);
		}
	} else {
		log_error("-s takes unix:/path or tcp:HOST:PORT", "given", address);
	}
	free(host);
	return fd;
}

int
listen_inherited(void)
{
	socklen_t size = sizeof(int);
	int listens = 0;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
	    listens)
		return STDIN_FILENO;
	log_error(
	    "descriptor 0 is no listening socket: start this program from a web server, "
	    "spawn-fcgi or systemd, or give -s unix:/path");
	return -1;
}

void
listen_stop(int fd, const char *address)
{
	if (address && unix_path(address))
		unlink(unix_path(address));
	dup2(STDERR_FILENO, fd);
}
