/* SPDX-License-Identifier: MIT */
/*
 * One step: the row of the tables that holds at this pc tells where the canonical frame address
 * is, and where below it the caller's registers and its pc were saved. The stack only ever leads
 * outwards, to higher addresses; a step that would not is not made.
 */
#include "unwind.h"

#include <stddef.h>
#include <string.h>

#include "cfi.h"
#include "module.h"
#include "thread.h"

#define NEAR_FRAMES 8                  /* between a hook and unwind_begin: never more than three */
#define RED_ZONE_BYTES 128u            /* below the stack pointer, in use too */
#define MAIN_STACK_MOST (128ull << 20) /* the kernel maps nothing else so near to its end */
#define THREAD_STACK_MOST (64ull << 20)
#define OTHER_FRAME_MOST (1ull << 20)
#define UNSAID 1u /* a frame pointer that lies in no memory that could be compared */

static int (*find_object)(void *pc, struct unwind_object *result);
static uint64_t main_stack_end;

bool unwind_set_up(int (*find)(void *pc, struct unwind_object *result), uint64_t stack_end)
{
	find_object = find;
	main_stack_end = stack_end;
	return find != NULL;
}

/*
 * How far outwards there is stack, by where it is now: up to the end of the main thread's; up to
 * the thread's descriptor, which libc puts at the end of every other. Of stacks that a program made
 * for itself (coroutines, signals) nobody knows: there, up to `otherwise`.
 */
static uint64_t stack_end(uint64_t sp, uint64_t otherwise)
{
	uint64_t descriptor = (uint64_t)thread_pointer();

	if (sp < main_stack_end && main_stack_end - sp < MAIN_STACK_MOST)
		return main_stack_end;
	if (sp < descriptor && descriptor - sp < THREAD_STACK_MOST)
		return descriptor;
	return otherwise;
}

uint64_t unwind_distance(uint64_t sp)
{
	return stack_end(sp, sp) - sp;
}

/*
 * Whether what stands before a return address is a call. On a stack that a program made by hand,
 * the outermost one may be an address that nothing called from, as that of a function to end in,
 * and what the tables say of its frame leads out of the stack.
 */
#if defined(__x86_64__)
/* Intel's manual, CALL and table 2-2: ff /2, and so many bytes for the operand's address. */
static bool is_call_of_operand(const unsigned char *code, uint64_t bytes)
{
	unsigned mode = code[1] >> 6, base = code[1] & 7;
	uint64_t needed = 2 + (mode != 3 && base == 4) + (mode == 1) + 4 * (mode == 2);

	if (mode == 0 && (base == 5 || (base == 4 && bytes > 2 && (code[2] & 7) == 5)))
		needed += 4;
	return code[0] == 0xff && (code[1] >> 3 & 7) == 2 && needed == bytes;
}

#define IS_CALL is_call_x86_64
static bool is_call_x86_64(const unsigned char *end, const struct unwind_span *text)
{
	uint64_t room = (uint64_t)end - text->begin;
	int32_t distance;

	if (room >= 5 && end[-5] == 0xe8) {
		memcpy(&distance, end - sizeof distance, sizeof distance);
		if ((uint64_t)end + (uint64_t)distance - text->begin < text->end - text->begin)
			return true;
	}
	for (uint64_t bytes = 2; bytes <= 7 && bytes <= room; bytes++)
		if (is_call_of_operand(end - bytes, bytes))
			return true;
	return false;
}
#else
#define IS_CALL is_call_aarch64
static bool is_call_aarch64(const unsigned char *end, const struct unwind_span *text)
{
	uint32_t code;

	if ((uint64_t)end - text->begin < sizeof code)
		return false;
	/* bl; blr, and its forms that check a signed address: Arm's manual, C4.1. */
	memcpy(&code, end - sizeof code, sizeof code);
	return code >> 26 == 0x25 || (code & 0xfefff000u) == 0xd63f0000u;
}
#endif

/*
 * On the main thread's stack there is stack up to its end, whatever the tables lead to. On others a
 * call must have led here, and not as the function's last instruction: then what is returned to
 * may be the next function's beginning, which nothing called from.
 */
static __attribute__((noinline)) bool may_step_out(const struct unwind_cursor *cursor)
{
	uint64_t map_start = (uint64_t)cursor->object.map_start,
		 map_end = (uint64_t)cursor->object.map_end;
	struct unwind_span text;

	if (cursor->exact || cursor->stack.end == main_stack_end)
		return true;
	text = module_segment(&cursor->object, cursor->pc - 1);
	/* What the loader has mapped is surer than what the file's headers say. */
	if (text.begin < map_start || text.end > map_end)
		return false;
	return text.begin < cursor->pc && cursor->pc <= text.end &&
	       cursor->pc != cursor->common.function_end &&
	       IS_CALL((const unsigned char *)cursor->pc, &text);
}

/* The frame outside of one that ended at `cfa`: on the same stack no frame may be of any size. */
static void stay_on_stack(struct unwind_cursor *cursor, uint64_t cfa)
{
	cursor->stack.end = stack_end(cfa, cfa + OTHER_FRAME_MOST);
}

/* What a signal interrupted may have been anywhere; a place that nobody knows is not read. */
static void change_stack(struct unwind_cursor *cursor, uint64_t sp)
{
	bool same = sp >= cursor->stack.begin && sp <= cursor->stack.end;

	cursor->stack.begin = (sp - RED_ZONE_BYTES) & ~7ull;
	cursor->stack.end = stack_end(sp, same ? sp + OTHER_FRAME_MOST : 0);
}

/* A return address may be the first byte after its function; the call is before it. */
static inline uint64_t look_up_pc(const struct unwind_cursor *cursor)
{
	return cursor->exact ? cursor->pc : cursor->pc - 1;
}

static bool find_cfa(struct unwind_cursor *cursor, uint64_t *cfa)
{
	const struct cfi_row *row = &cursor->row;

	cursor->base_slot = 0;
	cursor->by_callers_base = false;
	cursor->sure = !row->cfa_expression && row->cfa_register == UNWIND_SP;
	if (row->cfa_expression)
		return cfi_evaluate(row->cfa_expression, cursor->value, &cursor->stack, NULL,
				    &cursor->scratch, cfa);
	if (row->cfa_register >= UNWIND_REGISTERS)
		return false;
	if (row->cfa_register == UNWIND_FP) {
		cursor->base = cursor->value[UNWIND_FP];
		cursor->base_slot = cursor->fp_slot;
		cursor->by_callers_base = cursor->fp_slot == 0;
		cursor->sure = cursor->fp_slot != UNSAID;
	}
	*cfa = cursor->value[row->cfa_register] + (uint64_t)row->cfa_offset;
	return true;
}

/* What an expression of a row yields: it starts with the CFA. */
static bool unwind_evaluate(struct unwind_cursor *cursor, int64_t operand, uint64_t cfa,
			    uint64_t *value)
{
	return cfi_evaluate((const uint8_t *)cursor->tables.begin + operand, cursor->inner,
			    &cursor->stack, &cfa, &cursor->scratch, value);
}

/* The caller's register by one rule; `slot` is where it lies, 0 when in no memory. */
static bool unwind_recover(struct unwind_cursor *cursor, uint64_t cfa, int reg, uint64_t *slot)
{
	const uint64_t *from = cursor->inner;
	int32_t rule = cursor->row.rule[reg];
	int64_t operand = cfi_rule_value(rule);
	uint64_t *value = &cursor->value[reg];

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
		*value = (uint64_t)operand < UNWIND_REGISTERS ? from[operand] : 0;
		return (uint64_t)operand < UNWIND_REGISTERS;
	case CFI_VAL_EXPRESSION:
		return unwind_evaluate(cursor, operand, cfa, value);
	case CFI_OFFSET:
		*slot = cfa + (uint64_t)operand;
		break;
	case CFI_EXPRESSION:
		if (!unwind_evaluate(cursor, operand, cfa, slot))
			return false;
		break;
	}
	if (!unwind_may_read(&cursor->stack, *slot))
		return false;
	*value = *(const uint64_t *)*slot;
	return true;
}

static void find_module(struct unwind_cursor *cursor)
{
	uint64_t pc = look_up_pc(cursor), begin = (uint64_t)cursor->object.map_start;

	if (pc - begin < (uint64_t)cursor->object.map_end - begin)
		return; /* callers mostly are of the same file */
	cursor->known = find_object((void *)pc, &cursor->object) == 0;
	if (cursor->known)
		cursor->tables = module_segment(&cursor->object, (uint64_t)cursor->object.eh_frame);
	else
		cursor->object.map_start = cursor->object.map_end = NULL;
}

/* All registers as the caller has them; false when one that is needed cannot be had. */
static __attribute__((noinline)) bool recover_all(struct unwind_cursor *cursor, uint64_t cfa)
{
	const struct cfi_row *row = &cursor->row;
	uint64_t slot;

	for (int reg = 0; reg < UNWIND_REGISTERS; reg++)
		cursor->inner[reg] = cursor->value[reg];
	for (int reg = 0; reg < UNWIND_REGISTERS; reg++) {
		if (row->rule[reg] == CFI_SAME && reg != UNWIND_SP && reg != UNWIND_RETURN)
			continue;
		if (!unwind_recover(cursor, cfa, reg, &slot))
			return false;
		if (reg == UNWIND_RETURN)
			cursor->slot = slot;
		if (reg == UNWIND_FP && cfi_rule_kind(row->rule[reg]) != CFI_SAME)
			cursor->fp_slot = slot ? slot : UNSAID;
	}
	return true;
}

#if defined(__aarch64__)
/*
 * struct rt_sigframe, in words: where a signal's handler returns to, the kernel tells unwinders
 * nothing, for what it put there is to be recognised. Its first record of further registers is
 * known by a number; that of pc and sp stand before it.
 */
enum { SIGNAL_REGISTERS = 39, SIGNAL_SP = 70, SIGNAL_PC = 71, SIGNAL_MAGIC = 74, SIGNAL_WORDS };
#define FPSIMD_MAGIC 0x46508001u

#define LEAVE_SIGNAL_FRAME leave_signal_frame_aarch64
static bool leave_signal_frame_aarch64(struct unwind_cursor *cursor)
{
	uint64_t at = cursor->value[UNWIND_SP];
	const uint64_t *words = (const uint64_t *)at;

	if (at % 16 || at < cursor->stack.begin || at >= cursor->stack.end ||
	    cursor->stack.end - at < SIGNAL_WORDS * sizeof *words ||
	    (uint32_t)words[SIGNAL_MAGIC] != FPSIMD_MAGIC)
		return false;
	for (int reg = 0; reg < UNWIND_SP; reg++)
		cursor->value[reg] = words[SIGNAL_REGISTERS + reg];
	cursor->value[UNWIND_SP] = words[SIGNAL_SP];
	change_stack(cursor, words[SIGNAL_SP]);
	cursor->sure = false;
	cursor->fp_slot = UNSAID;
	cursor->slot = (uint64_t)&words[SIGNAL_PC];
	cursor->cfa = words[SIGNAL_SP];
	cursor->pc = words[SIGNAL_PC];
	cursor->exact = true;
	find_module(cursor);
	return true;
}

/* Older kernels do tell, but need not be believed. */
#define IS_SIGNAL_FRAME is_signal_frame_aarch64
static bool is_signal_frame_aarch64(const struct unwind_cursor *cursor)
{
	(void)cursor;
	return false;
}
#else
/* There libc says where the kernel put what. */
#define LEAVE_SIGNAL_FRAME leave_signal_frame_x86_64
static bool leave_signal_frame_x86_64(struct unwind_cursor *cursor)
{
	(void)cursor;
	return false;
}

/*
 * What a signal interrupted may be anywhere, so tables that speak of a signal are believed only of
 * the instructions that a handler returns to: mov $SYS_rt_sigreturn, %rax; syscall.
 */
#define IS_SIGNAL_FRAME is_signal_frame_x86_64
static bool is_signal_frame_x86_64(const struct unwind_cursor *cursor)
{
	static const unsigned char code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	struct unwind_span text = module_segment(&cursor->object, cursor->pc);

	return text.end - text.begin > sizeof code && cursor->pc <= text.end - sizeof code &&
	       memcmp((const void *)cursor->pc, code, sizeof code) == 0;
}
#endif

bool unwind_step(struct unwind_cursor *cursor)
{
	bool is_signal;
	uint64_t cfa;

	if (!cursor->known || !cursor->object.eh_frame ||
	    !cfi_find(cursor->object.eh_frame, &cursor->tables, look_up_pc(cursor), &cursor->common,
		      &cursor->row, &cursor->scratch))
		return LEAVE_SIGNAL_FRAME(cursor);
	is_signal = cursor->common.is_signal;
	if (is_signal && !IS_SIGNAL_FRAME(cursor))
		return LEAVE_SIGNAL_FRAME(cursor);
	if ((!is_signal && !may_step_out(cursor)) || !find_cfa(cursor, &cfa))
		return false;
	/* Only a signal frame may lead to another stack, only what a signal interrupted use none.
	 */
	if (cfa % sizeof cfa ||
	    (!is_signal && (cfa < cursor->cfa + !cursor->exact || cfa > cursor->stack.end)))
		return false;
	if (!recover_all(cursor, cfa))
		return false;
	cursor->sure &= !is_signal;
	if (is_signal)
		change_stack(cursor, cfa);
	else
		stay_on_stack(cursor, cfa);
	cursor->cfa = cfa;
	cursor->pc = unwind_strip(cursor->value[UNWIND_RETURN]);
	cursor->exact = is_signal;
	if (cursor->pc == 0 || cfi_rule_kind(cursor->row.rule[UNWIND_RETURN]) == CFI_UNDEFINED)
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
	cursor->known = false;
	cursor->common.at = 0;
	cursor->object.map_start = cursor->object.map_end = NULL;
	cursor->stack.begin = cursor->value[UNWIND_SP] - RED_ZONE_BYTES;
	stay_on_stack(cursor, cursor->value[UNWIND_SP]);
	find_module(cursor);
	for (int i = 0; i < NEAR_FRAMES && cursor->cfa < cfa; i++)
		if (!unwind_step(cursor))
			return false;
	cursor->fp_slot = 0;
	return cursor->cfa == cfa;
}
