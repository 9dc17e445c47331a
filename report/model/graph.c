/* SPDX-License-Identifier: MIT */
#include "report/model/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/graph_boxes.h"
#include "report/model/holders.h"
#include "report/model/objects.h"
#include "report/util/array.h"

#define EDGES_MAX (1u << 20)

/* The edge of this pair. Without memory: null, and it sets no_memory. */
static struct graph_edge *edge_of(struct graph *graph, uint32_t first,
				  const struct model_segment *segment,
				  const struct model_process *process, int32_t pid)
{
	struct graph_edge *edge;

	for (uint32_t i = first; i < graph->edge_count; i++)
		if (graph->edges[i].process == process && graph->edges[i].pid == pid)
			return &graph->edges[i];
	if (graph->edge_count == EDGES_MAX ||
	    !ARRAY_RESERVE(graph->edges, graph->edge_capacity, graph->edge_count + 1)) {
		graph->no_memory = true;
		return NULL;
	}
	edge = &graph->edges[graph->edge_count++];
	*edge = (struct graph_edge){
		.segment = segment, .process = process, .pid = pid, .inherited = true};
	return edge;
}

static struct graph_edge *edge_of_process(struct graph *graph, uint32_t first,
					  const struct model_segment *segment,
					  const struct model_process *process)
{
	struct graph_edge *edge = edge_of(graph, first, segment, process, process->facts.pid);

	if (edge && !edge->name[0])
		snprintf(edge->name, sizeof edge->name, "%s", model_program_name(&process->facts));
	return edge;
}

static void graph_add_attachment(struct graph *graph, uint32_t first,
				 const struct model_process *process,
				 const struct model_attachment *attachment, bool live)
{
	struct graph_edge *edge = edge_of_process(graph, first, attachment->segment, process);

	if (!edge)
		return;
	edge->count++;
	edge->live |= live;
	edge->writes |= !attachment->readonly;
	edge->inherited &= attachment->inherited;
	if (live || edge->bytes == 0)
		edge->bytes += attachment->segment->size;
}

static void graph_add_holder(struct graph *graph, uint32_t first,
			     const struct model_segment *segment,
			     const struct kernel_holder *holder)
{
	struct graph_edge *edge = edge_of(graph, first, segment, NULL, holder->pid);

	if (!edge)
		return;
	memcpy(edge->name, holder->comm, sizeof holder->comm);
	edge->count++;
	edge->live = true;
	edge->inherited = false;
	edge->writes |= !holder->readonly;
	edge->bytes += holder->end - holder->start;
}

/* The processes with attachments. Instances have large gaps, and every segment needs this list. */
struct attached {
	const struct model_process **processes;
	uint32_t count;
};

static struct attached graph_find_attached(struct graph *graph, const struct model *model,
					   const struct filter *filter)
{
	struct attached found = {calloc(model->processes.count + 1, sizeof *found.processes), 0};

	graph->no_memory |= !found.processes;
	for (uint32_t i = 1; found.processes && i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && process->attached_count > 0 && filter_process(filter, process) &&
		    found.count < model->processes.count)
			found.processes[found.count++] = process;
	}
	return found;
}

static void draw_segment(struct graph *graph, const struct model *model,
			 const struct model_segment *segment, const struct filter *filter,
			 const struct attached *attached)
{
	uint32_t first = graph->edge_count;
	const struct model_process *creator = model_process(model, segment->creator);
	struct graph_edge *edge;

	if (creator && segment->created != CREATED_NOT && filter_process(filter, creator) &&
	    (edge = edge_of_process(graph, first, segment, creator)))
		edge->made = true;
	for (uint32_t i = 0; i < attached->count; i++) {
		const struct model_process *process = attached->processes[i];

		for (uint32_t k = 0; k < process->attached_count; k++)
			if (process->attached[k].segment == segment)
				graph_add_attachment(graph, first, process, &process->attached[k],
						     true);
	}
	for (uint32_t i = 0; i < model->history.past_count; i++)
		if (model->history.past[i].attachment.segment == segment &&
		    filter_process(filter, model->history.past[i].process))
			graph_add_attachment(graph, first, model->history.past[i].process,
					     &model->history.past[i].attachment, false);
	for (uint32_t i = 0; segment->presence == PRESENCE_HERE && i < model->kernel.holder_count;
	     i++)
		if (model->kernel.holders[i].shmid == segment->shmid &&
		    !model->kernel.holders[i].other_ipc && !filter->pid && !filter->exe &&
		    !model_holder_process(model, &model->kernel.holders[i]))
			graph_add_holder(graph, first, segment, &model->kernel.holders[i]);
}

/* ---- semaphore sets and queues ---- */

static bool graph_is_running(const struct model_process *process)
{
	return process->facts.state == STATE_RUNNING;
}

static void graph_add_use(struct graph *graph, uint32_t first, const struct model *model,
			  const struct model_segment *object, const struct use_facts *use,
			  const struct filter *filter)
{
	const struct model_process *process = model_process(model, use->instance);
	struct graph_edge *edge;

	if (!process || !filter_process(filter, process) ||
	    !(edge = edge_of_process(graph, first, object, process)))
		return;
	edge->count = 1;
	edge->bytes += use->operations + use->received;
	edge->writes = true;
	edge->inherited = false;
	edge->live |= graph_is_running(process);
}

static void graph_add_wait(struct graph *graph, uint32_t first, const struct model *model,
			   const struct model_segment *object, const struct wait_facts *wait,
			   const struct filter *filter)
{
	const struct model_process *process = model_process(model, wait->instance);
	struct graph_edge *edge;

	if (!process || !graph_is_running(process) || !filter_process(filter, process) ||
	    !(edge = edge_of_process(graph, first, object, process)))
		return;
	edge->count = 1;
	edge->writes = true;
	edge->inherited = false;
	edge->live = edge->waits = true;
}

/* The tables know uses by id: those of the latest object with it. */
static void graph_draw_object(struct graph *graph, const struct model *model,
			      const struct model_segment *object, const struct filter *filter)
{
	const struct model_process *creator = model_process(model, object->creator);
	uint32_t first = graph->edge_count;
	struct graph_edge *edge;

	if (creator && object->created != CREATED_NOT && filter_process(filter, creator) &&
	    (edge = edge_of_process(graph, first, object, creator)))
		edge->made = true;
	if (object != model_object(model, object->kind, object->shmid))
		return;
	for (uint32_t i = 0; i < model->operations.use_count; i++)
		if (model->operations.uses[i].kind == object->kind &&
		    model->operations.uses[i].id == object->shmid)
			graph_add_use(graph, first, model, object, &model->operations.uses[i],
				      filter);
	for (uint32_t i = 0; i < model->operations.wait_count; i++)
		if (model->operations.waits[i].kind == object->kind &&
		    model->operations.waits[i].id == object->shmid)
			graph_add_wait(graph, first, model, object, &model->operations.waits[i],
				       filter);
}

void graph_draw(struct graph *graph, const struct model *model, const struct filter *filter)
{
	struct attached attached = graph_find_attached(graph, model, filter);

	for (uint32_t i = 0; i < model->segments.count; i++)
		if (filter_segment(filter, model->segments.rows[i]))
			draw_segment(graph, model, model->segments.rows[i], filter, &attached);
	free(attached.processes);
	for (uint32_t i = 0; i < model->objects.count; i++)
		if (filter_segment(filter, model->objects.rows[i]))
			graph_draw_object(graph, model, model->objects.rows[i], filter);
}

void graph_free(struct graph *graph)
{
	graph_boxes_free(graph);
	free(graph->edges);
	memset(graph, 0, sizeof *graph);
}
