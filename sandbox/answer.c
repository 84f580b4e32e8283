#include "answer.h"

#include <time.h>

void
answer_fini(struct answer *answer)
{
	text_fini(&answer->body);
	text_fini(&answer->location);
	text_fini(&answer->session);
}

void
answer_add(struct text *body, const char *name, const char *value)
{
	text_add_format(body, "<%s>", name);
	text_add_xml(body, value);
	text_add_format(body, "</%s>\n", name);
}

void
answer_add_number(struct text *body, const char *name, long long number)
{
	text_add_format(body, "<%s>%lld</%s>\n", name, number, name);
}

void
answer_add_boolean(struct text *body, const char *name, bool value)
{
	answer_add(body, name, value ? "true" : "false");
}

void
answer_add_grouped(struct text *body, const char *name, size_t number)
{
	if (number < 1000)
		text_add_format(body, "<%s>%zu</%s>\n", name, number, name);
	else if (number < 1000000)
		text_add_format(body, "<%s>%zu,%03zu</%s>\n", name, number / 1000,
		    number % 1000, name);
	else
		text_add_format(body, "<%s>%zu,%03zu,%03zu</%s>\n", name, number / 1000000,
		    number / 1000 % 1000, number % 1000, name);
}

void
answer_add_date(struct text *body, const char *name, long long time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;
	char date[64] = "";

	if (gmtime_r(&seconds, &parts))
		strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &parts);
	answer_add(body, name, date);
}

struct text *
answer_open(struct answer *answer, const char *returncode)
{
	text_add_string(&answer->body, "<response>\n");
	answer_add(&answer->body, "returncode", returncode);
	return &answer->body;
}

void
answer_close(struct answer *answer)
{
	text_add_string(&answer->body, "</response>");
}

void
answer_html(struct answer *answer, unsigned status, const char *title)
{
	text_fini(&answer->body);
	answer->status = status;
	answer->content_type = ANSWER_HTML_TYPE;
	text_add_format(&answer->body,
	    "<!DOCTYPE html><html><head><title>%s</title></head>"
	    "<body><h1>%s</h1></body></html>",
	    title, title);
}
