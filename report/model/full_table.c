/* SPDX-License-Identifier: MIT */
#include "report/model/full_table.h"

#include <stdlib.h>

static const struct model_segments *objects_of(const struct model *model, enum object_kind kind)
{
	return kind == SHARED_MEMORY ? &model->segments : &model->objects;
}

/* The program of the creator of an object that exists; null when it is none of this kind. */
static struct model_program *creator_program(const struct model *model,
					     const struct model_segment *object,
					     enum object_kind kind)
{
	const struct model_process *creator = model_process(model, object->creator);

	if (object->kind != kind || object->created == CREATED_NOT ||
	    (object->removed && !object->now) || !creator)
		return NULL;
	return creator->program;
}

static struct model_program *program_with_most(const struct model *model, enum object_kind kind)
{
	const struct model_segments *of = objects_of(model, kind);
	uint64_t page = model->session.page_bytes ? model->session.page_bytes : 4096;
	struct model_program *program, *next, *most = NULL;

	HASH_ITER (hh, model->processes.programs, program, next)
		program->tally = (struct model_tally){0};
	for (uint32_t i = 0; i < of->count; i++) {
		const struct model_segment *object = of->rows[i];

		program = creator_program(model, object, kind);
		if (!program)
			continue;
		program->tally.segments++;
		program->tally.pages += (object->size + page - 1) / page;
		program->tally.creators += program->tally.last_creator != object->creator;
		program->tally.last_creator = object->creator;
		if (!most || program->tally.segments > most->tally.segments)
			most = program;
	}
	return most;
}

static int compare_stacks(const void *first, const void *second)
{
	const struct model_segment *a = *(struct model_segment *const *)first,
				   *b = *(struct model_segment *const *)second;

	return a->creator_stack < b->creator_stack ? -1 : a->creator_stack > b->creator_stack;
}

/* The longest run of equal call stacks in sorted objects. */
static void note_longest_run(struct model_failure *failure, struct model_segment *const *objects,
			     uint32_t count)
{
	uint32_t next;

	for (uint32_t i = 0; i < count; i = next) {
		for (next = i + 1;
		     next < count && objects[next]->creator_stack == objects[i]->creator_stack;
		     next++)
			;
		if (objects[i]->creator_stack && next - i > failure->most_from_stack) {
			failure->most_from_stack = next - i;
			failure->most_stack = objects[i]->creator_stack;
			failure->most_instance = objects[i]->creator;
		}
	}
}

static void note_call(const struct model *model, struct model_failure *failure,
		      enum object_kind kind)
{
	const struct model_segments *of = objects_of(model, kind);
	struct model_segment **objects = calloc(of->count, sizeof(struct model_segment *));
	uint32_t count = 0;

	if (!objects)
		return; /* then the call is not named */
	for (uint32_t i = 0; i < of->count; i++)
		if (creator_program(model, of->rows[i], kind) == failure->most)
			objects[count++] = of->rows[i];
	qsort(objects, count, sizeof(struct model_segment *), compare_stacks);
	note_longest_run(failure, objects, count);
	free(objects);
}

void full_table_note(const struct model *model, struct model_failure *failure,
		     enum object_kind kind)
{
	failure->most = program_with_most(model, kind);
	if (!failure->most)
		return;
	failure->most_creators = failure->most->tally.creators;
	failure->most_segments = failure->most->tally.segments;
	failure->most_pages = failure->most->tally.pages;
	note_call(model, failure, kind);
}
