/* SPDX-License-Identifier: MIT */
/*
 * A model goes on being fed while conclusions are drawn from a copy of it: model_finalize takes
 * attachments away and adds what the tables know, and the next event must not find that.
 *
 * Copied is what finishing or further events would change: processes, segments, attachments, sites.
 * The rest (programs, failures, sights, frames, modules, names) is the original's own.
 */
#include <stdlib.h>
#include <string.h>

#include "report/model/model_internal.h"

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

/* The copy's segment in the place of the original's. */
static struct model_segment *of_copy(const struct model *copy, const struct model_segment *original)
{
	return original ? copy->segments[original->place] : NULL;
}

static bool copy_segments(struct model *copy, const struct model *from)
{
	struct model_segment *segment, *next;

	copy->by_shmid = NULL;
	copy->segments = calloc(from->segment_count + 1, sizeof *copy->segments);
	copy->segment_capacity = copy->segment_count = copy->segments ? from->segment_count : 0;
	for (uint32_t i = 0; i < copy->segment_count; i++) {
		copy->segments[i] = copy_duplicate(copy, from->segments[i], 1, sizeof *segment);
		if (!copy->segments[i])
			return false;
	}
	HASH_ITER (hh, from->by_shmid, segment, next) {
		struct model_segment *ours = copy->segments ? of_copy(copy, segment) : NULL;

		if (!ours || !segments_index(copy, ours))
			return false;
	}
	return copy->segments != NULL;
}

static bool copy_process(struct model *copy, const struct model_process *from, uint32_t instance)
{
	struct model_process *process = copy_duplicate(copy, from, 1, sizeof *process);

	copy->by_instance[instance] = process;
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

	copy->by_instance = calloc(from->instance_capacity + 1, sizeof *copy->by_instance);
	if (!copy->by_instance)
		return false;
	copy->instance_capacity = from->instance_capacity;
	for (uint32_t i = 1; i < from->instance_capacity; i++)
		if (from->by_instance[i])
			whole &= copy_process(copy, from->by_instance[i], i);
	return whole;
}

static bool copy_past(struct model *copy, const struct model *from)
{
	copy->past = copy_duplicate(copy, from->past, from->past_count, sizeof *copy->past);
	copy->past_count = copy->past_capacity = copy->past ? from->past_count : 0;
	for (uint32_t i = 0; i < copy->past_count; i++) {
		struct model_past *past = &copy->past[i];

		past->process = model_process(copy, past->process->facts.instance);
		past->attachment.segment = of_copy(copy, past->attachment.segment);
	}
	return copy->past_count == from->past_count;
}

static bool copy_changes(struct model *copy, const struct model *from)
{
	copy->changes = copy_duplicate(copy, from->changes, from->change_count,
				       sizeof *copy->changes);
	copy->change_count = copy->change_capacity = copy->changes ? from->change_count : 0;
	for (uint32_t i = 0; i < copy->change_count; i++)
		copy->changes[i].segment = of_copy(copy, copy->changes[i].segment);
	return copy->change_count == from->change_count;
}

static bool copy_sites(struct model *copy, const struct model *from)
{
	copy->site_of_stack = NULL;
	copy->site_stack_capacity = 0;
	copy->sites = copy_duplicate(copy, from->sites, from->site_count, sizeof *copy->sites);
	copy->site_count = copy->site_capacity = copy->sites ? from->site_count : 0;
	return copy->site_count == from->site_count;
}

struct model *model_copy(const struct model *from)
{
	struct model *copy = malloc(sizeof *copy);

	if (!copy)
		return NULL;
	*copy = *from;
	copy->original = from;
	copy->by_instance = NULL;
	copy->instance_capacity = 0;
	copy->past = NULL;
	copy->past_count = copy->past_capacity = 0;
	copy->recent = NULL;
	copy->recent_capacity = 0;
	copy->recent_count = 0;
	copy->changes = NULL;
	copy->change_count = copy->change_capacity = 0;
	copy->sites = NULL;
	copy->kernel_rows = NULL;
	copy->holders = NULL;
	copy->unfollowed = NULL;
	copy->findings = NULL;
	copy->holder_count = copy->holder_capacity = 0;
	copy->unfollowed_count = copy->unfollowed_room = 0;
	copy->finding_count = copy->finding_capacity = 0;
	if (copy_segments(copy, from) && copy_processes(copy, from) && copy_past(copy, from) &&
	    copy_changes(copy, from) && copy_sites(copy, from))
		return copy;
	model_free(copy);
	return NULL;
}
