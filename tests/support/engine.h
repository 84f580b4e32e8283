/*
 * A Redis or Valkey of the test's own, on a Unix socket in a folder, and on a port if it is
 * wanted.  It ends with the thread that started it.
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

/* The same with further options, as on its command line: "--port", "7000", NULL. */
pid_t engine_start_with(const char *folder, const char *const *options);

/* Start a sentinel that watches the engine at a port of this host, under the name "mine"; its
 * file is FOLDER/sentinel.conf.  Returns its process, or -1. */
pid_t engine_start_sentinel(const char *folder, int port, int engine_port, int quorum);

/* A port of this host that nobody listens on, below those that the kernel gives away. */
int engine_free_port(void);

/* Let it stand still, which is so when that returns; and go on. */
void engine_hold(pid_t engine);
void engine_go_on(pid_t engine);

/* End it, and wait for its end; at once, as a lost host does. */
void engine_stop(pid_t engine);
void engine_kill(pid_t engine);

#endif
