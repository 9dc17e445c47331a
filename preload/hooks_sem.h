/* SPDX-License-Identifier: MIT */
/* The bodies of the calls about semaphore sets: as hooks.h says. */
#ifndef MEMSHIM_HOOKS_SEM_H
#define MEMSHIM_HOOKS_SEM_H

#include <stddef.h>
#include <sys/types.h>

struct sembuf;
struct timespec;

int hook_semget(key_t key, int nsems, int flags);
int hook_semctl(int semid, int semnum, int command, unsigned long arg);
int hook_semop(int semid, struct sembuf *sops, size_t nsops);
int hook_semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout);

/* syscall(2) for their numbers. */
long hook_syscall_semget(long number, long key, long nsems, long flags);
long hook_syscall_semctl(long number, long semid, long semnum, long command, unsigned long arg);
long hook_syscall_semop(long number, long semid, struct sembuf *sops, size_t nsops);
long hook_syscall_semtimedop(long number, long semid, struct sembuf *sops, size_t nsops,
			     const void *timeout);

#endif
