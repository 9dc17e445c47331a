/* SPDX-License-Identifier: MIT */
/* The bodies of the calls about message queues: as hooks.h says. */
#ifndef MEMSHIM_HOOKS_MSG_H
#define MEMSHIM_HOOKS_MSG_H

#include <stddef.h>
#include <sys/types.h>

struct msqid_ds;

int hook_msgget(key_t key, int flags);
int hook_msgctl(int msqid, int command, struct msqid_ds *buffer);
int hook_msgsnd(int msqid, const void *message, size_t size, int flags);
ssize_t hook_msgrcv(int msqid, void *message, size_t size, long type, int flags);

/* syscall(2) for their numbers. */
long hook_syscall_msgget(long number, long key, long flags);
long hook_syscall_msgctl(long number, long msqid, long command, struct msqid_ds *buffer);
long hook_syscall_msgsnd(long number, long msqid, void *message, size_t size, long flags);
long hook_syscall_msgrcv(long number, long msqid, void *message, size_t size, long type,
			 long flags);

#endif
