/* SPDX-License-Identifier: MIT */
/* Whether a process was told to load the shim, and can find it. */
#ifndef MEMSHIM_RECORDER_PRELOAD_CHECK_H
#define MEMSHIM_RECORDER_PRELOAD_CHECK_H

#include <sys/types.h>

#define PRELOAD_LIBRARY "/libmemshim.so" /* the end of its path */

enum preload {
	PRELOAD_HAS,
	PRELOAD_HAS_NOT,
	PRELOAD_ELSEWHERE, /* its root folder is another one, without the library */
};

/* By its environment at execve(2); PRELOAD_HAS where that cannot be read. */
enum preload preload_find(pid_t pid);

#endif
