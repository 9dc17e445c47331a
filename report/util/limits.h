/* SPDX-License-Identifier: MIT */
/*
 * Which of the user's limits made a call of the recorder or of a reading command fail, and what to
 * do about it.
 */
#ifndef MEMSHIM_UTIL_LIMITS_H
#define MEMSHIM_UTIL_LIMITS_H

#include <stddef.h>

/* Why a call of the recorder failed with `error` (an errno): the limit where there is one. */
void limits_explain(int error, char *why, size_t size);

/* The same for a command that reads. */
void limits_explain_reading(int error, char *why, size_t size);

#endif
