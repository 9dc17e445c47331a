/* SPDX-License-Identifier: MIT */
/* How much of the limits of this program's IPC namespace is used. */
#ifndef MEMSHIM_SESSION_IPC_USAGE_H
#define MEMSHIM_SESSION_IPC_USAGE_H

#include <stdint.h>

enum ipc_limit {
	LIMIT_SHMMNI,
	LIMIT_SHMALL,
	LIMIT_SEMMNI,
	LIMIT_SEMMNS,
	LIMIT_MSGMNI,
	LIMIT_COUNT
};

struct ipc_usage {
	const char *name; /* of the limit */
	uint64_t used;
	uint64_t limit; /* 0: it, or what is used, cannot be read */
};

void ipc_usage_read(struct ipc_usage rows[LIMIT_COUNT]);

#endif
