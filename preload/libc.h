/* SPDX-License-Identifier: MIT */
/*
 * Look-ups in the tables of loaded libraries, without the loader's help: dlsym may find another
 * preload's function, crashes on start-up link maps, and dlopen runs libc's initialiser too early.
 * Start-up only.
 */
#ifndef MEMSHIM_LIBC_H
#define MEMSHIM_LIBC_H

#include <stdint.h>

struct link_map;

struct libc_symbol {
	char *address; /* null: not found */
	uint64_t size_bytes;
};

/* The loader's list of all that is loaded; null in a libc that has none. */
const struct link_map *libc_first_map(void);

/* The link map of the library whose file name starts with `prefix` ("libc.so.6", "ld-linux"). */
const struct link_map *libc_find_map(const char *prefix);

/* The default version of a symbol that `map` itself defines. */
struct libc_symbol libc_find_symbol(const struct link_map *map, const char *name);

/* Where in its file an address of `map` stands; 0 when in none of its segments. */
uint64_t libc_file_offset(const struct link_map *map, uint64_t address);

/* The code of `map`: its executable segments, first to last byte + 1; both 0 when not found. */
void libc_find_text(const struct link_map *map, uint64_t *begin, uint64_t *end);

#endif
