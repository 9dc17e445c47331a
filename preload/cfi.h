/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: what the tables of one module say of one address. DWARF 5, section 6.4,
 * and the Linux Standard Base's chapter on .eh_frame and .eh_frame_hdr.
 *
 * Reads a stranger's tables, which may be damaged: every read is bounded by the entry's own length,
 * and that by the segment. Any thread, any signal handler; no allocation.
 */
#ifndef MEMSHIM_CFI_H
#define MEMSHIM_CFI_H

#include <stdbool.h>
#include <stdint.h>

/* Registers by their DWARF numbers: the ABI's, "DWARF register number mapping". */
#if defined(__x86_64__)
enum { UNWIND_REGISTERS = 17, UNWIND_FP = 6, UNWIND_SP = 7, UNWIND_RETURN = 16 };
#else
enum { UNWIND_REGISTERS = 32, UNWIND_FP = 29, UNWIND_SP = 31, UNWIND_RETURN = 30 };
#endif

/* Memory that may be read: [begin, end). */
struct unwind_span {
	uint64_t begin, end;
};

/* Whether the word at `address` lies in memory that may be read. */
static inline bool unwind_may_read(const struct unwind_span *span, uint64_t address)
{
	return address % sizeof address == 0 && address >= span->begin && address < span->end;
}

enum cfi_kind {
	CFI_SAME,           /* the register still has the caller's value */
	CFI_UNDEFINED,      /* it is lost; for the return address: the outermost frame */
	CFI_OFFSET,         /* it lies at CFA + value */
	CFI_VAL_OFFSET,     /* it is CFA + value */
	CFI_REGISTER,       /* it is in register value */
	CFI_EXPRESSION,     /* it lies where the expression says */
	CFI_VAL_EXPRESSION, /* it is what the expression says */
};

/*
 * A rule in half a word, for rows lie on small stacks: kind in the lowest three bits, value above.
 * The value of an expression is where it begins, counted from the begin of `tables`.
 */
struct cfi_row {
	int32_t rule[UNWIND_REGISTERS];
	uint32_t cfa_register;
	int64_t cfa_offset;
	const uint8_t *cfa_expression; /* in the place of both, if not null */
};

enum { CFI_VALUE_MOST = (1 << 28) - 1 };

enum {
	CFI_REMEMBERED = 2,       /* rows; compilers nest no deeper */
	CFI_EXPRESSION_WORDS = 8, /* on an expression's own stack */
};

/* What is read one number after the other; see cfi_read.h. */
struct cfi_bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

/* A program under way; see cfi_program.c. */
struct cfi_run {
	struct cfi_bytes bytes;
	const struct cfi_common *common;
	struct cfi_row *row;
	struct cfi_row remembered[CFI_REMEMBERED];
	unsigned remembered_count;
	uint64_t tables; /* where they begin */
	uint64_t at, pc; /* the address that the row is for, and the one wanted */
};

/* An expression under way; see cfi_expression.c. */
struct cfi_evaluation {
	struct cfi_bytes bytes;
	const uint64_t *registers;
	const struct unwind_span *memory;
	uint64_t stack[CFI_EXPRESSION_WORDS];
	unsigned depth;
};

/* Working memory: too much for the stack of a signal handler. */
union cfi_scratch {
	struct cfi_run run;
	struct cfi_evaluation evaluation;
};

/* What a CIE says to the programs of its FDEs. */
struct cfi_common {
	uint64_t at; /* where it lies; 0: nowhere yet */
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal;        /* of signal frames: their caller's pc is no return address */
	uint64_t function_end; /* of the FDE that was found last */
	struct cfi_row row;    /* after its own program */
};

static inline enum cfi_kind cfi_rule_kind(int32_t rule)
{
	return (enum cfi_kind)(rule & 7);
}

static inline int64_t cfi_rule_value(int32_t rule)
{
	return rule >> 3;
}

/*
 * The row for `pc`, by the module's PT_GNU_EH_FRAME, which lies in `tables` with all that it leads
 * to; false when it has none or is not understood. `common` is read anew where another one is
 * needed.
 */
bool cfi_find(const uint8_t *eh_frame_hdr, const struct unwind_span *tables, uint64_t pc,
	      struct cfi_common *common, struct cfi_row *row, union cfi_scratch *scratch);

/*
 * The value of a DWARF expression of a row: `at` points to its length. It may read `stack`, and
 * starts with `start` on its own stack, if not null. False when it is not understood.
 */
bool cfi_evaluate(const uint8_t *at, const uint64_t *registers, const struct unwind_span *stack,
		  const uint64_t *start, union cfi_scratch *scratch, uint64_t *value);

#endif
