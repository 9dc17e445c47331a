/* SPDX-License-Identifier: MIT */
/* The short summary that `record` prints when it is done. */
#ifndef MEMSHIM_CLI_SUMMARY_H
#define MEMSHIM_CLI_SUMMARY_H

#include <stdbool.h>

struct suppression;

/*
 * Reads the recording from its descriptor, which is taken: its name may stand for another file by
 * now. Prints the summary on standard error unless `quiet`. *finding_count: what
 * `report` would find by the same rules, notes left out. 0, or an exit code after one line.
 */
int summary_show(int fd, const char *recording, bool quiet, const struct suppression *rules,
		 unsigned *finding_count);

#endif
