/* SPDX-License-Identifier: MIT */
#include "report/model/heap_places.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/heap.h"
#include "report/model/model.h"

/* One call site; after places_join, all call sites of a place. */
struct place_sum {
	const struct model_module *module;
	uint64_t offset;
	uint64_t bytes, most_bytes; /* of all its sites, and of the largest */
	uint32_t instance, stack;   /* of the largest */
	uint32_t first;             /* site */
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

static void place_add_site(struct place_list *list, uint32_t at)
{
	const struct model_site *site = &list->model->sites.rows[at];
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(list->model, site->instance, site->stack, frames);
	struct wanted wanted;

	if (!count)
		return;
	wanted_find(list->model, frames, count, &wanted);
	list->rows[list->count++] = (struct place_sum){
		.module = frames[wanted.frame].module,
		.offset = frames[wanted.frame].offset,
		.bytes = list->bytes[at],
		.most_bytes = list->bytes[at],
		.instance = site->instance,
		.stack = site->stack,
		.first = at,
	};
}

static int place_compare(const void *a, const void *b)
{
	const struct place_sum *x = a, *y = b;
	uint32_t left = x->module ? x->module->facts.number : 0;
	uint32_t right = y->module ? y->module->facts.number : 0;

	if (left != right)
		return left < right ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->first < y->first ? -1 : 1;
}

/* A heap may have tens of thousands of call sites: equal places meet by sorting. */
static void places_join(struct place_list *list)
{
	uint32_t used = 0;

	qsort(list->rows, list->count, sizeof *list->rows, place_compare);
	for (uint32_t i = 0; i < list->count; i++) {
		struct place_sum *row = &list->rows[i], *to = &list->rows[used ? used - 1 : 0];

		if (!used || to->module != row->module || to->offset != row->offset) {
			list->rows[used++] = *row;
			continue;
		}
		to->bytes += row->bytes;
		if (row->most_bytes <= to->most_bytes)
			continue;
		to->most_bytes = row->most_bytes;
		to->instance = row->instance;
		to->stack = row->stack;
	}
	list->count = used;
}

static struct heap_place place_choose(const struct place_list *list)
{
	const struct place_sum *most = NULL;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct place_sum *row = &list->rows[i];

		if (!most || row->bytes > most->bytes ||
		    (row->bytes == most->bytes && row->first < most->first))
			most = row;
	}
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
		places_join(&list);
		place = place_choose(&list);
	}
	free(list.bytes);
	free(list.rows);
	return place;
}
