/* SPDX-License-Identifier: MIT */
/*
 * One drawing a segment: a box with what it is and who made it, half of those that have it attached
 * to the left of it, half to the right. An arrow is whole where something is attached (in a session
 * that has ended: ever was), and broken where it was.
 *
 *      perl 27022 64K ────▶ │ shmid 5, 64K       │ ◀──── perl 27024 64K ro
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report/util/format.h"
#include "report/util/printable.h"
#include "report/view/graph.h"
#include "report/view/report.h"

#define BOX_COLUMNS 22u
#define BOX_LINES 6u
#define ARROW_COLUMNS 6u
#define SIDE_LEAST 20u /* columns for the names on either side of the box */
#define SIDE_USUAL 44u
#define EDGE_BYTES 192u

struct glyphs {
	const char *top, *side, *bottom, *right, *left, *was_right, *was_left, *cut;
};

/* Columns for the names on either side of the box. */
struct sides {
	size_t left, right;
};

static const struct glyphs fine = {
	"┌────────────────────────┐",
	"│",
	"└────────────────────────┘",
	" ───▶ ",
	" ◀─── ",
	" ┄┄┄▷ ",
	" ◁┄┄┄ ",
	"…",
};
static const struct glyphs plain = {
	"+------------------------+",
	"|",
	"+------------------------+",
	" ---> ",
	" <--- ",
	" . .> ",
	" <. . ",
	"~",
};

/* What does not fit is cut, and marked. */
static void put_name(char text[EDGE_BYTES], const char *name, size_t columns,
		     const struct glyphs *g)
{
	int bytes = (int)strlen(name);
	bool whole = out_columns(name) <= columns;

	if (!whole)
		bytes = (int)(printable_skip(name, (unsigned)columns - 1) - name);
	snprintf(text, EDGE_BYTES, "%.*s%s", bytes, name, whole ? "" : g->cut);
}

/* Within `columns`: where that is too little for all of it, the program's name is cut. */
static void describe(const struct graph_edge *edge, size_t columns, const struct glyphs *g,
		     char text[EDGE_BYTES])
{
	char bytes[HUMAN_BYTES], count[24] = "", rest[64];
	const char *mark = !edge->writes     ? " ro"
			   : edge->inherited ? " by fork"
			   : !edge->process  ? " untraced"
					     : "";
	size_t used;

	if (edge->count > 1 && edge->segment->size)
		snprintf(count, sizeof count, "%ux", edge->count);
	snprintf(rest, sizeof rest, " %d %s%s%s", edge->pid, count,
		 human_bytes(bytes, count[0] ? edge->segment->size : edge->bytes), mark);
	put_name(text, edge->name, strlen(rest) + 3 < columns ? columns - strlen(rest) : 3, g);
	used = strlen(text);
	snprintf(text + used, EDGE_BYTES - used, "%s", rest);
}

static void describe_maker(const struct model *model, const struct model_segment *segment,
			   const struct glyphs *g, char text[EDGE_BYTES])
{
	const struct model_process *maker = model_process(model, segment->maker);
	char name[EDGE_BYTES], pid[16];

	if (!maker || segment->created == CREATED_NOT) {
		snprintf(text, EDGE_BYTES, "was there before");
		return;
	}
	snprintf(pid, sizeof pid, " %d", maker->facts.pid);
	put_name(name, model_program_name(&maker->facts), BOX_COLUMNS - 3 - strlen(pid), g);
	snprintf(text, EDGE_BYTES, "by %.160s%s", name, pid);
}

static void put_box_line(struct out *out, const struct model *model,
			 const struct model_segment *segment, unsigned line, const struct glyphs *g)
{
	char text[EDGE_BYTES] = "", size[HUMAN_BYTES];

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
		describe_maker(model, segment, g, text);
	else
		snprintf(text, sizeof text, "%s%s%s", report_segment_state(segment),
			 report_segment_fault(segment), segment->space ? ", other ns" : "");
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
		     const struct glyphs *g, size_t width)
{
	char text[EDGE_BYTES];
	size_t columns;

	if (!edge) {
		out_pad(out, width + ARROW_COLUMNS);
		return;
	}
	describe(edge, width, g, text);
	columns = out_columns(text);
	out_pad(out, columns < width ? width - columns : 0);
	out_safe(out, text);
	out_text(out, is_whole(edge, model) ? g->right : g->was_right);
}

static void put_right(struct out *out, const struct graph_edge *edge, const struct model *model,
		      const struct glyphs *g, size_t width)
{
	char text[EDGE_BYTES];

	if (!edge)
		return;
	describe(edge, width, g, text);
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
			const struct model_segment *segment, const struct model *model,
			const struct sides *sides)
{
	const struct glyphs *g = out->utf8 ? &fine : &plain;
	const struct graph_edge *next = edges, *end = edges + count;

	for (uint32_t row = 0; row < BOX_LINES || next < end; row++) {
		const struct graph_edge *left = row ? next_edge(&next, end) : NULL;
		const struct graph_edge *right = row ? next_edge(&next, end) : NULL;

		if (row >= BOX_LINES && !left)
			break;
		put_left(out, left, model, g, sides->left);
		if (row < BOX_LINES)
			put_box_line(out, model, segment, row, g);
		else
			out_pad(out, BOX_COLUMNS + 4);
		put_right(out, right, model, g, sides->right);
		out_char(out, '\n');
	}
}

/* What each side would take with nothing cut. */
static struct sides measure(const struct graph *graph)
{
	const struct model_segment *segment = NULL;
	struct sides need = {0, 0};
	char text[EDGE_BYTES];
	bool right = false;

	for (uint32_t i = 0; i < graph->edge_count; i++) {
		size_t *side, columns;

		if (!graph->edges[i].count)
			continue;
		if (graph->edges[i].segment != segment)
			right = false;
		segment = graph->edges[i].segment;
		describe(&graph->edges[i], SIZE_MAX, &plain, text);
		columns = out_columns(text);
		side = right ? &need.right : &need.left;
		*side = columns > *side ? columns : *side;
		right = !right;
	}
	return need;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The box stands in the middle, unless one side has too little room and the other more than it
 * needs. */
static struct sides choose_sides(const struct out *out, const struct graph *graph)
{
	size_t taken = BOX_COLUMNS + 4 + 2 * ARROW_COLUMNS;
	size_t room = out->width > taken + 2 * SIDE_LEAST ? out->width - taken : 2 * SIDE_LEAST;
	size_t half = room / 2, left = smaller(half, SIDE_USUAL);
	struct sides need = measure(graph);

	if (need.left > left)
		left = smaller(need.left, room - smaller(need.right, half));
	else if (need.right > room - left)
		left = need.left + need.right > room ? need.left : room - need.right;
	return (struct sides){left, room - left};
}

void graph_text(struct out *out, const struct graph *graph, const struct model *model)
{
	struct sides sides = choose_sides(out, graph);
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
		put_segment(out, graph->edges + first, next - first, segment, model, &sides);
	}
	if (!any)
		OUT(out, "no shared segments\n");
}
