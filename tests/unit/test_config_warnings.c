/*
 * The configuration: what --check-config warns of in a good one.
 */
#include "test_config.h"

#include "config/config_warnings.h"

#define LONG_SECRET SECRET "-and-ten-more"

/* The file has just these warnings, "PATH" before each. */
static void
warns(const char *text, mode_t mode, const char *wanted)
{
	struct buf out;
	buf_init(&out, 16384);
	struct config *config = load_good(text);
	chmod(path, mode);
	config_warnings_add(config, path, &out);
	char got[4096] = "";
	char *at = got, *rest = out.data, *line;
	while (rest && (line = strsep(&rest, "\n")) && *line)
		if (strncmp(line, path, strlen(path)) == 0)
			at += sprintf(at, "%s\n", line + strlen(path) + 2);
	is_str(got, wanted, "%o: %s", (unsigned)mode, wanted[0] ? wanted : "no warning");
	ok(!out.data || !strstr(out.data, SECRET), "  and no secret in it");
	buf_free(&out);
	config_free(config);
	chmod(path, 0600);
}

#define FILE_OF(top, server)                        \
	"{\"secret\": \"" LONG_SECRET "\"" top      \
	", \"servers\": [{\"host\": \"http://a\", " \
	"\"secret\": \"" server "\"}]}"

static void
test_weak(void)
{
	/* What is long and yet no secret. */
	warns(FILE_OF(", \"admin_secret\": \"xxxxxxxxxxxxxxxxxxxxxxxx\"",
	          "abcdeabcdeabcdeabcde"),
	    0600,
	    "warning: admin_secret: no more than 5 different characters; \"openssl rand -hex "
	    "32\" makes a good one\n"
	    "warning: servers[0].secret: no more than 5 different characters; set another "
	    "there by \"bbb-conf --setsecret\"\n");
	warns(FILE_OF("", "abcdefabcdefabcdef"), 0600, "");
	/* As long as it must be, and one less. */
	warns(FILE_OF("", "0123456789abcdef"), 0600, "");
	warns(FILE_OF("", "0123456789abcde"), 0600,
	    "warning: servers[0].secret: shorter than 16 characters; set another there by "
	    "\"bbb-conf --setsecret\"\n");
	warns(
	    "{\"secret\": \"choose a long one, for Moodle and the others\", \"servers\": "
	    "[{\"host\": \"http://a\", \"secret\": \"secret of bbb1\"}]}",
	    0600,
	    "warning: secret: an example's; \"openssl rand -hex 32\" makes a good one\n"
	    "warning: servers[0].secret: an example's; set another there by \"bbb-conf "
	    "--setsecret\"\n");
	warns(FILE_OF(", \"admin_secret\": \"" LONG_SECRET "2\"", LONG_SECRET "2"), 0600,
	    "warning: admin_secret: the same as servers[0].secret, so that server may do what "
	    "an administrator may; \"openssl rand -hex 32\" makes a good one\n");
}

static void
test_directory(void)
{
	/* Who may write to the directory may replace the file. */
	char directory[] = "/tmp/tinyscale-test-warnings.XXXXXX", own[sizeof(path)];
	if (!mkdtemp(directory) || chmod(directory, 0777) != 0)
		exit(1);
	memcpy(own, path, sizeof(own));
	snprintf(path, sizeof(path), "%s/servers.json", directory);
	warns(FILE_OF("", LONG_SECRET), 0600,
	    "warning: every user of this machine may put another in its place: take the right "
	    "to write to its directory from others: chmod o-w\n");
	chmod(directory, 01777);
	warns(FILE_OF("", LONG_SECRET), 0600, "");
	unlink(path);
	rmdir(directory);
	memcpy(path, own, sizeof(own));
}

static void
test_small_buffer(void)
{
	/* More than fit: what does not is left out, and nothing else is lost. */
	struct buf small;
	buf_init(&small, 200);
	struct config *config = load_good(FILE_OF("", "x"));
	for (int i = 0; i < 3; i++)
		config_warnings_add(config, path, &small);
	ok(!buf_failed(&small) && strstr(small.data, "servers[0].secret"), "a small buffer");
	buf_free(&small);
	config_free(config);
}

int
main(void)
{
	begin();
	warns(FILE_OF("", LONG_SECRET), 0640, "");
	warns(FILE_OF(", \"admin_secret\": \"another-" LONG_SECRET "\"", LONG_SECRET), 0600,
	    "");
	warns(FILE_OF("", LONG_SECRET), 0644,
	    "warning: every user of this machine may read it, and it holds secrets: chmod "
	    "0640\n");
	warns(FILE_OF("", LONG_SECRET), 0666,
	    "warning: every user of this machine may write to it: chmod 0640\n");
	warns(FILE_OF(", \"admin_secret\": \"" LONG_SECRET "\"", SECRET), 0600,
	    "warning: admin_secret: the same as secret, so each client may do what an "
	    "administrator may; \"openssl rand -hex 32\" makes a good one\n"
	    "warning: servers[0].secret: shorter than 16 characters; set another there by "
	    "\"bbb-conf --setsecret\"\n");
	warns("{\"secrets\": [\"" LONG_SECRET "\", \"" SECRET
	      "\"], \"admin_secret\": "
	      "\"" SECRET
	      "\", \"servers\": [{\"host\": \"http://a\", \"secrets\": "
	      "[\"" LONG_SECRET "\", \"" SECRET "4567890\", \"" SECRET "45678\"]}]}",
	    0600,
	    "warning: secrets[1]: shorter than 16 characters; \"openssl rand -hex 32\" makes a "
	    "good one\n"
	    "warning: admin_secret: shorter than 16 characters; \"openssl rand -hex 32\" makes "
	    "a good one\n"
	    "warning: admin_secret: the same as secrets[1], so each client may do what an "
	    "administrator may; \"openssl rand -hex 32\" makes a good one\n"
	    "warning: servers[0].secrets[1]: shorter than 16 characters; set another there by "
	    "\"bbb-conf --setsecret\"\n"
	    "warning: servers[0].secrets[2]: shorter than 16 characters; set another there by "
	    "\"bbb-conf --setsecret\"\n");

	warns(FILE_OF(", \"state\": \"redis://:" LONG_SECRET "@h\"", LONG_SECRET), 0600, "");
	warns(FILE_OF(", \"state\": \"redis://h\"", LONG_SECRET), 0600, "");
	warns(FILE_OF(", \"state\": \"redis://:" SECRET "@h\"", LONG_SECRET), 0644,
	    "warning: every user of this machine may read it, and it holds secrets: chmod "
	    "0640\n"
	    "warning: state: its password is shorter than 16 characters; \"openssl rand -hex "
	    "32\" makes a good one\n");
	setenv("TINYSCALE_STATE_PASSWORD", LONG_SECRET, 1);
	warns(FILE_OF(", \"state\": \"redis://:" SECRET "@h\"", LONG_SECRET), 0600, "");
	setenv("TINYSCALE_STATE", "/tmp/state.db", 1);
	warns(FILE_OF(", \"state\": \"redis://:" SECRET "@h\"", LONG_SECRET), 0600,
	    "warning: state: TINYSCALE_STATE wins, so hosts of the gateway share no state by "
	    "it; take the variable out of the environment\n");
	warns(FILE_OF(", \"state\": \"/tmp/other.db\"", LONG_SECRET), 0600, "");
	unsetenv("TINYSCALE_STATE");
	unsetenv("TINYSCALE_STATE_PASSWORD");
	test_weak();
	test_directory();
	test_small_buffer();
	return end();
}
