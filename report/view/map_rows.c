/* SPDX-License-Identifier: MIT */
/*
 * Adjacent zones of one kind form one box: the program's code and constants, its data and zeros,
 * neighbouring mmap areas. Boxes are made from the top down. Unmapped addresses between two boxes
 * are a gap.
 */
#include <stdio.h>
#include <stdlib.h>

#include "report/util/array.h"
#include "report/util/format.h"
#include "report/view/map_boxes.h"

#define INNER_GAP_MOST (128u << 20) /* bytes; malloc's arenas are 64M apart */
#define SCALED_LINES 40u            /* of all mapped memory, when drawn to scale */
#define SCALED_GAP_LINES 5u         /* the largest gap, when drawn to scale */

static enum family family_of(const struct zone *zone)
{
	static const enum family families[ZONE_KIND_COUNT] = {
		[ZONE_TEXT] = CODE,        [ZONE_RODATA] = CODE,
		[ZONE_DATA] = DATA,        [ZONE_BSS] = DATA,
		[ZONE_HEAP] = HEAP,        [ZONE_UNUSED] = UNUSED,
		[ZONE_LIBRARY] = PLACED,   [ZONE_FILE] = PLACED,
		[ZONE_ANONYMOUS] = PLACED, [ZONE_ATTACHMENT] = ATTACHED,
		[ZONE_STACK] = STACK,      [ZONE_KERNEL] = KERNEL,
	};

	return families[zone->kind];
}

/* ---- rows ---- */

struct map_row *map_row_add(struct map_rows *rows, enum map_row_kind kind, enum out_color color)
{
	struct map_row *row;

	if (!ARRAY_RESERVE(rows->rows, rows->capacity, rows->count + 1)) {
		rows->no_memory = true;
		return NULL;
	}
	row = &rows->rows[rows->count++];
	*row = (struct map_row){.kind = kind, .color = color, .mark = ' '};
	return row;
}

void map_rows_free(struct map_rows *rows)
{
	free(rows->rows);
	rows->rows = NULL;
}

static void add_edge(const struct drawing *drawing, uint64_t address)
{
	const struct zones_process *process = &drawing->zones->process;
	const struct zones *before = drawing->options->before;
	uint64_t page = process->page_bytes ? process->page_bytes : 1;
	bool is_break = process->break_current &&
			(process->break_current + page - 1) / page * page == address;
	struct map_row *row = map_row_add(drawing->rows, is_break ? ROW_BREAK : ROW_EDGE,
					  COLOR_NONE);

	if (!row)
		return;
	row->addressed = true;
	row->address = address;
	if (is_break && before && before->process.break_current != process->break_current)
		row->mark = '*';
}

/* ---- boxes, from the top down ---- */

static bool map_row_joins(const struct zone *lower, const struct zone *upper)
{
	enum family family = family_of(lower);
	uint64_t gap = upper->start - lower->end;

	if (family != family_of(upper) || family == ATTACHED || upper->start < lower->end)
		return false;
	return gap == 0 || (family == PLACED && gap <= INNER_GAP_MOST);
}

/* The number of lines for `bytes` at the scale, at least 1. */
static unsigned lines_of(const struct drawing *drawing, uint64_t bytes, unsigned most)
{
	uint64_t lines = bytes / drawing->rows->unit_bytes;

	return lines < 1 ? 1 : lines > most ? most : (unsigned)lines;
}

static void fill_to_scale(const struct drawing *drawing, const struct box *box, unsigned from)
{
	unsigned lines = lines_of(drawing, box->last->end - box->first->start, UINT_MAX);
	struct map_rows *rows = drawing->rows;

	if (rows->count > from + lines)
		rows->count = from + lines;
	while (rows->count < from + lines && map_row_add(rows, ROW_BLANK, box_color(box->family)))
		;
}

static void add_gap(const struct drawing *drawing, uint64_t bytes, const char *text,
		    enum out_color color)
{
	unsigned lines = drawing->rows->unit_bytes ? lines_of(drawing, bytes, SCALED_GAP_LINES) : 1;

	for (unsigned i = 0; i < lines; i++) {
		struct map_row *row = map_row_add(drawing->rows, ROW_GAP, color);

		if (row && i == lines / 2)
			snprintf(row->text, sizeof row->text, "%s", text);
	}
}

static void map_row_put_unused(const struct drawing *drawing, const struct zone *zone)
{
	char text[MAP_TEXT_BYTES], size[FORMAT_BYTES];
	uint64_t bytes = zone_bytes(zone);
	unsigned at = drawing->rows->count;

	snprintf(text, sizeof text, "%s of room for the heap", format_bytes(size, bytes));
	add_gap(drawing, bytes, text,
		bytes < 1u << 20    ? COLOR_RED
		: bytes < 64u << 20 ? COLOR_YELLOW
				    : COLOR_GREEN);
	if (!drawing->rows->no_memory)
		map_mark(drawing, &drawing->rows->rows[at], zone);
}

static void map_row_put_gap(const struct drawing *drawing, uint64_t from, uint64_t to)
{
	char text[MAP_TEXT_BYTES], size[FORMAT_BYTES];
	const struct zones *zones = drawing->zones;

	format_bytes(size, to - from);
	if (to >> 63)
		snprintf(text, sizeof text, "not for programs");
	else if (zones->process.live)
		snprintf(text, sizeof text, "%s not mapped", size);
	else if (from - zones->process.break_current < zones->process.page_bytes)
		snprintf(text, sizeof text, "at most %s for the heap", size);
	else
		snprintf(text, sizeof text, "%s, not recorded", size);
	add_gap(drawing, to - from, text, COLOR_DIM);
}

static void draw_box(const struct drawing *drawing, const struct box *box)
{
	unsigned from = drawing->rows->count;

	if (box->family == UNUSED) {
		map_row_put_unused(drawing, box->first);
		return;
	}
	box_put(drawing, box);
	if (drawing->rows->unit_bytes)
		fill_to_scale(drawing, box, from);
}

/* Whether the page belongs to the kernel's half, which is the same in every process. */
static bool is_beyond(const struct zone *zone)
{
	return zone->start >> 63;
}

static uint64_t map_row_unit(const struct zones *zones)
{
	uint64_t bytes = 0, unit = zones->process.page_bytes ? zones->process.page_bytes : 4096;

	for (uint32_t i = 0; i < zones->count; i++)
		if (zones->zones[i].kind != ZONE_UNUSED)
			bytes += zone_bytes(&zones->zones[i]);
	while (unit < bytes / SCALED_LINES && unit << 1)
		unit <<= 1;
	return unit;
}

void map_rows_make(struct map_rows *rows, const struct zones *zones,
		   const struct map_options *options, unsigned members)
{
	const struct drawing drawing = {rows, zones, options, members};
	const struct zone *at = zones->zones, *above = NULL;

	if (zones->count)
		at += zones->count;
	rows->rows = NULL;
	rows->count = rows->capacity = 0;
	rows->unit_bytes = options->scale ? map_row_unit(zones) : 0;
	if (!zones->process.live)
		add_gap(&drawing, 0, "what is here is not recorded", COLOR_DIM);
	while (at > zones->zones) {
		struct box box = {at - 1, at - 1, family_of(at - 1)};

		while (box.first > zones->zones && map_row_joins(box.first - 1, box.first))
			box.first--;
		at = box.first;
		if (is_beyond(box.last) && !options->all)
			continue;
		if (above && above->start > box.last->end) {
			add_edge(&drawing, above->start);
			map_row_put_gap(&drawing, box.last->end, above->start);
		}
		add_edge(&drawing, box.last->end);
		draw_box(&drawing, &box);
		above = box.first;
	}
	if (above)
		add_edge(&drawing, above->start);
	if (!zones->process.live)
		add_gap(&drawing, 0, "text and data: not recorded", COLOR_DIM);
}
