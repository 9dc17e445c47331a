/* SPDX-License-Identifier: MIT */
/*
 * Why this call failed, by what the log knew at that moment: the segment that was in the way and
 * who made it, who removed it and when, what was attached there, what lay above the break. Each
 * function gives null where it knows no more than the manual page.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "report/human.h"
#include "report/model/inside.h"

#define TOO_MUCH_BYTES (1ull << 40) /* of one move: whatever is above, there is no room for it */

struct failed {
	const struct model *model;
	const struct model_process *process;
	const struct event *event;
};

__attribute__((format(printf, 1, 2))) static char *words(const char *form, ...)
{
	char *text = NULL;
	va_list args;
	int ret;

	va_start(args, form);
	ret = vasprintf(&text, form, args);
	va_end(args);
	return ret < 0 ? NULL : text;
}

/* ---- who and when ---- */

/* "perl (123)" into `to`. */
static const char *who(const struct failed *f, uint32_t instance, char to[64])
{
	const struct model_process *process = model_process(f->model, instance);

	if (!process)
		return "somebody outside the session";
	snprintf(to, 64, "%.40s (%d)", model_program_name(&process->facts), process->facts.pid);
	return to;
}

static const char *maker_of(const struct failed *f, const struct model_segment *segment,
			    char to[64])
{
	return segment->created == CREATED_NOT ? "somebody outside the session"
					       : who(f, segment->maker, to);
}

static const char *ago(const struct failed *f, uint64_t then_ns, char to[HUMAN_BYTES])
{
	return human_duration(to, f->event->time_ns > then_ns ? f->event->time_ns - then_ns : 0);
}

/* The latest segment that has, or had, a key. */
static const struct model_segment *with_key(const struct failed *f, uint32_t key)
{
	for (uint32_t i = f->model->segment_count; key && i > 0; i--)
		if (f->model->segments[i - 1]->key_known && f->model->segments[i - 1]->key == key)
			return f->model->segments[i - 1];
	return NULL;
}

static char *removed_before(const struct failed *f, const struct model_segment *segment)
{
	char remover[64], time[HUMAN_BYTES];

	return words("segment %d was removed %s before, by %s", segment->shmid,
		     ago(f, segment->removed_ns, time), who(f, segment->remover, remover));
}

/* An id that no segment has: removed, a key in its place, or never there. */
static char *no_such_id(const struct failed *f, int32_t shmid)
{
	const struct model_segment *segment = model_segment(f->model, shmid), *other;

	if (segment && segment->removed)
		return removed_before(f, segment);
	other = with_key(f, (uint32_t)shmid);
	if (other)
		return words("%#x is a key and no id: shmget gives the id, here %d",
			     (unsigned)shmid, other->shmid);
	return segment ? NULL : words("no segment has the id %d", shmid);
}

/* ---- shmget ---- */

static char *explain_size(const struct failed *f, const struct model_segment *segment)
{
	char has[HUMAN_BYTES], asked[HUMAN_BYTES], maker[64];
	uint64_t size = f->event->u.shmget.size;

	if (segment && !segment->removed && segment->size && size > segment->size)
		return words("segment %d with this key has %s, and %s were asked for; it was made "
			     "by %s",
			     segment->shmid, human_bytes(has, segment->size),
			     human_bytes(asked, size), maker_of(f, segment, maker));
	if (size == 0)
		return words("a size of 0 was asked for; SHMMIN is 1");
	return words("%s were asked for: more than kernel.shmmax, or than the segment there has",
		     human_bytes(asked, size));
}

static char *explain_full(const struct failed *f)
{
	uint64_t bytes = 0, count = 0;
	char size[HUMAN_BYTES];

	for (uint32_t i = 0; i < f->model->segment_count; i++) {
		const struct model_segment *segment = f->model->segments[i];

		if (segment->created == CREATED_NOT || (segment->removed && !segment->now))
			continue;
		count++;
		bytes += segment->size;
	}
	return words("a limit on all segments together is reached (kernel.shmmni, shmall); this "
		     "session's own were %llu, %s in all",
		     (unsigned long long)count, human_bytes(size, bytes));
}

static char *explain_access(const struct failed *f, const struct model_segment *segment)
{
	char name[64];

	if (!segment || segment->removed || !segment->owner_known)
		return NULL;
	return words("segment %d, made by %s, has mode %04o and belongs to uid %u", segment->shmid,
		     maker_of(f, segment, name), segment->mode, segment->owner_uid);
}

static char *explain_shmget(const struct failed *f)
{
	const struct model_segment *segment = with_key(f, (uint32_t)f->event->u.shmget.key);
	bool huge = f->event->u.shmget.flags & SHM_HUGETLB;
	char name[64];

	switch (f->event->detail) {
	case EINVAL:
		return explain_size(f, segment);
	case EEXIST:
		return segment ? words("segment %d has this key, made by %s", segment->shmid,
				       maker_of(f, segment, name))
			       : words("a segment that was there before the session has this key");
	case ENOENT:
		return segment && segment->removed ? removed_before(f, segment) : NULL;
	case ENOSPC:
		return explain_full(f);
	case EACCES:
		return explain_access(f, segment);
	case ENOMEM:
		return huge ? words("there are not enough free huge pages") : NULL;
	default:
		return NULL;
	}
}

/* ---- shmat, shmdt, shmctl ---- */

static const struct model_attachment *attached_at(const struct failed *f, uint64_t address)
{
	for (uint32_t i = 0; i < f->process->attached_count; i++) {
		const struct model_attachment *a = &f->process->attached[i];

		if (address - a->address < (a->segment->size ? a->segment->size : 1))
			return a;
	}
	return NULL;
}

static char *explain_shmat(const struct failed *f)
{
	uint64_t address = f->event->u.shmat.address;
	const struct model_segment *segment = model_segment(f->model, f->event->u.shmat.shmid);
	const struct model_attachment *there = attached_at(f, address);
	char *text;

	if (f->event->detail == EACCES)
		return explain_access(f, segment);
	if (f->event->detail == EIDRM && segment && segment->removed)
		return removed_before(f, segment);
	if (f->event->detail != EINVAL)
		return NULL;
	if (!segment || segment->removed) {
		text = no_such_id(f, f->event->u.shmat.shmid);
		if (text)
			return text;
	}
	if (address % f->model->session.page_bytes && !(f->event->u.shmat.flags & SHM_RND))
		return words("the address %#llx is not a multiple of the page's size, and SHM_RND "
			     "was not given",
			     (unsigned long long)address);
	if (there)
		return words("segment %d is attached at %#llx already; SHM_REMAP would replace it",
			     there->segment->shmid, (unsigned long long)there->address);
	return address ? words("something is mapped at %#llx already", (unsigned long long)address)
		       : NULL;
}

static char *explain_shmdt(const struct failed *f)
{
	uint64_t address = f->event->u.shmdt.address;
	const struct model_attachment *there = attached_at(f, address);
	char time[HUMAN_BYTES];

	if (f->event->detail != EINVAL)
		return NULL;
	if (there)
		return words("%#llx lies inside the attachment of segment %d, which begins at "
			     "%#llx",
			     (unsigned long long)address, there->segment->shmid,
			     (unsigned long long)there->address);
	for (uint32_t i = f->model->past_count; i > 0; i--) {
		const struct model_past *past = &f->model->past[i - 1];

		if (past->process == f->process && past->attachment.address == address)
			return words("segment %d was there, and was detached %s before",
				     past->attachment.segment->shmid, ago(f, past->until_ns, time));
	}
	return words("nothing was ever attached at %#llx in this process",
		     (unsigned long long)address);
}

static char *explain_shmctl(const struct failed *f)
{
	const struct model_segment *segment = model_segment(f->model, f->event->u.shmctl.shmid);

	if (f->event->detail == EPERM || f->event->detail == EACCES)
		return explain_access(f, segment);
	if (f->event->detail == EINVAL || f->event->detail == EIDRM)
		return no_such_id(f, f->event->u.shmctl.shmid);
	return NULL;
}

/* ---- the break ---- */

const struct model_attachment *explain_blocker(const struct model_process *process,
					       const struct event *event)
{
	uint64_t wanted = event->kind == KIND_BRK ? event->u.brk.argument
						  : event->u.brk.before + event->u.brk.argument;
	const struct model_attachment *nearest = NULL;

	if (wanted - event->u.brk.before >= TOO_MUCH_BYTES)
		return NULL;
	for (uint32_t i = 0; i < process->attached_count; i++) {
		const struct model_attachment *a = &process->attached[i];

		if (a->address >= event->u.brk.before && a->address < wanted &&
		    (!nearest || a->address < nearest->address))
			nearest = a;
	}
	return nearest;
}

static char *explain_move(const struct failed *f)
{
	const struct model_attachment *blocker = explain_blocker(f->process, f->event);
	char room[HUMAN_BYTES], wanted[HUMAN_BYTES];
	uint64_t before = f->event->u.brk.before, argument = f->event->u.brk.argument;
	uint64_t asked = f->event->kind == KIND_BRK ? argument - before : argument;

	if (f->event->detail != ENOMEM)
		return NULL;
	if (blocker)
		return words("segment %d is attached %s above the break, and %s were asked for",
			     blocker->segment->shmid, human_bytes(room, blocker->address - before),
			     human_bytes(wanted, asked));
	if ((int64_t)asked < 0)
		return words("it would end below where the data begins");
	return words("%s were asked for: more than RLIMIT_DATA, than the room below the next "
		     "mapping, or than there is memory",
		     human_bytes(wanted, asked));
}

char *explain_failure(const struct model *model, const struct model_process *process,
		      const struct event *event)
{
	struct failed failed = {model, process, event};

	if (event->flags & FLAG_LIBC_ONLY)
		return NULL;
	switch (event->kind) {
	case KIND_BRK:
	case KIND_SBRK:
		return explain_move(&failed);
	case KIND_SHMGET:
		return explain_shmget(&failed);
	case KIND_SHMAT:
		return explain_shmat(&failed);
	case KIND_SHMDT:
		return explain_shmdt(&failed);
	case KIND_SHMCTL:
		return explain_shmctl(&failed);
	default:
		return NULL;
	}
}
