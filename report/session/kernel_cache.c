/* SPDX-License-Identifier: MIT */
#include "report/session/kernel_cache.h"

#include <stdlib.h>

#include "report/procfs/holders.h"
#include "report/reader/kernel.h"
#include "report/util/now.h"

#define PATIENCE 100u /* one part of asking to so many of time */

/* Room for one more; false without memory. */
static bool kernel_cache_grow(struct kernel_cache *kernel_cache, void **array, unsigned *capacity,
			      unsigned count, size_t bytes)
{
	unsigned wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return true;
	grown = realloc(*array, wanted * bytes);
	if (!grown) {
		kernel_cache->no_memory = true;
		return false;
	}
	*array = grown;
	*capacity = wanted;
	return true;
}

static void kernel_cache_take_process(void *context, const struct kernel_process *facts)
{
	struct kernel_cache *kernel_cache = context;

	if (kernel_cache_grow(kernel_cache, (void **)&kernel_cache->processes,
			      &kernel_cache->process_capacity, kernel_cache->process_count,
			      sizeof *facts))
		kernel_cache->processes[kernel_cache->process_count++] = *facts;
}

static void kernel_cache_take_holder(void *context, const struct kernel_holder *holder)
{
	struct kernel_cache *kernel_cache = context;

	if (kernel_cache_grow(kernel_cache, (void **)&kernel_cache->holders,
			      &kernel_cache->holder_capacity, kernel_cache->holder_count,
			      sizeof *holder))
		kernel_cache->holders[kernel_cache->holder_count++] = *holder;
}

void kernel_cache_ask(struct kernel_cache *kernel_cache, struct session *session,
		      const struct model *copy)
{
	struct kernel_visitor kernel = {NULL, kernel_cache_take_process, kernel_cache};
	struct holders_session held;
	uint64_t begin = now_ns();

	if (begin < kernel_cache->again_ns)
		return;
	kernel_cache->process_count = kernel_cache->holder_count = 0;
	kernel_cache->asked_ns = source_renew(session->source)->duration_ns;
	kernel_read_processes(session->source, &kernel);
	source_session_mapping(session->source, &held);
	kernel_cache->holders_known = copy->session.same_ipc && model_wants_holders(copy) &&
				      holders_each(&held, kernel_cache_take_holder, kernel_cache);
	kernel_cache->again_ns = begin + (now_ns() - begin) * PATIENCE;
}

void kernel_cache_tell(const struct kernel_cache *kernel_cache, struct model *copy)
{
	for (unsigned i = 0; i < kernel_cache->process_count; i++)
		model_add_kernel_process(copy, &kernel_cache->processes[i]);
	for (unsigned i = 0; kernel_cache->holders_known && i < kernel_cache->holder_count; i++)
		model_add_holder(copy, &kernel_cache->holders[i]);
	copy->holders_ns = copy->session.state == SESSION_LIVE ? kernel_cache->asked_ns : 0;
	copy->no_memory |= kernel_cache->no_memory;
}

void kernel_cache_free(struct kernel_cache *kernel_cache)
{
	free(kernel_cache->processes);
	free(kernel_cache->holders);
	*kernel_cache = (struct kernel_cache){0};
}
