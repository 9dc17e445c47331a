/* SPDX-License-Identifier: MIT */
#include "report/session/left_behind.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/model/objects.h"
#include "report/procfs/sysvipc.h"
#include "report/session/find.h"
#include "report/session/naming.h"
#include "report/util/array.h"
#include "report/util/now.h"
#include "report/util/path.h"

#define SHM_DEST_BIT 01000u /* the kernel's mark for removal, in the mode */
#define STACKS_MOST 256u    /* that get names: a look-up takes long */

bool left_behind_is(const struct catalog *catalog, const struct catalog_object *object,
		    const struct kernel_segment *row)
{
	const struct kernel_segment *then = &object->segment;
	bool same_pid = catalog->same_pids && then->creator_pid != 0 &&
			row->creator_pid == then->creator_pid;

	if (then->kind != row->kind || then->shmid != row->shmid || then->size != row->size ||
	    (then->key != row->key && !(row->mode & SHM_DEST_BIT)) ||
	    then->creator_uid != row->creator_uid)
		return false;
	if (catalog->same_ipc)
		return row->changed == then->changed || (same_pid && row->changed > then->changed);
	return catalog->maybe_ipc && same_pid && row->changed == then->changed;
}

/* ---- at a session's end ---- */

static bool is_left(const struct model *model, const struct model_segment *segment)
{
	return segment == model_latest(model, segment) && !segment->space &&
	       segment->created == CREATED_SURELY && segment->presence == PRESENCE_HERE &&
	       !(segment->current.mode & SHM_DEST_BIT) && model_process(model, segment->creator);
}

static void left_behind_name_stacks(struct session *session)
{
	uint32_t stacks[STACKS_MOST], count = 0;

	for (int part = 0; part < 2; part++) {
		const struct model_segments *of = part ? &session->model->objects
						       : &session->model->segments;

		for (uint32_t i = 0; i < of->count && count < STACKS_MOST; i++)
			if (is_left(session->model, of->rows[i]) && of->rows[i]->creator_stack)
				stacks[count++] = of->rows[i]->creator_stack;
	}
	if (count)
		session_stack_names(session, stacks, count);
}

/* The call site: the first frame outside libc and allocators. */
static void left_behind_put_site(const struct model *model, const struct model_segment *segment,
				 char *to, size_t bytes)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, segment->creator, segment->creator_stack, frames);
	const struct stack_frame *frame = count ? &frames[model_caller(frames, count)] : NULL;
	const struct frame_place *place = frame && frame->name && frame->name->count
						  ? &frame->name->places[0]
						  : NULL;
	const char *path = frame && frame->module ? frame->module->facts.path : "";

	to[0] = '\0';
	if (place && place->function && place->file)
		snprintf(to, bytes, "%s (%s:%u)", place->function, place->file, place->line);
	else if (place && place->function)
		snprintf(to, bytes, "%s (%s)", place->function, path_base_name(path));
	else if (*path)
		snprintf(to, bytes, "%s+%#llx", path_base_name(path),
			 (unsigned long long)frame->offset);
}

static void left_behind_put_object(const struct model *model, const struct model_segment *segment,
				   struct catalog_object *object)
{
	const struct process_facts *creator = &model_process(model, segment->creator)->facts;
	uint64_t start_ns = model->session.started_realtime_ns;

	*object = (struct catalog_object){
		.segment = segment->current,
		.made_ns = start_ns + segment->seen_ns,
		.started_ns = creator->placeholder ? 0 : start_ns + creator->start_ns,
	};
	if (segment->kind != SHARED_MEMORY)
		object->segment.creator_pid = model_pid_here(model, creator);
	snprintf(object->program, sizeof object->program, "%.63s", model_program_name(creator));
	snprintf(object->cmdline, sizeof object->cmdline, "%s", creator->cmdline);
	left_behind_put_site(model, segment, object->site, sizeof object->site);
}

static bool any_is_left(const struct model *model, const struct model_segments *of)
{
	for (uint32_t i = 0; i < of->count; i++)
		if (is_left(model, of->rows[i]))
			return true;
	return false;
}

static void left_behind_put_objects(const struct model *model, const struct model_segments *of,
				    struct catalog *catalog)
{
	for (uint32_t i = 0; i < of->count && catalog->count < CATALOG_OBJECTS_MOST; i++)
		if (is_left(model, of->rows[i]))
			left_behind_put_object(model, of->rows[i],
					       &catalog->objects[catalog->count++]);
}

static void left_behind_put_recording(struct catalog *catalog, const struct session *session)
{
	char path[PATH_MAX];
	size_t length;

	if (!session->model->session.finished || !realpath(source_path(session->source), path))
		return;
	length = strlen(path);
	if (length < sizeof catalog->recording)
		memcpy(catalog->recording, path, length + 1);
}

/* Notes in a session's catalog that objects were removed, or the search for them. */
struct removal_note {
	struct catalog session;          /* identifies the session; see also `capacity` */
	struct left_behind_notes *notes; /* to be written; null: read all notes */
	struct model *model;
	uint32_t capacity; /* of session.objects */
	bool done;
};

static bool left_behind_is_session(const struct removal_note *note, const struct catalog *catalog)
{
	return catalog->start_ns == note->session.start_ns &&
	       strcmp(catalog->name, note->session.name) == 0 &&
	       strcmp(catalog->boot_id, note->session.boot_id) == 0;
}

/* Keeps the notes of objects that reap has removed. */
static bool keep_removed_visit(void *context, struct catalog *catalog)
{
	struct removal_note *note = context;
	struct catalog *to = &note->session;

	for (uint32_t i = 0; left_behind_is_session(note, catalog) && i < catalog->count; i++)
		if (catalog->objects[i].removed_s && to->count < note->capacity)
			to->objects[to->count++] = catalog->objects[i];
	return false;
}

void left_behind_keep(struct session *session)
{
	struct removal_note note = {.model = session->model};
	const struct model *model = session->model;
	struct catalog *catalog = &note.session;
	char folder[PATH_MAX];
	bool any = any_is_left(model, &model->segments) || any_is_left(model, &model->objects);

	if (!any || model->session.state != SESSION_ENDED ||
	    !catalog_folder(session->source, folder, sizeof folder))
		return;
	left_behind_name_stacks(session);
	catalog_begin(catalog, session->source);
	left_behind_put_recording(catalog, session);
	note.capacity = CATALOG_OBJECTS_MOST;
	catalog->objects = calloc(note.capacity, sizeof *catalog->objects);
	if (catalog->objects) {
		left_behind_put_objects(model, &model->segments, catalog);
		left_behind_put_objects(model, &model->objects, catalog);
	}
	if (catalog->count)
		catalog_each(folder, keep_removed_visit, &note);
	if (catalog->count)
		catalog_write(folder, catalog);
	catalog_free(catalog);
}

/* ---- objects that reap removed ---- */

#define NOTES_WAIT_NS                                                              \
	200000000u /* a reap that is killed forgets at most the notes of this time \
		    */

static void note_object(struct catalog_object *object)
{
	object->removed_s = (uint64_t)time(NULL);
	object->remover_uid = geteuid();
}

static int removed_compare(const void *a, const void *b)
{
	const struct left_behind_removed *x = a, *y = b;

	if (x->segment->kind != y->segment->kind)
		return x->segment->kind < y->segment->kind ? -1 : 1;
	return x->segment->shmid < y->segment->shmid ? -1 : x->segment->shmid > y->segment->shmid;
}

static void note_in_object(struct left_behind_notes *notes, struct catalog_object *object)
{
	struct model_segment wanted = {.kind = object->segment.kind,
				       .shmid = object->segment.shmid};
	struct left_behind_removed key = {&wanted, false}, *found;

	found = bsearch(&key, notes->rows, notes->count, sizeof *notes->rows, removed_compare);
	if (!found || object->removed_s || object->segment.size != found->segment->current.size)
		return;
	note_object(object);
	found->noted = true;
}

/* Objects that the catalog lacks, as far as it has room. */
static void note_others(struct left_behind_notes *notes, struct catalog *catalog)
{
	const struct model *model = notes->session->model;

	for (uint32_t i = 0; i < notes->count && catalog->count < CATALOG_OBJECTS_MOST; i++) {
		const struct model_segment *segment = notes->rows[i].segment;

		if (notes->rows[i].noted || !model_process(model, segment->creator))
			continue;
		left_behind_put_object(model, segment, &catalog->objects[catalog->count]);
		note_object(&catalog->objects[catalog->count++]);
	}
}

static bool note_visit(void *context, struct catalog *catalog)
{
	struct removal_note *note = context;

	if (!left_behind_is_session(note, catalog))
		return false;
	for (uint32_t i = 0; i < catalog->count; i++)
		note_in_object(note->notes, &catalog->objects[i]);
	note_others(note->notes, catalog);
	note->done = true;
	return true;
}

/* Writes a catalog with only these notes, for a session that has none. */
static void note_alone(const char *folder, struct removal_note *note)
{
	note->session.objects = calloc(CATALOG_OBJECTS_MOST, sizeof *note->session.objects);
	if (note->session.objects)
		note_others(note->notes, &note->session);
	if (note->session.count)
		catalog_write(folder, &note->session);
	catalog_free(&note->session);
}

void left_behind_write_notes(struct left_behind_notes *notes)
{
	struct removal_note note = {.notes = notes, .model = notes->session->model};
	char folder[PATH_MAX];

	if (notes->count && catalog_folder(notes->session->source, folder, sizeof folder)) {
		qsort(notes->rows, notes->count, sizeof *notes->rows, removed_compare);
		catalog_begin(&note.session, notes->session->source);
		left_behind_put_recording(&note.session, notes->session);
		catalog_each(folder, note_visit, &note);
		if (!note.done)
			note_alone(folder, &note);
	}
	free(notes->rows);
	*notes = (struct left_behind_notes){.session = notes->session};
}

void left_behind_note_removed(struct left_behind_notes *notes, const struct model_segment *segment)
{
	uint64_t now = now_ns();

	if (!notes->count)
		notes->first_ns = now;
	if (ARRAY_RESERVE(notes->rows, notes->capacity, notes->count + 1))
		notes->rows[notes->count++] = (struct left_behind_removed){segment, false};
	if (now - notes->first_ns >= NOTES_WAIT_NS)
		left_behind_write_notes(notes);
}

static bool learn_visit(void *context, struct catalog *catalog)
{
	struct removal_note *note = context;

	for (uint32_t i = 0; left_behind_is_session(note, catalog) && i < catalog->count; i++)
		if (catalog->objects[i].removed_s)
			model_add_reaped(note->model, &catalog->objects[i].segment,
					 catalog->objects[i].removed_s,
					 catalog->objects[i].remover_uid);
	return false;
}

void left_behind_learn_removed(struct session *session)
{
	struct removal_note note = {.model = session->model};
	char folder[PATH_MAX];

	catalog_begin(&note.session, session->source);
	if (session->model->session.same_ipc &&
	    catalog_folder(session->source, folder, sizeof folder))
		catalog_each(folder, learn_visit, &note);
}

/* ---- the session that left an object ---- */

static bool is_of(const char *path, const struct catalog *catalog)
{
	char why[SOURCE_WHY_BYTES];
	bool foreign;
	struct source *source = source_try_own(path, &foreign, why);
	bool is = source && strcmp(source_session(source)->name, catalog->name) == 0 &&
		  source_session(source)->started_realtime_ns == catalog->start_ns;

	source_close(source);
	return is;
}

bool left_behind_recording(const struct catalog *catalog, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s", catalog->recording);
	if (*path && is_of(path, catalog))
		return true;
	snprintf(path, PATH_MAX, "%s.old", catalog->recording);
	if (catalog->recording[0] && is_of(path, catalog))
		return true;
	path[0] = '\0';
	return false;
}

struct left_walk {
	void (*visit)(void *context, const struct catalog *catalog,
		      const struct catalog_object *object, const char *recording);
	void *context;
	struct kernel_segment *rows;
	uint32_t count, capacity;
};

static void keep_kernel_row(void *context, const struct kernel_segment *row)
{
	struct left_walk *walk = context;

	if (ARRAY_RESERVE(walk->rows, walk->capacity, walk->count + 1))
		walk->rows[walk->count++] = *row;
}

static bool left_visit(void *context, struct catalog *catalog)
{
	struct left_walk *walk = context;
	char recording[PATH_MAX];
	bool sought = false;

	for (uint32_t i = 0; i < catalog->count; i++)
		for (uint32_t k = 0; k < walk->count && !catalog->objects[i].removed_s; k++) {
			if (!left_behind_is(catalog, &catalog->objects[i], &walk->rows[k]))
				continue;
			if (!sought)
				left_behind_recording(catalog, recording);
			sought = true;
			walk->visit(walk->context, catalog, &catalog->objects[i], recording);
		}
	return false;
}

static bool walk_folder(void *context, const char *folder)
{
	catalog_each(folder, left_visit, context);
	return false;
}

void left_behind_each(void (*visit)(void *context, const struct catalog *catalog,
				    const struct catalog_object *object, const char *recording),
		      void *context)
{
	struct left_walk walk = {.visit = visit, .context = context};

	sysvipc_all(keep_kernel_row, &walk);
	find_each_folder(walk_folder, &walk);
	free(walk.rows);
}
