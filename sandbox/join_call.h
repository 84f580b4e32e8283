/*
 * join.  See bbb-web's ApiController.groovy and JoinMeeting.java of
 * bbb-common-web.
 */
#ifndef SANDBOX_JOIN_CALL_H
#define SANDBOX_JOIN_CALL_H

struct call;

/*
 * Adds a user to the meeting and redirects to its page, or answers with a
 * document if redirect is "false".  As in BBB some errors are documents even
 * where a redirect was wanted: an unknown role, a wrong password.
 */
void join_call_run(struct call *call);

#endif
