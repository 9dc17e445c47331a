/* SPDX-License-Identifier: MIT */
/*
 * Whether a process was told to load the shim and can find it, and whether a program would end
 * because of it: AddressSanitizer as a library ends its program if another library was loaded
 * before it. The shim switches that check off by __asan_default_options, unless the program defines
 * that function too.
 */
#ifndef MEMSHIM_RECORDER_PRELOAD_CHECK_H
#define MEMSHIM_RECORDER_PRELOAD_CHECK_H

#include <stdbool.h>
#include <sys/types.h>

#define PRELOAD_LIBRARY "/libmemshim.so" /* the end of its path */

enum preload {
	PRELOAD_HAS,
	PRELOAD_HAS_NOT,
	PRELOAD_ELSEWHERE, /* its root folder is another one, without the library */
};

/* By its environment at execve(2); PRELOAD_HAS where that cannot be read. */
enum preload preload_find(pid_t pid);

/* Whether the sanitizer would end the ELF program `fd` if the shim is preloaded. */
bool asan_check_refuses_preload(int fd);

#endif
