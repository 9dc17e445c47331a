/* SPDX-License-Identifier: MIT */
/*
 * A flame graph as one self-contained picture (SVG): a box for each frame, as wide as what all
 * stacks through it asked for, callers below. It can be zoomed and searched in a browser, and its
 * labels are there without one.
 */
#ifndef MEMSHIM_FLAME_PICTURE_H
#define MEMSHIM_FLAME_PICTURE_H

#include "report/model/model.h"
#include "report/view/out.h"
#include "report/view/partial.h"

#define FLAME_CALL "the call" /* in the place of a module: no function, but sbrk, shmget ... */

struct flame_node {
	char *name;
	const char *module; /* the file's name; "" none */
	uint64_t value;
	struct flame_node *child, *next; /* the first child; the next sibling */
};

/* What stands above the boxes. */
struct flame_title {
	const struct session_facts *session;
	bool of_refused; /* values are refused calls, and not bytes */
	char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES];
	unsigned note_count;
};

void flame_picture(struct out *out, const struct flame_node *root, const struct flame_title *title);

#endif
