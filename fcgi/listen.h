/*
 * The listening socket: inherited on descriptor 0, or bound here.
 */
#ifndef LISTEN_H
#define LISTEN_H

/*
 * Bind and listen on "unix:/path" or "tcp:HOST:PORT".  A socket file that nobody
 * listens on any more is replaced; one that is in use is an error.  The file gets
 * mode 0660.  Of a host with several addresses it is the first that this machine has,
 * where IPv6 is off that of IPv4.  Returns the descriptor, or -1 with the reason logged.
 */
int listen_open(const char *address);

/* Descriptor 0, if it is a listening socket; else -1, and the log says how one
 * is had. */
int listen_inherited(void);

/*
 * Stop listening, and remove the file of an address given to listen_open (NULL: none).
 * Other processes that share the socket go on.  Threads may still be about to accept:
 * the descriptor stays one of this process's, of another file, so that its number is not
 * given away.  The caller closes it when they have ended.
 */
void listen_stop(int fd, const char *address);

#endif
