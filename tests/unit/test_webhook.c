/* hookIDs: the same URL has the same, in the shape of a UUID.  The values were
 * computed with Python's uuid.uuid5(uuid.NAMESPACE_URL, url). */
#include "model/webhook.h"

#include "tap.h"

int
main(void)
{
	static const struct {
		const char *url, *id;
	} rows[] = {
		{ "https://lms.test/hook", "69b13f2b-1346-5c84-94f4-5350b979105e" },
		{ "https://lms.test/hook?a=1", "94d6236d-fe01-5cfb-b915-4348564906f3" },
		{ "", "1b4db7eb-4057-5ddf-91e0-36dec72071f5" },
		{ "http://example.org/%20", "0f4c669c-8c80-5537-8810-af85a084c491" },
		{ "http://h/0", "6e3054d4-bd73-5050-918a-cddcd4b1eff8" },
		{ "http://h/1", "8f56d41c-6f79-5528-8aad-7b14804b39d2" },
		{ "http://h/2", "061460be-88ae-5cf0-afe3-c4785595b043" },
		{ "http://h/3", "db6724dc-1217-54a3-b900-3a686417ae3a" },
		{ "http://h/4", "b53d9a3a-0b8d-5bb7-a1ed-f7748c26e697" },
		{ "http://h/5", "1711501e-2839-590f-9e77-9a3d359e4de2" },
	};
	char id[WEBHOOK_ID_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		webhook_id(str_from(rows[i].url), id);
		is_str(id, rows[i].id, "the hookID of \"%s\"", rows[i].url);
	}
	return done_testing();
}
