/* SPDX-License-Identifier: MIT */
/* What procfs reads, as rows: the kernel's IPC tables, mappings, and whether a process runs. */
#ifndef MEMSHIM_PROCFS_KERNEL_ROWS_H
#define MEMSHIM_PROCFS_KERNEL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* The same numbers as in the session's tables. */
enum kernel_kind { KERNEL_SEGMENT, KERNEL_SET, KERNEL_QUEUE };

/*
 * A row of /proc/sysvipc/shm. Times are seconds since 1970; 0: never. In this form the model also
 * gets semaphore sets and queues: `size` is the number of semaphores, `nattch` that of messages,
 * `resident_bytes` are theirs, and no creator is known.
 */
struct kernel_segment {
	uint32_t kind; /* enum kernel_kind */
	int32_t shmid;
	uint32_t key;
	uint32_t mode; /* permission bits, and 01000 when it is marked for removal */
	uint64_t size;
	int32_t creator_pid, last_pid; /* 0: no process of this pid namespace */
	int32_t received_pid;          /* of a queue, live only: msg_lrpid */
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint64_t nattch;
	uint64_t attached, detached, changed; /* changed: created, or IPC_SET */
	uint64_t resident_bytes, swap_bytes;
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
	uint64_t used, taken, changed; /* last msgsnd or semop, last msgrcv, created or IPC_SET */
};

/* Instead of a shmid: the row is about the whole process. */
enum { HOLDER_READ = -1, HOLDER_UNREADABLE = -2 };

/* One mapping of a segment in a process, from /proc/PID/maps: each counts in nattch. */
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

/* One line of /proc/PID/maps, with what smaps adds to it. */
struct mapping_facts {
	uint64_t start, end;
	uint64_t offset; /* into the file, of `start` */
	uint32_t device_major, device_minor;
	uint64_t inode;
	char perm[5];     /* "rw-p" */
	bool segment;     /* of System V shared memory: the inode is its shmid */
	uint32_t key;     /* of the segment */
	bool pages_known; /* the next three are known; false where the kernel has no smaps */
	uint64_t page_bytes;
	uint64_t resident_bytes, swapped_bytes; /* of this mapping */
	const char *name;                       /* "" none; valid during the visit */
};

/*
 * Whether a process or an image still runs. The kernel answers; where the kernel cannot be asked
 * from here, the recorder's or the process's own record answers. STILL_UNKNOWN proves nothing, and
 * permits nothing.
 */
enum still { STILL_UNKNOWN, STILL_RUNS, STILL_ENDED };

#endif
