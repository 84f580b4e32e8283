/*
 * buf.c, where a buffer of buf_init_large() is a large one from its first byte: the documents
 * of cases are small.
 */
#include "base/buf.h"

#include "base/mem.h"

void short_buf_reserve(struct buf *buf, size_t more);

#undef MEM_LARGE_BYTES
#define MEM_LARGE_BYTES ((size_t)1)
#define buf_reserve short_buf_reserve
#include "base/buf.c"
#undef buf_reserve

/* What is refused here is asked for again when it is needed. */
void
buf_reserve(struct buf *buf, size_t more)
{
	if (!buf->may_fail)
		short_buf_reserve(buf, more);
}
