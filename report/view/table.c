/* SPDX-License-Identifier: MIT */
#include "report/view/table.h"

#include <limits.h>
#include <stdlib.h>

#define CUT_LEAST 12u /* the narrowest useful last column */

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
	table->width = width;
	for (unsigned i = 0; table->columns[i].name; i++)
		if (table->columns[i].wanted && table->columns[i].wanted <= width &&
		    table->shown_count < TABLE_COLUMNS_MAX)
			table->shown[table->shown_count++] = i;
}

/* ---- sorting ---- */

static int order_by(const struct table *table, unsigned index, const void *a, const void *b)
{
	const struct table_column *column = &table->columns[index];
	struct cell left, right;
	int order;

	table->fill(a, index, &left, table->context);
	table->fill(b, index, &right, table->context);
	if (column->right)
		order = left.number < right.number ? -1 : left.number > right.number;
	else
		order = strcmp(left.text, right.text);
	return column->descending ? -order : order;
}

/* Rows that are equal compare by the first column: qsort_r(3) need not be stable. */
static int table_compare(const void *a, const void *b, void *context)
{
	const struct table *table = context;
	const void *left = *(const void *const *)a, *right = *(const void *const *)b;
	int order = order_by(table, table->sort, left, right);

	if (order == 0)
		return table->sort ? order_by(table, 0, left, right) : 0;
	return table->reverse ? -order : order;
}

void table_sort(struct table *table)
{
	if (table->sort != UINT_MAX && table->row_count > 1)
		qsort_r(table->rows, table->row_count, sizeof *table->rows, table_compare, table);
}

struct table_weight {
	uint64_t weight;
	unsigned place;
	const void *row;
};

static int table_compare_weights(const void *a, const void *b)
{
	const struct table_weight *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return left->place < right->place ? -1 : 1;
}

void table_rank(struct table *table)
{
	struct table_weight *weights = calloc(table->row_count + 1, sizeof *weights);

	table->sort = UINT_MAX;
	for (unsigned i = 0; weights && table->weigh && i < table->row_count; i++)
		weights[i] = (struct table_weight){table->weigh(table->rows[i]), i, table->rows[i]};
	if (weights && table->weigh) {
		qsort(weights, table->row_count, sizeof *weights, table_compare_weights);
		for (unsigned i = 0; i < table->row_count; i++)
			table->rows[i] = weights[i].row;
	}
	free(weights);
}

/* ---- which rows ---- */

static int table_heavier(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left > right ? -1 : left < right;
}

/* The smallest weight among the `most` heaviest rows. */
static uint64_t table_threshold(const struct table *table, unsigned most)
{
	uint64_t *weights = calloc(table->row_count, sizeof *weights), least = 0;

	for (unsigned i = 0; weights && i < table->row_count; i++)
		weights[i] = table->weigh(table->rows[i]);
	if (weights) {
		qsort(weights, table->row_count, sizeof *weights, table_heavier);
		least = weights[most - 1];
	}
	free(weights);
	return least;
}

unsigned table_shown_rows(const struct table *table, unsigned most)
{
	unsigned needed = 0;

	if (table->row_count <= most)
		return table->row_count;
	for (unsigned i = 0; table->weigh && i < table->row_count; i++)
		needed += table->weigh(table->rows[i]) >= TABLE_NEVER_LEFT_OUT;
	return needed > most ? needed : most;
}

/* Moves the rows that are shown to the front. */
static void table_keep(struct table *table, unsigned most)
{
	uint64_t least;
	unsigned kept = 0, above = 0;

	if (!table->weigh || table->sort != UINT_MAX || most == 0 || table->row_count <= most)
		return;
	least = table_threshold(table, most);
	for (unsigned i = 0; i < table->row_count; i++)
		above += table->weigh(table->rows[i]) > least;
	for (unsigned i = 0; i < table->row_count && kept < most; i++) {
		uint64_t weight = table->weigh(table->rows[i]);

		if (weight > least)
			above--;
		else if (weight < least || kept + above >= most)
			continue;
		table->rows[kept++] = table->rows[i];
	}
}

/* ---- printing ---- */

void table_cell(const struct table *table, unsigned row, unsigned i, struct cell *cell)
{
	cell->color = COLOR_NONE;
	table->fill(table->rows[row], table->shown[i], cell, table->context);
}

void table_measure(const struct table *table, unsigned first, unsigned count, unsigned *widths)
{
	struct cell cell;

	for (unsigned i = 0; i < table->shown_count; i++) {
		unsigned heading = (unsigned)strlen(table->columns[table->shown[i]].heading);

		widths[i] = widths[i] > heading ? widths[i] : heading;
	}
	for (unsigned row = first; row < first + count; row++)
		for (unsigned i = 0; i < table->shown_count; i++) {
			table_cell(table, row, i, &cell);
			if (out_columns(cell.text) > widths[i])
				widths[i] = (unsigned)out_columns(cell.text);
		}
}

static unsigned table_total(const struct table *table, const unsigned *widths)
{
	unsigned sum = 2 * (table->shown_count - 1);

	for (unsigned i = 0; i < table->shown_count; i++)
		sum += widths[i];
	return sum;
}

/* Drops the column with the largest `wanted`; of several, the last. */
static void drop_one(struct table *table, unsigned *widths)
{
	unsigned least = 0;

	for (unsigned i = 1; i < table->shown_count; i++)
		if (table->columns[table->shown[i]].wanted >=
		    table->columns[table->shown[least]].wanted)
			least = i;
	table->shown_count--;
	for (unsigned i = least; i < table->shown_count; i++) {
		table->shown[i] = table->shown[i + 1];
		widths[i] = widths[i + 1];
	}
}

static bool all_alike(const struct table *table)
{
	for (unsigned i = 0; i < table->shown_count; i++)
		if (table->columns[table->shown[i]].wanted > 1)
			return false;
	return true;
}

/* Narrows the last column if it holds text and passes the page's edge. */
static void cut_last(const struct table *table, unsigned *widths)
{
	unsigned last = table->shown_count - 1, sum = table_total(table, widths);

	if (table->width && sum > table->width && !table->columns[table->shown[last]].right &&
	    widths[last] > sum - table->width + CUT_LEAST)
		widths[last] -= sum - table->width;
}

void table_fit(struct table *table, unsigned *widths)
{
	while (table->width && table_total(table, widths) > table->width && !all_alike(table))
		drop_one(table, widths);
	cut_last(table, widths);
}

/* Cuts a text to `columns`, and marks the cut. */
static void table_cut(char text[CELL_BYTES], unsigned columns, bool utf8)
{
	const char *mark = utf8 ? "\u2026" : "...";
	unsigned mark_columns = (unsigned)out_columns(mark);
	size_t length = strlen(text);

	if (out_columns(text) <= columns || columns <= mark_columns)
		return;
	while (length > 0 &&
	       (out_columns(text) > columns - mark_columns || length + 4 > CELL_BYTES))
		text[--length] = '\0';
	memcpy(text + length, mark, strlen(mark) + 1);
}

/* Makes a cell of the last column fit the page. */
static void fit_cell(const struct table *table, unsigned row, unsigned i, struct cell *cell,
		     unsigned columns, bool utf8)
{
	if (table->shorten && out_columns(cell->text) > columns)
		table->shorten(table->rows[row], table->shown[i], cell, columns, table->context);
	table_cut(cell->text, columns, utf8);
}

static void table_put_cell(const struct table *table, struct out *out, unsigned i, const char *text,
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

static void table_put_headings(const struct table *table, struct out *out, const unsigned *widths)
{
	out_color(out, COLOR_BOLD);
	for (unsigned i = 0; i < table->shown_count; i++)
		table_put_cell(table, out, i, table->columns[table->shown[i]].heading, widths[i]);
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

void table_print(struct table *table, struct out *out, bool headings, unsigned most)
{
	unsigned rows = table_shown_rows(table, most);
	unsigned widths[TABLE_COLUMNS_MAX] = {0};
	struct cell cell;

	table_sort(table);
	table_keep(table, rows);
	table_measure(table, 0, rows, widths);
	table_fit(table, widths);
	if (headings)
		table_put_headings(table, out, widths);
	for (unsigned row = 0; row < rows; row++) {
		for (unsigned i = 0; i < table->shown_count; i++) {
			table_cell(table, row, i, &cell);
			if (table->width && i + 1 == table->shown_count)
				fit_cell(table, row, i, &cell, widths[i], out->utf8);
			if (cell.color)
				out_color(out, cell.color);
			table_put_cell(table, out, i, cell.text, widths[i]);
			if (cell.color)
				out_color(out, COLOR_NONE);
		}
		out_char(out, '\n');
	}
}
