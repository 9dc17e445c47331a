/* SPDX-License-Identifier: MIT */
/*
 * An address space in zones, lowest address first: the kernel's mappings with their purpose, and
 * the free range above the break. The order of the calls:
 *
 *    zones_make ─▶ mappings, or attachments ─▶ zones_finalize ─▶ segments, holders
 *
 * Without memory it keeps what it has, and sets no_memory.
 */
#ifndef MEMSHIM_MODEL_ZONES_H
#define MEMSHIM_MODEL_ZONES_H

#include <limits.h>

#include "report/model/model.h"
#include "report/procfs/kernel_rows.h"

enum zone_kind {
#define ZONE_KIND(id, name, meaning) ZONE_##id,
#include "report/model/zone_kinds.def"
#undef ZONE_KIND
	ZONE_KIND_COUNT
};

/* Another process that has the segment attached. */
struct zone_holder {
	int32_t pid;
	uint64_t address;
	bool readonly;
	char comm[17];
};

struct zone {
	enum zone_kind kind;
	uint64_t start, end;
	char perm[5];     /* "" unknown */
	bool pages_known; /* the next two */
	uint64_t resident_bytes, swapped_bytes;
	uint64_t page_bytes;
	char *name; /* null none */
	/* Of attachments. */
	int32_t shmid;                      /* -1 for all others */
	bool key_known, size_known, listed; /* listed: `segment` is the kernel's row */
	uint32_t key;
	uint64_t size; /* of the segment */
	bool readonly;
	struct kernel_segment segment;
	struct zone_holder *holders;
	uint32_t holder_count, holder_capacity;
};

/* A semaphore set or queue that the process used or waits for: it lies in the kernel. */
struct zone_use {
	enum object_kind kind;
	int32_t id;
	uint64_t operations, received; /* as in use_facts */
	bool waits;
	struct wait_facts wait; /* the first of its threads that waits */
};

/* The process; addresses are 0 where they are not known. */
struct zones_process {
	int32_t pid;
	bool live; /* from the kernel, now; else from a recording */
	uint64_t page_bytes;
	uint64_t break_initial, break_current, break_peak;
	char comm[17];
	char exe[PATH_MAX]; /* "" unknown */
};

struct zones {
	struct zones_process process;
	struct zone *zones;
	uint32_t count, capacity;
	uint32_t *attached; /* indices of the attachments, in the order of their shmids */
	uint32_t attached_count;
	struct zone_use *uses;
	uint32_t use_count, use_capacity;
	bool headroom_known;   /* headroom_bytes is exact */
	bool headroom_at_most; /* headroom_bytes is the most that is possible: other mappings are
				  not recorded */
	uint64_t headroom_bytes;
	bool no_memory;
};

struct zones *zones_make(const struct zones_process *process);
void zones_free(struct zones *zones);

void zones_add_mapping(struct zones *zones, const struct mapping_facts *facts);

/* Finds the purpose of each mapping, the break, and the free range above it. */
void zones_finalize(struct zones *zones);

/* What the process did with a set or queue, and a call that has not returned. */
void zones_add_use(struct zones *zones, const struct use_facts *facts);
void zones_add_wait(struct zones *zones, const struct wait_facts *facts);

/* How many zones are attachments of this segment. */
uint32_t zones_of_segment(const struct zones *zones, int32_t shmid);

/* Adds the kernel's row of a segment that is attached here. */
void zones_add_segment(struct zones *zones, const struct kernel_segment *segment);

/* Adds another process that has a segment attached. */
void zones_add_holder(struct zones *zones, int32_t shmid, const struct zone_holder *holder);

/* The same zone in an earlier sample, whatever its size was; null when it is new. */
const struct zone *zones_before(const struct zones *before, const struct zone *zone);

static inline uint64_t zone_bytes(const struct zone *zone)
{
	return zone->end - zone->start;
}

const char *zone_kind_name(enum zone_kind kind);

#endif
