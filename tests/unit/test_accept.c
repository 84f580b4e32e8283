/* Who asks for a page, and in which language. */
#include "formats/accept.h"

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *accept; /* NULL: no header */
	bool is_page;
	const char *what;
} accepts[] = {
	/* What browsers send when a person follows a link. */
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
	  "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
	    true, "Chrome, Edge" },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true,
	    "Firefox, Safari" },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
	  "image/png,image/svg+xml,*/*;q=0.8",
	    true, "Firefox before 132" },
	{ "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01", true,
	    "Lynx" },
	/* What programs send. */
	{ NULL, false, "no header (Guzzle, Go, Apache HttpClient)" },
	{ "", false, "an empty one" },
	{ "*/*", false, "curl, Moodle, Python, Ruby, Node's fetch" },
	{ "application/json, text/plain, */*", false, "axios" },
	{ "application/xml", false, "an XML client" },
	{ "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", false,
	    "Java's HttpURLConnection" },
	{ "text/html, image/gif, image/jpeg, */*; q=0.2", false, "the same of later versions" },
	{ "application/xml, text/xml, */*; q=0.01", false, "jQuery's for XML" },
	{ "image/avif,image/webp,*/*", false, "a picture" },
	/* The rules. */
	{ "text/html", true, "HTML alone" },
	{ "TEXT/HTML", true, "in any case" },
	{ "text/html;charset=utf-8;q=0.4, application/xml;q=0.3", true, "by weight" },
	{ "text/html;q=0.3, application/xml;q=0.4", false, "XML by weight" },
	{ "text/html;q=0.3, text/xml;q=0.4", false, "the other XML by weight" },
	{ "text/html, application/xml", false, "both alike" },
	{ "text/html, */*", false, "HTML and anything alike" },
	{ "text/html, text/*", false, "HTML and any text alike" },
	{ "text/html, text/*;q=0.9, application/*;q=0.8", true, "what is named counts first" },
	{ "text/html;q=0.5, application/xml;q=0, text/xml;q=0, */*", true, "no XML at all" },
	{ "text/html;q=0", false, "no HTML" },
	{ "text/*, application/*;q=0.1", false, "HTML is not named" },
	{ "application/xhtml+xml", false, "XHTML is not HTML" },
	{ "text/html;q=2", false, "a weight above 1" },
	{ "text/html;q=", false, "a weight that is empty" },
	{ "text/html;q=0.1234", false, "… too long" },
	{ "text/html;q=x, text/html;q=0.5", true, "a malformed item is not there" },
	{ ",,; ;=,text/html ; q = 1 ,,", true, "empty items, and blanks" },
	{ "text/html;q=1.000,*/*;q=0.999", true, "a thousandth" },
};

static const struct {
	const char *header;
	const char *language;
	const char *what;
} languages[] = {
	{ NULL, "en", "no header" },
	{ "", "en", "an empty one" },
	{ "en", "en", "English" },
	{ "de", "de", "German" },
	{ "fr-CA,fr;q=0.9", "fr", "French, of Canada" },
	{ "es-419,es;q=0.9,en;q=0.8", "es", "Spanish, of Latin America" },
	{ "pt-BR,pt;q=0.9,en-US;q=0.8", "pt", "Portuguese, of Brazil" },
	{ "IT-it", "it", "Italian, in capitals" },
	{ "de-DE-1996", "de", "three subtags" },
	{ "ja,zh;q=0.9,it;q=0.8,de;q=0.7", "it", "the best of those that there are" },
	{ "en;q=0.2, de;q=0.5, fr;q=0.9", "fr", "by weight, not by place" },
	{ "fr;q=0.7, de;q=0.7", "fr", "of equal ones the first" },
	{ "de;q=0, fr;q=0.1", "fr", "0 is no" },
	{ "de;q=0", "en", "nothing but a no" },
	{ "ja, ko", "en", "none that there is" },
	{ "*", "en", "any" },
	{ "ja, *;q=0.5", "en", "any other" },
	{ "*;q=0.5, de;q=0.8", "de", "rather one than any" },
	{ "deu", "en", "a longer tag is another" },
	{ "d", "en", "a shorter one, too" },
	{ "de;q=1.5, it;q=0.3", "it", "a weight above 1" },
	{ "de;q=, it;q=0.3", "it", "an empty weight" },
	{ ";;;,--,=;q=,de", "de", "rubbish, and then one" },
};

int
main(void)
{
	static const char *const tags[] = { "en", "de", "fr", "es", "pt", "it" };

	for (size_t i = 0; i < COUNT(accepts); i++)
		is_int(accept_is_page(str_from(accepts[i].accept)), accepts[i].is_page,
		    "a page? %s", accepts[i].what);
	for (size_t i = 0; i < COUNT(languages); i++)
		is_str(tags[accept_language(str_from(languages[i].header), tags, COUNT(tags))],
		    languages[i].language, "language: %s", languages[i].what);
	return done_testing();
}
