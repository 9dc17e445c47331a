/* SPDX-License-Identifier: MIT */
#include "report/model/objects.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "report/model/model.h"

#define KEY_BYTES (offsetof(struct model_segment, key) - offsetof(struct model_segment, space))
#define IPC_64_BIT 0x100

/* ---- rows ---- */

static struct model_segment *object_find(const struct model *model, uint64_t space, uint32_t kind,
					 int32_t id)
{
	struct model_segment wanted = {.space = space, .shmid = id, .kind = kind}, *object;

	HASH_FIND(hh, model->objects.by_shmid, &wanted.space, KEY_BYTES, object);
	return object;
}

struct model_segment *model_object(const struct model *model, enum object_kind kind, int32_t id)
{
	return object_find(model, 0, kind, id);
}

struct model_segment *model_latest(const struct model *model, const struct model_segment *of)
{
	return of->kind == SHARED_MEMORY ? model_segment_in(model, of->space, of->shmid)
					 : object_find(model, of->space, of->kind, of->shmid);
}

static bool object_index(struct model *model, struct model_segment *object)
{
	HASH_ADD(hh, model->objects.by_shmid, space, KEY_BYTES, object);
	return object->hh.tbl != NULL;
}

static struct model_segment *object_make(struct model *model, uint64_t space, uint32_t kind,
					 int32_t id, uint64_t time_ns)
{
	struct model_segment *old = object_find(model, space, kind, id), *object;

	if (!MODEL_RESERVE(model, model->objects.rows, model->objects.capacity,
			   model->objects.count + 1))
		return NULL;
	object = calloc(1, sizeof *object);
	if (!object) {
		model->no_memory = true;
		return NULL;
	}
	object->place = model->objects.count;
	object->space = space;
	object->kind = kind;
	object->shmid = id;
	object->seen_ns = time_ns;
	if (old)
		HASH_DEL(model->objects.by_shmid, old);
	if (!object_index(model, object)) {
		model->no_memory = true;
		free(object);
		return NULL;
	}
	model->objects.rows[model->objects.count++] = object;
	return object;
}

static void object_set_owner(struct model_segment *object, uint32_t mode, uint32_t uid)
{
	object->mode = mode & 0777;
	object->owner_uid = uid;
	object->owner_known = true;
}

/* ---- calls ---- */

static enum model_created object_created_by(uint32_t key, uint32_t flags, bool is_new)
{
	if (key == IPC_PRIVATE || (flags & IPC_CREAT && flags & IPC_EXCL))
		return CREATED_SURELY;
	return flags & IPC_CREAT && is_new ? CREATED_LIKELY : CREATED_NOT;
}

static void object_begin(const struct model *model, struct model_segment *object, uint32_t instance,
			 uint32_t stack, uint32_t flags, enum model_created created)
{
	const struct model_process *creator = model_process(model, instance);

	object->created = created;
	object->creator = instance;
	object->creator_stack = stack;
	object->flags = flags;
	object->flags_known = true;
	if (created != CREATED_NOT && creator && !creator->facts.placeholder)
		object_set_owner(object, flags, creator->facts.uid);
}

static void object_apply_get(struct model *model, const struct event *event)
{
	uint64_t space = model_space(model, event->process);
	uint32_t kind = event_object_kind(event), key = (uint32_t)event->u.get.key;
	struct model_segment *object = object_find(model, space, kind, event->u.get.id);
	enum model_created created = object_created_by(key, event->u.get.flags,
						       !object || object->removed);

	if (!object || object->removed || created == CREATED_SURELY) {
		object = object_make(model, space, kind, event->u.get.id, event->time_ns);
		if (object)
			object_begin(model, object, event->process, event->stack,
				     event->u.get.flags, created);
	}
	if (!object)
		return;
	object->key = key;
	object->key_known = true;
	if (event->u.get.nsems > object->size)
		object->size = event->u.get.nsems;
	segments_note_user(model, object, event->process);
}

static struct model_segment *object_of_call(struct model *model, const struct event *event,
					    int32_t id)
{
	uint64_t space = model_space(model, event->process);
	uint32_t kind = event_object_kind(event);
	struct model_segment *object = object_find(model, space, kind, id);

	if (!object)
		object = object_make(model, space, kind, id, event->time_ns);
	if (object)
		segments_note_user(model, object, event->process);
	return object;
}

static void object_apply_rmid(struct model_segment *object, const struct event *event)
{
	if (object->removed)
		return;
	object->removed = true;
	object->removed_ns = event->time_ns;
	object->remover = event->process;
	object->remover_stack = event->stack;
}

static void object_apply_control(struct model *model, const struct event *event)
{
	bool of_set = event->kind == KIND_SEMCTL;
	int32_t command = (of_set ? event->u.semctl.command : event->u.msgctl.command) &
			  ~IPC_64_BIT;
	struct model_segment *object;
	int32_t id;

	if (!event_object_id(event, &id))
		return;
	object = object_of_call(model, event, id);
	if (!object)
		return;
	if (command == IPC_RMID)
		object_apply_rmid(object, event);
	if (command == IPC_SET || (of_set && (command == SETVAL || command == SETALL)))
		object->changed_ns = event->time_ns;
	if (command == IPC_SET && event->flags & FLAG_OWNER_KNOWN)
		object_set_owner(object, of_set ? event->u.semctl.mode : event->u.msgctl.mode,
				 of_set ? event->u.semctl.uid : event->u.msgctl.uid);
}

void objects_add_event(struct model *model, const struct event *event)
{
	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		object_apply_get(model, event);
		break;
	case KIND_SEMCTL:
	case KIND_MSGCTL:
		object_apply_control(model, event);
		break;
	default:
		break; /* the other calls are counted in the tables */
	}
}

/* ---- tables ---- */

static uint64_t object_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct model_segment *object_of_row(struct model *model, const struct ledger_facts *row)
{
	struct model_segment *latest = object_find(model, 0, row->kind, row->id);

	if (!latest || latest->seen_ns == row->seen_ns || latest->removed == row->removed)
		return latest;
	for (uint32_t i = 0; i < model->objects.count; i++)
		if (model->objects.rows[i]->kind == row->kind &&
		    model->objects.rows[i]->shmid == row->id &&
		    model->objects.rows[i]->seen_ns == row->seen_ns)
			return model->objects.rows[i];
	return latest->removed ? NULL : latest;
}

void objects_add_ledger(struct model *model, const struct ledger_facts *facts)
{
	struct model_segment *object = object_of_row(model, facts);

	if (!object)
		object = object_make(model, 0, facts->kind, facts->id, facts->seen_ns);
	if (!object)
		return;
	if (facts->creator && !object->flags_known) {
		object->key = facts->key;
		object->key_known = true;
		object_begin(model, object, facts->creator, facts->creator_stack, facts->flags,
			     object_created_by(facts->key, facts->flags, true));
	}
	if (facts->removed && !object->removed) {
		object->removed = true;
		object->remover = facts->remover;
		object->remover_stack = facts->remover_stack;
		object->removed_ns = facts->removed_ns;
	}
	if (facts->creator && facts->creator == object->creator)
		object->creator_family = facts->creator_family;
	object->size = object_larger(object->size, facts->size);
	object->user_families |= facts->user_families;
	object->attaches = object_larger(object->attaches, facts->attaches);
	object->detaches = object_larger(object->detaches, facts->detaches);
}

/* An id that was reused since: its users are those of the latest object, which is the stricter. */
void objects_add_users(struct model *model)
{
	for (uint32_t i = 0; i < model->operations.use_count; i++) {
		const struct use_facts *use = &model->operations.uses[i];
		struct model_segment *object = model_object(model, use->kind, use->id);

		if (object)
			segments_note_user(model, object, use->instance);
	}
}

/* ---- all rows ---- */

bool objects_copy(struct model *copy, const struct model *from)
{
	copy->objects = (struct model_segments){0};
	if (from->objects.count &&
	    !MODEL_RESERVE(copy, copy->objects.rows, copy->objects.capacity, from->objects.count))
		return false;
	for (uint32_t i = 0; i < from->objects.count; i++) {
		const struct model_segment *original = from->objects.rows[i];
		struct model_segment *object = malloc(sizeof *object);

		if (!object)
			return false;
		*object = *original;
		copy->objects.rows[copy->objects.count++] = object;
		if (object_find(from, original->space, original->kind, original->shmid) ==
			    original &&
		    !object_index(copy, object))
			return false;
	}
	return true;
}

void objects_free(struct model *model)
{
	HASH_CLEAR(hh, model->objects.by_shmid);
	for (uint32_t i = 0; i < model->objects.count; i++)
		free(model->objects.rows[i]);
	free(model->objects.rows);
}
