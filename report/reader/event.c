/* SPDX-License-Identifier: MIT */
#include "report/reader/event.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "preload/segment/layout.h"
#include "report/procfs/kernel_rows.h"

/* struct event and the log's record have the same words and the same flag bits. */
_Static_assert((int)KIND_COUNT == (int)EVENT_KIND_COUNT, "kinds");
_Static_assert((int)KIND_CALLS == (int)CALL_COUNT, "calls");
_Static_assert((int)KIND_EXIT == (int)LIFECYCLE_EXIT, "lifecycle");
_Static_assert((int)FLAG_FAILED == (int)EVENT_FAILED, "failed");
_Static_assert((int)FLAG_LIBC_ONLY == (int)EVENT_LIBC_ONLY, "libc only");
_Static_assert((int)FLAG_MALLOC == (int)EVENT_MALLOC, "malloc");
_Static_assert((int)FLAG_RAW == (int)EVENT_RAW, "raw");
_Static_assert((int)FLAG_ASKED == (int)EVENT_ASKED, "asked");
_Static_assert((int)FLAG_INHERITED == (int)EVENT_INHERITED, "inherited");
_Static_assert((int)FLAG_SHMID_KNOWN == (int)EVENT_SHMID_KNOWN, "shmid known");
_Static_assert((int)FLAG_OWNER_KNOWN == (int)EVENT_OWNER_KNOWN, "owner known");
_Static_assert((int)MAPPED_STACK == (int)MAPPING_STACK, "stacks");
_Static_assert((int)MAPPED_COUNT == (int)MAPPING_COUNT, "mappings");
_Static_assert((int)KERNEL_QUEUE == (int)MESSAGE_QUEUE, "kernel rows");
_Static_assert((int)SEMAPHORE_SET == (int)OBJECT_SEM, "semaphores");
_Static_assert((int)OBJECT_KIND_COUNT == (int)OBJECT_KINDS, "objects");
_Static_assert(sizeof(((struct event *)0)->u) == sizeof(((struct segment_event *)0)->u), "words");

/* Each member is one word before its place in the record: cursor.c copies all with one memcpy. */
#define SAME_PLACE(member, word)                                            \
	_Static_assert(offsetof(struct event, member) + sizeof(uint64_t) == \
			       offsetof(struct segment_event, word),        \
		       #member)
SAME_PLACE(time_ns, clock);
SAME_PLACE(process, process);
SAME_PLACE(tid, tid);
SAME_PLACE(stack, stack);
SAME_PLACE(kind, kind);
SAME_PLACE(flags, flags);
SAME_PLACE(detail, detail);
SAME_PLACE(u, u);
_Static_assert(sizeof(struct event) + sizeof(uint64_t) == sizeof(struct segment_event), "size");

static const char *const names[KIND_COUNT] = {
#define CALL(id, name, nr) [KIND_##id] = #name,
#include "preload/segment/calls.def"
#undef CALL
#define LIFECYCLE(id, name, meaning) [KIND_##id] = #name,
#include "preload/segment/lifecycle.def"
#undef LIFECYCLE
};

const char *event_name(unsigned kind)
{
	return kind < KIND_COUNT ? names[kind] : NULL;
}

int event_kind(const char *name)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (strcmp(names[kind], name) == 0)
			return kind;
	return -1;
}

uint64_t event_asked_address(const struct event *event)
{
	if (!(event->flags & FLAG_ASKED))
		return 0;
	return event->u.shmat.address + (event_failed(event) ? 0 : event->detail);
}

/* Some commands take an index or nothing where others take an id. */
static bool shmctl_shmid(const struct event *event, int32_t *shmid)
{
	switch (event->u.shmctl.command & ~0x100 /* IPC_64 */) {
	case IPC_RMID:
	case IPC_SET:
	case IPC_STAT:
	case SHM_LOCK:
	case SHM_UNLOCK:
		*shmid = event->u.shmctl.shmid;
		return true;
	case SHM_STAT:
	case SHM_STAT_ANY:
		*shmid = event->u.shmctl.result;
		return !event_failed(event);
	default:
		return false;
	}
}

static bool semctl_semid(const struct event *event, int32_t *semid)
{
	switch (event->u.semctl.command & ~0x100 /* IPC_64 */) {
	case IPC_INFO:
	case SEM_INFO:
		return false;
	case SEM_STAT:
	case SEM_STAT_ANY:
		*semid = event->u.semctl.result;
		return !event_failed(event);
	default:
		*semid = event->u.semctl.semid;
		return true;
	}
}

static bool msgctl_msqid(const struct event *event, int32_t *msqid)
{
	switch (event->u.msgctl.command & ~0x100 /* IPC_64 */) {
	case IPC_INFO:
	case MSG_INFO:
		return false;
	case MSG_STAT:
	case MSG_STAT_ANY:
		*msqid = event->u.msgctl.result;
		return !event_failed(event);
	default:
		*msqid = event->u.msgctl.msqid;
		return true;
	}
}

enum object_kind event_object_kind(const struct event *event)
{
	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_SEMCTL:
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		return SEMAPHORE_SET;
	case KIND_MSGGET:
	case KIND_MSGCTL:
	case KIND_MSGSND:
	case KIND_MSGRCV:
		return MESSAGE_QUEUE;
	default:
		return SHARED_MEMORY;
	}
}

bool event_object_id(const struct event *event, int32_t *id)
{
	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		*id = event->u.get.id;
		return !event_failed(event);
	case KIND_SEMCTL:
		return semctl_semid(event, id);
	case KIND_MSGCTL:
		return msgctl_msqid(event, id);
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		*id = event->u.semop.semid;
		return true;
	case KIND_MSGSND:
	case KIND_MSGRCV:
		*id = event->u.message.msqid;
		return true;
	default:
		return event_shmid(event, id);
	}
}

bool event_shmid(const struct event *event, int32_t *shmid)
{
	switch (event->kind) {
	case KIND_SHMGET:
		*shmid = event->u.shmget.shmid;
		return !event_failed(event);
	case KIND_SHMAT:
		*shmid = event->u.shmat.shmid;
		return true;
	case KIND_SHMDT:
		*shmid = event->u.shmdt.shmid;
		return event->flags & FLAG_SHMID_KNOWN;
	case KIND_SHMCTL:
		return shmctl_shmid(event, shmid);
	default:
		return false;
	}
}

enum mapping_purpose event_mapping_purpose(const struct event *event)
{
	if (!(event->flags & FLAG_MALLOC))
		return MAPPED_DIRECT;
	if (event->u.mmap.flags & MAP_STACK)
		return MAPPED_STACK;
	return event->u.mmap.protection == PROT_NONE ? MAPPED_ARENA : MAPPED_BLOCK;
}

bool event_maps_anonymous(const struct event *event)
{
	return event->kind == KIND_MMAP && !event_failed(event) &&
	       event->u.mmap.flags & MAP_ANONYMOUS &&
	       (event->u.mmap.flags & MAP_TYPE) == MAP_PRIVATE;
}

bool event_lacks_memory(const struct event *event)
{
	return event->detail == ENOMEM &&
	       (event->kind != KIND_MREMAP || event_mremap_flags(event) & MREMAP_MAYMOVE);
}

uint32_t event_mremap_flags(const struct event *event)
{
	if (event->flags & EVENT_MREMAP_ODD)
		return (uint32_t)event->u.mremap.result;
	return event->flags >> EVENT_MREMAP_SHIFT & 7;
}

bool event_mremap_asked(const struct event *event, uint64_t *address)
{
	*address = event->u.mremap.result;
	return !(event->flags & EVENT_MREMAP_ODD) && event_mremap_flags(event) & MREMAP_FIXED;
}
