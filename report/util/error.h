/* SPDX-License-Identifier: MIT */
/*
 * Error messages and exit codes. A small file: most files of report/ include it, and it needs no
 * other but printable.h.
 */
#ifndef MEMSHIM_UTIL_ERROR_H
#define MEMSHIM_UTIL_ERROR_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_ABSENT = 1, /* the file or object does not exist, is damaged, or cannot be written */
	EXIT_USAGE = 2,  /* wrong command line */
	EXIT_MEMSHIM = 125, /* record: memshim itself failed, or was used wrongly */
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* record: + the signal that ended COMMAND */
};

/*
 * Prints `memshim: what: why` on standard error: an empty name as '', unprintable characters as
 * `?`.
 */
void error_line(const char *what, const char *why);

/* The same, with why formatted. */
void error_format(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
