/* SPDX-License-Identifier: MIT */
/* The recording's file: a new regular file. A file that had its name is kept as FILE.old. */
#ifndef MEMSHIM_RECORDER_OUTPUT_H
#define MEMSHIM_RECORDER_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

struct output {
	int fd;                  /* a second descriptor, to read the finished recording; -1 none */
	char path[PATH_MAX];     /* as the user gave it */
	char absolute[PATH_MAX]; /* "" unknown */
	char old[PATH_MAX + 4];  /* the file that had its name; "" none */
};

/*
 * Fills in %p, %e, %t and %% of `pattern` for COMMAND and its process. False when the name does not
 * fit into `path`.
 */
bool output_name(const char *pattern, const char *command, long pid, char path[PATH_MAX]);

/* Creates the file `output->path`. A descriptor, or -1 after one line on standard error. */
int output_open(struct output *output);

/* Removes the file, and restores the one that had its name. */
void output_cancel(const struct output *output);

#endif
