#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *block)
{
	if (!block) {
		fputs("bbb-sandbox: out of memory\n", stderr);
		abort();
	}
	return block;
}

void *
text_new(size_t size)
{
	return checked(calloc(1, size > 0 ? size : 1));
}

void *
text_resize(void *block, size_t size)
{
	return checked(realloc(block, size > 0 ? size : 1));
}

char *
text_duplicate(const char *string)
{
	return string ? checked(strdup(string)) : NULL;
}

char *
text_duplicate_part(const char *string, size_t length)
{
	char *copy = text_new(length + 1);

	if (length > 0)
		memcpy(copy, string, length);
	return copy;
}

static void
reserve(struct text *text, size_t more)
{
	size_t wanted = text->length + more + 1;

	if (wanted <= text->capacity)
		return;
	if (wanted < text->capacity * 2)
		wanted = text->capacity * 2;
	if (wanted < 128)
		wanted = 128;
	text->data = text_resize(text->data, wanted);
	text->capacity = wanted;
}

void
text_add(struct text *text, const char *data, size_t length)
{
	reserve(text, length);
	if (length > 0)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void
text_add_format(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	reserve(text, (size_t)length);
	va_start(arguments, format);
	vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

void
text_add_xml(struct text *text, const char *string)
{
	static const char blanks[] = " \t\r\n";

	while (*string != '\0') {
		size_t run = strspn(string, blanks);

		if (run > 0) {
			size_t before_break = strcspn(string, "\r\n");

			text_add(text, before_break < run ? "\n" : " ", 1);
			string += run;
			continue;
		}
		if (entity(*string))
			text_add_string(text, entity(*string));
		else if (*string == '\'')
			text_add_string(text, "&apos;");
		else
			text_add(text, string, 1);
		string++;
	}
}

void
text_add_markup(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		if (entity(*string))
			text_add_string(text, entity(*string));
		else
			text_add(text, string, 1);
	}
}

void
text_add_html(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		if (entity(*string))
			text_add_string(text, entity(*string));
		else if (*string == '\'')
			text_add_string(text, "&#39;");
		else
			text_add(text, string, 1);
	}
}

void
text_add_json(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\')
			text_add(text, "\\", 1);
		if ((unsigned char)*string < 0x20)
			text_add_format(text, "\\u%04x", (unsigned)*string);
		else
			text_add(text, string, 1);
	}
}

void
text_add_url(struct text *text, const char *string)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *string != '\0'; string++) {
		if (strchr(unreserved, *string))
			text_add(text, string, 1);
		else
			text_add_format(text, "%%%02X", (unsigned)(unsigned char)*string);
	}
}

const char *
text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

void
text_fini(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}
