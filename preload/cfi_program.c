/* SPDX-License-Identifier: MIT */
/*
 * The programs of unwind tables (DWARF 5, section 6.4.2). Each instruction changes a row, until the
 * program reaches the address that the row is for.
 */
#include "cfi_program.h"

#include <stddef.h>

#include "cfi_read.h"

/* Wraps on overflow, as the machine does: damaged tables may hold any number. */
static inline int64_t cfi_program_multiply(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

static void cfi_program_set(struct cfi_run *run, uint64_t reg, enum cfi_kind kind, int64_t value)
{
	if (value > CFI_VALUE_MOST || value < -CFI_VALUE_MOST)
		run->bytes.bad = true;
	else if (reg < UNWIND_REGISTERS)
		run->row->rule[reg] = (int32_t)((uint32_t)value << 3 | kind);
}

static void cfi_program_set_offset(struct cfi_run *run, uint64_t reg, enum cfi_kind kind,
				   int64_t factored)
{
	cfi_program_set(run, reg, kind, cfi_program_multiply(factored, run->common->data_align));
}

static void cfi_program_set_expression(struct cfi_run *run, uint64_t reg, enum cfi_kind kind)
{
	uint64_t length;
	const uint8_t *at = run->bytes.at;

	cfi_program_set(run, reg, kind, (int64_t)((uint64_t)at - run->tables));
	length = cfi_read_uleb(&run->bytes);
	if (length > (uint64_t)(run->bytes.end - run->bytes.at))
		run->bytes.bad = true;
	else
		run->bytes.at += length;
}

static void cfi_program_set_cfa(struct cfi_run *run, uint64_t reg, int64_t offset)
{
	run->row->cfa_register = reg < UNWIND_REGISTERS ? (uint32_t)reg : UNWIND_REGISTERS;
	run->row->cfa_offset = offset;
	run->row->cfa_expression = NULL;
}

static void cfi_program_restore(struct cfi_run *run, uint64_t reg)
{
	if (reg < UNWIND_REGISTERS)
		run->row->rule[reg] = run->common->row.rule[reg];
}

static void cfi_program_remember(struct cfi_run *run)
{
	if (run->remembered_count == CFI_REMEMBERED)
		run->bytes.bad = true;
	else
		run->remembered[run->remembered_count++] = *run->row;
}

static void cfi_program_recall(struct cfi_run *run)
{
	if (run->remembered_count == 0)
		run->bytes.bad = true;
	else
		*run->row = run->remembered[--run->remembered_count];
}

static void cfi_program_set_cfa_expression(struct cfi_run *run)
{
	run->row->cfa_expression = run->bytes.at;
	cfi_program_set_expression(run, UNWIND_REGISTERS, CFI_SAME);
}

/* The instructions that define the CFA, by their numbers in the standard. */
static bool cfi_program_do_cfa(struct cfi_run *run, uint8_t code)
{
	struct cfi_bytes *b = &run->bytes;
	uint64_t reg;

	switch (code) {
	case 0x0c: /* DW_CFA_def_cfa */
		reg = cfi_read_uleb(b);
		cfi_program_set_cfa(run, reg, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x0d: /* DW_CFA_def_cfa_register */
		cfi_program_set_cfa(run, cfi_read_uleb(b), run->row->cfa_offset);
		return true;
	case 0x0e: /* DW_CFA_def_cfa_offset */
		cfi_program_set_cfa(run, run->row->cfa_register, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x0f: /* DW_CFA_def_cfa_expression */
		cfi_program_set_cfa_expression(run);
		return true;
	case 0x12: /* DW_CFA_def_cfa_sf */
		reg = cfi_read_uleb(b);
		cfi_program_set_cfa(
			run, reg, cfi_program_multiply(cfi_read_sleb(b), run->common->data_align));
		return true;
	case 0x13: /* DW_CFA_def_cfa_offset_sf */
		cfi_program_set_cfa(
			run, run->row->cfa_register,
			cfi_program_multiply(cfi_read_sleb(b), run->common->data_align));
		return true;
	default:
		return false;
	}
}

/* The instructions that define where a register is saved. */
static bool cfi_program_do_register(struct cfi_run *run, uint8_t code)
{
	struct cfi_bytes *b = &run->bytes;
	uint64_t reg = cfi_read_uleb(b);

	switch (code) {
	case 0x05: /* DW_CFA_offset_extended */
		cfi_program_set_offset(run, reg, CFI_OFFSET, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x06: /* DW_CFA_restore_extended */
		cfi_program_restore(run, reg);
		return true;
	case 0x07: /* DW_CFA_undefined */
		cfi_program_set(run, reg, CFI_UNDEFINED, 0);
		return true;
	case 0x08: /* DW_CFA_same_value */
		cfi_program_set(run, reg, CFI_SAME, 0);
		return true;
	case 0x09: /* DW_CFA_register */
		cfi_program_set(run, reg, CFI_REGISTER, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x10: /* DW_CFA_expression */
		cfi_program_set_expression(run, reg, CFI_EXPRESSION);
		return true;
	case 0x11: /* DW_CFA_offset_extended_sf */
		cfi_program_set_offset(run, reg, CFI_OFFSET, cfi_read_sleb(b));
		return true;
	case 0x14: /* DW_CFA_val_offset */
		cfi_program_set_offset(run, reg, CFI_VAL_OFFSET, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x15: /* DW_CFA_val_offset_sf */
		cfi_program_set_offset(run, reg, CFI_VAL_OFFSET, cfi_read_sleb(b));
		return true;
	case 0x16: /* DW_CFA_val_expression */
		cfi_program_set_expression(run, reg, CFI_VAL_EXPRESSION);
		return true;
	default:
		return false;
	}
}

/* All other instructions. False: unknown, so nothing after it can be read. */
static bool cfi_program_do_other(struct cfi_run *run, uint8_t code)
{
	struct cfi_bytes *b = &run->bytes;

	switch (code) {
	case 0x00: /* DW_CFA_nop */
	case 0x2d: /* DW_CFA_AARCH64_negate_ra_state: every return address is stripped anyway */
		return true;
	case 0x01: /* DW_CFA_set_loc */
		run->at = cfi_read_pointer(b, run->common->pointer_encoding, 0);
		return true;
	case 0x02: /* DW_CFA_advance_loc1, 2, 4 */
	case 0x03:
	case 0x04:
		run->at += cfi_read(b, 1u << (code - 2)) * run->common->code_align;
		return true;
	case 0x0a: /* DW_CFA_remember_state */
		cfi_program_remember(run);
		return true;
	case 0x0b: /* DW_CFA_restore_state */
		cfi_program_recall(run);
		return true;
	case 0x2e: /* DW_CFA_GNU_args_size */
		cfi_read_uleb(b);
		return true;
	default:
		return cfi_program_do_cfa(run, code) || cfi_program_do_register(run, code);
	}
}

static bool cfi_program_run_all(struct cfi_run *run)
{
	while (run->bytes.at < run->bytes.end && run->at <= run->pc) {
		uint8_t code = (uint8_t)cfi_read(&run->bytes, 1);
		uint8_t operand = code & 0x3f;

		if (code >> 6 == 1) /* DW_CFA_advance_loc */
			run->at += operand * run->common->code_align;
		else if (code >> 6 == 2) /* DW_CFA_offset */
			cfi_program_set_offset(run, operand, CFI_OFFSET,
					       (int64_t)cfi_read_uleb(&run->bytes));
		else if (code >> 6 == 3) /* DW_CFA_restore */
			cfi_program_restore(run, operand);
		else if (!cfi_program_do_other(run, operand))
			return false;
		if (run->bytes.bad)
			return false;
	}
	return true;
}

bool cfi_run(struct cfi_row *row, const struct cfi_common *common, const struct unwind_span *tables,
	     union cfi_scratch *scratch, uint64_t begin, uint64_t pc)
{
	struct cfi_run *run = &scratch->run;

	run->common = common;
	run->row = row;
	run->tables = tables->begin;
	run->remembered_count = 0;
	run->at = begin;
	run->pc = pc;
	return cfi_program_run_all(run);
}
