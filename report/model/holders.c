/* SPDX-License-Identifier: MIT */
/*
 * The kernel cross-check of attachments: which processes map a segment, by /proc/PID/maps, with or
 * without the shim. If the session has an attachment that the maps of its process do not have, it
 * is gone: munmap or another mapping replaced it, and no System V call shows that.
 */
#include <stdlib.h>
#include <string.h>

#include "report/model/attachments.h"
#include "report/model/holders.h"
#include "report/model/model.h"

#define HOLDERS_MAX (1u << 20)

bool model_wants_holders(const struct model *model)
{
	for (uint32_t i = 0; i < model->segments.count; i++) {
		struct kernel_segment wanted = {.shmid = model->segments.rows[i]->shmid};
		struct model_kernel_row *row;

		HASH_FIND(hh, model->kernel.rows, &wanted.kind, KERNEL_KEY_BYTES, row);
		if (row)
			return true;
	}
	return model->attachment_count > 0 && model->session.same_ipc;
}

void model_add_holder(struct model *model, const struct kernel_holder *holder)
{
	model->kernel.holders_known = true;
	if (model->kernel.holder_count < HOLDERS_MAX &&
	    MODEL_RESERVE(model, model->kernel.holders, model->kernel.holder_capacity,
			  model->kernel.holder_count + 1))
		model->kernel.holders[model->kernel.holder_count++] = *holder;
}

const struct model_process *model_holder_process(const struct model *model,
						 const struct kernel_holder *holder)
{
	for (uint32_t i = model->processes.instance_capacity; i > 1; i--) {
		const struct model_process *process = model->processes.by_instance[i - 1];

		if (process && process->facts.state == STATE_RUNNING &&
		    model_pid_here(model, &process->facts) == holder->pid &&
		    process->facts.start_time == holder->start_time)
			return process;
	}
	return NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct kernel_holder *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The first row of a process; holder_count when there is none. */
static uint32_t first_of(const struct model *model, int32_t pid)
{
	uint32_t low = 0, high = model->kernel.holder_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (model->kernel.holders[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the process's maps were read, and have the attachment. */
static bool holder_is_mapped(const struct model *model, const struct model_process *process,
			     const struct model_attachment *attachment, bool *read)
{
	int32_t pid = model_pid_here(model, &process->facts);
	bool found = false;

	*read = false;
	for (uint32_t i = first_of(model, pid);
	     i < model->kernel.holder_count && model->kernel.holders[i].pid == pid; i++) {
		const struct kernel_holder *row = &model->kernel.holders[i];

		if (row->start_time != process->facts.start_time || row->other_ipc)
			return false;
		*read |= row->shmid == -1;
		found |= row->shmid == attachment->segment->shmid &&
			 row->start - row->offset == attachment->address;
	}
	return found;
}

static bool is_younger(const struct model *model, const struct model_attachment *attachment)
{
	return model->kernel.holders_ns && attachment->since_ns >= model->kernel.holders_ns;
}

static void holders_finalize_process(struct model *model, struct model_process *process)
{
	bool read;

	for (uint32_t i = process->attached_count; i > 0; i--)
		if (!is_younger(model, &process->attached[i - 1]) &&
		    !holder_is_mapped(model, process, &process->attached[i - 1], &read) && read)
			attachments_drop(model, process, i - 1, ENDED_UNSEEN,
					 model->session.duration_ns);
}

static void count_found(struct model *model)
{
	for (uint32_t i = 0; i < model->kernel.holder_count; i++) {
		const struct kernel_holder *row = &model->kernel.holders[i];
		struct model_segment *segment = row->shmid < 0 || row->other_ipc
							? NULL
							: model_segment(model, row->shmid);

		if (segment)
			segment->found++;
	}
}

/*
 * Whether a mapping in another IPC namespace may be of this segment. There, the id may be another
 * segment's: the size must be the same, too.
 */
static bool holder_is_possible(const struct model *model, const struct model_segment *segment,
			       const struct kernel_holder *holder)
{
	uint64_t page = model->session.page_bytes ? model->session.page_bytes : 4096;

	return holder->other_ipc && holder->shmid == segment->shmid &&
	       holder->end - holder->start == (segment->current.size + page - 1) / page * page;
}

bool model_holds(const struct model *model, const struct model_segment *segment,
		 const struct kernel_holder *holder)
{
	uint64_t possible = 0;

	if (holder->shmid != segment->shmid || segment->presence != PRESENCE_HERE)
		return false;
	if (!holder->other_ipc)
		return true;
	for (uint32_t i = 0; i < model->kernel.holder_count; i++)
		possible += holder_is_possible(model, segment, &model->kernel.holders[i]);
	/* More than the kernel counts: it is not known which of them are. */
	return segment->found + possible <= segment->current.nattch &&
	       holder_is_possible(model, segment, holder);
}

void holders_finalize(struct model *model)
{
	if (!model->kernel.holders_known)
		return;
	if (model->kernel.holder_count)
		qsort(model->kernel.holders, model->kernel.holder_count,
		      sizeof *model->kernel.holders, by_place);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    model->processes.by_instance[i]->facts.state == STATE_RUNNING)
			holders_finalize_process(model, model->processes.by_instance[i]);
	count_found(model);
}
