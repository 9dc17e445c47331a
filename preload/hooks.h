/* SPDX-License-Identifier: MIT */
/*
 * The bodies of the watched calls. libc's entries jump to them, and the exported names are aliases
 * of them. Each behaves as glibc's function does, errno included. Each may run wherever libc's may:
 * under malloc's lock, in signal handlers, in children of vfork.
 */
#ifndef MEMSHIM_HOOKS_H
#define MEMSHIM_HOOKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct shmid_ds;

int hook_brk(void *address);
void *hook_sbrk(intptr_t increment);
int hook_shmget(key_t key, size_t size, int flags);
void *hook_shmat(int shmid, const void *address, int flags);
int hook_shmdt(const void *address);
int hook_shmctl(int shmid, int command, struct shmid_ds *buffer);

/*
 * syscall(2) for the numbers of these calls. The assembler entry passes all other
 * numbers to libc. There is one function for each number, so that none takes stack for the others.
 */
long hook_syscall_brk(long number, long address);
long hook_syscall_shmget(long number, long key, long size, long flags);
long hook_syscall_shmat(long number, long shmid, long address, long flags);
long hook_syscall_shmdt(long number, long address);
long hook_syscall_shmctl(long number, long shmid, long command, long buffer);

/* syscall(2) for any number, until libc's function has been found. */
long hook_syscall_early(long number, long a, long b, long c, long d, long e);

#endif
