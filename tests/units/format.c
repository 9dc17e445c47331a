/* SPDX-License-Identifier: MIT */
/*
 * format < LINES: each line has the name of a format, and a number. Prints the number in that
 * format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"

int main(void)
{
	char line[64], how[16], number[32], text[FORMAT_BYTES];

	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%15s %31s", how, number) != 2)
			return 1;
		if (strcmp(how, "bytes") == 0)
			puts(format_bytes(text, strtoull(number, NULL, 10)));
		else if (strcmp(how, "delta") == 0)
			puts(format_delta(text, strtoll(number, NULL, 10)));
		else if (strcmp(how, "count") == 0)
			puts(format_count(text, strtoull(number, NULL, 10)));
		else
			puts(format_duration(text, strtoull(number, NULL, 10)));
	}
	return 0;
}
