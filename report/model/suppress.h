/* SPDX-License-Identifier: MIT */
/* Findings that the user knows of and does not want to hear about again. */
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

/* Takes out what a rule is about, and counts it. After model_finalize; functions need their names.
 */
void model_suppress(struct model *model, const struct suppression *rules);

#endif
