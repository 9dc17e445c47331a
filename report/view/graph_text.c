/* SPDX-License-Identifier: MIT */
/*
 * One drawing for each set of segments with equal holders: a box with its facts and its creator,
 * and processes on both sides. A solid arrow is a present attachment. A broken arrow is a past one;
 * these come last.
 *
 *      perl 27022 64K ────▶ │ shmid 5, 64K       │ ◀──── perl 27024 64K ro
 */
#include "report/view/graph_text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report/util/format.h"
#include "report/view/name.h"
#include "report/view/words.h"

#define BOX_COLUMNS 22u
#define BOX_LINES 6u
#define ARROW_COLUMNS 6u
#define SIDE_LEAST 20u /* columns for the names on either side of the box */
#define SIDE_USUAL 44u
#define NAME_LEAST 4u /* the shortest useful program name */
#define EDGE_BYTES 192u

struct glyphs {
	const char *top, *side, *bottom, *right, *left, *was_right, *was_left;
	bool utf8;
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
	true,
};
static const struct glyphs plain = {
	"+------------------------+",
	"|",
	"+------------------------+",
	" ---> ",
	" <--- ",
	" . .> ",
	" <. . ",
	false,
};

/* " 27022 12 ops waits": operations on a set, messages of a queue. */
static void describe_use(const struct graph_edge *edge, size_t columns, char rest[96])
{
	const char *what = edge->segment->kind == SEMAPHORE_SET ? "op" : "msg";
	const char *waits = edge->waits ? " waits" : "";
	char count[FORMAT_BYTES];

	snprintf(rest, 96, " %d %s %s%s%s", edge->pid, format_count(count, edge->bytes), what,
		 format_s(edge->bytes), waits);
	if (strlen(rest) > columns)
		snprintf(rest, 96, " %d%s", edge->pid, waits);
	if (strlen(rest) > columns)
		snprintf(rest, 96, " %d", edge->pid);
}

/* " 27022 64K by fork". Narrow columns drop the size and "by fork", never the pid. */
static void describe_hold(const struct graph_edge *edge, size_t columns, char rest[96])
{
	char bytes[FORMAT_BYTES], count[24] = "";
	const char *mark = !edge->writes     ? " ro"
			   : edge->inherited ? " by fork"
			   : !edge->process  ? " untraced"
					     : "";

	if (edge->segment->kind != SHARED_MEMORY) {
		describe_use(edge, columns, rest);
		return;
	}
	if (edge->count > 1 && edge->segment->size)
		snprintf(count, sizeof count, "%ux", edge->count);
	format_bytes(bytes, count[0] ? edge->segment->size : edge->bytes);
	snprintf(rest, 96, " %d %s%s%s", edge->pid, count, bytes, mark);
	if (strlen(rest) > columns)
		snprintf(rest, 96, " %d %s%s", edge->pid, count, bytes);
	if (strlen(rest) > columns)
		snprintf(rest, 96, " %d", edge->pid);
}

/* Fits `columns` by shortening the program's name. */
static void graph_text_describe(const struct graph_edge *edge, size_t columns,
				const struct glyphs *g, char text[EDGE_BYTES])
{
	size_t least = out_columns(edge->name), used;
	char rest[96];

	least = least < NAME_LEAST ? least : NAME_LEAST;
	describe_hold(edge, columns - least, rest);
	name_shorten(edge->name, (unsigned)(columns - strlen(rest)), g->utf8, text, EDGE_BYTES);
	used = strlen(text);
	snprintf(text + used, EDGE_BYTES - used, "%s", rest);
}

static void describe_creator(const struct model *model, const struct model_segment *segment,
			     const struct glyphs *g, char text[EDGE_BYTES])
{
	const struct model_process *creator = model_process(model, segment->creator);
	char name[EDGE_BYTES], pid[16];

	if (!creator || segment->created == CREATED_NOT) {
		snprintf(text, EDGE_BYTES, "created earlier");
		return;
	}
	snprintf(pid, sizeof pid, " %d", creator->facts.pid);
	name_shorten(model_program_name(&creator->facts), BOX_COLUMNS - 3 - (unsigned)strlen(pid),
		     g->utf8, name, sizeof name);
	snprintf(text, EDGE_BYTES, "by %.160s%s", name, pid);
}

static const char *const ids[OBJECT_KIND_COUNT] = {"shmid", "semid", "msqid"};

/* "shmid 5, 6, 7, ...": as many ids as fit. */
static void describe_ids(const struct graph_box *box, const struct glyphs *g, char *text)
{
	const char *mark = g->utf8 ? ", \u2026" : ", ...";
	int used = snprintf(text, EDGE_BYTES, "%s %d", ids[box->segments[0]->kind],
			    box->segments[0]->shmid);
	char id[16];

	for (uint32_t i = 1; i < box->segment_count; i++) {
		bool last = i + 1 == box->segment_count;
		int length = snprintf(id, sizeof id, ", %d", box->segments[i]->shmid);

		if ((unsigned)(used + length) + (last ? 0 : out_columns(mark)) > BOX_COLUMNS) {
			snprintf(text + used, EDGE_BYTES - (size_t)used, "%s", mark);
			return;
		}
		used += snprintf(text + used, EDGE_BYTES - (size_t)used, "%s", id);
	}
}

/* "semid 5, 3 semaphores", "4 semaphore sets". */
static void describe_object(const struct graph_box *box, char text[EDGE_BYTES])
{
	const struct model_segment *object = box->segments[0];
	bool is_set = object->kind == SEMAPHORE_SET;
	char count[FORMAT_BYTES];

	if (box->segment_count > 1)
		snprintf(text, EDGE_BYTES, "%s %s", format_count(count, box->segment_count),
			 is_set ? "semaphore sets" : "message queues");
	else if (is_set && object->size)
		snprintf(text, EDGE_BYTES, "semid %d, %s sem", object->shmid,
			 format_count(count, object->size));
	else
		snprintf(text, EDGE_BYTES, "%s %d", ids[object->kind], object->shmid);
}

/* The first two lines of a box: of one segment its id, size and key, else their number and ids. */
static void describe_segments(const struct graph_box *box, unsigned line, const struct glyphs *g,
			      char text[EDGE_BYTES])
{
	const struct model_segment *segment = box->segments[0];
	char size[FORMAT_BYTES], count[FORMAT_BYTES];

	if (line == 1 && segment->kind != SHARED_MEMORY)
		describe_object(box, text);
	else if (line == 1 && box->segment_count > 1)
		snprintf(text, EDGE_BYTES, "%s segments, %s",
			 format_count(count, box->segment_count), format_bytes(size, box->bytes));
	else if (line == 1)
		snprintf(text, EDGE_BYTES, "shmid %d, %s", segment->shmid,
			 segment->size ? format_bytes(size, segment->size) : "size ?");
	else if (box->segment_count > 1)
		describe_ids(box, g, text);
	else if (!segment->key_known || segment->key == 0)
		snprintf(text, EDGE_BYTES, "IPC_PRIVATE");
	else
		snprintf(text, EDGE_BYTES, "key 0x%08x", segment->key);
}

static void graph_text_put_box_line(struct out *out, const struct model *model,
				    const struct graph_box *box, unsigned line,
				    const struct glyphs *g)
{
	const struct model_segment *segment = box->segments[0];
	char text[EDGE_BYTES] = "";

	if (line == 0 || line == BOX_LINES - 1) {
		out_text(out, line ? g->bottom : g->top);
		return;
	}
	if (line < 3)
		describe_segments(box, line, g, text);
	else if (line == 3)
		describe_creator(model, segment, g, text);
	else
		snprintf(text, sizeof text, "%s%s%s", words_segment_state(segment),
			 words_segment_fault(segment), segment->space ? ", other ns" : "");
	out_text(out, g->side);
	out_char(out, ' ');
	out_safe_wide(out, text, BOX_COLUMNS);
	out_char(out, ' ');
	out_text(out, g->side);
}

static void graph_text_put_left(struct out *out, const struct graph_edge *edge,
				const struct glyphs *g, size_t width)
{
	char text[EDGE_BYTES];
	size_t columns;

	if (!edge) {
		out_pad(out, width + ARROW_COLUMNS);
		return;
	}
	graph_text_describe(edge, width, g, text);
	columns = out_columns(text);
	out_pad(out, columns < width ? width - columns : 0);
	out_safe(out, text);
	out_text(out, edge->live ? g->right : g->was_right);
}

static void graph_text_put_right(struct out *out, const struct graph_edge *edge,
				 const struct glyphs *g, size_t width)
{
	char text[EDGE_BYTES];

	if (!edge)
		return;
	graph_text_describe(edge, width, g, text);
	out_text(out, edge->live ? g->left : g->was_left);
	out_safe(out, text);
}

/* The edges of a box: present attachments first, then past ones. */
struct walk {
	const struct graph_edge *first, *next, *end;
	bool past;
};

static struct walk walk_begin(const struct graph_box *box)
{
	return (struct walk){box->edges, box->edges, box->edges + box->edge_count, false};
}

/* The next process that attached the segment. The box names one that only created it. */
static const struct graph_edge *walk_next(struct walk *walk)
{
	for (;;) {
		while (walk->next < walk->end &&
		       (!walk->next->count || walk->next->live == walk->past))
			walk->next++;
		if (walk->next < walk->end)
			return walk->next++;
		if (walk->past)
			return NULL;
		walk->past = true;
		walk->next = walk->first;
	}
}

/* Draws the edges alternately on the left and on the right. */
static void graph_text_put_box(struct out *out, const struct graph_box *box,
			       const struct model *model, const struct sides *sides)
{
	const struct glyphs *g = out->utf8 ? &fine : &plain;
	struct walk walk = walk_begin(box);

	for (uint32_t row = 0;; row++) {
		const struct graph_edge *left = row ? walk_next(&walk) : NULL;
		const struct graph_edge *right = row ? walk_next(&walk) : NULL;

		if (row >= BOX_LINES && !left)
			break;
		graph_text_put_left(out, left, g, sides->left);
		if (row < BOX_LINES)
			graph_text_put_box_line(out, model, box, row, g);
		else
			out_pad(out, BOX_COLUMNS + 4);
		graph_text_put_right(out, right, g, sides->right);
		out_char(out, '\n');
	}
}

/* The columns that each side needs without a cut. */
static struct sides graph_text_measure(const struct graph *graph)
{
	struct sides need = {0, 0};
	char text[EDGE_BYTES];

	for (uint32_t i = 0; i < graph->box_count; i++) {
		struct walk walk = walk_begin(&graph->boxes[i]);
		const struct graph_edge *edge;

		for (bool right = false; (edge = walk_next(&walk)); right = !right) {
			size_t *side = right ? &need.right : &need.left, columns;

			graph_text_describe(edge, EDGE_BYTES, &plain, text);
			columns = out_columns(text);
			*side = columns > *side ? columns : *side;
		}
	}
	return need;
}

static size_t graph_text_smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The box is in the middle, unless only one side lacks columns. */
static struct sides choose_sides(const struct out *out, const struct graph *graph)
{
	size_t taken = BOX_COLUMNS + 4 + 2 * ARROW_COLUMNS;
	size_t capacity = out->width > taken + 2 * SIDE_LEAST ? out->width - taken : 2 * SIDE_LEAST;
	size_t half = capacity / 2, left = graph_text_smaller(half, SIDE_USUAL);
	struct sides need = graph_text_measure(graph);

	if (need.left > left)
		left = graph_text_smaller(need.left,
					  capacity - graph_text_smaller(need.right, half));
	else if (need.right > capacity - left)
		left = need.left + need.right > capacity ? need.left : capacity - need.right;
	return (struct sides){left, capacity - left};
}

void graph_text(struct out *out, const struct graph *graph, const struct model *model)
{
	struct sides sides = choose_sides(out, graph);

	for (uint32_t i = 0; i < graph->box_count; i++) {
		if (i)
			out_char(out, '\n');
		graph_text_put_box(out, &graph->boxes[i], model, &sides);
	}
	if (!graph->box_count)
		OUT(out, "no shared segments, semaphore sets or message queues\n");
}
