/* SPDX-License-Identifier: MIT */
/* Lines of text that scroll: help, and everything about one process or segment. */
#ifndef MEMSHIM_TOP_PAGER_H
#define MEMSHIM_TOP_PAGER_H

#include <stdbool.h>

#define SHEET_LINE_BYTES 1024u

struct pager_line {
	unsigned styles;
	char text[SHEET_LINE_BYTES];
};

struct pager {
	struct pager_line *lines;
	unsigned count, capacity;
	unsigned first, left; /* of the lines and columns, on the screen */
	bool no_memory;
};

void pager_free(struct pager *pager);
void pager_begin(struct pager *pager);
void pager_add(struct pager *pager, unsigned styles, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same words on as many lines as they need, each after `indent` blanks. */
void pager_wrap(struct pager *pager, unsigned styles, unsigned indent, unsigned columns,
		const char *text);

/* Lines from `line` on, as many as there is room for. */
void pager_draw(struct pager *pager, unsigned line, unsigned lines);
void pager_move(struct pager *pager, long lines);

#endif
