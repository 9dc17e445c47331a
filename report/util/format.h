/* SPDX-License-Identifier: MIT */
/*
 * Numbers and names for people, and the names of error numbers, signals and users. The functions
 * with `to` write into it and return it.
 */
#ifndef MEMSHIM_UTIL_FORMAT_H
#define MEMSHIM_UTIL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define FORMAT_BYTES 32

/* IEC: "512", "4K", "1.5M"; 1K = 1024. */
char *format_bytes(char to[FORMAT_BYTES], uint64_t bytes);

/* The same with a sign: "+132K", "-4K", "0". */
char *format_delta(char to[FORMAT_BYTES], int64_t bytes);

/* "1,234,567". */
char *format_count(char to[FORMAT_BYTES], uint64_t count);

/* "12 ms", "1.23 s", "4 min 5 s", "3 h 12 min", "2 d 4 h". */
char *format_duration(char to[FORMAT_BYTES], uint64_t ns);

/* "12 s", "3 min 4 s", "5 h 6 min", "7 d 8 h". */
char *format_seconds(char to[FORMAT_BYTES], uint64_t count);

/* A file's name quoted for a shell; the caller frees it. Null without memory. */
char *format_word(const char *file);

/* The plural's "s": "" for 1. */
const char *format_s(uint64_t count);

/* "ENOMEM"; null when the number has no name. */
const char *name_of_errno(int error);

/* "SIGKILL"; null when the number has no name. */
const char *name_of_signal(int number);

/* A user's name, NUL-terminated; "" when there is none, or none that fits. */
void name_of_user(uint32_t uid, char *name, size_t bytes);

#endif
