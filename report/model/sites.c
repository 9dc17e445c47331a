/* SPDX-License-Identifier: MIT */
/*
 * Call sites: what each call stack did to the break and to segments. A stack is a small number, so
 * an array finds its site in one step.
 */
#include <stdlib.h>
#include <string.h>

#include "report/model/explain.h"
#include "report/model/model.h"
#include "report/model/sites.h"
#include "report/model/stacks.h"
#include "report/util/path.h"

/* The bytes that a call on a segment asked for and got. */
static uint64_t bytes_of(const struct model *model, const struct event *event)
{
	const struct model_segment *segment;

	switch (event->kind) {
	case KIND_SHMGET:
		return event->u.shmget.size;
	case KIND_SHMAT:
		segment = model_event_segment(model, event);
		return segment ? segment->size : 0;
	default:
		return 0;
	}
}

static struct model_site *add_site(struct model *model, const struct event *event)
{
	struct model_site *site;

	if (!MODEL_RESERVE(model, model->sites.rows, model->sites.capacity, model->sites.count + 1))
		return NULL;
	site = &model->sites.rows[model->sites.count++];
	memset(site, 0, sizeof *site);
	site->call = event->kind;
	site->by_malloc = event->flags & FLAG_MALLOC;
	site->stack = event->stack;
	site->instance = event->process;
	site->next = model->sites.latest_of_stack[event->stack];
	model->sites.latest_of_stack[event->stack] = model->sites.count;
	return site;
}

static inline bool site_fits(const struct model_sites *sites, const struct model_site *site,
			     const struct event *event)
{
	return site->call == event->kind && site->by_malloc == !!(event->flags & FLAG_MALLOC) &&
	       (!sites->by_process || site->instance == event->process);
}

static __attribute__((noinline)) struct model_site *find_site(struct model *model,
							      const struct event *event)
{
	if (!MODEL_RESERVE_ZEROED(model, model->sites.latest_of_stack, model->sites.stack_capacity,
				  event->stack + 1))
		return NULL;
	for (uint32_t i = model->sites.latest_of_stack[event->stack]; i != 0;
	     i = model->sites.rows[i - 1].next)
		if (site_fits(&model->sites, &model->sites.rows[i - 1], event))
			return &model->sites.rows[i - 1];
	return add_site(model, event);
}

/* Nearly every stack has one site. */
static inline struct model_site *site_of(struct model *model, const struct event *event)
{
	const struct model_sites *sites = &model->sites;
	uint32_t latest = event->stack < sites->stack_capacity
				  ? sites->latest_of_stack[event->stack]
				  : 0;

	if (latest && site_fits(sites, &sites->rows[latest - 1], event))
		return &sites->rows[latest - 1];
	return event->stack <= FRAMES_MOST ? find_site(model, event) : NULL;
}

uint32_t sites_add_event(struct model *model, const struct event *event)
{
	struct model_site *site = site_of(model, event);
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	if (!site)
		return 0;
	site->several_processes |= site->instance != event->process;
	site->count++;
	if (event_failed(event))
		site->failed++;
	else if (event->kind > KIND_SBRK)
		site->bytes += bytes_of(model, event);
	else if (after > before)
		site->bytes += after - before;
	else
		site->given_back_bytes += before - after;
	return (uint32_t)(site - model->sites.rows) + 1;
}

/* ---- whose call it was ---- */

/* Libraries that allocate memory for others; only the name before the version is compared. */
static const char *const allocators[] = {"libc.so.",    "libc-2.",     "libtcmalloc",
					 "libjemalloc", "libmimalloc", "libmemshim.so",
					 "ld-linux"};

bool model_is_allocator(const struct stack_frame *frame)
{
	const char *file = frame->module ? path_base_name(frame->module->facts.path) : "";

	for (size_t i = 0; i < sizeof allocators / sizeof *allocators; i++)
		if (strncmp(file, allocators[i], strlen(allocators[i])) == 0)
			return true;
	return frame->name && frame->name->count &&
	       frame->name->places[frame->name->count - 1].function &&
	       strncmp(frame->name->places[frame->name->count - 1].function, "operator new", 12) ==
		       0;
}

uint32_t model_caller(const struct stack_frame *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!model_is_allocator(&frames[i]))
			return i;
	for (uint32_t i = 1; i < count; i++)
		if (frames[i].module != frames[0].module)
			return i;
	return count - 1;
}
