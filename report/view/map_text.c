/* SPDX-License-Identifier: MIT */
/*
 * The address space as textbooks draw it: the stack on top, the program's text at the bottom, the
 * heap between them, growing upwards. On the left are the addresses of the borders. On the right
 * are the sizes: address space, then resident and swapped memory.
 */
#include "report/view/map_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/util/format.h"
#include "report/util/path.h"
#include "report/view/map_boxes.h"
#include "report/view/map_rows.h"
#include "report/view/map_uses.h"

#define ADDRESS_COLUMNS 14u
#define BEYOND_COLUMNS 18u /* with the kernel's half */
#define NUMBER_COLUMNS 31u
#define BAR_COLUMNS 8u
#define BOX_MIN 24u
#define BOX_MAX 60u
#define MEMBERS 6u

struct pen {
	struct out *out;
	const struct zones *zones;
	const struct map_options *options;
	unsigned address_columns, box_columns;
};

/* A drawing character and its ASCII replacement. */
struct glyph {
	const char *utf8, *ascii;
};
#define GLYPH(pen, utf8, ascii) map_text_put_glyph(pen, (struct glyph){utf8, ascii}, 1)

static void map_text_put_glyph(const struct pen *pen, struct glyph glyph, unsigned times)
{
	while (times-- > 0)
		out_text(pen->out, pen->out->utf8 ? glyph.utf8 : glyph.ascii);
}

static void end_line(const struct pen *pen)
{
	if (pen->options->over)
		OUT(pen->out, "\33[K");
	out_char(pen->out, '\n');
}

/* ---- the heading ---- */

static void map_text_put_bytes(struct out *out, uint64_t bytes)
{
	char text[FORMAT_BYTES];

	out_text(out, format_bytes(text, bytes));
}

static void map_text_put_delta(struct out *out, uint64_t from, uint64_t to)
{
	char text[FORMAT_BYTES];

	out_text(out, format_delta(text, (int64_t)(to - from)));
}

static void map_text_put_process(const struct pen *pen)
{
	const struct zones_process *process = &pen->zones->process;
	struct out *out = pen->out;

	out_color(out, COLOR_BOLD);
	out_safe(out, process->comm);
	out_color(out, COLOR_NONE);
	OUT(out, ", process ");
	out_signed(out, process->pid);
	out_text(out, process->live ? "  " : ", as it last was  ");
	out_safe(out, process->exe);
	end_line(pen);
}

static const char *words_of(const struct zone *zone)
{
	if (zone->name && strchr(zone->name, '/'))
		return path_base_name(zone->name);
	return zone->kind == ZONE_ANONYMOUS ? "anonymous memory"
	       : zone->kind == ZONE_STACK   ? "the stack"
					    : "the kernel's pages";
}

/* The zone above the heap, which limits its growth. */
static void map_text_put_next(const struct pen *pen)
{
	const struct zones *zones = pen->zones;

	for (uint32_t i = 0; i < zones->count; i++) {
		const struct zone *zone = &zones->zones[i];

		if (zone->start < zones->process.break_current || zone->kind == ZONE_UNUSED)
			continue;
		if (zone->kind != ZONE_ATTACHMENT) {
			out_safe(pen->out, words_of(zone));
			return;
		}
		OUT(pen->out, "attachment ");
		out_signed(pen->out, zone->shmid);
		return;
	}
}

static void map_text_put_since(const struct pen *pen)
{
	uint64_t was = pen->options->before ? pen->options->before->process.break_current : 0;
	uint64_t is = pen->zones->process.break_current;

	if (!was || was == is)
		return;
	out_color(pen->out, COLOR_YELLOW);
	OUT(pen->out, "  moved ");
	map_text_put_delta(pen->out, was, is);
	out_color(pen->out, COLOR_NONE);
}

static void map_text_put_break(const struct pen *pen)
{
	const struct zones_process *process = &pen->zones->process;
	struct out *out = pen->out;

	OUT(out, "break   ");
	if (!process->break_current) {
		OUT(out, "not known");
		end_line(pen);
		return;
	}
	out_hex(out, process->break_current);
	if (process->break_initial) {
		OUT(out, ", ");
		map_text_put_delta(out, process->break_initial, process->break_current);
		OUT(out, " since ");
		out_hex(out, process->break_initial);
	}
	if (process->break_peak > process->break_current) {
		OUT(out, ", at its peak ");
		map_text_put_delta(out, process->break_initial, process->break_peak);
	}
	map_text_put_since(pen);
	end_line(pen);
	OUT(out, "        ");
	if (pen->zones->headroom_known || pen->zones->headroom_at_most) {
		out_text(out, pen->zones->headroom_known ? "" : "at most ");
		map_text_put_bytes(out, pen->zones->headroom_bytes);
		OUT(out, " of room above it, up to ");
		map_text_put_next(pen);
	} else {
		OUT(out, "what is above it was not recorded");
	}
	end_line(pen);
}

static void map_text_put_totals(const struct pen *pen)
{
	struct map_tally all = {0};
	struct out *out = pen->out;

	for (uint32_t i = 0; i < pen->zones->count; i++)
		if (pen->zones->zones[i].kind != ZONE_UNUSED)
			map_tally_add(&all, &pen->zones->zones[i]);
	OUT(out, "pages   of ");
	map_text_put_bytes(out, pen->zones->process.page_bytes);
	if (!all.pages_known) {
		OUT(out, "; which of them are in memory is not known");
		end_line(pen);
		return;
	}
	OUT(out, "; virtual ");
	map_text_put_bytes(out, all.bytes);
	OUT(out, ", resident ");
	map_text_put_bytes(out, all.resident_bytes);
	OUT(out, ", swapped ");
	map_text_put_bytes(out, all.swapped_bytes);
	end_line(pen);
}

static void map_text_put_uses(const struct pen *pen)
{
	for (uint32_t i = 0; i < map_use_lines(pen->zones); i++) {
		out_text(pen->out, i == 0 ? "ipc     " : "        ");
		map_use_text(pen->out, pen->zones, i);
		end_line(pen);
	}
}

/* Zones of the earlier sample that no longer exist. */
static void map_text_put_gone(const struct pen *pen)
{
	const struct zones *before = pen->options->before;
	unsigned count = 0;

	for (uint32_t i = 0; before && i < before->count; i++) {
		const struct zone *old = &before->zones[i];

		if (old->kind == ZONE_UNUSED || zones_before(pen->zones, old))
			continue;
		out_text(pen->out, count++ ? ", " : "gone    ");
		out_text(pen->out, zone_kind_name(old->kind));
		if (old->kind == ZONE_ATTACHMENT) {
			out_char(pen->out, ' ');
			out_signed(pen->out, old->shmid);
		}
		if (count == 4)
			break;
	}
	if (count == 4)
		OUT(pen->out, " ...");
	if (count)
		end_line(pen);
}

static void map_text_put_headings(const struct pen *pen)
{
	out_color(pen->out, COLOR_DIM);
	out_safe_wide(pen->out, "address", pen->address_columns + 2);
	if (pen->options->scale) {
		OUT(pen->out, " ");
		out_safe_wide(pen->out, "", pen->box_columns);
	} else {
		out_safe_wide(pen->out, " highest first", pen->box_columns + 1);
	}
	OUT(pen->out, "  size   pages resident swapped");
	out_color(pen->out, COLOR_NONE);
	end_line(pen);
}

/* ---- the rows ---- */

static void map_text_put_address(const struct pen *pen, const struct map_row *row)
{
	char text[32] = "";

	if (row->addressed)
		snprintf(text, sizeof text, "0x%llx", (unsigned long long)row->address);
	out_color(pen->out, COLOR_DIM);
	out_pad(pen->out,
		strlen(text) < pen->address_columns ? pen->address_columns - strlen(text) : 0);
	out_text(pen->out, text);
	out_color(pen->out, COLOR_NONE);
	if (row->mark != ' ')
		out_color(pen->out, COLOR_YELLOW);
	out_char(pen->out, row->mark);
	if (row->mark != ' ')
		out_color(pen->out, COLOR_NONE);
}

static void map_text_put_edge(const struct pen *pen, const struct map_row *row, bool top,
			      bool bottom)
{
	static const char word[] = " program break ";
	unsigned left = (pen->box_columns - (unsigned)(sizeof word - 1)) / 2;

	if (row->kind == ROW_BREAK) {
		out_color(pen->out, COLOR_GREEN);
		GLYPH(pen, "╞", "+");
		map_text_put_glyph(pen, (struct glyph){"═", "="}, left);
		out_text(pen->out, word);
		map_text_put_glyph(pen, (struct glyph){"═", "="},
				   pen->box_columns - left - (unsigned)(sizeof word - 1));
		GLYPH(pen, "╡", "+");
		out_color(pen->out, COLOR_NONE);
		return;
	}
	map_text_put_glyph(pen, (struct glyph){top ? "┌" : bottom ? "└" : "├", "+"}, 1);
	map_text_put_glyph(pen, (struct glyph){"─", "-"}, pen->box_columns);
	map_text_put_glyph(pen, (struct glyph){top ? "┐" : bottom ? "┘" : "┤", "+"}, 1);
}

static void map_text_put_gap(const struct pen *pen, const struct map_row *row)
{
	unsigned used = (unsigned)out_columns(row->text);
	unsigned left = used < pen->box_columns ? (pen->box_columns - used) / 2 : 0;

	GLYPH(pen, "╎", ":");
	out_color(pen->out, row->color);
	out_pad(pen->out, left);
	out_safe_wide(pen->out, row->text, pen->box_columns - left);
	out_color(pen->out, COLOR_NONE);
	GLYPH(pen, "╎", ":");
}

/* Columns of a bar for `part`: at least 1 if `part` is not 0. */
static unsigned map_text_share(uint64_t part, uint64_t whole, unsigned capacity)
{
	unsigned columns = whole ? (unsigned)((unsigned __int128)part * BAR_COLUMNS / whole) : 0;

	columns += part && !columns;
	return columns < capacity ? columns : capacity;
}

static void map_text_put_bar(const struct pen *pen, const struct map_tally *tally)
{
	unsigned resident = map_text_share(tally->resident_bytes, tally->bytes, BAR_COLUMNS);
	unsigned swapped = map_text_share(tally->swapped_bytes, tally->bytes,
					  BAR_COLUMNS - resident);

	if (!tally->pages_known) {
		out_pad(pen->out, BAR_COLUMNS);
		return;
	}
	map_text_put_glyph(pen, (struct glyph){"█", "#"}, resident);
	map_text_put_glyph(pen, (struct glyph){"▒", "~"}, swapped);
	map_text_put_glyph(pen, (struct glyph){"░", "."}, BAR_COLUMNS - resident - swapped);
}

static void map_text_put_numbers(const struct pen *pen, const struct map_tally *tally)
{
	char text[FORMAT_BYTES];

	format_bytes(text, tally->bytes);
	out_pad(pen->out, strlen(text) < 6 ? 6 - strlen(text) : 0);
	out_text(pen->out, text);
	out_number_wide(pen->out, tally->pages, 8);
	if (!tally->pages_known)
		return;
	out_number_wide(pen->out, tally->resident_pages, 9);
	out_number_wide(pen->out, tally->swapped_pages, 8);
}

static void map_text_put_zone(const struct pen *pen, const struct map_row *row)
{
	bool bar = row->counted && row->tally.pages_known;
	unsigned capacity = pen->box_columns - 2 - (bar ? BAR_COLUMNS + 1 : 0);

	GLYPH(pen, "│", "|");
	out_char(pen->out, ' ');
	out_color(pen->out, row->color);
	out_safe_wide(pen->out, row->text, capacity);
	if (bar) {
		out_char(pen->out, ' ');
		map_text_put_bar(pen, &row->tally);
	}
	out_color(pen->out, COLOR_NONE);
	out_char(pen->out, ' ');
	GLYPH(pen, "│", "|");
	if (row->counted)
		map_text_put_numbers(pen, &row->tally);
}

static void map_text_put_row(const struct pen *pen, const struct map_rows *rows, unsigned i)
{
	const struct map_row *row = &rows->rows[i];

	map_text_put_address(pen, row);
	if (row->kind == ROW_EDGE || row->kind == ROW_BREAK)
		map_text_put_edge(pen, row, i == 0, i + 1 == rows->count);
	else if (row->kind == ROW_GAP)
		map_text_put_gap(pen, row);
	else
		map_text_put_zone(pen, row);
	end_line(pen);
}

/* ---- the legend ---- */

static void map_text_put_foot(const struct pen *pen, const struct map_rows *rows)
{
	out_color(pen->out, COLOR_DIM);
	GLYPH(pen, "█", "#");
	OUT(pen->out, " resident  ");
	GLYPH(pen, "▒", "~");
	OUT(pen->out, " swapped  ");
	GLYPH(pen, "░", ".");
	OUT(pen->out, " addresses only");
	if (pen->options->before)
		OUT(pen->out, "  * changed  + new");
	if (rows->unit_bytes) {
		OUT(pen->out, "  a line is ");
		map_text_put_bytes(pen->out, rows->unit_bytes);
		OUT(pen->out, ", but in gaps");
	}
	out_color(pen->out, COLOR_NONE);
	end_line(pen);
}

#define LINES_AROUND 9u /* heading, titles, legend, cursor, and the line on cut rows */

/*
 * Fits the screen: drops the files of zones first, then rows from the top. The break is further
 * down.
 */
static unsigned map_text_fit(struct map_rows *rows, const struct pen *pen)
{
	unsigned most = pen->options->lines_most, around = LINES_AROUND + map_use_lines(pen->zones);

	map_rows_make(rows, pen->zones, pen->options, MEMBERS);
	if (!most || rows->count + around <= most)
		return 0;
	map_rows_free(rows);
	map_rows_make(rows, pen->zones, pen->options, 0);
	if (rows->count + around <= most)
		return 0;
	return most > around ? rows->count + around - most : rows->count;
}

static unsigned address_columns(const struct zones *zones, const struct map_options *options)
{
	const struct zone *top = zones->count ? &zones->zones[zones->count - 1] : NULL;

	return options->all && top && top->start >> 63 ? BEYOND_COLUMNS : ADDRESS_COLUMNS;
}

bool map_text(struct out *out, const struct zones *zones, const struct map_options *options)
{
	struct pen pen = {out, zones, options, address_columns(zones, options), BOX_MIN};
	struct map_rows rows = {0};
	unsigned around = pen.address_columns + 3 + NUMBER_COLUMNS, cut;

	if (out->width > around + BOX_MIN)
		pen.box_columns = out->width - around;
	if (pen.box_columns > BOX_MAX)
		pen.box_columns = BOX_MAX;
	rows.columns = pen.box_columns - 2;
	cut = map_text_fit(&rows, &pen);
	map_text_put_process(&pen);
	map_text_put_break(&pen);
	map_text_put_totals(&pen);
	map_text_put_uses(&pen);
	map_text_put_gone(&pen);
	map_text_put_headings(&pen);
	if (cut) {
		OUT(out, "... ");
		out_number(out, cut);
		out_text(out, cut == 1 ? " more line above" : " more lines above");
		end_line(&pen);
	}
	for (unsigned i = cut; i < rows.count; i++)
		map_text_put_row(&pen, &rows, i);
	map_text_put_foot(&pen, &rows);
	if (options->over)
		OUT(out, "\33[J");
	map_rows_free(&rows);
	return !rows.no_memory && !zones->no_memory;
}
