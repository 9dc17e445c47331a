/* SPDX-License-Identifier: MIT */
#include "report/view/stack.h"

#include <stdio.h>

#include "report/util/path.h"
#include "report/view/partial.h"

const char *stack_module(const struct stack_frame *frame)
{
	return frame->module ? path_base_name(frame->module->facts.path) : "?";
}

static uint32_t place_count(const struct stack_frame *frame)
{
	return frame->name && frame->name->count ? frame->name->count : 1;
}

static const struct frame_place *place_of(const struct stack_frame *frame, uint32_t place)
{
	static const struct frame_place unknown;

	return frame->name && place < frame->name->count ? &frame->name->places[place] : &unknown;
}

const char *stack_words(const struct stack_frame *frame, uint32_t place, char *text, size_t bytes)
{
	const char *function = place_of(frame, place)->function;

	if (frame->is_signal)
		snprintf(text, bytes, "<signal handler called>");
	else if (function)
		snprintf(text, bytes, "%s", function);
	else
		snprintf(text, bytes, "%s+%#llx", stack_module(frame),
			 (unsigned long long)frame->offset);
	return text;
}

static void stack_put_frame(struct json *json, const struct stack_frame *frame, uint32_t i)
{
	const struct frame_place *place = place_of(frame, i);

	json_open(json, NULL, '{');
	json_address_or_null(json, "pc", frame->pc);
	json_text_or_null(json, "module", frame->module ? frame->module->facts.path : NULL);
	json_address(json, "offset", frame->offset);
	json_text_or_null(json, "function", place->function);
	json_text_or_null(json, "file", place->file);
	json_number_or_null(json, "line", place->line != 0, place->line);
	if (place->inlined)
		json_bool(json, "inlined", true);
	if (frame->is_signal)
		json_bool(json, "signal", true);
	json_close(json, '}');
}

static void stack_put_frames(struct json *json, const char *name, const struct stack_frame *frames,
			     uint32_t count)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t place = 0; place < place_count(&frames[i]); place++)
			stack_put_frame(json, &frames[i], place);
	json_close(json, ']');
}

void stack_json(struct json *json, const char *name, const struct model *model, uint32_t instance,
		uint32_t stack)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, instance, stack, frames);

	stack_put_frames(json, name, frames, count);
}

void stack_frames_json(struct json *json, const char *name, const struct model *model,
		       uint32_t instance, uint32_t stack)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, instance, stack, frames);

	for (uint32_t i = 0; i < count; i++)
		if (frames[i].module)
			frames[i].pc = 0;
	stack_put_frames(json, name, frames, count);
}

static void stack_put_line(struct out *out, const struct stack_frame *frame, uint32_t i)
{
	const struct frame_place *place = place_of(frame, i);
	char text[256];

	out_safe(out, stack_words(frame, i, text, sizeof text));
	out_color(out, COLOR_DIM);
	if (place->file) {
		OUT(out, "  ");
		out_safe(out, path_base_name(place->file));
		out_char(out, ':');
		out_number(out, place->line);
	}
	if (place->inlined)
		OUT(out, "  inlined");
	else if (place->function) {
		OUT(out, "  (");
		out_safe(out, stack_module(frame));
		out_char(out, ')');
	}
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

bool stack_is_cut(const struct model *model, uint32_t instance, uint32_t stack)
{
	struct stack_frame frames[STACK_FRAMES_MAX];

	return partial_is_cut(frames, model_stack(model, instance, stack, frames));
}

void stack_text(struct out *out, const struct model *model, uint32_t instance, uint32_t stack,
		unsigned indent)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, instance, stack, frames);
	char advice[PARTIAL_NOTE_BYTES];

	for (uint32_t i = 0; i < count; i++)
		for (uint32_t place = 0; place < place_count(&frames[i]); place++) {
			out_pad(out, indent);
			stack_put_line(out, &frames[i], place);
		}
	if (!partial_is_cut(frames, count))
		return;
	out_pad(out, indent);
	out_color(out, COLOR_DIM);
	OUT(out, PARTIAL_CUT_NAME "; ");
	out_text(out, partial_depth_advice(model, advice));
	out_char(out, '\n');
	out_color(out, COLOR_NONE);
}
