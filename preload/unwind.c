/* SPDX-License-Identifier: MIT */
/*
 * One step: the row of the tables that holds at this pc tells where the canonical frame address
 * is, and where below it the caller's registers and its pc were saved. The stack only ever leads
 * outwards, to higher addresses; a step that would not is not made.
 */
#include "unwind.h"

#include <stddef.h>

#include "cfi.h"

#define NEAR_FRAMES 8 /* between a hook and unwind_begin: never more than three */

static int (*find_object)(void *pc, struct unwind_object *result);

bool unwind_set_up(int (*find)(void *pc, struct unwind_object *result))
{
	find_object = find;
	return find != NULL;
}

/* A return address may be the first byte after its function; the call is before it. */
static inline uint64_t look_up_pc(const struct unwind_cursor *cursor)
{
	return cursor->exact ? cursor->pc : cursor->pc - 1;
}

static bool find_cfa(const struct cfi_row *row, const uint64_t *value, uint64_t *cfa)
{
	if (row->cfa_expression)
		return cfi_evaluate(row->cfa_expression, value, NULL, cfa);
	if (row->cfa_register >= UNWIND_REGISTERS)
		return false;
	*cfa = value[row->cfa_register] + (uint64_t)row->cfa_offset;
	return true;
}

/* The caller's register by one rule; `slot` is where it lies, 0 when in no memory. */
static bool recover(int64_t rule, const uint64_t *from, uint64_t cfa, int reg, uint64_t *value,
		    uint64_t *slot)
{
	int64_t operand = cfi_rule_value(rule);

	*slot = 0;
	switch (cfi_rule_kind(rule)) {
	case CFI_SAME:
		*value = reg == UNWIND_SP ? cfa : from[reg];
		return true;
	case CFI_UNDEFINED:
		*value = 0;
		return true;
	case CFI_VAL_OFFSET:
		*value = cfa + (uint64_t)operand;
		return true;
	case CFI_REGISTER:
		*value = operand < UNWIND_REGISTERS ? from[operand] : 0;
		return operand < UNWIND_REGISTERS;
	case CFI_VAL_EXPRESSION:
		return cfi_evaluate((const uint8_t *)operand, from, &cfa, value);
	case CFI_OFFSET:
		*slot = cfa + (uint64_t)operand;
		break;
	case CFI_EXPRESSION:
		if (!cfi_evaluate((const uint8_t *)operand, from, &cfa, slot))
			return false;
		break;
	}
	if (*slot == 0 || *slot % sizeof(uint64_t))
		return false;
	*value = *(const uint64_t *)*slot;
	return true;
}

static void find_module(struct unwind_cursor *cursor)
{
	cursor->known = find_object((void *)look_up_pc(cursor), &cursor->object) == 0;
}

bool unwind_step(struct unwind_cursor *cursor)
{
	uint64_t from[UNWIND_REGISTERS], cfa, slot;
	struct cfi_entry entry;

	if (!cursor->known || !cursor->object.eh_frame ||
	    !cfi_find(cursor->object.eh_frame, look_up_pc(cursor), &entry) ||
	    !find_cfa(&entry.row, cursor->value, &cfa))
		return false;
	/* Only a signal frame may lead to another stack. */
	if (cfa % sizeof cfa || (cfa <= cursor->cfa && !entry.is_signal))
		return false;
	for (int reg = 0; reg < UNWIND_REGISTERS; reg++)
		from[reg] = cursor->value[reg];
	for (int reg = 0; reg < UNWIND_REGISTERS; reg++) {
		if (!recover(entry.row.rule[reg], from, cfa, reg, &cursor->value[reg], &slot))
			return false;
		if (reg == UNWIND_RETURN)
			cursor->slot = slot;
	}
	cursor->cfa = cfa;
	cursor->pc = unwind_strip(cursor->value[UNWIND_RETURN]);
	cursor->exact = entry.is_signal;
	if (cursor->pc == 0 || cfi_rule_kind(entry.row.rule[UNWIND_RETURN]) == CFI_UNDEFINED)
		return false;
	find_module(cursor);
	return true;
}

/* The registers that a caller may expect to find again, and the pc here. */
#if defined(__x86_64__)
#define CAPTURE(cursor)                             \
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"   \
			 "movq %%rbp, 48(%0)\n\t"   \
			 "movq %%rsp, 56(%0)\n\t"   \
			 "movq %%r12, 96(%0)\n\t"   \
			 "movq %%r13, 104(%0)\n\t"  \
			 "movq %%r14, 112(%0)\n\t"  \
			 "movq %%r15, 120(%0)\n\t"  \
			 "leaq 0(%%rip), %%rax\n\t" \
			 "movq %%rax, 128(%0)"      \
			 :                          \
			 : "r"((cursor)->value)     \
			 : "rax", "memory")
#else
#define CAPTURE(cursor)                                 \
	__asm__ volatile("stp x19, x20, [%0, #152]\n\t" \
			 "stp x21, x22, [%0, #168]\n\t" \
			 "stp x23, x24, [%0, #184]\n\t" \
			 "stp x25, x26, [%0, #200]\n\t" \
			 "stp x27, x28, [%0, #216]\n\t" \
			 "str x29, [%0, #232]\n\t"      \
			 "mov x9, sp\n\t"               \
			 "str x9, [%0, #248]\n\t"       \
			 "adr x9, .\n\t"                \
			 "str x9, [%0, #240]"           \
			 :                              \
			 : "r"((cursor)->value)         \
			 : "x9", "memory")
#endif

__attribute__((noinline)) bool unwind_begin(struct unwind_cursor *cursor, uint64_t cfa)
{
	for (int reg = 0; reg < UNWIND_REGISTERS; reg++)
		cursor->value[reg] = 0;
	CAPTURE(cursor);
	cursor->pc = cursor->value[UNWIND_RETURN];
	cursor->cfa = 0;
	cursor->exact = true;
	find_module(cursor);
	for (int i = 0; i < NEAR_FRAMES; i++) {
		if (!unwind_step(cursor))
			return false;
		if (cursor->cfa >= cfa)
			return cursor->cfa == cfa;
	}
	return false;
}
