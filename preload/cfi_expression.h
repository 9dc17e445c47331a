/* SPDX-License-Identifier: MIT */
/* Evaluates the DWARF expressions of unwind tables. */
#ifndef MEMSHIM_CFI_EXPRESSION_H
#define MEMSHIM_CFI_EXPRESSION_H

#include "cfi.h"

/*
 * Evaluates a DWARF expression of a row; `at` points to its length. It may read `stack`. If `start`
 * is not null, *start is first pushed. False for an expression that this code does not understand.
 */
bool cfi_evaluate(const uint8_t *at, const uint64_t *registers, const struct unwind_span *stack,
		  const uint64_t *start, union cfi_scratch *scratch, uint64_t *value);

#endif
