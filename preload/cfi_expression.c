/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions (DWARF 5, section 2.5), as far as unwind tables use them: procedure linkage
 * tables compute their CFA, and signal frames find the registers that the kernel saved.
 */
#include "cfi_expression.h"

#include <stddef.h>

#include "cfi_read.h"

static void cfi_expression_push(struct cfi_evaluation *e, uint64_t value)
{
	if (e->depth == CFI_EXPRESSION_WORDS)
		e->bytes.bad = true;
	else
		e->stack[e->depth++] = value;
}

static uint64_t cfi_expression_pop(struct cfi_evaluation *e)
{
	if (e->depth > 0)
		return e->stack[--e->depth];
	e->bytes.bad = true;
	return 0;
}

static void cfi_expression_push_register(struct cfi_evaluation *e, uint64_t reg)
{
	int64_t offset = cfi_read_sleb(&e->bytes);

	if (reg >= UNWIND_REGISTERS)
		e->bytes.bad = true;
	else
		cfi_expression_push(e, e->registers[reg] + (uint64_t)offset);
}

static void cfi_expression_push_memory(struct cfi_evaluation *e)
{
	uint64_t address = cfi_expression_pop(e);

	if (e->bytes.bad || !unwind_may_read(e->memory, address))
		e->bytes.bad = true;
	else
		cfi_expression_push(e, *(const uint64_t *)address);
}

/* Operations with two operands; `right` is the one that was pushed last. */
static void cfi_expression_do_two(struct cfi_evaluation *e, uint8_t code)
{
	uint64_t right = cfi_expression_pop(e), left = cfi_expression_pop(e);

	if (code == 0x1a) /* DW_OP_and */
		cfi_expression_push(e, left & right);
	else if (code == 0x1c) /* DW_OP_minus */
		cfi_expression_push(e, left - right);
	else if (code == 0x22) /* DW_OP_plus */
		cfi_expression_push(e, left + right);
	else if (code == 0x24) /* DW_OP_shl */
		cfi_expression_push(e, right < 64 ? left << right : 0);
	else if (code == 0x2a) /* DW_OP_ge */
		cfi_expression_push(e, (int64_t)left >= (int64_t)right);
	else
		e->bytes.bad = true;
}

static void cfi_expression_do_one(struct cfi_evaluation *e, uint8_t code)
{
	if (code == 0x06) /* DW_OP_deref */
		cfi_expression_push_memory(e);
	else if (code >= 0x08 && code <= 0x0f && code % 2 == 0) /* DW_OP_const1u, 2u, 4u, 8u */
		cfi_expression_push(e, cfi_read(&e->bytes, 1u << (code - 0x08) / 2));
	else if (code >= 0x08 && code <= 0x0f) /* DW_OP_const1s, ... */
		cfi_expression_push(e,
				    (uint64_t)cfi_read_signed(&e->bytes, 1u << (code - 0x08) / 2));
	else if (code == 0x23) /* DW_OP_plus_uconst */
		cfi_expression_push(e, cfi_expression_pop(e) + cfi_read_uleb(&e->bytes));
	else if (code >= 0x30 && code <= 0x4f) /* DW_OP_lit0 ... 31 */
		cfi_expression_push(e, code - 0x30u);
	else if (code >= 0x70 && code <= 0x8f) /* DW_OP_breg0 ... 31 */
		cfi_expression_push_register(e, code - 0x70u);
	else if (code == 0x92) /* DW_OP_bregx */
		cfi_expression_push_register(e, cfi_read_uleb(&e->bytes));
	else
		cfi_expression_do_two(e, code);
}

bool cfi_evaluate(const uint8_t *at, const uint64_t *registers, const struct unwind_span *stack,
		  const uint64_t *start, union cfi_scratch *scratch, uint64_t *value)
{
	struct cfi_evaluation *e = &scratch->evaluation;
	uint64_t length;

	e->bytes = (struct cfi_bytes){at, at + 10, false};
	e->registers = registers;
	e->memory = stack;
	e->depth = 0;
	length = cfi_read_uleb(&e->bytes);
	e->bytes.end = e->bytes.at + length;
	if (start)
		cfi_expression_push(e, *start);
	while (e->bytes.at < e->bytes.end && !e->bytes.bad)
		cfi_expression_do_one(e, (uint8_t)cfi_read(&e->bytes, 1));
	*value = cfi_expression_pop(e);
	return !e->bytes.bad;
}
