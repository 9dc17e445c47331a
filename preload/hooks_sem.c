/* SPDX-License-Identifier: MIT */
/*
 * Semaphore sets: as hooks.c, and as sysdeps/unix/sysv/linux/sem*.c of glibc. A semop that succeeds
 * is counted. An event is logged when one fails, except with EAGAIN and EINTR, which are answers.
 */
#include "hooks_sem.h"

#include <errno.h>
#include <sys/sem.h>

#include "hook.h"
#include "ledger.h"
#include "operations.h"

INLINE uint64_t sem_object(int semid)
{
	return segment_object(OBJECT_SEM, semid);
}

INLINE long semget_raw(struct stack_caller caller, key_t key, int nsems, int flags)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SEMGET, caller);
	long ret = raw_call3(SYS_semget, key, nsems, flags);

	if (UNLIKELY(!watched))
		return ret;
	hook.event.clock = thread_clock();
	hook.event.u.word[2] = hook.event.u.word[3] = 0;
	hook.event.u.get.key = key;
	hook.event.u.get.flags = (uint32_t)flags;
	hook.event.u.get.nsems = (uint64_t)nsems;
	hook.event.u.get.id = raw_failed(ret) ? -1 : (int)ret;
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	ledger_named(sem_object((int)ret), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

/*
 * The new owner and mode: no later event of the kernel shows them. The kernel has just read the
 * buffer, so it can be read here.
 */
INLINE void semctl_note_owner(struct segment_event *event, const struct semid_ds *set)
{
	event->flags |= EVENT_OWNER_KNOWN;
	event->u.semctl.mode = set->sem_perm.mode & 0777;
	event->u.semctl.uid = set->sem_perm.uid;
	event->u.semctl.gid = set->sem_perm.gid;
}

INLINE void semctl_fill(struct hook *hook, int semid, int semnum, int command, unsigned long arg)
{
	hook->event.u.semctl.semid = semid;
	hook->event.u.semctl.semnum = semnum;
	hook->event.u.semctl.command = command;
	hook->event.u.semctl.result = -1;
	hook->event.u.semctl.mode = hook->event.u.semctl.uid = hook->event.u.semctl.gid = 0;
	hook->event.u.semctl.value = command == SETVAL ? (int)arg : 0;
}

/*
 * `arg` is the union semun: the kernel takes it as one word. `known`: libc knows the command. It
 * refuses others without a system call.
 */
INLINE long semctl_raw(struct stack_caller caller, int semid, int semnum, int command,
		       unsigned long arg, bool known)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SEMCTL, caller);
	bool releasing = command == IPC_RMID;
	long ret = -EINVAL;

	if (watched && LIKELY(releasing))
		hook.event.clock = thread_clock();
	if (LIKELY(known))
		ret = raw_call6(SYS_semctl, semid, semnum, command, (long)arg, 0, 0);
	if (UNLIKELY(!watched))
		return ret;
	if (UNLIKELY(!releasing))
		hook.event.clock = thread_clock();
	if (UNLIKELY(!known))
		hook.event.flags = EVENT_LIBC_ONLY;
	semctl_fill(&hook, semid, semnum, command, arg);
	if (!raw_failed(ret))
		hook.event.u.semctl.result = (int)ret;
	if (UNLIKELY(command == IPC_SET) && !raw_failed(ret))
		semctl_note_owner(&hook.event, (const struct semid_ds *)arg);
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	if (LIKELY(releasing))
		ledger_removed(sem_object(semid), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

/* A failed semop that is an answer: the caller asked for it, or a signal came. */
INLINE long operation_end(struct hook *hook, long ret)
{
	if (ret == -EAGAIN || ret == -EINTR) {
		hook_count_end(hook, true, (int)-ret);
		return ret;
	}
	hook->event.clock = thread_clock();
	hook_take_stack(hook);
	return hook_fail(hook, ret);
}

INLINE void semop_fill(struct hook *hook, int semid, const struct operation *operation,
		       size_t nsops, const void *timeout)
{
	hook->event.u.semop.semid = semid;
	hook->event.u.semop.semnum = operation->semnum;
	hook->event.u.semop.op = operation->op;
	hook->event.u.semop.pad = 0;
	hook->event.u.semop.nsops = nsops;
	hook->event.u.semop.timed = timeout != NULL;
}

/* glibc makes semop(3) from semtimedop(2) with no timeout, since 2.32. */
INLINE long semop_raw(struct stack_caller caller, enum segment_call call, long number, int semid,
		      struct sembuf *sops, size_t nsops, const void *timeout)
{
	struct hook hook;
	bool watched = hook_begin(&hook, call, caller);
	struct operation operation;
	struct segment_wait *wait;
	uint64_t clock;
	long ret;

	if (UNLIKELY(!watched))
		return raw_call6(number, semid, (long)sops, (long)nsops, (long)timeout, 0, 0);
	clock = thread_clock();
	operation = operation_read(sops, nsops, caller.cfa);
	wait = wait_begin(call, sem_object(semid), operation_word(&operation), caller.cfa, clock);
	ret = raw_call6(number, semid, (long)sops, (long)nsops, (long)timeout, 0, 0);
	wait_end(wait);
	if (UNLIKELY(raw_failed(ret))) {
		semop_fill(&hook, semid, &operation, nsops, timeout);
		return operation_end(&hook, ret);
	}
	hook_count_end(&hook, false, 0);
	operation_done(sem_object(semid), clock, false);
	return ret;
}

HOT int hook_semget(key_t key, int nsems, int flags)
{
	return (int)libc_result(semget_raw(STACK_CALLER(), key, nsems, flags));
}

/*
 * semctl(3) is variadic. Its fourth argument comes where that of a plain function does, whether it
 * is an int, a pointer or the union; if the caller gave none, `arg` is whatever is there. A
 * variadic function would store all registers on the stack.
 */
HOT int hook_semctl(int semid, int semnum, int command, unsigned long arg)
{
	bool known = true;

	switch (command) {
	case SETVAL:
	case GETALL:
	case SETALL:
	case IPC_STAT:
	case IPC_SET:
	case SEM_STAT:
	case SEM_STAT_ANY:
	case IPC_INFO:
	case SEM_INFO:
		break;
	case IPC_RMID:
	case GETNCNT:
	case GETPID:
	case GETVAL:
	case GETZCNT:
		arg = 0;
		break;
	default:
		known = false;
	}
	return (int)libc_result(semctl_raw(STACK_CALLER(), semid, semnum, command, arg, known));
}

HOT int hook_semop(int semid, struct sembuf *sops, size_t nsops)
{
	return (int)libc_result(
		semop_raw(STACK_CALLER(), CALL_SEMOP, SYS_semtimedop, semid, sops, nsops, NULL));
}

HOT int hook_semtimedop(int semid, struct sembuf *sops, size_t nsops,
			const struct timespec *timeout)
{
	return (int)libc_result(semop_raw(STACK_CALLER(), CALL_SEMTIMEDOP, SYS_semtimedop, semid,
					  sops, nsops, timeout));
}

/* ---- syscall(2) ---- */

long hook_syscall_semget(long number, long key, long nsems, long flags)
{
	(void)number;
	return libc_result(semget_raw(STACK_CALLER(), (key_t)key, (int)nsems, (int)flags));
}

long hook_syscall_semctl(long number, long semid, long semnum, long command, unsigned long arg)
{
	(void)number;
	return libc_result(
		semctl_raw(STACK_CALLER(), (int)semid, (int)semnum, (int)command, arg, true));
}

long hook_syscall_semop(long number, long semid, struct sembuf *sops, size_t nsops)
{
	return libc_result(
		semop_raw(STACK_CALLER(), CALL_SEMOP, number, (int)semid, sops, nsops, NULL));
}

long hook_syscall_semtimedop(long number, long semid, struct sembuf *sops, size_t nsops,
			     const void *timeout)
{
	return libc_result(semop_raw(STACK_CALLER(), CALL_SEMTIMEDOP, number, (int)semid, sops,
				     nsops, timeout));
}

/* ---- the exported names ---- */

#define EXPORT __attribute__((visibility("default"), hot))
int semget(key_t key, int nsems, int flags) EXPORT __attribute__((alias("hook_semget")));
int semctl_export(int semid, int semnum, int command, unsigned long arg) __asm__("semctl") EXPORT
	__attribute__((alias("hook_semctl")));
int semop(int semid, struct sembuf *sops, size_t nsops) EXPORT __attribute__((alias("hook_semop")));
int semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout) EXPORT
	__attribute__((alias("hook_semtimedop")));
