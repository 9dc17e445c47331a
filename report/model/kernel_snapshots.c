/* SPDX-License-Identifier: MIT */
/*
 * Why a call failed, by the kernel snapshot that the recorder took right after it: which limit was
 * reached and which program used most of it, which segment existed, what was mapped above the
 * break.
 */
#include "report/model/kernel_snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include "report/model/explain.h"
#include "report/model/explain_break.h"
#include "report/model/explain_objects.h"
#include "report/model/findings.h"
#include "report/model/memory_limits.h"
#include "report/model/model.h"
#include "report/util/format.h"
#include "report/util/path.h"

#define OVERCOMMIT_NEVER 2u

static void add_find(struct model *model, const struct snapshot_facts *snapshot)
{
	struct model_find *find;

	HASH_FIND(hh, model->kernel.finds, &snapshot->time_ns, sizeof snapshot->time_ns, find);
	if (find)
		return;
	find = calloc(1, sizeof *find);
	if (find) {
		find->time_ns = snapshot->time_ns;
		find->snapshot = *snapshot;
		HASH_ADD(hh, model->kernel.finds, time_ns, sizeof find->time_ns, find);
	}
	if (!find || !find->hh.tbl) {
		model->no_memory = true;
		free(find);
	}
}

void model_add_snapshot(struct model *model, const struct snapshot_facts *snapshot)
{
	if (snapshot->error == 0 && (snapshot->shmid >= 0 || snapshot->call == KIND_SHMCTL)) {
		add_find(model, snapshot);
		return;
	}
	if (MODEL_RESERVE(model, model->kernel.snapshots, model->kernel.snapshot_capacity,
			  model->kernel.snapshot_count + 1))
		model->kernel.snapshots[model->kernel.snapshot_count++] = *snapshot;
}

/* The snapshot of a failure's first call. One of a later call may have other numbers. */
static const struct snapshot_facts *snapshot_of_failure(const struct model *model,
							const struct model_failure *failure)
{
	for (uint32_t i = 0; i < model->kernel.snapshot_count; i++) {
		const struct snapshot_facts *s = &model->kernel.snapshots[i];

		if (s->instance == failure->first.process && s->call == failure->key.call &&
		    s->error == failure->key.error && s->time_ns == failure->first.time_ns)
			return s;
	}
	return NULL;
}

/* The creator: its name in the session or in the snapshot, else "pid 12". */
static const char *snapshot_creator(const struct model *model, int32_t pid, const char *name,
				    char to[96])
{
	for (uint32_t i = model->processes.instance_capacity; i > 1; i--) {
		const struct model_process *process = model->processes.by_instance[i - 1];

		if (process && process->facts.pid == pid) {
			name = model_program_name(&process->facts);
			break;
		}
	}
	if (*name)
		snprintf(to, 96, "%.60s (%d)", name, pid);
	else if (pid)
		snprintf(to, 96, "pid %d", pid);
	else
		snprintf(to, 96, "a process in another pid namespace");
	return to;
}

/* ---- limits on all segments together ---- */

/* The program with most of the segments: of the session, or a process that the snapshot names. */
static const char *snapshot_most(const struct model *model, const struct model_failure *failure,
				 const struct snapshot_facts *s, bool by_count, char to[96])
{
	const char *exe = failure->most ? failure->most->exe : "";
	uint64_t own = by_count ? failure->most_segments : failure->most_pages;
	uint64_t theirs = by_count ? s->most_segments : s->most_pages;

	if (!failure->most || own < theirs || failure->most_creators < 2) {
		snapshot_creator(model, s->most_pid, s->most_name, to);
		if (s->most_ended)
			snprintf(to + strlen(to), 96 - strlen(to), ", which had ended");
		return to;
	}
	snprintf(to, 96, "%u processes of %.60s", failure->most_creators, path_base_name(exe));
	return to;
}

static uint64_t snapshot_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct explanation snapshot_explain_full(const struct model *model,
						const struct model_failure *failure,
						const struct snapshot_facts *s)
{
	uint64_t page = model->session.page_bytes ? model->session.page_bytes : 4096;
	uint64_t pages = (failure->first.u.shmget.size + page - 1) / page;
	char who[96];

	if (s->used_segments >= s->limit_segments)
		return explain_by("remove unused segments ('memshim ipcs' shows them, 'memshim "
				  "reap' removes those of a session), or raise kernel.shmmni",
				  "all %llu segments that kernel.shmmni allows exist; %llu of "
				  "them, the most, were created by %s",
				  (unsigned long long)s->limit_segments,
				  (unsigned long long)snapshot_larger(s->most_segments,
								      failure->most_segments),
				  snapshot_most(model, failure, s, true, who));
	if (pages > s->limit_pages)
		return explain_by("ask for less, or raise kernel.shmall",
				  "the call asked for %llu page%s, more than the %llu that "
				  "kernel.shmall allows for all segments together",
				  (unsigned long long)pages, format_s(pages),
				  (unsigned long long)s->limit_pages);
	if (s->used_pages + pages > s->limit_pages)
		return explain_by(
			"remove unused segments ('memshim ipcs' shows them, 'memshim reap' removes "
			"those of a session), or raise kernel.shmall",
			"the call asked for %llu page%s, and %llu of the %llu that kernel.shmall "
			"allows are in use; %llu of them, the most, by %s",
			(unsigned long long)pages, format_s(pages),
			(unsigned long long)s->used_pages, (unsigned long long)s->limit_pages,
			(unsigned long long)snapshot_larger(s->most_pages, failure->most_pages),
			snapshot_most(model, failure, s, false, who));
	return explain_nothing;
}

/* ---- single segments ---- */

static struct explanation snapshot_explain_size(const struct model *model,
						const struct snapshot_facts *s, uint64_t asked)
{
	char wanted[FORMAT_BYTES], has[FORMAT_BYTES], who[96];

	format_bytes(wanted, asked);
	if (s->shmid >= 0 && asked > s->size)
		return explain_by(
			"ask for at most its size (0 accepts any size), or remove it first",
			"segment %d with this key has %s, and the call asked for %s; it was "
			"created by %s",
			s->shmid, format_bytes(has, s->size), wanted,
			snapshot_creator(model, s->creator_pid, s->creator_name, who));
	if (s->limit_size && asked > s->limit_size)
		return explain_by("ask for less, or raise kernel.shmmax",
				  "the call asked for %s, and kernel.shmmax is %s", wanted,
				  format_bytes(has, s->limit_size));
	return explain_nothing;
}

static struct explanation access_seen(const struct model *model,
				      const struct model_failure *failure,
				      const struct snapshot_facts *s)
{
	char who[96];

	if (s->shmid < 0)
		return explain_nothing;
	return explain_by(
		NULL,
		"segment %d, created by %s, has mode %04o and belongs to uid %u; uid %u tried to "
		"%s",
		s->shmid, snapshot_creator(model, s->creator_pid, s->creator_name, who),
		s->mode & 0777, s->owner_uid, s->caller_uid, explain_intent(&failure->first));
}

static struct explanation explain_memory(const struct model_failure *failure,
					 const struct snapshot_facts *s)
{
	uint64_t asked = failure->first.u.shmget.size;
	char wanted[FORMAT_BYTES], has[FORMAT_BYTES];

	format_bytes(wanted, asked);
	if (failure->first.u.shmget.flags & SHM_HUGETLB)
		return explain_by(
			"see vm.nr_hugepages and /proc/meminfo",
			"the call asked for %s in huge pages, and %llu of %llu huge pages are free",
			wanted, (unsigned long long)(s->limit_pages - s->used_pages),
			(unsigned long long)s->limit_pages);
	if (s->memory_bytes && asked > s->memory_bytes)
		return explain_by("ask for less, or pass SHM_NORESERVE: the kernel then reserves "
				  "no memory in advance",
				  "the call asked for %s, and memory and swap together are %s",
				  wanted, format_bytes(has, s->memory_bytes));
	if (s->overcommit == OVERCOMMIT_NEVER)
		return explain_by(NULL,
				  "the call asked for %s, and with vm.overcommit_memory 2 the "
				  "kernel grants no more memory than there is",
				  wanted);
	return explain_nothing;
}

static struct explanation shmget_seen(const struct model *model,
				      const struct model_failure *failure,
				      const struct snapshot_facts *s)
{
	char who[96];

	switch (s->error) {
	case ENOSPC:
		return snapshot_explain_full(model, failure, s);
	case EINVAL:
		return snapshot_explain_size(model, s, failure->first.u.shmget.size);
	case EACCES:
		return access_seen(model, failure, s);
	case ENOMEM:
		return explain_memory(failure, s);
	case EEXIST:
		return s->shmid < 0
			       ? explain_nothing
			       : explain_by(NULL,
					    "segment %d has the key 0x%08x and was created by %s",
					    s->shmid, s->key,
					    snapshot_creator(model, s->creator_pid, s->creator_name,
							     who));
	default:
		return explain_nothing;
	}
}

/* ---- addresses ---- */

/* The size of the segment to attach; 0 unknown. It may be gone when the snapshot is taken. */
static uint64_t size_of(const struct model *model, const struct model_failure *failure,
			const struct snapshot_facts *s)
{
	const struct model_segment *segment = model_event_segment(model, &failure->first);

	return s->shmid >= 0 ? s->size : segment ? segment->size : 0;
}

static struct explanation place_seen(const struct model *model, const struct model_failure *failure,
				     const struct snapshot_facts *s)
{
	uint64_t address = event_asked_address(&failure->first);
	uint64_t size = size_of(model, failure, s);
	char who[96];

	if (size && address && s->next_start && s->next_start < address + size)
		return explain_by("pass no address: the kernel then chooses one",
				  "%s is already mapped at %#llx",
				  s->next_name[0] ? s->next_name : "memory without a file",
				  (unsigned long long)s->next_start);
	if (s->shmid < 0)
		return explain_nothing;
	return explain_by(
		"check the address and the flags",
		"segment %d exists, created by %s; the kernel refused the address or a flag",
		s->shmid, snapshot_creator(model, s->creator_pid, s->creator_name, who));
}

static struct explanation attach_seen(const struct model *model,
				      const struct model_failure *failure,
				      const struct snapshot_facts *s)
{
	uint64_t size = size_of(model, failure, s);
	const struct model_process *process = model_process(model, failure->process);

	if (s->error == EACCES)
		return access_seen(model, failure, s);
	if (s->error == EINVAL)
		return place_seen(model, failure, s);
	if (s->error == ENOMEM && process)
		return limits_explain_attach(process, &failure->first, s, size);
	return explain_nothing;
}

struct explanation snapshot_explain(const struct model *model, const struct model_failure *failure)
{
	const struct model_process *process = model_process(model, failure->process);
	const struct snapshot_facts *s = snapshot_of_failure(model, failure);

	if (!s || !process)
		return explain_nothing;
	switch (s->call) {
	case KIND_BRK:
	case KIND_SBRK:
		return limits_explain_move(model, process, &failure->first, s);
	case KIND_SHMGET:
		return shmget_seen(model, failure, s);
	case KIND_SHMAT:
		return attach_seen(model, failure, s);
	case KIND_SHMCTL:
		return access_seen(model, failure, s);
	default:
		return explain_object_snapshot(failure, s);
	}
}

static void check_wall(struct model *model, const struct model_failure *failure)
{
	const struct model_process *process = model_process(model, failure->process);
	const struct snapshot_facts *s = snapshot_of_failure(model, failure);
	const struct event *event = &failure->first;
	struct finding *finding;
	char capacity[FORMAT_BYTES];

	if (!s || !process || process->blocked_by || failure->sure ||
	    !explain_wall(event, s->next_start))
		return;
	finding = findings_add(model, FINDING_BREAK_BLOCKED, SEVERITY_WARNING,
			       "do not map memory at a fixed address near the heap",
			       "%s (%d): %s, %s above the break, blocked a move of the break",
			       model_program_name(&process->facts), process->facts.pid,
			       s->next_name[0] ? s->next_name : "memory without a file",
			       format_bytes(capacity, s->next_start - event->u.brk.before));
	findings_about(finding, process);
	finding->stack_instance = event->process;
	finding->stack = event->stack;
}

void findings_check_walls(struct model *model)
{
	for (const struct model_failure *failure = NULL; (failure = failure_next(model, failure));)
		if (failure->key.call <= KIND_SBRK && failure->count)
			check_wall(model, failure);
}
