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

/* The bytes that an event asked for and got. */
static uint64_t bytes_of(const struct model *model, const struct event *event)
{
	const struct model_segment *segment;
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	switch (event->kind) {
	case KIND_BRK:
	case KIND_SBRK:
		return after > before ? after - before : 0;
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

static struct model_site *find_site(struct model *model, const struct event *event)
{
	bool by_malloc = event->flags & FLAG_MALLOC;

	if (!MODEL_RESERVE_ZEROED(model, model->sites.latest_of_stack, model->sites.stack_capacity,
				  event->stack + 1))
		return NULL;
	for (uint32_t i = model->sites.latest_of_stack[event->stack]; i != 0;
	     i = model->sites.rows[i - 1].next) {
		struct model_site *site = &model->sites.rows[i - 1];

		if (site->call == event->kind && site->by_malloc == by_malloc)
			return site;
	}
	return add_site(model, event);
}

void sites_feed(struct model *model, const struct event *event)
{
	struct model_site *site;
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	if (event->stack > FRAMES_MOST)
		return;
	site = find_site(model, event);
	if (!site)
		return;
	site->several_processes |= site->instance != event->process;
	site->count++;
	if (event_failed(event)) {
		site->failed++;
		return;
	}
	site->bytes += bytes_of(model, event);
	if (event->kind <= KIND_SBRK && after < before)
		site->given_back_bytes += before - after;
}

/* ---- whose call it was ---- */

/* Libraries that allocate memory for others; only the name before the version is compared. */
static const char *const allocators[] = {"libc.so.",    "libc-2.",     "libtcmalloc",
					 "libjemalloc", "libmimalloc", "libmemshim.so",
					 "ld-linux"};

static bool is_allocator(const struct stack_frame *frame)
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
		if (!is_allocator(&frames[i]))
			return i;
	for (uint32_t i = 1; i < count; i++)
		if (frames[i].module != frames[0].module)
			return i;
	return count - 1;
}
