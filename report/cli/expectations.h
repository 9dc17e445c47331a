/* SPDX-License-Identifier: MIT */
/* The expectations of --expect: a line for each that failed. */
#ifndef MEMSHIM_CLI_EXPECTATIONS_H
#define MEMSHIM_CLI_EXPECTATIONS_H

#include "report/model/expect.h"

#define EXPECTATIONS_MAX 64u

struct expectations {
	struct expectation rows[EXPECTATIONS_MAX];
	unsigned count;
};

/* Null, or what the text should have been. */
const char *expectations_add(struct expectations *expectations, const char *text);

/* After session_findings. False after a line for each that failed or is not known. */
bool expectations_check(const struct expectations *expectations, const struct model *model,
			const struct filter *filter);

#endif
