/*
 * A thread tells that it waits for somebody else now: a server, or another request.  A door
 * that has threads may let one more take requests meanwhile (fcgi/crew.h), so that whoever
 * waits holds no thread that others need.
 *
 *	blocking_begin();
 *	...                     waits
 *	blocking_end();
 *
 * Like the log it is the process's.  Where nobody listens, as in a CGI process, it does
 * nothing.
 */
#ifndef BLOCKING_H
#define BLOCKING_H

#include <stdbool.h>

/* Whom to tell, in the thread that waits; NULL for nobody.  Call it before the threads that
 * wait are made. */
void blocking_listen(void (*told)(bool begins));

/* Around what waits, whose errno stays; a wait within a wait is one.  It must not be told with
 * a lock held that a request needs: a thread may be made. */
void blocking_begin(void);
void blocking_end(void);

#endif
