/* SPDX-License-Identifier: MIT */
/* Lines of text that scroll: help, and everything about one process or segment. */
#ifndef MEMSHIM_TOP_PAGER_H
#define MEMSHIM_TOP_PAGER_H

#include <stdbool.h>

#define SHEET_LINE_BYTES 1024u

struct sheet_line {
	unsigned styles;
	char text[SHEET_LINE_BYTES];
};

struct sheet {
	struct sheet_line *lines;
	unsigned count, room;
	unsigned first, left; /* of the lines and columns, on the screen */
	bool no_memory;
};

void sheet_free(struct sheet *sheet);
void sheet_begin(struct sheet *sheet);
void sheet_add(struct sheet *sheet, unsigned styles, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same words on as many lines as they need, each after `indent` blanks. */
void sheet_wrap(struct sheet *sheet, unsigned styles, unsigned indent, unsigned columns,
		const char *text);

/* Lines from `line` on, as many as there is room for. */
void sheet_draw(struct sheet *sheet, unsigned line, unsigned lines);
void sheet_move(struct sheet *sheet, long lines);

#endif
