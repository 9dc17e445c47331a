/* SPDX-License-Identifier: MIT */
/* Why shmat, shmdt and shmctl failed, by the log: see explain.c. */
#include <errno.h>
#include <stdio.h>
#include <sys/shm.h>

#include "report/model/attachments.h"
#include "report/model/explain.h"
#include "report/model/explain_attach.h"
#include "report/model/explain_break.h"
#include "report/model/model.h"

#define SPACE_END (1ull << 47) /* above it, a program must ask for addresses by name */

static const struct model_attachment *attached_at(const struct failed *f, uint64_t address)
{
	for (uint32_t i = 0; i < f->process->attached_count; i++) {
		const struct model_attachment *a = &f->process->attached[i];

		if (address - a->address < (a->segment->size ? a->segment->size : 1))
			return a;
	}
	return NULL;
}

static const char anywhere[] = "pass no address: the kernel then chooses one";

/* The address cannot hold an attachment, whatever is mapped there. */
static struct explanation explain_address(const struct failed *f)
{
	uint64_t address = event_asked_address(f->event);
	uint32_t flags = f->event->u.shmat.flags;

	if (!address && flags & SHM_REMAP)
		return explain_by("pass the address of the mapping to replace",
				  "the call passed SHM_REMAP without an address");
	if (address % f->model->session.page_bytes && !(flags & SHM_RND))
		return explain_by("pass SHM_RND to round it down, or pass no address: the kernel "
				  "then chooses one",
				  "the address %#llx is not a multiple of the page size, and the "
				  "call did not pass SHM_RND",
				  (unsigned long long)address);
	if (address >= SPACE_END)
		return explain_by(anywhere, "the address %#llx is beyond the address space",
				  (unsigned long long)address);
	return explain_nothing;
}

static struct explanation explain_place(const struct failed *f)
{
	uint64_t address = event_asked_address(f->event);
	const struct model_attachment *there = attached_at(f, address);

	if (!address)
		return explain_nothing;
	if (there)
		return explain_surely(explain_by(
			anywhere,
			"segment %d is already attached at %#llx; SHM_REMAP would replace it",
			there->segment->shmid, (unsigned long long)there->address));
	return explain_by(anywhere, "memory is already mapped at %#llx",
			  (unsigned long long)address);
}

static struct explanation explain_attach(const struct failed *f,
					 const struct model_segment *segment)
{
	struct explanation explanation = explain_address(f);

	if (explanation.why)
		return explain_surely(explanation);
	if (!segment || segment->removed)
		explanation = explain_id(f, f->event->u.shmat.shmid);
	return explanation.why ? explanation : explain_place(f);
}

struct explanation explain_shmat(const struct failed *f)
{
	const struct model_segment *segment = model_event_segment(f->model, f->event);

	switch (f->event->detail) {
	case EACCES:
		return explain_access(f, segment);
	case EIDRM:
		return segment && segment->removed ? explain_removed(f, segment) : explain_nothing;
	case EINVAL:
		return explain_attach(f, segment);
	case ENOMEM:
		return explain_surely(explain_address(f));
	case EPERM:
		return explain_filter(f);
	default:
		return explain_nothing;
	}
}

static struct explanation explain_past(const struct failed *f, const struct model_past *past)
{
	static const char *const ended[] = {
		[ENDED_BY_SHMDT] = "detached",
		[ENDED_BY_EXEC] = "detached by exec",
		[ENDED_BY_EXIT] = "detached by exit",
		[ENDED_BY_REMAP] = "replaced by SHM_REMAP",
	};
	char time[FORMAT_BYTES];

	if (past->how == ENDED_UNSEEN)
		return explain_by("detach with shmdt, not with munmap",
				  "segment %d was attached there, and munmap or another mapping "
				  "removed the attachment",
				  past->attachment.segment->shmid);
	return explain_by("detach once, and do not use the address again",
			  "segment %d was attached there, and was %s %s before this call",
			  past->attachment.segment->shmid, ended[past->how],
			  explain_ago(f, past->until_ns, time));
}

struct explanation explain_shmdt(const struct failed *f)
{
	uint64_t address = f->event->u.shmdt.address;
	const struct model_attachment *there = attached_at(f, address);
	const struct model_past *past;
	bool all_known;

	if (f->event->detail != EINVAL)
		return explain_filter(f);
	if (there)
		return explain_by("pass the address that shmat returned",
				  "%#llx lies inside the attachment of segment %d, which begins at "
				  "%#llx",
				  (unsigned long long)address, there->segment->shmid,
				  (unsigned long long)there->address);
	if (address == UINT64_MAX)
		return explain_by("check the result of shmat before you use it",
				  "-1 is not an address: shmat returns it when it fails");
	if (address == 0)
		return explain_by("detach only an address that shmat returned",
				  "the call passed NULL, where no segment can be attached");
	for (uint64_t i = 0; (past = attachments_recent(f->model, i)); i++)
		if (past->process == f->process && past->attachment.address == address)
			return explain_past(f, past);
	all_known = f->model->history.recent_count <= f->model->history.recent_capacity;
	return explain_by("pass the address that shmat returned",
			  "no segment was %s attached at %#llx in this process",
			  all_known ? "ever" : "recently", (unsigned long long)address);
}

struct explanation explain_shmctl(const struct failed *f)
{
	int32_t shmid;

	if (!event_shmid(f->event, &shmid)) /* no id, but an index or an unknown command */
		return explain_nothing;
	if (f->event->detail == EPERM || f->event->detail == EACCES)
		return explain_access(f, model_event_segment(f->model, f->event));
	if (f->event->detail == EINVAL || f->event->detail == EIDRM)
		return explain_id(f, shmid);
	return explain_nothing;
}
