/* SPDX-License-Identifier: MIT */
/*
 * struct drain: the live segment and the recording, for the files that copy the one into the other.
 */
#ifndef MEMSHIM_RECORDER_DRAIN_STRUCT_H
#define MEMSHIM_RECORDER_DRAIN_STRUCT_H

#include "preload/common/join.h"
#include "report/procfs/timens.h"
#include "report/recorder/drain_types.h"
#include "report/recorder/kernel_snapshot.h"
#include "report/recorder/recording.h"

#define DRAIN_BATCH 16384u      /* events in one batch: 1 MiB */
#define DRAIN_UNPUBLISHED 1024u /* kept for each ring; more are torn at once */
#define DRAIN_IDENTITIES 64u    /* gathered before they are written */

/* An event that was claimed and not published when the drain read it. */
struct drain_unpublished {
	uint64_t n;
	uint64_t since_ns;
};

struct drain_ring {
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

/*
 * For a slot: the limits when its image registered and, if it has limits, its memory at that time.
 */
struct drain_limits {
	uint32_t instance;
	uint64_t data, space;              /* RLIMIT_DATA and RLIMIT_AS; 0 unknown */
	uint64_t mapped_bytes, data_bytes; /* VmSize and VmData, without the heap; 0 unknown */
};

/*
 * Segments that the kernel had right after shmget created them, by the low bits of their id; 0
 * none, else shmid + 1.
 */
#define OBJECT_NOTES 4096u
struct object_notes {
	uint32_t seen[OBJECT_NOTES];
	uint32_t other_ipc_namespace[OBJECT_NOTES];
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
	struct drain_ring *ring;                /* as many as the log has */
	uint64_t passed_ns;                     /* CLOCK_MONOTONIC at the end of the last pass */
	struct segment_event batch[DRAIN_BATCH];
	struct snapshots snapshots;
	struct segment_identity identities[DRAIN_IDENTITIES];
	uint32_t identity_count;
	struct object_notes notes;
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

#endif
