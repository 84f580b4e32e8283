/*
 * Pages for people: what somebody sees whose join cannot work, in place of the XML that
 * programs get.
 *
 * A page says in the reader's language what is wrong and what to do.  Where that will
 * pass, as the meeting has not begun or its server does not answer, the page loads itself
 * anew (the header Refresh, so no script is needed) after a pause that grows from try to
 * try and differs from reader to reader.  How often it did so is in a cookie, since
 * nothing can be added to a signed URL.  No text of the request is in a page.
 *
 * All texts stand in two tables of page.c.  Another language is a column there.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct request;
struct response;

/*
 * Does a person look at the answer to this join?  A browser asks for a page, and the
 * call does not say redirect=false, by which programs join.
 */
bool page_is_wanted(struct arena *arena, const struct request *request);

/*
 * Put a page in the place of the document that says why a join failed, if one is wanted;
 * else leave the response alone, as it leaves every other.  Status and result stay.
 */
void page_instead(struct arena *arena, const struct request *request,
    struct response *response);

/* Let the response be the page of somebody who waits to be let in behind ahead others, and
 * whose browser comes back after so long. */
void page_of_queue(struct arena *arena, const struct request *request,
    struct response *response, int64_t ahead, int refresh_s);

#endif
