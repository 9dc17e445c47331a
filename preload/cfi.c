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
#define ENTRY_BYTES_MOST (1u << 20)                     /* what is longer is damaged */

/* What lies between `at` and the end of `tables`; false when `at` is not in there. */
static bool begin_bytes(uint64_t at, const struct unwind_span *tables, struct cfi_bytes *bytes)
{
	*bytes = (struct cfi_bytes){(const uint8_t *)at, (const uint8_t *)tables->end, false};
	return at >= tables->begin && at < tables->end;
}

/* Begins an entry of .eh_frame; false at the terminator and for the 64-bit form. */
static bool begin_entry(uint64_t at, const struct unwind_span *tables, struct cfi_bytes *bytes)
{
	uint64_t length;

	if (!begin_bytes(at, tables, bytes))
		return false;
	length = cfi_read(bytes, 4);
	if (length == 0 || length > ENTRY_BYTES_MOST || length > (uint64_t)(bytes->end - bytes->at))
		return false;
	bytes->end = bytes->at + length;
	return true;
}

static bool read_augmentation(struct cfi_bytes *bytes, const uint8_t *letters,
			      struct cfi_common *common)
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

static bool read_common(uint64_t at, const struct unwind_span *tables, struct cfi_common *common)
{
	struct cfi_bytes bytes;
	const uint8_t *letters;
	uint8_t version;

	*common = (struct cfi_common){0};
	if (!begin_entry(at, tables, &bytes) || cfi_read(&bytes, 4) != 0)
		return false;
	version = (uint8_t)cfi_read(&bytes, 1);
	letters = bytes.at;
	while (cfi_read(&bytes, 1) != 0)
		;
	if (version >= 4) /* sizes of an address and of a segment selector */
		cfi_read(&bytes, 2);
	common->code_align = cfi_read_uleb(&bytes);
	common->data_align = cfi_read_sleb(&bytes);
	if ((version == 1 ? cfi_read(&bytes, 1) : cfi_read_uleb(&bytes)) != UNWIND_RETURN ||
	    bytes.bad || !read_augmentation(&bytes, letters, common) ||
	    !cfi_run(&common->row, common, tables, bytes, 0, UINT64_MAX))
		return false;
	common->at = at;
	return true;
}

/* A row of the index: where its code begins, and its FDE, both counted from the index. */
struct index_row {
	int32_t code, fde;
};

/* Where the FDE of the last address in the index that is not above pc lies; 0: pc is before all. */
static uint64_t search(const uint8_t *hdr, const struct unwind_span *tables, uint64_t pc)
{
	int64_t wanted = (int64_t)(pc - (uint64_t)hdr);
	uint64_t low = 0, high, room;
	struct cfi_bytes bytes;
	struct index_row row;
	int32_t code;

	if (!begin_bytes((uint64_t)hdr, tables, &bytes) || cfi_read(&bytes, 4) == 0 || bytes.bad ||
	    hdr[0] != 1 || hdr[2] == CFI_PE_OMIT || hdr[3] != INDEX_ENCODING)
		return 0;
	cfi_read_pointer(&bytes, hdr[1], (uint64_t)hdr);
	high = cfi_read_pointer(&bytes, hdr[2], (uint64_t)hdr);
	room = (uint64_t)(bytes.end - bytes.at) / sizeof row;
	if (bytes.bad || high > room)
		return 0;
	while (low < high) {
		uint64_t middle = (low + high) / 2;

		__builtin_memcpy(&code, bytes.at + middle * sizeof row, sizeof code);
		if (code <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	__builtin_memcpy(&row, bytes.at + (low - 1) * sizeof row, sizeof row);
	return (uint64_t)hdr + (uint64_t)(int64_t)row.fde;
}

/* The FDE's own part of it: the code that it is for, and its program in `bytes`. */
static bool read_entry(uint64_t fde, const struct unwind_span *tables, struct cfi_common *common,
		       struct cfi_bytes *bytes, struct unwind_span *code)
{
	uint64_t at, skip;

	if (!begin_entry(fde, tables, bytes))
		return false;
	skip = cfi_read(bytes, 4);
	at = (uint64_t)bytes->at - 4 - skip;
	if (common->at != at && !read_common(at, tables, common))
		return false;
	code->begin = cfi_read_pointer(bytes, common->pointer_encoding, 0);
	code->end = code->begin + cfi_read_pointer(bytes, common->pointer_encoding & 0x0f, 0);
	skip = common->has_augmentation ? cfi_read_uleb(bytes) : 0;
	if (bytes->bad || skip > (uint64_t)(bytes->end - bytes->at))
		return false;
	bytes->at += skip;
	return true;
}

bool cfi_find(const uint8_t *eh_frame_hdr, const struct unwind_span *tables, uint64_t pc,
	      struct cfi_common *common, struct cfi_row *row)
{
	uint64_t fde = search(eh_frame_hdr, tables, pc);
	struct unwind_span code;
	struct cfi_bytes bytes;

	if (!fde || !read_entry(fde, tables, common, &bytes, &code) ||
	    pc - code.begin >= code.end - code.begin)
		return false;
	common->function_end = code.end;
	*row = common->row;
	return cfi_run(row, common, tables, bytes, code.begin, pc);
}
