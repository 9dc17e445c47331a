/* SPDX-License-Identifier: MIT */
#include "report/export/massif.h"

#include <stdlib.h>

#include "report/export/massif_tree.h"
#include "report/util/array.h"

#define SNAPSHOTS 72u   /* as many as ms_print has columns */
#define TREES_EVERY 10u /* snapshots */
#define NS_PER_MS 1000000u

/* A process starts or ends. */
struct massif_turn {
	uint64_t time_ns;
	uint32_t instance;
	bool ends;
};

/* What a process has now. */
struct massif_share {
	bool runs;
	uint64_t heap, attached;
};

struct massif_snapshot {
	uint64_t time_ns, heap, attached;
	struct massif_sites sites; /* none: it has no tree */
	bool has_tree;
};

struct massif {
	const struct filter *filter;
	bool second;
	bool began;
	bool no_memory;
	uint64_t events;           /* added so far */
	uint64_t peak_event, peak; /* its number from 1 on, and the sum then */
	uint64_t step_ns, next_ns; /* of the snapshots */
	uint64_t heap, attached;   /* sums of the shares */
	struct massif_turn *turns; /* by time */
	uint32_t turn_count, turn_capacity, turn;
	struct massif_share *shares; /* by instance */
	uint32_t share_capacity;
	struct massif_snapshot *snapshots;
	uint32_t snapshot_count, snapshot_capacity, peak_snapshot;
};

struct massif *massif_make(const struct filter *filter)
{
	struct massif *massif = calloc(1, sizeof *massif);

	if (massif)
		massif->filter = filter;
	return massif;
}

void massif_free(struct massif *massif)
{
	if (!massif)
		return;
	for (uint32_t i = 0; i < massif->snapshot_count; i++)
		free(massif->snapshots[i].sites.rows);
	free(massif->snapshots);
	free(massif->shares);
	free(massif->turns);
	free(massif);
}

/* ---- the turns of processes ---- */

static int massif_compare_turns(const void *a, const void *b)
{
	const struct massif_turn *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static void massif_add_turn(struct massif *massif, uint64_t time_ns, uint32_t instance, bool ends)
{
	if (!ARRAY_RESERVE(massif->turns, massif->turn_capacity, massif->turn_count + 1)) {
		massif->no_memory = true;
		return;
	}
	massif->turns[massif->turn_count++] = (struct massif_turn){time_ns, instance, ends};
}

static void massif_begin(struct massif *massif, const struct model *model)
{
	massif->began = true;
	massif->turn_count = massif->turn = 0;
	massif->heap = massif->attached = massif->events = 0;
	massif->step_ns = model->session.duration_ns / SNAPSHOTS + 1;
	if (massif->share_capacity)
		memset(massif->shares, 0, massif->share_capacity * sizeof *massif->shares);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !filter_process(massif->filter, process))
			continue;
		massif_add_turn(massif, process->facts.start_ns, i, false);
		if (process->facts.ended)
			massif_add_turn(massif, process->facts.end_ns, i, true);
	}
	if (massif->turn_count)
		qsort(massif->turns, massif->turn_count, sizeof *massif->turns,
		      massif_compare_turns);
}

/* ---- shares ---- */

static void massif_set_share(struct massif *massif, uint32_t instance,
			     const struct massif_share *share)
{
	struct massif_share *old;

	if (!ARRAY_RESERVE_ZEROED(massif->shares, massif->share_capacity, instance + 1)) {
		massif->no_memory = true;
		return;
	}
	old = &massif->shares[instance];
	massif->heap += share->heap - old->heap;
	massif->attached += share->attached - old->attached;
	*old = *share;
}

static void massif_renew_share(struct massif *massif, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	uint64_t end = process->heap ? process->heap->end : facts->break_at_start;
	struct massif_share share = {true, 0, process->attached_bytes};

	if (end > facts->break_initial)
		share.heap = end - facts->break_initial;
	massif_set_share(massif, facts->instance, &share);
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
	for (uint32_t i = 0; i < massif->share_capacity; i++)
		if (massif->shares[i].runs && model_process(model, i) &&
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
static void massif_take_last(struct massif *massif, const struct model *model, uint64_t time_ns)
{
	uint64_t duration_ns = model->session.duration_ns;

	if (massif->second)
		massif_take_snapshot(massif, model, time_ns < duration_ns ? time_ns : duration_ns,
				     true);
}

/* ---- events ---- */

static bool massif_all_end(const struct massif *massif)
{
	return massif->turn_count && massif->turns[massif->turn_count - 1].ends;
}

/* Whether the last process has ended. */
static bool massif_is_over(const struct massif *massif)
{
	return massif_all_end(massif) && massif->turn == massif->turn_count;
}

static void massif_turn_to(struct massif *massif, const struct model *model, uint64_t time_ns)
{
	for (; massif->turn < massif->turn_count; massif->turn++) {
		const struct massif_turn *turn = &massif->turns[massif->turn];
		const struct model_process *process = model_process(model, turn->instance);

		if (turn->time_ns > time_ns)
			break;
		if (turn->ends && massif->turn + 1 == massif->turn_count)
			massif_take_last(massif, model, turn->time_ns);
		if (turn->ends)
			massif_set_share(massif, turn->instance, &(struct massif_share){0});
		else if (process)
			massif_renew_share(massif, process);
	}
}

void massif_add_event(struct massif *massif, const struct model *model, const struct event *event)
{
	const struct model_process *process = model_process(model, event->process);
	bool runs;

	if (!massif->began)
		massif_begin(massif, model);
	massif_turn_to(massif, model, event->time_ns);
	runs = event->process < massif->share_capacity && massif->shares[event->process].runs;
	if (process && runs)
		massif_renew_share(massif, process);
	massif->events++;
	if (massif->second && !massif_is_over(massif))
		massif_consider_snapshot(massif, model, event->time_ns);
	else if (!massif->second && massif->heap + massif->attached > massif->peak) {
		massif->peak = massif->heap + massif->attached;
		massif->peak_event = massif->events;
	}
}

void massif_end(struct massif *massif, const struct model *model)
{
	if (!massif->began)
		massif_begin(massif, model);
	massif_turn_to(massif, model, UINT64_MAX);
	if (!massif_all_end(massif))
		massif_take_last(massif, model, UINT64_MAX);
	massif->second = true;
	massif->began = false;
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
	bool whole = !massif->no_memory;

	massif_put_head(out, model);
	for (uint32_t i = 0; i < massif->snapshot_count; i++)
		whole &= massif_put_snapshot(out, massif, i, model);
	return whole;
}
