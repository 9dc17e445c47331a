/* SPDX-License-Identifier: MIT */
/* Names for the frames of a session's call stacks: each address once, module by module. */
#include "report/session/naming.h"

#include <stdlib.h>

#include "report/util/big_stack.h"

struct naming {
	struct load *load;
	struct symbols_wish wish;
	struct name_key *keys; /* of the addresses without a name, each once, module by module */
	struct symbol_address *addresses; /* the same */
	uint32_t count, first;            /* first: of the module that is asked about */
	const bool *wanted;               /* by frame number; null: all */
};

static int compare_name_keys(const void *a, const void *b)
{
	const struct name_key *x = a, *y = b;

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->exact < y->exact ? -1 : x->exact > y->exact;
}

static void gather_name_keys(struct naming *naming)
{
	const struct model *model = naming->load->model;
	uint32_t used = 0, count = 0;

	for (uint32_t i = 1; i < model->frame_room; i++) {
		const struct frame_facts *frame = &model->frames[i];
		struct name_key key = {frame->offset, frame->module, frame->exact};

		if (naming->wanted && !naming->wanted[i])
			continue;
		if (frame->number && frame->module && frame->module < model->module_room &&
		    model->modules[frame->module] && !model_name(model, &key))
			naming->keys[count++] = key;
	}
	qsort(naming->keys, count, sizeof *naming->keys, compare_name_keys);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || compare_name_keys(&naming->keys[i], &naming->keys[i - 1]) != 0)
			naming->keys[used++] = naming->keys[i];
	naming->count = used;
	for (uint32_t i = 0; i < used; i++)
		naming->addresses[i] = (struct symbol_address){naming->keys[i].offset,
							       naming->keys[i].exact};
}

static void take_name(void *context, uint32_t i, const struct frame_place *places, uint32_t count)
{
	struct naming *naming = context;
	struct model *model = naming->load->model;
	const struct name_key *key = &naming->keys[naming->first + i];

	if (model_name(model, key))
		return;
	model->modules[key->module]->nameless += count == 0;
	model_add_name(model, key, places, count);
}

static void name_module(struct naming *naming, uint32_t first, uint32_t count)
{
	struct load *load = naming->load;
	struct model_module *module = load->model->modules[naming->keys[first].module];

	naming->first = first;
	module->names = symbols_find(load->symbols, &module->facts, &naming->addresses[first],
				     count, take_name, naming);
}

static void name_frames(void *context)
{
	struct naming *naming = context;
	struct load *load = naming->load;

	if (!load->symbols)
		load->symbols = symbols_open(&naming->wish);
	if (!load->symbols)
		return;
	gather_name_keys(naming);
	for (uint32_t i = 0, next; i < naming->count; i = next) {
		for (next = i + 1; next < naming->count; next++)
			if (naming->keys[next].module != naming->keys[i].module)
				break;
		name_module(naming, i, next - i);
	}
}

static void name_wanted(struct load *load, const struct symbols_wish *wish, const bool *wanted)
{
	uint32_t room = load->model->frame_room;
	struct naming naming = {.load = load, .wish = *wish, .wanted = wanted};

	naming.wish.realtime_ns = load->model->session.started_realtime_ns;
	naming.keys = calloc(room, sizeof *naming.keys);
	naming.addresses = calloc(room, sizeof *naming.addresses);
	if (naming.keys && naming.addresses)
		deep_call(name_frames, &naming);
	else
		load->model->no_memory |= room > 0;
	free(naming.keys);
	free(naming.addresses);
}

void load_names(struct load *load, const struct symbols_wish *wish)
{
	name_wanted(load, wish, NULL);
}

void load_stack_names(struct load *load, const uint32_t *stacks, uint32_t count)
{
	const struct model *model = load->model;
	bool *wanted = calloc(model->frame_room + 1, sizeof *wanted);

	for (uint32_t i = 0; wanted && i < count; i++)
		for (uint32_t n = stacks[i]; n && n < model->frame_room && !wanted[n];
		     n = model->frames[n].outer)
			wanted[n] = true;
	if (wanted)
		name_wanted(load, &(struct symbols_wish){.sysroot = NULL}, wanted);
	free(wanted);
}
