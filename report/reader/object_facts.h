/* SPDX-License-Identifier: MIT */
/*
 * What the session's tables say about System V objects: segments, semaphore sets, message queues.
 * Times are nanoseconds since the session's start.
 */
#ifndef MEMSHIM_READER_OBJECT_FACTS_H
#define MEMSHIM_READER_OBJECT_FACTS_H

#include "report/procfs/kernel_rows.h"
#include "report/reader/event.h"

/* An attachment that existed when the tables were read. */
struct attachment_facts {
	uint32_t instance;
	int32_t shmid;
	bool inherited, readonly;
	uint64_t address;
	uint64_t since_ns;
};

/* A row of the session's ledger of objects. It is exact even when events are lost. */
struct ledger_facts {
	enum object_kind kind;
	int32_t id;
	bool removed;
	uint32_t creator, remover; /* instances; 0 none */
	uint32_t key;
	uint32_t flags;
	uint64_t size; /* of sets: nsems; 0 unknown */
	uint64_t seen_ns, removed_ns;
	uint64_t attaches, detaches, inherited; /* of sets: operations; of queues: sent, received */
	uint32_t creator_stack, remover_stack;  /* 0 none */
	uint32_t creator_family;                /* 0 unknown */
	uint64_t user_families; /* bit (family % 64) of each process that attached it or operated
				   on it, except the creator's family */
};

/* What an image did with a set or a queue. There may be several rows of one pair: they add up. */
struct use_facts {
	uint32_t instance;
	enum object_kind kind;
	int32_t id;
	uint64_t operations, received; /* successful semop; or sent, received */
	uint64_t seen_ns;              /* the first of them */
};

/* A call that had not returned when the tables were read, or when its image had ended. */
struct wait_facts {
	uint32_t instance;
	int32_t tid;  /* as the thread sees itself */
	uint8_t call; /* enum event_kind: semop, semtimedop, msgsnd, msgrcv */
	enum object_kind kind;
	int32_t id;
	uint64_t since_ns;
	uint32_t nsops; /* semop: 0: the operation is not known */
	int32_t semnum, op;
	int64_t type; /* msgrcv */
	/*
	 * Of a live session, by the kernel: the process that changed the semaphore last or, of a
	 * queue, that last did what this call waits for: sent, or received. 0 unknown.
	 */
	int32_t last_pid;
};

/* An object at the end of a recorded session, as the kernel reported it then. */
struct object_facts {
	bool gone; /* no call of the session removed it; only kind and id of `segment` are valid */
	bool was_seen;  /* gone: it existed in the session's IPC namespace before */
	bool elsewhere; /* gone: its creator was in another IPC namespace when it created it */
	struct kernel_segment segment;
};

#endif
