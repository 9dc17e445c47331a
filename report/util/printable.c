/* SPDX-License-Identifier: MIT */
#include "report/util/printable.h"

#include <stdint.h>

unsigned printable_length(const unsigned char *at)
{
	unsigned length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if ((at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

bool printable_is(const unsigned char *at, unsigned length)
{
	if (length == 1)
		return at[0] >= 0x20 && at[0] != 0x7f;
	if (length == 2 && at[0] == 0xc2 && at[1] < 0xa0)
		return false;
	if (length == 3 && at[0] == 0xe2 &&
	    ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) || (at[1] == 0x81 && at[2] >= 0xa6)))
		return false;
	return true;
}

const char *printable_skip(const char *text, unsigned columns)
{
	for (; *text && columns > 0; columns--) {
		unsigned length = printable_length((const unsigned char *)text);

		text += length ? length : 1;
	}
	return text;
}
