#include "model/webhook.h"

#include <stdio.h>
#include <string.h>

#include "formats/checksum.h"

void
webhook_id(struct str url, char id[WEBHOOK_ID_SIZE])
{
	/* 6ba7b811-9dad-11d1-80b4-00c04fd430c8 */
	static const char urls[] = { 0x6b, (char)0xa7, (char)0xb8, 0x11, (char)0x9d, (char)0xad,
		0x11, (char)0xd1, (char)0x80, (char)0xb4, 0x00, (char)0xc0, 0x4f, (char)0xd4,
		0x30, (char)0xc8 };
	static const char variants[] = "89ab";
	char hex[CHECKSUM_HEX_SIZE];

	/* A checksum with an empty secret is the bare hash of the other two. */
	checksum_make(CHECKSUM_SHA1, (struct str){ urls, sizeof(urls) }, url, STR(""), hex);
	const char *digits = "0123456789abcdef";
	snprintf(id, WEBHOOK_ID_SIZE, "%.8s-%.4s-5%.3s-%c%.3s-%.12s", hex, hex + 8, hex + 13,
	    variants[(strchr(digits, hex[16]) - digits) & 3], hex + 17, hex + 20);
}
