/* SPDX-License-Identifier: MIT */
/* Reads DWARF's numbers in sequence. Beyond the end it reads zeros and sets `bad`. */
#ifndef MEMSHIM_CFI_READ_H
#define MEMSHIM_CFI_READ_H

#include "cfi.h"

/* DW_EH_PE_*: the Linux Standard Base, "DWARF Exception Header Encoding". */
enum {
	CFI_PE_ABSOLUTE = 0x00,
	CFI_PE_UDATA2 = 0x02,
	CFI_PE_UDATA4 = 0x03,
	CFI_PE_UDATA8 = 0x04,
	CFI_PE_SDATA2 = 0x0a,
	CFI_PE_SDATA4 = 0x0b,
	CFI_PE_SDATA8 = 0x0c,
	CFI_PE_PCREL = 0x10,
	CFI_PE_DATAREL = 0x30,
	CFI_PE_INDIRECT = 0x80,
	CFI_PE_OMIT = 0xff,
};

/* An unaligned little-endian number of 1, 2, 4 or 8 bytes. */
static inline uint64_t cfi_read(struct cfi_bytes *bytes, unsigned size)
{
	uint64_t value = 0;

	if ((uint64_t)(bytes->end - bytes->at) < size) {
		bytes->bad = true;
		bytes->at = bytes->end;
		return 0;
	}
	__builtin_memcpy(&value, bytes->at, size);
	bytes->at += size;
	return value;
}

static inline int64_t cfi_read_signed(struct cfi_bytes *bytes, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (int64_t)(cfi_read(bytes, size) << shift) >> shift;
}

static inline uint64_t cfi_read_uleb(struct cfi_bytes *bytes)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = cfi_read(bytes, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

static inline int64_t cfi_read_sleb(struct cfi_bytes *bytes)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = cfi_read(bytes, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		value |= ~0ull << shift;
	return (int64_t)value;
}

/* A pointer in one of the encodings that linkers write. DATAREL is relative to `data`. */
static inline uint64_t cfi_read_pointer(struct cfi_bytes *bytes, uint8_t encoding, uint64_t data)
{
	uint64_t here = (uint64_t)bytes->at, value;

	switch (encoding & 0x0f) {
	case CFI_PE_ABSOLUTE:
	case CFI_PE_UDATA8:
	case CFI_PE_SDATA8:
		value = cfi_read(bytes, 8);
		break;
	case CFI_PE_UDATA4:
		value = cfi_read(bytes, 4);
		break;
	case CFI_PE_SDATA4:
		value = (uint64_t)cfi_read_signed(bytes, 4);
		break;
	case CFI_PE_UDATA2:
		value = cfi_read(bytes, 2);
		break;
	case CFI_PE_SDATA2:
		value = (uint64_t)cfi_read_signed(bytes, 2);
		break;
	default:
		bytes->bad = true;
		return 0;
	}
	if ((encoding & 0x70) == CFI_PE_PCREL)
		value += here;
	else if ((encoding & 0x70) == CFI_PE_DATAREL)
		value += data;
	else if (encoding & 0x70)
		bytes->bad = true;
	return value;
}

#endif
