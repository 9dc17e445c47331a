/* SPDX-License-Identifier: MIT */
#include "report/view/table.h"

#include <limits.h>
#include <stdlib.h>

int table_column(const struct table_column *columns, const char *name)
{
	for (int i = 0; columns[i].name; i++)
		if (strcmp(columns[i].name, name) == 0)
			return i;
	return -1;
}

void table_choose(struct table *table, unsigned width)
{
	table->shown_count = 0;
	for (unsigned i = 0; table->columns[i].name; i++)
		if (table->columns[i].wanted && table->columns[i].wanted <= width &&
		    table->shown_count < TABLE_COLUMNS_MAX)
			table->shown[table->shown_count++] = i;
}

/* ---- sorting ---- */

static int compare(const void *a, const void *b, void *context)
{
	const struct table *table = context;
	const struct table_column *column = &table->columns[table->sort];
	struct cell left, right;
	int order;

	table->fill(*(const void *const *)a, table->sort, &left, table->context);
	table->fill(*(const void *const *)b, table->sort, &right, table->context);
	if (column->right)
		order = left.number < right.number ? -1 : left.number > right.number;
	else
		order = strcmp(left.text, right.text);
	return column->descending ? -order : order;
}

static void sort(struct table *table)
{
	if (table->sort != UINT_MAX && table->row_count > 1)
		qsort_r(table->rows, table->row_count, sizeof *table->rows, compare, table);
}

/* ---- printing ---- */

static void measure(const struct table *table, unsigned rows, unsigned *widths)
{
	struct cell cell;

	for (unsigned i = 0; i < table->shown_count; i++)
		widths[i] = (unsigned)strlen(table->columns[table->shown[i]].heading);
	for (unsigned row = 0; row < rows; row++)
		for (unsigned i = 0; i < table->shown_count; i++) {
			table->fill(table->rows[row], table->shown[i], &cell, table->context);
			if (out_columns(cell.text) > widths[i])
				widths[i] = (unsigned)out_columns(cell.text);
		}
}

static void put_cell(const struct table *table, struct out *out, unsigned i, const char *text,
		     unsigned width)
{
	size_t columns = out_columns(text);
	bool last = i + 1 == table->shown_count;

	if (i > 0)
		OUT(out, "  ");
	if (table->columns[table->shown[i]].right)
		out_pad(out, width - columns);
	out_safe(out, text);
	if (!table->columns[table->shown[i]].right && !last)
		out_pad(out, width - columns);
}

static void put_headings(const struct table *table, struct out *out, const unsigned *widths)
{
	out_color(out, COLOR_BOLD);
	for (unsigned i = 0; i < table->shown_count; i++)
		put_cell(table, out, i, table->columns[table->shown[i]].heading, widths[i]);
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

void table_print(struct table *table, struct out *out, bool headings, unsigned most)
{
	unsigned rows = table->row_count < most ? table->row_count : most;
	unsigned widths[TABLE_COLUMNS_MAX];
	struct cell cell;

	sort(table);
	measure(table, rows, widths);
	if (headings)
		put_headings(table, out, widths);
	for (unsigned row = 0; row < rows; row++) {
		for (unsigned i = 0; i < table->shown_count; i++) {
			cell.color = COLOR_NONE;
			table->fill(table->rows[row], table->shown[i], &cell, table->context);
			if (cell.color)
				out_color(out, cell.color);
			put_cell(table, out, i, cell.text, widths[i]);
			if (cell.color)
				out_color(out, COLOR_NONE);
		}
		out_char(out, '\n');
	}
}
