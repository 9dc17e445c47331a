/* SPDX-License-Identifier: MIT */
/* Names of wrappers that the user adds: --wrapper=NAME, and files with one name on each line. */
#ifndef MEMSHIM_CLI_WRAPPER_NAMES_H
#define MEMSHIM_CLI_WRAPPER_NAMES_H

#include <stdbool.h>

struct wrapper_name;

/* Adds a shell pattern to the list. False after one line. */
bool wrapper_names_add(struct wrapper_name **names, const char *pattern);

/* Adds the lines of a file. False after one line. See rule_file_read. */
bool wrapper_names_read(struct wrapper_name **names, const char *path);

void wrapper_names_free(struct wrapper_name **names);

#endif
