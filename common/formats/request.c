#include "formats/request.h"

#include <inttypes.h>
#include <stdio.h>

void
request_id(const struct request *request, char id[REQUEST_ID_BYTES])
{
	snprintf(id, REQUEST_ID_BYTES, "%016" PRIx64, request->nonce);
}
