/* SPDX-License-Identifier: MIT */
/*
 * Why a call failed, by what the log knew at that moment: which segment was in the way and which
 * process created it, which process removed it and when, what was attached at the address, what was
 * mapped above the break. Where the log does not know, the table of failures answers.
 */
#include "report/model/explain.h"
#include "report/model/explain_objects.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "report/model/explain_attach.h"
#include "report/model/explain_break.h"
#include "report/model/model.h"
#include "report/util/format.h"

struct explanation explain_by(const char *advice, const char *form, ...)
{
	struct explanation explanation = {NULL, advice, false, form};
	va_list args;

	va_start(args, form);
	if (vasprintf(&explanation.why, form, args) < 0)
		explanation.why = NULL;
	va_end(args);
	return explanation;
}

/* ---- who and when ---- */

const char *explain_who(const struct failed *f, uint32_t instance, char to[64])
{
	const struct model_process *process = model_process(f->model, instance);

	if (!process)
		return "an unknown process";
	snprintf(to, 64, "%.40s (%d)", model_program_name(&process->facts), process->facts.pid);
	return to;
}

const char *explain_creator(const struct failed *f, const struct model_segment *segment,
			    char to[64])
{
	return segment->created == CREATED_NOT ? "a process outside the session"
					       : explain_who(f, segment->creator, to);
}

const char *explain_ago(const struct failed *f, uint64_t then_ns, char to[FORMAT_BYTES])
{
	return format_duration(to, f->event->time_ns > then_ns ? f->event->time_ns - then_ns : 0);
}

const struct model_segment *explain_key(const struct failed *f, uint32_t key)
{
	for (uint32_t i = f->model->segments.count; key && i > 0; i--)
		if (f->model->segments.rows[i - 1]->key_known &&
		    f->model->segments.rows[i - 1]->key == key &&
		    f->model->segments.rows[i - 1]->space == f->process->facts.ipc_namespace)
			return f->model->segments.rows[i - 1];
	return NULL;
}

struct explanation explain_removed(const struct failed *f, const struct model_segment *segment)
{
	char remover[64], time[FORMAT_BYTES];

	return explain_by("remove a segment only after its last use; see its history with 'memshim "
			  "report -m'",
			  "segment %d was removed %s before this call by %s", segment->shmid,
			  explain_ago(f, segment->removed_ns, time),
			  explain_who(f, segment->remover, remover));
}

/* The id is -1, which shmget returns when it fails. */
static struct explanation explain_minus_one(const struct failed *f)
{
	static const char advice[] = "check the result of shmget before you use it";
	const char *error = name_of_errno((int)f->process->shmget_error);
	char time[FORMAT_BYTES];

	if (!f->process->shmget_error)
		return explain_by(advice, "-1 is not an id: shmget returns it when it fails");
	return explain_by(advice, "-1 is not an id: shmget failed %s before this call with %s",
			  explain_ago(f, f->process->shmget_refused_ns, time),
			  error ? error : "an error");
}

/*
 * The segment of this id is gone, and no call of this session removed it. IPC_SET fails for other
 * reasons.
 */
static struct explanation explain_gone(const struct failed *f, const struct model_segment *segment)
{
	char name[64], time[FORMAT_BYTES];

	if (f->event->detail == EIDRM ||
	    (f->event->kind == KIND_SHMCTL && (f->event->u.shmctl.command & ~0x100) == IPC_SET))
		return explain_nothing;
	if (segment->created == CREATED_NOT)
		return explain_by("see its history with 'memshim report -m'",
				  "segment %d was seen %s before this call and is gone; the log "
				  "has no IPC_RMID of it",
				  segment->shmid, explain_ago(f, segment->seen_ns, time));
	return explain_by("see its history with 'memshim report -m'",
			  "segment %d, created by %s %s before this call, is gone; the log has no "
			  "IPC_RMID of it",
			  segment->shmid, explain_creator(f, segment, name),
			  explain_ago(f, segment->seen_ns, time));
}

struct explanation explain_id(const struct failed *f, int32_t shmid)
{
	const struct model_segment *other,
		*segment = model_segment_in(f->model, f->process->facts.ipc_namespace, shmid);

	if (shmid == -1)
		return explain_minus_one(f);
	if (segment && segment->removed)
		return explain_removed(f, segment);
	if (segment)
		return explain_gone(f, segment);
	other = explain_key(f, (uint32_t)shmid);
	if (other)
		return explain_by(
			"pass the id that shmget returned to shmat and shmctl",
			"%#x is a key, not an id: the segment with this key has the id %d",
			(unsigned)shmid, other->shmid);
	return explain_by("list the ids with 'memshim ipcs'", "no segment has the id %d", shmid);
}

const char *explain_intent(const struct event *event)
{
	if (event->kind == KIND_SHMGET) {
		uint32_t mode = event->u.shmget.flags & 0666;

		return mode & 0222 ? mode & 0444 ? "read and write it" : "write it" : "read it";
	}
	if (event->kind == KIND_SHMAT)
		return event->u.shmat.flags & SHM_RDONLY ? "read it" : "read and write it";
	return event->u.shmctl.command == IPC_STAT ? "read its state" : "change it";
}

struct explanation explain_access(const struct failed *f, const struct model_segment *segment)
{
	char name[64];

	if (!segment || segment->removed || !segment->owner_known)
		return explain_nothing;
	return explain_by(NULL,
			  "segment %d, created by %s, has mode %04o and belongs to uid %u; the "
			  "call tried to %s",
			  segment->shmid, explain_creator(f, segment, name), segment->mode,
			  segment->owner_uid, explain_intent(f->event));
}

/* ---- shmget ---- */

/* A new segment in huge pages. Bits 26 to 31 of the flags give the page size as a power of two. */
static struct explanation explain_huge(uint32_t flags)
{
	unsigned power = flags >> 26 & 63;
	char page[FORMAT_BYTES];

	if (power == 0)
		return explain_by("see /sys/kernel/mm/hugepages, and kernel.shmmax",
				  "the call passed SHM_HUGETLB, and this kernel has no huge pages, "
				  "or the size is above kernel.shmmax");
	return explain_by("see the sizes of this kernel in /sys/kernel/mm/hugepages",
			  "the call asked for huge pages of %s (2^%u bytes), and this kernel has "
			  "none of that size",
			  format_bytes(page, 1ull << power), power);
}

static struct explanation explain_size(const struct failed *f, const struct model_segment *segment)
{
	char has[FORMAT_BYTES], asked[FORMAT_BYTES], creator[64];
	uint64_t size = f->event->u.shmget.size;
	uint32_t flags = f->event->u.shmget.flags;

	if (segment && !segment->removed && segment->size && size > segment->size)
		return explain_by(
			"ask for at most its size (0 accepts any size), or remove it first",
			"segment %d with this key has %s, and the call asked for %s; it was "
			"created by %s",
			segment->shmid, format_bytes(has, segment->size), format_bytes(asked, size),
			explain_creator(f, segment, creator));
	if (size == 0)
		return explain_surely(
			explain_by("a new segment needs at least one byte",
				   "the call asked for a size of 0; the least size (SHMMIN) is 1"));
	if (flags & SHM_HUGETLB && (flags & IPC_CREAT || f->event->u.shmget.key == IPC_PRIVATE))
		return explain_huge(flags);
	return explain_by(NULL,
			  "the call asked for %s: more than kernel.shmmax, or more than the "
			  "existing segment has",
			  format_bytes(asked, size));
}

static struct explanation explain_full(const struct failed *f)
{
	uint64_t bytes = 0, count = 0;
	char size[FORMAT_BYTES];

	for (uint32_t i = 0; i < f->model->segments.count; i++) {
		const struct model_segment *segment = f->model->segments.rows[i];

		if (segment->created == CREATED_NOT || (segment->removed && !segment->now))
			continue;
		count++;
		bytes += segment->size;
	}
	return explain_by(NULL,
			  "a limit on all segments together is reached (kernel.shmmni or "
			  "kernel.shmall); %llu of them, %s in all, are from this session",
			  (unsigned long long)count, format_bytes(size, bytes));
}

static struct explanation explain_absent(const struct failed *f,
					 const struct model_segment *segment)
{
	char remover[64], time[FORMAT_BYTES];

	if (segment && segment->removed)
		return explain_by(
			NULL,
			"segment %d had the key 0x%08x, and was removed %s before this call by %s",
			segment->shmid, segment->key, explain_ago(f, segment->removed_ns, time),
			explain_who(f, segment->remover, remover));
	return explain_by(NULL,
			  "no segment has the key 0x%08x, and the call did not pass IPC_CREAT",
			  (uint32_t)f->event->u.shmget.key);
}

static struct explanation explain_shmget(const struct failed *f)
{
	const struct model_segment *segment = explain_key(f, (uint32_t)f->event->u.shmget.key);
	bool huge = f->event->u.shmget.flags & SHM_HUGETLB;
	char name[64];

	switch (f->event->detail) {
	case EINVAL:
		return explain_size(f, segment);
	case EEXIST:
		return segment ? explain_by(NULL,
					    "segment %d has the key 0x%08x and was created by %s",
					    segment->shmid, segment->key,
					    explain_creator(f, segment, name))
			       : explain_by(NULL, "a segment from before the session has this key");
	case ENOENT:
		return explain_absent(f, segment);
	case ENOSPC:
		return explain_full(f);
	case EACCES:
		return explain_access(f, segment);
	case ENOMEM:
		return huge ? explain_by("see vm.nr_hugepages and /proc/meminfo",
					 "there are not enough free huge pages")
			    : explain_nothing;
	case EPERM:
		return huge ? explain_by(NULL, "SHM_HUGETLB needs CAP_IPC_LOCK, the group of "
					       "vm.hugetlb_shm_group, or an RLIMIT_MEMLOCK of at "
					       "least the segment's size")
			    : explain_filter(f);
	default:
		return explain_nothing;
	}
}

struct explanation explain_failure(const struct model *model, const struct model_process *process,
				   const struct event *event)
{
	struct failed failed = {model, process, event};

	if (event_is_of_mapping(event) ||
	    (event->flags & FLAG_LIBC_ONLY && event->kind > KIND_SBRK))
		return explain_nothing;
	if (event->detail == ENOSYS && event->kind > KIND_SBRK)
		return explain_by("if there is a seccomp filter, allow the call in it",
				  "this kernel has no System V IPC, or a seccomp filter refused "
				  "the call");
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
		return explain_object_failure(&failed);
	}
}
