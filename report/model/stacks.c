/* SPDX-License-Identifier: MIT */
/*
 * Call stacks: frames, each with the number of its caller's frame, and the load addresses of their
 * modules in each image. All processes share the frames. Only an absolute address depends on the
 * process.
 */
#include <stdlib.h>
#include <string.h>

#include "report/model/model.h"
#include "report/model/stacks.h"

#define MODULES_MOST (1u << 16)
#define ANCESTORS_MOST 10000

void model_add_module(struct model *model, const struct module_facts *facts)
{
	if (facts->number == 0 || facts->number > MODULES_MOST ||
	    !MODEL_RESERVE_ZEROED(model, model->stacks.modules, model->stacks.module_capacity,
				  facts->number + 1) ||
	    model->stacks.modules[facts->number])
		return;
	model->stacks.modules[facts->number] = malloc(sizeof **model->stacks.modules);
	if (model->stacks.modules[facts->number])
		*model->stacks.modules[facts->number] = (struct model_module){*facts,
									      NAMES_NOT_ASKED, 0};
	else
		model->no_memory = true;
}

const struct model_name *model_name(const struct model *model, const struct name_key *key)
{
	struct model_name *name;

	HASH_FIND(hh, model->stacks.names, key, sizeof *key, name);
	return name;
}

void model_add_name(struct model *model, const struct name_key *key,
		    const struct frame_place *places, uint32_t count)
{
	struct model_name *name;

	if (model_name(model, key))
		return;
	name = calloc(1, sizeof *name + count * sizeof *places);
	if (name) {
		name->key = *key;
		name->count = count;
		if (count)
			memcpy(name->places, places, count * sizeof *places);
		HASH_ADD(hh, model->stacks.names, key, sizeof name->key, name);
	}
	if (!name || !name->hh.tbl) {
		free(name);
		model->no_memory = true;
	}
}

void model_add_jit_name(struct model *model, const struct jit_name_facts *facts)
{
	struct name_key key = {.offset = facts->address, .exact = facts->instance};
	size_t length = strlen(facts->name) + 1;
	struct model_name *name;

	if (model_name(model, &key))
		return;
	name = calloc(1, sizeof *name + sizeof *name->places + length);
	if (name) {
		char *text = (char *)&name->places[1];

		memcpy(text, facts->name, length);
		name->key = key;
		name->count = 1;
		name->places[0].function = text;
		HASH_ADD(hh, model->stacks.names, key, sizeof name->key, name);
	}
	if (!name || !name->hh.tbl) {
		free(name);
		model->no_memory = true;
	}
}

void model_add_frame(struct model *model, const struct frame_facts *facts)
{
	if (facts->number != 0 && facts->number <= FRAMES_MOST &&
	    MODEL_RESERVE_ZEROED(model, model->stacks.frames, model->stacks.frame_capacity,
				 facts->number + 1))
		model->stacks.frames[facts->number] = *facts;
}

static struct model_load *find_load(const struct model *model, uint32_t instance, uint32_t module)
{
	struct load_key key = {instance, module};
	struct model_load *load;

	HASH_FIND(hh, model->stacks.loads, &key, sizeof key, load);
	return load;
}

void model_add_load(struct model *model, const struct load_facts *facts)
{
	struct model_load *load = find_load(model, facts->instance, facts->module);

	if (load) {
		load->moved |= load->address != facts->address;
		return;
	}
	load = calloc(1, sizeof *load);
	if (load) {
		load->key = (struct load_key){facts->instance, facts->module};
		load->address = facts->address;
		HASH_ADD(hh, model->stacks.loads, key, sizeof load->key, load);
	}
	if (!load || !load->hh.tbl) {
		free(load);
		model->no_memory = true;
	}
}

/* A child of fork has the modules of its parent, at the same addresses. */
static bool find_address(const struct model *model, uint32_t instance, uint32_t module,
			 uint64_t *address)
{
	for (int i = 0; i < ANCESTORS_MOST; i++) {
		const struct model_process *process = model_process(model, instance);
		const struct model_load *load = find_load(model, instance, module);

		if (load) {
			*address = load->address;
			return !load->moved;
		}
		if (!process || !process->facts.forked)
			return false;
		instance = process->facts.parent_instance;
	}
	return false;
}

bool model_knows_stack(const struct model *model, uint32_t stack)
{
	return stack < model->stacks.frame_capacity && model->stacks.frames[stack].number != 0;
}

uint32_t model_stack(const struct model *model, uint32_t instance, uint32_t stack,
		     struct stack_frame frames[STACK_FRAMES_MAX])
{
	uint32_t count = 0;

	while (count < STACK_FRAMES_MAX && model_knows_stack(model, stack)) {
		const struct frame_facts *facts = &model->stacks.frames[stack];
		struct stack_frame *frame = &frames[count++];
		uint64_t address;

		*frame = (struct stack_frame){
			.offset = facts->offset, .exact = facts->exact, .cut = facts->cut};
		if (facts->module && facts->module < model->stacks.module_capacity) {
			struct name_key key = {facts->offset, facts->module, facts->exact};

			frame->module = model->stacks.modules[facts->module];
			frame->name = model_name(model, &key);
		}
		if (facts->module == 0) {
			struct name_key key = {.offset = facts->offset, .exact = instance};

			frame->pc = facts->offset;
			frame->name = model_name(model, &key);
		} else if (find_address(model, instance, facts->module, &address))
			frame->pc = address + facts->offset;
		if (count > 1 && frame->exact && frame[-1].exact)
			frame[-1].is_signal = true;
		stack = facts->outer;
	}
	return count;
}

void stacks_free(struct model *model)
{
	struct model_load *load, *next;
	struct model_name *name, *next_name;

	HASH_ITER (hh, model->stacks.names, name, next_name) {
		HASH_DEL(model->stacks.names, name);
		free(name);
	}
	HASH_ITER (hh, model->stacks.loads, load, next) {
		HASH_DEL(model->stacks.loads, load);
		free(load);
	}
	for (uint32_t i = 0; i < model->stacks.module_capacity; i++)
		free(model->stacks.modules[i]);
	free(model->stacks.modules);
	free(model->stacks.frames);
}
