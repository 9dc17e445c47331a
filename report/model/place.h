/* SPDX-License-Identifier: MIT */
/* The place in a program from which a call came: a function, and its line where that is known. */
#ifndef MEMSHIM_MODEL_PLACE_H
#define MEMSHIM_MODEL_PLACE_H

#include "report/model/stacks.h"

#define PLACE_ARROW " \u2190 " /* between the function and the wrapper that it called */

struct place {
	char function[192]; /* "module+0x1f" without a name; "" without a stack */
	char wrapper[96];   /* the wrapper of the allocator that it called; "": it called malloc */
	char source[96];    /* "file.c:12"; "" unknown */
	char module[64];    /* the file name of its module */
	bool named;
};

/* The innermost function that is neither an allocator's nor a wrapper: see wrappers.h. */
void place_of_stack(const struct model *model, uint32_t instance, uint32_t stack,
		    struct place *place);

/* "function ← wrapper  file.c:12", or "function (module)" without a line. */
const char *place_words(const struct place *place, char *text, size_t bytes);

#endif
