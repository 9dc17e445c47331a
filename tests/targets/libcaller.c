/* SPDX-License-Identifier: MIT */
/*
 * A library that makes a call when it is loaded, when its function is called, and when it is
 * unloaded.
 */
#include <unistd.h>

void *caller_move(long bytes);

__attribute__((constructor)) static void start(void)
{
	sbrk(16);
}

__attribute__((destructor)) static void end(void)
{
	sbrk(32);
}

void *caller_move(long bytes)
{
	return sbrk(bytes);
}
