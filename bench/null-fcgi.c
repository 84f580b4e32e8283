/*
 * null-fcgi: a FastCGI responder that answers each request with the same redirect, for
 * benchmarks: what the web server and libfcgi cost, and nothing else.
 *
 * usage: null-fcgi SOCKET THREADS
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "null-answer.h"

static void *
serve(void *context)
{
	FCGX_Request request;

	FCGX_InitRequest(&request, (int)(intptr_t)context, 0);
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutStr(null_answer, (int)strlen(null_answer), request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: null-fcgi SOCKET THREADS\n", stderr);
		return 2;
	}
	FCGX_Init();
	int fd = FCGX_OpenSocket(argv[1], 1024);
	if (fd < 0)
		return 1;
	for (long i = strtol(argv[2], NULL, 10); i > 1; i--) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
			return 1;
	}
	serve((void *)(intptr_t)fd);
	return 0;
}
