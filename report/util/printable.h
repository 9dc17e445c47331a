/* SPDX-License-Identifier: MIT */
/*
 * Which characters of a stranger's text may reach a terminal. Program names, arguments and paths
 * hold any bytes; a control sequence among them must not be obeyed.
 */
#ifndef MEMSHIM_UTIL_PRINTABLE_H
#define MEMSHIM_UTIL_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at `at` (RFC 3629), 0 when it is none; a null byte ends the text. */
unsigned printable_length(const unsigned char *at);

/* Its number in Unicode. */
uint32_t printable_code(const unsigned char *at, unsigned length);

/* Whether it is shown as it is: no control character, none that turns the direction of others. */
bool printable_is(const unsigned char *at, unsigned length);

/* The text with '?' in the place of what may not be shown, cut to `size`. */
void printable_copy(char *to, size_t size, const char *from);

/* The text behind its first columns; its end when it has no more. */
const char *printable_skip(const char *text, unsigned columns);

#endif
