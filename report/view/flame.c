/* SPDX-License-Identifier: MIT */
#include "report/view/flame.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/human.h"
#include "report/view/stack.h"

#define NAME_BYTES 256
#define DEPTH_MAX (STACK_FRAMES_MAX * FRAME_PLACES_MAX + 2)

/* ---- the frames of one site, outermost first ---- */

typedef void take_frame(void *context, const char *name, const char *module);

static void walk(const struct model *model, const struct model_site *site, take_frame *take,
		 void *context)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, site->instance, site->stack, frames);
	const struct model_process *process = model_process(model, site->instance);
	char name[NAME_BYTES];

	take(context, process ? model_program_name(&process->facts) : "?", "");
	for (uint32_t i = count; i-- > 0;) {
		uint32_t places = frames[i].name && frames[i].name->count ? frames[i].name->count
									  : 1;

		for (uint32_t place = places; place-- > 0;)
			take(context, stack_words(&frames[i], place, name, sizeof name),
			     stack_module(&frames[i]));
	}
	take(context, event_name(site->call), "");
}

static bool is_wanted(const struct model *model, const struct model_site *site,
		      const struct filter *filter)
{
	const struct model_process *process = model_process(model, site->instance);

	return process && filter_process(filter, process);
}

/* ---- folded ---- */

struct folded {
	struct out *out;
	bool any;
};

static void put_folded(void *context, const char *name, const char *module)
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
	for (uint32_t i = 0; i < model->site_count; i++) {
		const struct model_site *site = &model->sites[i];
		uint64_t value = counts ? site->count : site->bytes;
		struct folded folded = {out, false};

		if (value == 0 || !is_wanted(model, site, filter))
			continue;
		walk(model, site, put_folded, &folded);
		out_char(out, ' ');
		out_number(out, value);
		out_char(out, '\n');
	}
}

/* ---- the tree ---- */

struct node {
	char *name;
	const char *module;
	uint64_t value;
	struct node *child, *next; /* the first child; the next sibling */
};

struct growth {
	struct node *at;
	uint64_t value;
	bool no_memory;
};

static void descend(void *context, const char *name, const char *module)
{
	struct growth *growth = context;
	struct node **link = &growth->at->child;

	if (growth->no_memory)
		return;
	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	if (!*link) {
		struct node *node = calloc(1, sizeof *node);

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

static void free_nodes(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		free_nodes(node->child);
		free(node->name);
		free(node);
		node = next;
	}
}

static bool grow(struct node *root, const struct model *model, const struct filter *filter)
{
	for (uint32_t i = 0; i < model->site_count; i++) {
		const struct model_site *site = &model->sites[i];
		struct growth growth = {root, site->bytes, false};

		if (site->bytes == 0 || !is_wanted(model, site, filter))
			continue;
		root->value += site->bytes;
		walk(model, site, descend, &growth);
		if (growth.no_memory)
			return false;
	}
	return true;
}

static unsigned depth(const struct node *node)
{
	unsigned most = 0;

	for (const struct node *child = node->child; child; child = child->next) {
		unsigned below = depth(child) + 1;

		most = below > most ? below : most;
	}
	return most;
}

/* ---- the picture ---- */

#define WIDTH 1200.0
#define ROW 18
#define TITLE_BYTES 90 /* about what fits beside the buttons */
#define TOP 66
#define LEAST 0.3 /* narrower boxes are not drawn */

extern const char flame_script[], flame_script_end[];
__asm__(".pushsection .rodata\n"
	"flame_script:\n"
	".incbin \"report/view/flame.js\"\n"
	"flame_script_end:\n"
	".byte 0\n"
	".popsection\n");

struct picture {
	struct out *out;
	uint64_t total;
	unsigned height;
};

static void put_fixed(struct out *out, double number)
{
	char text[32];

	snprintf(text, sizeof text, "%.2f", number);
	for (char *at = text; *at; at++) /* whatever the locale says */
		if (*at == ',')
			*at = '.';
	out_text(out, text);
}

/* The allocator's frames stand back; the program's are warm, each name with its own shade. */
static void put_fill(struct out *out, const struct node *node)
{
	unsigned hash = 0;
	char text[48];

	for (const char *at = node->name; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	if (strncmp(node->module, "libc.so", 7) == 0 || strncmp(node->module, "ld-", 3) == 0)
		snprintf(text, sizeof text, "hsl(210,%u%%,%u%%)", 30 + hash % 15,
			 74 + hash / 16 % 10);
	else
		snprintf(text, sizeof text, "hsl(%u,%u%%,%u%%)", 18 + hash % 32,
			 78 + hash / 32 % 15, 62 + hash / 512 % 12);
	out_text(out, text);
}

static void put_share(struct out *out, const struct picture *picture, uint64_t value)
{
	char text[HUMAN_BYTES];

	out_text(out, human_bytes(text, value));
	OUT(out, ", ");
	put_fixed(out, 100.0 * (double)value / (double)picture->total);
	out_char(out, '%');
}

static void put_box(const struct picture *picture, const struct node *node, double x, double width,
		    unsigned level)
{
	struct out *out = picture->out;
	unsigned y = picture->height - (level + 1) * ROW;

	OUT(out, "<g class=\"f\" data-l=\"");
	out_number(out, level);
	OUT(out, "\"><title>");
	out_xml(out, node->name);
	if (*node->module) {
		OUT(out, " (");
		out_xml(out, node->module);
		out_char(out, ')');
	}
	OUT(out, ": ");
	put_share(out, picture, node->value);
	OUT(out, "</title><rect x=\"");
	put_fixed(out, x);
	OUT(out, "\" y=\"");
	out_number(out, y);
	OUT(out, "\" width=\"");
	put_fixed(out, width);
	OUT(out, "\" height=\"17\" fill=\"");
	put_fill(out, node);
	OUT(out, "\"/><text x=\"");
	put_fixed(out, x + 3);
	OUT(out, "\" y=\"");
	out_number(out, y + 13);
	OUT(out, "\"></text></g>\n");
}

static void put_boxes(const struct picture *picture, const struct node *node, double x,
		      unsigned level)
{
	double width = WIDTH * (double)node->value / (double)picture->total;

	if (width < LEAST || level > DEPTH_MAX)
		return;
	put_box(picture, node, x, width, level);
	for (const struct node *child = node->child; child; child = child->next) {
		put_boxes(picture, child, x, level + 1);
		x += WIDTH * (double)child->value / (double)picture->total;
	}
}

static void put_title(struct out *out, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;

	OUT(out, "Who asked for memory:");
	if (word == end) {
		out_char(out, ' ');
		out_xml(out, session->name);
	}
	for (; word < end && word < session->command + TITLE_BYTES; word += strlen(word) + 1) {
		out_char(out, ' ');
		out_xml(out, word);
	}
}

static void put_head(const struct picture *picture, const struct model *model)
{
	struct out *out = picture->out;

	OUT(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" viewBox=\"0 0 1200 ");
	out_number(out, picture->height + 30);
	OUT(out, "\" width=\"100%\" onload=\"flame_start(evt)\">\n"
		 "<style>\n"
		 "text { font: 12px ui-monospace, monospace; fill: #222; }\n"
		 ".f { cursor: pointer; } .f text { pointer-events: none; }\n"
		 ".f:hover rect { stroke: #222; stroke-width: 0.7; }\n"
		 ".f.hit rect { fill: #d6409f; } .f.hit text { fill: #fff; }\n"
		 ".f.under { opacity: 0.5; }\n"
		 "#title { font: bold 16px sans-serif; } .button { cursor: pointer; fill: #06c; }\n"
		 "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fdfdfb\"/>\n"
		 "<text id=\"title\" x=\"10\" y=\"24\">");
	put_title(out, &model->session);
	OUT(out,
	    "</text>\n<text id=\"reset\" class=\"button\" x=\"10\" y=\"46\" visibility=\"hidden\">"
	    "&#8592; whole picture</text>\n"
	    "<text id=\"search\" class=\"button\" x=\"1190\" y=\"24\" text-anchor=\"end\">search "
	    "(/)</text>\n"
	    "<text id=\"found\" x=\"1190\" y=\"46\" text-anchor=\"end\"></text>\n"
	    "<text id=\"details\" x=\"10\" y=\"");
	out_number(out, picture->height + 20);
	OUT(out, "\"></text>\n<g id=\"frames\">\n");
}

bool flame_svg(struct out *out, const struct model *model, const struct filter *filter)
{
	struct node root = {.name = (char *)"all", .module = ""};
	struct picture picture = {.out = out};
	bool whole = grow(&root, model, filter);

	picture.total = root.value ? root.value : 1;
	picture.height = TOP + (depth(&root) + 1) * ROW;
	put_head(&picture, model);
	if (root.value)
		put_boxes(&picture, &root, 0, 0);
	else
		OUT(out, "<text x=\"10\" y=\"70\">No call stack asked for memory.</text>\n");
	OUT(out, "</g>\n<script><![CDATA[\n");
	out_raw(out, flame_script, (size_t)(flame_script_end - flame_script));
	OUT(out, "]]></script>\n</svg>\n");
	free_nodes(root.child);
	return whole;
}
