/* SPDX-License-Identifier: MIT */
/* The graph for other tools: graphviz' dot, mermaid, JSON. */
#include "report/view/graph_formats.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/util/printable.h"
#include "report/view/json_members.h"
#include "report/view/words.h"

/* ---- for all formats ---- */

/* A node's name: a word in dot and in mermaid. */
static void graph_formats_put_process_id(struct out *out, const struct graph_edge *edge)
{
	out_char(out, edge->process ? 'p' : 'u');
	out_number(out, edge->process ? edge->process->facts.instance : (uint32_t)edge->pid);
}

static uint32_t segment_number(const struct model *model, const struct model_segment *segment)
{
	for (uint32_t i = 0; i < model->segments.count; i++)
		if (model->segments.rows[i] == segment)
			return i;
	return 0;
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

	out_text(out, format_bytes(bytes, edge->bytes));
	if (!edge->writes)
		OUT(out, " ro");
	if (edge->inherited)
		OUT(out, " by fork");
}

static void graph_formats_put_segment_label(struct out *out, const struct model_segment *segment,
					    const char *line_end)
{
	char size[FORMAT_BYTES];

	OUT(out, "shmid ");
	out_signed(out, segment->shmid);
	out_text(out, line_end);
	words_key(out, segment->key);
	out_text(out, line_end);
	out_text(out, format_bytes(size, segment->size));
	OUT(out, ", ");
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

static void dot_nodes(struct out *out, const struct graph *graph, const struct model *model)
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
	for (uint32_t i = 0; i < model->segments.count; i++) {
		if (!has_edges(graph, model->segments.rows[i]))
			continue;
		OUT(out, "  s");
		out_number(out, i);
		OUT(out, " [shape=box, style=filled, fillcolor=\"");
		out_text(out,
			 *words_segment_fault(model->segments.rows[i]) ? "#f4cccc" : "#d9ead3");
		OUT(out, "\", label=\"");
		graph_formats_put_segment_label(out, model->segments.rows[i], "\\n");
		OUT(out, "\"]\n");
	}
}

void graph_dot(struct out *out, const struct graph *graph, const struct model *model)
{
	OUT(out, "digraph memshim {\n  rankdir=LR\n  node [shape=ellipse, fontname=\"sans\"]\n");
	dot_nodes(out, graph, model);
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		OUT(out, "  ");
		graph_formats_put_process_id(out, edge);
		OUT(out, " -> s");
		out_number(out, segment_number(model, edge->segment));
		if (edge->count) {
			OUT(out, " [label=\"");
			graph_formats_put_edge_label(out, edge);
			out_text(out, edge->live ? "\"]\n" : "\", style=dashed]\n");
		} else {
			OUT(out, " [label=\"created\", style=dotted]\n");
		}
	}
	OUT(out, "}\n");
}

/* ---- mermaid ---- */

void graph_mermaid(struct out *out, const struct graph *graph, const struct model *model)
{
	OUT(out, "graph LR\n");
	for (uint32_t i = 0; i < model->segments.count; i++) {
		if (!has_edges(graph, model->segments.rows[i]))
			continue;
		OUT(out, "  s");
		out_number(out, i);
		OUT(out, "[(\"");
		graph_formats_put_segment_label(out, model->segments.rows[i], "<br/>");
		OUT(out, "\")]\n");
	}
	for (uint32_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		OUT(out, "  ");
		graph_formats_put_process_id(out, edge);
		if (is_first(graph, i)) {
			OUT(out, "([\"");
			graph_formats_put_quoted(out, edge->name);
			out_char(out, ' ');
			out_signed(out, edge->pid);
			OUT(out, "\"])");
		}
		out_text(out, edge->live ? " -->|\"" : " -.->|\"");
		if (edge->count)
			graph_formats_put_edge_label(out, edge);
		else
			OUT(out, "created");
		OUT(out, "\"| s");
		out_number(out, segment_number(model, edge->segment));
		out_char(out, '\n');
	}
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

		json_open(&json, NULL, '{');
		json_edge_process(&json, edge);
		json_signed(&json, "shmid", edge->segment->shmid);
		json_number(&json, "segment", segment_number(model, edge->segment));
		json_number(&json, "attachments", edge->count);
		json_number(&json, "bytes", edge->bytes);
		json_bool(&json, "readonly", edge->count && !edge->writes);
		json_bool(&json, "inherited", edge->count && edge->inherited);
		json_bool(&json, "live", edge->live);
		json_bool(&json, "made", edge->made);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
	out_char(out, '\n');
}
