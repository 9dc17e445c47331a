/* SPDX-License-Identifier: MIT */
/*
 * An address space: of a running process, read from /proc and, if it runs under the shim, from its
 * session; or of a process of a session, at its last recorded state.
 */
#ifndef MEMSHIM_SESSION_ADDRESS_SPACE_H
#define MEMSHIM_SESSION_ADDRESS_SPACE_H

#include <sys/types.h>

#include "report/model/zones.h"

/* A process whose address space is read repeatedly. */
struct address_space {
	pid_t pid;
	uint64_t start_time;   /* proc(5) stat field 22; 0: not read yet */
	struct source *source; /* its session; null: none */
	bool session_sought;
};

/*
 * Reads the address space as it is now. Null when the process has ended or cannot be read: after
 * one line at the first call, quietly at later ones.
 */
struct zones *address_space_read(struct address_space *address_space);
void address_space_end(struct address_space *address_space);

/*
 * A process of a session's file: `pid`, or COMMAND's if that is 0. If the process runs on this
 * machine, the result is null and *runs is its pid. If the result is null for another reason, one
 * line is printed, and *ret is the exit code.
 */
struct zones *address_space_of_session(const char *path, int32_t pid, pid_t *runs, int *ret);

#endif
