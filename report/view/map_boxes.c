/* SPDX-License-Identifier: MIT */
/* The lines inside a box of the drawing: sums, files by name, facts of an attachment. */
#include "report/view/map_boxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"
#include "report/util/path.h"

enum out_color box_color(enum family family)
{
	static const enum out_color colors[] = {
		[CODE] = COLOR_CYAN,   [DATA] = COLOR_CYAN,   [HEAP] = COLOR_GREEN,
		[UNUSED] = COLOR_NONE, [PLACED] = COLOR_NONE, [ATTACHED] = COLOR_YELLOW,
		[STACK] = COLOR_BOLD,  [KERNEL] = COLOR_DIM,
	};

	return colors[family];
}

/* ---- rows ---- */

/* Adds the text in lines that fit the box, broken between words. */
static void add_details(const struct drawing *drawing, enum out_color color, const char *text)
{
	size_t columns = drawing->rows->columns;

	while (*text) {
		size_t length = strlen(text), cut;
		struct map_row *row = map_row_add(drawing->rows, ROW_DETAIL, color);

		if (!row)
			return;
		cut = length < columns ? length : columns;
		while (cut < length && cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)
			cut = length < columns ? length : columns;
		snprintf(row->text, sizeof row->text, "%.*s", (int)cut, text);
		text += cut;
		text += strspn(text, " ");
	}
}

/* ---- sums ---- */

void map_tally_add(struct map_tally *tally, const struct zone *zone)
{
	uint64_t page = zone->page_bytes ? zone->page_bytes : 1;

	tally->bytes += zone_bytes(zone);
	tally->pages += zone_bytes(zone) / page;
	tally->resident_bytes += zone->resident_bytes;
	tally->swapped_bytes += zone->swapped_bytes;
	tally->resident_pages += zone->resident_bytes / page;
	tally->swapped_pages += zone->swapped_bytes / page;
	tally->pages_known |= zone->pages_known;
}

void map_mark(const struct drawing *drawing, struct map_row *row, const struct zone *zone)
{
	const struct zones *before = drawing->options->before;
	const struct zone *old = before ? zones_before(before, zone) : NULL;

	if (!before)
		return;
	if (!old)
		row->mark = '+';
	else if (row->mark == ' ' && (zone_bytes(old) != zone_bytes(zone) ||
				      old->resident_bytes != zone->resident_bytes ||
				      old->swapped_bytes != zone->swapped_bytes ||
				      old->holder_count != zone->holder_count))
		row->mark = '*';
}

static void map_box_count(const struct drawing *drawing, struct map_row *row,
			  const struct zone *zone)
{
	row->counted = true;
	map_tally_add(&row->tally, zone);
	map_mark(drawing, row, zone);
}

/* Adds one row for all zones of the box that `wanted` accepts; null if there are none. */
static struct map_row *add_sum(const struct drawing *drawing, const struct box *box,
			       bool (*wanted)(const struct zone *zone))
{
	struct map_row *row = NULL;

	for (const struct zone *zone = box->first; zone <= box->last; zone++) {
		if (wanted && !wanted(zone))
			continue;
		if (!row)
			row = map_row_add(drawing->rows, ROW_ZONE, box_color(box->family));
		if (!row)
			return NULL;
		map_box_count(drawing, row, zone);
	}
	return row;
}

/* ---- the lines of a box ---- */

static const char *map_box_base_name(const char *path)
{
	return path ? path_base_name(path) : "";
}

static void map_row_put_words(struct map_row *row, const char *what, const char *more)
{
	if (row)
		snprintf(row->text, sizeof row->text, "%s%s%.150s", what, *more ? "  " : "", more);
}

/* One mapping, one line. */
static void map_box_put_each(const struct drawing *drawing, const struct box *box)
{
	for (const struct zone *zone = box->last; zone >= box->first; zone--) {
		struct map_row *row = map_row_add(drawing->rows, ROW_ZONE, box_color(box->family));

		if (!row)
			return;
		row->addressed = zone > box->first; /* the border has the lowest */
		row->address = zone->start;
		map_box_count(drawing, row, zone);
		snprintf(row->text, sizeof row->text, "%s %.150s", zone->perm,
			 zone->name ? map_box_base_name(zone->name) : zone_kind_name(zone->kind));
	}
}

static void map_box_put_kernel(const struct drawing *drawing, const struct box *box)
{
	struct map_row *row = add_sum(drawing, box, NULL);

	if (!row)
		return;
	snprintf(row->text, sizeof row->text, "kernel's:");
	for (const struct zone *zone = box->last; zone >= box->first; zone--) {
		size_t used = strlen(row->text);

		snprintf(row->text + used, sizeof row->text - used, " %.*s",
			 zone->name && zone->name[0] ? (int)strcspn(zone->name + 1, "]") : 0,
			 zone->name ? zone->name + 1 : "");
	}
}

/* ---- attachments ---- */

static void map_box_put_holders(const struct drawing *drawing, const struct zone *zone)
{
	uint64_t seen = (uint64_t)zones_of_segment(drawing->zones, zone->shmid) +
			zone->holder_count;
	uint64_t unseen = zone->listed && zone->segment.nattch > seen ? zone->segment.nattch - seen
								      : 0;
	unsigned most = drawing->members < 4 ? 4 : drawing->members, shown = 0;
	char text[1024];
	size_t used = (size_t)snprintf(text, sizeof text, "shared with");

	for (; shown < zone->holder_count && shown < most; shown++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s %d %.16s%s",
					 shown ? "," : "", zone->holders[shown].pid,
					 zone->holders[shown].comm,
					 zone->holders[shown].readonly ? " (read-only)" : "");
	if (zone->holder_count > shown || unseen)
		snprintf(text + used, sizeof text - used, "%s %llu %s%s", shown ? " and" : "",
			 (unsigned long long)(zone->holder_count - shown + unseen),
			 shown ? "more" : "others", shown == zone->holder_count ? " unseen" : "");
	else if (!shown)
		snprintf(text, sizeof text, "not shared with another process");
	add_details(drawing, COLOR_NONE, text);
}

static void map_box_put_attachment(const struct drawing *drawing, const struct box *box)
{
	const struct zone *zone = box->first;
	struct map_row *row = map_row_add(drawing->rows, ROW_ZONE, box_color(box->family));
	char text[160], size[FORMAT_BYTES] = "?";
	size_t used = 0;

	if (!row)
		return;
	map_box_count(drawing, row, zone);
	snprintf(row->text, sizeof row->text, "attachment %d", zone->shmid);
	if (zone->key_known)
		used = (size_t)snprintf(text, sizeof text, zone->key ? "key 0x%08x, " : "private, ",
					zone->key);
	if (zone->listed)
		used += (size_t)snprintf(text + used, sizeof text - used, "mode %04o, ",
					 zone->segment.mode & 0777);
	snprintf(text + used, sizeof text - used, "%s",
		 zone->readonly ? "read-only" : "read-write");
	add_details(drawing, COLOR_NONE, text);
	if (zone->size_known && zone->size != zone_bytes(zone)) {
		snprintf(text, sizeof text, "of a segment of %s%s", format_bytes(size, zone->size),
			 zone->size == 1     ? " byte"
			 : zone->size < 1024 ? " bytes"
					     : "");
		add_details(drawing, COLOR_NONE, text);
	}
	map_box_put_holders(drawing, zone);
	if (zone->listed && zone->segment.mode & 01000)
		add_details(drawing, COLOR_NONE, "marked: destroyed with its last detach");
}

/* ---- libraries and other mapped files ---- */

struct member {
	const struct zone *first;
	struct map_tally tally;
	char mark;
};

static int by_size(const void *a, const void *b)
{
	const struct member *left = a, *right = b;

	return left->tally.bytes > right->tally.bytes   ? -1
	       : left->tally.bytes < right->tally.bytes ? 1
							: 0;
}

static bool is_library(const struct zone *zone)
{
	return zone->kind == ZONE_LIBRARY;
}

static bool is_file(const struct zone *zone)
{
	return zone->kind == ZONE_FILE;
}

static bool is_anonymous(const struct zone *zone)
{
	return zone->kind == ZONE_ANONYMOUS;
}

/* The files of a box, each once; returns how many. `members` has space for one per zone. */
static unsigned gather_members(const struct drawing *drawing, const struct box *box,
			       bool (*wanted)(const struct zone *zone), struct member *members)
{
	unsigned found = 0;

	for (const struct zone *zone = box->first; zone <= box->last; zone++) {
		struct map_row row = {.mark = ' '};

		if (!wanted(zone) || !zone->name)
			continue;
		/* The zones of one file are adjacent, except for a library's zero-filled data. */
		if (!found || strcmp(members[found - 1].first->name, zone->name) != 0)
			members[found++] = (struct member){.first = zone, .mark = ' '};
		map_tally_add(&members[found - 1].tally, zone);
		map_mark(drawing, &row, zone);
		if (row.mark != ' ')
			members[found - 1].mark = row.mark;
	}
	qsort(members, found, sizeof *members, by_size);
	return found;
}

static void map_box_put_members(const struct drawing *drawing, const struct box *box,
				bool (*wanted)(const struct zone *zone), const char *what,
				unsigned most)
{
	struct map_row *sum = add_sum(drawing, box, wanted), *row;
	struct member *members;
	unsigned found, shown;

	if (!sum || !(members = calloc((size_t)(box->last - box->first) + 1, sizeof *members)))
		return;
	found = gather_members(drawing, box, wanted, members);
	if (found == 1)
		snprintf(sum->text, sizeof sum->text, "%.180s",
			 map_box_base_name(members->first->name));
	else
		snprintf(sum->text, sizeof sum->text, "%u %s", found, what);
	/* "and 1 more" takes the line that the last file needs: show the file. */
	shown = found == 1 ? 0 : found <= most + 1 ? found : most;
	for (unsigned i = 0; i < shown && most; i++) {
		row = map_row_add(drawing->rows, ROW_MEMBER, COLOR_NONE);
		if (!row)
			break;
		row->counted = true;
		row->tally = members[i].tally;
		row->mark = members[i].mark;
		snprintf(row->text, sizeof row->text, "  %.180s",
			 map_box_base_name(members[i].first->name));
	}
	if (found > 1 && shown < found && most &&
	    (row = map_row_add(drawing->rows, ROW_MEMBER, COLOR_DIM)))
		snprintf(row->text, sizeof row->text, "  and %u more", found - shown);
	free(members);
}

static void map_box_put_placed(const struct drawing *drawing, const struct box *box)
{
	map_row_put_words(add_sum(drawing, box, is_anonymous), "anonymous", "");
	map_box_put_members(drawing, box, is_file, "files", drawing->members / 2);
	map_box_put_members(drawing, box, is_library, "libraries", drawing->members);
}

void box_put(const struct drawing *drawing, const struct box *box)
{
	static const char *const words[] = {[CODE] = "text",
					    [DATA] = "data",
					    [HEAP] = "heap, grows up",
					    [STACK] = "stack, grows down"};

	if (box->family == ATTACHED)
		map_box_put_attachment(drawing, box);
	else if (drawing->options->all)
		map_box_put_each(drawing, box);
	else if (box->family == KERNEL)
		map_box_put_kernel(drawing, box);
	else if (box->family == PLACED)
		map_box_put_placed(drawing, box);
	else
		map_row_put_words(
			add_sum(drawing, box, NULL), words[box->family],
			box->family == CODE ? map_box_base_name(drawing->zones->process.exe) : "");
}
