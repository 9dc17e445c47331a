/* SPDX-License-Identifier: MIT */
/* /proc/sysvipc/shm, msg and sem: the objects of this program's IPC namespace. */
#ifndef MEMSHIM_PROCFS_SYSVIPC_H
#define MEMSHIM_PROCFS_SYSVIPC_H

#include "report/procfs/kernel_rows.h"

/* Calls `visit` for each row. False where the table cannot be read. */
bool sysvipc_segments(void (*visit)(void *context, const struct kernel_segment *segment),
		      void *context);
bool sysvipc_objects(enum kernel_object_kind kind,
		     void (*visit)(void *context, const struct kernel_object *object),
		     void *context);

/* All three kinds, as rows of segments: see struct kernel_segment. False without segments. */
bool sysvipc_all(void (*visit)(void *context, const struct kernel_segment *object), void *context);

/* The process that changed a semaphore last, semctl(2) GETPID; 0: none, or it may not be read. */
int32_t sysvipc_last_pid(int32_t semid, int32_t semnum);

/* The calls that wait for one of the set's first 256 semaphores: semctl(2) GETNCNT, GETZCNT. */
uint32_t sysvipc_waiting(int32_t semid, uint64_t nsems);

/*
 * The process that sent the last message to the queue or, not `sent`, received the last: msgctl(2)
 * IPC_STAT. 0: none, or it may not be read.
 */
int32_t sysvipc_last_queue_pid(int32_t msqid, bool sent);

/* The limits of the IPC table: numbers as in /proc/sys/kernel; 0 where they cannot be read. */
struct sysvipc_limits {
	uint64_t segments;   /* shmmni */
	uint64_t pages;      /* shmall */
	uint64_t size_bytes; /* shmmax */
	uint64_t sets;       /* of semaphores: semmni */
	uint64_t semaphores; /* semmns */
	uint64_t queues;     /* msgmni */
};
void sysvipc_limits(struct sysvipc_limits *limits);

/* The limits of semget(2), semop(2), msgget(2) and msgsnd(2); 0 where they cannot be read. */
struct sysvipc_object_limits {
	uint64_t sets, semaphores;           /* kernel.sem: SEMMNI, SEMMNS of all sets together */
	uint64_t set_size, operations;       /* SEMMSL of one set, SEMOPM of one semop */
	uint64_t queues;                     /* msgmni */
	uint64_t message_bytes, queue_bytes; /* msgmax, msgmnb */
};
void sysvipc_object_limits(struct sysvipc_object_limits *limits);

/* kernel.shm_rmid_forced: the kernel removes a segment without attachments when its creator ends.
 */
bool sysvipc_rmid_forced(void);

#endif
