/* SPDX-License-Identifier: MIT */
/*
 * Findings. A finding is added only where it is certain. What a correct program may do too is a
 * note, and --error-exitcode ignores notes.
 */
#include "report/model/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/failures.h"
#include "report/model/findings_heap.h"
#include "report/model/findings_mapped.h"
#include "report/model/findings_objects.h"
#include "report/model/findings_segments.h"
#include "report/model/kernel_snapshots.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define FINDINGS_MAX (1u << 16) /* a damaged file may cause more */

static const char *const names[FINDING_COUNT] = {
#define FINDING(id, name, meaning) [FINDING_##id] = #name,
#include "report/model/findings.def"
#undef FINDING
};

const char *model_finding_name(enum finding_kind kind)
{
	return kind < FINDING_COUNT ? names[kind] : "unknown";
}

int model_finding_kind(const char *name)
{
	for (int kind = 0; kind < FINDING_COUNT; kind++)
		if (strcmp(names[kind], name) == 0)
			return kind;
	return -1;
}

uint32_t model_attention(const struct model *model)
{
	uint32_t count = model->findings.omitted_count;

	for (uint32_t i = 0; i < model->findings.count; i++)
		count += model->findings.rows[i].severity != SEVERITY_NOTE;
	return count;
}

__attribute__((format(printf, 1, 0))) static char *finding_format(const char *words, va_list args)
{
	char *text = NULL;

	return vasprintf(&text, words, args) < 0 ? NULL : text;
}

struct finding *findings_add(struct model *model, enum finding_kind kind, enum severity severity,
			     const char *advice, const char *words, ...)
{
	static struct finding nowhere;
	struct finding *finding;
	va_list args;

	free(nowhere.headline);
	nowhere = (struct finding){.shmid = -1};
	if (model->findings.count >= FINDINGS_MAX) {
		model->findings.omitted_count++;
		return &nowhere;
	}
	if (!MODEL_RESERVE(model, model->findings.rows, model->findings.capacity,
			   model->findings.count + 1))
		return &nowhere;
	finding = &model->findings.rows[model->findings.count++];
	*finding = (struct finding){.kind = kind, .severity = severity, .shmid = -1, .count = 1};
	va_start(args, words);
	finding->text = finding_format(words, args);
	va_end(args);
	finding->advice = strdup(advice);
	model->no_memory |= !finding->text || !finding->advice;
	return finding;
}

void finding_add_id(struct finding *finding, int32_t id)
{
	for (uint32_t i = 0; i < finding->id_count; i++)
		if (finding->ids[i] == id)
			return;
	if (finding->id_count < FINDING_IDS)
		finding->ids[finding->id_count++] = id;
}

void finding_name(struct model *model, struct finding *finding, const char *headline)
{
	free(finding->headline);
	finding->headline = strdup(headline);
	model->no_memory |= !finding->headline;
}

void finding_free(struct finding *finding)
{
	free(finding->headline);
	free(finding->why);
	free(finding->text);
	free(finding->advice);
}

/* The kernel detaches at exit, and malloc shares the break with sbrk: both are sound. */
bool finding_is_routine(const struct finding *finding)
{
	return finding->severity == SEVERITY_NOTE &&
	       (finding->kind == FINDING_ATTACH_WITHOUT_DETACH ||
		finding->kind == FINDING_WAITS_LONG || finding->kind == FINDING_MIXED_BREAK_USERS);
}

uint32_t findings_without_routine(const struct model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->findings.count; i++)
		count += !finding_is_routine(&model->findings.rows[i]);
	return count;
}

void findings_about(struct finding *finding, const struct model_process *process)
{
	finding->instance = process->facts.instance;
	finding->pid = process->facts.pid;
	finding->program[0] = model_program(&process->facts);
}

/* Names the process, and the call stack of one of the moves. */
static void about_move(struct finding *finding, const struct model_process *process, uint32_t stack)
{
	findings_about(finding, process);
	finding->stack_instance = process->facts.instance;
	finding->stack = stack;
}

/* ---- what is missing ---- */

/* Without the recorder, the options of `record` do not help. */
static const char *loss_advice(const struct model *model)
{
	if (!model->losses.lost[LOST_OVERWRITTEN])
		return "the counters are still exact";
	return model->session.recorded
		       ? "enlarge the log with record --log-size; the counters are still exact"
		       : "set MEMSHIM_LOG_SIZE before the session begins, or use memshim record, "
			 "which empties the log; the counters are still exact";
}

static void check_losses(struct model *model)
{
	char text[1024] = "", count[FORMAT_BYTES];
	size_t used = 0;

	for (int loss = 0; loss < LOST_COUNT; loss++)
		if (model->losses.lost[loss] && loss != LOST_BAD_SETTING &&
		    loss != LOST_NOT_REDIRECTED && used < sizeof text)
			used += (size_t)snprintf(
				text + used, sizeof text - used, "%s%s %s (%s)", used ? "; " : "",
				format_count(count, model->losses.lost[loss]),
				loss_name((unsigned)loss), loss_words((unsigned)loss));
	if (used)
		findings_add(model, FINDING_LOST_EVENTS, SEVERITY_WARNING, loss_advice(model),
			     "the log is incomplete: %s", text);
}

static void check_settings(struct model *model)
{
	uint64_t bad = model->losses.lost[LOST_BAD_SETTING];

	if (bad)
		findings_add(model, FINDING_BAD_SETTING, SEVERITY_NOTE,
			     "see ENVIRONMENT in memshim(1)",
			     "%llu MEMSHIM_ setting%s had a wrong value, and the shim ignored %s",
			     (unsigned long long)bad, format_s(bad), bad == 1 ? "it" : "them");
	if (model->losses.level == COVERED_CALLS && !model->session.segment_missing)
		findings_add(
			model, FINDING_CALLS_ONLY, SEVERITY_NOTE,
			"the moves of the break by malloc are missing; unset MEMSHIM_PATCH if it "
			"is 0",
			"the shim could not redirect libc's own calls: it saw only calls by name");
}

void unfollowed_advice(const struct unfollowed_facts *process, char *text, size_t bytes)
{
	char number[16];

	snprintf(number, sizeof number, "%u", process->other_uid);
	snprintf(text, bytes,
		 "the session's segment is closed to user %s: record its programs with "
		 "'runuser -u %s -- memshim record ...'",
		 process->other_user[0] ? process->other_user : number,
		 process->other_user[0] ? process->other_user : "USER");
}

static void check_not_followed(struct model *model)
{
	char closed[UNFOLLOWED_ADVICE_BYTES];

	for (uint32_t i = 0; i < model->processes.unfollowed_count; i++) {
		const struct unfollowed_facts *w = &model->processes.unfollowed[i];
		const char *advice =
			"this report does not contain its break moves and its calls on segments";
		struct finding *finding;

		if (w->other_uid) {
			unfollowed_advice(w, closed, sizeof closed);
			advice = closed;
		}
		finding = findings_add(model, FINDING_NOT_FOLLOWED, SEVERITY_WARNING, advice,
				       "process %d (%s) was not followed: %s", w->pid,
				       w->exe[0] ? w->exe : "?", w->why);
		finding->pid = w->pid;
		finding->program[0] = w->exe;
		finding->cause = w->why;
	}
}

/*
 * Gaps between events are certain. If only the kernel's maps show a difference, the program may
 * have mapped memory directly at the break: the maps do not separate it from the heap.
 */
static const char *unseen_advice(const struct model_process *p)
{
	if (p->gaps > 1 || !p->break_differs)
		return "the program calls brk(2) without libc; strace shows such calls";
	return "the program calls brk(2) without libc (strace shows such calls), or has memory "
	       "mapped directly at the break, which looks the same";
}

static void finding_check_unseen(struct model *model)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *p = model->processes.by_instance[i];

		if (p && p->gaps)
			findings_about(findings_add(model, FINDING_UNSEEN_MOVES, SEVERITY_WARNING,
						    unseen_advice(p),
						    "%s (%d): the break moved at least %llu time%s "
						    "without a call to libc",
						    model_program_name(&p->facts), p->facts.pid,
						    (unsigned long long)p->gaps, format_s(p->gaps)),
				       p);
	}
}

/* ---- processes ---- */

static void check_mixed(struct model *model, const struct model_process *p)
{
	const struct move_facts *direct = &p->facts.moves[BY_DIRECT];
	const struct move_facts *malloc_moves = &p->facts.moves[BY_MALLOC];
	uint64_t own = direct->grows + direct->shrinks;
	uint64_t of_malloc = malloc_moves->grows + malloc_moves->shrinks;

	if (own == 0 || of_malloc == 0)
		return;
	about_move(
		findings_add(model, FINDING_MIXED_BREAK_USERS, SEVERITY_NOTE,
			     "malloc still works, but cannot give back memory below a piece that "
			     "the program took itself",
			     "%s (%d): malloc moved the break %llu time%s and the program itself "
			     "%llu time%s",
			     model_program_name(&p->facts), p->facts.pid,
			     (unsigned long long)of_malloc, format_s(of_malloc),
			     (unsigned long long)own, format_s(own)),
		p, p->direct_stack);
}

#define NARROW_BYTES (1u << 20) /* headroom that one larger malloc uses up */

static void check_blocked(struct model *model, const struct model_process *p)
{
	static const char advice[] = "pass no address to shmat: the kernel then chooses a place "
				     "that does not block the break";
	char capacity[FORMAT_BYTES];
	struct finding *finding;

	if (p->blocked_by) {
		finding = findings_add(model, FINDING_BREAK_BLOCKED, SEVERITY_WARNING, advice,
				       "%s (%d): segment %d, attached %s above the break, blocked "
				       "a move of the break",
				       model_program_name(&p->facts), p->facts.pid,
				       p->blocked_by->shmid,
				       format_bytes(capacity, p->blocked_room_bytes));
		finding->shmid = p->blocked_by->shmid;
		finding->stack_instance = p->facts.instance;
		finding->stack = p->blocked_stack;
	} else if (p->headroom_known && p->headroom_bytes < NARROW_BYTES) {
		finding = findings_add(model, FINDING_BREAK_BLOCKED, SEVERITY_NOTE,
				       "malloc will use mmap instead; brk and sbrk will fail",
				       "%s (%d): the next mapping is %s above the break",
				       model_program_name(&p->facts), p->facts.pid,
				       format_bytes(capacity, p->headroom_bytes));
	} else {
		return;
	}
	findings_about(finding, p);
}

static void check_processes(struct model *model)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		struct model_process *p = model->processes.by_instance[i];

		if (!p)
			continue;
		check_mixed(model, p);
		check_blocked(model, p);
		findings_check_heap(model, p);
		findings_check_mapped(model, p);
		findings_check_attachments(model, p);
	}
}

/* By severity, then in the order in which they were added. */
static void sort_findings(struct model *model)
{
	struct finding *sorted = malloc((model->findings.count + 1) * sizeof *sorted);
	uint32_t count = 0;

	if (!sorted) {
		model->no_memory = true;
		return;
	}
	for (int severity = SEVERITY_ERROR; severity <= SEVERITY_NOTE; severity++)
		for (uint32_t i = 0; i < model->findings.count; i++)
			if (model->findings.rows[i].severity == (enum severity)severity)
				sorted[count++] = model->findings.rows[i];
	free(model->findings.rows);
	model->findings.rows = sorted;
	model->findings.capacity = model->findings.count + 1;
}

void findings_check(struct model *model)
{
	check_losses(model);
	check_not_followed(model);
	finding_check_unseen(model);
	check_settings(model);
	findings_check_segments(model);
	findings_check_objects(model);
	findings_check_waits(model);
	findings_check_failures(model);
	findings_check_walls(model);
	check_processes(model);
	sort_findings(model);
}
