/* SPDX-License-Identifier: MIT */
/*
 * How far a command is, on the last line of the terminal: after the first second, and only where
 * standard error is a terminal.
 */
#ifndef MEMSHIM_UTIL_PROGRESS_H
#define MEMSHIM_UTIL_PROGRESS_H

#include <stdint.h>

/* Before it, nothing is shown: the live screen owns the terminal, and others print as they read. */
void progress_allow(void);

/* "memshim: reading, 42 %". `what` must outlive the next step. */
void progress_step(const char *what, uint64_t done, uint64_t all);

/* The last step takes long: shows it where it is not shown yet. */
void progress_wait(void);

/* Removes the line, before other output. */
void progress_clear(void);

#endif
