/* SPDX-License-Identifier: MIT */
/* Files of suppressions: lines "kind:pattern". Blank lines and lines that begin with # are skipped.
 */
#ifndef MEMSHIM_CLI_SUPPRESSIONS_H
#define MEMSHIM_CLI_SUPPRESSIONS_H

#include <stdbool.h>

struct suppression;

/* Adds the rules of a file to the list. False after one line that names the wrong line. */
bool suppressions_read(struct suppression **rules, const char *path);

#endif
