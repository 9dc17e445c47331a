/* SPDX-License-Identifier: MIT */
/*
 * Names that take long to find, kept in ~/.cache/memshim (or $XDG_CACHE_HOME/memshim) for the next
 * report: a text file for each build id, good for as long as the file that the names came from is
 * the same. Where none can be kept, all is as without.
 */
#ifndef MEMSHIM_CACHE_H
#define MEMSHIM_CACHE_H

#include "report/symbols/symbols.h"

struct cache;

/*
 * `source` is the file with the names. Null when that is small, so that they are found quickly;
 * when there is no build id, or no place to keep any.
 */
struct cache *cache_open(const struct module_facts *module, const char *source);

/* How many places are known of an address; -1: not known. Text lives as long as the cache. */
int cache_find(const struct cache *cache, uint64_t offset, bool exact,
	       struct frame_place places[FRAME_PLACES_MAX]);

void cache_add(struct cache *cache, uint64_t offset, bool exact, const struct frame_place *places,
	       uint32_t count);

/* Writes what is new. */
void cache_close(struct cache *cache);

#endif
