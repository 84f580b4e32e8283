#include "params.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

void
params_add(struct params *params, const char *name, const char *value)
{
	struct param *param = text_new(sizeof(*param));

	param->name = text_duplicate(name);
	param->value = text_duplicate(value);
	if (!params->last)
		params->first = param;
	else
		params->last->next = param;
	params->last = param;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Length of the UTF-8 sequence at the start of bytes (RFC 3629), 0 if none. */
static size_t
utf8_sequence(const unsigned char *bytes, size_t left)
{
	if (bytes[0] < 0x80)
		return 1;
	size_t length;
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
		length = 2;
	else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef)
		length = 3;
	else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (left < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies beyond U+10FFFF. */
	if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
	    (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return length;
}

/* Returns a UTF-8 string made of the given bytes; consumes nothing. */
static char *
utf8_string(const char *bytes, size_t length)
{
	struct text out = { 0 };

	text_add(&out, "", 0);
	size_t at = 0;
	while (at < length) {
		size_t step = utf8_sequence((const unsigned char *)bytes + at, length - at);

		if (step == 0) {
			text_add_string(&out, "\xef\xbf\xbd");
			at++;
			continue;
		}
		if (bytes[at] != '\0')
			text_add(&out, bytes + at, step);
		at += step;
	}
	return out.data;
}

char *
params_decode(const char *encoded, size_t length, bool plus)
{
	struct text bytes = { 0 };
	char *decoded = NULL;

	for (size_t i = 0; i < length; i++) {
		char c = encoded[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < length ? hex_digit(encoded[i + 1]) : -1;
			int low = i + 2 < length ? hex_digit(encoded[i + 2]) : -1;

			if (high < 0 || low < 0)
				goto out;
			c = (char)(unsigned char)(high * 16 + low);
			i += 2;
		}
		text_add(&bytes, &c, 1);
	}
	decoded = utf8_string(text_string(&bytes), bytes.length);
out:
	text_fini(&bytes);
	return decoded;
}

void
params_parse_form(struct params *params, const char *form, size_t length)
{
	const char *end = form + length;

	while (form < end) {
		const char *pair_end = memchr(form, '&', (size_t)(end - form));

		if (!pair_end)
			pair_end = end;
		const char *equals = memchr(form, '=', (size_t)(pair_end - form));
		if (!equals)
			equals = pair_end;
		char *name = params_decode(form, (size_t)(equals - form), true);
		char *value = equals == pair_end ?
		    text_duplicate("") :
		    params_decode(equals + 1, (size_t)(pair_end - equals - 1), true);
		if (name && name[0] != '\0' && value)
			params_add(params, name, value);
		free(name);
		free(value);
		form = pair_end + 1;
	}
}

/* Returns the value of attribute in a header such as `x; name="v"`, or NULL. */
static char *
header_attribute(const char *header, const char *attribute)
{
	size_t name_length = strlen(attribute);
	const char *at = header;

	while ((at = strchr(at, ';')) != NULL) {
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, attribute, name_length) != 0 || at[name_length] != '=')
			continue;
		at += name_length + 1;
		if (*at == '"') {
			const char *close = strchr(at + 1, '"');

			return close ?
			    text_duplicate_part(at + 1, (size_t)(close - at - 1)) :
			    NULL;
		}
		return text_duplicate_part(at, strcspn(at, "; \t\r\n"));
	}
	return NULL;
}

/* One part of a multipart body. */
struct part {
	char *name; /* NULL: not a form's field */
	char *file; /* NULL: not a file */
	const char *data;
	size_t length;
};

static void
read_part(const char *bytes, size_t length, struct part *part)
{
	const char *blank = memmem(bytes, length, "\r\n\r\n", 4);

	*part = (struct part){ 0 };
	if (!blank)
		return;
	char *headers = text_duplicate_part(bytes, (size_t)(blank - bytes));
	char *state = NULL;
	for (char *line = strtok_r(headers, "\r\n", &state); line;
	     line = strtok_r(NULL, "\r\n", &state)) {
		if (strncasecmp(line, "Content-Disposition:", 20) == 0 && !part->name) {
			part->name = header_attribute(line, "name");
			free(part->file);
			part->file = header_attribute(line, "filename");
		}
	}
	free(headers);
	part->data = blank + 4;
	part->length = length - (size_t)(part->data - bytes);
}

/* Calls take for each part until it returns true. */
static void
each_part(const char *content_type, const char *body, size_t length,
    bool (*take)(void *argument, struct part *part), void *argument)
{
	char *boundary = header_attribute(content_type, "boundary");
	struct text mark = { 0 };
	const char *end = body + length;
	const char *next;
	bool is_done = false;

	if (!boundary || boundary[0] == '\0')
		goto out;
	text_add_format(&mark, "--%s", boundary);
	const char *at;
	at = memmem(body, length, mark.data, mark.length);
	while (at && !is_done) {
		at += mark.length;
		if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
			break;
		at += 2;
		next = memmem(at, (size_t)(end - at), mark.data, mark.length);
		if (!next)
			break;
		if (next - at >= 2) {
			struct part part;
			read_part(at, (size_t)(next - at - 2), &part);
			is_done = part.name && take(argument, &part);
			free(part.name);
			free(part.file);
		}
		at = next;
	}
out:
	text_fini(&mark);
	free(boundary);
}

static bool
take_field(void *argument, struct part *part)
{
	if (part->file)
		return false;
	char *value = utf8_string(part->data, part->length);
	params_add(argument, part->name, value);
	free(value);
	return false;
}

void
params_parse_multipart(struct params *params, const char *content_type, const char *body,
    size_t length)
{
	each_part(content_type, body, length, take_field, params);
}

struct file_search {
	const char *field;
	struct params_file *file;
	bool is_found;
};

static bool
take_file(void *argument, struct part *part)
{
	struct file_search *search = argument;

	if (!part->file || strcmp(part->name, search->field) != 0)
		return false;
	search->file->name = part->file;
	search->file->data = part->data;
	search->file->length = part->length;
	search->is_found = true;
	part->file = NULL;
	return true;
}

bool
params_find_file(const char *content_type, const char *body, size_t length, const char *field,
    struct params_file *file)
{
	struct file_search search = { .field = field, .file = file };

	each_part(content_type, body, length, take_file, &search);
	return search.is_found;
}

const char *
params_find(const struct params *params, const char *name)
{
	for (const struct param *param = params->first; param; param = param->next)
		if (strcmp(param->name, name) == 0)
			return param->value;
	return NULL;
}

size_t
params_count(const struct params *params, const char *name)
{
	size_t count = 0;

	for (const struct param *param = params->first; param; param = param->next)
		count += strcmp(param->name, name) == 0;
	return count;
}

void
params_copy_metadata(const struct params *source, struct params *metadata)
{
	for (const struct param *param = source->first; param; param = param->next) {
		const char *name = param->name + 5;

		if (strncmp(param->name, "meta_", 5) != 0)
			continue;
		bool is_legal = isalpha((unsigned char)name[0]) != 0;
		char *lower = text_duplicate(name);
		for (char *c = lower; *c != '\0'; c++) {
			is_legal = is_legal && (isalnum((unsigned char)*c) || *c == '-');
			*c = (char)tolower((unsigned char)*c);
		}
		char *value = params_sanitize(param->value);
		if (is_legal && !params_find(metadata, lower))
			params_add(metadata, lower, value);
		free(value);
		free(lower);
	}
}

void
params_set(struct params *params, const char *name, const char *value)
{
	struct params kept = { 0 };
	bool is_set = value == NULL;

	for (const struct param *param = params->first; param; param = param->next) {
		if (strcmp(param->name, name) != 0) {
			params_add(&kept, param->name, param->value);
		} else if (!is_set) {
			params_add(&kept, name, value);
			is_set = true;
		}
	}
	if (!is_set)
		params_add(&kept, name, value);
	params_fini(params);
	*params = kept;
}

void
params_take(struct params *params, struct params *source)
{
	if (!source->first)
		return;
	if (!params->last)
		params->first = source->first;
	else
		params->last->next = source->first;
	params->last = source->last;
	*source = (struct params){ 0 };
}

void
params_fini(struct params *params)
{
	while (params->first) {
		struct param *param = params->first;

		params->first = param->next;
		free(param->name);
		free(param->value);
		free(param);
	}
	params->last = NULL;
}

char *
params_sanitize(const char *value)
{
	struct text out = { 0 };

	text_add(&out, "", 0);
	for (; *value != '\0'; value++)
		if (!iscntrl((unsigned char)*value))
			text_add(&out, value, 1);
	const char *start = out.data + strspn(out.data, " ");
	size_t length = strlen(start);
	while (length > 0 && start[length - 1] == ' ')
		length--;
	memmove(out.data, start, length);
	out.data[length] = '\0';
	return out.data;
}
