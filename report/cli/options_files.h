/* SPDX-License-Identifier: MIT */
/* The files that options name: the session's, suppressions, names of wrappers. */
#ifndef MEMSHIM_CLI_OPTIONS_FILES_H
#define MEMSHIM_CLI_OPTIONS_FILES_H

#include <limits.h>
#include <stdbool.h>

struct options;

/* Reads the files of rules. 0, or an exit code after one line. */
int options_read_rules(struct options *options);

/* Frees the rules: suppressions, and names of wrappers. */
void options_free(struct options *options);

/* Writes the file that the options name, or the default one, to path. False after one line. */
bool options_find_file(const struct options *options, char path[PATH_MAX]);

#endif
