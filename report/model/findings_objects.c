/* SPDX-License-Identifier: MIT */
#include "report/model/findings_objects.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/model/findings.h"
#include "report/model/findings_segments.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define LONG_NS 10000000000ull
#define CYCLE_MOST 64u

/* "semaphore set 5 (3 semaphores)". */
static const char *object_words(const struct model_segment *s, char to[80])
{
	if (s->kind == SEMAPHORE_SET && s->size)
		snprintf(to, 80, "semaphore set %d (%llu semaphore%s)", s->shmid,
			 (unsigned long long)s->size, format_s(s->size));
	else if (s->kind == SEMAPHORE_SET)
		snprintf(to, 80, "semaphore set %d", s->shmid);
	else
		snprintf(to, 80, "message queue %d", s->shmid);
	return to;
}

/*
 * An object that was named with IPC_CREAT alone may have existed: the kernel keeps no creator that
 * would tell.
 */
static void check_object_leaked(struct model *model, const struct model_segment *s)
{
	bool surely = s->created == CREATED_SURELY;
	char object[80], *advice;
	struct finding *finding;

	if (!s->leaked)
		return;
	advice = surely ? findings_removal_advice(model, s) : NULL;
	finding = findings_add(
		model, s->kind == SEMAPHORE_SET ? FINDING_LEAKED_SEMAPHORES : FINDING_LEAKED_QUEUE,
		surely ? SEVERITY_ERROR : SEVERITY_WARNING,
		advice ? advice
		       : "if the program created it, have it call IPC_RMID; it called without "
			 "IPC_EXCL, and the kernel keeps no creator",
		model->session.finished ? "%s, %s by %s, still existed when the session ended, and "
					  "no process used it"
					: "%s, %s by %s, still exists, and no process uses it",
		object_words(s, object), surely ? "created" : "named first",
		findings_creator_name(model, s));
	free(advice);
	findings_about_segment(model, finding, s);
	if (surely)
		findings_about_presence(finding, s);
	else
		finding->cause = "likely";
}

static void check_object_orphaned(struct model *model, const struct model_segment *s)
{
	char object[80], *advice;
	struct finding *finding;

	if (!s->orphaned)
		return;
	advice = findings_removal_advice(model, s);
	finding = findings_add(
		model, FINDING_ORPHANED_OBJECT, SEVERITY_WARNING, advice ? advice : "",
		"%s, created by %s, which ended, still exists; no process uses it, and "
		"only relatives of its creator run that never used it",
		object_words(s, object), findings_creator_name(model, s));
	free(advice);
	findings_about_segment(model, finding, s);
	findings_about_presence(finding, s);
}

static void check_object_mode(struct model *model, const struct model_segment *s)
{
	bool gone = s->state == SEGMENT_DESTROYED || s->state == SEGMENT_VANISHED;
	char object[80];
	uint32_t mode;

	if (!model_segment_mode(s, &mode) || !(mode & 0002) ||
	    (s->created != CREATED_SURELY && !s->in_kernel))
		return;
	findings_about_segment(
		model,
		findings_add(model, FINDING_WORLD_WRITABLE_OBJECT, SEVERITY_WARNING,
			     "give it a mode such as 0600 when it is created, or change it with "
			     "IPC_SET",
			     "every user %s %s %s, created by %s (mode %04o)",
			     gone ? "could" : "can",
			     s->kind == SEMAPHORE_SET ? "change" : "write to",
			     object_words(s, object), findings_creator_name(model, s), mode),
		s);
}

/* Whether the log has every call: only then, no call of the session created it. */
static bool log_has_all(const struct model *model)
{
	return model_lost(model) == 0 && model->losses.missed == 0 &&
	       model->losses.level == COVERED_FULL && model->losses.in_flight == 0 &&
	       model->processes.unfollowed_count == 0 && !model->session.segment_missing;
}

static void check_object_removal(struct model *model, const struct model_segment *s)
{
	const struct model_process *remover = model_process(model, s->remover);
	char object[80];
	struct finding *finding;

	if (!s->removed || !remover || s->created != CREATED_NOT || !log_has_all(model))
		return;
	finding = findings_add(model, FINDING_REMOVED_STRANGERS_OBJECT, SEVERITY_WARNING,
			       "programs outside the session may still use it",
			       "%s (%d) removed %s, which this session did not create",
			       model_program_name(&remover->facts), remover->facts.pid,
			       object_words(s, object));
	findings_about(finding, remover);
	finding->shmid = s->shmid;
	finding->object_kind = s->kind;
	finding->stack_instance = s->remover;
	finding->stack = s->remover_stack;
}

void findings_check_objects(struct model *model)
{
	for (uint32_t i = 0; i < model->objects.count; i++) {
		const struct model_segment *s = model->objects.rows[i];

		check_object_leaked(model, s);
		check_object_orphaned(model, s);
		check_object_mode(model, s);
		check_object_removal(model, s);
	}
}

/* ---- waits ---- */

/* A call that goes on: null when its process has ended. */
static const struct model_process *waiting_process(const struct model *model,
						   const struct wait_facts *wait)
{
	const struct model_process *process = model_process(model, wait->instance);

	return process && process->facts.state == STATE_RUNNING &&
			       model->session.state == SESSION_LIVE
		       ? process
		       : NULL;
}

/*
 * The wait of the process that operated last on the semaphore which `wait` waits for; null where
 * none is known. The last process that changed a semaphore is, of a lock, its holder.
 */
static const struct wait_facts *next_wait(const struct model *model, const struct wait_facts *wait)
{
	if (wait->kind != SEMAPHORE_SET || wait->last_pid <= 0 || wait->op >= 0)
		return NULL;
	for (uint32_t i = 0; i < model->operations.wait_count; i++) {
		const struct wait_facts *next = &model->operations.waits[i];
		const struct model_process *process = waiting_process(model, next);

		if (process && next->kind == SEMAPHORE_SET && next->op < 0 &&
		    next->instance != wait->instance &&
		    model_pid_here(model, &process->facts) == wait->last_pid &&
		    !process->many_threads)
			return next;
	}
	return NULL;
}

/* The length of the cycle that begins with this wait; 0: there is none. */
static uint32_t cycle_length(const struct model *model, const struct wait_facts *first)
{
	const struct wait_facts *wait = first;

	for (uint32_t length = 1; length <= CYCLE_MOST; length++) {
		wait = next_wait(model, wait);
		if (!wait)
			return 0;
		if (wait == first)
			return length;
	}
	return 0;
}

/* Each cycle is told once: at its wait with the lowest instance. */
static bool is_first_of_cycle(const struct model *model, const struct wait_facts *first,
			      uint32_t length)
{
	const struct wait_facts *wait = first;

	for (uint32_t i = 0; i < length; i++) {
		if (wait->instance < first->instance)
			return false;
		wait = next_wait(model, wait);
	}
	return true;
}

static void tell_cycle(struct model *model, const struct wait_facts *first, uint32_t length)
{
	const struct wait_facts *wait = first;
	char text[1024];
	size_t used = 0;
	struct finding *finding;

	for (uint32_t i = 0; i < length && used < sizeof text; i++) {
		const struct wait_facts *next = next_wait(model, wait);
		const struct model_process *process = model_process(model, wait->instance);
		const struct model_process *last = model_process(model, next->instance);

		used += (size_t)snprintf(
			text + used, sizeof text - used,
			"%s%s (%d) waits for semaphore %d of set %d, which %s (%d) changed last",
			i ? "; " : "", model_program_name(&process->facts), process->facts.pid,
			wait->semnum, wait->id, model_program_name(&last->facts), last->facts.pid);
		wait = next;
	}
	finding = findings_add(
		model, FINDING_WAITS_LONG, SEVERITY_WARNING,
		"a deadlock, unless another process changes one of these semaphores: "
		"have all take their semaphores in the same order, or in one semop",
		"%u processes wait for each other: %s", length, text);
	findings_about(finding, model_process(model, first->instance));
	finding->shmid = first->id;
	finding->object_kind = SEMAPHORE_SET;
	finding->cause = "cycle";
	finding_name(model, finding, "processes wait for each other");
}

static void tell_wait(struct model *model, const struct wait_facts *wait)
{
	const struct model_process *process = waiting_process(model, wait);
	uint64_t now = model->session.duration_ns;
	char since[FORMAT_BYTES];
	struct finding *finding;

	if (!process || now < wait->since_ns + LONG_NS)
		return;
	finding = findings_add(model, FINDING_WAITS_LONG, SEVERITY_NOTE,
			       "a server that has no work waits so; 'memshim top' shows who could "
			       "end it",
			       "%s (%d) has waited for %s in %s on %s %d",
			       model_program_name(&process->facts), process->facts.pid,
			       format_duration(since, now - wait->since_ns), event_name(wait->call),
			       wait->kind == SEMAPHORE_SET ? "semaphore set" : "message queue",
			       wait->id);
	findings_about(finding, process);
	finding->shmid = wait->id;
	finding->object_kind = wait->kind;
}

void findings_check_waits(struct model *model)
{
	for (uint32_t i = 0; i < model->operations.wait_count; i++) {
		const struct wait_facts *wait = &model->operations.waits[i];
		uint32_t length = waiting_process(model, wait) ? cycle_length(model, wait) : 0;

		if (length == 0)
			tell_wait(model, wait);
		else if (is_first_of_cycle(model, wait, length))
			tell_cycle(model, wait, length);
	}
}
