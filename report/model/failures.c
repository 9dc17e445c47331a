/* SPDX-License-Identifier: MIT */
/*
 * Failed calls, one row for each program, call and error. The first call of a row gives the rule or
 * limit that refused it: by the table of failures, or by what the log knew at that moment.
 */
#include "report/model/failures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/explain.h"
#include "report/model/explain_break.h"
#include "report/model/findings.h"
#include "report/model/kernel_snapshots.h"
#include "report/model/model.h"
#include "report/util/format.h"

static const struct {
	uint8_t call;
	int error;
	enum severity severity;
	const char *name, *why, *advice;
} failures[] = {
#define FAILURE(call, error, severity, why, advice) \
	{KIND_##call, error, SEVERITY_##severity, #error, why, advice},
#include "report/model/failures.def"
#undef FAILURE
};

static struct model_failure *failure_of(struct model *model, const struct failure_key *key)
{
	struct model_failure *failure = model->findings.last_failure;

	if (failure && memcmp(&failure->key, key, sizeof *key) == 0)
		return failure;
	HASH_FIND(hh, model->findings.failures, key, sizeof *key, failure);
	if (failure)
		return failure;
	failure = calloc(1, sizeof *failure);
	if (failure) {
		failure->key = *key;
		HASH_ADD(hh, model->findings.failures, key, sizeof *key, failure);
	}
	if (failure && failure->hh.tbl)
		return failure;
	model->no_memory = true;
	free(failure);
	return NULL;
}

static void note_blocker(struct model_process *process, const struct event *event)
{
	const struct model_attachment *blocker = explain_blocker(process, event);

	if (!blocker)
		return;
	process->blocked_by = blocker->segment;
	process->blocked_room_bytes = blocker->address - event->u.brk.before;
	process->blocked_stack = event->stack;
}

/* The program with the most existing segments that the session created. */
static void note_most(const struct model *model, struct model_failure *failure)
{
	uint64_t page = model->session.page_bytes ? model->session.page_bytes : 4096;
	struct model_program *program, *next, *most = NULL;

	HASH_ITER (hh, model->processes.programs, program, next)
		program->tally = (struct model_tally){0};
	for (uint32_t i = 0; i < model->segments.count; i++) {
		const struct model_segment *segment = model->segments.rows[i];
		const struct model_process *creator = model_process(model, segment->creator);

		if (segment->created == CREATED_NOT || (segment->removed && !segment->now) ||
		    !creator || !creator->program)
			continue;
		program = creator->program;
		program->tally.segments++;
		program->tally.pages += (segment->size + page - 1) / page;
		program->tally.creators += program->tally.last_creator != segment->creator;
		program->tally.last_creator = segment->creator;
		if (!most || program->tally.segments > most->tally.segments)
			most = program;
	}
	failure->most = most;
	if (!most)
		return;
	failure->most_creators = most->tally.creators;
	failure->most_segments = most->tally.segments;
	failure->most_pages = most->tally.pages;
}

/* The first failure of a row is the one that is explained. */
static void failure_begin(struct model *model, struct model_failure *failure,
			  const struct model_process *process, const struct event *event,
			  int32_t shmid)
{
	struct explanation explanation = explain_failure(model, process, event);

	failure->first = *event;
	failure->process = event->process;
	failure->stack = event->stack;
	failure->why = explanation.why;
	failure->advice = explanation.advice;
	failure->sure = explanation.sure;
	failure->one_process = true;
	failure->shmid = shmid;
	if (event->kind == KIND_SHMGET && event->detail == ENOSPC)
		note_most(model, failure);
}

static void note_stack(struct model_failure *failure, uint32_t stack)
{
	for (uint32_t i = 0; i < failure->stack_count && i < FAILURE_STACKS; i++)
		if (failure->stacks[i] == stack)
			return;
	if (failure->stack_count < FAILURE_STACKS)
		failure->stacks[failure->stack_count] = stack;
	failure->stack_count++;
}

void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event)
{
	struct failure_key key;
	struct model_failure *failure;
	int32_t shmid = -1;

	memset(&key, 0, sizeof key);
	key.program = process->program;
	key.call = event->kind;
	key.error = event->detail;
	failure = failure_of(model, &key);
	if (!failure)
		return;
	event_shmid(event, &shmid);
	if (failure->count == 0)
		failure_begin(model, failure, process, event, shmid);
	failure->one_process &= failure->process == event->process;
	if (failure->shmid != shmid)
		failure->shmid = -1;
	note_stack(failure, event->stack);
	failure->count++;
	failure->in_kernel += !(event->flags & FLAG_LIBC_ONLY);
	if (event->kind == KIND_SHMGET) {
		process->shmget_error = event->detail;
		process->shmget_refused_ns = event->time_ns;
	}
	if (event->kind <= KIND_SBRK && !process->blocked_by)
		note_blocker(process, event);
	model->findings.last_failure = failure;
}

static void check_failure(struct model *model, const struct model_failure *failure)
{
	const struct model_process *process = model_process(model, failure->process);
	const char *call = event_name(failure->key.call), *error = NULL;
	const char *why = "see the manual page of the call", *advice = "";
	enum severity severity = SEVERITY_WARNING;
	char count[FORMAT_BYTES];
	struct finding *finding;
	struct explanation seen;

	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].call != failure->key.call ||
		    failures[i].error != (int)failure->key.error)
			continue;
		severity = failures[i].severity;
		error = failures[i].name;
		why = failures[i].why;
		advice = failures[i].advice;
	}
	if (!error)
		error = name_of_errno((int)failure->key.error);
	seen = snapshot_explain(model, failure);
	if (seen.why && !failure->sure) {
		why = seen.why;
		advice = seen.advice ? seen.advice : advice;
	} else if (failure->why) {
		why = failure->why;
		advice = failure->advice ? failure->advice : advice;
	}
	if (failure->in_kernel == 0 && !failure->sure)
		why = "libc refused the call without a system call";
	finding = findings_add(
		model, FINDING_FAILED_CALL, severity, advice,
		"%s: %s failed %s time%s with %s%s %s",
		process ? model_program_name(&process->facts) : "?", call,
		format_count(count, failure->count), format_s(failure->count),
		error ? error : "an unknown error",
		(failure->why || seen.why) && failure->count > 1 ? "; the first time:" : ":", why);
	free(seen.why);
	if (process)
		findings_about(finding, process);
	if (!failure->one_process)
		finding->pid = 0;
	finding->failure = failure;
	finding->shmid = failure->shmid;
	finding->stack_instance = failure->process;
	finding->stack = failure->stack;
}

void findings_check_failures(struct model *model)
{
	struct model_failure *failure, *next;

	HASH_ITER (hh, model->findings.failures, failure, next)
		check_failure(model, failure);
}
