/* SPDX-License-Identifier: MIT */
/* Call stacks, as text and as JSON. */
#ifndef MEMSHIM_VIEW_STACK_H
#define MEMSHIM_VIEW_STACK_H

#include "report/model/model.h"
#include "report/view/json.h"

/* A member with an array of frames, innermost first. An inlined function is a frame. */
void stack_json(struct json *json, const char *name, const struct model *model, uint32_t instance,
		uint32_t stack);

/* The same for any process that has the stack: the pc of a frame in a file is null. */
void stack_frames_json(struct json *json, const char *name, const struct model *model,
		       uint32_t instance, uint32_t stack);

/* Whether the stack has more frames than were recorded. */
bool stack_is_cut(const struct model *model, uint32_t instance, uint32_t stack);

/* One line per frame, each after `indent` blanks. */
void stack_text(struct out *out, const struct model *model, uint32_t instance, uint32_t stack,
		unsigned indent);

/*
 * A frame as text of at most `bytes`: "function", or "module+0x1f" without a name. `place`: which
 * of its inlined functions, 0 the innermost.
 */
const char *stack_words(const struct stack_frame *frame, uint32_t place, char *text, size_t bytes);

/* The module's file name without its folder; "?" without a file. */
const char *stack_module(const struct stack_frame *frame);

#endif
