/*
 * What comes on a FastCGI connection (fcgi/intake.h).  The input is what a web server sends, up
 * to its end of the connection.  Whatever head is taken libfcgi reads as well, which is part of
 * what is tested.
 */
#include <fcgiapp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "intake.h"

/* More would not fit into the socket. */
#define MOST_BYTES 65536

static struct intake intake;

/* libfcgi takes that head, and finds each variable where one stands. */
static void
check_head(struct str head)
{
	FCGX_Request request;
	int fd = memfd_create("head", MFD_CLOEXEC);

	fuzz_must(head.len >= 24 && head.len <= INTAKE_HEAD_BYTES);
	fuzz_must(fd >= 0 && write(fd, head.data, head.len) == (ssize_t)head.len);
	lseek(fd, 0, SEEK_SET);
	FCGX_InitRequest(&request, -1, 0);
	request.ipcFd = fd;
	request.keepConnection = 1;
	fuzz_must(FCGX_Accept_r(&request) == 0);
	fuzz_must(request.ipcFd == fd && request.envp && request.envp[0]);
	for (char **variable = request.envp; *variable; variable++)
		fuzz_must(strlen(*variable) <= head.len + strlen("FCGI_ROLE=RESPONDER"));
	FCGX_Free(&request, 1);
}

/* Read the body in pieces of that size; true where it has an end. */
static bool
read_body(size_t size)
{
	char data[256];
	size_t len = 0;
	long got;

	while ((got = intake_body(&intake, data, size)) > 0) {
		fuzz_must((size_t)got <= size);
		len += (size_t)got;
	}
	fuzz_must(len <= MOST_BYTES);
	fuzz_must(got != 0 || intake_body(&intake, data, size) == 0);
	return got == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str head;
	int ends[2];

	if (size == 0 || size > MOST_BYTES)
		return 0;
	if (!intake.bytes) {
		FCGX_Init();
		intake_init(&intake);
	}
	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	fuzz_must(send(ends[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
	shutdown(ends[0], SHUT_WR);
	for (;;) {
		const enum intake_result result = intake_head(&intake, ends[1], &head);

		fuzz_must(result != INTAKE_NOTHING);
		fuzz_must(result != INTAKE_UNSOUND || intake.problem);
		if (result != INTAKE_WHOLE)
			break;
		check_head(head);
		if (data[0] & 2 ? !read_body(1 + data[size - 1]) : false)
			break;
		if (!intake_is_done(&intake))
			break;
	}
	close(ends[0]);
	close(ends[1]);
	return 0;
}
