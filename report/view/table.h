/* SPDX-License-Identifier: MIT */
/* Rows of cells in columns; a column is as wide as its widest cell. */
#ifndef MEMSHIM_VIEW_TABLE_H
#define MEMSHIM_VIEW_TABLE_H

#include "report/view/out.h"

#define TABLE_COLUMNS_MAX 32u
#define CELL_BYTES 256u
#define TABLE_NEVER_LEFT_OUT (1ull << 63)

struct table_column {
	const char *name, *heading;
	bool right;      /* right-aligned; cells are numbers */
	bool descending; /* sort the largest first */
	/*
	 * Shown by default on a page of at least this width; 0: only on request. Columns that do
	 * not fit are dropped, the largest number first.
	 */
	unsigned wanted;
};

struct cell {
	char text[CELL_BYTES]; /* unescaped: the table makes it safe to print */
	uint64_t number;       /* the sort key of a right-aligned column */
	enum out_color color;
};

struct table {
	const struct table_column *columns; /* all columns, ended by a null name */
	unsigned shown[TABLE_COLUMNS_MAX];  /* indexes into `columns`, in the order shown */
	unsigned shown_count;
	unsigned width; /* of the page; 0: never drop a column */
	unsigned sort;  /* a column; UINT_MAX: unsorted */
	bool reverse;   /* reverse the order */
	const void **rows;
	unsigned row_count;
	void (*fill)(const void *row, unsigned column, struct cell *cell, const void *context);
	const void *context;
	/*
	 * How important a row is: if not all rows are shown, the heaviest are, and all with
	 * TABLE_NEVER_LEFT_OUT. Null: the first rows are shown.
	 */
	uint64_t (*weigh)(const void *row);
	/* Shortens a text of the last column without cutting its end. Null: cut the end. */
	void (*shorten)(const void *row, unsigned column, struct cell *cell, unsigned columns,
			const void *context);
};

/* The index of a column; -1 when no column has that name. */
int table_column(const struct table_column *columns, const char *name);

/* Shows the default columns of a page of `width` columns, as far as they fit. */
void table_choose(struct table *table, unsigned width);

/* Sorts by table->sort, then by the first column. */
void table_sort(struct table *table);

/*
 * Instead of table_sort: the heaviest rows first, those of equal weight in their order. Leaves the
 * rows as they are if the table has no weights.
 */
void table_rank(struct table *table);

/* Widens `widths`, one per shown column, to fit these rows and the headings. */
void table_measure(const struct table *table, unsigned first, unsigned count, unsigned *widths);

/* Drops columns until the rest fits the page, then cuts the last one if necessary. */
void table_fit(struct table *table, unsigned *widths);

/* A cell of column `shown[i]`. */
void table_cell(const struct table *table, unsigned row, unsigned i, struct cell *cell);

/* The number of rows that are printed if at most `most` are wanted. */
unsigned table_shown_rows(const struct table *table, unsigned most);

/* Sorts and prints at most `most` rows. If not all fit, the order is kept. */
void table_print(struct table *table, struct out *out, bool headings, unsigned most);

#endif
