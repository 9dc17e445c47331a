/* SPDX-License-Identifier: MIT */
/* The names of the system's numbers. */
#ifndef MEMSHIM_UTIL_NAMES_H
#define MEMSHIM_UTIL_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* "ENOMEM"; null for a number that has none. */
const char *name_of_errno(int error);

/* "SIGKILL"; null for a number that has none. */
const char *name_of_signal(int number);

/* A user's name, NUL-terminated; "" when there is none, or none that fits. */
void name_of_user(uint32_t uid, char *name, size_t bytes);

#endif
