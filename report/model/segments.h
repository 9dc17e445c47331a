/* SPDX-License-Identifier: MIT */
/* What events tell about segments: which process created, changed and removed them. */
#ifndef MEMSHIM_MODEL_SEGMENTS_H
#define MEMSHIM_MODEL_SEGMENTS_H

#include "report/model/family.h"
#include "report/reader/facts.h"
#include "report/util/hash.h"

struct model;
struct model_process;

enum model_created {
	CREATED_NOT,    /* from before the session, or no shmget of the session named it */
	CREATED_LIKELY, /* IPC_CREAT: as far as is known, it did not exist */
	CREATED_SURELY, /* IPC_PRIVATE, IPC_EXCL, or the kernel says so */
};

enum model_segment_state {
	SEGMENT_PRESENT,
	SEGMENT_MARKED,
	SEGMENT_DESTROYED,
	SEGMENT_VANISHED,
};

#define SEGMENT_USERS 8u /* users that are kept */

/* Whether a segment that existed at the end of the session exists now, by the kernel. */
enum model_presence {
	PRESENCE_UNKNOWN, /* perhaps another namespace, or another object with this id */
	PRESENCE_HERE,
	PRESENCE_REMOVED,
};

/* One System V segment; after IPC_RMID the same id means another segment. */
struct model_segment {
	UT_hash_handle hh; /* by space, shmid and kind; the latest one with this id */
	uint32_t place;    /* its index in struct model_segments */
	uint64_t space;    /* its IPC namespace; 0: the session's own */
	int32_t shmid;
	uint32_t kind; /* enum object_kind: see objects.h */
	uint32_t key;
	bool key_known;
	uint64_t size;  /* 0 unknown */
	uint32_t flags; /* of the shmget that named it */
	bool flags_known;
	uint32_t mode, owner_uid; /* at creation, or after the last IPC_SET */
	bool owner_known;         /* both */
	enum model_created created;
	uint32_t creator, remover; /* instances; 0 none */
	uint32_t creator_stack, remover_stack;
	uint64_t seen_ns, removed_ns;
	uint64_t changed_ns; /* sets and queues: the last IPC_SET, SETVAL or SETALL; 0 none */
	bool removed;
	uint64_t attaches, detaches, inherited;
	uint64_t now, peak; /* attachments of the session's processes */
	uint64_t found;     /* of the kernel's nattch, mappings found in /proc/PID/maps */
	bool in_kernel;     /* `kernel` is valid */
	bool kernel_asked;
	struct kernel_segment kernel; /* when the session ended; while it goes on, now */
	bool surely_same; /* proved by the creator's pid, the size and the time of creation */
	enum model_segment_state state;
	uint32_t creator_family; /* as the ledger has it; 0 unknown */
	uint64_t user_families;  /* of other processes that attached it: bit (family % 64) */
	struct model_family family;
	bool leaked;
	bool orphaned;      /* as leaked, but a relative of the creator that never used it runs */
	bool users_unknown; /* more processes used it than are kept */
	uint32_t users[SEGMENT_USERS]; /* instances that named, attached or asked for it; 0 none */
	uint64_t held_at_end; /* attachments of processes that ran when the session ended */
	bool was_seen;        /* vanished: it was in the session's IPC namespace before */
	bool elsewhere;       /* its creator had moved to another IPC namespace */
	enum model_presence presence;
	struct kernel_segment current;         /* if PRESENCE_HERE */
	const struct model_reaped_row *reaped; /* by memshim reap; null: not known */
	bool leaked_now, orphaned_now;         /* the same, by what is known now */
	const struct snapshot_facts
		*met; /* of a segment from before the session; null: none was taken */
	const struct snapshot_facts *removal; /* right after its IPC_RMID; null: none was taken */
	/* The segments with its key before and after it; null none. After model_finalize. */
	const struct model_segment *predecessor, *successor;
};

/* IPC_SET: the owner and the mode of a segment from then on. */
struct model_change {
	const struct model_segment *segment;
	uint32_t instance, stack;
	uint64_t time_ns;
	uint32_t mode, uid, gid;
};

struct model_segments {
	struct model_segment **rows; /* in the order in which they were first seen */
	uint32_t count, capacity;
	struct model_segment *by_shmid;
};

void model_add_kernel_segment(struct model *model, const struct kernel_segment *segment);

void model_add_ledger(struct model *model, const struct ledger_facts *facts);

/*
 * The segment that has this id now, or had it last; null when it was never seen. model_segment_in:
 * in another IPC namespace than the session's own.
 */
struct model_segment *model_segment(const struct model *model, int32_t shmid);
struct model_segment *model_segment_in(const struct model *model, uint64_t space, int32_t shmid);

/* The segment of an event; null when it is not known. Call it after model_add_event of the event.
 */
const struct model_segment *model_event_segment(const struct model *model,
						const struct event *event);

/* The last known permissions; false when they are not known. */
bool model_segment_mode(const struct model_segment *segment, uint32_t *mode);

/* The last known user id of the owner; false when it is not known. */
bool model_segment_owner(const struct model_segment *segment, uint32_t *uid);

void segments_add_event(struct model *model, struct model_process *process,
			const struct event *event);

/*
 * The segment that has this id. Where there is none, a new row for a segment from before the
 * session.
 */
struct model_segment *segments_find(struct model *model, uint32_t instance, int32_t shmid,
				    uint64_t time_ns);

/* Keeps the process as a user of the segment until the process has ended. */
void segments_note_user(const struct model *model, struct model_segment *segment,
			uint32_t instance);

/* Makes this segment the latest with its id. False without memory. */
bool segments_index(struct model *model, struct model_segment *segment);

#endif
