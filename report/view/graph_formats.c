/* SPDX-License-Identifier: MIT */
/* The graph for other tools: graphviz' dot, mermaid, JSON. */
#include "report/view/graph_formats.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/util/printable.h"
#include "report/view/json_members.h"
#include "report/view/words.h"

#define IDS_MOST 8u /* of the segments of a box */

/* ---- for all formats ---- */

/* A node's name: a word in dot and in mermaid. */
static void graph_formats_put_process_id(struct out *out, const struct graph_edge *edge)
{
	out_char(out, edge->process ? 'p' : 'u');
	out_number(out, edge->process ? edge->process->facts.instance : (uint32_t)edge->pid);
}

/* "s3" of a segment, "o3" of a set or a queue. */
static void graph_formats_put_object_id(struct out *out, const struct model_segment *segment)
{
	out_char(out, segment->kind == SHARED_MEMORY ? 's' : 'o');
	out_number(out, segment->place);
}

/* Characters that end a quoted name, start a tag or start an entity in dot or mermaid. */
static bool is_markup(unsigned char c)
{
	return c < 0x80 && strchr("\"\\<>|&#`", c);
}

/* A name inside quotes. */
static void graph_formats_put_quoted(struct out *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		unsigned length = printable_length(at);

		if (length == 0 || is_markup(*at) || !printable_is(at, length))
			out_char(out, '?');
		else
			out_raw(out, (const char *)at, length);
		at += length ? length : 1;
	}
}

static bool is_first(const struct graph *graph, uint32_t edge)
{
	for (uint32_t i = 0; i < edge; i++)
		if (graph->edges[i].process == graph->edges[edge].process &&
		    graph->edges[i].pid == graph->edges[edge].pid)
			return false;
	return true;
}

static void graph_formats_put_edge_label(struct out *out, const struct graph_edge *edge)
{
	char bytes[FORMAT_BYTES];

	if (edge->segment->kind != SHARED_MEMORY) {
		out_text(out, format_count(bytes, edge->bytes));
		out_text(out, edge->segment->kind == SEMAPHORE_SET ? " op" : " msg");
		out_text(out, format_s(edge->bytes));
		out_text(out, edge->waits ? " waits" : "");
		return;
	}
	out_text(out, format_bytes(bytes, edge->bytes));
	if (!edge->writes)
		OUT(out, " ro");
	if (edge->inherited)
		OUT(out, " by fork");
}

/* "shmid 5", or "8 segments" and the first of their ids. */
static void graph_formats_put_ids(struct out *out, const struct graph_box *box,
				  const char *line_end)
{
	static const char *const names[] = {" segments", " semaphore sets", " message queues"};
	static const char *const ids[] = {"shmid ", "semid ", "msqid "};
	char count[FORMAT_BYTES];

	if (box->segment_count > 1) {
		out_text(out, format_count(count, box->segment_count));
		out_text(out, names[box->segments[0]->kind]);
		out_text(out, line_end);
	}
	out_text(out, ids[box->segments[0]->kind]);
	for (uint32_t i = 0; i < box->segment_count && i < IDS_MOST; i++) {
		out_text(out, i ? ", " : "");
		out_signed(out, box->segments[i]->shmid);
	}
	if (box->segment_count > IDS_MOST)
		OUT(out, ", ...");
}

static void graph_formats_put_box_label(struct out *out, const struct graph_box *box,
					const char *line_end)
{
	const struct model_segment *segment = box->segments[0];
	char size[FORMAT_BYTES];

	graph_formats_put_ids(out, box, line_end);
	out_text(out, line_end);
	if (box->segment_count == 1) {
		words_key(out, segment->key);
		out_text(out, line_end);
	}
	if (segment->kind == SHARED_MEMORY) {
		out_text(out, format_bytes(size, box->bytes));
		OUT(out, ", ");
	}
	out_text(out, words_segment_state(segment));
	out_text(out, words_segment_fault(segment));
	if (segment->space)
		OUT(out, ", other IPC namespace");
}

static bool has_edges(const struct graph *graph, const struct model_segment *segment)
{
	for (uint32_t i = 0; i < graph->edge_count; i++)
		if (graph->edges[i].segment == segment)
			return true;
	return false;
}

/* ---- dot ---- */

static void dot_nodes(struct out *out, const struct graph *graph)
{
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		if (!is_first(graph, i))
			continue;
		OUT(out, "  ");
		graph_formats_put_process_id(out, &graph->edges[i]);
		OUT(out, " [label=\"");
		graph_formats_put_quoted(out, graph->edges[i].name);
		OUT(out, "\\n");
		out_signed(out, graph->edges[i].pid);
		OUT(out, "\"]\n");
	}
	for (uint32_t i = 0; i < graph->box_count; i++) {
		const struct model_segment *segment = graph->boxes[i].segments[0];

		OUT(out, "  ");
		graph_formats_put_object_id(out, segment);
		OUT(out, " [shape=box, style=filled, fillcolor=\"");
		out_text(out, *words_segment_fault(segment) ? "#f4cccc" : "#d9ead3");
		OUT(out, "\", label=\"");
		graph_formats_put_box_label(out, &graph->boxes[i], "\\n");
		OUT(out, "\"]\n");
	}
}

static void dot_put_edge(struct out *out, const struct graph_edge *edge)
{
	OUT(out, "  ");
	graph_formats_put_process_id(out, edge);
	OUT(out, " -> ");
	graph_formats_put_object_id(out, edge->segment);
	if (edge->count) {
		OUT(out, " [label=\"");
		graph_formats_put_edge_label(out, edge);
		out_text(out, edge->live ? "\"]\n" : "\", style=dashed]\n");
	} else {
		OUT(out, " [label=\"created\", style=dotted]\n");
	}
}

void graph_dot(struct out *out, const struct graph *graph, const struct model *model)
{
	(void)model;
	OUT(out, "digraph memshim {\n  rankdir=LR\n  node [shape=ellipse, fontname=\"sans\"]\n");
	dot_nodes(out, graph);
	for (uint32_t i = 0; i < graph->box_count; i++)
		for (uint32_t k = 0; k < graph->boxes[i].edge_count; k++)
			dot_put_edge(out, &graph->boxes[i].edges[k]);
	OUT(out, "}\n");
}

/* ---- mermaid ---- */

static void mermaid_put_edge(struct out *out, const struct graph_edge *edge)
{
	OUT(out, "  ");
	graph_formats_put_process_id(out, edge);
	out_text(out, edge->live ? " -->|\"" : " -.->|\"");
	if (edge->count)
		graph_formats_put_edge_label(out, edge);
	else
		OUT(out, "created");
	OUT(out, "\"| ");
	graph_formats_put_object_id(out, edge->segment);
	out_char(out, '\n');
}

static void mermaid_put_nodes(struct out *out, const struct graph *graph)
{
	for (uint32_t i = 0; i < graph->box_count; i++) {
		OUT(out, "  ");
		graph_formats_put_object_id(out, graph->boxes[i].segments[0]);
		OUT(out, "[(\"");
		graph_formats_put_box_label(out, &graph->boxes[i], "<br/>");
		OUT(out, "\")]\n");
	}
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		if (!is_first(graph, i))
			continue;
		OUT(out, "  ");
		graph_formats_put_process_id(out, &graph->edges[i]);
		OUT(out, "([\"");
		graph_formats_put_quoted(out, graph->edges[i].name);
		out_char(out, ' ');
		out_signed(out, graph->edges[i].pid);
		OUT(out, "\"])\n");
	}
}

void graph_mermaid(struct out *out, const struct graph *graph, const struct model *model)
{
	(void)model;
	OUT(out, "graph LR\n");
	mermaid_put_nodes(out, graph);
	for (uint32_t i = 0; i < graph->box_count; i++)
		for (uint32_t k = 0; k < graph->boxes[i].edge_count; k++)
			mermaid_put_edge(out, &graph->boxes[i].edges[k]);
}

/* ---- JSON ---- */

static void json_segments(struct json *json, const struct graph *graph, const struct model *model)
{
	json_open(json, "segments", '[');
	for (uint32_t i = 0; i < model->segments.count; i++) {
		const struct model_segment *segment = model->segments.rows[i];

		if (!has_edges(graph, segment))
			continue;
		json_open(json, NULL, '{');
		json_number(json, "segment", i);
		json_segment(json, segment);
		json_key(json, segment->key);
		json_segment_size(json, segment);
		json_segment_state(json, segment);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_edge_process(struct json *json, const struct graph_edge *edge)
{
	json_signed(json, "pid", edge->pid);
	json_number(json, "image", edge->process ? edge->process->facts.image : 0);
}

static void json_processes(struct json *json, const struct graph *graph)
{
	json_open(json, "processes", '[');
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		if (!is_first(graph, i))
			continue;
		json_open(json, NULL, '{');
		json_edge_process(json, edge);
		json_text(json, "program", edge->name);
		json_bool(json, "traced", edge->process != NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* The semaphore sets and queues that processes operated on, or wait for. */
static void json_uses(struct json *json, const struct graph *graph)
{
	json_open(json, "uses", '[');
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		const struct model_segment *object = edge->segment;

		if (object->kind == SHARED_MEMORY)
			continue;
		json_open(json, NULL, '{');
		json_edge_process(json, edge);
		json_signed(json, object->kind == SEMAPHORE_SET ? "semid" : "msqid", object->shmid);
		json_segment_state(json, object);
		json_number(json, "operations", edge->bytes);
		json_bool(json, "waits", edge->waits);
		json_bool(json, "live", edge->live);
		json_bool(json, "made", edge->made);
		json_close(json, '}');
	}
	json_close(json, ']');
}

void graph_json(struct out *out, const struct graph *graph, const struct model *model)
{
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_segments(&json, graph, model);
	json_processes(&json, graph);
	json_open(&json, "edges", '[');
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		if (edge->segment->kind != SHARED_MEMORY)
			continue;
		json_open(&json, NULL, '{');
		json_edge_process(&json, edge);
		json_signed(&json, "shmid", edge->segment->shmid);
		json_number(&json, "segment", edge->segment->place);
		json_number(&json, "attachments", edge->count);
		json_number(&json, "bytes", edge->bytes);
		json_bool(&json, "readonly", edge->count && !edge->writes);
		json_bool(&json, "inherited", edge->count && edge->inherited);
		json_bool(&json, "live", edge->live);
		json_bool(&json, "made", edge->made);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_uses(&json, graph);
	json_close(&json, '}');
	out_char(out, '\n');
}
