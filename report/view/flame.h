/* SPDX-License-Identifier: MIT */
/*
 * Call sites as a tree, outermost frame first: for flame graphs. Each stack is the program, its
 * frames (an inlined function is one of its own) and the call.
 */
#ifndef MEMSHIM_VIEW_FLAME_H
#define MEMSHIM_VIEW_FLAME_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* One line a stack, "program;outer;...;inner;call N": N bytes, or calls if `counts`. */
void flame_folded(struct out *out, const struct model *model, const struct filter *filter,
		  bool counts);

/*
 * A picture that needs nothing but a browser: frames as boxes as wide as the bytes they stand for,
 * to be zoomed into and searched. False without memory.
 */
bool flame_svg(struct out *out, const struct model *model, const struct filter *filter);

#endif
