/* SPDX-License-Identifier: MIT */
#include "report/view/flame_drawing.h"

#include <stdio.h>
#include <string.h>

#include "report/util/format.h"

#define WIDTH 1200.0
#define ROW 18
#define TOP 84 /* y of the boxes: title, command, legend and one row per note are above */
#define NOTE_TOP 86
#define LEAST 0.3       /* the width below which a box is not drawn */
#define LETTER 7.25     /* width of a character in a label */
#define TITLE_BYTES 130 /* of the command: about what fits beside the numbers */
#define DEPTH_MAX (STACK_FRAMES_MAX * FRAME_PLACES_MAX + 3)

extern const char flame_script[], flame_script_end[];
__asm__(".pushsection .rodata\n"
	"flame_script:\n"
	".incbin \"report/view/flame.js\"\n"
	"flame_script_end:\n"
	".byte 0\n"
	".popsection\n");

struct drawing {
	struct out *out;
	uint64_t total;
	unsigned top, height;
	const struct flame_title *title;
};

static unsigned flame_drawing_depth(const struct flame_node *node)
{
	unsigned most = 0;

	for (const struct flame_node *child = node->child; child; child = child->next) {
		unsigned below = flame_drawing_depth(child) + 1;

		most = below > most ? below : most;
	}
	return most;
}

/* ---- boxes ---- */

static void flame_drawing_put_fixed(struct out *out, double number)
{
	char text[32];

	snprintf(text, sizeof text, "%.2f", number);
	for (char *at = text; *at; at++) /* the locale may use a decimal comma */
		if (*at == ',')
			*at = '.';
	out_text(out, text);
}

static bool is_libc(const struct flame_node *node)
{
	return strncmp(node->module, "libc.so", 7) == 0 || strncmp(node->module, "ld-", 3) == 0;
}

/*
 * Fill colors: blue for libc, warm for the program with a shade for each name, green for the
 * call.
 */
static void flame_drawing_put_fill(struct out *out, const struct flame_node *node)
{
	unsigned hash = 0;
	char text[48];

	for (const char *at = node->name; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	if (strcmp(node->module, FLAME_CALL) == 0)
		snprintf(text, sizeof text, "hsl(120,%u%%,%u%%)", 22 + hash % 8, 72 + hash / 8 % 8);
	else if (is_libc(node))
		snprintf(text, sizeof text, "hsl(210,%u%%,%u%%)", 30 + hash % 15,
			 74 + hash / 16 % 10);
	else
		snprintf(text, sizeof text, "hsl(%u,%u%%,%u%%)", 18 + hash % 32,
			 78 + hash / 32 % 15, 62 + hash / 512 % 12);
	out_text(out, text);
}

static void flame_drawing_put_share(struct out *out, const struct drawing *drawing, uint64_t value)
{
	char text[FORMAT_BYTES];

	out_text(out, drawing->title->of == FLAME_OF_REFUSED ? format_count(text, value)
							     : format_bytes(text, value));
	OUT(out, ", ");
	flame_drawing_put_fixed(out, 100.0 * (double)value / (double)drawing->total);
	out_char(out, '%');
}

/* "function (file)". The name of an unnamed frame already contains the file. */
static void write_name(const struct flame_node *node, char *to, size_t bytes)
{
	size_t length = strlen(node->module);

	if (length == 0 || strcmp(node->module, FLAME_CALL) == 0 ||
	    (strncmp(node->name, node->module, length) == 0 && node->name[length] == '+'))
		snprintf(to, bytes, "%s", node->name);
	else
		snprintf(to, bytes, "%s (%s)", node->name, node->module);
}

/* Cuts the name to the box. flame.js cuts in the same way after a zoom. */
static void flame_drawing_put_label(struct out *out, char *name, double width)
{
	size_t capacity = width < 6 ? 0 : (size_t)((width - 6) / LETTER), length = strlen(name);

	if (capacity < 3)
		return;
	if (length > capacity) {
		length = capacity - 1;
		while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
			length--;
		name[length] = '\0';
		out_xml(out, name);
		OUT(out, "\u2026");
		return;
	}
	out_xml(out, name);
}

static void flame_drawing_put_box(const struct drawing *drawing, const struct flame_node *node,
				  double x, double width, unsigned level)
{
	struct out *out = drawing->out;
	unsigned y = drawing->height - (level + 1) * ROW;
	char name[640];

	write_name(node, name, sizeof name);
	OUT(out, "<g class=\"f\" data-l=\"");
	out_number(out, level);
	OUT(out, "\"><title>");
	out_xml(out, name);
	OUT(out, ": ");
	flame_drawing_put_share(out, drawing, node->value);
	OUT(out, "</title><rect x=\"");
	flame_drawing_put_fixed(out, x);
	OUT(out, "\" y=\"");
	out_number(out, y);
	OUT(out, "\" width=\"");
	flame_drawing_put_fixed(out, width);
	OUT(out, "\" height=\"17\" fill=\"");
	flame_drawing_put_fill(out, node);
	OUT(out, "\"/><text x=\"");
	flame_drawing_put_fixed(out, x + 3);
	OUT(out, "\" y=\"");
	out_number(out, y + 13);
	OUT(out, "\">");
	flame_drawing_put_label(out, name, width);
	OUT(out, "</text></g>\n");
}

static void flame_drawing_put_boxes(const struct drawing *drawing, const struct flame_node *node,
				    double x, unsigned level)
{
	double width = WIDTH * (double)node->value / (double)drawing->total;

	if (width < LEAST || level > DEPTH_MAX)
		return;
	flame_drawing_put_box(drawing, node, x, width, level);
	for (const struct flame_node *child = node->child; child; child = child->next) {
		flame_drawing_put_boxes(drawing, child, x, level + 1);
		x += WIDTH * (double)child->value / (double)drawing->total;
	}
}

/* ---- above the boxes ---- */

/* The command in one line, cut to the width of the drawing. */
static void flame_drawing_put_command(struct out *out, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;
	char text[TITLE_BYTES + 1];
	size_t used = 0;

	if (word == end)
		used = (size_t)snprintf(text, sizeof text, "%s", session->name);
	for (; word < end && used < TITLE_BYTES; word++)
		text[used++] = *word > 0 && *word <= ' ' ? ' ' : *word ? *word : ' ';
	if (used > TITLE_BYTES)
		used = TITLE_BYTES;
	while (word < end && used > 0 && ((unsigned char)text[used - 1] & 0xc0) == 0x80)
		used--;
	text[used] = '\0';
	out_xml(out, text);
	if (word < end)
		OUT(out, "\u2026");
}

static void flame_drawing_put_style(struct out *out)
{
	OUT(out, "<style>\n"
		 "text { font: 12px ui-monospace, monospace; fill: #222; }\n"
		 ".f { cursor: pointer; } .f text { pointer-events: none; }\n"
		 ".f:hover rect { stroke: #222; stroke-width: 0.7; }\n"
		 ".f.hit rect { fill: #c2308f; } .f.hit text { fill: #fff; }\n"
		 ".f.under { opacity: 0.5; } .right { text-anchor: end; }\n"
		 "#title { font: bold 16px sans-serif; } .button { cursor: pointer; fill: #06c; }\n"
		 "#details { paint-order: stroke; stroke: #fdfdfb; stroke-width: 8px; "
		 "stroke-linejoin: round; }\n"
		 ".program { fill: hsl(30,85%,55%); } .libc { fill: hsl(210,40%,65%); }\n"
		 ".call { fill: hsl(120,26%,60%); } .note { fill: #a33; }\n"
		 "</style>\n");
}

static const struct {
	const char *title, *width;
} flame_words[FLAME_OF_COUNT] = {
	[FLAME_OF_KEPT] = {"Who keeps memory", "the growth of the break that was there at the end"},
	[FLAME_OF_PEAK] = {"Who had memory at the peak",
			   "the growth of the break that was there at its peak"},
	[FLAME_OF_GROWN] = {"Who grew the break", "all growth of the break, given back or not"},
	[FLAME_OF_SHM] = {"Who asked for shared memory", "the segments created or attached"},
	[FLAME_OF_REFUSED] = {"Who asked for memory and was refused", "the number of calls"},
};

static void flame_drawing_put_title(const struct drawing *drawing)
{
	struct out *out = drawing->out;
	char total[FORMAT_BYTES];

	OUT(out, "<text id=\"title\" x=\"10\" y=\"24\">");
	out_text(out, flame_words[drawing->title->of].title);
	OUT(out, ": ");
	if (drawing->title->of == FLAME_OF_REFUSED) {
		out_text(out, format_count(total, drawing->total));
		out_text(out, drawing->total == 1 ? " call" : " calls");
	} else {
		out_text(out, format_bytes(total, drawing->total));
	}
	OUT(out, "</text>\n");
}

/* Notes on missing data: the drawing shows a part, or refused calls. */
static void flame_drawing_put_notes(const struct drawing *drawing)
{
	for (unsigned i = 0; i < drawing->title->note_count; i++) {
		OUT(drawing->out, "<text class=\"note\" x=\"10\" y=\"");
		out_number(drawing->out, NOTE_TOP + i * ROW);
		OUT(drawing->out, "\">");
		out_xml(drawing->out, drawing->title->notes[i]);
		OUT(drawing->out, "</text>\n");
	}
}

static void flame_drawing_put_head(const struct drawing *drawing)
{
	struct out *out = drawing->out;

	flame_drawing_put_title(drawing);
	OUT(out, "<text id=\"command\" x=\"10\" y=\"46\">");
	flame_drawing_put_command(out, drawing->title->session);
	OUT(out,
	    "</text>\n<text x=\"10\" y=\"66\"><tspan class=\"program\">&#9632;</tspan> program and "
	    "libraries  <tspan class=\"libc\">&#9632;</tspan> libc and loader  "
	    "<tspan class=\"call\">&#9632;</tspan> the call; as wide as ");
	out_text(out, flame_words[drawing->title->of].width);
	OUT(out,
	    "</text>\n"
	    "<text id=\"search\" class=\"button right\" x=\"1190\" y=\"24\">search (/)</text>\n"
	    "<text id=\"found\" class=\"right\" x=\"1190\" y=\"46\"></text>\n"
	    "<text id=\"reset\" class=\"button right\" x=\"1190\" y=\"66\" "
	    "visibility=\"hidden\">&#8592; whole graph (Esc)</text>\n");
	flame_drawing_put_notes(drawing);
}

static void flame_drawing_put_nothing(const struct drawing *drawing)
{
	OUT(drawing->out, "<text x=\"10\" y=\"");
	out_number(drawing->out, drawing->top + ROW - 4);
	OUT(drawing->out, "\">No call stack asked for memory.</text>\n");
}

static void flame_drawing_put_frames(const struct drawing *drawing, const struct flame_node *root)
{
	struct out *out = drawing->out;

	OUT(out, "<g id=\"frames\">\n");
	if (root->value)
		flame_drawing_put_boxes(drawing, root, 0, 0);
	else
		flame_drawing_put_nothing(drawing);
	OUT(out, "</g>\n<text id=\"details\" x=\"10\" y=\"");
	out_number(out, drawing->height + 20);
	OUT(out, "\"></text>\n");
}

void flame_drawing(struct out *out, const struct flame_node *root, const struct flame_title *title)
{
	unsigned top = TOP + title->note_count * ROW;
	struct drawing drawing = {out, root->value ? root->value : 1, top,
				  top + (flame_drawing_depth(root) + 1) * ROW, title};

	OUT(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" viewBox=\"0 0 1200 ");
	out_number(out, drawing.height + 30);
	OUT(out, "\" width=\"1200\" height=\"");
	out_number(out, drawing.height + 30);
	OUT(out, "\" onload=\"flame_start()\">\n");
	flame_drawing_put_style(out);
	OUT(out, "<rect width=\"100%\" height=\"100%\" fill=\"#fdfdfb\"/>\n");
	flame_drawing_put_head(&drawing);
	flame_drawing_put_frames(&drawing, root);
	OUT(out, "<script><![CDATA[\n");
	out_raw(out, flame_script, (size_t)(flame_script_end - flame_script));
	OUT(out, "]]></script>\n</svg>\n");
}
