/* SPDX-License-Identifier: MIT */
/*
 * One event of the log as the reader returns it, with its time in nanoseconds. `u` holds the words
 * of the log; preload/segment/layout.h says what each call writes into them.
 */
#ifndef MEMSHIM_READER_EVENT_H
#define MEMSHIM_READER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* The watched calls, then the lifecycle events. */
enum event_kind {
#define CALL(id, name, nr) KIND_##id,
#include "preload/segment/calls.def"
#undef CALL
	KIND_CALLS,
	KIND_BEFORE_LIVES = KIND_CALLS - 1,
#define LIFECYCLE(id, name, meaning) KIND_##id,
#include "preload/segment/lifecycle.def"
#undef LIFECYCLE
	KIND_COUNT
};

/* Bits of struct event.flags. */
enum event_flag {
	FLAG_FAILED = 1u << 0,      /* detail is the errno */
	FLAG_LIBC_ONLY = 1u << 1,   /* libc refused the call: the kernel never saw it */
	FLAG_MALLOC = 1u << 2,      /* libc's allocator made the call */
	FLAG_RAW = 1u << 3,         /* brk: u.brk.result is what the caller received */
	FLAG_ASKED = 1u << 4,       /* shmat: the caller gave an address: address + detail */
	FLAG_INHERITED = 1u << 5,   /* shmdt: fork had copied the attachment */
	FLAG_SHMID_KNOWN = 1u << 6, /* shmdt: shmid is known */
	FLAG_OWNER_KNOWN = 1u << 7, /* IPC_SET: mode, uid and gid were set */
};

/* The purpose of an anonymous mapping, as segment_mapping. */
enum mapping_purpose {
	MAPPED_DIRECT, /* the program or a library made it, and not libc */
	MAPPED_ARENA,  /* a heap of an arena of malloc */
	MAPPED_BLOCK,  /* a large block of malloc */
	MAPPED_STACK,  /* a thread's stack */
	MAPPED_COUNT
};

struct event {
	uint64_t time_ns; /* since the session's start */
	uint32_t process; /* instance */
	int32_t tid;
	uint32_t stack;
	uint8_t kind;
	uint8_t flags;
	uint16_t detail;
	union {
		struct {
			uint64_t argument; /* brk: addr; sbrk: increment (int64_t) */
			uint64_t before, after;
			uint64_t result; /* sbrk: what it returns when it succeeds */
		} brk;
		struct {
			int32_t key;
			uint32_t flags;
			uint64_t size;
			int32_t shmid;
		} shmget;
		struct {
			int32_t shmid;
			uint32_t flags;
			uint64_t address, before, after;
		} shmat;
		struct {
			int32_t shmid;
			uint32_t pad;
			uint64_t address, before, after;
		} shmdt;
		struct {
			int32_t shmid, command;
			uint64_t buffer;
			int32_t result;
			uint32_t mode, uid, gid;
		} shmctl;
		struct {
			int32_t key;
			uint32_t flags;
			uint64_t nsems;
			int32_t id;
		} get; /* semget, msgget */
		struct {
			int32_t semid, semnum, command, result;
			uint32_t mode, uid, gid;
			int32_t value; /* SETVAL */
		} semctl;
		struct {
			int32_t msqid, command;
			uint64_t buffer;
			int32_t result;
			uint32_t mode, uid, gid;
		} msgctl;
		struct {
			int32_t semid, semnum, op, pad; /* semnum -1: unknown, and op */
			uint64_t nsops, timed;
		} semop; /* and semtimedop */
		struct {
			int32_t msqid, flags;
			uint64_t size;
			int64_t type; /* msgrcv */
		} message;            /* msgsnd, msgrcv */
		struct {
			uint64_t address, length, asked; /* address: result */
			uint32_t protection, flags;
		} mmap;
		struct {
			uint64_t address, length, protection, pad;
		} range; /* munmap, mprotect */
		struct {
			uint64_t address, old_length, new_length, result;
		} mremap; /* event_mremap_flags */
		struct {
			int32_t status, signal;
			uint32_t inherited, other;
			uint64_t before;
		} life;
		uint64_t word[4];
	} u;
};

static inline bool event_failed(const struct event *event)
{
	return event->flags & FLAG_FAILED;
}

static inline bool event_is_call(const struct event *event)
{
	return event->kind < KIND_CALLS;
}

/* A call about a segment, a semaphore set or a queue. */
static inline bool event_is_of_object(const struct event *event)
{
	return event->kind >= KIND_SHMGET && event->kind <= KIND_MSGRCV;
}

/* mmap, munmap, mremap, mprotect, madvise */
static inline bool event_is_of_mapping(const struct event *event)
{
	return event->kind >= KIND_MMAP && event->kind < KIND_CALLS;
}

/* Of an mmap. */
enum mapping_purpose event_mapping_purpose(const struct event *event);

/* Whether a successful mmap made private anonymous memory. */
bool event_maps_anonymous(const struct event *event);

/*
 * Of a failed call that maps memory: whether memory, address space or mappings ran out. Programs
 * try the rest on purpose: a range that may be in use, or an mremap that may not move.
 */
bool event_lacks_memory(const struct event *event);

/* The flags argument of mremap. */
uint32_t event_mremap_flags(const struct event *event);

/* The new address that the caller of mremap gave; false when it gave none or it is not known. */
bool event_mremap_asked(const struct event *event, uint64_t *address);

/* "brk" ... "exit"; null when the kind does not exist. */
const char *event_name(unsigned kind);

/* The kind of that name, or -1. */
int event_kind(const char *name);

/* The address that the caller of shmat gave; 0 when the kernel chose it. */
uint64_t event_asked_address(const struct event *event);

/* The kinds of System V objects, as segment_object_kind. */
enum object_kind { SHARED_MEMORY, SEMAPHORE_SET, MESSAGE_QUEUE, OBJECT_KIND_COUNT };

/* Of a call other than brk and sbrk. */
enum object_kind event_object_kind(const struct event *event);

/* The id of the event's object. False when the event itself does not tell it. */
bool event_object_id(const struct event *event, int32_t *id);

/* The same for segments only: false for semaphores and queues. */
bool event_shmid(const struct event *event, int32_t *shmid);

#endif
