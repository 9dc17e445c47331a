/* SPDX-License-Identifier: MIT */
/* Files of suppressions: rules "kind:pattern". */
#ifndef MEMSHIM_CLI_SUPPRESSIONS_H
#define MEMSHIM_CLI_SUPPRESSIONS_H

#include <stdbool.h>

struct suppression;

/* Adds the rules of a file to the list. False after one line. See rule_file_read. */
bool suppressions_read(struct suppression **rules, const char *path);

void suppressions_free(struct suppression **rules);

#endif
