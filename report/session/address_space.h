/* SPDX-License-Identifier: MIT */
/*
 * An address space: of a process as it is now, by the kernel's word, and by its session's where it
 * runs under the shim; or of a process of a session, as it last was.
 */
#ifndef MEMSHIM_SESSION_ADDRESS_SPACE_H
#define MEMSHIM_SESSION_ADDRESS_SPACE_H

#include <sys/types.h>

#include "report/model/zones.h"

/* Which process is looked at again and again. */
struct address_space {
	pid_t pid;
	uint64_t start_time;   /* proc(5) stat field 22; 0: not looked at yet */
	struct source *source; /* its session; null: none */
	bool session_sought;
};

/*
 * A picture of the process as it is now. Null at its end: quietly when it was looked at before, and
 * after one line when it was not, or when it cannot be looked at.
 */
struct zones *address_space_again(struct address_space *address_space);
void address_space_end(struct address_space *address_space);

/*
 * A process of a session's file: `pid`, or, when that is 0, COMMAND's own. When it still runs here,
 * *runs is its pid, and the result is null; otherwise null comes after one line, and *ret is an
 * exit code.
 */
struct zones *address_space_back(const char *path, int32_t pid, pid_t *runs, int *ret);

#endif
