/* SPDX-License-Identifier: MIT */
#include "report/util/printable.h"

#include <string.h>

uint32_t printable_code(const unsigned char *at, unsigned length)
{
	uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);

	for (unsigned i = 1; i < length; i++)
		code = code << 6 | (at[i] & 0x3f);
	return code;
}

unsigned printable_length(const unsigned char *at)
{
	unsigned length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;

	if ((at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	code = printable_code(at, length);
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

/* Controls, characters that change the direction or joining of others, and invisible ones. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
	{0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
	{0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
	{0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
	{0x3164, 0x3164},   {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
	{0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
	{0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool printable_is(const unsigned char *at, unsigned length)
{
	uint32_t code = printable_code(at, length);

	if (code >= 0x20 && code < 0x7f)
		return true;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	return (code & 0xfffe) != 0xfffe;
}

void printable_copy(char *to, size_t size, const char *from)
{
	const unsigned char *at = (const unsigned char *)from;
	size_t used = 0;

	while (*at && used + 5 < size) {
		unsigned length = printable_length(at);
		bool plain = length && printable_is(at, length);

		length += length == 0;
		if (plain)
			memcpy(to + used, at, length);
		else
			to[used] = '?';
		used += plain ? length : 1;
		at += length;
	}
	to[used] = '\0';
}

const char *printable_skip(const char *text, unsigned columns)
{
	for (; *text && columns > 0; columns--) {
		unsigned length = printable_length((const unsigned char *)text);

		text += length ? length : 1;
	}
	return text;
}
