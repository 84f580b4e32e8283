/*
 * Files of the gateway's own, beside its state: for whoever owns their directory, and for
 * nobody who has no right there.
 *
 * They hold what people typed, moderators' passwords among it, so a file is made with mode
 * 0600, whatever the umask; or with 0660, and the directory's group, where that group may
 * write to the directory and others may not.
 *
 * What root makes, as with tinyscale.cgi --poll by hand, would be root's for good, and the
 * web server's user could not write to it: so it goes to the directory's owner.  Only a file
 * made just now is given away: another may be a link that a user has put there.
 */
#ifndef OWNED_FILE_H
#define OWNED_FILE_H

#include <stdbool.h>

/*
 * Open the file for reading and writing, and make one where there is none.  Links are not
 * followed.  Others lose the rights that an earlier release, or somebody, gave them to it.
 * Returns the descriptor, which the caller closes; or -1 with errno, which is EPERM where no
 * file is there, or a stranger's.
 */
int owned_file_open(const char *path);

/* Make an empty file where there is nothing; what SQLite puts beside it takes its owner and
 * mode (os_unix.c, findCreateFileMode and robustFchown). */
void owned_file_make(const char *path);

/* Give an open file of mode 0600, which was made just now for that path, the owner, group and
 * mode that files have there. */
void owned_file_give(int fd, const char *path);

/*
 * Could a stranger have put that there?  A link is a stranger's that neither this user nor
 * root has made, and so is a file where everybody may make some, as in /tmp.  False where
 * there is nothing.
 */
bool owned_file_is_strangers(const char *path);

/* Take from others, and from nobody else, what rights they have to the file, if it is ours to
 * do so.  It is not opened: whoever closes a file loses the locks that SQLite has on it. */
void owned_file_restrict(const char *path);

#endif
