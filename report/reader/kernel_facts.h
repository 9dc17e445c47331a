/* SPDX-License-Identifier: MIT */
/* What the kernel says, now or to the recorder. Included by facts.h. */
#ifndef MEMSHIM_READER_KERNEL_FACTS_H
#define MEMSHIM_READER_KERNEL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

/* A row of the kernel's own table, /proc/sysvipc/shm. Times are seconds since 1970; 0: never. */
struct kernel_segment {
	int32_t shmid;
	uint32_t key;
	uint32_t mode; /* permission bits, and 01000 when it is marked for removal */
	uint64_t size;
	int32_t creator_pid, last_pid; /* 0: no process of this pid namespace */
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint64_t nattch;
	uint64_t attached, detached, changed; /* changed: made, or IPC_SET */
	uint64_t resident_bytes, swap_bytes;
};

/* What became of an object by the end of a recorded session, as the kernel had it then. */
struct object_facts {
	uint32_t kind; /* enum segment_object_kind */
	bool gone;     /* and no call of the session removed it; of `segment` only the id counts */
	bool was_seen; /* gone: the kernel had it in the session's IPC namespace before */
	bool elsewhere; /* gone: its creator was in another IPC namespace when it made it */
	struct kernel_segment segment;
};

enum kernel_object_kind { OBJECT_QUEUE, OBJECT_SEMAPHORES };

/* A row of /proc/sysvipc/msg or sem. */
struct kernel_object {
	enum kernel_object_kind kind;
	int32_t id;
	uint32_t key, mode;
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint64_t bytes, count;         /* of the messages in a queue; count: semaphores of a set */
	int32_t sent_pid, taken_pid;   /* queues; 0 none */
	uint64_t used, taken, changed; /* last msgsnd or semop, last msgrcv, made or IPC_SET */
};

/* Of a process as a whole, in the place of a shmid. */
enum { HOLDER_READ = -1, HOLDER_UNREADABLE = -2 };

/* One mapping of a segment in a process, as /proc/PID/maps has it: each counts in nattch. */
struct kernel_holder {
	int32_t pid;
	uint64_t start_time; /* proc(5) stat field 22 */
	int32_t shmid;       /* or HOLDER_READ, HOLDER_UNREADABLE */
	uint64_t start, end;
	uint64_t offset; /* into the segment, of `start` */
	bool readonly;
	bool other_ipc; /* of another IPC namespace: its ids are none of ours */
	bool member;    /* HOLDER_READ: it has the session's segment mapped */
	bool same_user; /* HOLDER_UNREADABLE: it may belong to this user */
	bool huge;      /* in huge pages */
	char comm[17];
};

/* What the kernel says of a running process. */
struct kernel_process {
	uint32_t instance;
	bool break_differs; /* a move that nobody reported */
	bool headroom_known;
	uint64_t headroom_bytes; /* from the break to the next mapping */
};

#endif
