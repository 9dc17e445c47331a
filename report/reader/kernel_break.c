/* SPDX-License-Identifier: MIT */
#include "report/reader/kernel_break.h"

#include <stdio.h>
#include <string.h>

#include "report/procfs/proc.h"

bool breaks_read(int32_t pid, const char *segment, uint64_t program_break, struct breaks *breaks)
{
	char path[64], line[4352];
	unsigned long long start, end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	*breaks = (struct breaks){0, 0, 0};
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2)
			continue;
		if (proc_is_heap(line))
			breaks->heap_end = end;
		else if (start >= program_break && !breaks->next_start)
			breaks->next_start = start;
		if (!breaks->segment_start && strstr(line, segment))
			breaks->segment_start = start;
	}
	fclose(file);
	return true;
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
	/* Without a heap the break is at its start: after fork, at the start of the first parent's.
	 */
	return slot->how == LIFECYCLE_START && edge != start;
}
