/* SPDX-License-Identifier: MIT */
/*
 * Failed calls, one row for each program, call, error, call stack and cause. The first call of a
 * row gives the rule or limit that refused it: by the table of failures, or by what the log knew at
 * that moment.
 */
#include "report/model/failures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/explain.h"
#include "report/model/explain_break.h"
#include "report/model/findings.h"
#include "report/model/full_table.h"
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

#define FAILURES_MAX 4096u  /* rows; then the stacks of more places are not kept */
#define EXPLAINED_MAX 2048u /* calls; more of one place count as the place's latest cause */

static struct model_failure *failure_make(struct model *model, const struct failure_key *key)
{
	struct model_failure *failure = calloc(1, sizeof *failure);

	model->no_memory |= !failure;
	if (failure)
		failure->key = *key;
	model->findings.failure_count += failure != NULL;
	return failure;
}

/* The first row of a place. */
static struct model_failure *failure_of(struct model *model, struct failure_key *key)
{
	struct model_failure *failure = model->findings.last_failure;

	if (failure && memcmp(&failure->key, key, sizeof *key) == 0)
		return failure;
	HASH_FIND(hh, model->findings.failures, key, sizeof *key, failure);
	if (!failure && model->findings.failure_count >= FAILURES_MAX && key->stack) {
		key->stack = 0;
		return failure_of(model, key);
	}
	if (failure)
		return failure;
	failure = failure_make(model, key);
	if (failure)
		HASH_ADD(hh, model->findings.failures, key, sizeof *key, failure);
	if (failure && failure->hh.tbl)
		return failure;
	model->no_memory = true;
	free(failure);
	return NULL;
}

const struct model_failure *failure_next(const struct model *model,
					 const struct model_failure *failure)
{
	const struct model_failure *first;

	if (!failure)
		return model->findings.failures;
	if (failure->other)
		return failure->other;
	HASH_FIND(hh, model->findings.failures, &failure->key, sizeof failure->key, first);
	return first ? first->hh.next : NULL;
}

void failures_free(struct model *model)
{
	struct model_failure *failure, *next, *other;

	HASH_ITER (hh, model->findings.failures, failure, next) {
		HASH_DEL(model->findings.failures, failure);
		for (; failure; failure = other) {
			other = failure->other;
			free(failure->why);
			free(failure);
		}
	}
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

/* The first failure of a row is the one that is explained. */
static void failure_begin(struct model *model, struct model_failure *failure,
			  const struct event *event, const struct explanation *explanation)
{
	failure->first = *event;
	failure->process = event->process;
	failure->why = explanation->why;
	failure->form = explanation->form;
	failure->advice = explanation->advice;
	failure->sure = explanation->sure;
	failure->shmid = -1;
	event_object_id(event, &failure->shmid);
	if (event->detail == ENOSPC && event_is_of_object(event))
		full_table_note(model, failure, event_object_kind(event));
}

static bool failure_is_same(const struct model_failure *failure, const char *form)
{
	return failure->form == form || (failure->form && form && strcmp(failure->form, form) == 0);
}

/* The row of this cause among those of a place. Null without memory. */
static struct model_failure *failure_of_cause(struct model *model, struct model_failure *first,
					      const struct model_process *process,
					      const struct event *event)
{
	struct model_failure *failure = first;
	struct explanation explanation;

	if (first->count && model->findings.explained_count++ >= EXPLAINED_MAX)
		return first->latest;
	explanation = explain_failure(model, process, event);
	if (first->count == 0) {
		failure_begin(model, first, event, &explanation);
		return first;
	}
	while (!failure_is_same(failure, explanation.form) && failure->other)
		failure = failure->other;
	if (failure_is_same(failure, explanation.form)) {
		free(explanation.why);
		return failure;
	}
	failure->other = failure_make(model, &first->key);
	if (failure->other)
		failure_begin(model, failure->other, event, &explanation);
	else
		free(explanation.why);
	return failure->other;
}

static void failure_note_process(struct model_failure *failure, uint32_t instance)
{
	uint32_t kept = failure->process_count;

	for (uint32_t i = 0; i < kept && i < FAILURE_PROCESSES; i++)
		if (failure->processes[i] == instance)
			return;
	if (kept < FAILURE_PROCESSES)
		failure->processes[kept] = instance;
	if (kept <= FAILURE_PROCESSES)
		failure->process_count++;
}

static void failure_add(struct model_failure *failure, const struct event *event)
{
	int32_t shmid = -1;

	event_object_id(event, &shmid);
	if (failure->shmid != shmid)
		failure->shmid = -1;
	failure_note_process(failure, event->process);
	failure->count++;
	failure->in_kernel += !(event->flags & FLAG_LIBC_ONLY);
}

void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event)
{
	struct failure_key key;
	struct model_failure *first, *failure;

	memset(&key, 0, sizeof key);
	key.program = process->program;
	key.call = event->kind;
	key.error = event->detail;
	key.stack = event->stack;
	first = failure_of(model, &key);
	failure = first ? failure_of_cause(model, first, process, event) : NULL;
	if (!failure)
		return;
	first->latest = failure;
	failure_add(failure, event);
	if (event->kind == KIND_SHMGET) {
		process->shmget_error = event->detail;
		process->shmget_refused_ns = event->time_ns;
	}
	if (event->kind <= KIND_SBRK && !process->blocked_by)
		note_blocker(process, event);
	model->findings.last_failure = first;
}

/* ---- in words ---- */

static void failure_command(const struct event *event, char *text, size_t bytes)
{
	static const char *const names[] = {"IPC_RMID", "IPC_SET", "IPC_STAT"};
	uint32_t command = (uint32_t)event->u.shmctl.command;

	if (command < sizeof names / sizeof *names)
		snprintf(text, bytes, "%d, %s", event->u.shmctl.shmid, names[command]);
	else
		snprintf(text, bytes, "%d, %u", event->u.shmctl.shmid, command);
}

static void failure_object_arguments(const struct event *event, char *text, size_t bytes)
{
	char size[FORMAT_BYTES], key[24] = "IPC_PRIVATE";

	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		if (event->u.get.key)
			snprintf(key, sizeof key, "%#x", (unsigned)event->u.get.key);
		if (event->kind == KIND_SEMGET)
			snprintf(text, bytes, "%s, %lld", key, (long long)event->u.get.nsems);
		else
			snprintf(text, bytes, "%s", key);
		break;
	case KIND_SEMCTL:
		snprintf(text, bytes, "%d, %d, %d", event->u.semctl.semid, event->u.semctl.semnum,
			 event->u.semctl.command);
		break;
	case KIND_MSGCTL:
		snprintf(text, bytes, "%d, %d", event->u.msgctl.msqid, event->u.msgctl.command);
		break;
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		if (event->u.semop.semnum >= 0)
			snprintf(text, bytes, "%d, {%d, %d}", event->u.semop.semid,
				 event->u.semop.semnum, event->u.semop.op);
		else
			snprintf(text, bytes, "%d, ...", event->u.semop.semid);
		break;
	default:
		format_bytes(size, event->u.message.size);
		snprintf(text, bytes, "%d, %s", event->u.message.msqid, size);
	}
}

/* "0xbeef, 64K": the arguments that matter. */
static void failure_arguments(const struct event *event, char *text, size_t bytes)
{
	char size[FORMAT_BYTES];

	switch (event->kind) {
	case KIND_BRK:
		snprintf(text, bytes, "%#llx", (unsigned long long)event->u.brk.argument);
		break;
	case KIND_SBRK:
		format_delta(size, (int64_t)event->u.brk.argument);
		snprintf(text, bytes, "%s", size);
		break;
	case KIND_SHMGET:
		format_bytes(size, event->u.shmget.size);
		if (event->u.shmget.key)
			snprintf(text, bytes, "%#x, %s", (unsigned)event->u.shmget.key, size);
		else
			snprintf(text, bytes, "IPC_PRIVATE, %s", size);
		break;
	case KIND_SHMAT:
		if (event_asked_address(event))
			snprintf(text, bytes, "%d, %#llx", event->u.shmat.shmid,
				 (unsigned long long)event_asked_address(event));
		else
			snprintf(text, bytes, "%d", event->u.shmat.shmid);
		break;
	case KIND_SHMDT:
		snprintf(text, bytes, "%#llx", (unsigned long long)event->u.shmdt.address);
		break;
	case KIND_SHMCTL:
		failure_command(event, text, bytes);
		break;
	default:
		if (event_is_of_mapping(event)) /* length is the second word of all of them */
			snprintf(text, bytes, "%s", format_bytes(size, event->u.range.length));
		else
			failure_object_arguments(event, text, bytes);
	}
}

static const char *failure_error(const struct model_failure *failure)
{
	const char *error = name_of_errno((int)failure->key.error);

	return error ? error : "an unknown error";
}

void failure_words(const struct model_failure *failure, char *text, size_t bytes)
{
	char arguments[64];

	failure_arguments(&failure->first, arguments, sizeof arguments);
	snprintf(text, bytes, "%s(%s) = %s", event_name(failure->key.call), arguments,
		 failure_error(failure));
}

/* What is known of the reason, and what to do. */
struct failure_reason {
	enum severity severity;
	const char *why, *advice, *form; /* form: the cause */
	char *seen;                      /* owns `why`, or null */
};

static struct failure_reason failure_reason(const struct model *model,
					    const struct model_failure *failure)
{
	struct failure_reason reason = {.severity = SEVERITY_WARNING,
					.why = "see the manual page of the call",
					.advice = ""};
	struct explanation seen = snapshot_explain(model, failure);

	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].call != failure->key.call ||
		    failures[i].error != (int)failure->key.error)
			continue;
		reason.severity = failures[i].severity;
		reason.why = failures[i].why;
		reason.advice = failures[i].advice;
	}
	reason.form = failure->form;
	reason.seen = seen.why;
	if (seen.why && !failure->sure) {
		reason.why = seen.why;
		reason.advice = seen.advice ? seen.advice : reason.advice;
		reason.form = seen.form;
	} else if (failure->why) {
		reason.why = failure->why;
		reason.advice = failure->advice ? failure->advice : reason.advice;
	}
	if (failure->in_kernel == 0 && !failure->sure)
		reason.why = "libc refused the call without a system call";
	return reason;
}

char *failure_text(const struct model *model, const struct model_failure *failure, uint64_t count)
{
	const struct model_process *process = model_process(model, failure->process);
	struct failure_reason reason = failure_reason(model, failure);
	bool single = (failure->why || reason.seen) && count > 1;
	char times[FORMAT_BYTES], *text;

	if (asprintf(&text, "%s: %s failed %s time%s with %s%s %s",
		     process ? model_program_name(&process->facts) : "?",
		     event_name(failure->key.call), format_count(times, count), format_s(count),
		     failure_error(failure), single ? "; the first time:" : ":", reason.why) < 0)
		text = NULL;
	free(reason.seen);
	return text;
}

static void failure_name_processes(const struct model *model, const struct model_failure *failure,
				   struct finding *finding)
{
	const struct model_process *process = model_process(model, failure->process);

	if (process)
		findings_about(finding, process);
	if (failure->process_count > 1)
		finding->pid = 0;
	finding->id_count = 0;
	for (uint32_t i = 0; i < failure->process_count && i < FAILURE_PROCESSES; i++) {
		process = model_process(model, failure->processes[i]);
		if (process)
			finding_add_id(finding, process->facts.pid);
	}
}

static void check_failure(struct model *model, const struct model_failure *failure)
{
	struct failure_reason reason = failure_reason(model, failure);
	char *text = failure_text(model, failure, failure->count), words[128];
	struct finding *finding;

	finding = findings_add(model, FINDING_FAILED_CALL, reason.severity, reason.advice, "%s",
			       text ? text : "");
	failure_words(failure, words, sizeof words);
	finding_name(model, finding, words);
	finding->why = strdup(reason.why);
	finding->cause = reason.form ? reason.form : event_name(failure->key.call);
	finding->call_error = failure->key.call << 16 | failure->key.error;
	finding->count = failure->count;
	failure_name_processes(model, failure, finding);
	finding->failure = failure;
	finding->shmid = failure->shmid;
	finding->object_kind = event_object_kind(&failure->first);
	finding->stack_instance = failure->process;
	finding->stack = failure->key.stack;
	free(text);
	free(reason.seen);
}

void findings_check_failures(struct model *model)
{
	for (const struct model_failure *failure = NULL; (failure = failure_next(model, failure));)
		if (failure->count)
			check_failure(model, failure);
}
