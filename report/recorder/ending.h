/* SPDX-License-Identifier: MIT */
/*
 * How a process ended that is not the recorder's child, from the surest source that answers:
 * - a zombie: stat field 52, if this user has ptrace access to the process.
 * - after its parent has waited: the pidfd, on Linux 6.15 and later, if it was opened before, or,
 *   on Linux 6.16 and later, if the process had connected to the peer socket.
 */
#ifndef MEMSHIM_RECORDER_ENDING_H
#define MEMSHIM_RECORDER_ENDING_H

#include <stdint.h>
#include <sys/types.h>

enum ending {
	ENDING_KNOWN,
	ENDING_LATER, /* once its parent has waited: the pidfd has EPOLLHUP then */
	ENDING_NEVER,
};

/*
 * Asks about the process `pid` (start_time: proc(5) stat field 22, 0 unknown) that has ended, whose
 * pidfd is `fd` or -1. *wait_status: as wait(2) has it.
 */
enum ending ending_ask(pid_t pid, uint64_t start_time, int fd, int *wait_status);

#endif
