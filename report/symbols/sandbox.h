/* SPDX-License-Identifier: MIT */
/*
 * In the symbol child: gives up what reading symbols does not need. Afterwards the process has no
 * descriptor but its socket, no privilege, no other user's rights, and no system call that opens,
 * sends, starts or changes anything; memory and time end at limits that follow the size of the
 * files which it was handed. An open(2) of a library arrives at the broker instead.
 */
#ifndef MEMSHIM_SYMBOLS_SANDBOX_H
#define MEMSHIM_SYMBOLS_SANDBOX_H

#include <stdint.h>

#define SANDBOX_EXIT_LOST 2 /* the reporter is gone */

/* One second of processor time for so many bytes of files, and as many times that of waiting. */
#define SANDBOX_BYTES_A_SECOND (8u << 20)
#define SANDBOX_WAIT_TIMES 4u
#define SANDBOX_LEAST_SECONDS 2u

/* Closes all but the socket, whose new number it returns. */
int sandbox_enter(int socket);

/* Memory for files of so many bytes together. */
void sandbox_allow_bytes(uint64_t bytes);

/* Processor time for one more question about a file of so many bytes. */
void sandbox_allow_time(uint64_t bytes);

#endif
