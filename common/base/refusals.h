/*
 * How often each client was refused lately, so that the log can end with some lines of one
 * that goes on.
 *
 * It is a table of a fixed size in the memory that the processes of an installation share
 * (metrics_file.h), so that all of them count a client together, CGI requests included; where
 * nothing is shared each process counts by itself.  A client's place is found by the hash of
 * what it is known by.  A place holds a part of that hash, when the count began, and the count,
 * in one atomic cell: to read and to count is one compare-and-set, and who was killed meanwhile
 * leaves nothing behind.
 *
 * A window begins with a client's first refusal and ends LIMIT_REFUSALS_S later.  A place whose
 * window is over is anybody's.  Where a client finds no place, as too many are refused at once,
 * it is not counted, and all of its lines are written.
 *
 * Nothing but what the log says may depend on this: a place may be shared by two clients whose
 * hashes are alike, and who looks for such can find them.
 */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdint.h>

#include "base/str.h"

enum refusal {
	REFUSAL_TOLD, /* log it */
	REFUSAL_LAST, /* log that there will be no further lines until the window ends */
	REFUSAL_MUTE  /* do not log it */
};

/*
 * Count a refusal of the client at now_ms, milliseconds since 1970.  The client is any bytes
 * that tell it from others, none for all that are not known.  In each window the first
 * LIMIT_REFUSALS are TOLD, one is LAST, however many processes and threads count, and the rest
 * is MUTE; they may be some more where another client's window ends at that moment.  *left_s is
 * set to the seconds that the window of a LAST still has, and left alone otherwise.
 *
 * A clock that is set back by more than some seconds ends the windows that have begun since.
 * Never fails.  It may wait for the disk, as what is written is a page of a file.
 */
enum refusal refusals_count(struct str client, int64_t now_ms, int64_t *left_s);

#endif
