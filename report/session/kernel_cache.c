/* SPDX-License-Identifier: MIT */
#include "report/session/kernel_cache.h"

#include <stdlib.h>

#include "report/procfs/holders.h"
#include "report/reader/kernel.h"
#include "report/util/now.h"

#define PATIENCE 100u /* one part of asking to so many of time */

/* Room for one more; false without memory. */
static bool grow(struct second *second, void **array, unsigned *room, unsigned count, size_t bytes)
{
	unsigned wanted = *room ? *room * 2 : 64;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*array, wanted * bytes);
	if (!grown) {
		second->no_memory = true;
		return false;
	}
	*array = grown;
	*room = wanted;
	return true;
}

static void take_process(void *context, const struct kernel_process *facts)
{
	struct second *second = context;

	if (grow(second, (void **)&second->processes, &second->process_room, second->process_count,
		 sizeof *facts))
		second->processes[second->process_count++] = *facts;
}

static void take_holder(void *context, const struct kernel_holder *holder)
{
	struct second *second = context;

	if (grow(second, (void **)&second->holders, &second->holder_room, second->holder_count,
		 sizeof *holder))
		second->holders[second->holder_count++] = *holder;
}

void second_ask(struct second *second, struct load *load, const struct model *copy)
{
	struct kernel_taker kernel = {NULL, take_process, second};
	struct holders_session session;
	uint64_t begin = now_ns();

	if (begin < second->again_ns)
		return;
	second->process_count = second->holder_count = 0;
	second->asked_ns = source_renew(load->source)->duration_ns;
	kernel_read_processes(load->source, &kernel);
	source_session_mapping(load->source, &session);
	second->holders_known = copy->session.same_ipc && model_wants_holders(copy) &&
				holders_each(&session, take_holder, second);
	second->again_ns = begin + (now_ns() - begin) * PATIENCE;
}

void second_tell(const struct second *second, struct model *copy)
{
	for (unsigned i = 0; i < second->process_count; i++)
		model_add_kernel_process(copy, &second->processes[i]);
	for (unsigned i = 0; second->holders_known && i < second->holder_count; i++)
		model_add_holder(copy, &second->holders[i]);
	copy->holders_ns = copy->session.state == SESSION_LIVE ? second->asked_ns : 0;
	copy->no_memory |= second->no_memory;
}

void second_free(struct second *second)
{
	free(second->processes);
	free(second->holders);
	*second = (struct second){0};
}
