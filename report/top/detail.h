/* SPDX-License-Identifier: MIT */
/* Pages about one process, segment, call site, event or finding; and the help page. */
#ifndef MEMSHIM_TOP_DETAIL_H
#define MEMSHIM_TOP_DETAIL_H

#include "report/top/pager.h"
#include "report/top/rows.h"

/* What the page is about. Valid across refreshes: it holds no pointers into the model. */
struct detail {
	enum detail_kind {
		DETAIL_NONE,
		DETAIL_PROCESS,
		DETAIL_SEGMENT,
		DETAIL_OBJECT, /* a semaphore set or a queue */
		DETAIL_STACK,  /* of a call site or an event */
		DETAIL_FINDING,
		DETAIL_HELP,
	} kind;
	uint32_t instance; /* the process, or the process of the stack */
	uint32_t place;    /* the index of the segment, set or queue in the model */
	uint32_t stack;
	char title[256]; /* of a stack or a finding */
	char text[512], advice[1024];
	char ids[256]; /* of a finding about several objects or processes */
};

/* The page that Enter opens for a row of a list. */
void detail_of_row(struct detail *detail, enum top_view view, const void *row,
		   const struct rows *rows);

/* Writes the page's lines; `lines` and `columns` are the size of the screen. */
void detail_write(const struct detail *detail, const struct rows *rows, struct pager *pager,
		  unsigned lines, unsigned columns);

#endif
