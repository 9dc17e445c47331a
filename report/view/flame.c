/* SPDX-License-Identifier: MIT */
#include "report/view/flame.h"

#include <stdlib.h>
#include <string.h>

#include "report/view/flame_drawing.h"
#include "report/view/partial.h"
#include "report/view/stack.h"

#define NAME_BYTES 256

/* ---- the frames of one site, outermost first ---- */

typedef void visit_frame(void *context, const char *name, const char *module);

static void flame_walk(const struct model *model, const struct model_site *site, visit_frame *visit,
		       void *context)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, site->instance, site->stack, frames);
	const struct model_process *process = model_process(model, site->instance);
	char name[NAME_BYTES];

	visit(context, process ? model_program_name(&process->facts) : "?", "");
	if (partial_is_cut(frames, count)) /* else the outermost frame looks like a root */
		visit(context, PARTIAL_CUT_NAME, "");
	for (uint32_t i = count; i-- > 0;) {
		uint32_t places = frames[i].name && frames[i].name->count ? frames[i].name->count
									  : 1;

		for (uint32_t place = places; place-- > 0;)
			visit(context, stack_words(&frames[i], place, name, sizeof name),
			      stack_module(&frames[i]));
	}
	visit(context, event_name(site->call), FLAME_CALL);
}

static bool flame_is_wanted(const struct model *model, const struct model_site *site,
			    const struct filter *filter)
{
	const struct model_process *process = model_process(model, site->instance);

	return process && filter_process(filter, process);
}

/*
 * Calls that created segments; when none did, calls that attached them: shmget and shmat of one
 * segment would count twice.
 */
static uint8_t flame_shm_call(const struct model *model, const struct filter *filter)
{
	for (uint32_t i = 0; i < model->sites.count; i++)
		if (model->sites.rows[i].call == KIND_SHMGET && model->sites.rows[i].bytes &&
		    flame_is_wanted(model, &model->sites.rows[i], filter))
			return KIND_SHMGET;
	return KIND_SHMAT;
}

/* ---- folded ---- */

struct folded {
	struct out *out;
	bool any;
};

static void flame_put_folded(void *context, const char *name, const char *module)
{
	struct folded *folded = context;
	char clean[NAME_BYTES];
	size_t i;

	(void)module;
	for (i = 0; name[i] && i + 1 < sizeof clean; i++)
		clean[i] = (char)(name[i] == ';' ? ':' : name[i]);
	clean[i] = '\0';
	if (folded->any)
		out_char(folded->out, ';');
	folded->any = true;
	out_safe(folded->out, clean);
}

void flame_folded(struct out *out, const struct model *model, const struct filter *filter,
		  bool counts)
{
	uint8_t shm_call = flame_shm_call(model, filter);

	for (uint32_t i = 0; i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];
		bool again = site->call == KIND_SHMAT && shm_call == KIND_SHMGET;
		uint64_t value = counts ? site->count : again ? 0 : site->bytes;
		struct folded folded = {out, false};

		if (value == 0 || !flame_is_wanted(model, site, filter))
			continue;
		flame_walk(model, site, flame_put_folded, &folded);
		out_char(out, ' ');
		out_number(out, value);
		out_char(out, '\n');
	}
}

/* ---- the tree ---- */

struct flame_growth {
	struct flame_node *at;
	uint64_t value;
	bool no_memory;
};

static void flame_descend(void *context, const char *name, const char *module)
{
	struct flame_growth *growth = context;
	struct flame_node **link = &growth->at->child;

	if (growth->no_memory)
		return;
	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	if (!*link) {
		struct flame_node *node = calloc(1, sizeof *node);

		if (node)
			node->name = strdup(name);
		if (!node || !node->name) {
			free(node);
			growth->no_memory = true;
			return;
		}
		node->module = module;
		*link = node;
	}
	growth->at = *link;
	growth->at->value += growth->value;
}

static void free_nodes(struct flame_node *node)
{
	while (node) {
		struct flame_node *next = node->next;

		free_nodes(node->child);
		free(node->name);
		free(node);
		node = next;
	}
}

static const char *const flame_of_names[FLAME_OF_REFUSED] = {
	[FLAME_OF_KEPT] = "kept",
	[FLAME_OF_PEAK] = "peak",
	[FLAME_OF_GROWN] = "grown",
	[FLAME_OF_SHM] = "shm",
};

enum flame_of flame_of_name(const char *name)
{
	for (int of = 0; of < FLAME_OF_REFUSED; of++)
		if (strcmp(flame_of_names[of], name) == 0)
			return (enum flame_of)of;
	return FLAME_OF_COUNT;
}

/* `shm_call`: the call whose segments count. */
static uint64_t flame_value(const struct model_site *site, enum flame_of of, uint8_t shm_call)
{
	bool moves = site->call <= KIND_SBRK || site->call >= KIND_MMAP;

	switch (of) {
	case FLAME_OF_KEPT:
		return moves ? site->kept_bytes : 0;
	case FLAME_OF_PEAK:
		return moves ? site->peak_bytes : 0;
	case FLAME_OF_GROWN:
		return moves ? site->bytes : 0;
	case FLAME_OF_SHM:
		return site->call == shm_call ? site->bytes : 0;
	default:
		return site->call <= KIND_SHMAT ? site->failed : 0;
	}
}

static bool flame_grow(struct flame_node *root, const struct model *model,
		       const struct filter *filter, enum flame_of of)
{
	uint8_t shm_call = of == FLAME_OF_SHM ? flame_shm_call(model, filter) : KIND_SHMGET;

	for (uint32_t i = 0; i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];
		struct flame_growth growth = {root, flame_value(site, of, shm_call), false};

		if (growth.value == 0 || !flame_is_wanted(model, site, filter))
			continue;
		root->value += growth.value;
		flame_walk(model, site, flame_descend, &growth);
		if (growth.no_memory)
			return false;
	}
	return true;
}

bool flame_svg(struct out *out, const struct model *model, const struct filter *filter,
	       enum flame_of of)
{
	struct flame_node root = {.name = (char *)"all", .module = ""};
	struct flame_title title = {.session = &model->session, .of = of};
	bool whole = true;

	if (of != FLAME_OF_DEFAULT)
		whole = flame_grow(&root, model, filter, of);
	for (int at = 0; of == FLAME_OF_DEFAULT && at < FLAME_OF_COUNT; at++) {
		title.of = (enum flame_of)at;
		whole = flame_grow(&root, model, filter, title.of);
		if (!whole || root.value)
			break;
	}
	if (root.value == 0 && of == FLAME_OF_DEFAULT)
		title.of = FLAME_OF_KEPT;
	title.note_count = partial_notes(model, filter, title.notes);
	flame_drawing(out, &root, &title);
	free_nodes(root.child);
	return whole;
}
