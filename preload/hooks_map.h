/* SPDX-License-Identifier: MIT */
/*
 * The bodies of the calls that map memory: see hooks.h. They are no exported symbols: a program
 * would pass them without OPTION_ANONYMOUS, too. libc's entries jump to them if the session has
 * that option.
 */
#ifndef MEMSHIM_HOOKS_MAP_H
#define MEMSHIM_HOOKS_MAP_H

#include <stddef.h>
#include <sys/types.h>

void *hook_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int hook_munmap(void *address, size_t length);
void *hook_mremap(void *address, size_t old_length, size_t new_length, int flags,
		  void *new_address);
int hook_mprotect(void *address, size_t length, int protection);
int hook_madvise(void *address, size_t length, int advice);

/* syscall(2) for their numbers. */
long hook_syscall_mmap(long number, long address, long length, long protection, long flags, long fd,
		       long offset);
long hook_syscall_munmap(long number, long address, long length);
long hook_syscall_mremap(long number, long address, long old_length, long new_length, long flags,
			 long new_address);
long hook_syscall_mprotect(long number, long address, long length, long protection);
long hook_syscall_madvise(long number, long address, long length, long advice);

#endif
