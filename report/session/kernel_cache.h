/* SPDX-License-Identifier: MIT */
/*
 * The kernel cross-check for a screen that refreshes: breaks of running processes, and the
 * processes that have each segment attached. Reading takes long when there are many processes, so
 * the result is kept for a hundred times as long as reading it took.
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

/* Reads again, if it is time. `copy`: a model before model_finalize. */
void kernel_cache_renew(struct kernel_cache *cache, struct session *session,
			const struct model *copy);

/* Adds the cached facts to a model before model_finalize. */
void kernel_cache_add_to_model(const struct kernel_cache *cache, struct model *copy);

void kernel_cache_free(struct kernel_cache *cache);

#endif
