/* SPDX-License-Identifier: MIT */
#include "report/util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/util/printable.h"
#include "report/util/progress.h"

/* A name from a file may contain control sequences: none of them may reach the terminal. */
void error_line(const char *what, const char *why)
{
	char safe_what[1024], safe_why[1024];

	progress_clear();
	printable_copy(safe_what, sizeof safe_what, *what ? what : "''");
	printable_copy(safe_why, sizeof safe_why, why);
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
