/* SPDX-License-Identifier: MIT */
/*
 * The tree of a massif snapshot: the functions that wanted memory, and below each its callers.
 * Allocators and wrappers of malloc are left out, as massif leaves out its own allocation
 * functions.
 */
#ifndef MEMSHIM_EXPORT_MASSIF_TREE_H
#define MEMSHIM_EXPORT_MASSIF_TREE_H

#include "report/model/model.h"
#include "report/view/out.h"

/* The bytes of each call site. */
struct massif_sites {
	struct massif_site {
		uint32_t site; /* index + 1; or HEAP_SITE_... */
		uint64_t bytes;
	} * rows;
	uint32_t count, capacity;
};

/* False without memory. */
bool massif_sites_add(struct massif_sites *sites, uint32_t site, uint64_t bytes);

/* `heap`: the bytes of all; `attached`: of the snapshot besides. False without memory. */
bool massif_tree_put(struct out *out, const struct model *model, struct massif_sites *sites,
		     uint64_t heap, uint64_t attached);

#endif
