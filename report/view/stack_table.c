/* SPDX-License-Identifier: MIT */
#include "report/view/stack_table.h"

#include <stdlib.h>

#include "report/view/stack.h"

struct stack_table {
	struct json *json;
	const struct model *model;
	bool *printed; /* by number; null: there was no memory */
	uint32_t capacity;
};

/* An image's code is at other addresses in each process: of a frame in a file, no pc. */
static void stack_table_add(struct stack_table *table, uint32_t instance, uint32_t stack)
{
	if (stack >= table->capacity || table->printed[stack] ||
	    !model_knows_stack(table->model, stack))
		return;
	table->printed[stack] = true;
	json_open(table->json, NULL, '{');
	json_number(table->json, "id", stack);
	stack_frames_json(table->json, "frames", table->model, instance, stack);
	json_bool(table->json, "cut", stack_is_cut(table->model, instance, stack));
	json_close(table->json, '}');
}

static void stack_table_add_objects(struct stack_table *table, const struct model_segments *objects)
{
	for (uint32_t i = 0; i < objects->count; i++) {
		const struct model_segment *object = objects->rows[i];

		stack_table_add(table, object->creator, object->creator_stack);
		stack_table_add(table, object->remover, object->remover_stack);
	}
}

static void stack_table_add_sites(struct stack_table *table, const struct filter *filter)
{
	for (uint32_t i = 0; i < table->model->sites.count; i++) {
		const struct model_site *site = &table->model->sites.rows[i];
		const struct model_process *process = model_process(table->model, site->instance);

		if (process && filter_process(filter, process))
			stack_table_add(table, site->instance, site->stack);
	}
}

void stack_table_json(struct json *json, const struct model *model, const struct filter *filter)
{
	const struct model_findings *findings = &model->findings;
	struct stack_table table = {.json = json, .model = model};

	table.printed = calloc(model->stacks.frame_capacity + 1, sizeof *table.printed);
	table.capacity = table.printed ? model->stacks.frame_capacity : 0;
	json_open(json, "stacks", '[');
	stack_table_add_sites(&table, filter);
	for (uint32_t i = 0; i < findings->count; i++)
		stack_table_add(&table, findings->rows[i].stack_instance, findings->rows[i].stack);
	stack_table_add_objects(&table, &model->segments);
	stack_table_add_objects(&table, &model->objects);
	json_close(json, ']');
	free(table.printed);
}
