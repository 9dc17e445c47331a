/* SPDX-License-Identifier: MIT */
#include "report/recorder/break_check.h"

#include <string.h>

#include "report/procfs/proc.h"
#include "report/reader/kernel_check.h"
#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/slots.h"

static bool can_be_asked(const struct drain *drain, const struct segment_process *slot)
{
	bool same_pids = !slot->pid_namespace || slot->pid_namespace == drain->header.pid_namespace;

	return same_pids && slot->start_time && half_load(&slot->state) == PROCESS_RUNNING &&
	       slot->coverage == COVERAGE_FULL && alive_process(slot->pid, slot->start_time);
}

static bool break_has_moved(const struct drain *drain, uint32_t i)
{
	const struct segment_process *slot = drain_slot(drain, i);
	struct segment_process before, after;
	struct breaks breaks;

	if (!can_be_asked(drain, slot))
		return false;
	memcpy(&before, slot, sizeof before);
	if (!breaks_read(before.pid, strrchr(drain->path, '/'), before.break_current, &breaks))
		return false;
	memcpy(&after, slot, sizeof after);
	return after.instance == before.instance && half_load(&slot->state) == PROCESS_RUNNING &&
	       breaks_were_quiet(&before, &after) &&
	       breaks_differ(&breaks, &after, drain->header.page_bytes);
}

static void break_check_append(struct drain *drain, uint32_t instance)
{
	struct segment_snapshot snapshot = {
		.clock = drain_clock(drain),
		.instance = instance,
		.call = CALL_BRK,
		.shmid = -1,
	};

	drain_append(drain, REGION_SNAPSHOTS, &snapshot, sizeof snapshot, 1);
}

void drain_compare(struct drain *drain)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++) {
		struct drain_break_check *break_checks = &drain->break_checks[i];
		uint32_t instance = (uint32_t)word_accept(drain_word(drain, i));

		drain_log_if_due(drain);
		if (instance == 0 || break_checks->reported == instance)
			continue;
		if (!break_has_moved(drain, i)) {
			break_checks->suspected = 0;
		} else if (break_checks->suspected != instance) {
			break_checks->suspected = instance;
		} else {
			break_checks->reported = instance;
			break_check_append(drain, instance);
		}
	}
}
