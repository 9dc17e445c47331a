/* SPDX-License-Identifier: MIT */
/* Pages about one thing: a process, a segment, a call site, an event, a finding; and the help. */
#ifndef MEMSHIM_TOP_DETAIL_H
#define MEMSHIM_TOP_DETAIL_H

#include "report/top/pager.h"
#include "report/top/rows.h"

/* What a page is about, over all looks. */
struct detail {
	enum detail_kind {
		DETAIL_NONE,
		DETAIL_PROCESS,
		DETAIL_SEGMENT,
		DETAIL_STACK, /* of a site or an event */
		DETAIL_FINDING,
		DETAIL_HELP,
	} kind;
	uint32_t instance; /* the process, or whose stack it is */
	uint32_t place;    /* the segment's, in the model */
	uint32_t stack;
	char title[256]; /* of a stack, a finding */
	char text[512], advice[1024];
};

/* What a row of a list leads to. */
void detail_of_row(struct detail *detail, enum top_view view, const void *row,
		   const struct rows *rows);

/* Writes the page anew; `lines` and `columns` is how large the screen is. */
void detail_write(const struct detail *detail, const struct rows *rows, struct pager *pager,
		  unsigned lines, unsigned columns);

#endif
