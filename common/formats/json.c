#include "formats/json.h"

#include <string.h>

#include "formats/xml_chars.h"

void
json_text(struct buf *out, struct str text)
{
	size_t len;

	for (size_t i = 0; i < text.len; i += len) {
		unsigned char c = (unsigned char)text.data[i];
		struct str rest = str_part(text, i, SIZE_MAX);

		len = 1;
		if (c < 0x20 || c == 0x7f || strchr("\"\\<>&", c)) {
			buf_printf(out, "\\u%04x", c);
			continue;
		}
		/* XML's characters are all that JSON needs: UTF-8, and no surrogates. */
		len = xml_chars_length(rest);
		struct str by = len > 0 ? str_part(rest, 0, len) : xml_chars_substitute(rest);
		len = by.len;
		buf_str(out, by);
	}
}

void
json_string(struct buf *out, struct str text)
{
	if (!text.data) {
		buf_text(out, "null");
		return;
	}
	buf_char(out, '"');
	json_text(out, text);
	buf_char(out, '"');
}
