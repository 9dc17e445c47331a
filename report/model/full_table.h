/* SPDX-License-Identifier: MIT */
/* Who filled the kernel's table: for calls that failed with ENOSPC. */
#ifndef MEMSHIM_MODEL_FULL_TABLE_H
#define MEMSHIM_MODEL_FULL_TABLE_H

#include "report/model/failures.h"
#include "report/model/model.h"

/*
 * Notes the program with the most existing objects of a kind that the session created, and the
 * call from which it created most of them.
 */
void full_table_note(const struct model *model, struct model_failure *failure,
		     enum object_kind kind);

#endif
