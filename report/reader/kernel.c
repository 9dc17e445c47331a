/* SPDX-License-Identifier: MIT */
#include "report/reader/kernel.h"

#include <stdio.h>
#include <string.h>

#include "report/reader/inside.h"
#include "report/reader/sysvipc.h"

/* ---- segments ---- */

bool kernel_read_segments(const struct source *source, const struct kernel_taker *taker)
{
	return source->facts.same_ipc && sysvipc_segments(taker->segment, taker->context);
}

/* ---- processes ---- */

struct layout {
	uint64_t heap_end;   /* 0: there is no heap */
	uint64_t next_start; /* of the first mapping above the break; 0: none seen */
};

static bool read_layout(int32_t pid, uint64_t program_break, struct layout *layout)
{
	char path[64], line[4352];
	unsigned long long start, end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	*layout = (struct layout){0, 0};
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2)
			continue;
		if (strstr(line, " [heap]"))
			layout->heap_end = end;
		else if (start >= program_break && !layout->next_start)
			layout->next_start = start;
	}
	fclose(file);
	return true;
}

/* No call is under way, and none came in between: then both looks saw one and the same break. */
static bool was_quiet(const struct segment_process *before, const struct segment_process *after)
{
	uint64_t begun = after->begun[CALL_BRK] + after->begun[CALL_SBRK];
	uint64_t done = after->ok[CALL_BRK] + after->ok[CALL_SBRK] + after->failed[CALL_BRK] +
			after->failed[CALL_SBRK] + after->queries;

	return before->begun[CALL_BRK] + before->begun[CALL_SBRK] == begun && begun == done &&
	       before->break_current == after->break_current;
}

static void look_at_process(const struct source *source, uint32_t i,
			    const struct kernel_taker *taker)
{
	uint64_t page = source_header(source)->page_bytes, edge, start;
	struct segment_process before, after;
	struct kernel_process facts = {0};
	struct layout layout;

	if (!source_slot(source, i, &before) || !source_process_runs(source, &before) ||
	    page == 0 || page & (page - 1) ||
	    !read_layout(before.pid, before.break_current, &layout) ||
	    !source_slot(source, i, &after) || after.instance != before.instance ||
	    !was_quiet(&before, &after) || !source_process_runs(source, &after))
		return;
	facts.instance = after.instance;
	edge = (after.break_current + page - 1) & ~(page - 1);
	start = (after.break_initial + page - 1) & ~(page - 1);
	/* Without a heap the break is where it began; a guessed beginning tells nothing. */
	if (layout.heap_end)
		facts.break_differs = layout.heap_end != edge;
	else
		facts.break_differs = after.flags & PROCESS_BREAK_KNOWN && edge != start;
	facts.headroom_known = layout.next_start != 0;
	facts.headroom_bytes = layout.next_start - after.break_current;
	taker->process(taker->context, &facts);
}

void kernel_read_processes(const struct source *source, const struct kernel_taker *taker)
{
	uint32_t count = source_slot_count(source);

	if (source->facts.state != SESSION_LIVE || !source->same_pids)
		return;
	for (uint32_t i = 0; i < count; i++)
		look_at_process(source, i, taker);
}
