/* SPDX-License-Identifier: MIT */
/*
 * Call sites as a tree for flame graphs, outermost frame first. Each stack is the program, its
 * frames and the call. An inlined function is a frame.
 */
#ifndef MEMSHIM_VIEW_FLAME_H
#define MEMSHIM_VIEW_FLAME_H

#include "report/model/filter.h"
#include "report/view/flame_drawing.h"
#include "report/view/out.h"

/* One line per stack, "program;outer;...;inner;call N". N: bytes, or calls if `counts`. */
void flame_folded(struct out *out, const struct model *model, const struct filter *filter,
		  bool counts);

/* The name that --flame-of takes; FLAME_OF_COUNT when there is none such. */
enum flame_of flame_of_name(const char *name);

/*
 * An SVG file that needs only a browser: each frame is a box, as wide as its bytes of that kind.
 * The reader can zoom and search. FLAME_OF_DEFAULT: the first kind that has any bytes, from
 * FLAME_OF_KEPT on; without any, the refused calls. False without memory.
 */
bool flame_svg(struct out *out, const struct model *model, const struct filter *filter,
	       enum flame_of of);

#endif
