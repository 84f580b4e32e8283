/*
 * A Redis of the test's own, on a Unix socket in a folder.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

/* The program: redis-server or valkey-server, or NULL where neither is installed. */
const char *engine_program(void);

/* Start it in the folder, with its socket at FOLDER/engine.sock and nothing saved, and wait
 * until it answers.  Returns its process, or -1. */
pid_t engine_start(const char *folder);

/* End it, and wait for its end. */
void engine_stop(pid_t engine);

#endif
