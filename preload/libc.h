/* SPDX-License-Identifier: MIT */
/*
 * Searches the tables of loaded libraries without the loader's functions: dlsym may find the
 * function of another preloaded library and crashes on start-up link maps, and dlopen runs libc's
 * initialiser too early. Start-up only.
 */
#ifndef MEMSHIM_LIBC_H
#define MEMSHIM_LIBC_H

#include <stdint.h>

struct link_map;

struct libc_symbol {
	char *address; /* null: not found */
	uint64_t size_bytes;
};

/* The loader's list of loaded files; null in a libc that has none. */
const struct link_map *libc_first_map(void);

/* The link map of the library whose file name starts with `prefix` ("libc.so.6", "ld-linux"). */
const struct link_map *libc_find_map(const char *prefix);

/* Finds the default version of a symbol that `map` itself defines. */
struct libc_symbol libc_find_symbol(const struct link_map *map, const char *name);

/* The offset in its file of an address of `map`; 0 when it is in none of its segments. */
uint64_t libc_file_offset(const struct link_map *map, uint64_t address);

/*
 * The code of `map`: its executable segments, from the first byte to the last + 1. Both are 0 when
 * not found.
 */
void libc_find_text(const struct link_map *map, uint64_t *begin, uint64_t *end);

#endif
