/* SPDX-License-Identifier: MIT */
/*
 * Runs in the symbol child: gives up what reading symbols does not need. Afterwards the child has
 * no descriptor but its socket (0 to 2 are /dev/null), no capability and, for root, another user.
 * It can call no system call that opens a file, starts a process or changes anything. Limits on
 * memory and processor time follow the size of the files that the child received. The SIGSYS
 * handler turns an open(2) of a library into a request to the broker.
 */
#ifndef MEMSHIM_SYMBOLS_SANDBOX_H
#define MEMSHIM_SYMBOLS_SANDBOX_H

#include <stdint.h>

#define SANDBOX_EXIT_LOST 2 /* exit code: the reporter has ended */

/* One second of processor time for so many bytes of files; WAIT_TIMES as much elapsed time. */
#define SANDBOX_BYTES_A_SECOND (8u << 20)
#define SANDBOX_WAIT_TIMES 4u
#define SANDBOX_LEAST_SECONDS 2u

/* Closes all descriptors but the socket. Returns the new number of the socket. */
int sandbox_enter(int socket);

/* Raises the limit of memory for files of so many bytes together. */
void sandbox_allow_bytes(uint64_t bytes);

/* Raises the limit of processor time for another question about a file of so many bytes. */
void sandbox_allow_time(uint64_t bytes);

#endif
