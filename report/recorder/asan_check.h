/* SPDX-License-Identifier: MIT */
/*
 * A program whose AddressSanitizer is a library is ended by it when anything was loaded before. The
 * shim asks it not to; but a program that sets the sanitizer's options by itself goes before.
 */
#ifndef MEMSHIM_RECORDER_ASAN_CHECK_H
#define MEMSHIM_RECORDER_ASAN_CHECK_H

#include <stdbool.h>

/* Whether the ELF file `fd` would be ended so, in this environment. */
bool asan_check_refuses_preload(int fd);

#endif
