/* SPDX-License-Identifier: MIT */
/*
 * A flame graph as one self-contained SVG file. Each frame is a box; its width is the sum over
 * all stacks through it, and its caller is the box below. A browser can zoom and search it. The
 * labels are readable without a script.
 */
#ifndef MEMSHIM_FLAME_DRAWING_H
#define MEMSHIM_FLAME_DRAWING_H

#include "report/model/model.h"
#include "report/view/out.h"
#include "report/view/partial.h"

#define FLAME_CALL "the call" /* the module of a stack's last box, such as sbrk */

struct flame_node {
	char *name;
	const char *module; /* the file's name; "" if there is none */
	uint64_t value;
	struct flame_node *child, *next; /* first child, next sibling */
};

/* What the width of a box is. */
enum flame_of {
	FLAME_OF_KEPT,    /* the growth of the break that was still there at the end */
	FLAME_OF_PEAK,    /* that was there at the peak */
	FLAME_OF_GROWN,   /* all growth, also what was given back */
	FLAME_OF_SHM,     /* the segments created; if none were, the attached ones */
	FLAME_OF_REFUSED, /* the number of refused calls, not bytes */
	FLAME_OF_COUNT,
	FLAME_OF_DEFAULT = FLAME_OF_COUNT,
};

/* The text above the boxes. */
struct flame_title {
	const struct session_facts *session;
	enum flame_of of;
	char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES];
	unsigned note_count;
};

void flame_drawing(struct out *out, const struct flame_node *root, const struct flame_title *title);

#endif
