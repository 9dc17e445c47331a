/* SPDX-License-Identifier: MIT */
/*
 * Numbers as text, written directly into the output buffer. Each function returns the end of what
 * it wrote. The caller provides DIGITS_BYTES bytes: a function may write past the end that it
 * returns.
 */
#ifndef MEMSHIM_VIEW_DIGITS_H
#define MEMSHIM_VIEW_DIGITS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_WIDE 32u /* the most digits of a number, and the largest padded width */
#define DIGITS_BYTES 64u

/* Appends a string constant. */
#define DIGITS_TEXT(to, constant) digits_text(to, constant, sizeof(constant) - 1)
static inline char *digits_text(char *to, const char *text, size_t length)
{
	return (char *)memcpy(to, text, length) + length;
}

static inline unsigned digits_count(uint64_t number)
{
	static const uint64_t least[] = {0,
					 10,
					 100,
					 1000,
					 10000,
					 100000,
					 1000000,
					 10000000,
					 100000000,
					 1000000000,
					 10000000000,
					 100000000000,
					 1000000000000,
					 10000000000000,
					 100000000000000,
					 1000000000000000,
					 10000000000000000,
					 100000000000000000,
					 1000000000000000000,
					 10000000000000000000u};
	/* 1233 / 4096 is a little more than the logarithm of 2. */
	unsigned count = (unsigned)(64 - __builtin_clzll(number | 1)) * 1233 >> 12;

	return count + (number >= least[count]);
}

/* Writes two digits at a time, the last two first. */
static inline void digits_before(char *end, uint64_t number)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233"
		"34353637383940414243444546474849505152535455565758596061626364656667"
		"6869707172737475767778798081828384858687888990919293949596979899";

	for (; number >= 100; number /= 100) {
		end -= 2;
		memcpy(end, pairs + number % 100 * 2, 2);
	}
	if (number >= 10)
		memcpy(end - 2, pairs + number * 2, 2);
	else
		end[-1] = (char)('0' + number);
}

static inline char *digits_decimal(char *to, uint64_t number)
{
	char *end = to + digits_count(number);

	digits_before(end, number);
	return end;
}

/* Padded with `fill` on the left to `width` characters. */
static inline char *digits_wide(char *to, uint64_t number, unsigned width, char fill)
{
	unsigned count = digits_count(number);

	if (width > DIGITS_WIDE)
		width = DIGITS_WIDE;
	memset(to, fill, DIGITS_WIDE);
	to += width > count ? width : count;
	digits_before(to, number);
	return to;
}

/* Exactly nine digits of a number below 10^9, computed in parallel in one 64-bit word. */
static inline char *digits_nine(char *to, uint32_t number)
{
	uint64_t parts = number % 100000000, tens;

	*to = (char)('0' + number / 100000000);
	parts = parts / 10000 | parts % 10000 << 32;
	tens = parts * 5243 >> 19 & 0x0000007f0000007f; /* hundredths of up to 9999 */
	parts = tens | (parts - tens * 100) << 16;
	tens = parts * 103 >> 10 & 0x000f000f000f000f; /* tenths of up to 99 */
	parts = htole64((tens | (parts - tens * 10) << 8) + 0x3030303030303030);
	memcpy(to + 1, &parts, sizeof parts);
	return to + 9;
}

static inline char *digits_signed(char *to, int64_t number)
{
	*to = '-';
	return digits_decimal(to + (number < 0),
			      number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

/* Eight digits, the first in the lowest byte: spreads each half byte into a byte. */
static inline uint64_t digits_eight_hex(uint32_t number)
{
	uint64_t digits = number, letters;

	digits = (digits << 16 | digits) & 0x0000ffff0000ffff;
	digits = (digits << 8 | digits) & 0x00ff00ff00ff00ff;
	digits = (digits << 4 | digits) & 0x0f0f0f0f0f0f0f0f;
	letters = (digits + 0x0606060606060606) >> 4 & 0x0101010101010101;
	return htobe64(digits + 0x3030303030303030 + letters * ('a' - '0' - 10));
}

/* "0x1f". */
static inline char *digits_hex(char *to, uint64_t number)
{
	unsigned count = number ? (unsigned)(67 - __builtin_clzll(number)) / 4 : 1;
	uint64_t digits[2];

	number <<= 64 - count * 4;
	digits[0] = digits_eight_hex((uint32_t)(number >> 32));
	digits[1] = digits_eight_hex((uint32_t)number);
	memcpy(to, "0x", 2);
	memcpy(to + 2, digits, sizeof digits);
	return to + 2 + count;
}

#endif
