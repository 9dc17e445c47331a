/* SPDX-License-Identifier: MIT */
/*
 * A column stands for one or more pieces of time. In a column without a move, the break is where
 * the last move left it. Before the first recorded move, the break is where that move began.
 */
#include "report/top/chart.h"

#include <stdio.h>
#include <string.h>

#include "report/top/screen.h"
#include "report/util/format.h"
#include "report/view/cell.h"

#define COLUMNS_MAX TREND_PIECES
#define LEVELS CELL_LEVELS
#define SCALE_COLUMNS 9u

struct column {
	bool drawn;
	uint64_t low, high;
	uint32_t grows, shrinks;
};

struct columns {
	struct column column[COLUMNS_MAX];
	unsigned count;
	uint64_t low, high; /* over all columns */
	bool any;
};

/* The break before the first piece that is kept; 0 if unknown. */
static uint64_t first_level(const struct chart *chart, const struct trend *trend, uint64_t first)
{
	uint64_t number = UINT64_MAX, level = chart->process->facts.break_at_start;

	for (unsigned i = 0; i < TREND_PIECES; i++) {
		const struct trend_piece *piece = &trend->pieces[i];

		if (!piece->number || piece->number >= number)
			continue;
		number = piece->number;
		/* Older pieces were dropped: the break is where the oldest kept piece began. */
		if (number > first)
			level = piece->grows ? piece->low : piece->high;
	}
	return level;
}

static void column_add_piece(struct column *column, const struct trend_piece *piece,
			     uint64_t *level)
{
	uint64_t low = piece ? piece->low : *level, high = piece ? piece->high : *level;

	if (!column->drawn || low < column->low)
		column->low = low;
	if (!column->drawn || high > column->high)
		column->high = high;
	column->drawn = true;
	if (!piece)
		return;
	column->grows += piece->grows;
	column->shrinks += piece->shrinks;
	*level = piece->last;
}

static bool lives_in(const struct chart *chart, uint64_t number)
{
	const struct process_facts *facts = &chart->process->facts;
	uint64_t piece_ns = chart->trends->piece_ns, begin = (number - 1) * piece_ns;

	return begin + piece_ns > facts->start_ns && begin <= chart->now_ns &&
	       (!facts->ended || begin <= facts->end_ns);
}

static void chart_take_extremes(struct columns *all)
{
	for (unsigned i = 0; i < all->count; i++) {
		const struct column *column = &all->column[i];

		if (!column->drawn)
			continue;
		if (!all->any || column->low < all->low)
			all->low = column->low;
		if (!all->any || column->high > all->high)
			all->high = column->high;
		all->any = true;
	}
}

/* Fills `count` columns from the last `count * each` pieces. */
static bool chart_gather(const struct chart *chart, struct columns *all, unsigned count,
			 unsigned each)
{
	const struct trend *trend = trends_of(chart->trends, chart->process->facts.instance);
	uint64_t first = trends_number(chart->trends, chart->now_ns, count * each, 0), level;

	memset(all, 0, sizeof *all);
	all->count = count;
	if (!trend)
		return false;
	level = first_level(chart, trend, first);
	for (unsigned i = 0; i < count * each; i++) {
		uint64_t number = trends_number(chart->trends, chart->now_ns, count * each, i);

		if (number && lives_in(chart, number) && level)
			column_add_piece(&all->column[i / each], trends_piece(trend, number),
					 &level);
	}
	chart_take_extremes(all);
	return all->any;
}

/* The height of a break in `full` steps; a known break has at least one. */
static unsigned chart_height(const struct columns *all, uint64_t address, unsigned full)
{
	uint64_t range = all->high - all->low;

	if (range == 0)
		return 1;
	return 1 + (unsigned)((double)(address - all->low) * (full - 1) / (double)range + 0.5);
}

const char *chart_small(const struct chart *chart, char *text, size_t bytes)
{
	struct columns all;
	size_t used = 0;

	text[0] = '\0';
	if (!chart_gather(chart, &all, CHART_SMALL_COLUMNS, TREND_PIECES / CHART_SMALL_COLUMNS))
		return text;
	for (unsigned i = 0; i < all.count && used < bytes; i++) {
		unsigned level = all.column[i].drawn
					 ? chart_height(&all, all.column[i].high, LEVELS)
					 : 0;

		used += (size_t)snprintf(text + used, bytes - used, "%s",
					 cell_level(level, chart->utf8));
	}
	return text;
}

/* ---- the large chart ---- */

static void add_line(const struct chart *chart, struct pager *pager, const struct columns *all,
		     unsigned line, unsigned lines)
{
	uint64_t start = chart->process->facts.break_initial;
	char text[PAGER_LINE_BYTES], scale[FORMAT_BYTES] = "";
	unsigned below = (lines - 1 - line) * LEVELS;
	size_t used;

	if (line == 0)
		format_delta(scale, (int64_t)(all->high - start));
	else if (line == lines - 1)
		format_delta(scale, (int64_t)(all->low - start));
	used = (size_t)snprintf(text, sizeof text, "%*s %s", SCALE_COLUMNS, scale,
				chart->utf8 ? "│" : "|");
	for (unsigned i = 0; i < all->count && used < sizeof text - 4; i++) {
		unsigned level = all->column[i].drawn
					 ? chart_height(all, all->column[i].high, lines * LEVELS)
					 : 0;

		level = level <= below ? 0 : level - below > LEVELS ? LEVELS : level - below;
		used += (size_t)snprintf(text + used, sizeof text - used, "%s",
					 cell_level(level, chart->utf8));
	}
	pager_add(pager, STYLE_GREEN, "%s", text);
}

static void add_marks(struct pager *pager, const struct columns *all)
{
	char marks[COLUMNS_MAX + 1];

	for (unsigned i = 0; i < all->count; i++) {
		const struct column *column = &all->column[i];

		marks[i] = column->grows && column->shrinks ? '*'
			   : column->grows                  ? '+'
			   : column->shrinks                ? '-'
							    : ' ';
	}
	marks[all->count] = '\0';
	pager_add(pager, STYLE_PLAIN, "%*s %s", SCALE_COLUMNS + 1, "moves", marks);
}

static void add_times(const struct chart *chart, struct pager *pager, const struct columns *all)
{
	uint64_t first = trends_number(chart->trends, chart->now_ns, all->count, 0);
	uint64_t begin = (first - 1) * chart->trends->piece_ns;
	uint64_t end = begin + all->count * chart->trends->piece_ns;
	char from[FORMAT_BYTES], to[FORMAT_BYTES];

	format_duration(from, begin);
	format_duration(to, end < chart->now_ns ? end : chart->now_ns);
	pager_add(pager, STYLE_DIM, "%*s %-*s%s", SCALE_COLUMNS + 1, "time",
		  all->count > 20 ? (int)all->count - 12 : 8, from, to);
}

void chart_large(const struct chart *chart, struct pager *pager, unsigned columns, unsigned lines)
{
	unsigned capacity = columns > SCALE_COLUMNS + 4 ? columns - SCALE_COLUMNS - 4 : 1;
	struct columns all;

	if (!chart_gather(chart, &all, capacity < COLUMNS_MAX ? capacity : COLUMNS_MAX, 1)) {
		pager_add(pager, STYLE_DIM, "  its break has not moved");
		return;
	}
	for (unsigned line = 0; line < lines; line++)
		add_line(chart, pager, &all, line, lines);
	add_marks(pager, &all);
	add_times(chart, pager, &all);
}
