/* SPDX-License-Identifier: MIT */
#include "report/model/heap_places.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/heap.h"
#include "report/model/model.h"

struct place_sum {
	const struct model_module *module;
	uint64_t offset;
	uint64_t bytes, most_bytes; /* of all its sites, and of the largest */
	uint32_t instance, stack;   /* of the largest */
};

struct place_list {
	const struct model *model;
	uint64_t *bytes; /* by site */
	uint64_t total;
	struct place_sum *rows;
	uint32_t count;
};

static void place_add_bytes(void *context, uint32_t site, uint64_t bytes)
{
	struct place_list *list = context;

	list->total += bytes;
	if (site != HEAP_SITE_UNKNOWN && site <= list->model->sites.count)
		list->bytes[site - 1] += bytes;
}

static struct place_sum *place_find(struct place_list *list, const struct stack_frame *caller)
{
	struct place_sum *place;

	for (uint32_t i = 0; i < list->count; i++)
		if (list->rows[i].module == caller->module &&
		    list->rows[i].offset == caller->offset)
			return &list->rows[i];
	place = &list->rows[list->count++];
	*place = (struct place_sum){.module = caller->module, .offset = caller->offset};
	return place;
}

static void place_add_site(struct place_list *list, uint32_t at)
{
	const struct model_site *site = &list->model->sites.rows[at];
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(list->model, site->instance, site->stack, frames);
	struct place_sum *place;
	struct wanted wanted;

	if (!count)
		return;
	wanted_find(list->model, frames, count, &wanted);
	place = place_find(list, &frames[wanted.frame]);
	place->bytes += list->bytes[at];
	if (list->bytes[at] <= place->most_bytes)
		return;
	place->most_bytes = list->bytes[at];
	place->instance = site->instance;
	place->stack = site->stack;
}

static struct heap_place place_choose(const struct place_list *list)
{
	const struct place_sum *most = NULL;

	for (uint32_t i = 0; i < list->count; i++)
		if (!most || list->rows[i].bytes > most->bytes)
			most = &list->rows[i];
	if (!most || !list->total)
		return (struct heap_place){0};
	return (struct heap_place){most->instance, most->stack,
				   (double)most->bytes / (double)list->total};
}

struct heap_place heap_place_find(const struct model *model, const struct model_process *process,
				  uint64_t from)
{
	struct place_list list = {
		.model = model,
		.bytes = calloc(model->sites.count + 1, sizeof *list.bytes),
		.rows = calloc(model->sites.count + 1, sizeof *list.rows),
	};
	struct heap_place place = {0};

	if (list.bytes && list.rows && process->heap) {
		heap_visit_own(process->heap, from, place_add_bytes, &list);
		for (uint32_t i = 0; i < model->sites.count; i++)
			if (list.bytes[i])
				place_add_site(&list, i);
		place = place_choose(&list);
	}
	free(list.bytes);
	free(list.rows);
	return place;
}
