/* SPDX-License-Identifier: MIT */
#include "report/model/heap.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/filter.h"
#include "report/model/model.h"

/* More is not worth the memory: what lies above is added to the last piece, as unknown. */
#define PIECES_MAX (1u << 20)
#define INHERITED_MAX (1u << 22) /* pieces that all children together may copy */

/* ---- pieces ---- */

/* Where the newest piece begins. */
static inline uint64_t heap_top_start(const struct heap *heap)
{
	return heap->now.count > 1 ? heap->now.rows[heap->now.count - 2].end : heap->base;
}

static inline bool heap_add_piece(struct model *model, struct heap_pieces *pieces,
				  struct heap_piece piece)
{
	if (pieces->count >= PIECES_MAX ||
	    !MODEL_RESERVE(model, pieces->rows, pieces->capacity, pieces->count + 1))
		return false;
	pieces->rows[pieces->count++] = piece;
	return true;
}

static inline void heap_grow(struct model *model, struct heap *heap, uint64_t after, uint32_t site)
{
	struct heap_piece *top = heap->now.count ? &heap->now.rows[heap->now.count - 1] : NULL;

	if (top && top->site == site && !top->inherited)
		top->end = after;
	else if (!heap_add_piece(model, &heap->now, (struct heap_piece){after, site, false}) && top)
		*top = (struct heap_piece){after, HEAP_SITE_UNKNOWN, false};
	heap->end = after;
	if (after > heap->highest) {
		heap->highest = heap->common = after;
		heap->gone.count = 0;
	}
}

/* Remembers the part of a piece, from `start` on, that the heap had at its peak. */
static void heap_keep_gone(struct model *model, struct heap *heap, const struct heap_piece *piece,
			   uint64_t start)
{
	struct heap_piece part = *piece;

	if (heap->common <= start)
		return;
	if (part.end > heap->common)
		part.end = heap->common;
	if (!heap_add_piece(model, &heap->gone, part) && heap->gone.count)
		heap->gone.rows[heap->gone.count - 1].site = HEAP_SITE_UNKNOWN;
	heap->common = start;
}

static void heap_shrink(struct model *model, struct heap *heap, uint64_t after)
{
	while (heap->now.count && heap->now.rows[heap->now.count - 1].end > after) {
		struct heap_piece *top = &heap->now.rows[heap->now.count - 1];
		uint64_t start = heap_top_start(heap);

		if (heap->common > after)
			heap_keep_gone(model, heap, top, start > after ? start : after);
		if (start < after) {
			top->end = after;
			break;
		}
		heap->now.count--;
	}
	heap->end = after;
	if (after < heap->base)
		heap->base = after;
}

/* Brings the heap to where the next move begins: what moved it in between is unknown. */
static void heap_reach(struct model *model, struct heap *heap, uint64_t before)
{
	if (before > heap->end)
		heap_grow(model, heap, before, HEAP_SITE_UNKNOWN);
	else if (before < heap->end)
		heap_shrink(model, heap, before);
}

/* ---- the heap of an image ---- */

static struct heap *heap_make(struct model *model, struct model_process *process)
{
	struct heap *heap = process->heap = calloc(1, sizeof *heap);

	if (!heap) {
		model->no_memory = true;
		return NULL;
	}
	heap->base = heap->end = heap->highest = heap->common = process->facts.break_initial;
	growth_begin(&heap->growth, process->facts.start_ns, process->facts.break_at_start);
	return heap;
}

void heap_add_event(struct model *model, struct model_process *process, const struct event *event,
		    uint32_t site)
{
	struct heap *heap = process->heap;
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	if (!heap && !(heap = heap_make(model, process)))
		return;
	if (before != heap->end)
		heap_reach(model, heap, before);
	if (after > before)
		heap_grow(model, heap, after, site);
	else if (after < before)
		heap_shrink(model, heap, after);
	growth_add_move(&heap->growth, event->time_ns, before, after);
}

static bool heap_inherit(struct model *model, struct heap *heap, const struct heap *parent)
{
	uint32_t count = parent->now.count;

	if (model->inherited_pieces + count > INHERITED_MAX ||
	    !MODEL_RESERVE(model, heap->now.rows, heap->now.capacity, count))
		return false;
	model->inherited_pieces += count;
	memcpy(heap->now.rows, parent->now.rows, count * sizeof *heap->now.rows);
	heap->now.count = count;
	for (uint32_t i = 0; i < count; i++)
		heap->now.rows[i].inherited = true;
	heap->base = parent->base;
	heap->end = parent->end;
	return true;
}

/* The child's break is where it was at its registration. The parent may have moved its own since.
 */
void heap_fork(struct model *model, struct model_process *child, const struct event *event)
{
	const struct model_process *parent = model_process(model, event->u.life.other);
	struct heap *heap;

	if (!parent || parent == child || !parent->heap || !parent->heap->now.count ||
	    child->heap || !(heap = heap_make(model, child)) ||
	    !heap_inherit(model, heap, parent->heap))
		return;
	heap_reach(model, heap, child->facts.break_at_start);
	heap->highest = heap->common = heap->end;
	heap->gone.count = 0;
	for (uint32_t i = 0; i < heap->now.count; i++)
		heap->now.rows[i].inherited = true;
}

void heap_drop(struct model_process *process)
{
	if (process->heap)
		process->heap->dropped = true;
}

void heap_free(struct heap *heap)
{
	if (!heap)
		return;
	free(heap->now.rows);
	free(heap->gone.rows);
	free(heap);
}

/* ---- conclusions ---- */

struct heap_sums {
	struct model *model;
	bool of_peak;
};

static struct model_site *heap_site(struct model *model, uint32_t site)
{
	return site != HEAP_SITE_UNKNOWN && site <= model->sites.count
		       ? &model->sites.rows[site - 1]
		       : NULL;
}

static void heap_charge(void *context, uint32_t site, uint64_t bytes)
{
	struct heap_sums *sums = context;
	struct model_site *row = heap_site(sums->model, site);

	if (site == HEAP_SITE_HIDDEN)
		return;
	if (sums->of_peak)
		*(row ? &row->peak_bytes : &sums->model->sites.unknown_peak_bytes) += bytes;
	else
		*(row ? &row->kept_bytes : &sums->model->sites.unknown_kept_bytes) += bytes;
}

/* Visits the image's own pieces below `limit` and above `from`. */
static void heap_visit_now(const struct heap *heap, uint64_t from, uint64_t limit,
			   heap_visit *visit, void *context)
{
	uint64_t start = heap->base;

	for (uint32_t i = 0; i < heap->now.count && start < limit; i++) {
		const struct heap_piece *piece = &heap->now.rows[i];
		uint64_t end = piece->end < limit ? piece->end : limit;

		if (start < from)
			start = from;
		if (!piece->inherited && end > start)
			visit(context, piece->site, end - start);
		start = piece->end;
	}
}

void heap_visit_own(const struct heap *heap, uint64_t from, heap_visit *visit, void *context)
{
	heap_visit_now(heap, from, UINT64_MAX, visit, context);
}

static void heap_visit_gone(const struct heap *heap, heap_visit *visit, void *context)
{
	for (uint32_t i = 0; i < heap->gone.count; i++) {
		const struct heap_piece *piece = &heap->gone.rows[i];
		uint64_t start = i + 1 < heap->gone.count ? heap->gone.rows[i + 1].end
							  : heap->common;

		if (!piece->inherited && piece->end > start)
			visit(context, piece->site, piece->end - start);
	}
}

/* Moves after the last event of the log, or before the first, are unknown. */
static void heap_charge_rest(struct model *model, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	uint64_t end = process->heap ? process->heap->end : facts->break_initial;
	uint64_t highest = process->heap ? process->heap->highest : facts->break_initial;

	if (facts->state != STATE_EXEC && facts->break_current > end)
		model->sites.unknown_kept_bytes += facts->break_current - end;
	if (facts->break_peak > highest)
		model->sites.unknown_peak_bytes += facts->break_peak - highest;
}

/*
 * If the log lost events, a peak that no event reached may have had other pieces than the heap at
 * the highest break of the log.
 */
static bool heap_peak_is_known(const struct model *model, const struct model_process *process)
{
	return process->facts.break_peak <= process->heap->highest ||
	       model_events_missing(model) == 0;
}

static void heap_finalize(struct model *model, const struct model_process *process)
{
	const struct heap *heap = process->heap;
	struct heap_sums kept = {model, false}, peak = {model, true};
	uint64_t end = process->facts.break_current;

	heap_charge_rest(model, process);
	if (!heap)
		return;
	if (!heap->dropped && process->facts.state != STATE_EXEC)
		heap_visit_now(heap, 0, end ? end : UINT64_MAX, heap_charge, &kept);
	if (!heap_peak_is_known(model, process)) {
		model->sites.unknown_peak_bytes += heap->highest - process->facts.break_initial;
		return;
	}
	heap_visit_now(heap, 0, heap->common, heap_charge, &peak);
	heap_visit_gone(heap, heap_charge, &peak);
}

/* The sites of shmget by stack, as index + 1; null without memory, or when there are none. */
static uint32_t *heap_index_creators(const struct model *model, uint32_t *end)
{
	uint32_t *sites;

	*end = 0;
	for (uint32_t i = 0; i < model->sites.count; i++)
		if (model->sites.rows[i].call == KIND_SHMGET && model->sites.rows[i].stack >= *end)
			*end = model->sites.rows[i].stack + 1;
	sites = *end ? calloc(*end, sizeof *sites) : NULL;
	for (uint32_t i = 0; sites && i < model->sites.count; i++)
		if (model->sites.rows[i].call == KIND_SHMGET)
			sites[model->sites.rows[i].stack] = i + 1;
	return sites;
}

/* A segment that still exists is kept by the call that created it. */
static void heap_charge_segments(struct model *model)
{
	uint32_t end, *sites = heap_index_creators(model, &end);

	for (uint32_t i = 0; sites && i < model->segments.count; i++) {
		const struct model_segment *segment = model->segments.rows[i];
		bool exists = segment->state == SEGMENT_PRESENT || segment->state == SEGMENT_MARKED;
		uint32_t stack = segment->creator_stack;

		if (exists && segment->created != CREATED_NOT && stack < end && sites[stack])
			model->sites.rows[sites[stack] - 1].kept_bytes += segment->size;
	}
	free(sites);
}

void heaps_finalize(struct model *model)
{
	model->sites.unknown_kept_bytes = model->sites.unknown_peak_bytes = 0;
	for (uint32_t i = 0; i < model->sites.count; i++)
		model->sites.rows[i].kept_bytes = model->sites.rows[i].peak_bytes = 0;
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		struct model_process *process = model->processes.by_instance[i];
		uint64_t before = model->sites.unknown_kept_bytes;

		if (!process ||
		    (model->sites.filter && !filter_process(model->sites.filter, process)))
			continue;
		heap_finalize(model, process);
		process->unknown_kept_bytes = model->sites.unknown_kept_bytes - before;
	}
	heap_charge_segments(model);
}
