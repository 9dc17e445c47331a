/* SPDX-License-Identifier: MIT */
/* A table that scrolls: a cursor, an order, a filter, and marked rows first. */
#ifndef MEMSHIM_TOP_LIST_H
#define MEMSHIM_TOP_LIST_H

#include "report/view/table.h"

#define LIST_FILTER_BYTES 64u
#define LIST_MARKS_MAX 64u

struct list {
	struct table table; /* the list owns its rows */
	unsigned row_capacity;
	/* A row's identity across refreshes; null: rows have none. */
	uint64_t (*identity)(const void *row);
	bool (*ended)(const void *row); /* such rows stand last, and dim; null: none has */
	uint64_t selected;              /* the identity of the row at the cursor */
	unsigned cursor, first; /* row numbers: the cursor, and the first row on the screen */
	unsigned left;          /* columns that a long line is scrolled to the left */
	unsigned drawn_column;  /* the cursor bar leaves it out; UINT_MAX none */
	bool arrow;             /* beside the heading of the sort column */
	bool follow;            /* the cursor stays on the row `selected` */
	bool tails, at_end;     /* tails: a cursor on the last row stays on the last row */
	char filter[LIST_FILTER_BYTES];
	uint64_t marks[LIST_MARKS_MAX];
	unsigned mark_count;
	unsigned widths[TABLE_COLUMNS_MAX]; /* the largest so far, lest columns jump */
	unsigned widths_for;                /* the page width when the columns were chosen */
	bool choice_fixed;                  /* the user chose the columns */
	bool no_memory;
};

void list_free(struct list *list);

/* Call list_add for each row between list_begin and list_finalize. */
void list_begin(struct list *list);
void list_add(struct list *list, const void *row);
/* Sorts and filters; `columns` is the page's width. */
void list_finalize(struct list *list, unsigned columns);

/* Draws the headings at `line` and rows below, `lines` lines in total. */
void list_draw(struct list *list, unsigned line, unsigned lines);

/* Moves the cursor by `rows`, at most to the first or the last row. */
void list_move(struct list *list, long rows);

/* The row at the cursor; null in an empty list. */
const void *list_row(const struct list *list);

/* Moves the cursor to the row of that identity; false if there is none. */
bool list_select(struct list *list, uint64_t identity);

/* Sorts by the shown column before (-1) or after (+1) the present sort column. */
void list_sort_next(struct list *list, int step);

void list_mark(struct list *list);

#endif
