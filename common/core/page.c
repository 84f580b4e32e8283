#include "core/page.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "core/reply.h"
#include "formats/accept.h"
#include "formats/cookie.h"
#include "formats/query.h"
#include "formats/request.h"
#include "formats/response.h"
#include "formats/xml.h"

/* ---- Texts ------------------------------------------------------------------ */

enum language { ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, LANGUAGES };

/* The first is the one by default. */
static const char *const tags[LANGUAGES] = { "en", "de", "fr", "es", "pt", "it" };

/* What each page says in a language. */
static const struct {
	const char *direction; /* "ltr", or "rtl" of scripts from right to left */
	const char *try_now;
	const char *request; /* before the request's id */
} words[LANGUAGES] = {
	[ENGLISH] = { "ltr", "Try again now", "Request" },
	[GERMAN] = { "ltr", "Jetzt erneut versuchen", "Anfrage" },
	[FRENCH] = { "ltr", "Réessayer maintenant", "Requête" },
	[SPANISH] = { "ltr", "Intentar de nuevo ahora", "Solicitud" },
	[PORTUGUESE] = { "ltr", "Tentar novamente agora", "Pedido" },
	[ITALIAN] = { "ltr", "Riprova ora", "Richiesta" },
};

enum situation {
	NOT_RUNNING, /* no server has the meeting: not yet, or no more */
	NO_ANSWER,   /* its server does not answer */
	QUEUED,      /* many join at once, and this one waits its turn */
	STOPPED,     /* one of these for so long that the page tries no more */
	BAD_LINK,    /* the link itself is wrong */
	SITUATIONS
};

struct text {
	const char *heading, *reason, *advice; /* "#" in a reason is a number */
};

static const struct text texts[SITUATIONS][LANGUAGES] = {
	[NOT_RUNNING] = {
	    [ENGLISH] = { "The meeting is not running",
	        "It has not started yet, or it is over.",
	        "If you expect it to start, leave this page open: it tries again by itself "
	        "and lets you in as soon as the meeting has started." },
	    [GERMAN] = { "Die Konferenz läuft nicht",
	        "Sie hat noch nicht begonnen oder ist schon zu Ende.",
	        "Wenn sie noch beginnen soll, lassen Sie diese Seite offen: Sie versucht es "
	        "von selbst erneut und lässt Sie ein, sobald die Konferenz begonnen hat." },
	    [FRENCH] = { "La réunion n’est pas en cours",
	        "Elle n’a pas encore commencé, ou elle est terminée.",
	        "Si elle doit encore commencer, laissez cette page ouverte : elle réessaie "
	        "d’elle-même et vous fait entrer dès que la réunion a commencé." },
	    [SPANISH] = { "La reunión no está en curso",
	        "Todavía no ha comenzado o ya ha terminado.",
	        "Si va a comenzar, deje esta página abierta: vuelve a intentarlo por sí sola "
	        "y le dará acceso en cuanto la reunión haya comenzado." },
	    [PORTUGUESE] = { "A reunião não está em curso",
	        "Ela ainda não começou ou já terminou.",
	        "Se ela ainda vai começar, deixe esta página aberta: ela tenta novamente "
	        "sozinha e dá acesso assim que a reunião começar." },
	    [ITALIAN] = { "La riunione non è in corso",
	        "Non è ancora iniziata oppure è già terminata.",
	        "Se deve ancora iniziare, lasci aperta questa pagina: riprova da sola e La fa "
	        "entrare non appena la riunione è iniziata." },
	},
	[NO_ANSWER] = {
	    [ENGLISH] = { "The meeting cannot be reached at the moment",
	        "Its server does not answer. Usually this passes soon.",
	        "Leave this page open: it tries again by itself and lets you in as soon as "
	        "it can." },
	    [GERMAN] = { "Die Konferenz ist gerade nicht erreichbar",
	        "Ihr Server antwortet nicht. Meist ist das bald vorbei.",
	        "Lassen Sie diese Seite offen: Sie versucht es von selbst erneut und lässt "
	        "Sie ein, sobald es geht." },
	    [FRENCH] = { "La réunion est injoignable pour le moment",
	        "Son serveur ne répond pas. En général, cela ne dure pas.",
	        "Laissez cette page ouverte : elle réessaie d’elle-même et vous fait entrer "
	        "dès que possible." },
	    [SPANISH] = { "No se puede acceder a la reunión en este momento",
	        "Su servidor no responde. Normalmente se resuelve pronto.",
	        "Deje esta página abierta: vuelve a intentarlo por sí sola y le dará acceso "
	        "en cuanto sea posible." },
	    [PORTUGUESE] = { "A reunião não está acessível no momento",
	        "O servidor dela não responde. Normalmente isso passa logo.",
	        "Deixe esta página aberta: ela tenta novamente sozinha e dá acesso assim que "
	        "possível." },
	    [ITALIAN] = { "La riunione al momento non è raggiungibile",
	        "Il suo server non risponde. Di solito si risolve presto.",
	        "Lasci aperta questa pagina: riprova da sola e La fa entrare non appena "
	        "possibile." },
	},
	[QUEUED] = {
	    [ENGLISH] = { "You are in the queue",
	        "Many people are joining at this moment. About # are ahead of you.",
	        "Leave this page open: it lets you in by itself when it is your turn." },
	    [GERMAN] = { "Sie sind in der Warteschlange",
	        "Gerade treten viele Personen bei. Etwa # sind vor Ihnen.",
	        "Lassen Sie diese Seite offen: Sie lässt Sie von selbst ein, sobald Sie an "
	        "der Reihe sind." },
	    [FRENCH] = { "Vous êtes dans la file d’attente",
	        "De nombreuses personnes se connectent en ce moment. Environ # sont devant "
	        "vous.",
	        "Laissez cette page ouverte : elle vous fait entrer d’elle-même quand votre "
	        "tour arrive." },
	    [SPANISH] = { "Está en la cola",
	        "Muchas personas están entrando en este momento. Hay unas # delante de usted.",
	        "Deje esta página abierta: le dará acceso por sí sola cuando llegue su "
	        "turno." },
	    [PORTUGUESE] = { "Há uma fila para entrar",
	        "Muitas pessoas estão entrando neste momento. Há cerca de # à sua frente.",
	        "Deixe esta página aberta: ela dá acesso sozinha quando chegar a sua vez." },
	    [ITALIAN] = { "Lei è in coda",
	        "In questo momento stanno entrando molte persone. Circa # sono davanti a Lei.",
	        "Lasci aperta questa pagina: La fa entrare da sola quando è il Suo turno." },
	},
	[STOPPED] = {
	    [ENGLISH] = { "The meeting is still not available",
	        "This page has tried for a long time and has now stopped.",
	        "Try again when the meeting is due, or ask the person who invited you." },
	    [GERMAN] = { "Die Konferenz ist immer noch nicht verfügbar",
	        "Diese Seite hat es lange versucht und nun damit aufgehört.",
	        "Versuchen Sie es erneut, wenn die Konferenz beginnen soll, oder fragen Sie "
	        "die Person, die Sie eingeladen hat." },
	    [FRENCH] = { "La réunion n’est toujours pas disponible",
	        "Cette page a essayé longtemps et s’est maintenant arrêtée.",
	        "Réessayez à l’heure prévue de la réunion, ou adressez-vous à la personne "
	        "qui vous a invité." },
	    [SPANISH] = { "La reunión sigue sin estar disponible",
	        "Esta página lo ha intentado durante mucho tiempo y ahora se ha detenido.",
	        "Vuelva a intentarlo a la hora de la reunión o pregunte a la persona que le "
	        "ha invitado." },
	    [PORTUGUESE] = { "A reunião ainda não está disponível",
	        "Esta página tentou durante muito tempo e agora parou.",
	        "Tente novamente na hora da reunião ou pergunte à pessoa que fez o convite." },
	    [ITALIAN] = { "La riunione non è ancora disponibile",
	        "Questa pagina ha provato a lungo e ora si è fermata.",
	        "Riprovi all’ora prevista per la riunione o chieda a chi ha inviato "
	        "l’invito." },
	},
	[BAD_LINK] = {
	    [ENGLISH] = { "This link does not work",
	        "It is incomplete, was changed, or is no longer valid.",
	        "Go back to the page where you found it, reload that page, and follow the "
	        "link again. If that does not help, tell the person who invited you." },
	    [GERMAN] = { "Dieser Link funktioniert nicht",
	        "Er ist unvollständig, wurde verändert oder gilt nicht mehr.",
	        "Gehen Sie zurück zu der Seite, auf der Sie ihn gefunden haben, laden Sie sie "
	        "neu und folgen Sie dem Link erneut. Hilft das nicht, sagen Sie es der "
	        "Person, die Sie eingeladen hat." },
	    [FRENCH] = { "Ce lien ne fonctionne pas",
	        "Il est incomplet, a été modifié ou n’est plus valable.",
	        "Retournez à la page où vous l’avez trouvé, rechargez-la et suivez de nouveau "
	        "le lien. Si cela ne suffit pas, prévenez la personne qui vous a invité." },
	    [SPANISH] = { "Este enlace no funciona",
	        "Está incompleto, se ha modificado o ya no es válido.",
	        "Vuelva a la página donde lo encontró, recárguela y siga de nuevo el enlace. "
	        "Si eso no ayuda, avise a la persona que le ha invitado." },
	    [PORTUGUESE] = { "Este link não funciona",
	        "Ele está incompleto, foi alterado ou já não é válido.",
	        "Volte à página onde o encontrou, recarregue-a e siga o link novamente. Se "
	        "isso não ajudar, avise a pessoa que fez o convite." },
	    [ITALIAN] = { "Questo link non funziona",
	        "È incompleto, è stato modificato o non è più valido.",
	        "Torni alla pagina in cui lo ha trovato, la ricarichi e segua di nuovo il "
	        "link. Se non basta, avvisi chi ha inviato l’invito." },
	},
};

/* ---- Trying again ------------------------------------------------------------- */

/* The first pause, how the next ones grow, and the longest: with that a page tries for
 * about two hours before it stops. */
#define FIRST_PAUSE_MS 5000
#define LONGEST_PAUSE_MS 60000
#define MAX_TRIES 125

/* The number of tries is forgotten so long after the next one was due. */
#define FORGET_S 120

#define TRIES_COOKIE "tinyscale-tries"

/* How often the page has tried, as its cookie says; 0 without one. */
static int
tries_before(struct str cookies)
{
	int64_t tries = 0;

	str_to_int(cookie_find(cookies, TRIES_COOKIE), 0, MAX_TRIES, &tries);
	return (int)tries;
}

/* The pause before the next try: half as long again each time, and spread by half
 * either way, lest a class that came at once comes at once again. */
static int
pause_s(int tries, uint64_t nonce)
{
	int64_t pause_ms = FIRST_PAUSE_MS;

	for (int i = 0; i < tries && pause_ms < LONGEST_PAUSE_MS; i++)
		pause_ms += pause_ms / 2;
	if (pause_ms > LONGEST_PAUSE_MS)
		pause_ms = LONGEST_PAUSE_MS;
	return (int)((pause_ms / 2 + (int64_t)((nonce >> 20) % (uint64_t)pause_ms)) / 1000);
}

/* Let the browser ask again. */
static void
try_again(struct arena *arena, const struct request *request, int tries,
    struct response *response)
{
	response->refresh_s = pause_s(tries, request->nonce);
	response->set_cookie = cookie_make(arena, request->https, TRIES_COOKIE,
	    str_printf(arena, "%d", tries + 1), response->refresh_s + FORGET_S);
}

/* ---- The page ----------------------------------------------------------------- */

#define STYLE                                                                        \
	":root{color-scheme:light dark}"                                             \
	"body{margin:0;min-height:100vh;display:grid;place-items:center;"            \
	"font:1.125rem/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1b1f24}"   \
	"main{box-sizing:border-box;width:100%;max-width:36rem;padding:2rem 1.5rem;" \
	"overflow-wrap:anywhere}"                                                    \
	"h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}"                      \
	"a{color:#0b57d0}"                                                           \
	"small{color:#59636e}"                                                       \
	"@media(prefers-color-scheme:dark){body{background:#16191d;color:#e6e9ec}"   \
	"a{color:#8ab4f8}small{color:#a4adb7}}"

/* Nothing but that style, by its hash (a test computes it): no script, no picture, no
 * form, nothing from elsewhere. */
static const char policy[] =
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "style-src 'sha256-PmLYXzUWjnasO4DOChDuJm1IvSq8pX69AF/7M2avvLY='";

static void
element(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "<%s>", name);
	xml_text(out, str_from(text));
	buf_printf(out, "</%s>\n", name);
}

/* The text with the number in it, where it has one. */
static const char *
with_number(struct arena *arena, const char *text, int64_t number)
{
	size_t at = strcspn(text, "#");

	if (text[at] == '\0')
		return text;
	return str_printf(arena, "%.*s%" PRId64 "%s", (int)at, text, number, text + at + 1);
}

static struct str
write_page(struct arena *arena, const struct request *request, enum situation situation,
    int64_t number)
{
	size_t language = accept_language(request->accept_language, tags, LANGUAGES);
	const struct text *text = &texts[situation][language];
	char id[REQUEST_ID_BYTES];
	struct buf out;

	request_id(request, id);
	buf_init(&out, LIMIT_ANSWER_BYTES);
	/* Well-formed XML as well, which tests can tell. */
	buf_printf(&out,
	    "<!DOCTYPE html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n"
	    "<meta charset=\"utf-8\"/>\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	    "<meta name=\"robots\" content=\"noindex\"/>\n",
	    tags[language], words[language].direction);
	element(&out, "title", text->heading);
	buf_text(&out, "<style>" STYLE "</style>\n</head>\n<body>\n<main>\n");
	element(&out, "h1", text->heading);
	element(&out, "p", with_number(arena, text->reason, number));
	element(&out, "p", text->advice);
	if (situation != BAD_LINK && situation != QUEUED) {
		/* An empty reference is this page's own URL. */
		buf_text(&out, "<p><a href=\"\">");
		xml_text(&out, str_from(words[language].try_now));
		buf_text(&out, "</a></p>\n");
	}
	buf_text(&out, "<p><small>");
	xml_text(&out, str_from(words[language].request));
	buf_printf(&out, " <bdi>%s</bdi></small></p>\n</main>\n</body>\n</html>\n", id);
	return buf_take(&out, arena);
}

static void
become_page(struct arena *arena, const struct request *request, enum situation situation,
    int64_t number, struct response *response)
{
	response->content_type = "text/html; charset=utf-8";
	response->policy = policy;
	response->no_store = true;
	response->body = write_page(arena, request, situation, number);
}

bool
page_is_wanted(struct arena *arena, const struct request *request)
{
	struct query query;

	if (!accept_is_page(request->accept))
		return false;
	query_parse(arena, request->query, &query);
	return !str_is_nocase(str_trim(query_find(&query, "redirect")), "false");
}

void
page_instead(struct arena *arena, const struct request *request, struct response *response)
{
	if (!response->is_error || !str_is(response->call, "join") ||
	    !page_is_wanted(arena, request))
		return;
	enum situation situation = BAD_LINK;
	if (reply_is(str_from(response->result), REPLY_JOIN_NOT_FOUND))
		situation = NOT_RUNNING;
	else if (reply_is(str_from(response->result), REPLY_UNAVAILABLE))
		situation = NO_ANSWER;
	if (situation != BAD_LINK) {
		int tries = tries_before(request->cookies);
		if (tries < MAX_TRIES)
			try_again(arena, request, tries, response);
		else
			situation = STOPPED;
	}
	become_page(arena, request, situation, 0, response);
}

void
page_of_queue(struct arena *arena, const struct request *request, struct response *response,
    int64_t ahead, int refresh_s)
{
	response->status = 200;
	response->result = "queued";
	response->refresh_s = refresh_s;
	become_page(arena, request, QUEUED, ahead, response);
}
