/* SPDX-License-Identifier: MIT */
/* Calls with the same innermost function outside allocators, and the same line, have one place. */
#include "report/model/place.h"

#include <stdio.h>

#include "report/model/model.h"
#include "report/util/path.h"

static void place_name_frame(struct place *place, const struct stack_frame *frame)
{
	const struct frame_place *first = frame->name && frame->name->count
						  ? &frame->name->places[0]
						  : NULL;

	place->named = first && first->function;
	snprintf(place->module, sizeof place->module, "%.63s",
		 frame->module ? path_base_name(frame->module->facts.path) : "?");
	if (place->named)
		snprintf(place->function, sizeof place->function, "%s", first->function);
	else
		snprintf(place->function, sizeof place->function, "%s+%#llx", place->module,
			 (unsigned long long)frame->offset);
	if (first && first->file && first->line)
		snprintf(place->source, sizeof place->source, "%.80s:%u",
			 path_base_name(first->file), first->line);
}

void place_of_stack(const struct model *model, uint32_t instance, uint32_t stack,
		    struct place *place)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = stack ? model_stack(model, instance, stack, frames) : 0;

	*place = (struct place){.named = false};
	if (count)
		place_name_frame(place, &frames[model_caller(frames, count)]);
}

const char *place_words(const struct place *place, char *text, size_t bytes)
{
	if (*place->source)
		snprintf(text, bytes, "%s  %s", place->function, place->source);
	else if (place->named)
		snprintf(text, bytes, "%s (%s)", place->function, place->module);
	else
		snprintf(text, bytes, "%s", place->function);
	return text;
}
