/* SPDX-License-Identifier: MIT */
/*
 * Message queues: as hooks_sem.c. msgsnd and msgrcv are cancellation points: their hooks call
 * libc's own functions, which may end the thread and never return.
 */
#include "hooks_msg.h"

#include <errno.h>
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

/* One call, as libc's function and the kernel take it. */
struct message_call {
	int msqid;
	void *message;
	size_t size;
	long type; /* msgrcv only */
	int flags;
};

static bool message_begin(struct hook *hook, struct segment_wait **wait, enum segment_call call,
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

/* The libc functions as the shim found them; null: this libc has none, and the kernel is called. */
static long message_send(const struct message_call *m)
{
	if (LIKELY(shim_libc_msgsnd != NULL))
		return shim_libc_msgsnd(m->msqid, m->message, m->size, m->flags);
	return libc_result(
		raw_call6(SYS_msgsnd, m->msqid, (long)m->message, (long)m->size, m->flags, 0, 0));
}

static long message_receive(const struct message_call *m)
{
	if (LIKELY(shim_libc_msgrcv != NULL))
		return shim_libc_msgrcv(m->msqid, m->message, m->size, m->type, m->flags);
	return libc_result(raw_call6(SYS_msgrcv, m->msqid, (long)m->message, (long)m->size, m->type,
				     m->flags, 0));
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
	struct segment_wait *wait;
	struct hook hook;
	int error;
	long ret;

	if (!message_begin(&hook, &wait, CALL_MSGSND, &m, STACK_CALLER()))
		return (int)message_send(&m);
	ret = message_send(&m);
	error = errno;
	message_end(&hook, wait, &m, ret < 0 ? -error : 0);
	return (int)ret;
}

HOT ssize_t hook_msgrcv(int msqid, void *message, size_t size, long type, int flags)
{
	struct message_call m = {msqid, message, size, type, flags};
	struct segment_wait *wait;
	struct hook hook;
	int error;
	long ret;

	if (!message_begin(&hook, &wait, CALL_MSGRCV, &m, STACK_CALLER()))
		return message_receive(&m);
	ret = message_receive(&m);
	error = errno;
	message_end(&hook, wait, &m, ret < 0 ? -error : 0);
	return ret;
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

INLINE long message_raw(struct stack_caller caller, enum segment_call call, long number,
			const struct message_call *m)
{
	struct segment_wait *wait;
	struct hook hook;
	bool watched = message_begin(&hook, &wait, call, m, caller);
	bool sending = call == CALL_MSGSND;
	long ret = raw_call6(number, m->msqid, (long)m->message, (long)m->size,
			     sending ? m->flags : m->type, sending ? 0 : m->flags, 0);

	if (LIKELY(watched))
		message_end(&hook, wait, m, raw_failed(ret) ? ret : 0);
	return libc_result(ret);
}

long hook_syscall_msgsnd(long number, long msqid, void *message, size_t size, long flags)
{
	struct message_call m = {(int)msqid, message, size, 0, (int)flags};

	return message_raw(STACK_CALLER(), CALL_MSGSND, number, &m);
}

long hook_syscall_msgrcv(long number, long msqid, void *message, size_t size, long type, long flags)
{
	struct message_call m = {(int)msqid, message, size, type, (int)flags};

	return message_raw(STACK_CALLER(), CALL_MSGRCV, number, &m);
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
