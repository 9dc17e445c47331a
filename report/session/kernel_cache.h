/* SPDX-License-Identifier: MIT */
/*
 * The second witness for one who looks again and again: what the kernel says of running processes
 * and of who holds which segment. Asking takes a while where there are many processes, so its words
 * are kept, and it is asked again only when a hundred times that long has gone by.
 */
#ifndef MEMSHIM_SESSION_KERNEL_CACHE_H
#define MEMSHIM_SESSION_KERNEL_CACHE_H

#include "report/session/session.h"

struct kernel_cache {
	struct kernel_process *processes;
	struct kernel_holder *holders;
	unsigned process_count, process_capacity, holder_count, holder_capacity;
	bool holders_known, no_memory;
	uint64_t asked_ns; /* since the session's start */
	uint64_t again_ns; /* CLOCK_MONOTONIC */
};

/* Asks, if it is time; `copy` is a model that is not finished yet. */
void kernel_cache_ask(struct kernel_cache *kernel_cache, struct session *session,
		      const struct model *copy);

/* Passes its words on to a model that is not finished yet. */
void kernel_cache_add_to_model(const struct kernel_cache *kernel_cache, struct model *copy);

void kernel_cache_free(struct kernel_cache *kernel_cache);

#endif
