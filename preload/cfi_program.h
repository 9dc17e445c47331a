/* SPDX-License-Identifier: MIT */
/* Runs the programs of unwind tables. */
#ifndef MEMSHIM_CFI_PROGRAM_H
#define MEMSHIM_CFI_PROGRAM_H

#include "cfi.h"

/*
 * Runs a program on `row`. The program begins at scratch->run.bytes, inside `tables`, and runs from
 * `begin`, the address of the code, up to `pc`. False when this code does not understand it.
 */
bool cfi_run(struct cfi_row *row, const struct cfi_common *common, const struct unwind_span *tables,
	     union cfi_scratch *scratch, uint64_t begin, uint64_t pc);

#endif
