/* SPDX-License-Identifier: MIT */
/* digits < NUMBERS: prints each number in every format, one line for each number. */
#include <stdio.h>
#include <stdlib.h>

#include "report/view/digits.h"

int main(void)
{
	char text[6 * DIGITS_BYTES], line[64], *to;

	while (fgets(line, sizeof line, stdin)) {
		uint64_t number = strtoull(line, NULL, 10);

		to = DIGITS_TEXT(digits_decimal(text, number), " ");
		to = DIGITS_TEXT(digits_signed(to, (int64_t)number), " ");
		to = DIGITS_TEXT(digits_hex(to, number), " ");
		to = DIGITS_TEXT(digits_wide(to, number, 9, '0'), "|");
		to = DIGITS_TEXT(digits_wide(to, number, 100, ' '), "|");
		to = DIGITS_TEXT(digits_nine(to, number % 1000000000), "\n");
		fwrite(text, 1, (size_t)(to - text), stdout);
	}
	return 0;
}
