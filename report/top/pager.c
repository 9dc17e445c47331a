/* SPDX-License-Identifier: MIT */
#include "report/top/pager.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/top/screen.h"
#include "report/util/array.h"
#include "report/util/printable.h"

void pager_free(struct pager *pager)
{
	free(pager->lines);
	*pager = (struct pager){0};
}

void pager_begin(struct pager *pager)
{
	pager->count = 0;
}

void pager_add(struct pager *pager, unsigned styles, const char *format, ...)
{
	va_list args;

	if (!ARRAY_RESERVE(pager->lines, pager->capacity, pager->count + 1)) {
		pager->no_memory = true;
		return;
	}
	pager->lines[pager->count].styles = styles;
	va_start(args, format);
	vsnprintf(pager->lines[pager->count++].text, PAGER_LINE_BYTES, format, args);
	va_end(args);
}

void pager_wrap(struct pager *pager, unsigned styles, unsigned indent, unsigned columns,
		const char *text)
{
	unsigned capacity = columns > indent + 8 ? columns - indent : 8;

	while (*text) {
		size_t length = strlen(text), end = length;

		if (length > capacity) {
			for (end = capacity; end > 0 && text[end] != ' '; end--)
				;
			end = end ? end : capacity;
		}
		pager_add(pager, styles, "%*s%.*s", (int)indent, "", (int)end, text);
		text += end;
		text += strspn(text, " ");
	}
}

void pager_draw(struct pager *pager, unsigned line, unsigned lines)
{
	if (pager->first + lines > pager->count)
		pager->first = pager->count > lines ? pager->count - lines : 0;
	for (unsigned i = 0; i < lines && pager->first + i < pager->count; i++) {
		const struct pager_line *from = &pager->lines[pager->first + i];

		screen_put(line + i, 0, screen_columns(), printable_skip(from->text, pager->left),
			   from->styles);
	}
}

void pager_move(struct pager *pager, long lines)
{
	long to = (long)pager->first + lines, last = (long)pager->count;

	if (lines > last)
		to = last;
	pager->first = to < 0 ? 0 : (unsigned)to;
}
