/* SPDX-License-Identifier: MIT */
#include "report/util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/util/printable.h"

/* A name from a file may hold anything; none of it reaches the terminal as a control sequence. */
static void put_safely(char *to, size_t size, const char *from)
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

void error_line(const char *what, const char *why)
{
	char safe_what[1024], safe_why[1024];

	put_safely(safe_what, sizeof safe_what, *what ? what : "''");
	put_safely(safe_why, sizeof safe_why, why);
	fprintf(stderr, "memshim: %s: %s\n", safe_what, safe_why);
}

void error_format(const char *what, const char *format, ...)
{
	char why[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	error_line(what, why);
}
