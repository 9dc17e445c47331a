/* SPDX-License-Identifier: MIT */
/* A mangled Rust name while it is read, letter by letter, and what comes out. */
#ifndef MEMSHIM_RUST_TEXT_H
#define MEMSHIM_RUST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUST_BYTES_MOST 2048 /* of what comes out */

struct rust {
	const char *begin, *at, *end; /* after "_R" */
	char *out;
	size_t used;
	unsigned depth, steps, quiet;
	uint64_t bound; /* lifetimes that are bound around here */
	bool bad;
};

struct rust_identifier {
	const char *text;
	size_t bytes;
	uint64_t number; /* which of those of the same name */
	bool punycode;
};

/* Nothing comes out while something is skipped; too much of it is bad. */
void rust_put_bytes(struct rust *r, const char *text, size_t bytes);
void rust_put(struct rust *r, const char *text);
void rust_put_number(struct rust *r, uint64_t number);
void rust_put_identifier(struct rust *r, const struct rust_identifier *name);

/* The next letter; past the end it is bad. */
char rust_next(struct rust *r);

/* Goes over the next letter if it is that one. */
bool rust_take(struct rust *r, char wanted);

/* Base 62 up to "_": none is 0, else one more than the digits say. */
uint64_t rust_read_base62(struct rust *r);

/* The same after `tag`, and one more; 0 without the tag. */
uint64_t rust_read_optional(struct rust *r, char tag);

struct rust_identifier rust_read_identifier(struct rust *r);

#endif
