/* SPDX-License-Identifier: MIT */
/*
 * What is worth a remark. A remark is made only where it is surely true; what a sound program may
 * do as well is a note, and notes do not count for --error-exitcode.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/human.h"
#include "report/model/inside.h"
#include "report/names.h"

static const char *const names[FINDING_COUNT] = {
#define FINDING(id, name, meaning) [FINDING_##id] = #name,
#include "report/model/findings.def"
#undef FINDING
};

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

const char *model_finding_name(enum finding_kind kind)
{
	return kind < FINDING_COUNT ? names[kind] : "unknown";
}

__attribute__((format(printf, 1, 0))) static char *format(const char *words, va_list args)
{
	char *text = NULL;

	return vasprintf(&text, words, args) < 0 ? NULL : text;
}

/* Adds a finding; the caller completes pid and shmid. The advice comes first, then the text. */
static struct finding *add(struct model *model, enum finding_kind kind, enum severity severity,
			   const char *advice, const char *words, ...)
	__attribute__((format(printf, 5, 6)));

static struct finding *add(struct model *model, enum finding_kind kind, enum severity severity,
			   const char *advice, const char *words, ...)
{
	static struct finding nowhere;
	struct finding *finding;
	va_list args;

	if (!model_grow(model, (void **)&model->findings, &model->finding_room,
			model->finding_count, sizeof *model->findings))
		return &nowhere;
	finding = &model->findings[model->finding_count++];
	*finding = (struct finding){.kind = kind, .severity = severity, .shmid = -1};
	va_start(args, words);
	finding->text = format(words, args);
	va_end(args);
	finding->advice = strdup(advice);
	model->no_memory |= !finding->text || !finding->advice;
	return finding;
}

/* ---- failed calls ---- */

static struct model_failure *failure_of(struct model *model, const struct failure_key *key)
{
	struct model_failure *failure = model->last_failure;

	if (failure && memcmp(&failure->key, key, sizeof *key) == 0)
		return failure;
	HASH_FIND(hh, model->failures, key, sizeof *key, failure);
	if (failure)
		return failure;
	failure = calloc(1, sizeof *failure);
	if (failure) {
		failure->key = *key;
		HASH_ADD(hh, model->failures, key, sizeof *key, failure);
	}
	if (failure && failure->hh.tbl)
		return failure;
	model->no_memory = true;
	free(failure);
	return NULL;
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
	if (failure->count == 0) {
		failure->process = event->process;
		failure->one_process = true;
		failure->shmid = shmid;
	}
	failure->one_process &= failure->process == event->process;
	if (failure->shmid != shmid)
		failure->shmid = -1;
	failure->count++;
	failure->in_kernel += !(event->flags & FLAG_LIBC_ONLY);
	model->last_failure = failure;
}

static void draw_failure(struct model *model, const struct model_failure *failure)
{
	const struct model_process *process = model_process(model, failure->process);
	const char *call = event_name(failure->key.call), *error = NULL;
	const char *why = "see the manual page of the call", *advice = "";
	enum severity severity = SEVERITY_WARNING;
	char count[HUMAN_BYTES];
	struct finding *finding;

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
	if (failure->in_kernel == 0)
		why = "libc refused it without asking the kernel";
	finding = add(model, FINDING_FAILED_CALL, severity, advice,
		      "%s: %s failed %s time%s with %s: %s",
		      process ? model_program_name(&process->facts) : "?", call,
		      human_count(count, failure->count), human_s(failure->count),
		      error ? error : "an unknown error", why);
	finding->pid = process && failure->one_process ? process->facts.pid : 0;
	finding->shmid = failure->shmid;
}

/* ---- what is missing ---- */

static void draw_losses(struct model *model)
{
	char text[1024] = "", count[HUMAN_BYTES];
	size_t used = 0;

	for (int loss = 0; loss < LOST_COUNT; loss++)
		if (model->lost[loss] && loss != LOST_BAD_SETTING && loss != LOST_NOT_REDIRECTED &&
		    used < sizeof text)
			used += (size_t)snprintf(
				text + used, sizeof text - used, "%s%s %s (%s)", used ? "; " : "",
				human_count(count, model->lost[loss]), loss_name((unsigned)loss),
				loss_words((unsigned)loss));
	if (used)
		add(model, FINDING_LOST_EVENTS, SEVERITY_WARNING,
		    model->lost[LOST_OVERWRITTEN] ? "give the log more room with --log-size; the "
						    "counters are exact all the same"
						  : "the counters are exact all the same",
		    "not in the log: %s", text);
}

static void draw_settings(struct model *model)
{
	uint64_t bad = model->lost[LOST_BAD_SETTING];

	if (bad)
		add(model, FINDING_BAD_SETTING, SEVERITY_NOTE, "see ENVIRONMENT in memshim(1)",
		    "%llu MEMSHIM_ setting%s had a wrong value and was ignored",
		    (unsigned long long)bad, human_s(bad));
	if (model->level == COVERED_CALLS)
		add(model, FINDING_CALLS_ONLY, SEVERITY_NOTE,
		    "the moves that malloc makes are missing; unset MEMSHIM_PATCH if it is 0",
		    "libc's own entries could not be redirected: only calls by name were seen");
}

static void draw_not_followed(struct model *model)
{
	for (uint32_t i = 0; i < model->witness_count && i < 100; i++) {
		const struct witness_facts *w = &model->witnesses[i];

		add(model, FINDING_NOT_FOLLOWED, SEVERITY_WARNING,
		    "what it did to its break and to segments is not in this report",
		    "process %d (%s) was not followed: %s", w->pid, w->exe[0] ? w->exe : "?",
		    w->why)
			->pid = w->pid;
	}
}

static void draw_unseen(struct model *model)
{
	for (uint32_t i = 1; i < model->instance_room; i++) {
		const struct model_process *p = model->by_instance[i];

		if (p && p->gaps)
			add(model, FINDING_UNSEEN_MOVES, SEVERITY_WARNING,
			    "it makes the system call itself, past libc: strace sees such calls",
			    "%s (%d): the break moved at least %llu time%s without a call to libc",
			    model_program_name(&p->facts), p->facts.pid,
			    (unsigned long long)p->gaps, human_s(p->gaps))
				->pid = p->facts.pid;
	}
}

/* ---- processes ---- */

static void draw_mixed(struct model *model, const struct model_process *p)
{
	const struct move_facts *direct = &p->facts.moves[BY_DIRECT];
	const struct move_facts *malloc_moves = &p->facts.moves[BY_MALLOC];

	if (direct->grows + direct->shrinks > 0 && malloc_moves->grows + malloc_moves->shrinks > 0)
		add(model, FINDING_MIXED_BREAK_USERS, SEVERITY_NOTE,
		    "malloc copes, but cannot give memory back across a stranger's piece",
		    "%s (%d): malloc moved the break %llu times and the program itself %llu times",
		    model_program_name(&p->facts), p->facts.pid,
		    (unsigned long long)(malloc_moves->grows + malloc_moves->shrinks),
		    (unsigned long long)(direct->grows + direct->shrinks))
			->pid = p->facts.pid;
}

static void draw_held(struct model *model, const struct model_process *p)
{
	struct finding *finding;

	if (p->facts.state != STATE_EXITED || p->held_at_end == 0)
		return;
	finding = add(model, FINDING_ATTACH_WITHOUT_DETACH, SEVERITY_NOTE,
		      "the kernel detached for it; a program that lives longer would hold on",
		      "%s (%d) exited with %u attachment%s that it never detached",
		      model_program_name(&p->facts), p->facts.pid, p->held_at_end,
		      human_s(p->held_at_end));
	finding->pid = p->facts.pid;
	finding->shmid = p->held_at_end == 1 ? p->held_segment->shmid : -1;
}

static void draw_repeated(struct model *model, const struct model_process *p)
{
	for (uint32_t i = 1; i < p->attached_count && i < 64; i++)
		for (uint32_t k = 0; k < i; k++) {
			struct finding *finding;

			if (p->attached[i].segment != p->attached[k].segment)
				continue;
			finding = add(model, FINDING_REPEATED_ATTACH, SEVERITY_NOTE,
				      "each attachment takes address space; one is enough",
				      "%s (%d) has segment %d attached more than once",
				      model_program_name(&p->facts), p->facts.pid,
				      p->attached[i].segment->shmid);
			finding->pid = p->facts.pid;
			finding->shmid = p->attached[i].segment->shmid;
			return;
		}
}

static void draw_processes(struct model *model)
{
	uint32_t before = model->finding_count;

	for (uint32_t i = 1; i < model->instance_room; i++) {
		const struct model_process *p = model->by_instance[i];

		if (!p || model->finding_count - before > 200)
			continue;
		draw_mixed(model, p);
		draw_held(model, p);
		draw_repeated(model, p);
	}
}

/* ---- segments ---- */

static const char *maker_name(const struct model *model, const struct model_segment *s)
{
	const struct model_process *maker = model_process(model, s->maker);

	return maker ? model_program_name(&maker->facts) : "a program";
}

static void draw_leaked(struct model *model, const struct model_segment *s)
{
	char size[HUMAN_BYTES], advice[96];
	struct finding *finding;

	if (!s->leaked || s->created != CREATED_SURELY)
		return;
	snprintf(advice, sizeof advice,
		 "remove it with 'ipcrm -m %d'; have the program call IPC_RMID", s->shmid);
	finding = add(model, FINDING_LEAKED_SEGMENT, SEVERITY_ERROR, advice,
		      "segment %d (%s), made by %s, is still there and nobody uses it",
		      s->shmid, human_bytes(size, s->size), maker_name(model, s));
	finding->shmid = s->shmid;
}

static void draw_vanished(struct model *model, const struct model_segment *s)
{
	if (s->state == SEGMENT_VANISHED)
		add(model, FINDING_VANISHED_SEGMENT,
		    model->session.state == SESSION_LIVE ? SEVERITY_WARNING : SEVERITY_NOTE,
		    "somebody outside the session removed it, with ipcrm perhaps",
		    "segment %d is gone, and no IPC_RMID was seen", s->shmid)
			->shmid = s->shmid;
}

static void draw_never_attached(struct model *model, const struct model_segment *s)
{
	if (s->created == CREATED_SURELY && s->attaches + s->inherited == 0 &&
	    model->session.state == SESSION_ENDED && model_lost(model) == 0 &&
	    model->witness_count == 0 && !(s->in_kernel && s->kernel.nattch))
		add(model, FINDING_SEGMENT_NEVER_ATTACHED, SEVERITY_NOTE,
		    "if nobody needs it, it need not be made",
		    "segment %d, made by %s, was never attached in this session", s->shmid,
		    maker_name(model, s))
			->shmid = s->shmid;
}

static void draw_world_writable(struct model *model, const struct model_segment *s)
{
	uint32_t mode = s->in_kernel ? s->kernel.mode : s->flags_known ? s->flags : 0;

	if (mode & 0002 && (s->created == CREATED_SURELY || s->in_kernel))
		add(model, FINDING_WORLD_WRITABLE_SEGMENT, SEVERITY_WARNING,
		    "give it a mode such as 0600 in shmget, or change it with IPC_SET",
		    "segment %d, made by %s, may be written by every user (mode %04o)", s->shmid,
		    maker_name(model, s), mode & 0777)
			->shmid = s->shmid;
}

static void draw_removed_by_other(struct model *model, const struct model_segment *s)
{
	const struct model_process *maker = model_process(model, s->maker);
	const struct model_process *remover = model_process(model, s->remover);

	if (s->removed && s->created != CREATED_NOT && maker && remover &&
	    maker->program != remover->program && !maker->facts.placeholder &&
	    !remover->facts.placeholder)
		add(model, FINDING_REMOVED_BY_OTHER, SEVERITY_NOTE,
		    "nothing is wrong if the two agree on it",
		    "segment %d, made by %s, was removed by %s (%d)", s->shmid,
		    maker_name(model, s), model_program_name(&remover->facts), remover->facts.pid)
			->shmid = s->shmid;
}

static void draw_segments(struct model *model)
{
	uint32_t before = model->finding_count;

	for (uint32_t i = 0; i < model->segment_count; i++) {
		const struct model_segment *s = model->segments[i];

		if (model->finding_count - before > 5000)
			return;
		draw_leaked(model, s);
		draw_vanished(model, s);
		draw_world_writable(model, s);
		draw_never_attached(model, s);
		draw_removed_by_other(model, s);
	}
}

/* The gravest first; those of one weight in the order they were drawn. */
static void sort_findings(struct model *model)
{
	for (uint32_t i = 1; i < model->finding_count; i++) {
		struct finding finding = model->findings[i];
		uint32_t k = i;

		for (; k > 0 && model->findings[k - 1].severity > finding.severity; k--)
			model->findings[k] = model->findings[k - 1];
		model->findings[k] = finding;
	}
}

void findings_draw(struct model *model)
{
	struct model_failure *failure, *next;
	uint32_t drawn = 0;

	draw_losses(model);
	draw_not_followed(model);
	draw_unseen(model);
	draw_settings(model);
	draw_segments(model);
	HASH_ITER(hh, model->failures, failure, next) {
		if (drawn++ < 1000)
			draw_failure(model, failure);
	}
	draw_processes(model);
	sort_findings(model);
}
