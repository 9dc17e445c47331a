/* SPDX-License-Identifier: MIT */
/* The summary that `record` prints at its end. */
#ifndef MEMSHIM_CLI_SUMMARY_H
#define MEMSHIM_CLI_SUMMARY_H

#include <stdbool.h>

#include "report/cli/expectations.h"

struct suppression;

/* What the report shows with the same rules. */
struct summary_result {
	unsigned finding_count; /* without notes */
	bool as_expected;
};

/*
 * Reads the recording from `fd` and closes it: another file may have the name `recording` now.
 * Prints the summary on standard error unless `quiet`, and a line for each expectation that failed.
 * Returns 0, or an exit code after one line.
 */
int summary_show(int fd, const char *recording, bool quiet, const struct suppression *rules,
		 const struct expectations *expectations, struct summary_result *result);

#endif
