/* SPDX-License-Identifier: MIT */
#include "report/recorder/prefault.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "preload/common/files.h"
#include "report/recorder/drain_struct.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE 4096u
#define TABLE_MOST (256u << 10)  /* of each table; most sessions need no more */
#define HUGE_MOST_NS 20000000ull /* COMMAND waits for it; 8 ms is usual */
#define AHEAD_EVENTS 8192u       /* 512 KiB: more than a CPU writes between two passes */

/* Touches [begin, end) of the segment, in whole pages. */
static void prefault_touch(const struct drain *drain, uint64_t begin, uint64_t end)
{
	char *base = drain->base;

	begin &= ~(uint64_t)(PAGE - 1);
	end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	if (end > drain->header.total_bytes)
		end = drain->header.total_bytes;
	if (begin >= end || madvise(base + begin, end - begin, MADV_POPULATE_READ) == 0)
		return;
	for (uint64_t at = begin; at < end; at += PAGE) /* before Linux 5.14 */
		(void)*(volatile const char *)(base + at);
}

static void touch_region(const struct drain *drain, enum segment_region_kind kind)
{
	const struct segment_region *region = &drain->header.region[kind];
	uint64_t bytes = region->count * region->record_bytes;

	prefault_touch(drain, region->offset,
		       region->offset + (bytes < TABLE_MOST ? bytes : TABLE_MOST));
}

void prefault_huge(const struct drain *drain)
{
	uint64_t end = sys_clock_ns(CLOCK_MONOTONIC) + HUGE_MOST_NS;

	for (uint64_t at = 0; at + SYSTEM_HUGE_BYTES <= drain->header.total_bytes &&
			      sys_clock_ns(CLOCK_MONOTONIC) < end;
	     at += SYSTEM_HUGE_BYTES)
		if (madvise(drain->base + at, SYSTEM_HUGE_BYTES, MADV_COLLAPSE) != 0)
			return;
}

int prefault_namespace(void)
{
	return open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
}

void prefault_tables(const struct drain *drain)
{
	for (int kind = REGION_SHARED; kind < REGION_LOG; kind++)
		touch_region(drain, (enum segment_region_kind)kind);
}

void prefault_log(struct drain *drain, uint32_t i, uint64_t head)
{
	struct drain_ring *ring = &drain->ring[i];
	uint64_t events = drain->header.ring_events;
	uint64_t wanted = head - drain->header.first_claim + AHEAD_EVENTS;
	uint64_t offset = drain->header.region[REGION_LOG].offset;

	wanted = wanted < events ? wanted : events;
	if (ring->prefaulted >= wanted)
		return;
	/* Claim numbers begin anywhere: the first event's place is first_claim, masked. */
	for (uint64_t n = ring->prefaulted; n < wanted;) {
		uint64_t slot = (drain->header.first_claim + n) & (events - 1);
		uint64_t run = events - slot < wanted - n ? events - slot : wanted - n;
		uint64_t at = offset + (i * events + slot) * sizeof(struct segment_event);

		prefault_touch(drain, at, at + run * sizeof(struct segment_event));
		n += run;
	}
	ring->prefaulted = wanted;
}
