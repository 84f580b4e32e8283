#include "formats/accept.h"

/* A weight of 1 (RFC 9110, section 12.4.2), in thousandths. */
#define FULL_WEIGHT 1000

/* One item of a list: "text/html;level=1;q=0.5". */
struct item {
	struct str name; /* what is before the first ";" */
	int weight;      /* in thousandths */
};

/* Cut off what is before the separator, without the blanks around it. */
static struct str
cut(struct str *rest, const char *separator)
{
	size_t end = str_find(*rest, str_from(separator), 0);
	struct str part = str_trim(str_part(*rest, 0, end));

	*rest = end == SIZE_MAX ? (struct str){ 0 } : str_part(*rest, end + 1, SIZE_MAX);
	return part;
}

/* Read "0", "0.5", "1.000"; -1 for anything else. */
static int
read_weight(struct str text)
{
	if (text.len < 1 || text.len > 5 || (text.len > 1 && text.data[1] != '.') ||
	    (text.data[0] != '0' && text.data[0] != '1'))
		return -1;
	int weight = (text.data[0] - '0') * FULL_WEIGHT;
	for (size_t i = 2, unit = FULL_WEIGHT / 10; i < text.len; i++, unit /= 10) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -1;
		weight += (text.data[i] - '0') * (int)unit;
	}
	return weight <= FULL_WEIGHT ? weight : -1;
}

/* Take the next item off the list; false at its end.  One that is malformed has no
 * weight. */
static bool
next_item(struct str *list, struct item *item)
{
	if (list->len == 0)
		return false;
	struct str parameters = cut(list, ",");
	*item = (struct item){ cut(&parameters, ";"), FULL_WEIGHT };
	while (parameters.len > 0) {
		struct str value = cut(&parameters, ";"), name = cut(&value, "=");
		if (str_is_nocase(name, "q"))
			item->weight = read_weight(str_trim(value));
	}
	if (item->weight < 0)
		item->weight = 0;
	return true;
}

/* What a media type weighs to the client: what names it counts, else its kind, else any.
 * *is_named: is it named? */
static int
type_weight(struct str accept, const char *type, const char *kind, bool *is_named)
{
	int weights[3] = { 0 };
	bool is_there[3] = { false };
	struct item item;

	while (next_item(&accept, &item)) {
		size_t at = str_is_nocase(item.name, type) ?
		    0 :
		    str_is_nocase(item.name, kind) ?
		    1 :
		    str_is(item.name, "*/*") ?
		    2 :
		    3;
		if (at < 3 && (!is_there[at] || item.weight > weights[at])) {
			is_there[at] = true;
			weights[at] = item.weight;
		}
	}
	*is_named = is_there[0];
	return weights[is_there[0] ? 0 : is_there[1] ? 1 : 2];
}

bool
accept_is_page(struct str accept)
{
	bool is_page_named, is_xml_named;

	if (str_starts(accept, "text/html, image/gif, image/jpeg, *"))
		return false;
	int page = type_weight(accept, "text/html", "text/*", &is_page_named);
	return is_page_named &&
	    page > type_weight(accept, "text/xml", "text/*", &is_xml_named) &&
	    page > type_weight(accept, "application/xml", "application/*", &is_xml_named);
}

size_t
accept_language(struct str header, const char *const *tags, size_t n)
{
	struct item item;
	size_t best = 0;
	int best_weight = 0;

	while (next_item(&header, &item)) {
		struct str primary = str_part(item.name, 0, str_find(item.name, STR("-"), 0));
		if (item.weight <= best_weight)
			continue;
		/* Any will do: the one by default, unless a later range weighs more. */
		if (str_is(primary, "*")) {
			best = 0;
			best_weight = item.weight;
		}
		for (size_t i = 0; i < n; i++) {
			if (!str_is_nocase(primary, tags[i]))
				continue;
			best = i;
			best_weight = item.weight;
		}
	}
	return best;
}
