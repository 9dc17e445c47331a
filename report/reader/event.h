/* SPDX-License-Identifier: MIT */
/*
 * What the reader hands on: one event of the log, its time turned into nanoseconds. The words of
 * `u` are those of the log, see preload/segment/layout.h for what each call keeps in them.
 */
#ifndef MEMSHIM_READER_EVENT_H
#define MEMSHIM_READER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* The six calls, then the life events. */
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
	FLAG_LIBC_ONLY = 1u << 1,   /* libc refused it: the kernel never saw it */
	FLAG_MALLOC = 1u << 2,      /* libc's own allocator asked */
	FLAG_RAW = 1u << 3,         /* brk: u.brk.result is what the caller got */
	FLAG_ASKED = 1u << 4,       /* shmat: an address was asked for: address + detail */
	FLAG_INHERITED = 1u << 5,   /* shmdt: of an attachment that fork copied */
	FLAG_SHMID_KNOWN = 1u << 6, /* shmdt: shmid is known */
	FLAG_OWNER_KNOWN = 1u << 7, /* shmctl: mode, uid and gid were set */
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

/* "brk" ... "exit"; null for a number that is none. */
const char *event_name(unsigned kind);

/* The kind of that name, or -1. */
int event_kind(const char *name);

/* The address a shmat asked for; 0 when it left the choice to the kernel. */
uint64_t event_asked_address(const struct event *event);

/* The segment an event is about, if the event itself knows it. */
bool event_shmid(const struct event *event, int32_t *shmid);

#endif
