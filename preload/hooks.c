/* SPDX-License-Identifier: MIT */
/*
 * The break and shared memory. Each hook counts the call as begun, makes the call, and logs the
 * kernel's answer. Without a session it only makes the call. A call that acquires an object takes
 * its time after it returned; a call that releases one takes it before. So no timeline shows one
 * object held twice.
 *
 * Each hook behaves exactly as glibc does: sysdeps/unix/sysv/linux/brk.c, misc/sbrk.c and
 * sysdeps/unix/sysv/linux/shm*.c. It sets errno where libc would set it, and nowhere else.
 */
#include "hooks.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/shm.h>

#include "attachments.h"
#include "hook.h"
#include "ledger.h"

/*
 * libc's own variable of the break, which glibc exports. The hooks update it as libc would. See
 * break_exists.
 */
extern void *__curbrk __attribute__((weak));

__thread struct thread_memo thread_memo;

/* ---- the break ---- */

/* musl has no __curbrk: its brk and sbrk refuse every move, and so do these hooks. */
static inline bool break_exists(void)
{
	return LIKELY(&__curbrk != NULL);
}

static long break_refuse_move(void)
{
	errno = ENOMEM;
	return -1;
}

HOT static void break_count_move(struct segment_process *process, uint8_t flags, uint64_t before,
				 uint64_t after)
{
	struct segment_moves
		*moves = &process->moves[flags & EVENT_MALLOC ? ORIGIN_MALLOC : ORIGIN_DIRECT];
	bool alone = thread_alone();

	if (after > before) {
		counter_add(&moves->count[MOVE_GROW], 1, alone);
		counter_add(&moves->bytes[MOVE_GROW], after - before, alone);
		word_raise(&process->break_peak, after);
	} else if (after < before) {
		counter_add(&moves->count[MOVE_SHRINK], 1, alone);
		counter_add(&moves->bytes[MOVE_SHRINK], before - after, alone);
	} else {
		counter_add(&moves->count[MOVE_STILL], 1, alone);
	}
	word_store(&process->break_current, after);
}

/*
 * brk(2) defines no errors, and libc checks for none. If a seccomp filter answers -EPERM, libc
 * takes that value for the break and tells its caller that the break moved. It did not.
 */
SELDOM static void break_note_refused_move(struct hook *hook, long error)
{
	hook->event.u.brk.after = hook->event.u.brk.before;
	hook_take_stack(hook);
	hook_end(hook, true, (int)-error);
}

/*
 * Makes one brk(2) for `address`, already counted as begun. `argument` and `flags` are those of the
 * caller's call; `from` is libc's value of the break. Returns the kernel's answer.
 */
INLINE uint64_t break_move(struct hook *hook, uint64_t address, uint64_t argument, uint64_t from,
			   uint8_t flags)
{
	uint64_t before = shim.break_now, after;
	bool releasing = address < before, failed;

	if (releasing)
		hook->event.clock = thread_clock();
	after = (uint64_t)raw_call3(SYS_brk, (long)address, 0, 0);
	if (LIKELY(!raw_failed((long)after)))
		shim.break_now = after;
	__curbrk = (void *)after;
	if (!releasing)
		hook->event.clock = thread_clock();
	failed = UNLIKELY(after < address && !(flags & EVENT_RAW));
	hook->event.flags = flags;
	hook->event.u.brk.argument = argument;
	hook->event.u.brk.before = before;
	hook->event.u.brk.after = after;
	hook->event.u.brk.result = flags & EVENT_RAW ? after : from;
	if (UNLIKELY(raw_failed((long)after))) {
		break_note_refused_move(hook, (long)after);
		return after;
	}
	if (LIKELY(!failed))
		break_count_move(hook->process, flags, before, after);
	hook_take_stack(hook);
	hook_end(hook, failed, ENOMEM);
	return after;
}

/* A brk(2) that only reads the break, or of a process without a slot. */
static uint64_t break_ask(struct hook *hook, uint64_t address)
{
	uint64_t after = (uint64_t)raw_call3(SYS_brk, (long)address, 0, 0);

	__curbrk = (void *)after;
	if (!hook->process) {
		shim.idle_calls++;
		return after;
	}
	if (LIKELY(!raw_failed((long)after)))
		shim.break_now = after;
	counter_add(&hook->process->queries, 1, thread_alone());
	return after;
}

HOT int hook_brk(void *address)
{
	struct hook hook;
	uint64_t asked = (uint64_t)address, after;

	if (!break_exists())
		return (int)break_refuse_move();
	if (!hook_begin(&hook, CALL_BRK, STACK_CALLER()) || asked == 0)
		after = break_ask(&hook, asked);
	else
		after = break_move(&hook, asked, asked, 0,
				   caller_origin((uint64_t)__builtin_return_address(0)));
	if (LIKELY(after >= asked))
		return 0;
	errno = ENOMEM;
	return -1;
}

/* An sbrk beyond either end of the address space: libc refuses it without a system call. */
static void *sbrk_refuse(struct hook *hook, intptr_t increment, uint64_t from, uint8_t flags)
{
	if (hook->process) {
		hook->event.clock = thread_clock();
		hook->event.flags = flags | EVENT_LIBC_ONLY;
		hook->event.u.brk.argument = (uint64_t)increment;
		hook->event.u.brk.before = hook->event.u.brk.after = shim.break_now;
		hook->event.u.brk.result = from;
		hook_take_stack(hook);
		hook_end(hook, true, ENOMEM);
	}
	errno = ENOMEM;
	return (void *)-1;
}

static inline bool sbrk_overflows(uint64_t from, intptr_t increment)
{
	return increment > 0 ? from + (uint64_t)increment < from : from < -(uint64_t)increment;
}

HOT void *hook_sbrk(intptr_t increment)
{
	struct hook hook;
	uint64_t from, to, after;
	uint8_t origin = caller_origin((uint64_t)__builtin_return_address(0));
	bool watched;

	if (!break_exists())
		return (void *)(increment ? break_refuse_move() : raw_call3(SYS_brk, 0, 0, 0));
	watched = hook_begin(&hook, CALL_SBRK, STACK_CALLER());
	if (!__curbrk) /* only before libc's first call: libc reads the break before it uses it */
		__curbrk = (void *)raw_call3(SYS_brk, 0, 0, 0);
	from = (uint64_t)__curbrk;
	if (UNLIKELY(increment == 0)) {
		if (watched)
			counter_add(&hook.process->queries, 1, thread_alone());
		else
			shim.idle_calls++;
		return (void *)from;
	}
	if (UNLIKELY(sbrk_overflows(from, increment)))
		return sbrk_refuse(&hook, increment, from, origin);
	to = from + (uint64_t)increment;
	after = LIKELY(watched) ? break_move(&hook, to, (uint64_t)increment, from, origin)
				: break_ask(&hook, to);
	if (LIKELY(after >= to))
		return (void *)from;
	errno = ENOMEM;
	return (void *)-1;
}

/* ---- System V shared memory: each returns the kernel's answer ---- */

INLINE long shmget_raw(struct stack_caller caller, key_t key, size_t size, int flags)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SHMGET, caller);
	long ret = raw_call3(SYS_shmget, key, (long)size, flags);

	if (UNLIKELY(!watched))
		return ret;
	hook.event.clock = thread_clock();
	hook.event.u.word[2] = hook.event.u.word[3] = 0;
	hook.event.u.shmget.key = key;
	hook.event.u.shmget.flags = (uint32_t)flags;
	hook.event.u.shmget.size = size;
	hook.event.u.shmget.shmid = raw_failed(ret) ? -1 : (int)ret;
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	ledger_named(segment_object(OBJECT_SHM, (int)ret), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

INLINE long shmat_raw(struct stack_caller caller, int shmid, const void *address, int flags)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SHMAT, caller);
	uint64_t before = shim.break_now, asked = (uint64_t)address;
	long ret = raw_call3(SYS_shmat, shmid, (long)address, flags);

	if (UNLIKELY(!watched))
		return ret;
	hook.event.clock = thread_clock();
	hook.event.u.shmat.shmid = shmid;
	hook.event.u.shmat.flags = (uint32_t)flags;
	hook.event.u.shmat.address = raw_failed(ret) ? asked : (uint64_t)ret;
	hook.event.u.shmat.before = before;
	hook.event.u.shmat.after = shim.break_now;
	if (UNLIKELY(asked)) {
		hook.event.flags = EVENT_ASKED;
		hook.event.detail = raw_failed(ret) ? 0 : (uint16_t)(asked - (uint64_t)ret);
	}
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	attachments_add(shmid, (uint64_t)ret, (uint32_t)flags, hook.event.clock);
	hook_end_in_place(&hook);
	return ret;
}

INLINE long shmdt_raw(struct stack_caller caller, const void *address)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SHMDT, caller);
	struct attachment *attachment = NULL;
	int shmid = -1;
	long ret;

	if (watched) {
		hook.event.clock = thread_clock();
		hook.event.u.shmdt.before = shim.break_now;
		attachment = attachments_take((uint64_t)address, &shmid, &hook.event.flags);
	}
	ret = raw_call3(SYS_shmdt, (long)address, 0, 0);
	if (UNLIKELY(!watched))
		return ret;
	hook.event.u.shmdt.shmid = shmid;
	hook.event.u.shmdt.pad = 0;
	hook.event.u.shmdt.address = (uint64_t)address;
	hook.event.u.shmdt.after = shim.break_now;
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret))) {
		if (attachment && ret == -EINVAL)
			attachments_forget(attachment);
		else if (attachment)
			attachments_keep(attachment);
		return hook_fail(&hook, ret);
	}
	hook.place = record_claim();
	if (LIKELY(attachment))
		attachments_release(attachment);
	hook_end_in_place(&hook);
	return ret;
}

/*
 * The new owner and mode: no later event of the kernel shows them. The kernel has just read the
 * buffer, so it can be read here.
 */
INLINE void shmctl_note_owner(struct segment_event *event, const struct shmid_ds *set)
{
	event->flags |= EVENT_OWNER_KNOWN;
	event->u.shmctl.mode = set->shm_perm.mode & 0777;
	event->u.shmctl.uid = set->shm_perm.uid;
	event->u.shmctl.gid = set->shm_perm.gid;
}

INLINE long shmctl_raw(struct stack_caller caller, int shmid, int command, struct shmid_ds *buffer)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_SHMCTL, caller);
	bool releasing = command == IPC_RMID;
	long ret;

	if (watched && LIKELY(releasing))
		hook.event.clock = thread_clock();
	ret = raw_call3(SYS_shmctl, shmid, command, (long)buffer);
	if (UNLIKELY(!watched))
		return ret;
	if (UNLIKELY(!releasing))
		hook.event.clock = thread_clock();
	hook.event.u.word[2] = hook.event.u.word[3] = 0;
	hook.event.u.shmctl.shmid = shmid;
	hook.event.u.shmctl.command = command;
	hook.event.u.shmctl.buffer = (uint64_t)buffer;
	hook.event.u.shmctl.result = raw_failed(ret) ? -1 : (int)ret;
	if (UNLIKELY(command == IPC_SET) && !raw_failed(ret))
		shmctl_note_owner(&hook.event, buffer);
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	if (LIKELY(releasing))
		ledger_removed(segment_object(OBJECT_SHM, shmid), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

HOT int hook_shmget(key_t key, size_t size, int flags)
{
	return (int)libc_result(shmget_raw(STACK_CALLER(), key, size, flags));
}

HOT void *hook_shmat(int shmid, const void *address, int flags)
{
	return (void *)libc_result(shmat_raw(STACK_CALLER(), shmid, address, flags));
}

HOT int hook_shmdt(const void *address)
{
	return (int)libc_result(shmdt_raw(STACK_CALLER(), address));
}

HOT int hook_shmctl(int shmid, int command, struct shmid_ds *buffer)
{
	return (int)libc_result(shmctl_raw(STACK_CALLER(), shmid, command, buffer));
}

/* ---- syscall(2) ---- */

/*
 * The caller gets the kernel's own answer, and an error as libc returns it. libc's variable of the
 * break stays as it is.
 */
long hook_syscall_brk(long number, long address)
{
	struct hook hook;
	void *libc_break;
	long after;

	(void)number;
	if (!break_exists())
		return libc_result(raw_call3(SYS_brk, address, 0, 0));
	libc_break = __curbrk;
	if (!hook_begin(&hook, CALL_BRK, STACK_CALLER()) || address == 0)
		after = (long)break_ask(&hook, (uint64_t)address);
	else
		after = (long)break_move(&hook, (uint64_t)address, (uint64_t)address, 0, EVENT_RAW);
	__curbrk = libc_break;
	return libc_result(after);
}

long hook_syscall_shmget(long number, long key, long size, long flags)
{
	(void)number;
	return libc_result(shmget_raw(STACK_CALLER(), (key_t)key, (size_t)size, (int)flags));
}

long hook_syscall_shmat(long number, long shmid, long address, long flags)
{
	(void)number;
	return libc_result(
		shmat_raw(STACK_CALLER(), (int)shmid, (const void *)address, (int)flags));
}

long hook_syscall_shmdt(long number, long address)
{
	(void)number;
	return libc_result(shmdt_raw(STACK_CALLER(), (const void *)address));
}

long hook_syscall_shmctl(long number, long shmid, long command, long buffer)
{
	(void)number;
	return libc_result(
		shmctl_raw(STACK_CALLER(), (int)shmid, (int)command, (struct shmid_ds *)buffer));
}

long hook_syscall_early(long number, long a, long b, long c, long d, long e)
{
	return libc_result(raw_call6(number, a, b, c, d, e, 0));
}

/* ---- the exported names ---- */

#define EXPORT __attribute__((visibility("default"), hot))
int brk(void *address) EXPORT __attribute__((alias("hook_brk")));
void *sbrk(intptr_t increment) EXPORT __attribute__((alias("hook_sbrk")));
void *__sbrk(intptr_t increment) EXPORT __attribute__((alias("hook_sbrk")));
int shmget(key_t key, size_t size, int flags) EXPORT __attribute__((alias("hook_shmget")));
void *shmat(int shmid, const void *address, int flags) EXPORT __attribute__((alias("hook_shmat")));
int shmdt(const void *address) EXPORT __attribute__((alias("hook_shmdt")));
int shmctl(int shmid, int command, struct shmid_ds *buffer) EXPORT
	__attribute__((alias("hook_shmctl")));
