/*
 * What keeps the state, as status and check tell it: so whoever compares two hosts sees
 * whether they share it.
 */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "base/buf.h"
#include "ctl.h"

/*
 * Append lines for people: that there is none, the file's path, or the engine with its primary,
 * its replicas and the hosts that use it.  The configuration is loaded, and what it names is
 * open.  verdict, such as "good", stands before it; NULL is none.
 */
void state_write(struct ctl *ctl, const char *verdict, struct buf *out);

/* Append the same as a JSON object.  problem is why it cannot be used or written, or NULL. */
void state_write_json(struct ctl *ctl, const char *problem, struct buf *out);

#endif
