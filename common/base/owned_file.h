/*
 * Files that belong to whoever owns their directory.
 */
#ifndef OWNED_FILE_H
#define OWNED_FILE_H

/*
 * What root makes, as with tinyscale.cgi --poll by hand, would be root's for good, and the
 * web server's user could not write to it: so for root an empty file is made, where there is
 * none, for whoever owns the directory.  What SQLite puts beside a file takes its owner
 * (os_unix.c, robustFchown).  Only a file made just now is given away: another may be a link
 * that a user has put there.
 */
void owned_file_make(const char *path);

#endif
