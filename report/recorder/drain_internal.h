/* SPDX-License-Identifier: MIT */
/* What the files that read and write the live segment share: struct drain. */
#ifndef MEMSHIM_RECORDER_DRAIN_INTERNAL_H
#define MEMSHIM_RECORDER_DRAIN_INTERNAL_H

#include "preload/common/join.h"
#include "report/procfs/timens.h"
#include "report/recorder/drain.h"
#include "report/recorder/kernel_snapshot.h"
#include "report/recorder/recording.h"

struct drain;

/* truncation_guard.c: restores the length of the segment while it is live. */
void truncation_guard_begin(struct drain *drain);
void truncation_guard_turn(struct drain *drain);
void truncation_guard_end(struct drain *drain);

#define DRAIN_BATCH 16384u      /* events in one batch: 1 MiB */
#define DRAIN_UNPUBLISHED 1024u /* remembered per part; more are torn at once */
#define DRAIN_IDENTITIES 64u    /* gathered before they are written */

/* An event that was claimed and not published when the drain read it. */
struct drain_unpublished {
	uint64_t n;
	uint64_t since_ns;
};

struct drain_part {
	uint64_t next;       /* claim number of the first event that was not read yet */
	uint64_t unwritten;  /* events for which the disk had no room */
	uint64_t prefaulted; /* events, from the first claim on, whose pages are ready */
	uint32_t unpublished_count;
	struct drain_unpublished unpublished[DRAIN_UNPUBLISHED]; /* ascending n */
};

/* For a slot: the instance whose break differed once, and the one that was reported. */
struct drain_break_check {
	uint32_t suspected, reported;
};

/* For a slot: the limits when its image registered, and if there is one, its memory then. */
struct drain_limits {
	uint32_t instance;
	uint64_t data, space;              /* RLIMIT_DATA and RLIMIT_AS; 0 unknown */
	uint64_t mapped_bytes, data_bytes; /* VmSize and VmData, without the heap; 0 unknown */
};

/* Segments right after shmget created them, by the low bits of their id; 0 none, else shmid + 1. */
#define OBJECT_LOOKS 4096u
struct object_looks {
	uint32_t seen[OBJECT_LOOKS];
	uint32_t other_ipc_namespace[OBJECT_LOOKS];
};

struct drain {
	char *base;       /* the live segment, mapped writable; null: none */
	int fd;           /* its file, for the truncation guard; negative: none */
	bool was_cut;     /* a process truncated it */
	bool is_reserved; /* it had no holes at first */
	bool was_punched; /* a process punched holes */
	int namespace_fd; /* see prefault_namespace; negative: none */
	struct segment_header
		header; /* the recorder's copy: any process can write to the segment's */
	struct segment_shared *shared;
	struct recording recording;
	struct folder folder; /* the segment's; all file operations go through its descriptor */
	char path[SYSTEM_PATH_BYTES];
	uint32_t *reported;                     /* instance by slot; of drain_registrations alone */
	struct drain_break_check *break_checks; /* by slot; of drain_compare alone */
	struct drain_limits *limits;            /* by slot */
	struct drain_part *part;                /* as many as the log has */
	struct segment_event batch[DRAIN_BATCH];
	struct snapshots snapshots;
	struct segment_identity identities[DRAIN_IDENTITIES];
	uint32_t identity_count;
	struct object_looks looks;
};

static inline void *drain_region(const struct drain *drain, enum segment_region_kind kind)
{
	return drain->base + drain->header.region[kind].offset;
}

/* A reading of the session's clock. */
static inline uint64_t drain_clock(const struct drain *drain)
{
	return drain->header.clock == CLOCK_COUNTER ? clock_counter() : timens_monotonic_ns();
}

static inline struct segment_process *drain_slot(const struct drain *drain, uint32_t i)
{
	return (struct segment_process *)drain_region(drain, REGION_PROCESSES) + i;
}

static inline _Atomic uint64_t *drain_word(const struct drain *drain, uint32_t i)
{
	return (_Atomic uint64_t *)drain_region(drain, REGION_INDEX) + i;
}

static inline uint32_t drain_slots_used(const struct drain *drain)
{
	uint32_t used = half_accept(&drain->shared->slot_high);
	uint64_t count = drain->header.region[REGION_INDEX].count;

	return used < count ? used : (uint32_t)count;
}

/* slots.c: one chunk of `count` records. */
void drain_append(struct drain *drain, enum segment_region_kind kind, const void *records,
		  uint32_t record_bytes, uint64_t count);

/* slots.c: the slots that are still in use. */
void drain_append_slots(struct drain *drain);

/* caller_snapshot.c: the image's slot; null when it has ended. Its pid for the recorder; 0 unknown.
 */
const struct segment_process *snapshot_slot(const struct drain *drain, uint32_t instance);
pid_t snapshot_pid(const struct segment_process *slot);
/* The user, the limits and the memory of the process that made the call. */
void snapshot_caller(const struct drain *drain, struct segment_snapshot *snapshot, pid_t pid);
/* The first mapping that ends above `address`, except the heap. */
void snapshot_next_mapping(struct segment_snapshot *snapshot, pid_t pid, uint64_t address);
/* The machine's memory; `huge`: and its huge pages. */
void snapshot_memory(struct segment_snapshot *snapshot, bool huge);

/*
 * left_objects.c: asks the kernel about the segments that the batch's first `count` events created.
 * If one is gone at the end, that tells whether it ever was in the session's IPC namespace.
 */
void objects_look(struct drain *drain, uint64_t count);

/* left_objects.c: the session's objects that exist now, and those that are gone. */
void objects_append(struct drain *drain);

/* kernel_snapshot.c: takes the kernel snapshots that the batch's first `count` events need. */
void snapshots_look(struct drain *drain, uint64_t count);

/*
 * prefault.c: maps pages before a writer touches them: huge pages where possible, before COMMAND
 * runs; the tables; part i of the log, some way beyond its head.
 */
void prefault_huge(const struct drain *drain);
void prefault_tables(const struct drain *drain);
void prefault_log(struct drain *drain, uint32_t i, uint64_t head);

/* Each process looks at its IPC namespace, and the kernel makes that file anew if nobody has it. */
int prefault_namespace(void);

/* drain.c: appends an event of the recorder's own, which is in no part. */
void drain_append_event(struct drain *drain, const struct segment_event *event);

/* drain.c: after the last pass: counts the events that are still unpublished as torn. */
void drain_give_up(struct drain *drain);

#endif
