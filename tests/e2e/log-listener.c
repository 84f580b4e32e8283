/*
 * log-listener: stands in for the daemon that reads /dev/log, on a socket of its own.
 * What programs send by syslog(3) is printed, a message a line, until SIGTERM.
 *
 * usage: log-listener SOCKET
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES 65536

int
main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	static char message[MESSAGE_BYTES];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fputs("usage: log-listener SOCKET\n", stderr);
		return 2;
	}
	memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, "log-listener: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		ssize_t len = recv(fd, message, sizeof(message), 0);
		if (len < 0 && errno != EINTR)
			return 1;
		if (len > 0)
			printf("%.*s\n", (int)len, message);
	}
}
