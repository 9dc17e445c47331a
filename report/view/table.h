/* SPDX-License-Identifier: MIT */
/* Rows of cells, put into columns as wide as they need to be. */
#ifndef MEMSHIM_VIEW_TABLE_H
#define MEMSHIM_VIEW_TABLE_H

#include "report/view/out.h"

#define TABLE_COLUMNS_MAX 32u
#define CELL_BYTES 256u
#define TABLE_NEVER_LEFT_OUT (1ull << 63)

struct table_column {
	const char *name, *heading;
	bool right;      /* aligned; its cells are numbers */
	bool descending; /* sorted with the largest first */
	/*
	 * Shown unasked where the page is this wide; 0: only when asked for. Where all of these are
	 * too wide together, the largest numbers go first.
	 */
	unsigned wanted;
};

struct cell {
	char text[CELL_BYTES]; /* as it is: the table makes it safe */
	uint64_t number;       /* to sort by, of right-aligned columns */
	enum out_color color;
};

struct table {
	const struct table_column *columns; /* all there are, ended by a null name */
	unsigned shown[TABLE_COLUMNS_MAX];  /* of them, in order */
	unsigned shown_count;
	unsigned width; /* of the page; 0: no column is dropped to fit */
	unsigned sort;  /* column; UINT_MAX: as they come */
	bool reverse;   /* the other way round */
	const void **rows;
	unsigned row_count;
	void (*fill)(const void *row, unsigned column, struct cell *cell, const void *context);
	const void *context;
	/*
	 * How much a row has to tell: where not all are shown, those with the most are, and each
	 * with TABLE_NEVER_LEFT_OUT. Or null.
	 */
	uint64_t (*weigh)(const void *row);
	/* Makes a text of the last column fit, where its end must not be cut off. Or null. */
	void (*shorten)(const void *row, unsigned column, struct cell *cell, unsigned columns,
			const void *context);
};

/* The index of a column; -1 when there is none of that name. */
int table_column(const struct table_column *columns, const char *name);

/* Shows what is wanted on a page of `width` columns, as far as it fits. */
void table_choose(struct table *table, unsigned width);

/* Sorts the rows by table->sort, and equal ones by the first column. */
void table_sort(struct table *table);

/* Makes `widths`, of the shown columns, as wide as these rows and the headings need, at least. */
void table_measure(const struct table *table, unsigned first, unsigned count, unsigned *widths);

/* Drops columns until all fit the page, then cuts the last one where it must. */
void table_fit(struct table *table, unsigned *widths);

/* A cell of column `shown[i]`. */
void table_cell(const struct table *table, unsigned row, unsigned i, struct cell *cell);

/* How many rows are printed where `most` are wanted. */
unsigned table_shown_rows(const struct table *table, unsigned most);

/* Prints at most `most` rows, after sorting; unsorted ones stay in their order. */
void table_print(struct table *table, struct out *out, bool headings, unsigned most);

#endif
