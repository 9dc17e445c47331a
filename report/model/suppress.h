/* SPDX-License-Identifier: MIT */
/* Findings that the user knows and does not want to see again. */
#ifndef MEMSHIM_MODEL_SUPPRESS_H
#define MEMSHIM_MODEL_SUPPRESS_H

#include "report/model/model.h"

/*
 * One rule: a kind of finding, and a shell pattern. The pattern matches the program that caused the
 * finding (its name, or its path where the pattern has a '/'), or a function on the call stack.
 */
struct suppression {
	struct suppression *next;
	int kind; /* enum finding_kind; -1: any */
	char pattern[];
};

/*
 * Removes the findings that a rule matches, and counts them. After model_finalize, when functions
 * have their names.
 */
void model_suppress(struct model *model, const struct suppression *rules);

#endif
