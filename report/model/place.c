/* SPDX-License-Identifier: MIT */
/* Calls with the same innermost function outside allocators, and the same line, have one place. */
#include "report/model/place.h"

#include <stdio.h>

#include "report/model/model.h"
#include "report/util/path.h"

/* The function at a place of the frame: inlined functions have a place of their own. */
static const struct frame_place *place_in_frame(const struct stack_frame *frame, uint32_t at)
{
	return frame->name && at < frame->name->count ? &frame->name->places[at] : NULL;
}

static void place_function(const struct stack_frame *frame, uint32_t at, char *text, size_t bytes)
{
	const struct frame_place *first = place_in_frame(frame, at);

	if (first && first->function)
		snprintf(text, bytes, "%s", first->function);
	else
		snprintf(text, bytes, "%.63s+%#llx",
			 frame->module ? path_base_name(frame->module->facts.path) : "?",
			 (unsigned long long)frame->offset);
}

static void place_name_frame(struct place *place, const struct stack_frame *frame, uint32_t at)
{
	const struct frame_place *first = place_in_frame(frame, at);

	place->named = first && first->function;
	snprintf(place->module, sizeof place->module, "%.63s",
		 frame->module ? path_base_name(frame->module->facts.path)
		 : first       ? "jit"
			       : "?");
	place_function(frame, at, place->function, sizeof place->function);
	if (first && first->file && first->line)
		snprintf(place->source, sizeof place->source, "%.80s:%u",
			 path_base_name(first->file), first->line);
}

void place_of_stack(const struct model *model, uint32_t instance, uint32_t stack,
		    struct place *place)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = stack ? model_stack(model, instance, stack, frames) : 0;
	struct wanted wanted;

	*place = (struct place){.named = false};
	if (!count)
		return;
	wanted_find(model, frames, count, &wanted);
	place_name_frame(place, &frames[wanted.frame], wanted.place);
	if (wanted.wrapped)
		place_function(&frames[wanted.wrapper_frame], wanted.wrapper_place, place->wrapper,
			       sizeof place->wrapper);
}

const char *place_words(const struct place *place, char *text, size_t bytes)
{
	const char *arrow = *place->wrapper ? PLACE_ARROW : "";

	if (*place->source)
		snprintf(text, bytes, "%s%s%s  %s", place->function, arrow, place->wrapper,
			 place->source);
	else if (place->named)
		snprintf(text, bytes, "%s%s%s (%s)", place->function, arrow, place->wrapper,
			 place->module);
	else
		snprintf(text, bytes, "%s%s%s", place->function, arrow, place->wrapper);
	return text;
}
