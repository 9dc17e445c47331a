/* SPDX-License-Identifier: MIT */
/*
 * The cache keeps names of large files in ~/.cache/memshim (or $XDG_CACHE_HOME/memshim) for the
 * next report. It has one text file for each build id, which is valid while the file that the names
 * come from has the same path, size and mtime. Without a usable folder, every report finds the
 * names itself.
 */
#ifndef MEMSHIM_SYMBOLS_CACHE_H
#define MEMSHIM_SYMBOLS_CACHE_H

#include "report/symbols/symbols.h"

struct cache;

/*
 * `source` is the file with the names. Returns null when `source` is small, since its names are
 * found quickly; when the module has no build id; and when there is no usable folder.
 */
struct cache *cache_open(const struct module_facts *module, const char *source);

/* Returns the number of places of an address, or -1: not in the cache. The cache owns the text. */
int cache_find(const struct cache *cache, uint64_t offset, bool exact,
	       struct frame_place places[FRAME_PLACES_MAX]);

void cache_add(struct cache *cache, uint64_t offset, bool exact, const struct frame_place *places,
	       uint32_t count);

/* Writes the file if names were added. */
void cache_close(struct cache *cache);

#endif
