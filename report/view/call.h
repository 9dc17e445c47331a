/* SPDX-License-Identifier: MIT */
/* Facts that an event of any kind holds, for the text, JSON and CSV views. */
#ifndef MEMSHIM_VIEW_CALL_H
#define MEMSHIM_VIEW_CALL_H

#include <errno.h>

#include "report/view/events.h"

/* How the result is to be written. */
enum call_result { RESULT_NONE, RESULT_NUMBER, RESULT_ADDRESS };

/*
 * Whether libc reported success for a move of the break that the kernel refused, for example by a
 * seccomp filter: libc recognizes no error but ENOMEM.
 */
static inline bool call_reported_success(const struct event *event)
{
	return event->kind <= KIND_SBRK && event_failed(event) && event->detail != ENOMEM &&
	       !(event->flags & (FLAG_RAW | FLAG_LIBC_ONLY));
}

/* The result that the caller received. */
static inline enum call_result call_result(const struct event *event, int64_t *value)
{
	bool failed = event_failed(event);

	*value = -1;
	switch (event->kind) {
	case KIND_BRK:
		if (event->flags & FLAG_RAW && !failed)
			*value = (int64_t)event->u.brk.result;
		else
			*value = failed && !call_reported_success(event) ? -1 : 0;
		return RESULT_NUMBER;
	case KIND_SBRK:
		failed &= !call_reported_success(event);
		*value = failed ? -1 : (int64_t)event->u.brk.result;
		return failed ? RESULT_NUMBER : RESULT_ADDRESS;
	case KIND_SHMGET:
		*value = failed ? -1 : event->u.shmget.shmid;
		return RESULT_NUMBER;
	case KIND_SHMAT:
		*value = failed ? -1 : (int64_t)event->u.shmat.address;
		return failed ? RESULT_NUMBER : RESULT_ADDRESS;
	case KIND_SHMDT:
		*value = failed ? -1 : 0;
		return RESULT_NUMBER;
	case KIND_SHMCTL:
		*value = failed ? -1 : event->u.shmctl.result;
		return RESULT_NUMBER;
	case KIND_SEMGET:
	case KIND_MSGGET:
		*value = failed ? -1 : event->u.get.id;
		return RESULT_NUMBER;
	case KIND_SEMCTL:
		*value = failed ? -1 : event->u.semctl.result;
		return RESULT_NUMBER;
	case KIND_MSGCTL:
		*value = failed ? -1 : event->u.msgctl.result;
		return RESULT_NUMBER;
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
	case KIND_MSGSND:
	case KIND_MSGRCV:
		return RESULT_NUMBER; /* logged when they fail */
	case KIND_MMAP:
	case KIND_MREMAP:
		*value = failed                     ? -1
			 : event->kind == KIND_MMAP ? (int64_t)event->u.mmap.address
						    : (int64_t)event->u.mremap.result;
		return failed ? RESULT_NUMBER : RESULT_ADDRESS;
	case KIND_MUNMAP:
	case KIND_MPROTECT:
		*value = failed ? -1 : 0;
		return RESULT_NUMBER;
	default:
		return RESULT_NONE;
	}
}

/* The break before and after the call; false for calls that do not record it. */
static inline bool call_break(const struct event *event, uint64_t *before, uint64_t *after)
{
	switch (event->kind) {
	case KIND_BRK:
	case KIND_SBRK:
		*before = event->u.brk.before;
		*after = event->u.brk.after;
		return true;
	case KIND_SHMAT:
	case KIND_SHMDT: /* shmat and shmdt keep the break at the same offsets */
		*before = event->u.shmat.before;
		*after = event->u.shmat.after;
		return true;
	default:
		return false;
	}
}

/* The attachment's address; false when the event has none. */
static inline bool call_address(const struct event *event, uint64_t *address)
{
	if (event->kind == KIND_SHMAT && !event_failed(event))
		*address = event->u.shmat.address;
	else if (event->kind == KIND_SHMDT)
		*address = event->u.shmdt.address;
	else
		return false;
	return true;
}

/* What IPC_SET set; false for all other calls. */
static inline bool call_owner(const struct event *event, uint32_t *mode, uint32_t *uid,
			      uint32_t *gid)
{
	bool of_set = event->kind == KIND_SEMCTL;

	if (!(event->flags & FLAG_OWNER_KNOWN) ||
	    !(of_set || event->kind == KIND_SHMCTL || event->kind == KIND_MSGCTL))
		return false;
	/* shmctl and msgctl have them at the same places. */
	*mode = of_set ? event->u.semctl.mode : event->u.shmctl.mode;
	*uid = of_set ? event->u.semctl.uid : event->u.shmctl.uid;
	*gid = of_set ? event->u.semctl.gid : event->u.shmctl.gid;
	return true;
}

/* The object's id and key, and a segment's size. Each is valid only if its `_known` is set. */
struct call_object {
	bool id_known, key_known, size_known;
	int32_t id;
	uint32_t key;
	uint64_t size;
};

static inline struct call_object call_object(const struct event_view *view)
{
	const struct event *event = view->event;
	const struct model_segment *segment = view->segment;
	struct call_object known = {0};

	known.id_known = event_object_id(event, &known.id);
	if (segment) {
		known.key_known = segment->key_known;
		known.key = segment->key;
		known.size_known = segment->size != 0;
		known.size = segment->size;
	} else if (event->kind == KIND_SHMGET) {
		known.key_known = known.size_known = true;
		known.key = (uint32_t)event->u.shmget.key;
		known.size = event->u.shmget.size;
	} else if (event->kind == KIND_SEMGET || event->kind == KIND_MSGGET) {
		known.key_known = true;
		known.key = (uint32_t)event->u.get.key;
	}
	return known;
}

static inline const char *call_comm(const struct event_view *view)
{
	return view->process ? view->process->facts.comm : "";
}

static inline int32_t call_pid(const struct event_view *view)
{
	return view->process ? view->process->facts.pid : view->event->tid;
}

#endif
