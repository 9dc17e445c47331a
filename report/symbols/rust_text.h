/* SPDX-License-Identifier: MIT */
/* Reads a mangled Rust name letter by letter and writes the demangled text. */
#ifndef MEMSHIM_SYMBOLS_RUST_TEXT_H
#define MEMSHIM_SYMBOLS_RUST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUST_BYTES_MOST 2048 /* of the demangled text */

struct rust {
	const char *begin, *at, *end; /* of the mangled name, after "_R" */
	char *out;
	size_t used;
	unsigned depth, steps, quiet;
	uint64_t bound; /* lifetimes of the binders around this part */
	bool bad;
};

struct rust_identifier {
	const char *text;
	size_t bytes;
	uint64_t number; /* tells apart identifiers of the same name */
	bool punycode;
};

/* These put nothing while `quiet` is not 0. Too much text sets `bad`. */
void rust_put_bytes(struct rust *r, const char *text, size_t bytes);
void rust_put(struct rust *r, const char *text);
void rust_put_number(struct rust *r, uint64_t number);
void rust_put_identifier(struct rust *r, const struct rust_identifier *name);

/* Returns the next letter. At the end, sets `bad`. */
char rust_next(struct rust *r);

/* Skips the next letter if it is the wanted one. */
bool rust_take(struct rust *r, char wanted);

/* A base 62 number that ends with "_": "_" alone is 0, digits are their value plus 1. */
uint64_t rust_read_base62(struct rust *r);

/* The number after `tag`, plus 1; 0 without the tag. */
uint64_t rust_read_optional(struct rust *r, char tag);

struct rust_identifier rust_read_identifier(struct rust *r);

#endif
