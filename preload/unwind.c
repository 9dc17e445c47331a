/* SPDX-License-Identifier: MIT */
/*
 * One step: the row of the tables for this pc gives the canonical frame address, and where the
 * caller's registers and pc were saved below it. A step only ever leads outwards, to higher
 * addresses; any other step is refused.
 */
#include "unwind.h"

#include <stddef.h>
#include <string.h>

#include "cfi_expression.h"
#include "module.h"
#include "thread.h"

#define NEAR_FRAMES 8       /* frames between a hook and unwind_begin: never more than three */
#define RED_ZONE_BYTES 128u /* bytes below the stack pointer that are in use */
#define MAIN_STACK_MOST (128ull << 20) /* the kernel maps nothing else so near to its end */
#define THREAD_STACK_MOST (64ull << 20)
#define OTHER_FRAME_MOST (1ull << 20)
#define NOT_IN_MEMORY 1u /* the frame pointer is in no memory that could be compared */

static int (*find_object)(void *pc, struct unwind_object *result);
static uint64_t main_stack_end;

bool unwind_set_up(int (*find)(void *pc, struct unwind_object *result), uint64_t stack_end)
{
	find_object = find;
	main_stack_end = stack_end;
	return find != NULL;
}

/*
 * The outer end of the stack that `sp` lies on: the end of the main thread's stack, or the thread's
 * descriptor, which libc places at the end of every other one. The end of a stack that the program
 * created itself (coroutines, signals) is not known: then `otherwise`.
 */
static uint64_t unwind_stack_end(uint64_t sp, uint64_t otherwise)
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
	return unwind_stack_end(sp, sp) - sp;
}

bool unwind_can_read(uint64_t sp, uint64_t address, uint64_t bytes)
{
	uint64_t end = unwind_stack_end(sp, sp);
	struct unwind_object object;
	struct unwind_span segment;

	if (address >= sp && address < end)
		return bytes <= end - address;
	if (!find_object || find_object((void *)address, &object) != 0)
		return false;
	segment = module_segment(&object, address);
	return address >= segment.begin && address < segment.end && bytes <= segment.end - address;
}

/*
 * Whether the instruction before a return address is a call. On a stack that a program built
 * itself, the outermost return address may follow no call: it may be the address of a function to
 * end in. The tables of such a frame lead out of the stack.
 */
#if defined(__x86_64__)
/* Intel's manual, CALL and table 2-2: ff /2, and the bytes of the operand's address. */
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
	/* bl; blr, and the forms that check a signed address: Arm's manual, C4.1. */
	memcpy(&code, end - sizeof code, sizeof code);
	return code >> 26 == 0x25 || (code & 0xfefff000u) == 0xd63f0000u;
}
#endif

/*
 * Whether the walk may leave this frame. The end of the main thread's stack is known, wherever the
 * tables lead. On other stacks, a call must precede the return address, and must not be the last
 * instruction of its function: otherwise the address may be the begin of the next function, which
 * nothing called.
 */
static __attribute__((noinline)) bool unwind_may_step_out(const struct unwind_cursor *cursor)
{
	uint64_t map_start = (uint64_t)cursor->object.map_start,
		 map_end = (uint64_t)cursor->object.map_end;
	struct unwind_span text;

	if (cursor->exact || cursor->stack.end == main_stack_end)
		return true;
	text = module_segment(&cursor->object, cursor->pc - 1);
	/* The loader's map is more reliable than the file's headers. */
	if (text.begin < map_start || text.end > map_end)
		return false;
	return text.begin < cursor->pc && cursor->pc <= text.end &&
	       cursor->pc != cursor->common.function_end &&
	       IS_CALL((const unsigned char *)cursor->pc, &text);
}

/*
 * Bounds the frame outside of the one that ended at `cfa`: on the same stack, a frame has a largest
 * size.
 */
static void unwind_stay_on_stack(struct unwind_cursor *cursor, uint64_t cfa)
{
	cursor->stack.end = unwind_stack_end(cfa, cfa + OTHER_FRAME_MOST);
}

/* Code that a signal interrupted may run on any stack. Memory of an unknown stack is not read. */
static void unwind_change_stack(struct unwind_cursor *cursor, uint64_t sp)
{
	bool same = sp >= cursor->stack.begin && sp <= cursor->stack.end;

	cursor->stack.begin = (sp - RED_ZONE_BYTES) & ~7ull;
	cursor->stack.end = unwind_stack_end(sp, same ? sp + OTHER_FRAME_MOST : 0);
}

/* A return address may be the first byte after its function: search for the call before it. */
static inline uint64_t unwind_look_up_pc(const struct unwind_cursor *cursor)
{
	return cursor->exact ? cursor->pc : cursor->pc - 1;
}

static bool unwind_find_cfa(struct unwind_cursor *cursor, uint64_t *cfa)
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
		cursor->sure = cursor->fp_slot != NOT_IN_MEMORY;
	}
	*cfa = cursor->value[row->cfa_register] + (uint64_t)row->cfa_offset;
	return true;
}

/* Evaluates an expression of a row; the CFA is pushed first. */
static bool unwind_evaluate(struct unwind_cursor *cursor, int64_t operand, uint64_t cfa,
			    uint64_t *value)
{
	return cfi_evaluate((const uint8_t *)cursor->tables.begin + operand, cursor->inner,
			    &cursor->stack, &cfa, &cursor->scratch, value);
}

/*
 * The caller's value of one register, by its rule. `slot` is the address where it was saved; 0: not
 * in memory.
 */
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

static void unwind_find_module(struct unwind_cursor *cursor)
{
	uint64_t pc = unwind_look_up_pc(cursor), begin = (uint64_t)cursor->object.map_start;

	if (pc - begin < (uint64_t)cursor->object.map_end - begin)
		return; /* most callers are in the same file */
	cursor->known = find_object((void *)pc, &cursor->object) == 0;
	if (cursor->known)
		cursor->tables = module_segment(&cursor->object, (uint64_t)cursor->object.eh_frame);
	else
		cursor->object.map_start = cursor->object.map_end = NULL;
}

/* Restores the caller's registers; false when a register that is needed cannot be restored. */
static __attribute__((noinline)) bool unwind_recover_all(struct unwind_cursor *cursor, uint64_t cfa)
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
			cursor->fp_slot = slot ? slot : NOT_IN_MEMORY;
	}
	return true;
}

#if defined(__aarch64__)
/*
 * struct rt_sigframe, in 64-bit words. The kernel gives unwinders no table for the address that a
 * signal's handler returns to, so the frame that it built must be recognised. The first record of
 * further registers begins with a known number; pc and sp stand before it.
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
	unwind_change_stack(cursor, words[SIGNAL_SP]);
	cursor->sure = false;
	cursor->fp_slot = NOT_IN_MEMORY;
	cursor->slot = (uint64_t)&words[SIGNAL_PC];
	cursor->cfa = words[SIGNAL_SP];
	cursor->pc = words[SIGNAL_PC];
	cursor->exact = true;
	unwind_find_module(cursor);
	return true;
}

/* Older kernels have a table, which is not used. */
#define IS_SIGNAL_FRAME is_signal_frame_aarch64
static bool is_signal_frame_aarch64(const struct unwind_cursor *cursor)
{
	(void)cursor;
	return false;
}
#else
/* On x86-64, libc's tables describe the frame. */
#define LEAVE_SIGNAL_FRAME leave_signal_frame_x86_64
static bool leave_signal_frame_x86_64(struct unwind_cursor *cursor)
{
	(void)cursor;
	return false;
}

/*
 * A signal may interrupt code anywhere. So tables of a signal frame are trusted only for the
 * instructions that a handler returns to: mov $SYS_rt_sigreturn, %rax; syscall.
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
	    !cfi_find(cursor->object.eh_frame, &cursor->tables, unwind_look_up_pc(cursor),
		      &cursor->common, &cursor->row, &cursor->scratch))
		return LEAVE_SIGNAL_FRAME(cursor);
	is_signal = cursor->common.is_signal;
	if (is_signal && !IS_SIGNAL_FRAME(cursor))
		return LEAVE_SIGNAL_FRAME(cursor);
	if ((!is_signal && !unwind_may_step_out(cursor)) || !unwind_find_cfa(cursor, &cfa))
		return false;
	/* Only a signal frame may lead to another stack. Only interrupted code may use no stack. */
	if (cfa % sizeof cfa ||
	    (!is_signal && (cfa < cursor->cfa + !cursor->exact || cfa > cursor->stack.end)))
		return false;
	if (!unwind_recover_all(cursor, cfa))
		return false;
	cursor->sure &= !is_signal;
	if (is_signal)
		unwind_change_stack(cursor, cfa);
	else
		unwind_stay_on_stack(cursor, cfa);
	cursor->cfa = cfa;
	cursor->pc = unwind_strip(cursor->value[UNWIND_RETURN]);
	cursor->exact = is_signal;
	if (cursor->pc == 0 || cfi_rule_kind(cursor->row.rule[UNWIND_RETURN]) == CFI_UNDEFINED)
		return false;
	unwind_find_module(cursor);
	return true;
}

/* The registers that a callee preserves, and the pc here. */
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
	unwind_stay_on_stack(cursor, cursor->value[UNWIND_SP]);
	unwind_find_module(cursor);
	for (int i = 0; i < NEAR_FRAMES && cursor->cfa < cfa; i++)
		if (!unwind_step(cursor))
			return false;
	cursor->fp_slot = 0;
	return cursor->cfa == cfa;
}
