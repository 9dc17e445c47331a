/* SPDX-License-Identifier: MIT */
#include "report/model/explain_objects.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "report/model/objects.h"
#include "report/util/path.h"

#define SEMAPHORE_MOST 32767 /* SEMVMX, include/uapi/linux/sem.h */

static const char *object_noun(const struct event *event)
{
	return event_object_kind(event) == SEMAPHORE_SET ? "semaphore set" : "message queue";
}

/* The latest object that has, or had, this key. */
static const struct model_segment *object_of_key(const struct failed *f)
{
	uint32_t key = (uint32_t)f->event->u.get.key, kind = event_object_kind(f->event);

	for (uint32_t i = f->model->objects.count; key && i > 0; i--) {
		const struct model_segment *object = f->model->objects.rows[i - 1];

		if (object->kind == kind && object->key_known && object->key == key &&
		    object->space == f->process->facts.ipc_namespace)
			return object;
	}
	return NULL;
}

static const struct model_segment *object_of_event(const struct failed *f)
{
	struct model_segment wanted = {.space = f->process->facts.ipc_namespace,
				       .kind = event_object_kind(f->event)};

	return event_object_id(f->event, &wanted.shmid) ? model_latest(f->model, &wanted) : NULL;
}

static struct explanation explain_object_removed(const struct failed *f,
						 const struct model_segment *object)
{
	char remover[64], time[FORMAT_BYTES];

	return explain_by("remove it only after its last use",
			  "%s %d was removed %s before this call by %s", object_noun(f->event),
			  object->shmid, explain_ago(f, object->removed_ns, time),
			  explain_who(f, object->remover, remover));
}

static struct explanation explain_object_access(const struct failed *f,
						const struct model_segment *object)
{
	char name[64];

	if (!object || object->removed || !object->owner_known)
		return explain_nothing;
	return explain_by(NULL, "%s %d, created by %s, has mode %04o and belongs to uid %u",
			  object_noun(f->event), object->shmid, explain_creator(f, object, name),
			  object->mode, object->owner_uid);
}

/* ---- semget, msgget ---- */

static struct explanation explain_object_absent(const struct failed *f,
						const struct model_segment *object)
{
	uint32_t key = (uint32_t)f->event->u.get.key;
	char remover[64], time[FORMAT_BYTES];

	if (object && object->removed)
		return explain_by(
			NULL, "%s %d had the key 0x%08x, and was removed %s before this call by %s",
			object_noun(f->event), object->shmid, key,
			explain_ago(f, object->removed_ns, time),
			explain_who(f, object->remover, remover));
	return explain_by(NULL, "no %s has the key 0x%08x, and the call did not pass IPC_CREAT",
			  object_noun(f->event), key);
}

static struct explanation explain_set_size(const struct failed *f,
					   const struct model_segment *object)
{
	uint64_t nsems = f->event->u.get.nsems;
	char creator[64];

	if (f->event->kind != KIND_SEMGET)
		return explain_nothing;
	if (object && !object->removed && object->size && nsems > object->size)
		return explain_by(
			"ask for at most its number (0 accepts any), or remove it first",
			"semaphore set %d with this key has %llu semaphore%s, and the call "
			"asked for %llu; it was created by %s",
			object->shmid, (unsigned long long)object->size, format_s(object->size),
			(unsigned long long)nsems, explain_creator(f, object, creator));
	if (nsems == 0 || (int64_t)nsems < 0)
		return explain_surely(explain_by("a new set needs at least one semaphore",
						 "the call asked for %lld semaphores",
						 (long long)nsems));
	return explain_nothing;
}

static struct explanation explain_objects_full(const struct failed *f)
{
	uint64_t count = 0, semaphores = 0;
	enum object_kind kind = event_object_kind(f->event);

	for (uint32_t i = 0; i < f->model->objects.count; i++) {
		const struct model_segment *object = f->model->objects.rows[i];

		if (object->kind != kind || object->created == CREATED_NOT || object->removed)
			continue;
		count++;
		semaphores += object->size;
	}
	if (kind == MESSAGE_QUEUE)
		return explain_by(NULL,
				  "the limit on message queues (kernel.msgmni) is reached; %llu of "
				  "them are from this session",
				  (unsigned long long)count);
	return explain_by(
		NULL,
		"a limit on all semaphore sets together is reached (kernel.sem: SEMMNI or "
		"SEMMNS); %llu of them, with %llu semaphores, are from this session",
		(unsigned long long)count, (unsigned long long)semaphores);
}

static struct explanation explain_get(const struct failed *f)
{
	const struct model_segment *object = object_of_key(f);
	char name[64];

	switch (f->event->detail) {
	case EINVAL:
		return explain_set_size(f, object);
	case EEXIST:
		return object ? explain_by(NULL, "%s %d has the key 0x%08x and was created by %s",
					   object_noun(f->event), object->shmid, object->key,
					   explain_creator(f, object, name))
			      : explain_by(NULL, "a %s from before the session has this key",
					   object_noun(f->event));
	case ENOENT:
		return explain_object_absent(f, object);
	case ENOSPC:
		return explain_objects_full(f);
	case EACCES:
		return explain_object_access(f, object);
	default:
		return explain_nothing;
	}
}

/* ---- operations ---- */

static struct explanation explain_object_id(const struct failed *f)
{
	const struct model_segment *object = object_of_event(f);
	int32_t id = -1;

	event_object_id(f->event, &id);
	if (id == -1)
		return explain_by("check the result of semget and msgget before you use it",
				  "-1 is not an id: semget and msgget return it when they fail");
	if (object && object->removed)
		return explain_object_removed(f, object);
	return object ? explain_nothing
		      : explain_by("list the ids with 'memshim ipcs'", "no %s has the id %d",
				   object_noun(f->event), id);
}

static struct explanation explain_operation(const struct failed *f)
{
	const struct model_segment *object = object_of_event(f);
	int32_t semnum = f->event->u.semop.semnum;

	switch (f->event->detail) {
	case EFBIG:
		if (!object || !object->size)
			return explain_nothing;
		if (semnum < 0)
			return explain_by(NULL, "semaphore set %d has %llu semaphore%s",
					  object->shmid, (unsigned long long)object->size,
					  format_s(object->size));
		return explain_by(
			"semaphores are numbered from 0 on",
			"the call operated on semaphore %d, and semaphore set %d has %llu", semnum,
			object->shmid, (unsigned long long)object->size);
	case E2BIG:
		return explain_by(NULL, "the call passed %llu operations, more than SEMOPM allows",
				  (unsigned long long)f->event->u.semop.nsops);
	case ERANGE:
		return explain_by(NULL, "the value of a semaphore would be above %d (SEMVMX)",
				  SEMAPHORE_MOST);
	case EACCES:
		return explain_object_access(f, object);
	default:
		return explain_object_id(f);
	}
}

static struct explanation explain_message(const struct failed *f)
{
	const struct model_segment *object = object_of_event(f);
	char size[FORMAT_BYTES];

	if (f->event->detail == EACCES)
		return explain_object_access(f, object);
	if (f->event->detail == E2BIG)
		return explain_by("pass a larger buffer, or MSG_NOERROR to cut the message",
				  "the message is longer than the %s of the call",
				  format_bytes(size, f->event->u.message.size));
	if (f->event->detail == EIDRM || !object || object->removed)
		return explain_object_id(f);
	if (f->event->detail == EINVAL && f->event->kind == KIND_MSGSND)
		return explain_by(
			NULL,
			"the message has %s, which may be above kernel.msgmax, or its type "
			"is below 1",
			format_bytes(size, f->event->u.message.size));
	return explain_nothing;
}

struct explanation explain_object_failure(const struct failed *f)
{
	switch (f->event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		return explain_get(f);
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		return explain_operation(f);
	case KIND_MSGSND:
	case KIND_MSGRCV:
		return explain_message(f);
	case KIND_SEMCTL:
	case KIND_MSGCTL:
		return f->event->detail == EACCES || f->event->detail == EPERM
			       ? explain_object_access(f, object_of_event(f))
		       : f->event->detail == EINVAL || f->event->detail == EIDRM
			       ? explain_object_id(f)
			       : explain_nothing;
	default:
		return explain_nothing;
	}
}

/* ---- by the kernel ---- */

/* ", 120 of them, the most known, by 3 processes of httpd". The kernel keeps no creator of a set.
 */
static const char *object_most(const struct model_failure *failure, char to[160])
{
	to[0] = '\0';
	if (failure->most)
		snprintf(to, 160, "; %llu of them were created by %u process%s of %.60s",
			 (unsigned long long)failure->most_segments, failure->most_creators,
			 failure->most_creators == 1 ? "" : "es",
			 path_base_name(failure->most->exe));
	return to;
}

static struct explanation explain_full_table(const struct model_failure *failure,
					     const struct snapshot_facts *s)
{
	static const char advice[] =
		"remove unused ones ('memshim ipcs' shows them, 'memshim reap' "
		"removes those of a session), or raise the limit";
	uint64_t nsems = failure->first.u.get.nsems;
	char most[160];

	if (failure->key.call == KIND_MSGGET)
		return s->used_segments >= s->limit_segments
			       ? explain_by(advice,
					    "all %llu message queues that kernel.msgmni allows "
					    "exist%s",
					    (unsigned long long)s->limit_segments,
					    object_most(failure, most))
			       : explain_nothing;
	if (s->used_segments >= s->limit_segments)
		return explain_by(
			advice, "all %llu semaphore sets that kernel.sem (SEMMNI) allows exist%s",
			(unsigned long long)s->limit_segments, object_most(failure, most));
	if (s->used_pages + nsems > s->limit_pages)
		return explain_by(advice,
				  "the call asked for %llu semaphore%s, and %llu of the %llu that "
				  "kernel.sem (SEMMNS) allows are in use, in %llu sets%s",
				  (unsigned long long)nsems, format_s(nsems),
				  (unsigned long long)s->used_pages,
				  (unsigned long long)s->limit_pages,
				  (unsigned long long)s->used_segments, object_most(failure, most));
	return explain_nothing;
}

static struct explanation explain_get_snapshot(const struct model_failure *failure,
					       const struct snapshot_facts *s)
{
	const struct event *event = &failure->first;
	uint64_t nsems = event->u.get.nsems;

	if (s->error == ENOSPC)
		return explain_full_table(failure, s);
	if (s->shmid >= 0 && !failure->why && (s->error == EACCES || s->error == EEXIST))
		return explain_by(
			NULL, "%s %d has the key 0x%08x and mode %04o, and belongs to uid %u",
			object_noun(event), s->shmid, s->key, s->mode & 0777, s->owner_uid);
	if (s->error != EINVAL || event->kind != KIND_SEMGET)
		return explain_nothing;
	if (s->shmid >= 0 && nsems > s->size)
		return explain_by(
			"ask for at most its number (0 accepts any), or remove it first",
			"semaphore set %d with this key has %llu semaphore%s, and the call "
			"asked for %llu",
			s->shmid, (unsigned long long)s->size, format_s(s->size),
			(unsigned long long)nsems);
	return s->limit_size && nsems > s->limit_size
		       ? explain_by("ask for less, or raise kernel.sem",
				    "the call asked for %llu semaphores, and a set may have %llu "
				    "(SEMMSL)",
				    (unsigned long long)nsems, (unsigned long long)s->limit_size)
		       : explain_nothing;
}

struct explanation explain_object_snapshot(const struct model_failure *failure,
					   const struct snapshot_facts *s)
{
	const struct event *event = &failure->first;
	char size[FORMAT_BYTES], most[FORMAT_BYTES];

	if (s->call == KIND_SEMGET || s->call == KIND_MSGGET)
		return explain_get_snapshot(failure, s);
	if ((s->call == KIND_SEMOP || s->call == KIND_SEMTIMEDOP) && s->limit_size)
		return explain_by("use fewer operations in one call, or raise kernel.sem",
				  "the call passed %llu operations, and kernel.sem (SEMOPM) allows "
				  "%llu",
				  (unsigned long long)event->u.semop.nsops,
				  (unsigned long long)s->limit_size);
	if (s->call == KIND_MSGSND && s->limit_size && event->u.message.size > s->limit_size)
		return explain_by("send shorter messages, or raise kernel.msgmax",
				  "the message has %s, and kernel.msgmax is %s",
				  format_bytes(size, event->u.message.size),
				  format_bytes(most, s->limit_size));
	return explain_nothing;
}
