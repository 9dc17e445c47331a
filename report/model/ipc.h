/* SPDX-License-Identifier: MIT */
/*
 * The machine's IPC table, with what sessions know. The kernel has only a creator's pid: that
 * process may have ended, and another program may have its pid. A session that recorded the
 * creation has the creator's name. No input and no output.
 */
#ifndef MEMSHIM_MODEL_IPC_H
#define MEMSHIM_MODEL_IPC_H

#include "report/model/filter.h"

/* The creator of a segment, by the ledger of a session or by the running process. */
struct ipc_creator {
	int32_t pid; /* as the kernel gave it; 0 unknown */
	bool known;  /* the rest is */
	bool by_session;
	bool runs;
	char program[64];
	char cmdline[137];
	char session[64];
	char recording[512]; /* the session's recording; "" not known */
	char site[256];      /* where it was created: "function (file:line)"; "" not known */
};

struct ipc_segment {
	struct kernel_segment kernel;
	struct ipc_creator creator;
	uint32_t first_holder, holder_count; /* in the table's holders */
	uint32_t other_count;                /* after those: holders in other IPC namespaces */
};

/* A running process that used a set or a queue, by a live session. */
struct ipc_user {
	int32_t pid;
	char program[17]; /* its beginning */
};

#define IPC_USERS 8u

/* The kernel keeps neither creator nor users of these: only sessions know some. */
struct ipc_object {
	struct kernel_object kernel;
	struct ipc_creator creator;
	struct ipc_user users[IPC_USERS]; /* the first of them */
	uint32_t user_count;
	uint32_t waiting; /* calls that wait for a semaphore of the set, by the kernel */
};

struct ipc_table {
	struct ipc_segment *segments;
	struct ipc_object *objects;    /* queues, then sets of semaphores */
	struct kernel_holder *holders; /* by segment */
	uint32_t segment_count, segment_capacity;
	uint32_t object_count, object_capacity;
	uint32_t holder_count, holder_capacity;
	bool no_memory;
};

void ipc_add_segment(struct ipc_table *table, const struct kernel_segment *segment);
void ipc_add_object(struct ipc_table *table, const struct kernel_object *object);
void ipc_add_holder(struct ipc_table *table, const struct kernel_holder *holder);

/* After all of them: sorts by id, and gives each segment its holders. */
void ipc_finalize(struct ipc_table *table);

/* The segment of this id; null when there is none. After ipc_finalize. */
struct ipc_segment *ipc_find(const struct ipc_table *table, int32_t shmid);

/* The set or queue of this id; null when there is none. */
struct ipc_object *ipc_find_object(const struct ipc_table *table, enum object_kind kind,
				   int32_t id);

/* Adds a running user, each once. */
void ipc_add_user(struct ipc_object *object, int32_t pid, const char *program);

/*
 * Whether a ledger row is about this object, and its process surely created it. `since_s`: the
 * second of the creation; the kernel's time of change cannot be earlier.
 */
bool ipc_is_of_object_row(const struct ipc_object *object, const struct ledger_facts *row,
			  uint64_t since_s);

/* Whether a ledger row is about this segment, and not about an earlier one with its id. */
bool ipc_is_of_row(const struct ipc_segment *segment, const struct ledger_facts *row);

bool ipc_wants(const struct filter *filter, const struct ipc_segment *segment);
bool ipc_wants_object(const struct filter *filter, const struct kernel_object *object);

void ipc_free(struct ipc_table *table);

#endif
