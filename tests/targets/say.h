/* SPDX-License-Identifier: MIT */
/* Prints what a call returned, and errno. Used in functions that return nothing. */
#ifndef MEMSHIM_TESTS_SAY_H
#define MEMSHIM_TESTS_SAY_H

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define UNTOUCHED 77 /* a successful call does not change errno */
#define FIRST_KEY 0x6d656d00

static char line[4096];

/* Prints one line without stdio, which would move the break. */
#define SAY(...)                                                       \
	do {                                                           \
		int length = snprintf(line, sizeof line, __VA_ARGS__); \
		if (write(1, line, (size_t)length) != length)          \
			return;                                        \
	} while (0)

/* For a number that is the same in every run. */
#define SAY_NUMBER(call)                                        \
	do {                                                    \
		errno = UNTOUCHED;                              \
		long ret = (long)(call);                        \
		int error = errno;                              \
		SAY("%s = %ld, errno %d\n", #call, ret, error); \
	} while (0)

#endif
