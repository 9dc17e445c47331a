/* SPDX-License-Identifier: MIT */
#include "report/export/massif_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/export/samples.h"
#include "report/util/array.h"
#include "report/util/path.h"
#include "report/view/partial.h"
#include "report/view/stack.h"

#define THRESHOLD_PERCENT 1u
#define LABEL_BYTES 4608u /* a function's name, and where it is */
#define NAME_BYTES 4352u

struct massif_node {
	char *label;
	uint64_t bytes;
	struct massif_node *child, *next;
};

struct massif_tree {
	const struct model *model;
	struct massif_node top;
	uint64_t threshold; /* smaller nodes are counted together */
	bool no_memory;
};

/* ---- sites ---- */

/* Sums grow at the end; massif_sites_join makes one row of a site's rows. */
bool massif_sites_add(struct massif_sites *sites, uint32_t site, uint64_t bytes)
{
	if (site == HEAP_SITE_HIDDEN)
		return true;
	if (sites->count && sites->rows[sites->count - 1].site == site) {
		sites->rows[sites->count - 1].bytes += bytes;
		return true;
	}
	if (!ARRAY_RESERVE(sites->rows, sites->capacity, sites->count + 1))
		return false;
	sites->rows[sites->count++] = (struct massif_site){site, bytes};
	return true;
}

static int massif_compare_sites(const void *a, const void *b)
{
	const struct massif_site *x = a, *y = b;

	return x->site < y->site ? -1 : x->site > y->site;
}

static void massif_sites_join(struct massif_sites *sites)
{
	uint32_t used = 0;

	if (sites->count)
		qsort(sites->rows, sites->count, sizeof *sites->rows, massif_compare_sites);
	for (uint32_t i = 0; i < sites->count; i++)
		if (used && sites->rows[used - 1].site == sites->rows[i].site)
			sites->rows[used - 1].bytes += sites->rows[i].bytes;
		else
			sites->rows[used++] = sites->rows[i];
	sites->count = used;
}

/* ---- the tree ---- */

static struct massif_node *massif_node_find(struct massif_tree *tree, struct massif_node *parent,
					    const char *label)
{
	struct massif_node *node = parent->child;

	while (node && strcmp(node->label, label) != 0)
		node = node->next;
	if (node)
		return node;
	node = calloc(1, sizeof *node);
	if (node)
		node->label = strdup(label);
	if (!node || !node->label) {
		free(node);
		tree->no_memory = true;
		return NULL;
	}
	node->next = parent->child;
	parent->child = node;
	return node;
}

static void massif_label(const struct stack_frame *frame, uint32_t at, char label[LABEL_BYTES])
{
	const struct frame_place *place = frame->name && at < frame->name->count
						  ? &frame->name->places[at]
						  : NULL;
	char name[NAME_BYTES];

	stack_words(frame, at, name, sizeof name);
	if (place && place->file && place->line)
		snprintf(label, LABEL_BYTES, "0x%llx: %s (%.96s:%u)",
			 (unsigned long long)frame->offset, name, path_base_name(place->file),
			 place->line);
	else
		snprintf(label, LABEL_BYTES, "0x%llx: %s (in %.200s)",
			 (unsigned long long)frame->offset, name,
			 frame->module ? frame->module->facts.path : "?");
}

/* Charges the function at a place of a frame and all its callers, outwards. */
static void massif_tree_add_stack(struct massif_tree *tree, const struct stack_frame *frames,
				  uint32_t count, uint64_t bytes)
{
	struct massif_node *node = &tree->top;
	char label[LABEL_BYTES];
	struct wanted wanted;

	wanted_find(tree->model, frames, count, &wanted);
	for (uint32_t i = wanted.frame; i < count; i++) {
		uint32_t places = frames[i].name && frames[i].name->count ? frames[i].name->count
									  : 1;

		for (uint32_t at = i == wanted.frame ? wanted.place : 0; node && at < places;
		     at++) {
			massif_label(&frames[i], at, label);
			node = massif_node_find(tree, node, label);
			if (node)
				node->bytes += bytes;
		}
	}
	if (node && partial_is_cut(frames, count) &&
	    (node = massif_node_find(tree, node, "0x0: " PARTIAL_CUT_NAME)))
		node->bytes += bytes;
}

static void massif_tree_add_unknown(struct massif_tree *tree, uint64_t bytes)
{
	struct massif_node *node = bytes ? massif_node_find(tree, &tree->top,
							    "0x0: " SAMPLE_NO_STACK)
					 : NULL;

	if (node)
		node->bytes += bytes;
}

static void massif_tree_add_site(struct massif_tree *tree, const struct massif_site *row)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	const struct model_site *site = row->site && row->site <= tree->model->sites.count
						? &tree->model->sites.rows[row->site - 1]
						: NULL;
	uint32_t count = site ? model_stack(tree->model, site->instance, site->stack, frames) : 0;

	if (count)
		massif_tree_add_stack(tree, frames, count, row->bytes);
	else
		massif_tree_add_unknown(tree, row->bytes);
}

static void massif_free_nodes(struct massif_node *node)
{
	while (node) {
		struct massif_node *next = node->next;

		massif_free_nodes(node->child);
		free(node->label);
		free(node);
		node = next;
	}
}

/* ---- output ---- */

static int massif_compare_nodes(const void *a, const void *b)
{
	const struct massif_node *x = *(const struct massif_node *const *)a;
	const struct massif_node *y = *(const struct massif_node *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->label, y->label);
}

static void massif_put_node(struct out *out, struct massif_tree *tree, struct massif_node *node,
			    unsigned depth);

static void massif_put_start(struct out *out, unsigned depth, uint32_t children, uint64_t bytes)
{
	out_pad(out, depth);
	out_char(out, 'n');
	out_number(out, children);
	OUT(out, ": ");
	out_number(out, bytes);
	out_char(out, ' ');
}

/* The small nodes, in one line: as massif writes it. */
static void massif_put_small(struct out *out, unsigned depth, uint32_t count, uint64_t bytes)
{
	massif_put_start(out, depth, 0, bytes);
	OUT(out, "in ");
	out_number(out, count);
	out_text(out, count == 1 ? " place, " : " places, all ");
	OUT(out, "below massif's threshold (1.00%)\n");
}

static void massif_put_children(struct out *out, struct massif_tree *tree,
				struct massif_node **nodes, uint32_t count, uint32_t large,
				unsigned depth)
{
	uint64_t small_bytes = 0;

	for (uint32_t i = 0; i < large; i++)
		massif_put_node(out, tree, nodes[i], depth);
	for (uint32_t i = large; i < count; i++)
		small_bytes += nodes[i]->bytes;
	if (large < count)
		massif_put_small(out, depth, count - large, small_bytes);
}

static void massif_put_node(struct out *out, struct massif_tree *tree, struct massif_node *node,
			    unsigned depth)
{
	struct massif_node **nodes;
	uint32_t count = 0, large = 0, i = 0;

	for (const struct massif_node *child = node->child; child; child = child->next) {
		count++;
		large += child->bytes >= tree->threshold;
	}
	nodes = calloc(count + 1, sizeof *nodes);
	if (!nodes) {
		tree->no_memory = true;
		count = large = 0;
	}
	for (struct massif_node *child = node->child; child && nodes; child = child->next)
		nodes[i++] = child;
	if (count)
		qsort(nodes, count, sizeof *nodes, massif_compare_nodes);
	massif_put_start(out, depth, large + (large < count), node->bytes);
	out_safe(out, node->label);
	out_char(out, '\n');
	massif_put_children(out, tree, nodes, count, large, depth + 1);
	free(nodes);
}

bool massif_tree_put(struct out *out, const struct model *model, struct massif_sites *sites,
		     uint64_t heap, uint64_t attached)
{
	struct massif_tree tree = {.model = model,
				   .threshold = (heap + attached) * THRESHOLD_PERCENT / 100};
	char label[] = "(growth of the break, without allocators and wrappers of malloc)";
	uint64_t known = 0;

	tree.top = (struct massif_node){.label = label, .bytes = heap};
	massif_sites_join(sites);
	for (uint32_t i = 0; i < sites->count; i++) {
		massif_tree_add_site(&tree, &sites->rows[i]);
		known += sites->rows[i].bytes;
	}
	massif_tree_add_unknown(&tree, heap > known ? heap - known : 0);
	massif_put_node(out, &tree, &tree.top, 0);
	massif_free_nodes(tree.top.child);
	return !tree.no_memory;
}
