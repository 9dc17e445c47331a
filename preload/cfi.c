/* SPDX-License-Identifier: MIT */
/*
 * A module's tables are a sorted index (.eh_frame_hdr), which leads from an address to a frame
 * description entry (FDE), and that to what it has in common with others (CIE). Both hold programs
 * that build a row: where the caller's registers are, seen from the canonical frame address (CFA).
 */
#include "cfi.h"

#include <stddef.h>

#include "cfi_read.h"

#define INDEX_ENCODING (CFI_PE_DATAREL | CFI_PE_SDATA4) /* the one that can be searched */
#define REMEMBERED 2                                    /* rows; compilers nest no deeper */

/* What a CIE says to the programs of its FDEs. */
struct common {
	const uint8_t *program, *program_end;
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	uint8_t return_register;
	bool has_augmentation;
	bool is_signal;
};

/* A program under way. */
struct run {
	struct cfi_bytes bytes;
	const struct common *common;
	struct cfi_row *row;
	struct cfi_row initial; /* after the CIE's program */
	struct cfi_row remembered[REMEMBERED];
	unsigned remembered_count;
	uint64_t at, pc; /* the address that the row is for, and the one wanted */
};

static inline int64_t rule(enum cfi_kind kind, int64_t value)
{
	return (int64_t)((uint64_t)value << 3) | kind;
}

/* Begins an entry of .eh_frame; false at the terminator and for the 64-bit form. */
static bool begin_entry(const uint8_t *at, struct cfi_bytes *bytes)
{
	struct cfi_bytes length_bytes = {at, at + 4, false};
	uint32_t length = (uint32_t)cfi_read(&length_bytes, 4);

	*bytes = (struct cfi_bytes){at + 4, at + 4 + length, false};
	return length != 0 && length != 0xffffffffu;
}

static bool read_augmentation(struct cfi_bytes *bytes, const uint8_t *letters,
			      struct common *common)
{
	uint64_t length;
	const uint8_t *end;

	common->pointer_encoding = CFI_PE_ABSOLUTE;
	if (*letters == '\0')
		return true;
	if (*letters++ != 'z')
		return false;
	common->has_augmentation = true;
	length = cfi_read_uleb(bytes);
	if (length > (uint64_t)(bytes->end - bytes->at))
		return false;
	end = bytes->at + length;
	for (; *letters; letters++) {
		if (*letters == 'R')
			common->pointer_encoding = (uint8_t)cfi_read(bytes, 1);
		else if (*letters == 'P')
			cfi_read_pointer(bytes, (uint8_t)cfi_read(bytes, 1) & 0x7f, 0);
		else if (*letters == 'L')
			cfi_read(bytes, 1);
		else if (*letters == 'S')
			common->is_signal = true;
	}
	bytes->at = end;
	return !bytes->bad;
}

static bool read_common(const uint8_t *at, struct common *common)
{
	struct cfi_bytes bytes;
	const uint8_t *letters;
	uint8_t version;

	*common = (struct common){0};
	if (!begin_entry(at, &bytes) || cfi_read(&bytes, 4) != 0)
		return false;
	version = (uint8_t)cfi_read(&bytes, 1);
	letters = bytes.at;
	while (cfi_read(&bytes, 1) != 0)
		;
	if (version >= 4) /* sizes of an address and of a segment selector */
		cfi_read(&bytes, 2);
	common->code_align = cfi_read_uleb(&bytes);
	common->data_align = cfi_read_sleb(&bytes);
	common->return_register = (uint8_t)(version == 1 ? cfi_read(&bytes, 1)
							 : cfi_read_uleb(&bytes));
	if (bytes.bad || !read_augmentation(&bytes, letters, common))
		return false;
	common->program = bytes.at;
	common->program_end = bytes.end;
	return !bytes.bad && common->return_register == UNWIND_RETURN;
}

static void set(struct run *run, uint64_t reg, int64_t value)
{
	if (reg < UNWIND_REGISTERS)
		run->row->rule[reg] = value;
}

static void set_offset(struct run *run, uint64_t reg, enum cfi_kind kind, int64_t factored)
{
	set(run, reg, rule(kind, factored * run->common->data_align));
}

static void set_expression(struct run *run, uint64_t reg, enum cfi_kind kind)
{
	uint64_t length;
	const uint8_t *at = run->bytes.at;

	set(run, reg, rule(kind, (int64_t)at));
	length = cfi_read_uleb(&run->bytes);
	if (length > (uint64_t)(run->bytes.end - run->bytes.at))
		run->bytes.bad = true;
	else
		run->bytes.at += length;
}

static void set_cfa(struct run *run, uint64_t reg, int64_t offset)
{
	run->row->cfa_register = reg;
	run->row->cfa_offset = offset;
	run->row->cfa_expression = NULL;
}

static void restore(struct run *run, uint64_t reg)
{
	if (reg < UNWIND_REGISTERS)
		run->row->rule[reg] = run->initial.rule[reg];
}

static void remember(struct run *run)
{
	if (run->remembered_count == REMEMBERED)
		run->bytes.bad = true;
	else
		run->remembered[run->remembered_count++] = *run->row;
}

static void recall(struct run *run)
{
	if (run->remembered_count == 0)
		run->bytes.bad = true;
	else
		*run->row = run->remembered[--run->remembered_count];
}

static void set_cfa_expression(struct run *run)
{
	run->row->cfa_expression = run->bytes.at;
	set_expression(run, UNWIND_REGISTERS, CFI_SAME);
}

/* The instructions that name the CFA, by their numbers in the standard. */
static bool do_cfa(struct run *run, uint8_t code)
{
	struct cfi_bytes *b = &run->bytes;
	uint64_t reg;

	switch (code) {
	case 0x0c: /* DW_CFA_def_cfa */
		reg = cfi_read_uleb(b);
		set_cfa(run, reg, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x0d: /* DW_CFA_def_cfa_register */
		set_cfa(run, cfi_read_uleb(b), run->row->cfa_offset);
		return true;
	case 0x0e: /* DW_CFA_def_cfa_offset */
		set_cfa(run, run->row->cfa_register, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x0f: /* DW_CFA_def_cfa_expression */
		set_cfa_expression(run);
		return true;
	case 0x12: /* DW_CFA_def_cfa_sf */
		reg = cfi_read_uleb(b);
		set_cfa(run, reg, cfi_read_sleb(b) * run->common->data_align);
		return true;
	case 0x13: /* DW_CFA_def_cfa_offset_sf */
		set_cfa(run, run->row->cfa_register, cfi_read_sleb(b) * run->common->data_align);
		return true;
	default:
		return false;
	}
}

/* The instructions that say where a register is. */
static bool do_register(struct run *run, uint8_t code)
{
	struct cfi_bytes *b = &run->bytes;
	uint64_t reg = cfi_read_uleb(b);

	switch (code) {
	case 0x05: /* DW_CFA_offset_extended */
		set_offset(run, reg, CFI_OFFSET, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x06: /* DW_CFA_restore_extended */
		restore(run, reg);
		return true;
	case 0x07: /* DW_CFA_undefined */
		set(run, reg, rule(CFI_UNDEFINED, 0));
		return true;
	case 0x08: /* DW_CFA_same_value */
		set(run, reg, rule(CFI_SAME, 0));
		return true;
	case 0x09: /* DW_CFA_register */
		set(run, reg, rule(CFI_REGISTER, (int64_t)cfi_read_uleb(b)));
		return true;
	case 0x10: /* DW_CFA_expression */
		set_expression(run, reg, CFI_EXPRESSION);
		return true;
	case 0x11: /* DW_CFA_offset_extended_sf */
		set_offset(run, reg, CFI_OFFSET, cfi_read_sleb(b));
		return true;
	case 0x14: /* DW_CFA_val_offset */
		set_offset(run, reg, CFI_VAL_OFFSET, (int64_t)cfi_read_uleb(b));
		return true;
	case 0x15: /* DW_CFA_val_offset_sf */
		set_offset(run, reg, CFI_VAL_OFFSET, cfi_read_sleb(b));
		return true;
	case 0x16: /* DW_CFA_val_expression */
		set_expression(run, reg, CFI_VAL_EXPRESSION);
		return true;
	default:
		return false;
	}
}

/* The others. False: not known, and with it everything that follows. */
static bool do_other(struct run *run, uint8_t code)
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
		remember(run);
		return true;
	case 0x0b: /* DW_CFA_restore_state */
		recall(run);
		return true;
	case 0x2e: /* DW_CFA_GNU_args_size */
		cfi_read_uleb(b);
		return true;
	default:
		return do_cfa(run, code) || do_register(run, code);
	}
}

/* Runs a program up to the wanted address. */
static bool run_program(struct run *run, const uint8_t *program, const uint8_t *end)
{
	run->bytes = (struct cfi_bytes){program, end, false};
	while (run->bytes.at < end && run->at <= run->pc) {
		uint8_t code = (uint8_t)cfi_read(&run->bytes, 1);
		uint8_t operand = code & 0x3f;

		if (code >> 6 == 1) /* DW_CFA_advance_loc */
			run->at += operand * run->common->code_align;
		else if (code >> 6 == 2) /* DW_CFA_offset */
			set_offset(run, operand, CFI_OFFSET, (int64_t)cfi_read_uleb(&run->bytes));
		else if (code >> 6 == 3) /* DW_CFA_restore */
			restore(run, operand);
		else if (!do_other(run, operand))
			return false;
		if (run->bytes.bad)
			return false;
	}
	return true;
}

/* The FDE of the last address in the index that is not above pc; null when pc is before all. */
static const uint8_t *search(const uint8_t *hdr, uint64_t pc)
{
	struct cfi_bytes bytes = {hdr + 4, hdr + 20, false};
	int64_t wanted = (int64_t)(pc - (uint64_t)hdr);
	uint64_t low = 0, high;
	const uint8_t *table;

	if (hdr[0] != 1 || hdr[2] == CFI_PE_OMIT || hdr[3] != INDEX_ENCODING)
		return NULL;
	cfi_read_pointer(&bytes, hdr[1], (uint64_t)hdr);
	high = cfi_read_pointer(&bytes, hdr[2], (uint64_t)hdr);
	table = bytes.at;
	if (bytes.bad)
		return NULL;
	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (((const int32_t *)table)[2 * middle] <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : hdr + ((const int32_t *)table)[2 * low - 1];
}

bool cfi_find(const uint8_t *eh_frame_hdr, uint64_t pc, struct cfi_entry *entry)
{
	const uint8_t *fde = search(eh_frame_hdr, pc);
	struct cfi_bytes bytes;
	struct common common;
	struct run run;
	uint64_t begin, range, skip;

	if (!fde || !begin_entry(fde, &bytes))
		return false;
	skip = cfi_read(&bytes, 4);
	if (!read_common(bytes.at - 4 - skip, &common))
		return false;
	begin = cfi_read_pointer(&bytes, common.pointer_encoding, 0);
	range = cfi_read_pointer(&bytes, common.pointer_encoding & 0x0f, 0);
	skip = common.has_augmentation ? cfi_read_uleb(&bytes) : 0;
	if (bytes.bad || skip > (uint64_t)(bytes.end - bytes.at) || pc - begin >= range)
		return false;
	bytes.at += skip;
	for (int i = 0; i < UNWIND_REGISTERS; i++)
		entry->row.rule[i] = 0;
	run.row = &entry->row;
	set_cfa(&run, 0, 0);
	run.common = &common;
	run.remembered_count = 0;
	run.pc = pc;
	run.at = 0;
	if (!run_program(&run, common.program, common.program_end))
		return false;
	run.initial = entry->row;
	run.at = begin;
	entry->return_register = common.return_register;
	entry->is_signal = common.is_signal;
	return run_program(&run, bytes.at, bytes.end);
}
