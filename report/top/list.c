/* SPDX-License-Identifier: MIT */
#include "report/top/list.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "report/top/screen.h"
#include "report/util/array.h"
#include "report/util/printable.h"

void list_free(struct list *list)
{
	free(list->table.rows);
	list->table.rows = NULL;
	list->row_capacity = list->table.row_count = 0;
}

void list_begin(struct list *list)
{
	list->table.row_count = 0;
}

void list_add(struct list *list, const void *row)
{
	struct table *table = &list->table;

	if (ARRAY_RESERVE(table->rows, list->row_capacity, table->row_count + 1))
		table->rows[table->row_count++] = row;
	else
		list->no_memory = true;
}

static uint64_t list_identity(const struct list *list, unsigned row)
{
	return list->identity ? list->identity(list->table.rows[row]) : row + 1;
}

/* ---- which rows, and in which order ---- */

static bool has_text(const struct list *list, unsigned row)
{
	struct cell cell;

	for (unsigned i = 0; i < list->table.shown_count; i++) {
		table_cell(&list->table, row, i, &cell);
		if (strcasestr(cell.text, list->filter))
			return true;
	}
	return false;
}

static void list_filter(struct list *list)
{
	unsigned kept = 0;

	if (!list->filter[0])
		return;
	for (unsigned row = 0; row < list->table.row_count; row++)
		if (has_text(list, row))
			list->table.rows[kept++] = list->table.rows[row];
	list->table.row_count = kept;
}

static int find_mark(const struct list *list, uint64_t wanted)
{
	for (unsigned i = 0; i < list->mark_count; i++)
		if (list->marks[i] == wanted)
			return (int)i;
	return -1;
}

/* Moves the marked rows to the front and keeps their order. */
static void marked_first(struct list *list)
{
	unsigned front = 0;

	for (unsigned row = 0; list->mark_count && row < list->table.row_count; row++) {
		const void *marked = list->table.rows[row];

		if (find_mark(list, list_identity(list, row)) < 0)
			continue;
		memmove(list->table.rows + front + 1, list->table.rows + front,
			(row - front) * sizeof *list->table.rows);
		list->table.rows[front++] = marked;
	}
}

/* Moves the rows of what has ended behind the others, and keeps their order. */
static void ended_last(struct list *list)
{
	const void **rows = list->table.rows, **ended;
	unsigned count = list->table.row_count, kept = 0, moved = 0;

	if (!list->ended || !count)
		return;
	ended = malloc(count * sizeof *ended);
	for (unsigned row = 0; ended && row < count; row++)
		if (list->ended(rows[row]))
			ended[moved++] = rows[row];
		else
			rows[kept++] = rows[row];
	for (unsigned i = 0; i < moved; i++)
		rows[kept + i] = ended[i];
	list->no_memory |= !ended;
	free(ended);
}

static void place_cursor(struct list *list)
{
	unsigned count = list->table.row_count;

	if (list->follow && !list->at_end && list->selected && list_select(list, list->selected))
		return;
	if (list->at_end || list->cursor >= count)
		list->cursor = count ? count - 1 : 0;
	list->selected = count ? list_identity(list, list->cursor) : 0;
}

static void list_choose(struct list *list, unsigned columns)
{
	if (list->widths_for == columns)
		return;
	list->widths_for = columns;
	memset(list->widths, 0, sizeof list->widths);
	if (!list->choice_fixed)
		table_choose(&list->table, columns);
	list->table.width = columns;
}

void list_finalize(struct list *list, unsigned columns)
{
	list_choose(list, columns > 2 ? columns - 2 : 1); /* one blank or mark on each side */
	list_filter(list);
	table_sort(&list->table);
	ended_last(list);
	marked_first(list);
	place_cursor(list);
}

/* ---- drawing ---- */

static enum screen_style style_of(enum out_color color)
{
	static const enum screen_style styles[] = {
		[COLOR_BOLD] = STYLE_BOLD, [COLOR_DIM] = STYLE_DIM,
		[COLOR_RED] = STYLE_RED,   [COLOR_YELLOW] = STYLE_YELLOW,
		[COLOR_CYAN] = STYLE_CYAN, [COLOR_GREEN] = STYLE_GREEN,
	};

	return styles[color];
}

static unsigned list_put_cell(const struct list *list, unsigned line, unsigned column, unsigned i,
			      const char *text, unsigned styles)
{
	const struct table *table = &list->table;
	unsigned width = list->widths[i], used = (unsigned)out_columns(text);
	bool last = i + 1 == table->shown_count;

	if (table->columns[table->shown[i]].right && used < width)
		screen_put(line, column + width - used, used, text, styles);
	else
		screen_put(line, column, last ? screen_columns() - column : width,
			   last ? printable_skip(text, list->left) : text, styles);
	return column + width + 2;
}

/* After the heading of the column that orders the rows: whether they ascend or descend. */
static void draw_arrow(const struct list *list, unsigned line)
{
	const struct table *table = &list->table;
	unsigned column = 1;

	for (unsigned i = 0; i < table->shown_count; i++) {
		const struct table_column *of = &table->columns[table->shown[i]];
		bool down = of->descending != table->reverse;
		const char *arrow = screen_utf8() ? down ? "▼" : "▲" : down ? "v" : "^";
		unsigned width = of->right ? list->widths[i] : (unsigned)strlen(of->heading);

		if (list->arrow && table->shown[i] == table->sort && width <= list->widths[i])
			screen_put(line, column + width, 1, arrow, STYLE_BAR | STYLE_BOLD);
		column += list->widths[i] + 2;
	}
}

static void draw_heading(const struct list *list, unsigned line)
{
	const struct table *table = &list->table;
	unsigned column = 1;

	screen_put(line, 0, screen_columns(), "", STYLE_BAR);
	for (unsigned i = 0; i < table->shown_count; i++)
		column = list_put_cell(
			list, line, column, i, table->columns[table->shown[i]].heading,
			STYLE_BAR | (table->shown[i] == table->sort ? STYLE_BOLD : 0));
	draw_arrow(list, line);
}

static void draw_row(const struct list *list, unsigned line, unsigned row)
{
	unsigned bar = row == list->cursor ? STYLE_BAR : 0, column = 1;
	bool marked = find_mark(list, list_identity(list, row)) >= 0;
	bool ended = list->ended && list->ended(list->table.rows[row]);
	struct cell cell;

	screen_put(line, 0, screen_columns(),
		   marked ? "*"
		   : bar  ? ">"
			  : "",
		   bar | (marked ? STYLE_BOLD : 0));
	for (unsigned i = 0; i < list->table.shown_count; i++) {
		bool drawn = list->table.shown[i] == list->drawn_column;

		table_cell(&list->table, row, i, &cell);
		column = list_put_cell(list, line, column, i, cell.text,
				       bar && !drawn ? bar
				       : ended       ? STYLE_DIM
						     : style_of(cell.color));
	}
}

/* Scrolls so that the cursor is on the screen. */
static void list_scroll(struct list *list, unsigned rows)
{
	unsigned count = list->table.row_count;

	if (list->cursor < list->first)
		list->first = list->cursor;
	if (rows && list->cursor >= list->first + rows)
		list->first = list->cursor - rows + 1;
	if (list->first + rows > count)
		list->first = count > rows ? count - rows : 0;
}

void list_draw(struct list *list, unsigned line, unsigned lines)
{
	unsigned rows = lines > 1 ? lines - 1 : 0, shown;

	list_scroll(list, rows);
	shown = list->table.row_count - list->first;
	shown = shown < rows ? shown : rows;
	table_measure(&list->table, list->first, shown, list->widths);
	table_fit(&list->table, list->widths);
	draw_heading(list, line);
	for (unsigned i = 0; i < shown; i++)
		draw_row(list, line + 1 + i, list->first + i);
}

/* ---- moving ---- */

void list_move(struct list *list, long rows)
{
	long last = (long)list->table.row_count - 1, to = (long)list->cursor;

	if (rows > last)
		to = last;
	else if (rows < -last)
		to = 0;
	else
		to += rows;
	to = to > last ? last : to;
	list->cursor = to < 0 ? 0 : (unsigned)to;
	list->at_end = list->tails && rows > 0 && (long)list->cursor == last;
	list->selected = last >= 0 ? list_identity(list, list->cursor) : 0;
}

const void *list_row(const struct list *list)
{
	return list->cursor < list->table.row_count ? list->table.rows[list->cursor] : NULL;
}

bool list_select(struct list *list, uint64_t wanted)
{
	for (unsigned row = 0; row < list->table.row_count; row++)
		if (list_identity(list, row) == wanted) {
			list->cursor = row;
			list->selected = wanted;
			return true;
		}
	return false;
}

void list_sort_next(struct list *list, int step)
{
	struct table *table = &list->table;
	unsigned at = 0;

	if (table->sort == UINT_MAX) {
		at = step > 0 ? 0 : table->shown_count - 1;
	} else {
		while (at < table->shown_count && table->shown[at] != table->sort)
			at++;
		at = (at + table->shown_count + (unsigned)step) % table->shown_count;
	}
	table->sort = table->shown[at];
	table->reverse = false;
}

void list_mark(struct list *list)
{
	uint64_t wanted = list->selected;
	int at = find_mark(list, wanted);

	if (!wanted || !list->identity)
		return;
	if (at >= 0)
		list->marks[at] = list->marks[--list->mark_count];
	else if (list->mark_count < LIST_MARKS_MAX)
		list->marks[list->mark_count++] = wanted;
}
