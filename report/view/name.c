/* SPDX-License-Identifier: MIT */
/*
 * A file of its own: the report, the graph and the screen shorten names in the same way. A
 * character of several bytes is never cut; each counts as one column.
 */
#include "report/view/name.h"

#include <stdio.h>
#include <string.h>

/* Whether a character begins at this byte. */
static bool name_begins(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The length in bytes of the longest beginning that fits. */
static size_t name_head(const char *name, unsigned columns)
{
	size_t length = 0, next = 0;

	for (; name[next]; length = next) {
		do
			next++;
		while (name[next] && !name_begins(name[next]));
		if (columns-- == 0)
			return length;
	}
	return length;
}

/* Where the longest end that fits begins. */
static size_t name_tail(const char *name, unsigned columns)
{
	size_t at = strlen(name);

	while (at > 0 && columns > 0) {
		at--;
		columns -= name_begins(name[at]);
	}
	return at;
}

const char *name_shorten(const char *name, unsigned columns, bool utf8, char *text, size_t bytes)
{
	const char *mark = utf8 ? "\xe2\x80\xa6" : "...";
	unsigned rest = columns > (utf8 ? 1u : 3u) ? columns - (utf8 ? 1u : 3u) : 0;

	if (out_columns(name) <= columns)
		snprintf(text, bytes, "%s", name);
	else
		snprintf(text, bytes, "%.*s%s%s", (int)name_head(name, rest - rest / 2), name, mark,
			 name + name_tail(name, rest / 2));
	return text;
}

void name_put_words(struct out *out, const char *text, unsigned columns)
{
	char part[1024];
	size_t length = strlen(text);

	if (out_columns(text) <= columns) {
		out_safe(out, text);
		return;
	}
	if (length >= sizeof part)
		length = sizeof part - 1;
	memcpy(part, text, length);
	do
		part[length] = '\0';
	while (length-- > 0 && (text[length + 1] != ' ' || out_columns(part) + 4 > columns));
	out_safe(out, part);
	out_char(out, ' ');
	out_text(out, out->utf8 ? "\xe2\x80\xa6" : "...");
}
