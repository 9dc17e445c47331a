/* SPDX-License-Identifier: MIT */
/* What the kernel reports, now or to the recorder earlier. facts.h includes this file. */
#ifndef MEMSHIM_READER_KERNEL_FACTS_H
#define MEMSHIM_READER_KERNEL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

/* A row of /proc/sysvipc/shm. Times are seconds since 1970; 0: never. */
struct kernel_segment {
	int32_t shmid;
	uint32_t key;
	uint32_t mode; /* permission bits, and 01000 when it is marked for removal */
	uint64_t size;
	int32_t creator_pid, last_pid; /* 0: no process of this pid namespace */
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint64_t nattch;
	uint64_t attached, detached, changed; /* changed: created, or IPC_SET */
	uint64_t resident_bytes, swap_bytes;
};

/* An object at the end of a recorded session, as the kernel reported it then. */
struct object_facts {
	uint32_t kind;  /* enum segment_object_kind */
	bool gone;      /* no call of the session removed it; only the id of `segment` is valid */
	bool was_seen;  /* gone: it existed in the session's IPC namespace before */
	bool elsewhere; /* gone: its creator was in another IPC namespace when it created it */
	struct kernel_segment segment;
};

enum kernel_object_kind { OBJECT_QUEUE, OBJECT_SEMAPHORES };

/* A row of /proc/sysvipc/msg or sem. */
struct kernel_object {
	enum kernel_object_kind kind;
	int32_t id;
	uint32_t key, mode;
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint64_t bytes,
		count; /* of the messages in a queue; count: messages, or semaphores of a set */
	int32_t sent_pid, taken_pid;   /* queues; 0 none */
	uint64_t used, taken, changed; /* last msgsnd or semop, last msgrcv, made or IPC_SET */
};

/* Instead of a shmid: the row is about the whole process. */
enum { HOLDER_READ = -1, HOLDER_UNREADABLE = -2 };

/* One mapping of a segment in a process, as /proc/PID/maps has it: each counts in nattch. */
struct kernel_holder {
	int32_t pid;
	uint64_t start_time; /* proc(5) stat field 22 */
	int32_t shmid;       /* or HOLDER_READ, HOLDER_UNREADABLE */
	uint64_t start, end;
	uint64_t offset; /* into the segment, of `start` */
	bool readonly;
	bool other_ipc; /* of another IPC namespace: its ids mean other objects */
	bool member;    /* HOLDER_READ: it has the session's segment mapped */
	bool same_user; /* HOLDER_UNREADABLE: it may belong to this user */
	bool huge;      /* in huge pages */
	char comm[17];
};

/* What the kernel reports of a running process. */
struct kernel_process {
	uint32_t instance;
	bool break_differs; /* the break moved without a recorded call */
	bool headroom_known;
	uint64_t headroom_bytes; /* from the break to the next mapping */
};

#endif
