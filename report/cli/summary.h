/* SPDX-License-Identifier: MIT */
/* The summary that `record` prints at its end. */
#ifndef MEMSHIM_CLI_SUMMARY_H
#define MEMSHIM_CLI_SUMMARY_H

#include <stdbool.h>

struct suppression;

/*
 * Reads the recording from `fd` and closes it: another file may have the name `recording` now.
 * Prints the summary on standard error unless `quiet`. *finding_count is the number of findings
 * that `report` shows with the same rules, without notes. Returns 0, or an exit code after one
 * line.
 */
int summary_show(int fd, const char *recording, bool quiet, const struct suppression *rules,
		 unsigned *finding_count);

#endif
