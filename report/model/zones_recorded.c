/* SPDX-License-Identifier: MIT */
#include "report/model/zones_recorded.h"

#include <stdio.h>
#include <string.h>

#define END_SEEN_LATE_NS 20000000ull /* the longest interval between two scans of the recorder */

static bool zone_recorded_runs(const struct model_process *process)
{
	return process->facts.state == STATE_RUNNING;
}

static uint64_t zone_recorded_page_up(uint64_t address, uint64_t page)
{
	return page ? (address + page - 1) / page * page : address;
}

static void add_heap(struct zones *zones)
{
	uint64_t page = zones->process.page_bytes;
	struct mapping_facts heap = {
		.start = zone_recorded_page_up(zones->process.break_initial, page),
		.end = zone_recorded_page_up(zones->process.break_current, page),
		.perm = "rw-p",
		.name = "[heap]",
	};

	if (heap.start && heap.end >= heap.start)
		zones_add_mapping(zones, &heap);
}

static void zone_recorded_add_attachment(struct zones *zones,
					 const struct model_attachment *attachment)
{
	const struct model_segment *segment = attachment->segment;
	struct mapping_facts facts = {
		.start = attachment->address,
		.end = attachment->address +
		       zone_recorded_page_up(segment->size, zones->process.page_bytes),
		.segment = true,
		.inode = (uint32_t)segment->shmid,
		.key = segment->key,
		.perm = "rw-s",
		.name = "",
	};
	struct zone *zone;

	if (attachment->readonly)
		facts.perm[1] = '-';
	if (facts.end < facts.start)
		facts.end = facts.start; /* the size is unknown */
	zones_add_mapping(zones, &facts);
	zone = zones->count ? &zones->zones[zones->count - 1] : NULL;
	if (!zone || zone->start != attachment->address)
		return;
	zone->key_known = segment->key_known;
	zone->size_known = segment->size != 0;
	zone->size = segment->size;
}

/* Whether the attachment ended together with its image. */
static bool ended_with(const struct model_past *past)
{
	return past->how == ENDED_BY_EXIT || past->how == ENDED_BY_EXEC;
}

static void zone_recorded_add_holder(struct zones *zones, const struct model_process *process,
				     const struct model_attachment *attachment)
{
	struct zone_holder holder = {
		.pid = process->facts.pid,
		.address = attachment->address,
		.readonly = attachment->readonly,
	};

	snprintf(holder.comm, sizeof holder.comm, "%s", process->facts.comm);
	zones_add_holder(zones, attachment->segment->shmid, &holder);
}

/*
 * Whether an attachment existed at `time_ns`, the end of another process. The recorder notices an
 * end up to END_SEEN_LATE_NS late, so the holder may seem to have ended before.
 */
static bool stood_at(const struct model_past *past, uint64_t time_ns)
{
	uint64_t late_ns = ended_with(past) ? END_SEEN_LATE_NS : 0;

	return past->attachment.since_ns <= time_ns && past->until_ns + late_ns >= time_ns;
}

/*
 * Adds the attachments of other processes that existed at `time_ns`; `now`: those that exist now.
 */
static void zone_recorded_add_holders(struct zones *zones, const struct model *model,
				      uint64_t time_ns, bool now)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *other = model->processes.by_instance[i];

		for (uint32_t j = 0; other && j < other->attached_count; j++)
			if (now || other->attached[j].since_ns <= time_ns)
				zone_recorded_add_holder(zones, other, &other->attached[j]);
	}
	for (uint32_t i = 0; !now && i < model->history.past_count; i++) {
		const struct model_past *past = &model->history.past[i];

		if (stood_at(past, time_ns))
			zone_recorded_add_holder(zones, past->process, &past->attachment);
	}
}

static uint64_t last_moment(const struct model *model, const struct model_process *process)
{
	return process->facts.ended ? process->facts.end_ns : model->last_ns;
}

struct zones *zones_recorded(const struct model *model, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	struct zones_process about = {
		.pid = facts->pid,
		.page_bytes = model->session.page_bytes,
		.break_initial = facts->break_initial,
		.break_current = facts->break_current,
		.break_peak = facts->break_peak,
	};
	struct zones *zones;

	snprintf(about.comm, sizeof about.comm, "%s", facts->comm);
	snprintf(about.exe, sizeof about.exe, "%s", facts->exe);
	zones = zones_make(&about);
	if (!zones)
		return NULL;
	add_heap(zones);
	for (uint32_t i = 0; i < process->attached_count; i++)
		zone_recorded_add_attachment(zones, &process->attached[i]);
	for (uint32_t i = 0; i < model->history.past_count; i++)
		if (model->history.past[i].process == process &&
		    ended_with(&model->history.past[i]))
			zone_recorded_add_attachment(zones, &model->history.past[i].attachment);
	for (uint32_t i = 0; i < model->operations.use_count; i++)
		if (model->operations.uses[i].instance == facts->instance)
			zones_add_use(zones, &model->operations.uses[i]);
	for (uint32_t i = 0; i < model->operations.wait_count; i++)
		if (model->operations.waits[i].instance == facts->instance)
			zones_add_wait(zones, &model->operations.waits[i]);
	zones_finalize(zones);
	zone_recorded_add_holders(zones, model, last_moment(model, process),
				  zone_recorded_runs(process));
	if (process->headroom_known) {
		zones->headroom_known = true;
		zones->headroom_at_most = false;
		zones->headroom_bytes = process->headroom_bytes;
	}
	return zones;
}
