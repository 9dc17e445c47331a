/* SPDX-License-Identifier: MIT */
/* Findings about segments, and about the processes that have them attached. */
#include <stdio.h>
#include <stdlib.h>

#include "report/model/findings.h"
#include "report/model/findings_removals.h"
#include "report/model/findings_segments.h"
#include "report/model/model.h"
#include "report/util/format.h"

/* ---- attachments of one process ---- */

static void check_held(struct model *model, const struct model_process *p)
{
	struct finding *finding;

	if (p->facts.state != STATE_EXITED || p->held_at_end == 0)
		return;
	finding = findings_add(model, FINDING_ATTACH_WITHOUT_DETACH, SEVERITY_NOTE,
			       "the kernel detached at exit; a program that runs longer must call "
			       "shmdt to let the segment go",
			       "%s (%d) exited with %u attachment%s that it never detached",
			       model_program_name(&p->facts), p->facts.pid, p->held_at_end,
			       format_s(p->held_at_end));
	findings_about(finding, p);
	finding->shmid = p->held_at_end == 1 ? p->held_segment->shmid : -1;
}

/*
 * Notes that the process attached a segment again. An attachment copied by fork does not count: the
 * program did not make it.
 */
static void note_repeated(struct model_process *p, uint32_t which, uint32_t stack)
{
	struct model_segment *segment = p->attached[which].segment;
	uint32_t count = 0;

	if (p->attached[which].inherited)
		return;
	for (uint32_t i = 0; i <= which; i++)
		count += p->attached[i].segment == segment;
	if (count < 2 || count <= p->repeated_count)
		return;
	p->repeated = segment;
	p->repeated_count = count;
	p->repeated_stack = stack;
}

void findings_note_attach(struct model_process *process, const struct event *event)
{
	uint32_t count = process->attached_count;

	if (count > 1 && process->attached[count - 1].address == event->u.shmat.address)
		note_repeated(process, count - 1, event->stack);
}

/* Whether munmap may have ended an attachment that the model counted, at an unknown time. */
static bool is_doubtful(const struct model *model, const struct model_process *p)
{
	for (uint32_t i = 0; i < model->history.past_count; i++)
		if (model->history.past[i].process == p &&
		    model->history.past[i].how == ENDED_UNSEEN &&
		    model->history.past[i].attachment.segment == p->repeated)
			return true;
	return false;
}

static void check_repeated(struct model *model, struct model_process *p)
{
	struct finding *finding;

	if (p->repeated && is_doubtful(model, p))
		p->repeated_count = 0;
	for (uint32_t i = 1; i < p->attached_count && i < 64; i++)
		note_repeated(p, i, 0); /* known by the tables alone */
	if (p->repeated_count == 0)
		return;
	finding = findings_add(model, FINDING_REPEATED_ATTACH, SEVERITY_NOTE,
			       "attach it once: each attachment takes address space",
			       "%s (%d) had segment %d attached %u times at once",
			       model_program_name(&p->facts), p->facts.pid, p->repeated->shmid,
			       p->repeated_count);
	findings_about(finding, p);
	finding->shmid = p->repeated->shmid;
	finding->stack_instance = p->facts.instance;
	finding->stack = p->repeated_stack;
}

void findings_check_attachments(struct model *model, struct model_process *process)
{
	check_held(model, process);
	check_repeated(model, process);
}

/* ---- segments ---- */

const char *findings_creator_name(const struct model *model, const struct model_segment *s)
{
	const struct model_process *creator = model_process(model, s->creator);

	if (!creator)
		return "an unknown program";
	return model_process_label(creator);
}

void findings_about_segment(const struct model *model, struct finding *finding,
			    const struct model_segment *s)
{
	const struct model_process *creator = model_process(model, s->creator);

	finding->shmid = s->shmid;
	finding->object_kind = s->kind;
	finding->bytes = s->kind == SHARED_MEMORY ? s->size : 0;
	if (s->created == CREATED_NOT)
		return;
	if (creator)
		findings_about(finding, creator);
	finding->stack_instance = s->creator;
	finding->stack = s->creator_stack;
}

void findings_about_presence(struct finding *finding, const struct model_segment *s)
{
	finding->removable = s->presence == PRESENCE_HERE;
	finding->cause = finding->removable                ? "exists"
			 : s->presence == PRESENCE_REMOVED ? "removed"
							   : "unknown";
}

/*
 * The command that removes the segment, for the caller to free. Only where the segment is certainly
 * the same: elsewhere, another segment may have the id.
 */
char *findings_removal_advice(const struct model *model, const struct model_segment *s)
{
	static const char *const options[] = {"-m ", "--semid=", "--msqid="};
	static const char *const names[] = {"segment", "set", "queue"};
	char *file = model->file ? format_word(model->file) : NULL, *advice = NULL;
	int length;

	if (s->presence == PRESENCE_HERE)
		length = asprintf(&advice,
				  "'memshim reap --force %s%d%s%s' removes it; have the program "
				  "call IPC_RMID",
				  options[s->kind], s->shmid, file ? " " : "", file ? file : "");
	else if (s->presence == PRESENCE_REMOVED)
		length = asprintf(&advice,
				  "it has since been removed%s; have the program call IPC_RMID",
				  s->reaped ? ", by 'memshim reap'" : "");
	else
		length = asprintf(
			&advice,
			"have the program call IPC_RMID; memshim cannot tell here whether the "
			"%s still exists%s",
			names[s->kind],
			model->session.same_ipc ? ": another one may have its id now"
			: model->session.same_boot
				? ": this may be another IPC namespace"
				: ": this is another machine, or the machine was restarted");
	free(file);
	return length < 0 ? NULL : advice;
}

static void check_leaked(struct model *model, const struct model_segment *s)
{
	char size[FORMAT_BYTES], *advice;
	struct finding *finding;

	if (!s->leaked || s->created != CREATED_SURELY)
		return;
	advice = findings_removal_advice(model, s);
	finding = findings_add(
		model, FINDING_LEAKED_SEGMENT, SEVERITY_ERROR, advice ? advice : "",
		model->session.finished
			? "segment %d (%s), created by %s, still existed when the session ended, "
			  "and no process used it"
			: "segment %d (%s), created by %s, still exists, and no process uses it",
		s->shmid, format_bytes(size, s->size), findings_creator_name(model, s));
	free(advice);
	findings_about_segment(model, finding, s);
	findings_about_presence(finding, s);
}

static void check_orphaned(struct model *model, const struct model_segment *s)
{
	char size[FORMAT_BYTES], *advice;
	struct finding *finding;

	if (!s->orphaned)
		return;
	advice = findings_removal_advice(model, s);
	finding = findings_add(
		model, FINDING_ORPHANED_OBJECT, SEVERITY_WARNING, advice ? advice : "",
		"segment %d (%s), created by %s, which ended, still exists; no process uses it, "
		"and only relatives of its creator run that never used it",
		s->shmid, format_bytes(size, s->size), findings_creator_name(model, s));
	free(advice);
	findings_about_segment(model, finding, s);
	findings_about_presence(finding, s);
}

/* Why it is unknown which process removed a segment; null: no call of the session did. */
static const char *why_remover_unknown(const struct model *model, const struct model_segment *s)
{
	if (model_lost(model) || model->losses.missed || model->losses.in_flight)
		return "the log is incomplete: a call that it lacks may have removed it";
	if (model->processes.unfollowed_count || model->losses.level != COVERED_FULL ||
	    model->losses.unseen_moves)
		return "the shim did not see all calls of the session, and one of them may have "
		       "removed it";
	if (model->session.segment_missing || model->session.state == SESSION_ABANDONED)
		return "the recorder did not see the end of the session";
	if (model->session.finished && !s->was_seen)
		return "the recorder did not check whether the segment was in this IPC namespace";
	return NULL;
}

static bool creator_ended(const struct model *model, const struct model_segment *s)
{
	const struct model_process *creator = model_process(model, s->creator);

	return s->created != CREATED_NOT && creator && !creator->facts.placeholder &&
	       creator->facts.state != STATE_EXEC && !creator->facts.ran_at_end;
}

static const char *vanished_advice(const struct model *model, const struct model_segment *s,
				   char to[160])
{
	const char *why = why_remover_unknown(model, s);

	if (model->session.rmid_forced && creator_ended(model, s))
		return "kernel.shm_rmid_forced is 1: when the creator ends, the kernel removes its "
		       "segments that no process has attached";
	if (!why)
		return "a process outside the session removed it, perhaps ipcrm(1)";
	snprintf(to, 160, "memshim does not know what removed it: %s", why);
	return to;
}

static void check_vanished(struct model *model, const struct model_segment *s)
{
	char advice[160];

	if (s->state == SEGMENT_VANISHED)
		findings_about_segment(
			model,
			findings_add(model, FINDING_VANISHED_SEGMENT,
				     model->session.state == SESSION_LIVE ? SEVERITY_WARNING
									  : SEVERITY_NOTE,
				     vanished_advice(model, s, advice),
				     "segment %d is gone, and memshim saw no IPC_RMID of it",
				     s->shmid),
			s);
}

static void check_never_attached(struct model *model, const struct model_segment *s)
{
	if (s->created == CREATED_SURELY && s->attaches + s->inherited == 0 &&
	    model->session.state == SESSION_ENDED && model_lost(model) == 0 &&
	    model->processes.unfollowed_count == 0 && !(s->in_kernel && s->kernel.nattch))
		findings_about_segment(
			model,
			findings_add(
				model, FINDING_SEGMENT_NEVER_ATTACHED, SEVERITY_NOTE,
				"do not create it if no process needs it",
				"segment %d, created by %s, was never attached in this session",
				s->shmid, findings_creator_name(model, s)),
			s);
}

static void check_world_writable(struct model *model, const struct model_segment *s)
{
	uint32_t mode;
	bool gone = s->state == SEGMENT_DESTROYED || s->state == SEGMENT_VANISHED;

	if (!model_segment_mode(s, &mode) || !(mode & 0002) ||
	    (s->created != CREATED_SURELY && !s->in_kernel))
		return;
	findings_about_segment(
		model,
		findings_add(model, FINDING_WORLD_WRITABLE_SEGMENT, SEVERITY_WARNING,
			     "give it a mode such as 0600 in shmget, or change it with IPC_SET",
			     "every user %s write to segment %d, created by %s%s (mode %04o)",
			     gone ? "could" : "can", s->shmid, findings_creator_name(model, s),
			     gone ? ", while it existed" : "", mode),
		s);
}

void findings_check_segments(struct model *model)
{
	for (uint32_t i = 0; i < model->segments.count; i++) {
		const struct model_segment *s = model->segments.rows[i];

		check_leaked(model, s);
		check_orphaned(model, s);
		check_vanished(model, s);
		check_world_writable(model, s);
		check_never_attached(model, s);
		findings_check_removal(model, s);
	}
}
