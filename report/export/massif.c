/* SPDX-License-Identifier: MIT */
#include "report/export/massif.h"

#include <stdlib.h>

#include "report/export/massif_tree.h"
#include "report/export/timeline.h"
#include "report/util/array.h"

#define SNAPSHOTS 72u   /* as many as ms_print has columns */
#define TREES_EVERY 10u /* snapshots */
#define NS_PER_MS 1000000u

struct massif_snapshot {
	uint64_t time_ns, heap, attached;
	struct massif_sites sites; /* none: it has no tree */
	bool has_tree;
};

struct massif {
	struct timeline timeline;
	bool second;
	bool no_memory;
	uint64_t events;           /* added so far */
	uint64_t peak_event, peak; /* its number from 1 on, and the sum then */
	uint64_t step_ns, next_ns; /* of the snapshots */
	uint64_t heap, attached;   /* sums of the shares */
	struct massif_snapshot *snapshots;
	uint32_t snapshot_count, snapshot_capacity, peak_snapshot;
};

static void massif_change(void *context, const struct model_process *process,
			  const struct timeline_share *before, const struct timeline_share *now)
{
	struct massif *massif = context;

	(void)process;
	massif->heap += now->heap - before->heap;
	massif->attached += now->attached - before->attached;
}

static void massif_take_last(void *context, const struct model *model, uint64_t time_ns);

struct massif *massif_make(const struct filter *filter)
{
	struct massif *massif = calloc(1, sizeof *massif);

	if (massif)
		massif->timeline = (struct timeline){.filter = filter,
						     .change = massif_change,
						     .last = massif_take_last,
						     .context = massif};
	return massif;
}

void massif_free(struct massif *massif)
{
	if (!massif)
		return;
	for (uint32_t i = 0; i < massif->snapshot_count; i++)
		free(massif->snapshots[i].sites.rows);
	free(massif->snapshots);
	timeline_free(&massif->timeline);
	free(massif);
}

static void massif_begin(struct massif *massif, const struct model *model)
{
	massif->heap = massif->attached = massif->events = 0;
	massif->step_ns = model->session.duration_ns / SNAPSHOTS + 1;
	timeline_begin(&massif->timeline, model);
}

/* ---- snapshots ---- */

static void massif_visit_piece(void *context, uint32_t site, uint64_t bytes)
{
	struct massif *massif = context;
	struct massif_sites *sites = &massif->snapshots[massif->snapshot_count - 1].sites;

	massif->no_memory |= !massif_sites_add(sites, site, bytes);
}

static void massif_take_sites(struct massif *massif, const struct model *model)
{
	const struct timeline *timeline = &massif->timeline;

	for (uint32_t i = 0; i < timeline->share_capacity; i++)
		if (timeline->shares[i].runs && model_process(model, i) &&
		    model_process(model, i)->heap)
			heap_visit_own(model_process(model, i)->heap, 0, massif_visit_piece,
				       massif);
}

static void massif_take_snapshot(struct massif *massif, const struct model *model, uint64_t time_ns,
				 bool has_tree)
{
	if (!ARRAY_RESERVE(massif->snapshots, massif->snapshot_capacity,
			   massif->snapshot_count + 1)) {
		massif->no_memory = true;
		return;
	}
	massif->snapshots[massif->snapshot_count++] = (struct massif_snapshot){
		.time_ns = time_ns,
		.heap = massif->heap,
		.attached = massif->attached,
		.has_tree = has_tree};
	if (has_tree)
		massif_take_sites(massif, model);
}

static void massif_consider_snapshot(struct massif *massif, const struct model *model,
				     uint64_t time_ns)
{
	if (massif->events == massif->peak_event) {
		massif->peak_snapshot = massif->snapshot_count + 1;
		massif_take_snapshot(massif, model, time_ns, true);
	} else if (time_ns >= massif->next_ns)
		massif_take_snapshot(massif, model, time_ns,
				     massif->snapshot_count % TREES_EVERY == TREES_EVERY - 1);
	else
		return;
	massif->next_ns = time_ns - time_ns % massif->step_ns + massif->step_ns;
}

/* The last snapshot is what there was before the last process ended. */
static void massif_take_last(void *context, const struct model *model, uint64_t time_ns)
{
	struct massif *massif = context;
	uint64_t duration_ns = model->session.duration_ns;

	if (massif->second)
		massif_take_snapshot(massif, model, time_ns < duration_ns ? time_ns : duration_ns,
				     true);
}

/* ---- events ---- */

void massif_add_event(struct massif *massif, const struct model *model, const struct event *event)
{
	if (!massif->timeline.began)
		massif_begin(massif, model);
	timeline_turn_to(&massif->timeline, model, event->time_ns);
	timeline_add_event(&massif->timeline, model, event);
	massif->events++;
	if (massif->second && !timeline_is_over(&massif->timeline))
		massif_consider_snapshot(massif, model, event->time_ns);
	else if (!massif->second && massif->heap + massif->attached > massif->peak) {
		massif->peak = massif->heap + massif->attached;
		massif->peak_event = massif->events;
	}
}

void massif_end(struct massif *massif, const struct model *model)
{
	if (!massif->timeline.began)
		massif_begin(massif, model);
	timeline_turn_to(&massif->timeline, model, UINT64_MAX);
	if (!timeline_has_end(&massif->timeline))
		massif_take_last(massif, model, UINT64_MAX);
	massif->second = true;
	massif->timeline.began = false;
}

/* ---- output ---- */

static void massif_put_head(struct out *out, const struct model *model)
{
	const struct session_facts *session = &model->session;
	const char *word = session->command, *end = word + session->command_bytes;

	OUT(out, "desc: break and attached memory, by memshim\ncmd: ");
	if (word >= end)
		out_safe(out, session->name);
	for (; word < end; word += strlen(word) + 1) {
		if (word != session->command)
			out_char(out, ' ');
		out_safe(out, word);
	}
	OUT(out, "\ntime_unit: ms\n");
}

static void massif_put_line(struct out *out, const char *name, uint64_t number)
{
	out_text(out, name);
	out_number(out, number);
	out_char(out, '\n');
}

static bool massif_put_snapshot(struct out *out, const struct massif *massif, uint32_t at,
				const struct model *model)
{
	struct massif_snapshot *snapshot = &massif->snapshots[at];

	OUT(out, "#-----------\n");
	massif_put_line(out, "snapshot=", at);
	OUT(out, "#-----------\n");
	massif_put_line(out, "time=", snapshot->time_ns / NS_PER_MS);
	massif_put_line(out, "mem_heap_B=", snapshot->heap);
	massif_put_line(out, "mem_heap_extra_B=", snapshot->attached);
	OUT(out, "mem_stacks_B=0\nheap_tree=");
	if (!snapshot->has_tree) {
		OUT(out, "empty\n");
		return true;
	}
	out_text(out, at + 1 == massif->peak_snapshot ? "peak\n" : "detailed\n");
	return massif_tree_put(out, model, &snapshot->sites, snapshot->heap, snapshot->attached);
}

bool massif_write(struct out *out, struct massif *massif, const struct model *model)
{
	bool whole = !massif->no_memory && !massif->timeline.no_memory;

	massif_put_head(out, model);
	for (uint32_t i = 0; i < massif->snapshot_count; i++)
		whole &= massif_put_snapshot(out, massif, i, model);
	return whole;
}
