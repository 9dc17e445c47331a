/* SPDX-License-Identifier: MIT */
/* The recording's file: a regular file under its own name, what was there kept as FILE.old. */
#ifndef MEMSHIM_RECORDER_OUTPUT_H
#define MEMSHIM_RECORDER_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

struct output {
	int fd;                  /* a second descriptor of it, to read when it is finished; -1 */
	char path[PATH_MAX];     /* as asked for */
	char absolute[PATH_MAX]; /* "" when it has none */
	char old[PATH_MAX + 4];  /* what was there; "" nothing */
};

/*
 * Fills in %p, %e, %t and %% of `pattern` for COMMAND and its process. False when the name does not
 * fit into `path`.
 */
bool output_name(const char *pattern, const char *command, long pid, char path[PATH_MAX]);

/* Makes the file `output->path`. A descriptor, or -1 after one line on standard error. */
int output_open(struct output *output);

/* Takes it away again, and puts back what was there. */
void output_cancel(const struct output *output);

#endif
