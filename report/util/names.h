/* SPDX-License-Identifier: MIT */
/* Names of error numbers and signals. */
#ifndef MEMSHIM_UTIL_NAMES_H
#define MEMSHIM_UTIL_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* "ENOMEM"; null when the number has no name. */
const char *name_of_errno(int error);

/* "SIGKILL"; null when the number has no name. */
const char *name_of_signal(int number);

/* A user's name, NUL-terminated; "" when there is none, or none that fits. */
void name_of_user(uint32_t uid, char *name, size_t bytes);

#endif
