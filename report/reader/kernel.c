/* SPDX-License-Identifier: MIT */
#include "report/reader/kernel.h"

#include <string.h>

#include "report/procfs/sysvipc.h"
#include "report/reader/kernel_break.h"
#include "report/reader/reader_internal.h"

/* ---- segments ---- */

bool kernel_read_segments(const struct source *source, const struct facts_visitor *visitor)
{
	return source->facts.maybe_ipc &&
	       sysvipc_segments(visitor->kernel_segment, visitor->context);
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
