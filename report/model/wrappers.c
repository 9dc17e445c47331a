/* SPDX-License-Identifier: MIT */
#define uthash_nonfatal_oom(element) ((element)->unhashed = true)
#include "report/model/wrappers.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/model.h"

#define PLACES_IN_WRAPPER 2u /* of calls to the allocator */

/* A function that is next to the allocator in some call stack. */
struct wrapper {
	UT_hash_handle hh;
	uint64_t function;
	uint64_t places[PLACES_IN_WRAPPER];
	uint64_t callers[WRAPPER_CALLERS];
	uint32_t place_count, caller_count;
	bool elsewhere; /* it is in a call stack without being next to the allocator */
	bool unhashed;
};

/* One function of a call stack: an inlined one is a place of its frame. */
struct call {
	const struct stack_frame *frames;
	uint32_t count, frame, place;
};

static bool call_at_end(const struct call *call)
{
	return call->frame >= call->count;
}

static struct call call_outer(struct call call)
{
	const struct model_name *name = call.frames[call.frame].name;

	if (name && call.place + 1 < name->count) {
		call.place++;
		return call;
	}
	call.frame++;
	call.place = 0;
	return call;
}

/* Null: it has no name. */
static const char *call_name(const struct call *call)
{
	const struct model_name *name = call->frames[call->frame].name;

	return name && call->place < name->count ? name->places[call->place].function : NULL;
}

static uint64_t call_mix(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * 0x9e3779b97f4a7c15ull;
}

/* Where in its module the call was made. */
static uint64_t wrapper_call_address(const struct call *call)
{
	const struct stack_frame *frame = &call->frames[call->frame];

	return call_mix(call_mix(frame->module ? frame->module->facts.number : 0, frame->offset),
			call->place);
}

/* A function is its module and name; without a name, the address of the call. */
static uint64_t call_function(const struct call *call)
{
	const struct stack_frame *frame = &call->frames[call->frame];
	const char *name = call_name(call);
	uint64_t hash = frame->module ? frame->module->facts.number : 0;

	if (!name)
		return wrapper_call_address(call);
	for (; *name; name++)
		hash = call_mix(hash + 1, (unsigned char)*name);
	return hash;
}

/* ---- by name ---- */

static bool wrapper_has_name(const struct model *model, const char *name)
{
	static const char *const patterns[] = {
#define WRAPPER(pattern) pattern,
#include "report/model/wrappers.def"
#undef WRAPPER
	};

	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (fnmatch(patterns[i], name, FNM_CASEFOLD) == 0)
			return true;
	for (const struct wrapper_name *user = model->wrappers->names; user; user = user->next)
		if (fnmatch(user->pattern, name, 0) == 0)
			return true;
	return false;
}

/* ---- by the log ---- */

/* Adds a value that is not there yet; the count stops one above the capacity. */
static void wrapper_add(uint64_t *values, uint32_t capacity, uint32_t *count, uint64_t value)
{
	for (uint32_t i = 0; i < *count && i < capacity; i++)
		if (values[i] == value)
			return;
	if (*count < capacity)
		values[*count] = value;
	*count += *count <= capacity;
}

static struct wrapper *wrapper_get(struct model *model, uint64_t function)
{
	struct wrapper *wrapper;

	HASH_FIND(hh, model->wrappers->table, &function, sizeof function, wrapper);
	if (wrapper)
		return wrapper;
	wrapper = calloc(1, sizeof *wrapper);
	if (!wrapper) {
		model->no_memory = true;
		return NULL;
	}
	wrapper->function = function;
	HASH_ADD(hh, model->wrappers->table, function, sizeof wrapper->function, wrapper);
	if (!wrapper->unhashed)
		return wrapper;
	model->no_memory = true;
	free(wrapper);
	return NULL;
}

/* The innermost call that is neither the allocator's nor of a wrapper by name. */
static struct call wrapper_first(const struct model *model, const struct stack_frame *frames,
				 uint32_t count)
{
	struct call call = {frames, count, model_caller(frames, count), 0};
	const char *name;

	while (!call_at_end(&call) && (name = call_name(&call)) && wrapper_has_name(model, name))
		call = call_outer(call);
	return call;
}

static void wrappers_see_stack(struct model *model, const struct stack_frame *frames,
			       uint32_t count)
{
	struct call call = wrapper_first(model, frames, count), outer;
	struct wrapper *wrapper;

	if (call_at_end(&call) || call_at_end(&(struct call){frames, count, call.frame + 1, 0}))
		return;
	outer = call_outer(call);
	wrapper = wrapper_get(model, call_function(&call));
	if (!wrapper)
		return;
	wrapper_add(wrapper->places, PLACES_IN_WRAPPER, &wrapper->place_count,
		    wrapper_call_address(&call));
	wrapper_add(wrapper->callers, WRAPPER_CALLERS, &wrapper->caller_count,
		    call_function(&outer));
	for (; !call_at_end(&outer); outer = call_outer(outer)) {
		wrapper = wrapper_get(model, call_function(&outer));
		if (wrapper)
			wrapper->elsewhere = true;
	}
}

static bool wrapper_is_shown(const struct model *model, const struct call *call)
{
	uint64_t function = call_function(call);
	struct wrapper *wrapper;

	HASH_FIND(hh, model->wrappers->table, &function, sizeof function, wrapper);
	return wrapper && !wrapper->elsewhere && wrapper->place_count <= PLACES_IN_WRAPPER &&
	       wrapper->caller_count >= WRAPPER_CALLERS;
}

static void wrappers_clear(struct model_wrappers *wrappers)
{
	struct wrapper *wrapper, *next;

	HASH_ITER (hh, wrappers->table, wrapper, next) {
		HASH_DEL(wrappers->table, wrapper);
		free(wrapper);
	}
}

void wrappers_find(struct model *model)
{
	struct stack_frame frames[STACK_FRAMES_MAX];

	wrappers_clear(model->wrappers);
	for (uint32_t i = 0; i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];
		uint32_t count = site->call <= KIND_SBRK && site->bytes
					 ? model_stack(model, site->instance, site->stack, frames)
					 : 0;

		if (count)
			wrappers_see_stack(model, frames, count);
	}
}

void wrappers_free(struct model_wrappers *wrappers)
{
	wrappers_clear(wrappers);
	free(wrappers);
}

/* ---- questions ---- */

static bool call_is_wrapper(const struct model *model, const struct call *call)
{
	const char *name = call_name(call);

	return (name && wrapper_has_name(model, name)) || wrapper_is_shown(model, call);
}

/* Where only wrappers and libc are left, as at the start of a thread, the innermost one wanted it.
 */
void wanted_find(const struct model *model, const struct stack_frame *frames, uint32_t count,
		 struct wanted *wanted)
{
	struct call call = {frames, count, model_caller(frames, count), 0}, wrapper = call;

	*wanted = (struct wanted){.frame = call.frame};
	while (!call_at_end(&call) &&
	       (model_is_allocator(&frames[call.frame]) || call_is_wrapper(model, &call))) {
		if (!model_is_allocator(&frames[call.frame]))
			wrapper = call;
		call = call_outer(call);
	}
	if (call_at_end(&call) || (call.frame == wanted->frame && call.place == 0))
		return;
	*wanted = (struct wanted){call.frame, call.place, true, wrapper.frame, wrapper.place};
}
