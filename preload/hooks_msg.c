/* SPDX-License-Identifier: MIT */
/*
 * Message queues: as hooks_sem.c. msgsnd and msgrcv are cancellation points: their hooks may end
 * the thread and never return, as libc's functions do.
 */
#include "hooks_msg.h"

#include <errno.h>
#include <pthread.h>
#include <sys/msg.h>

#include "hook.h"
#include "ledger.h"
#include "operations.h"

INLINE uint64_t msg_object(int msqid)
{
	return segment_object(OBJECT_MSG, msqid);
}

INLINE long msgget_raw(struct stack_caller caller, key_t key, int flags)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MSGGET, caller);
	long ret = raw_call3(SYS_msgget, key, flags, 0);

	if (UNLIKELY(!watched))
		return ret;
	hook.event.clock = thread_clock();
	hook.event.u.word[2] = hook.event.u.word[3] = 0;
	hook.event.u.get.key = key;
	hook.event.u.get.flags = (uint32_t)flags;
	hook.event.u.get.nsems = 0;
	hook.event.u.get.id = raw_failed(ret) ? -1 : (int)ret;
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	ledger_named(msg_object((int)ret), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

/* As semctl_note_owner. */
INLINE void msgctl_note_owner(struct segment_event *event, const struct msqid_ds *queue)
{
	event->flags |= EVENT_OWNER_KNOWN;
	event->u.msgctl.mode = queue->msg_perm.mode & 0777;
	event->u.msgctl.uid = queue->msg_perm.uid;
	event->u.msgctl.gid = queue->msg_perm.gid;
}

INLINE long msgctl_raw(struct stack_caller caller, int msqid, int command, struct msqid_ds *buffer)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MSGCTL, caller);
	bool releasing = command == IPC_RMID;
	long ret;

	if (watched && LIKELY(releasing))
		hook.event.clock = thread_clock();
	ret = raw_call3(SYS_msgctl, msqid, command, (long)buffer);
	if (UNLIKELY(!watched))
		return ret;
	if (UNLIKELY(!releasing))
		hook.event.clock = thread_clock();
	hook.event.u.word[2] = hook.event.u.word[3] = 0;
	hook.event.u.msgctl.msqid = msqid;
	hook.event.u.msgctl.command = command;
	hook.event.u.msgctl.buffer = (uint64_t)buffer;
	hook.event.u.msgctl.result = raw_failed(ret) ? -1 : (int)ret;
	if (UNLIKELY(command == IPC_SET) && !raw_failed(ret))
		msgctl_note_owner(&hook.event, buffer);
	hook_take_stack(&hook);
	if (UNLIKELY(raw_failed(ret)))
		return hook_fail(&hook, ret);
	hook.place = record_claim();
	if (LIKELY(releasing))
		ledger_removed(msg_object(msqid), &hook.event);
	hook_end_in_place(&hook);
	return ret;
}

/* ---- msgsnd, msgrcv ---- */

/* The arguments of one call. */
struct message_call {
	int msqid;
	void *message;
	size_t size;
	long type; /* msgrcv only */
	int flags;
};

INLINE bool message_begin(struct hook *hook, struct segment_wait **wait, enum segment_call call,
			  const struct message_call *m, struct stack_caller caller)
{
	if (UNLIKELY(!hook_begin(hook, call, caller)))
		return false;
	hook->event.clock = thread_clock();
	*wait = wait_begin(call, msg_object(m->msqid), (uint64_t)m->type, caller.cfa,
			   hook->event.clock);
	return true;
}

/* `error`: 0, or as the kernel returned it, negative. A failure that is an answer is no event. */
static void message_end(struct hook *hook, struct segment_wait *wait, const struct message_call *m,
			long error)
{
	wait_end(wait);
	if (LIKELY(error == 0)) {
		bool received = hook->event.kind == CALL_MSGRCV;

		hook_count_end(hook, false, 0);
		operation_done(msg_object(m->msqid), hook->event.clock, received);
		return;
	}
	if (error == -EAGAIN || error == -EINTR) {
		hook_count_end(hook, true, (int)-error);
		return;
	}
	hook->event.clock = thread_clock();
	hook->event.u.message.msqid = m->msqid;
	hook->event.u.message.flags = m->flags;
	hook->event.u.message.size = m->size;
	hook->event.u.message.type = m->type;
	hook->event.u.word[3] = 0;
	hook_take_stack(hook);
	hook_end(hook, true, (int)-error);
}

static long message_kernel(enum segment_call call, const struct message_call *m)
{
	if (call == CALL_MSGSND)
		return raw_call6(SYS_msgsnd, m->msqid, (long)m->message, (long)m->size, m->flags, 0,
				 0);
	return raw_call6(SYS_msgrcv, m->msqid, (long)m->message, (long)m->size, m->type, m->flags,
			 0);
}

/* What is left to do when the call does not return. */
struct message_leaving {
	struct hook *hook; /* null: not watched */
	struct segment_wait *wait;
	bool asked; /* the kernel */
};

/* The thread is cancelled, or a signal handler leaves with longjmp: a signal ended the call. */
static void message_leave(void *leaving)
{
	struct message_leaving *l = leaving;

	if (!l->hook)
		return;
	wait_end(l->wait);
	if (l->asked)
		hook_count_end(l->hook, true, EINTR);
	else
		counter_add(&l->hook->process->begun[l->hook->event.kind], -1ull, thread_alone());
}

/*
 * A cancellation point. The system call is made while the thread may be cancelled at any instant,
 * as in glibc before 2.41. Since then, glibc cancels no thread whose call has returned already, and
 * offers that to nobody else.
 */
static long message_cancellable(enum segment_call call, const struct message_call *m,
				struct message_leaving *leaving)
{
	struct _pthread_cleanup_buffer cleanup;
	int type = PTHREAD_CANCEL_DEFERRED;
	long ret;

	if (UNLIKELY(!shim_libc_setcanceltype)) /* the shim has not started */
		return message_kernel(call, m);
	if (LIKELY(shim_libc_cleanup_push && shim_libc_cleanup_pop)) /* glibc 2.34 */
		shim_libc_cleanup_push(&cleanup, message_leave, leaving);
	shim_libc_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	leaving->asked = true;
	ret = message_kernel(call, m);
	shim_libc_setcanceltype(type, NULL);
	if (LIKELY(shim_libc_cleanup_push && shim_libc_cleanup_pop))
		shim_libc_cleanup_pop(&cleanup, 0);
	return ret;
}

INLINE long message_raw(struct stack_caller caller, enum segment_call call,
			const struct message_call *m, bool cancellable)
{
	struct message_leaving leaving = {NULL, NULL, false};
	struct hook hook;
	long ret;

	if (LIKELY(message_begin(&hook, &leaving.wait, call, m, caller)))
		leaving.hook = &hook;
	ret = cancellable ? message_cancellable(call, m, &leaving) : message_kernel(call, m);
	if (LIKELY(leaving.hook != NULL))
		message_end(&hook, leaving.wait, m, raw_failed(ret) ? ret : 0);
	return libc_result(ret);
}

HOT int hook_msgget(key_t key, int flags)
{
	return (int)libc_result(msgget_raw(STACK_CALLER(), key, flags));
}

HOT int hook_msgctl(int msqid, int command, struct msqid_ds *buffer)
{
	return (int)libc_result(msgctl_raw(STACK_CALLER(), msqid, command, buffer));
}

HOT int hook_msgsnd(int msqid, const void *message, size_t size, int flags)
{
	struct message_call m = {msqid, (void *)message, size, 0, flags};

	return (int)message_raw(STACK_CALLER(), CALL_MSGSND, &m, true);
}

HOT ssize_t hook_msgrcv(int msqid, void *message, size_t size, long type, int flags)
{
	struct message_call m = {msqid, message, size, type, flags};

	return message_raw(STACK_CALLER(), CALL_MSGRCV, &m, true);
}

/* ---- syscall(2): no cancellation point ---- */

long hook_syscall_msgget(long number, long key, long flags)
{
	(void)number;
	return libc_result(msgget_raw(STACK_CALLER(), (key_t)key, (int)flags));
}

long hook_syscall_msgctl(long number, long msqid, long command, struct msqid_ds *buffer)
{
	(void)number;
	return libc_result(msgctl_raw(STACK_CALLER(), (int)msqid, (int)command, buffer));
}

long hook_syscall_msgsnd(long number, long msqid, void *message, size_t size, long flags)
{
	struct message_call m = {(int)msqid, message, size, 0, (int)flags};

	(void)number;
	return message_raw(STACK_CALLER(), CALL_MSGSND, &m, false);
}

long hook_syscall_msgrcv(long number, long msqid, void *message, size_t size, long type, long flags)
{
	struct message_call m = {(int)msqid, message, size, type, (int)flags};

	(void)number;
	return message_raw(STACK_CALLER(), CALL_MSGRCV, &m, false);
}

/* ---- the exported names ---- */

#define EXPORT __attribute__((visibility("default"), hot))
int msgget(key_t key, int flags) EXPORT __attribute__((alias("hook_msgget")));
int msgctl(int msqid, int command, struct msqid_ds *buffer) EXPORT
	__attribute__((alias("hook_msgctl")));
int msgsnd(int msqid, const void *message, size_t size, int flags) EXPORT
	__attribute__((alias("hook_msgsnd")));
ssize_t msgrcv(int msqid, void *message, size_t size, long type, int flags) EXPORT
	__attribute__((alias("hook_msgrcv")));
