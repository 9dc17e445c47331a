/* SPDX-License-Identifier: MIT */
/*
 * The unwind tables of a module are a sorted index (.eh_frame_hdr), frame description entries
 * (FDE), and the parts that several FDEs share (CIE). The index leads from an address to an FDE,
 * and the FDE to its CIE. Both contain programs that compute a row: where the caller's registers
 * are, relative to the canonical frame address (CFA).
 */
#include "cfi.h"

#include <stddef.h>
#include <string.h>

#include "cfi_program.h"
#include "cfi_read.h"

#define INDEX_ENCODING (CFI_PE_DATAREL | CFI_PE_SDATA4) /* no other can be searched */
#define ENTRY_BYTES_MOST (1u << 20)                     /* a longer entry is damaged */

/* The bytes from `at` to the end of `tables`; false when `at` lies outside. */
static bool cfi_begin_bytes(uint64_t at, const struct unwind_span *tables, struct cfi_bytes *bytes)
{
	*bytes = (struct cfi_bytes){(const uint8_t *)at, (const uint8_t *)tables->end, false};
	return at >= tables->begin && at < tables->end;
}

/* Begins an entry of .eh_frame; false at the terminator and for the 64-bit form. */
static bool cfi_begin_entry(uint64_t at, const struct unwind_span *tables, struct cfi_bytes *bytes)
{
	uint64_t length;

	if (!cfi_begin_bytes(at, tables, bytes))
		return false;
	length = cfi_read(bytes, 4);
	if (length == 0 || length > ENTRY_BYTES_MOST || length > (uint64_t)(bytes->end - bytes->at))
		return false;
	bytes->end = bytes->at + length;
	return true;
}

static bool cfi_read_augmentation(struct cfi_bytes *bytes, const uint8_t *letters,
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

/*
 * Seldom called: most functions share the CIE of the function before. Out of line, so that it takes
 * no stack of its caller.
 */
static __attribute__((noinline)) bool cfi_read_common(uint64_t at, const struct unwind_span *tables,
						      struct cfi_common *common,
						      union cfi_scratch *scratch)
{
	struct cfi_bytes *bytes = &scratch->run.bytes;
	const uint8_t *letters;
	uint8_t version;

	memset(common, 0, sizeof *common);
	if (!cfi_begin_entry(at, tables, bytes) || cfi_read(bytes, 4) != 0)
		return false;
	version = (uint8_t)cfi_read(bytes, 1);
	letters = bytes->at;
	while (cfi_read(bytes, 1) != 0)
		;
	if (version >= 4) /* sizes of an address and of a segment selector */
		cfi_read(bytes, 2);
	common->code_align = cfi_read_uleb(bytes);
	common->data_align = cfi_read_sleb(bytes);
	if ((version == 1 ? cfi_read(bytes, 1) : cfi_read_uleb(bytes)) != UNWIND_RETURN ||
	    bytes->bad || !cfi_read_augmentation(bytes, letters, common) ||
	    !cfi_run(&common->row, common, tables, scratch, 0, UINT64_MAX))
		return false;
	common->at = at;
	return true;
}

/* A row of the index: the begin of the code, and its FDE, both relative to the index. */
struct index_row {
	int32_t code, fde;
};

/* The FDE of the last address in the index that is not above pc; 0: pc is before all of them. */
static __attribute__((noinline)) uint64_t cfi_search(const uint8_t *hdr,
						     const struct unwind_span *tables, uint64_t pc)
{
	int64_t wanted = (int64_t)(pc - (uint64_t)hdr);
	uint64_t low = 0, high, room;
	struct cfi_bytes bytes;
	struct index_row row;
	int32_t code;

	if (!cfi_begin_bytes((uint64_t)hdr, tables, &bytes) || cfi_read(&bytes, 4) == 0 ||
	    bytes.bad || hdr[0] != 1 || hdr[2] == CFI_PE_OMIT || hdr[3] != INDEX_ENCODING)
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

/* Finds the CIE of the FDE. Reads it only if it is not the last one that was read. */
static __attribute__((noinline)) bool cfi_find_common(uint64_t fde,
						      const struct unwind_span *tables,
						      struct cfi_common *common,
						      union cfi_scratch *scratch)
{
	struct cfi_bytes *bytes = &scratch->run.bytes;
	uint64_t at;

	if (!cfi_begin_entry(fde, tables, bytes))
		return false;
	at = (uint64_t)bytes->at;
	at -= cfi_read(bytes, 4);
	return common->at == at || (cfi_read_common(at, tables, common, scratch) &&
				    cfi_begin_entry(fde, tables, bytes) && cfi_read(bytes, 4) != 0);
}

bool cfi_find(const uint8_t *eh_frame_hdr, const struct unwind_span *tables, uint64_t pc,
	      struct cfi_common *common, struct cfi_row *row, union cfi_scratch *scratch)
{
	struct cfi_bytes *bytes = &scratch->run.bytes;
	uint64_t fde = cfi_search(eh_frame_hdr, tables, pc), begin, length, skip;

	if (!fde || !cfi_find_common(fde, tables, common, scratch))
		return false;
	begin = cfi_read_pointer(bytes, common->pointer_encoding, 0);
	length = cfi_read_pointer(bytes, common->pointer_encoding & 0x0f, 0);
	skip = common->has_augmentation ? cfi_read_uleb(bytes) : 0;
	if (bytes->bad || skip > (uint64_t)(bytes->end - bytes->at) || pc - begin >= length)
		return false;
	bytes->at += skip;
	common->function_end = begin + length;
	*row = common->row;
	return cfi_run(row, common, tables, scratch, begin, pc);
}
