/* SPDX-License-Identifier: MIT */
#include "report/top/pager.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/printable.h"
#include "report/top/screen.h"

void sheet_free(struct sheet *sheet)
{
	free(sheet->lines);
	*sheet = (struct sheet){0};
}

void sheet_begin(struct sheet *sheet)
{
	sheet->count = 0;
}

void sheet_add(struct sheet *sheet, unsigned styles, const char *format, ...)
{
	va_list args;

	if (sheet->count == sheet->room) {
		unsigned room = sheet->room ? sheet->room * 2 : 64;
		struct sheet_line *lines = realloc(sheet->lines, room * sizeof *lines);

		if (!lines) {
			sheet->no_memory = true;
			return;
		}
		sheet->lines = lines;
		sheet->room = room;
	}
	sheet->lines[sheet->count].styles = styles;
	va_start(args, format);
	vsnprintf(sheet->lines[sheet->count++].text, SHEET_LINE_BYTES, format, args);
	va_end(args);
}

void sheet_wrap(struct sheet *sheet, unsigned styles, unsigned indent, unsigned columns,
		const char *text)
{
	unsigned room = columns > indent + 8 ? columns - indent : 8;

	while (*text) {
		size_t length = strlen(text), end = length;

		if (length > room) {
			for (end = room; end > 0 && text[end] != ' '; end--)
				;
			end = end ? end : room;
		}
		sheet_add(sheet, styles, "%*s%.*s", (int)indent, "", (int)end, text);
		text += end;
		text += strspn(text, " ");
	}
}

void sheet_draw(struct sheet *sheet, unsigned line, unsigned lines)
{
	if (sheet->first + lines > sheet->count)
		sheet->first = sheet->count > lines ? sheet->count - lines : 0;
	for (unsigned i = 0; i < lines && sheet->first + i < sheet->count; i++) {
		const struct sheet_line *from = &sheet->lines[sheet->first + i];

		screen_put(line + i, 0, screen_columns(), printable_skip(from->text, sheet->left),
			   from->styles);
	}
}

void sheet_move(struct sheet *sheet, long lines)
{
	long to = (long)sheet->first + lines, last = (long)sheet->count;

	if (lines > last)
		to = last;
	sheet->first = to < 0 ? 0 : (unsigned)to;
}
