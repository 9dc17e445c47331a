/* SPDX-License-Identifier: MIT */
/*
 * Who called on the recorder: each process that registers, by the kernel's own word on it, whether
 * it still is or not. One thread.
 */
#ifndef MEMSHIM_RECORDER_PEER_SOCKET_H
#define MEMSHIM_RECORDER_PEER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct greetings;

struct greeter {
	pid_t pid; /* as seen here; 0: it cannot be seen from here */
	uid_t uid;
	int fd; /* a pidfd, the taker's to close; -1: the kernel gives none */
};

/* Opens the session's sockets; `path` may be "". Null with errno set when there is none. */
struct greetings *greetings_open(const char *session, const char *path);

/* Whether the kernel still hands out who called when that one has been waited for. */
bool greetings_outlast_callers(const struct greetings *greetings);

/* Takes the calls that have come. */
void greetings_collect(struct greetings *greetings);

/* Hands out the one of the process that registered as `instance`; false when it did not call. */
bool greetings_take(struct greetings *greetings, uint32_t instance, struct greeter *greeter);

/* Forgets whom nobody has asked for in a second: it never registered, or was found without this. */
void greetings_drop_old(struct greetings *greetings);

void greetings_close(struct greetings *greetings);

#endif
