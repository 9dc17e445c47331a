/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: what the tables of one module say of one address. DWARF 5, section 6.4,
 * and the Linux Standard Base's chapter on .eh_frame and .eh_frame_hdr.
 *
 * Reads a stranger's tables: every read is bounded by the entry's own length. Any thread, any
 * signal handler; no allocation.
 */
#ifndef MEMSHIM_CFI_H
#define MEMSHIM_CFI_H

#include "unwind.h"

enum cfi_kind {
	CFI_SAME,           /* the register still has the caller's value */
	CFI_UNDEFINED,      /* it is lost; for the return address: the outermost frame */
	CFI_OFFSET,         /* it lies at CFA + value */
	CFI_VAL_OFFSET,     /* it is CFA + value */
	CFI_REGISTER,       /* it is in register value */
	CFI_EXPRESSION,     /* it lies where the expression says */
	CFI_VAL_EXPRESSION, /* it is what the expression says */
};

/* A rule in a word, so that a row is small: kind in the lowest three bits, value above. */
struct cfi_row {
	int64_t rule[UNWIND_REGISTERS];
	uint64_t cfa_register;
	int64_t cfa_offset;
	const uint8_t *cfa_expression; /* in the place of both, if not null */
};

struct cfi_entry {
	struct cfi_row row;
	uint8_t return_register;
	bool is_signal; /* a signal frame: its caller's pc is no return address */
};

static inline enum cfi_kind cfi_rule_kind(int64_t rule)
{
	return (enum cfi_kind)(rule & 7);
}

static inline int64_t cfi_rule_value(int64_t rule)
{
	return rule >> 3;
}

/* The row for `pc`, by the module's PT_GNU_EH_FRAME; false when it has none or is not understood.
 */
bool cfi_find(const uint8_t *eh_frame_hdr, uint64_t pc, struct cfi_entry *entry);

/* The value of a DWARF expression: `at` points to its length. False when it is not understood. */
bool cfi_evaluate(const uint8_t *at, const uint64_t *registers, const uint64_t *start,
		  uint64_t *value);

#endif
