/* SPDX-License-Identifier: MIT */
#include "report/model/graph_boxes.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/model.h"

/* ---- what makes segments alike ---- */

static int graph_edge_compare(const void *a, const void *b)
{
	const struct graph_edge *left = *(const struct graph_edge *const *)a;
	const struct graph_edge *right = *(const struct graph_edge *const *)b;
	uint32_t x = left->process ? left->process->facts.instance : 0;
	uint32_t y = right->process ? right->process->facts.instance : 0;

	if (x != y)
		return x < y ? -1 : 1;
	return left->pid < right->pid ? -1 : left->pid > right->pid;
}

static uint64_t graph_hash_add(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}

static uint64_t graph_box_hash(const struct graph_box *box)
{
	uint64_t hash = graph_hash_add(0xcbf29ce484222325u, box->segments[0]->state);

	for (uint32_t i = 0; i < box->edge_count; i++) {
		const struct graph_edge *edge = box->sorted[i];

		hash = graph_hash_add(hash, (uint32_t)edge->pid);
		hash = graph_hash_add(hash, edge->count);
	}
	return hash;
}

static bool graph_edge_is_alike(const struct graph_edge *a, const struct graph_edge *b)
{
	return a->process == b->process && a->pid == b->pid && a->count == b->count &&
	       a->live == b->live && a->writes == b->writes && a->inherited == b->inherited &&
	       a->made == b->made && a->waits == b->waits &&
	       (a->segment->kind == SHARED_MEMORY || a->bytes == b->bytes);
}

static bool graph_segment_is_alike(const struct model_segment *a, const struct model_segment *b)
{
	return a->kind == b->kind && a->space == b->space && a->state == b->state &&
	       a->leaked == b->leaked && a->orphaned == b->orphaned &&
	       (a->created == CREATED_NOT) == (b->created == CREATED_NOT) &&
	       a->creator == b->creator && !a->size == !b->size;
}

static bool graph_box_is_alike(const struct graph_box *a, const struct graph_box *b)
{
	if (a->hash != b->hash || a->edge_count != b->edge_count ||
	    !graph_segment_is_alike(a->segments[0], b->segments[0]))
		return false;
	for (uint32_t i = 0; i < a->edge_count; i++)
		if (!graph_edge_is_alike(a->sorted[i], b->sorted[i]))
			return false;
	return true;
}

/* ---- boxes ---- */

static void graph_box_free(struct graph_box *box)
{
	free(box->segments);
	free(box->edges);
	free(box->sorted);
}

/* The box of one segment. False without memory. */
static bool graph_box_begin(struct graph_box *box, const struct graph_edge *edges, uint32_t count)
{
	*box = (struct graph_box){.edges = calloc(count, sizeof *box->edges),
				  .sorted = calloc(count, sizeof *box->sorted),
				  .edge_count = count,
				  .bytes = edges->segment->size};
	if (!box->edges || !box->sorted || !ARRAY_RESERVE(box->segments, box->segment_capacity, 1))
		return false;
	box->segments[box->segment_count++] = edges->segment;
	memcpy(box->edges, edges, count * sizeof *edges);
	for (uint32_t i = 0; i < count; i++)
		box->sorted[i] = &box->edges[i];
	qsort(box->sorted, count, sizeof *box->sorted, graph_edge_compare);
	box->hash = graph_box_hash(box);
	return true;
}

static bool graph_box_add(struct graph_box *box, const struct graph_box *more)
{
	if (!ARRAY_RESERVE(box->segments, box->segment_capacity, box->segment_count + 1))
		return false;
	box->segments[box->segment_count++] = more->segments[0];
	box->bytes += more->bytes;
	for (uint32_t i = 0; i < box->edge_count; i++)
		box->sorted[i]->bytes += more->sorted[i]->bytes;
	return true;
}

/* Joins it to the box that it is like, or makes it a box of its own. */
static bool graph_boxes_add(struct graph *graph, struct graph_box *box, bool each)
{
	bool done;

	for (uint32_t i = 0; !each && i < graph->box_count; i++)
		if (graph_box_is_alike(&graph->boxes[i], box)) {
			done = graph_box_add(&graph->boxes[i], box);
			graph_box_free(box);
			return done;
		}
	if (!ARRAY_RESERVE(graph->boxes, graph->box_capacity, graph->box_count + 1)) {
		graph_box_free(box);
		return false;
	}
	graph->boxes[graph->box_count++] = *box;
	return true;
}

void graph_boxes_make(struct graph *graph, bool each)
{
	uint32_t end;

	for (uint32_t first = 0; first < graph->edge_count; first = end) {
		struct graph_box box;

		end = first + 1;
		while (end < graph->edge_count &&
		       graph->edges[end].segment == graph->edges[first].segment)
			end++;
		if (!graph_box_begin(&box, &graph->edges[first], end - first)) {
			graph_box_free(&box);
			graph->no_memory = true;
		} else if (!graph_boxes_add(graph, &box, each)) {
			graph->no_memory = true;
		}
	}
}

void graph_boxes_free(struct graph *graph)
{
	for (uint32_t i = 0; i < graph->box_count; i++)
		graph_box_free(&graph->boxes[i]);
	free(graph->boxes);
}
