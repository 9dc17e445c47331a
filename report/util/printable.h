/* SPDX-License-Identifier: MIT */
/*
 * Which characters of a stranger's text may reach a terminal. Program names, arguments and paths
 * hold any bytes; a control sequence among them must not be obeyed.
 */
#ifndef MEMSHIM_UTIL_PRINTABLE_H
#define MEMSHIM_UTIL_PRINTABLE_H

#include <stdbool.h>

/* Bytes of the UTF-8 character at `at` (RFC 3629), 0 when it is none; a null byte ends the text. */
unsigned printable_length(const unsigned char *at);

/* Whether it is neither a control character nor one that turns the direction of what follows. */
bool printable_is(const unsigned char *at, unsigned length);

/* The text behind its first columns; its end when it has no more. */
const char *printable_skip(const char *text, unsigned columns);

#endif
