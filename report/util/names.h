/* SPDX-License-Identifier: MIT */
/* The names of the system's numbers. */
#ifndef MEMSHIM_UTIL_NAMES_H
#define MEMSHIM_UTIL_NAMES_H

/* "ENOMEM"; null for a number that has none. */
const char *name_of_errno(int error);

/* "SIGKILL"; null for a number that has none. */
const char *name_of_signal(int number);

#endif
