/* null-cgi: a CGI program that answers with the redirect of null-fcgi, for benchmarks. */
#include <stdio.h>

#include "null-answer.h"

int
main(void)
{
	fputs(null_answer, stdout);
	return 0;
}
