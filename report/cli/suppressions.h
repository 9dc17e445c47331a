/* SPDX-License-Identifier: MIT */
/* Files of suppressions: a line "kind:pattern" each, or a blank one, or one that begins with #. */
#ifndef MEMSHIM_CLI_SUPPRESSIONS_H
#define MEMSHIM_CLI_SUPPRESSIONS_H

#include <stdbool.h>

struct suppression;

/* Adds a file's rules to the list. False after one line that says which line is wrong. */
bool suppressions_read(struct suppression **rules, const char *path);

#endif
