/* SPDX-License-Identifier: MIT */
/*
 * Events are added to the model while conclusions are drawn from a copy: model_finalize removes
 * attachments and adds rows of the tables, and the next event must not see that.
 *
 * The copy has its own processes, segments, attachments and sites, which model_finalize and later
 * events change. It shares the rest with the original: programs, heaps, failures, kernel
 * snapshots, frames, modules, names.
 */
#include "report/model/copy.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/model.h"
#include "report/model/objects.h"
#include "report/model/segments.h"

static void *copy_duplicate(struct model *copy, const void *from, size_t count,
			    size_t element_bytes)
{
	void *to = count ? malloc(count * element_bytes) : NULL;

	if (to)
		memcpy(to, from, count * element_bytes);
	else if (count)
		copy->no_memory = true;
	return to;
}

/* The copy's segment that corresponds to the original's. */
static struct model_segment *of_copy(const struct model *copy, const struct model_segment *original)
{
	return original ? copy->segments.rows[original->place] : NULL;
}

static bool copy_segments(struct model *copy, const struct model *from)
{
	struct model_segment *segment, *next;

	copy->segments.by_shmid = NULL;
	copy->segments.rows = calloc(from->segments.count + 1, sizeof *copy->segments.rows);
	copy->segments.capacity = copy->segments.count = copy->segments.rows ? from->segments.count
									     : 0;
	for (uint32_t i = 0; i < copy->segments.count; i++) {
		copy->segments.rows[i] = copy_duplicate(copy, from->segments.rows[i], 1,
							sizeof *segment);
		if (!copy->segments.rows[i])
			return false;
	}
	HASH_ITER (hh, from->segments.by_shmid, segment, next) {
		struct model_segment *ours = copy->segments.rows ? of_copy(copy, segment) : NULL;

		if (!ours || !segments_index(copy, ours))
			return false;
	}
	return copy->segments.rows != NULL;
}

static bool copy_process(struct model *copy, const struct model_process *from, uint32_t instance)
{
	struct model_process *process = copy_duplicate(copy, from, 1, sizeof *process);

	copy->processes.by_instance[instance] = process;
	if (!process)
		return false;
	process->held_segment = of_copy(copy, from->held_segment);
	process->blocked_by = of_copy(copy, from->blocked_by);
	process->repeated = of_copy(copy, from->repeated);
	process->attached = copy_duplicate(copy, from->attached, from->attached_count,
					   sizeof *from->attached);
	process->attached_capacity = process->attached ? from->attached_count : 0;
	for (uint32_t i = 0; i < process->attached_capacity; i++)
		process->attached[i].segment = of_copy(copy, from->attached[i].segment);
	if (process->attached || !from->attached_count)
		return true;
	process->attached_count = 0;
	return false;
}

static bool copy_processes(struct model *copy, const struct model *from)
{
	bool whole = true;

	copy->processes.by_instance = calloc(from->processes.instance_capacity + 1,
					     sizeof *copy->processes.by_instance);
	if (!copy->processes.by_instance)
		return false;
	copy->processes.instance_capacity = from->processes.instance_capacity;
	for (uint32_t i = 1; i < from->processes.instance_capacity; i++)
		if (from->processes.by_instance[i])
			whole &= copy_process(copy, from->processes.by_instance[i], i);
	return whole;
}

static bool copy_past(struct model *copy, const struct model *from)
{
	copy->history.past = copy_duplicate(copy, from->history.past, from->history.past_count,
					    sizeof *copy->history.past);
	copy->history.past_count = copy->history.past_capacity = copy->history.past
									 ? from->history.past_count
									 : 0;
	for (uint32_t i = 0; i < copy->history.past_count; i++) {
		struct model_past *past = &copy->history.past[i];

		past->process = model_process(copy, past->process->facts.instance);
		past->attachment.segment = of_copy(copy, past->attachment.segment);
	}
	return copy->history.past_count == from->history.past_count;
}

static bool copy_changes(struct model *copy, const struct model *from)
{
	copy->history.changes = copy_duplicate(copy, from->history.changes,
					       from->history.change_count,
					       sizeof *copy->history.changes);
	copy->history.change_count = copy->history.change_capacity =
		copy->history.changes ? from->history.change_count : 0;
	for (uint32_t i = 0; i < copy->history.change_count; i++)
		copy->history.changes[i].segment = of_copy(copy, copy->history.changes[i].segment);
	return copy->history.change_count == from->history.change_count;
}

static bool copy_sites(struct model *copy, const struct model *from)
{
	copy->sites.latest_of_stack = NULL;
	copy->sites.stack_capacity = 0;
	copy->sites.rows = copy_duplicate(copy, from->sites.rows, from->sites.count,
					  sizeof *copy->sites.rows);
	copy->sites.count = copy->sites.capacity = copy->sites.rows ? from->sites.count : 0;
	return copy->sites.count == from->sites.count;
}

struct model *model_copy(const struct model *from)
{
	struct model *copy = malloc(sizeof *copy);

	if (!copy)
		return NULL;
	*copy = *from;
	copy->original = from;
	copy->processes.by_instance = NULL;
	copy->processes.instance_capacity = 0;
	copy->history.past = NULL;
	copy->history.past_count = copy->history.past_capacity = 0;
	copy->history.recent = NULL;
	copy->history.recent_capacity = 0;
	copy->history.recent_count = 0;
	copy->history.changes = NULL;
	copy->history.change_count = copy->history.change_capacity = 0;
	copy->sites.rows = NULL;
	copy->kernel.rows = NULL;
	copy->kernel.holders = NULL;
	copy->processes.unfollowed = NULL;
	copy->operations = (struct model_operations){0};
	copy->objects = (struct model_segments){0};
	copy->findings.rows = NULL;
	copy->kernel.holder_count = copy->kernel.holder_capacity = 0;
	copy->processes.unfollowed_count = copy->processes.unfollowed_capacity = 0;
	copy->findings.count = copy->findings.capacity = 0;
	if (copy_segments(copy, from) && copy_processes(copy, from) && copy_past(copy, from) &&
	    copy_changes(copy, from) && copy_sites(copy, from) && objects_copy(copy, from))
		return copy;
	model_free(copy);
	return NULL;
}
