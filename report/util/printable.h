/* SPDX-License-Identifier: MIT */
/*
 * Which characters of a program's text may reach a terminal. Program names, arguments and paths may
 * contain any bytes; the terminal must not execute a control sequence in them.
 */
#ifndef MEMSHIM_UTIL_PRINTABLE_H
#define MEMSHIM_UTIL_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at `at` (RFC 3629); 0: not valid. A null byte ends the text. */
unsigned printable_length(const unsigned char *at);

/* Its Unicode code point. */
uint32_t printable_code(const unsigned char *at, unsigned length);

/* Whether it may be shown: no control, not invisible, no change of direction of others. */
bool printable_is(const unsigned char *at, unsigned length);

/* Copies the text with '?' for each character that may not be shown, cut to `size`. */
void printable_copy(char *to, size_t size, const char *from);

/* The text after its first `columns` characters, or its end. */
const char *printable_skip(const char *text, unsigned columns);

#endif
