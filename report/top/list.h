/* SPDX-License-Identifier: MIT */
/* A table that scrolls: a cursor, an order, a filter, marked rows first. */
#ifndef MEMSHIM_TOP_LIST_H
#define MEMSHIM_TOP_LIST_H

#include "report/view/table.h"

#define LIST_FILTER_BYTES 64u
#define LIST_MARKS_MAX 64u

struct list {
	struct table table; /* its rows belong to the list */
	unsigned row_capacity;
	/* What a row is about, over all looks; null: rows have no names. */
	uint64_t (*identity)(const void *row);
	uint64_t selected;      /* where the cursor is */
	unsigned cursor, first; /* rows: the cursor's, and the first on the screen */
	unsigned left;          /* columns that a long line is moved to the left by */
	unsigned picture;       /* a column that the cursor's bar would spoil; UINT_MAX none */
	bool follow;            /* the cursor keeps to `selected` */
	bool tails, at_end;     /* tails: at the last row, the cursor keeps to the last row */
	char filter[LIST_FILTER_BYTES];
	uint64_t marks[LIST_MARKS_MAX];
	unsigned mark_count;
	unsigned widths[TABLE_COLUMNS_MAX]; /* so far: columns do not jump while one scrolls */
	unsigned widths_for;                /* the page's columns when they were chosen */
	bool choice_fixed;                  /* the user chose the columns */
	bool no_memory;
};

void list_free(struct list *list);

/* Rows come one by one between these two. */
void list_begin(struct list *list);
void list_add(struct list *list, const void *row);
/* Sorts and filters; `columns` is how wide the page is. */
void list_finalize(struct list *list, unsigned columns);

/* Draws the heading at `line` and as many rows as there is room for below it. */
void list_draw(struct list *list, unsigned line, unsigned lines);

/* Moves the cursor by so many rows, as far as there are any. */
void list_move(struct list *list, long rows);

/* The row below the cursor; null when there is none. */
const void *list_row(const struct list *list);

/* Puts the cursor on the row of that identity; false when there is none. */
bool list_select(struct list *list, uint64_t identity);

/* The shown column before (-1) or behind (+1) the one it is sorted by. */
void list_sort_next(struct list *list, int step);

void list_mark(struct list *list);

#endif
