/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: what the unwind tables of one module say about one address. DWARF 5,
 * section 6.4, and the Linux Standard Base's chapter on .eh_frame and .eh_frame_hdr.
 *
 * The tables belong to the target and may be damaged: every read is bounded by the entry's length,
 * and the entry by the segment. Any thread, any signal handler. Allocates nothing.
 */
#ifndef MEMSHIM_CFI_H
#define MEMSHIM_CFI_H

#include <stdbool.h>
#include <stdint.h>

/* Registers by their DWARF numbers: see "DWARF register number mapping" in the ABI. */
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
	CFI_SAME,       /* the register still has the caller's value */
	CFI_UNDEFINED,  /* its value is lost; for the return address: this is the outermost frame */
	CFI_OFFSET,     /* saved at CFA + value */
	CFI_VAL_OFFSET, /* its value is CFA + value */
	CFI_REGISTER,   /* its value is in register `value` */
	CFI_EXPRESSION, /* saved at the address that the expression yields */
	CFI_VAL_EXPRESSION, /* its value is what the expression yields */
};

/*
 * A rule takes 32 bits, because rows lie on small stacks: the kind in the lowest three bits, the
 * value above. The value of an expression is its offset from the begin of `tables`.
 */
struct cfi_row {
	int32_t rule[UNWIND_REGISTERS];
	uint32_t cfa_register;
	int64_t cfa_offset;
	const uint8_t *cfa_expression; /* if not null, it replaces both */
};

enum { CFI_VALUE_MOST = (1 << 28) - 1 };

enum {
	CFI_REMEMBERED = 2,       /* rows; compilers do not nest deeper */
	CFI_EXPRESSION_WORDS = 8, /* on the stack of an expression */
};

/* A sequence of numbers to read: see cfi_read.h. */
struct cfi_bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

/* The state of a running program: see cfi_program.c. */
struct cfi_run {
	struct cfi_bytes bytes;
	const struct cfi_common *common;
	struct cfi_row *row;
	struct cfi_row remembered[CFI_REMEMBERED];
	unsigned remembered_count;
	uint64_t tables; /* the begin of the tables */
	uint64_t at, pc; /* the address that the row is for, and the address wanted */
};

/* The state of an evaluation: see cfi_expression.c. */
struct cfi_evaluation {
	struct cfi_bytes bytes;
	const uint64_t *registers;
	const struct unwind_span *memory;
	uint64_t stack[CFI_EXPRESSION_WORDS];
	unsigned depth;
};

/* Working memory: too large for the stack of a signal handler. */
union cfi_scratch {
	struct cfi_run run;
	struct cfi_evaluation evaluation;
};

/* What a CIE says about all its FDEs. */
struct cfi_common {
	uint64_t at; /* its address; 0: not read yet */
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal; /* its frames are signal frames: the caller's pc is no return address */
	uint64_t function_end; /* end of the FDE that was found last */
	struct cfi_row row;    /* the row after the CIE's own program */
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
 * Finds the row for `pc` by the module's PT_GNU_EH_FRAME. That lies in `tables`, with all that it
 * refers to. False when the module has none, or has one that this code does not understand.
 * `common` is read again if another CIE is needed.
 */
bool cfi_find(const uint8_t *eh_frame_hdr, const struct unwind_span *tables, uint64_t pc,
	      struct cfi_common *common, struct cfi_row *row, union cfi_scratch *scratch);

#endif
