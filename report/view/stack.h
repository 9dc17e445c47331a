/* SPDX-License-Identifier: MIT */
/* Call stacks, for people and for programs. */
#ifndef MEMSHIM_VIEW_STACK_H
#define MEMSHIM_VIEW_STACK_H

#include "report/model/model.h"
#include "report/view/json.h"

/* An array of frames, innermost first, each inlined function one of its own. */
void stack_json(struct json *json, const char *name, const struct model *model, uint32_t instance,
		uint32_t stack);

/* Whether it was cut: its outermost frame is not where the stack begins. */
bool stack_is_cut(const struct model *model, uint32_t instance, uint32_t stack);

/* One frame a line, each after `indent` blanks. */
void stack_text(struct out *out, const struct model *model, uint32_t instance, uint32_t stack,
		unsigned indent);

/*
 * A frame in short, as text of at most `bytes`: "function", or "module+0x1f" when it has no name.
 * `place`: 0 the innermost of its functions.
 */
const char *stack_words(const struct stack_frame *frame, uint32_t place, char *text, size_t bytes);

/* The file's name without its folder; "?" for no file. */
const char *stack_module(const struct stack_frame *frame);

#endif
