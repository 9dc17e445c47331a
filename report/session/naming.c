/* SPDX-License-Identifier: MIT */
/* Looks up the names of a session's frames: each address once, module by module. */
#include "report/session/naming.h"

#include <stdlib.h>

#include "report/util/big_stack.h"
#include "report/util/progress.h"

#define NAMING "looking up names of functions"

struct naming {
	struct session *session;
	struct symbols_options options;
	struct name_key *keys; /* addresses without a name, each once, sorted by module */
	struct symbol_address *addresses; /* of the same addresses, for symbols_find */
	uint32_t count, first;            /* first: index of the current module's first key */
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
	const struct model *model = naming->session->model;
	uint32_t used = 0, count = 0;

	for (uint32_t i = 1; i < model->stacks.frame_capacity; i++) {
		const struct frame_facts *frame = &model->stacks.frames[i];
		struct name_key key = {frame->offset, frame->module, frame->exact};

		if (naming->wanted && !naming->wanted[i])
			continue;
		if (frame->number && frame->module &&
		    frame->module < model->stacks.module_capacity &&
		    model->stacks.modules[frame->module] && !model_name(model, &key))
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

static void naming_add_name(void *context, uint32_t i, const struct frame_place *places,
			    uint32_t count)
{
	struct naming *naming = context;
	struct model *model = naming->session->model;
	const struct name_key *key = &naming->keys[naming->first + i];

	progress_step(NAMING, naming->first + i, naming->count);
	if (model_name(model, key))
		return;
	model->stacks.modules[key->module]->nameless += count == 0;
	model_add_name(model, key, places, count);
}

static void name_module(struct naming *naming, uint32_t first, uint32_t count)
{
	struct session *session = naming->session;
	struct model_module *module = session->model->stacks.modules[naming->keys[first].module];

	naming->first = first;
	progress_step(NAMING, first, naming->count);
	module->names = symbols_find(session->symbols, &module->facts, &naming->addresses[first],
				     count, naming_add_name, naming);
}

static void name_frames(void *context)
{
	struct naming *naming = context;
	struct session *session = naming->session;

	if (!session->symbols)
		session->symbols = symbols_open(&naming->options);
	if (!session->symbols)
		return;
	gather_name_keys(naming);
	for (uint32_t i = 0, next; i < naming->count; i = next) {
		for (next = i + 1; next < naming->count; next++)
			if (naming->keys[next].module != naming->keys[i].module)
				break;
		name_module(naming, i, next - i);
	}
	progress_clear();
}

static void name_wanted(struct session *session, const struct symbols_options *options,
			const bool *wanted)
{
	uint32_t capacity = session->model->stacks.frame_capacity;
	struct naming naming = {.session = session, .options = *options, .wanted = wanted};

	naming.options.realtime_ns = session->model->session.started_realtime_ns;
	naming.keys = calloc(capacity, sizeof *naming.keys);
	naming.addresses = calloc(capacity, sizeof *naming.addresses);
	if (naming.keys && naming.addresses)
		call_on_big_stack(name_frames, &naming);
	else
		session->model->no_memory |= capacity > 0;
	free(naming.keys);
	free(naming.addresses);
	wrappers_find(session->model);
}

void session_names(struct session *session, const struct symbols_options *options)
{
	name_wanted(session, options, NULL);
}

void session_stack_names(struct session *session, const uint32_t *stacks, uint32_t count)
{
	const struct model *model = session->model;
	bool *wanted = calloc(model->stacks.frame_capacity + 1, sizeof *wanted);

	for (uint32_t i = 0; wanted && i < count; i++)
		for (uint32_t n = stacks[i]; n && n < model->stacks.frame_capacity && !wanted[n];
		     n = model->stacks.frames[n].outer)
			wanted[n] = true;
	if (wanted)
		name_wanted(session, &(struct symbols_options){.sysroot = NULL}, wanted);
	free(wanted);
}
