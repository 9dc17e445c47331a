/* SPDX-License-Identifier: MIT */
#include "report/session/kernel_cache.h"

#include <stdlib.h>

#include "report/model/holders.h"
#include "report/procfs/holders.h"
#include "report/reader/kernel_check.h"
#include "report/util/array.h"
#include "report/util/now.h"

#define PATIENCE 100u /* the cache is kept for 100 times the duration of a read */

static void kernel_cache_add_process(void *context, const struct kernel_process *facts)
{
	struct kernel_cache *cache = context;

	if (ARRAY_RESERVE(cache->processes, cache->process_capacity, cache->process_count + 1))
		cache->processes[cache->process_count++] = *facts;
	else
		cache->no_memory = true;
}

static void kernel_cache_add_holder(void *context, const struct kernel_holder *holder)
{
	struct kernel_cache *cache = context;

	if (ARRAY_RESERVE(cache->holders, cache->holder_capacity, cache->holder_count + 1))
		cache->holders[cache->holder_count++] = *holder;
	else
		cache->no_memory = true;
}

void kernel_cache_renew(struct kernel_cache *cache, struct session *session,
			const struct model *copy)
{
	struct facts_visitor visitor = {.kernel_process = kernel_cache_add_process,
					.context = cache};
	struct holders_session held;
	uint64_t begin = now_ns();

	if (begin < cache->again_ns)
		return;
	cache->process_count = cache->holder_count = 0;
	cache->asked_ns = source_renew(session->source)->duration_ns;
	kernel_read_processes(session->source, &visitor);
	source_session_mapping(session->source, &held);
	cache->holders_known = copy->session.same_ipc && model_wants_holders(copy) &&
			       holders_each(&held, kernel_cache_add_holder, cache);
	cache->again_ns = begin + (now_ns() - begin) * PATIENCE;
}

void kernel_cache_add_to_model(const struct kernel_cache *cache, struct model *copy)
{
	for (unsigned i = 0; i < cache->process_count; i++)
		model_add_kernel_process(copy, &cache->processes[i]);
	for (unsigned i = 0; cache->holders_known && i < cache->holder_count; i++)
		model_add_holder(copy, &cache->holders[i]);
	copy->kernel.holders_ns = copy->session.state == SESSION_LIVE ? cache->asked_ns : 0;
	copy->no_memory |= cache->no_memory;
}

void kernel_cache_free(struct kernel_cache *cache)
{
	free(cache->processes);
	free(cache->holders);
	*cache = (struct kernel_cache){0};
}
