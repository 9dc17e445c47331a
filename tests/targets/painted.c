/* SPDX-License-Identifier: MIT */
/*
 * painted BYTES: measures how much stack each hook uses when a signal handler calls it on a signal
 * stack of MINSIGSTKSZ + BYTES. The stack is painted before the call; the hook overwrites the
 * paint. Each hook runs in two new processes, so that its call is the first one there. In "copy",
 * the process is a child that libc does not know of: its first hook also registers it. Prints "NAME
 * used N left N"; "left" counts the bytes that neither kernel, handler nor hook wrote.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define PAINT 0xa5
#define GUARD_BYTES 65536
#define MAPPED_BYTES (1 << 20)
#define FRAME_BYTES_LEAST 2048 /* MINSIGSTKSZ, from before it depended on the machine */

#if defined(__x86_64__)
#define STACK_POINTER(sp) __asm__ volatile("movq %%rsp, %0" : "=r"(sp))
#else
#define STACK_POINTER(sp) __asm__ volatile("mov %0, sp" : "=r"(sp))
#endif

/* The result that a child gives its parent. */
static struct told {
	long used, left;
} * told;

static int shmid, removed_shmid, semid, msqid;
static void *attached, *own_break, *spare;
static unsigned char *bottom;
static long (*chosen)(void);
static int (*volatile call_brk)(void *) = brk;
static void *(*volatile call_sbrk)(intptr_t) = sbrk;
static int (*volatile call_shmget)(key_t, size_t, int) = shmget;
static void *(*volatile call_shmat)(int, const void *, int) = shmat;
static int (*volatile call_shmdt)(const void *) = shmdt;
static int (*volatile call_shmctl)(int, int, struct shmid_ds *) = shmctl;
static int (*volatile call_semget)(key_t, int, int) = semget;
static int (*volatile call_semctl)(int, int, int, ...) = semctl;
static int (*volatile call_semop)(int, struct sembuf *, size_t) = semop;
static int (*volatile call_msgget)(key_t, int) = msgget;
static int (*volatile call_msgctl)(int, int, struct msqid_ds *) = msgctl;
static int (*volatile call_msgsnd)(int, const void *, size_t, int) = msgsnd;
static ssize_t (*volatile call_msgrcv)(int, void *, size_t, long, int) = msgrcv;
static void *(*volatile call_mmap)(void *, size_t, int, int, int, off_t) = mmap;
static int (*volatile call_munmap)(void *, size_t) = munmap;
static void *(*volatile call_mremap)(void *, size_t, size_t, int, ...) = mremap;
static int (*volatile call_mprotect)(void *, size_t, int) = mprotect;
static int (*volatile call_madvise)(void *, size_t, int) = madvise;
static long (*volatile call_syscall)(long, ...) = syscall;
static struct shmid_ds facts;
static struct sembuf up = {0, 1, 0}, beyond = {9, 1, 0};
static long message[4] = {1};

/*
 * One function for each call. Each uses its own expression, which keeps the stack pointer in place.
 */
#define CALL(name, ...)                   \
	static long name(void)            \
	{                                 \
		return (long)__VA_ARGS__; \
	}
CALL(do_sbrk, call_sbrk(4096))
CALL(do_sbrk_refused, call_sbrk(INTPTR_MAX))
CALL(do_brk, call_brk((char *)own_break + 8192))
CALL(do_brk_refused, call_brk((void *)-1))
CALL(do_shmget, call_shmget(IPC_PRIVATE, 4096, 0600))
CALL(do_shmget_failed, call_shmget(IPC_PRIVATE, 0, 0600))
CALL(do_shmat, call_shmat(shmid, NULL, 0))
CALL(do_shmat_failed, call_shmat(-1, NULL, 0))
CALL(do_shmdt, call_shmdt(attached))
CALL(do_shmdt_failed, call_shmdt((void *)1))
CALL(do_shmctl, call_shmctl(shmid, IPC_STAT, &facts))
CALL(do_shmctl_removal, call_shmctl(removed_shmid, IPC_RMID, NULL))
CALL(do_syscall_brk, call_syscall(SYS_brk, (char *)own_break + 8192))
CALL(do_syscall_shmat, call_syscall(SYS_shmat, shmid, NULL, 0))
CALL(do_syscall_shmget, call_syscall(SYS_shmget, IPC_PRIVATE, (size_t)4096, 0600))
CALL(do_semget, call_semget(IPC_PRIVATE, 1, 0600))
CALL(do_semctl, call_semctl(semid, 0, GETVAL))
CALL(do_semctl_refused, call_semctl(semid, 0, 4711))
CALL(do_semop, call_semop(semid, &up, 1))
CALL(do_semop_failed, call_semop(semid, &beyond, 1))
CALL(do_syscall_semop, call_syscall(SYS_semop, semid, &beyond, (size_t)1))
CALL(do_msgget, call_msgget(IPC_PRIVATE, 0600))
CALL(do_msgctl_failed, call_msgctl(msqid, IPC_STAT, NULL))
CALL(do_msgsnd, call_msgsnd(msqid, message, 8, 0))
CALL(do_msgsnd_failed, call_msgsnd(-1, message, 8, 0))
CALL(do_msgrcv_failed, call_msgrcv(msqid, message, 8, 7, IPC_NOWAIT))

CALL(do_mmap, call_mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
CALL(do_mmap_failed, call_mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
CALL(do_munmap, call_munmap(spare, 4096))
CALL(do_mremap, call_mremap(spare, 8192, 4096, 0))
CALL(do_mprotect, call_mprotect(spare, 4096, PROT_READ))
CALL(do_madvise, call_madvise(spare, 4096, MADV_DONTNEED))
CALL(do_syscall_mmap, call_syscall(SYS_mmap, NULL, (size_t)4096, PROT_READ,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, (off_t)0))

static const struct {
	const char *name;
	long (*call)(void);
} calls[] = {
	{"sbrk", do_sbrk},
	{"sbrk-refused", do_sbrk_refused},
	{"brk", do_brk},
	{"brk-refused", do_brk_refused},
	{"shmget", do_shmget},
	{"shmget-failed", do_shmget_failed},
	{"shmat", do_shmat},
	{"shmat-failed", do_shmat_failed},
	{"shmdt", do_shmdt},
	{"shmdt-failed", do_shmdt_failed},
	{"shmctl", do_shmctl},
	{"shmctl-removal", do_shmctl_removal},
	{"syscall-brk", do_syscall_brk},
	{"syscall-shmat", do_syscall_shmat},
	{"syscall-shmget", do_syscall_shmget},
	{"semget", do_semget},
	{"semctl", do_semctl},
	{"semctl-refused", do_semctl_refused},
	{"semop-counted", do_semop},
	{"semop-failed", do_semop_failed},
	{"syscall-semop", do_syscall_semop},
	{"msgget", do_msgget},
	{"msgctl-failed", do_msgctl_failed},
	{"msgsnd-counted", do_msgsnd},
	{"msgsnd-failed", do_msgsnd_failed},
	{"msgrcv-failed", do_msgrcv_failed},
	{"mmap", do_mmap},
	{"mmap-failed", do_mmap_failed},
	{"munmap", do_munmap},
	{"mremap", do_mremap},
	{"mprotect", do_mprotect},
	{"madvise-counted", do_madvise},
	{"syscall-mmap", do_syscall_mmap},
};

static long lowest_written(void)
{
	long at = 0;

	while (((volatile unsigned char *)bottom)[at] == PAINT)
		at++;
	return at;
}

/*
 * Measured from the call instruction on. What the surrounding function pushed counts as the hook's.
 */
static void handler(int signal)
{
	uint64_t sp;

	(void)signal;
	STACK_POINTER(sp);
	for (volatile unsigned char *at = bottom; at < (unsigned char *)sp; at++)
		*at = PAINT;
	chosen();
	told->left = lowest_written();
	told->used = (long)(sp - (uint64_t)bottom) - told->left;
}

static void interrupt_self(uint64_t extra_bytes)
{
	unsigned long frame = getauxval(AT_MINSIGSTKSZ);
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_size = (frame > FRAME_BYTES_LEAST ? frame : FRAME_BYTES_LEAST) +
				    extra_bytes};
	char *at = mmap(NULL, MAPPED_BYTES + GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	mprotect(at + GUARD_BYTES, MAPPED_BYTES, PROT_READ | PROT_WRITE);
	bottom = stack.ss_sp = at + GUARD_BYTES;
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGUSR1);
}

/* A child of fork or, if asked for, one that only the kernel knows of. */
static pid_t make_child(bool unnoticed)
{
	return unnoticed ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
}

static bool measure(unsigned i, bool in_copy, uint64_t extra_bytes)
{
	int status = 0;
	pid_t child = make_child(in_copy);

	if (child == 0) {
		chosen = calls[i].call;
		interrupt_self(extra_bytes);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
		dprintf(1, "%s%s: status %#x\n", calls[i].name, in_copy ? "-copy" : "", status);
		return false;
	}
	dprintf(1, "%s%s used %ld left %ld\n", calls[i].name, in_copy ? "-copy" : "", told->used,
		told->left);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t extra_bytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
	bool all_well = true;

	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	spare = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own_break = sbrk(0);
	shmid = shmget(IPC_PRIVATE, 4096, 0600);
	attached = shmat(shmid, NULL, 0);
	semid = semget(IPC_PRIVATE, 1, 0600);
	msqid = msgget(IPC_PRIVATE, 0600);
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		removed_shmid = shmget(IPC_PRIVATE, 4096, 0600);
		all_well &= measure(i, false, extra_bytes);
		shmctl(removed_shmid, IPC_RMID, NULL);
		removed_shmid = shmget(IPC_PRIVATE, 4096, 0600);
		all_well &= measure(i, true, extra_bytes);
		shmctl(removed_shmid, IPC_RMID, NULL);
	}
	shmctl(shmid, IPC_RMID, NULL);
	semctl(semid, 0, IPC_RMID);
	msgctl(msqid, IPC_RMID, NULL);
	return !all_well;
}
