/* SPDX-License-Identifier: MIT */
/* Files of suppressions: lines "kind:pattern". Blank lines and lines that begin with # are skipped.
 */
#ifndef MEMSHIM_CLI_SUPPRESSIONS_H
#define MEMSHIM_CLI_SUPPRESSIONS_H

#include <stdbool.h>

struct suppression;

/*
 * Adds the rules of a file to the list. False after one line: it names the wrong line, or says that
 * the file is not trusted. A descriptor (/dev/stdin, /dev/fd/N) is trusted: the user's shell opened
 * it.
 */
bool suppressions_read(struct suppression **rules, const char *path);

void suppressions_free(struct suppression **rules);

#endif
