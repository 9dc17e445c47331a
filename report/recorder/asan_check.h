/* SPDX-License-Identifier: MIT */
/*
 * AddressSanitizer as a library ends its program if another library was loaded before it. The shim
 * switches that check off by __asan_default_options, unless the program defines that function too.
 */
#ifndef MEMSHIM_RECORDER_ASAN_CHECK_H
#define MEMSHIM_RECORDER_ASAN_CHECK_H

#include <stdbool.h>

/* Whether the sanitizer would end the ELF program `fd` if the shim is preloaded. */
bool asan_check_refuses_preload(int fd);

#endif
