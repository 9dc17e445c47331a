/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells about the segments, and the verdicts that follow: their state when the
 * session ended, and now.
 */
#ifndef MEMSHIM_MODEL_VERDICTS_H
#define MEMSHIM_MODEL_VERDICTS_H

#include <stddef.h>

#include "report/model/segments.h"

/* The kernel snapshot of an event that named a segment from before the session. */
struct model_find {
	UT_hash_handle hh;
	uint64_t time_ns; /* of the event */
	struct snapshot_facts snapshot;
};

/* The rows of all three kinds are found by kind and id. */
#define KERNEL_KEY_BYTES \
	(offsetof(struct kernel_segment, key) - offsetof(struct kernel_segment, kind))

struct model_kernel_row {
	UT_hash_handle hh;
	struct kernel_segment segment;
};

/* A segment that `memshim reap` removed, as it noted it. */
struct model_reaped_row {
	UT_hash_handle hh;
	struct kernel_segment segment;
	uint64_t removed_s; /* seconds since 1970 */
	uint32_t uid;       /* the user that ran it */
};

struct model_object_row {
	UT_hash_handle hh;
	struct object_facts facts;
};

/* What the kernel told: at single calls, when the session ended, and now. */
struct model_kernel {
	struct model_kernel_row *rows; /* the segments, as the kernel has them now */
	bool known; /* the rows are complete; for their namespace see session.same_ipc */
	struct model_reaped_row *reaped_rows;
	struct model_object_row *object_rows; /* as the recorder found them at the end */
	struct snapshot_facts *snapshots;
	uint32_t snapshot_count, snapshot_capacity;
	struct model_find *finds;      /* by time */
	struct kernel_holder *holders; /* by pid and address, after model_finalize */
	uint32_t holder_count, holder_capacity;
	bool holders_known;
	uint64_t holders_ns; /* the holders lack attachments made after this time; 0: they lack none
			      */
};

void model_add_object(struct model *model, const struct object_facts *object);

void model_add_reaped(struct model *model, const struct kernel_segment *segment, uint64_t removed_s,
		      uint32_t uid);

/*
 * Call it after the kernel's rows, the objects and the tables were added. Sets session.same_ipc if
 * it was not known and an object proves that this IPC namespace is the session's.
 */
void model_recognize_namespace(struct model *model);

/* The kernel's row of an id: when the session ended, or now for a live session. */
const struct kernel_segment *verdict_row(const struct model *model, uint32_t kind, int32_t id);

/* Takes from that row whether the segment existed, and its other facts. */
void verdict_learn_row(struct model *model, struct model_segment *segment);

/* After the segment's state is known: adds what the kernel tells now. */
void verdict_learn_presence(const struct model *model, struct model_segment *segment);

void verdict_free_rows(struct model *model);

#endif
