/* SPDX-License-Identifier: MIT */
#include "report/reader/kernel_check.h"

#include <string.h>

#include "report/procfs/maps.h"
#include "report/procfs/sysvipc.h"
#include "report/reader/presence.h"

/* ---- breaks ---- */

struct breaks_search {
	const char *segment;
	uint64_t program_break;
	struct breaks *breaks;
};

static bool breaks_visit_mapping(void *context, const struct mapping_facts *mapping)
{
	const struct breaks_search *search = context;
	struct breaks *breaks = search->breaks;

	if (mapping_is_heap(mapping))
		breaks->heap_end = mapping->end;
	else if (mapping->start >= search->program_break && !breaks->next_start)
		breaks->next_start = mapping->start;
	if (!breaks->segment_start && strstr(mapping->name, search->segment))
		breaks->segment_start = mapping->start;
	return true;
}

bool breaks_read(int32_t pid, const char *segment, uint64_t program_break, struct breaks *breaks)
{
	struct breaks_search search = {segment, program_break, breaks};

	*breaks = (struct breaks){0, 0, 0};
	return maps_visit(pid, breaks_visit_mapping, &search) == 0;
}

bool breaks_were_quiet(const struct segment_process *before, const struct segment_process *after)
{
	uint64_t begun = after->begun[CALL_BRK] + after->begun[CALL_SBRK];
	uint64_t done = after->ok[CALL_BRK] + after->ok[CALL_SBRK] + after->failed[CALL_BRK] +
			after->failed[CALL_SBRK] + after->queries;

	return before->begun[CALL_BRK] + before->begun[CALL_SBRK] == begun && begun == done &&
	       before->break_current == after->break_current;
}

bool breaks_differ(const struct breaks *breaks, const struct segment_process *slot,
		   uint64_t page_bytes)
{
	uint64_t edge = (slot->break_current + page_bytes - 1) & ~(page_bytes - 1);
	uint64_t start = (slot->break_initial + page_bytes - 1) & ~(page_bytes - 1);

	/* Where the kernel reports no start of the break, an emulator may keep the break. */
	if (!breaks_are_of(breaks, slot) || !(slot->flags & PROCESS_BREAK_KNOWN))
		return false;
	if (breaks->heap_end)
		return breaks->heap_end != edge;
	/* Without a heap the break is at its start; after fork, at the first parent's start. */
	return slot->how == LIFECYCLE_START && edge != start;
}

/* ---- segments ---- */

bool kernel_read_segments(const struct source *source, const struct facts_visitor *visitor)
{
	return source->facts.maybe_ipc && sysvipc_all(visitor->kernel_segment, visitor->context);
}

/* ---- processes ---- */

static void kernel_read_process(const struct source *source, uint32_t i,
				const struct facts_visitor *visitor)
{
	uint64_t page = source_header(source)->page_bytes;
	const char *slash = strrchr(source->segment.path, '/');
	const char *segment = slash ? slash : source->segment.path;
	struct segment_process before, after;
	struct kernel_process facts = {0};
	struct breaks breaks;

	if (!source_slot(source, i, &before) || !source_process_runs(source, &before) ||
	    page == 0 || page & (page - 1) ||
	    !breaks_read(before.pid, segment, before.break_current, &breaks) ||
	    !source_slot(source, i, &after) || after.instance != before.instance ||
	    !breaks_were_quiet(&before, &after) || !source_process_runs(source, &after))
		return;
	facts.instance = after.instance;
	facts.break_differs = breaks_differ(&breaks, &after, page);
	facts.headroom_known = breaks.next_start != 0 && breaks_are_of(&breaks, &after) &&
			       after.flags & PROCESS_BREAK_KNOWN;
	facts.headroom_bytes = breaks.next_start - after.break_current;
	visitor->kernel_process(visitor->context, &facts);
}

void kernel_read_processes(const struct source *source, const struct facts_visitor *visitor)
{
	uint32_t count = source_slot_count(source);

	if (source->facts.state != SESSION_LIVE || !source->same_pids)
		return;
	for (uint32_t i = 0; i < count; i++)
		kernel_read_process(source, i, visitor);
}
