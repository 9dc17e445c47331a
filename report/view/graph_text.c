/* SPDX-License-Identifier: MIT */
/*
 * One drawing a segment: a box with what it is and who made it, half of those that have it attached
 * to the left of it, half to the right. An arrow is whole where something is attached (in a session
 * that has ended: ever was), and broken where it was.
 *
 *      perl 27022 64K ────▶ │ shmid 5, 64K       │ ◀──── perl 27024 64K ro
 */
#include <stdio.h>
#include <string.h>

#include "report/human.h"
#include "report/view/graph.h"
#include "report/view/report.h"

#define BOX_COLUMNS 22u
#define BOX_LINES 6u
#define ARROW_COLUMNS 6u

struct glyphs {
	const char *top, *side, *bottom, *right, *left, *was_right, *was_left;
};

static const struct glyphs fine = {
	"┌────────────────────────┐",
	"│",
	"└────────────────────────┘",
	" ───▶ ",
	" ◀─── ",
	" ┄┄┄▷ ",
	" ◁┄┄┄ ",
};
static const struct glyphs plain = {
	"+------------------------+",
	"|",
	"+------------------------+",
	" ---> ",
	" <--- ",
	" . .> ",
	" <. . ",
};

/* For the names on either side of the box. */
static unsigned name_columns(const struct out *out)
{
	unsigned taken = BOX_COLUMNS + 4 + 2 * ARROW_COLUMNS;
	unsigned each = out->width > taken ? (out->width - taken) / 2 : 0;

	return each < 20 ? 20 : each > 44 ? 44 : each;
}

/* Within `columns`: where that is too little for all of it, the program's name is cut. */
static void describe(const struct graph_edge *edge, unsigned columns, char text[96])
{
	char bytes[HUMAN_BYTES], count[24] = "", rest[64];
	const char *mark = !edge->writes     ? " ro"
			   : edge->inherited ? " by fork"
			   : !edge->process  ? " untraced"
					     : "";
	size_t taken;

	if (edge->count > 1 && edge->segment->size)
		snprintf(count, sizeof count, "%ux", edge->count);
	snprintf(rest, sizeof rest, " %d %s%s%s", edge->pid, count,
		 human_bytes(bytes, count[0] ? edge->segment->size : edge->bytes), mark);
	taken = strlen(rest) + 3 < columns ? columns - strlen(rest) : 3;
	snprintf(text, 96, "%.*s%s", (int)taken, edge->name, rest);
}

static void describe_maker(const struct model *model, const struct model_segment *segment,
			   char text[64])
{
	const struct model_process *maker = model_process(model, segment->maker);

	if (maker && segment->created != CREATED_NOT)
		snprintf(text, 64, "by %.12s %d", model_program_name(&maker->facts),
			 maker->facts.pid);
	else
		snprintf(text, 64, "was there before");
}

static void put_box_line(struct out *out, const struct model *model,
			 const struct model_segment *segment, unsigned line, const struct glyphs *g)
{
	char text[64] = "", size[HUMAN_BYTES];

	if (line == 0 || line == BOX_LINES - 1) {
		out_text(out, line ? g->bottom : g->top);
		return;
	}
	if (line == 1)
		snprintf(text, sizeof text, "shmid %d, %s", segment->shmid,
			 segment->size ? human_bytes(size, segment->size) : "size ?");
	else if (line == 2 && (!segment->key_known || segment->key == 0))
		snprintf(text, sizeof text, "IPC_PRIVATE");
	else if (line == 2)
		snprintf(text, sizeof text, "key 0x%08x", segment->key);
	else if (line == 3)
		describe_maker(model, segment, text);
	else
		snprintf(text, sizeof text, "%s%s", report_segment_state(segment),
			 segment->leaked  ? ", leaked"
			 : segment->space ? ", other ns"
					  : "");
	out_text(out, g->side);
	out_char(out, ' ');
	out_safe_wide(out, text, BOX_COLUMNS);
	out_char(out, ' ');
	out_text(out, g->side);
}

static bool is_whole(const struct graph_edge *edge, const struct model *model)
{
	return edge->live || model->session.state != SESSION_LIVE;
}

static void put_left(struct out *out, const struct graph_edge *edge, const struct model *model,
		     const struct glyphs *g)
{
	char text[96];
	size_t columns;

	if (!edge) {
		out_pad(out, name_columns(out) + ARROW_COLUMNS);
		return;
	}
	describe(edge, name_columns(out), text);
	columns = out_columns(text);
	out_pad(out, columns < name_columns(out) ? name_columns(out) - columns : 0);
	out_safe(out, text);
	out_text(out, is_whole(edge, model) ? g->right : g->was_right);
}

static void put_right(struct out *out, const struct graph_edge *edge, const struct model *model,
		      const struct glyphs *g)
{
	char text[96];

	if (!edge)
		return;
	describe(edge, name_columns(out), text);
	out_text(out, is_whole(edge, model) ? g->left : g->was_left);
	out_safe(out, text);
}

/* The next of those that attached it: who only made it is named in the box. */
static const struct graph_edge *next_edge(const struct graph_edge **edge,
					  const struct graph_edge *end)
{
	while (*edge < end && !(*edge)->count)
		(*edge)++;
	return *edge < end ? (*edge)++ : NULL;
}

/* Edges first..first+count-1 are the segment's: they go left and right in turn. */
static void put_segment(struct out *out, const struct graph_edge *edges, uint32_t count,
			const struct model_segment *segment, const struct model *model)
{
	const struct glyphs *g = out->utf8 ? &fine : &plain;
	const struct graph_edge *next = edges, *end = edges + count;

	for (uint32_t row = 0; row < BOX_LINES || next < end; row++) {
		const struct graph_edge *left = row ? next_edge(&next, end) : NULL;
		const struct graph_edge *right = row ? next_edge(&next, end) : NULL;

		if (row >= BOX_LINES && !left)
			break;
		put_left(out, left, model, g);
		if (row < BOX_LINES)
			put_box_line(out, model, segment, row, g);
		else
			out_pad(out, BOX_COLUMNS + 4);
		put_right(out, right, model, g);
		out_char(out, '\n');
	}
}

void graph_text(struct out *out, const struct graph *graph, const struct model *model)
{
	uint32_t next = 0;
	bool any = false;

	for (uint32_t i = 0; i < model->segment_count; i++) {
		const struct model_segment *segment = model->segments[i];
		uint32_t first = next;

		while (next < graph->edge_count && graph->edges[next].segment == segment)
			next++;
		if (next == first)
			continue;
		if (any)
			out_char(out, '\n');
		any = true;
		put_segment(out, graph->edges + first, next - first, segment, model);
	}
	if (!any)
		OUT(out, "no shared segments\n");
}
