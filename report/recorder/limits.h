/* SPDX-License-Identifier: MIT */
/*
 * Which of the caller's limits made a call of the recorder fail, and what to do about it. A small
 * file: a table of limits, for recorder.c and session_create.c.
 */
#ifndef MEMSHIM_RECORDER_LIMITS_H
#define MEMSHIM_RECORDER_LIMITS_H

#include <stddef.h>

/* Why a call of the recorder failed with `error` (an errno): the limit where there is one. */
void limits_explain(int error, char *why, size_t size);

#endif
