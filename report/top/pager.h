/* SPDX-License-Identifier: MIT */
/* Lines of text that scroll: the help, and pages about one process or segment. */
#ifndef MEMSHIM_TOP_PAGER_H
#define MEMSHIM_TOP_PAGER_H

#include <stdbool.h>

#define PAGER_LINE_BYTES 1024u

struct pager_line {
	unsigned styles;
	char text[PAGER_LINE_BYTES];
};

struct pager {
	struct pager_line *lines;
	unsigned count, capacity;
	unsigned first, left; /* the first line and column on the screen */
	bool no_memory;
};

void pager_free(struct pager *pager);
void pager_begin(struct pager *pager);
void pager_add(struct pager *pager, unsigned styles, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Wraps the text to `columns`; each line begins with `indent` blanks. */
void pager_wrap(struct pager *pager, unsigned styles, unsigned indent, unsigned columns,
		const char *text);

/* Draws at most `lines` lines of text, at `line` of the screen. */
void pager_draw(struct pager *pager, unsigned line, unsigned lines);
void pager_move(struct pager *pager, long lines);

#endif
